package group

import (
	"bytes"
	"encoding/binary"
	"strings"

	"brokersim/broker/log/coordinator"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Replay implements [coordinator.Machine]. It is the only place where what is in the log
// changes in memory.
func (m *Machine) Replay(at coordinator.Position, key, value []byte) error {
	err := m.replay(at, key, value)
	if err == nil {
		m.end = max(m.end, at.Offset+1)
	}
	return err
}

func (m *Machine) replay(at coordinator.Position, key, value []byte) error {
	if len(key) < 2 {
		return bad(at, "a key of %d bytes has no type", len(key))
	}
	switch kind := int16(binary.BigEndian.Uint16(key)); kind {
	case offsetCommitV0, offsetCommitV1:
		return m.replayOffset(at, key, value)
	case groupMetadata:
		return m.replayMetadata(at, key, value)
	case consumerMetadata, partitionMetadata, memberMetadata, targetMetadata, targetMember, currentAssignment, resolvedExpression:
		return m.replayConsumer(at, kind, key, value)
	case shareMemberMetadata, shareMetadata, shareTargetMetadata, shareTargetMember, shareCurrent, sharePartitions:
		return m.replayShare(at, kind, key, value)
	default:
		return bad(at, "key of unknown type %d", kind)
	}
}

func (m *Machine) replayOffset(at coordinator.Position, key, value []byte) error {
	var k kmsg.OffsetCommitKey
	if err := k.UnsafeReadFrom(key); err != nil { // its strings are copied where they stay
		return bad(at, "key of an offset: %v", err)
	}
	p := partition{k.Topic, k.Partition}
	if value == nil {
		if !m.cfg.Failpoints.OnAbout(failpoint.G12IgnoreTombstone, k.Group, 0, 0) || m.live {
			m.removeOffset(k.Group, p)
		}
		return nil
	}
	v := kmsg.NewOffsetCommitValue()
	if err := checkVersion(value, 4); err != "" {
		return bad(at, "offset of %s-%d in group %s: %s", k.Topic, k.Partition, k.Group, err)
	}
	v.ExpireTimestamp, v.LeaderEpoch = -1, -1
	if err := v.ReadFrom(value); err != nil {
		return bad(at, "offset of %s-%d in group %s: %v", k.Topic, k.Partition, k.Group, err)
	}
	c := committed{offset: v.Offset, leaderEpoch: v.LeaderEpoch, metadata: v.Metadata, committedAt: v.CommitTimestamp, expiresAt: -1, at: at.Offset}
	if v.Version < 3 {
		c.leaderEpoch = -1
	}
	if v.Version == offsetValueExpires {
		c.expiresAt = v.ExpireTimestamp
	}
	g := m.groups[k.Group]
	if g == nil {
		g = m.create(strings.Clone(k.Group))
	}
	if at.ProducerID < 0 {
		if old := g.offsets[p]; old != nil { // as nearly always
			*old = c
			return nil
		}
		p.topic = strings.Clone(p.topic)
		g.offsets[p] = new(c)
		return nil
	}
	if g.transactional[at.ProducerID] == nil {
		g.transactional[at.ProducerID] = map[partition]*committed{}
	}
	p.topic = strings.Clone(p.topic)
	g.transactional[at.ProducerID][p] = new(c)
	if m.producers[at.ProducerID] == nil {
		m.producers[at.ProducerID] = map[string]bool{}
	}
	m.producers[at.ProducerID][g.id] = true
	return nil
}

// checkVersion says what is wrong with the version that a value begins with.
func checkVersion(value []byte, most int16) string {
	if len(value) < 2 {
		return "a value without a version"
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 || v > most {
		return "a value of unknown version"
	}
	return ""
}

func (m *Machine) removeOffset(id string, p partition) {
	g := m.groups[id]
	if g == nil {
		return
	}
	delete(g.offsets, p)
	// unordered: each producer for itself
	for pid, offsets := range g.transactional {
		if delete(offsets, p); len(offsets) == 0 {
			delete(g.transactional, pid)
			if delete(m.producers[pid], id); len(m.producers[pid]) == 0 {
				delete(m.producers, pid)
			}
		}
	}
	m.dropBare(g)
}

// Marker implements [coordinator.Machine].
func (m *Machine) Marker(producerID int64, _ int16, commit bool) {
	// unordered: each group for itself
	for id := range m.producers[producerID] {
		g := m.groups[id]
		if commit {
			// unordered: each partition for itself
			for p, c := range g.transactional[producerID] {
				// What was committed by hand since counts more.
				if old := g.offsets[p]; old == nil || c.at > old.at {
					g.offsets[p] = c
				}
			}
		}
		delete(g.transactional, producerID)
		m.dropBare(g)
	}
	delete(m.producers, producerID)
}

func (m *Machine) replayMetadata(at coordinator.Position, key, value []byte) error {
	var k kmsg.GroupMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return bad(at, "key of a group: %v", err)
	}
	g := m.groups[k.Group]
	if value == nil {
		m.loadsDeletion(g)
		if g != nil && (!m.cfg.Failpoints.OnAbout(failpoint.G12IgnoreTombstone, k.Group, 0, 0) || m.live) {
			m.drop(g)
		}
		return nil
	}
	if err := checkVersion(value, 4); err != "" {
		return bad(at, "group %s: %s", k.Group, err)
	}
	v := kmsg.NewGroupMetadataValue()
	v.CurrentStateTimestamp = -1
	if err := v.ReadFrom(bytes.Clone(value)); err != nil {
		return bad(at, "group %s: %v", k.Group, err)
	}
	if v.Version < 2 {
		v.CurrentStateTimestamp = -1
	}
	next, err := m.fromRecord(at, k.Group, &v)
	if err != nil {
		return err
	}
	if g != nil && g.consumer != nil {
		return bad(at, "group %s is a consumer group, and has a record of a classic one", k.Group)
	}
	if m.shares[k.Group] != nil {
		return bad(at, "group %s is a share group, and has a record of a classic one", k.Group)
	}
	if g == nil {
		g = m.create(k.Group)
	}
	if m.live && g.generation == next.generation {
		// Decided here: who waits and when sessions end is known, and stays so.
		m.decided(g, next)
	} else {
		m.replace(g, next)
	}
	g.recorded = true
	return nil
}

// loadsDeletion takes note that a group is deleted in the log that is read.
func (m *Machine) loadsDeletion(g *group) {
	if g != nil && !m.live {
		m.cfg.Failpoints.Hit(failpoint.DeletionLoaded)
	}
}

// decided makes a generation stable that now has its assignment.
func (m *Machine) decided(g *group, next *classic) {
	g.subscribed = next.subscribed // a static member that has come back may read something else
	if g.state != completing || len(next.members) == 0 {
		return
	}
	for _, mem := range g.members {
		mem.assignment = next.byID[mem.id].assignment
	}
	g.previous, g.state = g.state, stable
}

// replace makes a group what a record says.
func (m *Machine) replace(g *group, next *classic) {
	m.stop(g)
	g.classic = next
	m.timersOf(g)
	for _, mem := range g.members {
		mem.session.fire = func() { m.sessionOver(g, mem) }
		if m.live {
			m.heard(mem)
		}
	}
}

// fromRecord is a group as a record has it.
func (m *Machine) fromRecord(at coordinator.Position, id string, v *kmsg.GroupMetadataValue) (*classic, error) {
	g := newClassic()
	g.generation, g.protocolType, g.protocol, g.stateAt = v.Generation, v.ProtocolType, v.Protocol, v.CurrentStateTimestamp
	if len(v.Members) > 0 {
		if v.Protocol == nil {
			return nil, bad(at, "group %s: %d members and no protocol", id, len(v.Members))
		}
		g.state = stable
	}
	for i := range v.Members {
		x := &v.Members[i]
		switch {
		case x.MemberID == "" || g.byID[x.MemberID] != nil:
			return nil, bad(at, "group %s: member id %q is none, or another's", id, x.MemberID)
		case x.InstanceID != nil && g.byInstance[*x.InstanceID] != nil:
			return nil, bad(at, "group %s: two members are of instance %q", id, *x.InstanceID)
		}
		mem := &member{
			id: x.MemberID, clientID: x.ClientID, host: x.ClientHost,
			sessionTimeout: millis(x.SessionTimeoutMillis), rebalanceTimeout: millis(x.RebalanceTimeoutMillis),
			protocols:  []kmsg.JoinGroupRequestProtocol{{Name: *v.Protocol, Metadata: x.Subscription}},
			assignment: x.Assignment,
		}
		if v.Version >= 3 {
			mem.instance = x.InstanceID
		}
		if v.Version == 0 || x.RebalanceTimeoutMillis < 0 {
			mem.rebalanceTimeout = mem.sessionTimeout
		}
		g.add(mem)
	}
	if v.Leader != nil && (g.byID[*v.Leader] != nil || len(v.Members) == 0) {
		g.leader = *v.Leader
	}
	if len(v.Members) == 0 {
		g.leader = ""
	}
	g.subscription()
	return g, nil
}
