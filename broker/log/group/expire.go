package group

import (
	"brokersim/broker/log/coordinator"
	"brokersim/faults/failpoint"
)

// expireBatch bounds what one round of expiry puts into one batch: then it goes on with the
// next.
const expireBatch = 500

// expire removes offsets that nobody needs any more, and groups of which nothing is left
// (KIP-211).
func (m *Machine) expire() {
	next := m.cfg.Broker.OffsetsRetentionCheckInterval
	from := m.expireFrom
	m.expireFrom = ""
	for _, g := range m.sorted() {
		if g.id < from {
			continue
		}
		if len(m.out.Records) >= expireBatch {
			m.expireFrom, next = g.id, 0
			break
		}
		if !m.expireGroup(g) {
			m.expireFrom, next = g.id, 0
			break
		}
	}
	m.timers.set(&m.expiry, m.now.Mono.Add(next))
}

// expireGroup is false if it has more to do than fits into one batch.
func (m *Machine) expireGroup(g *group) bool {
	since, may := m.expiresSince(g)
	if !may && len(g.offsets) > 0 {
		return true
	}
	left := len(g.offsets)
	for _, p := range partitions(g.offsets) {
		if len(m.out.Records) >= expireBatch {
			return false
		}
		if c := g.offsets[p]; !m.keeps(g, p) && m.expired(c, since) && !g.isPending(p) {
			m.record(coordinator.Record{Key: m.offsetKey(g.id, p)})
			left--
		}
	}
	if left == 0 && len(g.transactional) == 0 && (g.recorded || g.consumer != nil) && g.isEmpty() {
		m.groupTombstones(g)
	}
	return true
}

// isEmpty says that nobody is in a group or about to be.
func (g *group) isEmpty() bool {
	return g.state == empty && len(g.pending) == 0 && (g.consumer == nil || len(g.consumer.members) == 0)
}

// keeps says whether a group still wants the offset of a partition.
func (m *Machine) keeps(g *group, p partition) bool {
	return !m.cfg.Failpoints.OnAbout(failpoint.G06ExpireLive, g.id, 0, 0) && g.isSubscribed(p.topic)
}

// expiresSince says whether offsets of a group may expire, and since when they count, in ms:
// -1 is since each was committed.
func (m *Machine) expiresSince(g *group) (since int64, may bool) {
	switch {
	case m.cfg.Failpoints.OnAbout(failpoint.G06ExpireLive, g.id, 0, 0):
		return -1, true
	case g.consumer != nil, g.protocolType == "":
		return -1, true // by the commit: by hand, or of topics that nobody has subscribed to
	case g.state == empty:
		return g.stateAt, true // since the last member left
	case g.protocolType == consumerProtocol && g.subscribed != nil && g.state == stable:
		return -1, true // of topics that nobody has subscribed to
	}
	return -1, false
}

func (m *Machine) expired(c *committed, since int64) bool {
	if c.expiresAt >= 0 {
		return m.wall() >= c.expiresAt
	}
	if since < 0 {
		since = c.committedAt
	}
	return m.wall()-since >= m.cfg.Broker.OffsetsRetention.Milliseconds()
}

// metadataChanged has the offsets go of topics that are no more.
func (m *Machine) metadataChanged(c MetadataChanged) {
	// unordered: each group for itself
	for _, g := range m.groups {
		if g.consumer != nil {
			g.consumer.stale = true // its next heartbeat looks
		}
	}
	// unordered: each group for itself
	for _, g := range m.shares {
		g.stale = true
	}
	if len(c.Deleted) == 0 {
		return
	}
	deleted := make(map[string]bool, len(c.Deleted))
	for _, t := range c.Deleted {
		deleted[t] = true
	}
	m.shareTopicsDeleted(deleted)
	for _, g := range m.sorted() {
		gone := map[partition]*committed{}
		// unordered: into a set
		for p, o := range g.offsets {
			if deleted[p.topic] {
				gone[p] = o
			}
		}
		// unordered: into a set
		for _, offsets := range g.transactional {
			// unordered: into a set
			for p, o := range offsets {
				if deleted[p.topic] {
					gone[p] = o
				}
			}
		}
		for _, p := range partitions(gone) {
			m.record(coordinator.Record{Key: m.offsetKey(g.id, p)})
		}
	}
}
