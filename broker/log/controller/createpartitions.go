package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// CreatePartitions asks for topics to have more partitions. Each gets them or is refused
// by itself.
type CreatePartitions struct{ *kmsg.CreatePartitionsRequest }

func (cmd CreatePartitions) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrCreatePartitionsResponse()
	resp.Topics = []kmsg.CreatePartitionsResponseTopic{}
	times := make(map[string]int)
	for i := range cmd.Topics {
		times[cmd.Topics[i].Topic]++
	}
	var records []Record
	for i := range cmd.Topics {
		want := &cmd.Topics[i]
		n := times[want.Topic]
		if n == 0 {
			continue // already answered
		}
		answer := kmsg.NewCreatePartitionsResponseTopic()
		answer.Topic = want.Topic
		var created []Record
		var err *refusal
		if n > 1 {
			times[want.Topic] = 0
			err = refuse(wire.InvalidRequest, "Duplicate topic name.")
		} else {
			created, err = c.createPartitions(want, int64(len(records)))
		}
		if err == nil && len(records)+len(created) > MaxNewPartitions {
			err = errTooMany
		}
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, err.said()
		} else {
			records = append(records, created...)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	if cmd.ValidateOnly {
		records = nil
	}
	return records, Response{Body: resp}
}

// createPartitions returns the records of the new partitions of one topic; the first
// comes at offset next plus after.
func (c *Controller) createPartitions(want *kmsg.CreatePartitionsRequestTopic, after int64) ([]Record, *refusal) {
	t := c.image.Topics[want.Topic]
	if t == nil {
		return nil, &refusal{code: wire.UnknownTopicOrPartition}
	}
	have, wants := len(t.Partitions), int(want.Count)
	switch {
	case have == 0: // in a log that no controller has written
		return nil, refuse(wire.InvalidPartitions, "Topic %s has no partition.", t.Name)
	case wants == have:
		return nil, refuse(wire.InvalidPartitions, "Topic already has %d partition(s).", have)
	case wants < have:
		return nil, refuse(wire.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, have, wants)
	case wants-have > MaxNewPartitions:
		return nil, errTooMany
	}
	// As the first will have when it is not being moved any more; Kafka counts those that
	// leave, too.
	factor := len(minus(t.Partitions[0].Replicas, t.Partitions[0].Removing))
	assignment, err := c.moreReplicas(want, have, wants-have, factor, after)
	if err != nil {
		return nil, err
	}
	var records []Record
	for i, replicas := range assignment {
		isr := slices.DeleteFunc(slices.Clone(replicas), func(id int32) bool { return !c.image.Alive(id) })
		records = append(records, Partition{TopicID: t.ID, Partition: int32(have + i), Replicas: replicas, ISR: isr, Leader: isr[0]})
	}
	return records, nil
}

// moreReplicas is the assignment of more partitions: what the request spells out, or as
// they are placed.
func (c *Controller) moreReplicas(want *kmsg.CreatePartitionsRequestTopic, have, more, factor int, after int64) (assignment [][]int32, err *refusal) {
	if want.Assignment == nil {
		p := c.placer(c.next() + after)
		if err := p.enough(factor); err != nil {
			return nil, err
		}
		for i := range more {
			assignment = append(assignment, p.place(have+i, factor))
		}
		return assignment, nil
	}
	if len(want.Assignment) != more {
		return nil, refuse(wire.InvalidReplicaAssignment,
			"Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", more, len(want.Assignment))
	}
	for i := range want.Assignment {
		replicas := slices.Clone(want.Assignment[i].Replicas)
		if err := c.checkAssignment(replicas, factor); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(replicas, c.image.Alive) {
			return nil, refuse(wire.InvalidReplicaAssignment,
				"All brokers specified in the manual partition assignment for partition %d are fenced or in controlled shutdown.", have+i)
		}
		assignment = append(assignment, replicas)
	}
	return assignment, nil
}
