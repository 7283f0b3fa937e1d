package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// AlterPartitionReassignments asks for partitions to be held by other brokers, or for that
// to be called off (KIP-455).
//
// A reassignment first adds the new replicas to the old ones; when all of those that are new
// are in sync, the ones that are not wanted any more leave together. Until then it may be
// called off, or another may take its place: of the replicas from before the first, as KIP-455
// has it. Kafka with KRaft takes those that are there by then, so that it may keep for good
// what was never wanted, and does not wait for who was being added already.
type AlterPartitionReassignments struct {
	*kmsg.AlterPartitionAssignmentsRequest
}

func (cmd AlterPartitionReassignments) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.Topics = []kmsg.AlterPartitionAssignmentsResponseTopic{}
	seen := make(map[partitionKey]bool)
	var records []Record
	for i := range cmd.Topics {
		want := &cmd.Topics[i]
		t := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		t.Topic, t.Partitions = want.Topic, []kmsg.AlterPartitionAssignmentsResponseTopicPartition{}
		for j := range want.Partitions {
			x := &want.Partitions[j]
			answer := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			answer.Partition = x.Partition
			key := partitionKey{want.Topic, x.Partition}
			var change *PartitionChange
			err := refuse(wire.InvalidRequest, "Partition %s-%d is named twice.", want.Topic, x.Partition)
			if !seen[key] {
				seen[key] = true
				change, err = c.reassign(want.Topic, x)
			}
			if err != nil {
				answer.ErrorCode, answer.ErrorMessage = err.code, err.said()
			} else if change != nil {
				records = append(records, *change)
			}
			t.Partitions = append(t.Partitions, answer)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return records, Response{Body: resp}
}

// reassign is the change with which a reassignment begins or is called off; nil if all is
// already as it should be.
func (c *Controller) reassign(topic string, want *kmsg.AlterPartitionAssignmentsRequestTopicPartition) (*PartitionChange, *refusal) {
	if c.image.Topics[topic] == nil {
		return nil, refuse(wire.UnknownTopicOrPartition, "Unable to find a topic named %s.", topic)
	}
	p := c.image.Partition(topic, want.Partition)
	switch {
	case p == nil:
		return nil, refuse(wire.UnknownTopicOrPartition, "Unable to find partition %s:%d.", topic, want.Partition)
	case want.Replicas == nil:
		return c.cancelReassignment(p)
	}
	if err := c.checkTarget(want.Replicas); err != nil {
		return nil, err
	}
	change := PartitionChange{TopicID: p.TopicID, Partition: p.Partition, Leader: NoLeaderChange, Recovery: p.Recovery}
	// What an earlier reassignment was about to add, and this one does not want, leaves at
	// once, unless nobody else is in sync.
	origin, unwanted := minus(p.Replicas, p.Adding), minus(p.Adding, want.Replicas)
	switch isr := minus(p.ISR, unwanted); {
	case len(isr) == 0:
		origin = append(origin, unwanted...)
	case len(isr) < len(p.ISR):
		change.ISR = isr
	}
	change.Adding, change.Removing = minus(want.Replicas, origin), minus(origin, want.Replicas)
	change.Replicas = slices.Concat(want.Replicas, change.Removing)
	if !c.completeReassignment(p, &change) {
		c.leave(p, &change)
	}
	c.leadUncleanly(p, &change)
	if slices.Equal(change.Replicas, p.Replicas) && slices.Equal(change.Adding, p.Adding) && slices.Equal(change.Removing, p.Removing) {
		return nil, nil
	}
	return &change, nil
}

// checkTarget is why a partition may not be held by these brokers. Those that are fenced
// may come back.
func (c *Controller) checkTarget(replicas []int32) *refusal {
	return c.checkAssignment(replicas, len(replicas))
}

// cancelReassignment is the change with which what was added leaves again, and nobody is
// removed (PartitionReassignmentRevert).
func (c *Controller) cancelReassignment(p *PartitionInfo) (*PartitionChange, *refusal) {
	if !p.Reassigning() {
		return nil, refuse(wire.NoReassignmentInProgress, "No partition reassignment is in progress.")
	}
	change := &PartitionChange{
		TopicID: p.TopicID, Partition: p.Partition, Leader: NoLeaderChange, Recovery: p.Recovery,
		Replicas: minus(p.Replicas, p.Adding), ISR: minus(p.ISR, p.Adding),
	}
	unclean := len(change.ISR) == 0 // all that is in sync is new
	if unclean {
		if !c.uncleanElection(p.Topic) {
			return nil, refuse(wire.InvalidReplicaAssignment,
				"Unable to revert partition assignment for %s:%d because it would require an unclean leader election.", p.Topic, p.Partition)
		}
		leader := first(change.Replicas, c.image.Alive)
		if leader == NoLeader {
			leader = change.Replicas[0]
		}
		change.ISR, change.Recovery = []int32{leader}, Recovering
	}
	c.leave(p, change)
	return change, nil
}

// completeReassignment has a change complete the reassignment that is under way after it, if
// all that is added is in sync and somebody stays (PartitionReassignmentReplicas).
func (c *Controller) completeReassignment(p *PartitionInfo, change *PartitionChange) (completed bool) {
	after := p.merge(*change)
	isr := minus(after.ISR, after.Removing)
	if !after.Reassigning() || len(isr) == 0 {
		return false
	}
	if !containsAll(isr, after.Adding) && !(c.settings.Failpoints.On(failpoint.R22OneIsEnough, uint64(after.PartitionEpoch)) &&
		slices.ContainsFunc(after.Adding, func(id int32) bool { return slices.Contains(isr, id) })) {
		return false
	}
	change.Replicas, change.Adding, change.Removing = minus(after.Replicas, after.Removing), nil, nil
	if change.ISR = isr; slices.Equal(isr, p.ISR) {
		change.ISR = nil
	}
	c.leave(p, change)
	return true
}

// leave has a change that takes replicas away begin a leader epoch, so that they cannot
// speak for the partition any more, and has another lead if the leader is one of them.
func (c *Controller) leave(p *PartitionInfo, change *PartitionChange) {
	if containsAll(change.Replicas, p.Replicas) {
		return
	}
	isr := p.ISR
	if change.ISR != nil {
		isr = change.ISR
	}
	inSync := func(id int32) bool { return slices.Contains(isr, id) && c.image.Alive(id) }
	if change.Leader = p.Leader; !inSync(p.Leader) {
		change.Leader = first(change.Replicas, inSync)
	}
}

// leadUncleanly has a new replica lead a partition that nobody leads, where that may be.
func (c *Controller) leadUncleanly(p *PartitionInfo, change *PartitionChange) {
	if p.merge(*change).Leader != NoLeader || !c.uncleanElection(p.Topic) {
		return
	}
	if leader := first(change.Replicas, c.image.Alive); leader != NoLeader {
		change.Leader, change.ISR, change.Recovery = leader, []int32{leader}, Recovering
	}
}

// minus is those of a list that are not in another; nil if there are none.
func minus(list, not []int32) (rest []int32) {
	for _, id := range list {
		if !slices.Contains(not, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// ListPartitionReassignments asks which reassignments are under way (KIP-455).
type ListPartitionReassignments struct {
	*kmsg.ListPartitionReassignmentsRequest
}

func (cmd ListPartitionReassignments) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.Topics = []kmsg.ListPartitionReassignmentsResponseTopic{}
	list := func(p *PartitionInfo) {
		if p == nil || !p.Reassigning() {
			return
		}
		if n := len(resp.Topics); n == 0 || resp.Topics[n-1].Topic != p.Topic {
			t := kmsg.NewListPartitionReassignmentsResponseTopic()
			t.Topic = p.Topic
			resp.Topics = append(resp.Topics, t)
		}
		x := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
		x.Partition, x.Replicas = p.Partition, p.Replicas
		x.AddingReplicas, x.RemovingReplicas = append([]int32{}, p.Adding...), append([]int32{}, p.Removing...)
		t := &resp.Topics[len(resp.Topics)-1]
		t.Partitions = append(t.Partitions, x)
	}
	if cmd.Topics == nil {
		for p := range c.image.Partitions() {
			list(p)
		}
		return nil, Response{Body: resp}
	}
	seen := make(map[partitionKey]bool)
	for i := range cmd.Topics {
		for _, n := range cmd.Topics[i].Partitions {
			if key := (partitionKey{cmd.Topics[i].Topic, n}); !seen[key] {
				seen[key] = true
				list(c.image.Partition(key.topic, n))
			}
		}
	}
	return nil, Response{Body: resp}
}
