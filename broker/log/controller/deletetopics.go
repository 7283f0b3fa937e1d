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
	list := DeleteTopicsOf(cmd.DeleteTopicsRequest)
	// What is named twice is not deleted, and refused once.
	times := make(map[string]int)
	named := make(map[TopicID]int)
	for i := range list {
		times[topicKey(&list[i])]++
		if t, err := c.deletable(&list[i]); err == nil {
			named[t.ID]++
		}
	}
	for i := range list {
		want := &list[i]
		n := times[topicKey(want)]
		if n == 0 {
			continue // already answered
		}
		answer := kmsg.NewDeleteTopicsResponseTopic()
		answer.Topic, answer.TopicID = want.Topic, want.TopicID
		t, err := c.deletable(want)
		switch {
		case n > 1 && want.Topic != nil:
			err = refuse(wire.InvalidRequest, "Duplicate topic name.")
		case n > 1:
			err = refuse(wire.InvalidRequest, "Duplicate topic id.")
		case err == nil && named[t.ID] > 1 && want.Topic == nil:
			continue // its name answers
		case err == nil && named[t.ID] > 1:
			answer.TopicID = t.ID
			err = refuse(wire.InvalidRequest, "The provided topic name maps to an ID that was already supplied.")
		}
		times[topicKey(want)] = 0
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		} else {
			answer.Topic, answer.TopicID = &t.Name, t.ID
			records = append(records, RemoveTopic{t.ID})
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return records, Response{Body: resp}
}

// topicKey is what a topic is called in a request.
func topicKey(t *kmsg.DeleteTopicsRequestTopic) string {
	if t.Topic != nil {
		return "name " + *t.Topic
	}
	return string(t.TopicID[:])
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
