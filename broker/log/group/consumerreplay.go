package group

import (
	"maps"
	"slices"

	"brokersim/broker/log/coordinator"
	"brokersim/faults/failpoint"
)

// replayConsumer applies a record of a consumer group.
func (m *Machine) replayConsumer(at coordinator.Position, kind int16, key, value []byte) error {
	k := decoder{b: key[2:]}
	id, of := k.plain(), ""
	switch kind {
	case memberMetadata, targetMember, currentAssignment, resolvedExpression:
		of = k.plain()
	}
	if k.err != nil {
		return bad(at, "key of type %d: %v", kind, k.err)
	}
	if value == nil {
		if kind == consumerMetadata {
			m.loadsDeletion(m.groups[id])
		}
		if m.live || !m.cfg.Failpoints.OnAbout(failpoint.G12IgnoreTombstone, id, 0, 0) {
			m.consumerTombstone(kind, id, of)
		}
		return nil
	}
	if err := checkVersion(value, 0); err != "" {
		return bad(at, "group %s, type %d: %s", id, kind, err)
	}
	var apply func(c *consumer)
	d := decoder{b: value[2:]}
	switch kind {
	case consumerMetadata:
		epoch := d.int32()
		d.tags(nil)
		apply = func(c *consumer) { c.epoch = epoch }
	case partitionMetadata:
		topics := decodeTopics(&d)
		apply = func(c *consumer) { c.topics = topics }
	case memberMetadata:
		said := &consumerMember{}
		decodeMember(&d, said)
		apply = func(c *consumer) {
			mem := c.member(of)
			said.id, said.epoch, said.previous, said.state = of, mem.epoch, mem.previous, mem.state
			said.assigned, said.revoking = mem.assigned, mem.revoking
			c.put(said)
		}
	case targetMetadata:
		epoch := d.int32()
		d.tags(nil)
		apply = func(c *consumer) { c.targetEpoch = epoch }
	case targetMember:
		s := d.share()
		d.tags(nil)
		apply = func(c *consumer) { c.target[of] = s }
	case currentAssignment:
		now := &consumerMember{}
		decodeCurrent(&d, now)
		if now.state < settled || now.state > unreleased {
			return bad(at, "group %s, member %s: unknown state %d", id, of, now.state)
		}
		apply = func(c *consumer) {
			mem := *c.member(of)
			mem.epoch, mem.previous, mem.state, mem.assigned, mem.revoking = now.epoch, now.previous, now.state, now.assigned, now.revoking
			c.put(&mem)
		}
	case resolvedExpression:
		x := decodeExpression(&d)
		apply = func(c *consumer) { c.resolve(of, x, true) }
	}
	if d.err != nil {
		return bad(at, "group %s, type %d: %v", id, kind, d.err)
	}
	g := m.groups[id]
	if g != nil && g.consumer == nil && (g.recorded || len(g.members) > 0) {
		return bad(at, "group %s is a classic group, and has a record of type %d", id, kind)
	}
	if m.shares[id] != nil {
		return bad(at, "group %s is a share group, and has a record of type %d", id, kind)
	}
	if g == nil {
		g = m.create(id)
	}
	if g.consumer == nil {
		g.consumer = newConsumer()
	}
	apply(g.consumer)
	return nil
}

// member is the member of an id, or a new one. Compaction may have left its records in any
// order.
func (c *consumer) member(id string) *consumerMember {
	if mem := c.members[id]; mem != nil {
		return mem
	}
	return &consumerMember{id: id}
}

func (m *Machine) consumerTombstone(kind int16, id, of string) {
	g := m.groups[id]
	if g == nil || g.consumer == nil {
		return
	}
	c := g.consumer
	switch kind {
	case consumerMetadata:
		for _, member := range c.ids {
			m.stopClock(memberName{id, member})
		}
		g.consumer = nil
		m.dropBare(g)
	case partitionMetadata:
		c.topics = nil
	case memberMetadata:
		c.remove(of)
		m.stopClock(memberName{id, of})
	case targetMetadata:
		c.targetEpoch = -1
	case targetMember:
		delete(c.target, of)
	case currentAssignment:
		if mem := c.members[of]; mem != nil {
			gone := *mem
			gone.epoch, gone.previous, gone.state, gone.assigned, gone.revoking = leaves, leaves, settled, nil, nil
			c.put(&gone)
		}
	case resolvedExpression:
		c.resolve(of, expression{}, false)
	}
}

// consumerTombstones are those of a whole group.
func (m *Machine) consumerTombstones(g *group) {
	c := g.consumer
	for _, id := range c.ids {
		m.removeRecords(g.id, id)
	}
	m.record(tombstone(targetMetadata, g.id))
	for _, x := range slices.Sorted(maps.Keys(c.expressions)) {
		m.record(tombstone(resolvedExpression, g.id, x))
	}
	m.record(tombstone(partitionMetadata, g.id))
	m.record(tombstone(consumerMetadata, g.id))
}
