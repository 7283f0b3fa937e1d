package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// protocolType is that of a consumer's JoinGroup.
const protocolType = "consumer"

// subscriptionVersion is that of Kafka's ConsumerProtocolSubscription: owned partitions
// (KIP-429), their generation (KIP-792) and the rack (KIP-881). assignmentVersion is that
// of its ConsumerProtocolAssignment.
const (
	subscriptionVersion = 3
	assignmentVersion   = 3
)

// encodeSubscription is the metadata of a JoinGroup: what the leader must know of a member.
// previous is what it had after its last rebalance, for the sticky assignor, which puts it
// into its user data: an eager member owns nothing when it joins.
func encodeSubscription(a *assignor, me *subscriber, previous []wire.TP, previousGeneration int32) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics, m.Generation = subscriptionVersion, me.topics, me.generation
	for _, t := range byTopic(me.owned) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = t.topic, t.partitions
		m.OwnedPartitions = append(m.OwnedPartitions, o)
	}
	switch {
	case a.name == "sticky" && previousGeneration >= 0:
		m.UserData = stickyData(previous, previousGeneration)
	case a.name == "cooperative-sticky":
		m.UserData = binary.BigEndian.AppendUint32(nil, uint32(previousGeneration))
	}
	return m.AppendTo(nil)
}

// decodeSubscription reads what a member of any client says.
func decodeSubscription(a *assignor, id string, instance *string, b []byte) (subscriber, error) {
	s := subscriber{id: id, generation: -1}
	if instance != nil {
		s.instance = *instance
	}
	var m kmsg.ConsumerMemberMetadata
	m.Default()
	if err := m.ReadFrom(b); err != nil {
		return s, fmt.Errorf("subscription of %s: %w", id, err)
	}
	s.topics = m.Topics
	if a.name == "sticky" {
		s.owned, s.generation = readStickyData(m.UserData)
		return s, nil
	}
	for _, o := range m.OwnedPartitions {
		for _, p := range o.Partitions {
			s.owned = append(s.owned, wire.TP{Topic: o.Topic, Partition: p})
		}
	}
	s.generation = m.Generation
	if m.Version < 2 && len(m.UserData) >= 4 {
		s.generation = int32(binary.BigEndian.Uint32(m.UserData))
	}
	return s, nil
}

// encodeAssignment is what a member is told in the answer to its SyncGroup.
func encodeAssignment(tps []wire.TP) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	a.Version = assignmentVersion
	for _, t := range byTopic(tps) {
		x := kmsg.NewConsumerMemberAssignmentTopic()
		x.Topic, x.Partitions = t.topic, t.partitions
		a.Topics = append(a.Topics, x)
	}
	return a.AppendTo(nil)
}

var errNoAssignment = errors.New("the leader of the group has said nothing of this member")

// decodeAssignment reads it; empty bytes are those of a leader that knows nothing of the
// member.
func decodeAssignment(b []byte) (tps []wire.TP, err error) {
	if len(b) < 2 {
		return nil, errNoAssignment
	}
	var a kmsg.ConsumerMemberAssignment
	a.Default()
	if err := a.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("assignment: %w", err)
	}
	for _, t := range a.Topics {
		for _, p := range t.Partitions {
			tps = append(tps, wire.TP{Topic: t.Topic, Partition: p})
		}
	}
	slices.SortStableFunc(tps, compareTPs)
	return slices.Compact(tps), nil
}

type topicParts struct {
	topic      string
	partitions []int32
}

// byTopic puts partitions together by topic, both sorted.
func byTopic(tps []wire.TP) (list []topicParts) {
	tps = slices.Clone(tps)
	slices.SortStableFunc(tps, compareTPs)
	for _, tp := range tps {
		if n := len(list); n == 0 || list[n-1].topic != tp.Topic {
			list = append(list, topicParts{topic: tp.Topic})
		}
		t := &list[len(list)-1]
		t.partitions = append(t.partitions, tp.Partition)
	}
	return list
}

// stickyData is StickyAssignor's user data, version 1: what the member had, and in which
// generation.
func stickyData(tps []wire.TP, generation int32) []byte {
	topics := byTopic(tps)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(topics)))
	for _, t := range topics {
		b = binary.BigEndian.AppendUint16(b, uint16(len(t.topic)))
		b = append(b, t.topic...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(t.partitions)))
		for _, p := range t.partitions {
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		}
	}
	return binary.BigEndian.AppendUint32(b, uint32(generation))
}

// readStickyData reads it; of version 0 there is no generation, and what is neither says
// nothing.
func readStickyData(b []byte) (tps []wire.TP, generation int32) {
	word := func(n int) (v uint32, ok bool) {
		if len(b) < n {
			return 0, false
		}
		for _, x := range b[:n] {
			v = v<<8 | uint32(x)
		}
		b = b[n:]
		return v, true
	}
	topics, ok := word(4)
	for range topics {
		var size, parts uint32
		if size, ok = word(2); !ok || len(b) < int(size) {
			return nil, -1
		}
		topic := string(b[:size])
		b = b[size:]
		if parts, ok = word(4); !ok || len(b)/4 < int(parts) {
			return nil, -1
		}
		for range parts {
			p, _ := word(4)
			tps = append(tps, wire.TP{Topic: topic, Partition: int32(p)})
		}
	}
	g, ok := word(4)
	if !ok {
		return tps, -1
	}
	return tps, int32(g)
}
