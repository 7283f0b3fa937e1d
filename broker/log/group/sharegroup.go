package group

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"brokersim/broker/machine"
)

// shareGroup is a share group (KIP-932): its members have partitions together with others, and
// leaders of partitions decide who gets which record. All of it is in the log, and changes by replay
// alone. It is in a map of its own: no request about another kind of group finds it.
type shareGroup struct {
	id          string
	epoch       int32
	hash        int64 // of what there was to assign, as of the epoch
	targetEpoch int32
	members     map[string]*shareMember
	ids         []string // of the members, sorted
	target      map[string]share

	// What the share coordinators know of: initializing is that of which it is not known
	// whether they do.
	initializing, initialized share
	deleting                  []TopicID
	names                     map[TopicID]string

	// Soft.
	stale bool            // there may be something else to assign
	asked machine.Instant // when the initializing was last asked for
}

// shareMember is a member of a share group. It never changes: replay puts another into its place.
type shareMember struct {
	id               string
	rack             *string
	clientID, host   string
	topics           []string // subscribed, sorted
	epoch, previous  int32
	assigned         share
	assignmentIsMade bool // there is a record of it
}

func newShareGroup(id string) *shareGroup {
	return &shareGroup{id: id, targetEpoch: -1, members: map[string]*shareMember{}, target: map[string]share{}, names: map[TopicID]string{}, stale: true}
}

func (g *shareGroup) state() string {
	if len(g.members) == 0 {
		return "Empty"
	}
	return "Stable"
}

// put puts a member into the place of the one of its id.
func (g *shareGroup) put(mem *shareMember) {
	if g.members[mem.id] == nil {
		i, _ := slices.BinarySearch(g.ids, mem.id)
		g.ids = slices.Insert(g.ids, i, mem.id)
	}
	g.members[mem.id] = mem
}

func (g *shareGroup) remove(id string) {
	delete(g.members, id)
	if i, ok := slices.BinarySearch(g.ids, id); ok {
		g.ids = slices.Delete(g.ids, i, i+1)
	}
}

// member is the member of an id, or a new one. Compaction may have left its records in any order.
func (g *shareGroup) member(id string) *shareMember {
	if mem := g.members[id]; mem != nil {
		return mem
	}
	return &shareMember{id: id}
}

// shareGroups are the share groups, by id.
func (m *Machine) shareGroups() []*shareGroup {
	list := make([]*shareGroup, 0, len(m.shares))
	for _, id := range slices.Sorted(maps.Keys(m.shares)) {
		list = append(list, m.shares[id])
	}
	return list
}

// offered are a topic's partitions that may be assigned: those that share coordinators know of.
func (m *Machine) offered(g *shareGroup, topics map[string]bool) (list []offer) {
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		t, ok := m.topic(name)
		if !ok {
			continue
		}
		o := offer{Topic: t}
		for _, p := range g.initialized.partitionsOf(t.ID) {
			if p < t.Partitions {
				o.partitions = append(o.partitions, p)
			}
		}
		list = append(list, o)
	}
	return list
}

// offer is a topic with its partitions that may be assigned.
type offer struct {
	Topic
	partitions []int32
}

// hashOf stands for what there is to assign. Kafka's is of topics alone, and another hash.
func hashOf(offers []offer) int64 {
	h := fnv.New64a()
	for i := range offers {
		o := &offers[i]
		h.Write(o.ID[:])
		h.Write([]byte(o.Name))
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(o.Partitions)))
		for _, p := range o.partitions {
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(p)))
		}
	}
	return int64(h.Sum64())
}

// missing are the partitions of topics that no share coordinator knows of.
func (m *Machine) missing(g *shareGroup, topics map[string]bool) share {
	of := map[TopicID][]int32{}
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		t, ok := m.topic(name)
		if !ok {
			continue
		}
		for p := range t.Partitions {
			if !g.initialized.has(t.ID, p) && !g.initializing.has(t.ID, p) {
				of[t.ID] = append(of[t.ID], p)
			}
		}
	}
	return makeShare(of)
}

// pending says that of a topic that members read not all partitions that may be assigned are: one
// who had them has left, or the share coordinators have heard of more
// (GroupMetadataManager.initializedAssignmentPending).
func (m *Machine) pending(g *shareGroup) bool {
	of := map[TopicID][]int32{}
	for _, id := range g.ids {
		for _, t := range g.target[id] {
			of[t.id] = append(of[t.id], t.partitions...)
		}
	}
	assigned := makeShare(of)
	return len(g.members) > 0 && slices.ContainsFunc(m.offered(g, g.subscribed("", nil)), func(o offer) bool {
		return !slices.Equal(assigned.partitionsOf(o.ID), o.partitions)
	})
}

// subscribed are the topics of all members, but with one as it is to be (or without it, if it is
// nil).
func (g *shareGroup) subscribed(id string, as *shareMember) map[string]bool {
	topics := map[string]bool{}
	for _, member := range g.ids {
		if member != id {
			for _, t := range g.members[member].topics {
				topics[t] = true
			}
		}
	}
	if as != nil {
		for _, t := range as.topics {
			topics[t] = true
		}
	}
	return topics
}

// shareSession is how long a member may be silent.
func (m *Machine) shareSession(g *shareGroup) time.Duration {
	return m.setting(g.id, "share.session.timeout.ms", m.cfg.Broker.GroupShareSessionTimeout)
}

// beatShare begins a member's session anew.
func (m *Machine) beatShare(g *shareGroup, member string) {
	name := memberName{g.id, member}
	t := m.shareClocks[name]
	if t == nil {
		t = &timer{}
		m.shareClocks[name] = t
		t.fire = func() {
			now := m.shares[name.group]
			if now == nil || now.members[name.member] == nil {
				m.stopShareClock(name)
				return
			}
			m.fenceShare(now, name.member)
			m.undo = func(int16) { m.timers.set(t, m.now.Mono.Add(retryFence)) }
		}
	}
	m.timers.set(t, m.now.Mono.Add(m.shareSession(g)))
}

func (m *Machine) stopShareClock(name memberName) {
	if t := m.shareClocks[name]; t != nil {
		m.timers.stop(t)
		delete(m.shareClocks, name)
	}
}

// loadedShare gives all members whole sessions.
func (m *Machine) loadedShare(g *shareGroup) {
	g.stale = true
	for _, id := range g.ids {
		m.beatShare(g, id)
	}
}

// fenceShare takes a member out of a group.
func (m *Machine) fenceShare(g *shareGroup, member string) {
	m.record(tombstone(shareCurrent, g.id, member))
	m.record(tombstone(shareTargetMember, g.id, member))
	m.record(tombstone(shareMemberMetadata, g.id, member))
	m.record(shareEpochRecord(g.id, g.epoch+1, hashOf(m.offered(g, g.subscribed(member, nil)))))
}

// shareTombstones are those of a whole group.
func (m *Machine) shareTombstones(g *shareGroup) {
	for _, id := range g.ids {
		m.record(tombstone(shareCurrent, g.id, id))
		m.record(tombstone(shareTargetMember, g.id, id))
		m.record(tombstone(shareMemberMetadata, g.id, id))
	}
	m.record(tombstone(shareTargetMetadata, g.id))
	m.record(tombstone(sharePartitions, g.id))
	m.record(tombstone(shareMetadata, g.id))
}

// shareTopicsDeleted has topics go that are no more.
func (m *Machine) shareTopicsDeleted(deleted map[string]bool) {
	for _, g := range m.shareGroups() {
		gone := func(id TopicID) bool { return deleted[g.names[id]] }
		next := sharePartitionsOf(g)
		next.initializing = g.initializing.filter(func(id TopicID, _ int32) bool { return !gone(id) })
		next.initialized = g.initialized.filter(func(id TopicID, _ int32) bool { return !gone(id) })
		next.deleting = slices.DeleteFunc(slices.Clone(g.deleting), gone)
		if !next.initializing.equal(g.initializing) || !next.initialized.equal(g.initialized) || len(next.deleting) < len(g.deleting) {
			m.record(sharePartitionsRecord(g.id, next))
		}
	}
}
