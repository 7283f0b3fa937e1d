package group

import (
	"maps"
	"slices"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// mayUpgrade says whether a classic group with members may become a consumer group because
// one joins by the new protocol (group.consumer.migration.policy).
func (m *Machine) mayUpgrade(g *group) bool {
	p := m.cfg.Broker.GroupConsumerMigrationPolicy
	return (p == "upgrade" || p == "bidirectional") && g.protocolType == consumerProtocol && g.state != empty &&
		len(g.members) <= int(m.cfg.Broker.GroupConsumerMaxSize)
}

// mayDowngrade says whether all members but one use the classic protocol, so that without it
// the group may become a classic group of n.
func (m *Machine) mayDowngrade(c *consumer, but string, n int) bool {
	p := m.cfg.Broker.GroupConsumerMigrationPolicy
	mem := c.members[but]
	return (p == "downgrade" || p == "bidirectional") && mem != nil && mem.classic == nil &&
		c.classics == len(c.members)-1 && n <= int(m.cfg.Broker.GroupMaxSize)
}

// upgrade makes a consumer group of a classic one. Its members have what they were last
// assigned, in the generation as an epoch, and go on by the classic protocol. Who waits is
// told to join again.
func (m *Machine) upgrade(g *group) (*consumer, bool) {
	c := newConsumer()
	protocol := g.protocol
	if protocol == nil {
		protocol = g.selectProtocol() // it was in its first rebalance
	}
	for _, old := range g.members {
		mem, ok := m.upgraded(g, c, old, protocol)
		if !ok {
			return nil, false
		}
		c.put(mem)
		c.target[mem.id] = mem.assigned
	}
	c.epoch, c.targetEpoch = g.generation, g.generation
	for _, old := range slices.Clone(g.members) {
		m.completeJoin(g, old, func(r *kmsg.JoinGroupResponse) { r.ErrorCode, r.MemberID = wire.RebalanceInProgress, old.id })
		if version, to := old.sync.version, m.done(&old.sync); to != 0 {
			r := kmsg.NewPtrSyncGroupResponse()
			r.Version, r.ErrorCode = version, wire.RebalanceInProgress
			m.answerAtOnce(to, r)
		}
		k := m.clock(g.id, old.id)
		m.timers.set(&k.session, m.now.Mono.Add(old.sessionTimeout))
	}
	m.record(coordinator.Record{Key: metadataKey(g.id)})
	for _, id := range c.ids {
		m.record(memberRecord(g.id, c.members[id]))
	}
	m.record(epochRecord(consumerMetadata, g.id, c.epoch))
	for _, id := range c.ids {
		m.record(targetRecord(g.id, id, c.target[id]))
	}
	m.record(epochRecord(targetMetadata, g.id, c.targetEpoch))
	for _, id := range c.ids {
		m.record(currentRecord(g.id, c.members[id]))
	}
	return c, true
}

func (m *Machine) upgraded(g *group, c *consumer, old *member, protocol *string) (*consumerMember, bool) {
	said, ok := parseSubscription(old.metadata(protocol))
	if !ok {
		return nil, false
	}
	has := map[TopicID][]int32{}
	if len(old.assignment) > 0 {
		var a kmsg.ConsumerMemberAssignment
		if a.ReadFrom(slices.Clone(old.assignment)) != nil {
			return nil, false
		}
		for _, t := range a.Topics {
			if topic, ok := m.topic(t.Topic); ok {
				has[topic.ID] = append(has[topic.ID], t.Partitions...)
			}
		}
	}
	mem := &consumerMember{
		id: old.id, instance: old.instance, rack: said.Rack, clientID: old.clientID, host: old.host,
		names: said.Topics, rebalanceTimeout: int32(old.rebalanceTimeout.Milliseconds()),
		classic: &classicMember{sessionTimeout: int32(old.sessionTimeout.Milliseconds())},
		epoch:   g.generation, previous: g.generation,
	}
	slices.Sort(mem.names)
	mem.names = slices.Compact(mem.names)
	// What a client has assigned twice is the first one's.
	mem.assigned = makeShare(has).filter(func(id TopicID, p int32) bool { return c.owners[id][p] == "" })
	for i := range old.protocols {
		mem.classic.protocols = append(mem.classic.protocols, classicProtocol{old.protocols[i].Name, old.protocols[i].Metadata})
	}
	return mem, true
}

// downgrade makes a classic group of a consumer group, without the member that leaves: with
// joining in its place if that is not nil.
func (m *Machine) downgrade(g *group, leaving string, joining *consumerMember) {
	c := g.consumer
	next := &group{id: g.id, classic: newClassic()}
	next.generation, next.protocolType, next.stateAt = c.epoch, consumerProtocol, m.wall()
	targets := maps.Clone(c.target)
	var members []*consumerMember
	for _, id := range c.ids {
		if id != leaving {
			members = append(members, c.members[id])
		}
	}
	if joining != nil {
		next.generation = joining.epoch
		targets[joining.id] = joining.assigned
		members = append(members, joining)
	}
	for _, mem := range members {
		old := &member{
			id: mem.id, instance: mem.instance, clientID: mem.clientID, host: mem.host,
			rebalanceTimeout: mem.timeout(), sessionTimeout: millis(mem.classic.sessionTimeout),
		}
		for _, p := range mem.classic.protocols {
			old.protocols = append(old.protocols, kmsg.JoinGroupRequestProtocol{Name: p.name, Metadata: p.metadata})
		}
		next.add(old)
	}
	next.protocol = next.selectProtocol()
	for _, mem := range next.members {
		mem.assignment = m.assignment(targets[mem.id], mem.metadata(next.protocol))
	}
	if joining != nil {
		m.removeRecords(g.id, joining.id) // it may have been put into the other's place just now
	}
	m.consumerTombstones(g)
	m.record(m.metadataRecord(next, func(mem *member) []byte { return mem.assignment }))
	if joining != nil {
		return
	}
	// The rebalance begins when the group is a classic one.
	begin := &timer{}
	begin.fire = func() {
		if now := m.groups[g.id]; now != nil && now.consumer == nil && now.state == stable {
			m.prepareRebalance(now)
		}
	}
	m.timers.set(begin, m.now.Mono)
}

// assignment is a share as a client of the classic protocol reads it.
func (m *Machine) assignment(s share, metadata []byte) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	if len(metadata) >= 2 {
		a.Version = min(int16(metadata[0])<<8|int16(metadata[1]), 3)
	}
	for i := range s {
		if t, ok := m.topicWithID(s[i].id); ok {
			a.Topics = append(a.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: t.Name, Partitions: s[i].partitions})
		}
	}
	return a.AppendTo(nil)
}

// parseSubscription reads ConsumerProtocolSubscription, of any version.
func parseSubscription(metadata []byte) (s kmsg.ConsumerMemberMetadata, ok bool) {
	if len(metadata) < 2 {
		return s, false
	}
	m := slices.Clone(metadata)
	if v := int16(m[0])<<8 | int16(m[1]); v < 0 {
		return s, false
	} else if v > 3 {
		m[0], m[1] = 0, 3 // later versions only add behind it
	}
	s = kmsg.NewConsumerMemberMetadata()
	return s, s.ReadFrom(m) == nil
}

func (m *Machine) topic(name string) (Topic, bool) {
	if m.cfg.Topics == nil {
		return Topic{}, false
	}
	return m.cfg.Topics.Topic(name)
}

func (m *Machine) topicWithID(id TopicID) (Topic, bool) {
	if m.cfg.Topics == nil {
		return Topic{}, false
	}
	return m.cfg.Topics.TopicWithID(id)
}
