package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// AlterPartition is a leader's wish to change the ISRs of partitions that it
// leads (KIP-497). Topics are named by id, as since version 2.
type AlterPartition struct{ *kmsg.AlterPartitionRequest }

func (cmd AlterPartition) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrAlterPartitionResponse()
	resp.Topics = []kmsg.AlterPartitionResponseTopic{}
	if code := c.checkBrokerEpoch(cmd.BrokerID, cmd.BrokerEpoch); code != 0 {
		resp.ErrorCode = code
		return nil, Response{Body: resp}
	}
	type key struct {
		topic     TopicID
		partition int32
	}
	asked := make(map[key]bool)
	var records []Record
	for i := range cmd.Topics {
		t := &cmd.Topics[i]
		answer := kmsg.NewAlterPartitionResponseTopic()
		answer.TopidID = t.TopicID
		answer.Partitions = make([]kmsg.AlterPartitionResponseTopicPartition, 0, len(t.Partitions))
		for j := range t.Partitions {
			want := &t.Partitions[j]
			a := kmsg.NewAlterPartitionResponseTopicPartition()
			a.Partition, a.ISR = want.Partition, []int32{}
			// What is asked about one partition twice was not written by a
			// leader: the second cannot know what became of the first.
			if k := (key{t.TopicID, want.Partition}); asked[k] {
				a.ErrorCode = wire.InvalidRequest
			} else {
				asked[k] = true
				records = c.alterPartition(records, cmd.BrokerID, t.TopicID, want, &a)
			}
			answer.Partitions = append(answer.Partitions, a)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return records, Response{Body: resp}
}

func (c *Controller) alterPartition(
	records []Record, from int32, topic TopicID, want *kmsg.AlterPartitionRequestTopicPartition, a *kmsg.AlterPartitionResponseTopicPartition,
) []Record {
	t := c.image.ByID[topic]
	if t == nil {
		a.ErrorCode = wire.UnknownTopicID
		return records
	}
	p := c.image.Partition(t.Name, want.Partition)
	if p == nil {
		a.ErrorCode = wire.UnknownTopicOrPartition
		return records
	}
	isr := wantedISR(want)
	if a.ErrorCode = c.checkAlterPartition(from, p, want, isr); a.ErrorCode != 0 {
		return records
	}
	change := PartitionChange{
		TopicID: topic, Partition: p.Partition, Leader: NoLeaderChange, Recovery: Recovery(want.LeaderRecoveryState),
	}
	for _, r := range isr {
		change.ISR = append(change.ISR, r.BrokerID)
	}
	after := *p
	// One that changes nothing is the repetition of a request whose answer was
	// lost, and not worth an epoch.
	if !slices.Equal(change.ISR, p.ISR) || change.Recovery != p.Recovery {
		c.completeReassignment(p, &change)
		after = p.merge(change)
		records = append(records, change)
	}
	// The last of those that a reassignment adds may have come, and the leader be one of
	// those that it removes. It must wait for the metadata.
	if after.Leader != from {
		a.ErrorCode = wire.NewLeaderElected
		return records
	}
	a.LeaderID, a.LeaderEpoch, a.PartitionEpoch = after.Leader, after.LeaderEpoch, after.PartitionEpoch
	a.ISR, a.LeaderRecoveryState = after.ISR, int8(after.Recovery)
	return records
}

// wantedISR is the ISR that is asked for, with broker epochs where the version
// of the request has them (KIP-903), else with -1.
func wantedISR(want *kmsg.AlterPartitionRequestTopicPartition) []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR {
	if len(want.NewEpochISR) > 0 {
		return want.NewEpochISR
	}
	var isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR
	for _, id := range want.NewISR {
		r := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		r.BrokerID = id
		isr = append(isr, r)
	}
	return isr
}

// checkAlterPartition is 0 if the change may be made, and else the error that it
// deserves, in Kafka's order.
func (c *Controller) checkAlterPartition(
	from int32, p *PartitionInfo, want *kmsg.AlterPartitionRequestTopicPartition, isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR,
) int16 {
	switch {
	case want.LeaderEpoch > p.LeaderEpoch || want.PartitionEpoch > p.PartitionEpoch:
		return wire.NotController // a later controller has told it of more than we know
	case want.LeaderEpoch < p.LeaderEpoch:
		return wire.FencedLeaderEpoch
	case from != p.Leader:
		return wire.InvalidRequest
	case want.PartitionEpoch < p.PartitionEpoch:
		return wire.InvalidUpdateVersion
	}
	for i, r := range isr {
		same := func(x kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool { return x.BrokerID == r.BrokerID }
		if !slices.Contains(p.Replicas, r.BrokerID) || slices.ContainsFunc(isr[:i], same) {
			return wire.InvalidRequest
		}
	}
	leads := func(x kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool { return x.BrokerID == p.Leader }
	recovery := Recovery(want.LeaderRecoveryState)
	switch {
	case !slices.ContainsFunc(isr, leads):
		return wire.InvalidRequest
	case recovery != Recovered && recovery != Recovering:
		return wire.InvalidRequest
	case recovery == Recovering && (len(isr) > 1 || p.Recovery == Recovered):
		return wire.InvalidRequest
	}
	for _, r := range isr {
		// A fenced broker, or one that has started again since the leader heard
		// of it, may lack what the leader believes it to have (KIP-841, KIP-903).
		b := c.image.Brokers[r.BrokerID]
		if b == nil || r.BrokerEpoch != -1 && r.BrokerEpoch != b.Epoch {
			return wire.IneligibleReplica
		}
		if !b.Alive() && !c.settings.Failpoints.On(failpoint.R16FencedInSync, uint64(b.ID)) {
			return wire.IneligibleReplica
		}
	}
	return 0
}
