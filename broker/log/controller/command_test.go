package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// controllerOf is a controller that has replayed records.
func controllerOf(t *testing.T, records ...Record) *Controller {
	t.Helper()
	c := New(settings(false))
	for i, r := range records {
		if _, err := c.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestAlterPartitionTwice(t *testing.T) {
	c := controllerOf(t,
		RegisterBroker{ID: 1, Epoch: 0, Host: "b1"}, RegisterBroker{ID: 2, Epoch: 1, Host: "b2"},
		Topic{"orders", TopicID{1}}, Partition{TopicID: TopicID{1}, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 1})
	want := kmsg.NewAlterPartitionRequestTopicPartition()
	want.NewISR = []int32{1}
	topic := kmsg.NewAlterPartitionRequestTopic()
	topic.TopicID = TopicID{1}
	topic.Partitions = []kmsg.AlterPartitionRequestTopicPartition{want, want}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.BrokerID, req.BrokerEpoch = 1, 0
	req.Topics = append(req.Topics, topic)
	records, resp := c.Decide(machine.Now{}, AlterPartition{req})
	answers := resp.Body.(*kmsg.AlterPartitionResponse).Topics[0].Partitions
	if len(records) != 1 || answers[0].ErrorCode != 0 || answers[1].ErrorCode != wire.InvalidRequest {
		t.Errorf("%d records, answers %+v", len(records), answers)
	}
}

// The limit on new partitions is that of a request, not of a topic.
func TestTooManyPartitions(t *testing.T) {
	c := controllerOf(t, RegisterBroker{ID: 1, Host: "b1"})
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, n := range []int32{6000, 4001, 4000} {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = fmt.Sprint("t", n), n, 1
		req.Topics = append(req.Topics, topic)
	}
	records, resp := c.Decide(machine.Now{}, CreateTopics{req})
	var codes []int16
	for _, a := range resp.Body.(*kmsg.CreateTopicsResponse).Topics {
		codes = append(codes, a.ErrorCode)
	}
	if codes[0] != 0 || codes[1] != wire.PolicyViolation || codes[2] != 0 || len(records) != 10_002 {
		t.Errorf("codes %d, %d records", codes, len(records))
	}
}

// What no controller writes is refused and changes nothing.
func TestReplayRefuses(t *testing.T) {
	good := []Record{
		RegisterBroker{ID: 1, Epoch: 0, Host: "b1"}, Topic{"orders", TopicID{1}},
		Partition{TopicID: TopicID{1}, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 1}, ProducerIDs{Next: 1000},
	}
	for _, c := range []struct {
		offset int64
		r      Record
		why    string
	}{
		{3, FenceBroker{1, 0}, "after the one at 3"},
		{9, FenceBroker{2, 0}, "not registered"},
		{9, UnfenceBroker{1, 7}, "epoch 0, not 7"},
		{9, Topic{"orders", TopicID{2}}, "exists"},
		{9, Topic{"other", TopicID{1}}, "that of"},
		{9, Partition{TopicID: TopicID{3}, Replicas: []int32{1}, ISR: []int32{1}}, "unknown topic"},
		{9, Partition{TopicID: TopicID{1}, Partition: 2, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}, "follows 1 others"},
		{9, Partition{TopicID: TopicID{1}, Partition: 1, ISR: []int32{1}, Leader: 1}, "replicas []"},
		{9, Partition{TopicID: TopicID{1}, Partition: 1, Replicas: []int32{1, 1}, ISR: []int32{1}, Leader: 1}, "replicas [1 1]"},
		{9, Partition{TopicID: TopicID{1}, Partition: 1, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1, LeaderEpoch: -1}, "leader epoch -1"},
		{9, PartitionChange{TopicID: TopicID{1}, Partition: 1, Leader: NoLeader}, "unknown partition 1"},
		{9, PartitionChange{TopicID: TopicID{1}, ISR: []int32{}, Leader: NoLeaderChange}, "ISR []"},
		{9, PartitionChange{TopicID: TopicID{1}, ISR: []int32{1, 3}, Leader: NoLeaderChange}, "ISR [1 3]"},
		{9, PartitionChange{TopicID: TopicID{1}, ISR: []int32{2}, Leader: NoLeaderChange}, "leader 1 is not in the ISR"},
		{9, PartitionChange{TopicID: TopicID{1}, Leader: 3}, "leader 3 is not in the ISR"},
		{9, ProducerIDs{Next: 999}, "below 1000"},
		{9, Config{"nowhere", "a", "b"}, "unknown topic"},
		{9, RemoveConfig{"nowhere", "a"}, "unknown topic"},
		{9, RemoveTopic{TopicID{2}}, "unknown topic id"},
	} {
		im := controllerOf(t, good...).Image()
		before := im.String()
		_, err := im.Replay(c.offset, c.r)
		if err == nil || !strings.Contains(err.Error(), c.why) || im.String() != before {
			t.Errorf("%#v: %v, want %q; image\n%s", c.r, err, c.why, im)
		}
	}
	im := controllerOf(t, good...).Image()
	if im.Skip(3) == nil || im.Skip(4) != nil || im.Offset != 4 {
		t.Errorf("after skipping offset 4 the image is at %d", im.Offset)
	}
}
