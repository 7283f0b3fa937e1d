package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// DeleteTopics asks for topics to be deleted, by name or by id. Each is deleted or
// refused by itself.
type DeleteTopics struct{ *kmsg.DeleteTopicsRequest }

func (cmd DeleteTopics) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Topics = []kmsg.DeleteTopicsResponseTopic{}
	var records []Record
	deleted := make(map[TopicID]bool)
	for _, want := range DeleteTopicsOf(cmd.DeleteTopicsRequest) {
		answer := kmsg.NewDeleteTopicsResponseTopic()
		answer.Topic, answer.TopicID = want.Topic, want.TopicID
		t, err := c.deletable(&want)
		if err == nil && deleted[t.ID] {
			err = refuse(wire.InvalidRequest, "The provided topic name maps to an ID that was already supplied.")
		}
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		} else {
			deleted[t.ID] = true
			answer.Topic, answer.TopicID = &t.Name, t.ID
			records = append(records, RemoveTopic{t.ID})
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return records, Response{Body: resp}
}

// deletable is the topic that is to be deleted.
func (c *Controller) deletable(want *kmsg.DeleteTopicsRequestTopic) (*TopicInfo, *refusal) {
	switch {
	case want.Topic != nil && want.TopicID != TopicID{}:
		return nil, refuse(wire.InvalidRequest, "You may not specify both topic name and topic id.")
	case want.Topic != nil:
		if t := c.image.Topics[*want.Topic]; t != nil {
			return t, nil
		}
		return nil, refuse(wire.UnknownTopicOrPartition, "This server does not host this topic-partition.")
	case want.TopicID == TopicID{}:
		return nil, refuse(wire.InvalidRequest, "Neither topic name nor id were specified.")
	}
	if t := c.image.ByID[want.TopicID]; t != nil {
		return t, nil
	}
	return nil, refuse(wire.UnknownTopicID, "This server does not host this topic ID.")
}

// DeleteTopicsOf are the topics that a request of any version names.
func DeleteTopicsOf(req *kmsg.DeleteTopicsRequest) []kmsg.DeleteTopicsRequestTopic {
	list := req.Topics
	for i := range req.TopicNames {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &req.TopicNames[i]
		list = append(list, t)
	}
	return list
}
