package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// ElectLeaders asks for the preferred leaders of partitions, or for leaders that are not in
// sync (KIP-183, KIP-460).
type ElectLeaders struct{ *kmsg.ElectLeadersRequest }

// The kinds of election, with Kafka's numbers.
const (
	electPreferred int8 = 0
	electUnclean   int8 = 1
)

func (cmd ElectLeaders) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.Topics = []kmsg.ElectLeadersResponseTopic{}
	var records []Record
	if cmd.ElectionType != electPreferred && cmd.ElectionType != electUnclean && len(cmd.Topics) > 0 {
		resp.ErrorCode = wire.InvalidRequest // and of each partition
	}
	if cmd.Topics == nil { // all partitions; of those that need no election nothing is said
		for p := range c.image.Partitions() {
			var answer kmsg.ElectLeadersResponseTopicPartition
			if records, answer = c.electLeader(records, p.Topic, p.Partition, cmd.ElectionType); answer.ErrorCode == wire.ElectionNotNeeded {
				continue
			}
			if n := len(resp.Topics); n == 0 || resp.Topics[n-1].Topic != p.Topic {
				t := kmsg.NewElectLeadersResponseTopic()
				t.Topic = p.Topic
				resp.Topics = append(resp.Topics, t)
			}
			t := &resp.Topics[len(resp.Topics)-1]
			t.Partitions = append(t.Partitions, answer)
		}
		return records, Response{Body: resp}
	}
	seen := make(map[partitionKey]bool)
	for i := range cmd.Topics {
		want := &cmd.Topics[i]
		t := kmsg.NewElectLeadersResponseTopic()
		t.Topic, t.Partitions = want.Topic, []kmsg.ElectLeadersResponseTopicPartition{}
		for _, n := range want.Partitions {
			key := partitionKey{want.Topic, n}
			if seen[key] {
				continue // a set, to Kafka's clients
			}
			seen[key] = true
			var answer kmsg.ElectLeadersResponseTopicPartition
			records, answer = c.electLeader(records, want.Topic, n, cmd.ElectionType)
			t.Partitions = append(t.Partitions, answer)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return records, Response{Body: resp}
}

// partitionKey is a partition as a request names it.
type partitionKey struct {
	topic     string
	partition int32
}

func (c *Controller) electLeader(records []Record, topic string, n int32, kind int8) ([]Record, kmsg.ElectLeadersResponseTopicPartition) {
	answer := kmsg.NewElectLeadersResponseTopicPartition()
	answer.Partition = n
	change, err := c.election(topic, n, kind)
	if err != nil {
		answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		return records, answer
	}
	return append(records, change), answer
}

// election is the change that an election comes to (ReplicationControlManager.electLeader).
func (c *Controller) election(topic string, n int32, kind int8) (change PartitionChange, err *refusal) {
	if kind != electPreferred && kind != electUnclean {
		return change, refuse(wire.InvalidRequest, "Unknown election type %d", kind)
	}
	if c.image.Topics[topic] == nil {
		return change, refuse(wire.UnknownTopicOrPartition, "No such topic as %s", topic)
	}
	p := c.image.Partition(topic, n)
	switch {
	case p == nil:
		return change, refuse(wire.UnknownTopicOrPartition, "No such partition as %s-%d", topic, n)
	case kind == electPreferred && p.Leader == p.Replicas[0], kind == electUnclean && p.Leader != NoLeader:
		return change, refuse(wire.ElectionNotNeeded, "Leader election not needed for topic partition.")
	}
	change = PartitionChange{TopicID: p.TopicID, Partition: p.Partition, Leader: NoLeaderChange, Recovery: p.Recovery}
	if kind == electPreferred {
		if !c.mayLead(p, p.Replicas[0]) {
			return change, refuse(wire.PreferredLeaderNotAvailable, "The preferred leader was not available.")
		}
		change.Leader = p.Replicas[0]
		return change, nil
	}
	// Nobody of the ISR is alive, or it would lead.
	if change.Leader = first(p.Replicas, c.image.Alive); change.Leader == NoLeader {
		return change, refuse(wire.EligibleLeadersNotAvailable, "Eligible topic partition leaders are not available.")
	}
	change.ISR, change.Recovery = []int32{change.Leader}, Recovering
	return change, nil
}

// mayLead reports whether a replica is in sync and alive.
func (c *Controller) mayLead(p *PartitionInfo, id int32) bool {
	return slices.Contains(p.ISR, id) && c.image.Alive(id)
}

// Rebalance has partitions be led by their preferred leaders again, where those are in sync
// and alive: what auto.leader.rebalance.enable asks for now and then. At most
// [MaxElections] change hands at once. Kafka's leader.imbalance.per.broker.percentage, of
// its time with ZooKeeper, plays no part.
type Rebalance struct{}

// MaxElections is ReplicationControlManager.MAX_ELECTIONS_PER_IMBALANCE.
const MaxElections = 1000

func (Rebalance) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	var records []Record
	for p := range c.image.Partitions() {
		if p.Leader == p.Replicas[0] || !c.mayLead(p, p.Replicas[0]) {
			continue
		}
		records = append(records, PartitionChange{TopicID: p.TopicID, Partition: p.Partition, Leader: p.Replicas[0], Recovery: p.Recovery})
		if len(records) == MaxElections {
			break
		}
	}
	return records, Response{}
}

// ElectUnclean has partitions that nobody leads be led by who is not in sync, where
// unclean.leader.election.enable allows that: it may have been set since they lost their last
// leader. At most [MaxElections] at once.
type ElectUnclean struct{}

func (ElectUnclean) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	var records []Record
	for p := range c.image.Partitions() {
		if p.Leader == NoLeader && c.uncleanElection(p.Topic) {
			records = c.reconsider(records, p, nobody, nobody)
		}
		if len(records) == MaxElections {
			break
		}
	}
	return records, Response{}
}
