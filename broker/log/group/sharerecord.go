package group

import (
	"slices"

	"brokersim/broker/log/coordinator"
)

// The types of the records of share groups (KIP-932), and their formats as of Kafka 4.1. Each
// value is of version 0.
const (
	shareMemberMetadata int16 = 10 // a member, as it has said of itself
	shareMetadata       int16 = 11 // the group epoch
	shareTargetMetadata int16 = 12 // the epoch of the target assignment
	shareTargetMember   int16 = 13 // the target assignment of a member
	shareCurrent        int16 = 14 // what a member has
	sharePartitions     int16 = 15 // what share coordinators know of
)

func shareEpochRecord(id string, epoch int32, hash int64) coordinator.Record {
	var e encoder
	e.int16(0)
	e.int32(epoch)
	e.int64(hash)
	e.tags()
	return coordinator.Record{Key: consumerKey(shareMetadata, id), Value: e.b}
}

func shareMemberRecord(id string, mem *shareMember) coordinator.Record {
	var e encoder
	e.int16(0)
	e.nullable(mem.rack)
	e.string(mem.clientID)
	e.string(mem.host)
	e.strings(mem.topics)
	e.tags()
	return coordinator.Record{Key: consumerKey(shareMemberMetadata, id, mem.id), Value: e.b}
}

func decodeShareMember(d *decoder, mem *shareMember) {
	mem.rack, mem.clientID, mem.host, mem.topics = d.nullable(), d.string(), d.string(), d.strings()
	d.tags(nil)
	slices.Sort(mem.topics)
	mem.topics = slices.Compact(mem.topics)
}

func shareTargetRecord(id, member string, s share) coordinator.Record {
	r := targetRecord(id, member, s)
	r.Key = consumerKey(shareTargetMember, id, member)
	return r
}

func shareCurrentRecord(id string, mem *shareMember) coordinator.Record {
	var e encoder
	e.int16(0)
	e.int32(mem.epoch)
	e.int32(mem.previous)
	e.int8(int8(settled))
	e.share(mem.assigned)
	e.tags()
	return coordinator.Record{Key: consumerKey(shareCurrent, id, mem.id), Value: e.b}
}

func decodeShareCurrent(d *decoder, mem *shareMember) {
	mem.epoch, mem.previous = d.int32(), d.int32()
	d.int8()
	mem.assigned = d.share()
	d.tags(nil)
}

// shareInfo is what share coordinators know of a group.
type shareInfo struct {
	initializing, initialized share
	deleting                  []TopicID
	names                     map[TopicID]string
}

func sharePartitionsOf(g *shareGroup) shareInfo {
	return shareInfo{g.initializing, g.initialized, g.deleting, g.names}
}

func sharePartitionsRecord(id string, x shareInfo) coordinator.Record {
	var e encoder
	e.int16(0)
	for _, s := range []share{x.initializing, x.initialized} {
		e.array(len(s))
		for i := range s {
			e.uuid(s[i].id)
			e.string(x.names[s[i].id])
			e.int32s(s[i].partitions)
			e.tags()
		}
	}
	e.array(len(x.deleting))
	for _, t := range x.deleting {
		e.uuid(t)
		e.string(x.names[t])
		e.tags()
	}
	e.tags()
	return coordinator.Record{Key: consumerKey(sharePartitions, id), Value: e.b}
}

func decodeSharePartitions(d *decoder) shareInfo {
	x := shareInfo{names: map[TopicID]string{}}
	for _, s := range []*share{&x.initializing, &x.initialized} {
		of := map[TopicID][]int32{}
		for range d.array(19) {
			id := d.uuid()
			x.names[id] = d.string()
			of[id] = append(of[id], d.int32s()...)
			d.tags(nil)
		}
		*s = makeShare(of)
	}
	for range d.array(18) {
		id := d.uuid()
		x.names[id] = d.string()
		x.deleting = append(x.deleting, id)
		d.tags(nil)
	}
	d.tags(nil)
	return x
}

// replayShare applies a record of a share group.
func (m *Machine) replayShare(at coordinator.Position, kind int16, key, value []byte) error {
	k := decoder{b: key[2:]}
	id, of := k.plain(), ""
	switch kind {
	case shareMemberMetadata, shareTargetMember, shareCurrent:
		of = k.plain()
	}
	if k.err != nil {
		return bad(at, "key of type %d: %v", kind, k.err)
	}
	if value == nil {
		m.shareTombstone(kind, id, of)
		return nil
	}
	if err := checkVersion(value, 0); err != "" {
		return bad(at, "group %s, type %d: %s", id, kind, err)
	}
	var apply func(g *shareGroup)
	d := decoder{b: value[2:]}
	switch kind {
	case shareMetadata:
		epoch, hash := d.int32(), d.int64()
		d.tags(nil)
		apply = func(g *shareGroup) { g.epoch, g.hash = epoch, hash }
	case shareMemberMetadata:
		said := &shareMember{}
		decodeShareMember(&d, said)
		apply = func(g *shareGroup) {
			mem := *g.member(of)
			mem.rack, mem.clientID, mem.host, mem.topics = said.rack, said.clientID, said.host, said.topics
			g.put(&mem)
		}
	case shareTargetMetadata:
		epoch := d.int32()
		d.tags(nil)
		apply = func(g *shareGroup) { g.targetEpoch = epoch }
	case shareTargetMember:
		s := d.share()
		d.tags(nil)
		apply = func(g *shareGroup) { g.target[of] = s }
	case shareCurrent:
		has := &shareMember{}
		decodeShareCurrent(&d, has)
		apply = func(g *shareGroup) {
			mem := *g.member(of)
			mem.epoch, mem.previous, mem.assigned, mem.assignmentIsMade = has.epoch, has.previous, has.assigned, true
			g.put(&mem)
		}
	case sharePartitions:
		x := decodeSharePartitions(&d)
		apply = func(g *shareGroup) {
			g.initializing, g.initialized, g.deleting, g.names = x.initializing, x.initialized, x.deleting, x.names
			g.stale = true
		}
	}
	if d.err != nil {
		return bad(at, "group %s, type %d: %v", id, kind, d.err)
	}
	if g := m.groups[id]; g != nil && (g.recorded || g.consumer != nil) {
		return bad(at, "group %s is no share group, and has a record of type %d", id, kind)
	}
	g := m.shares[id]
	if g == nil {
		g = newShareGroup(id)
		m.shares[id] = g
	}
	apply(g)
	return nil
}

func (m *Machine) shareTombstone(kind int16, id, of string) {
	g := m.shares[id]
	if g == nil {
		return
	}
	switch kind {
	case shareMetadata:
		for _, member := range g.ids {
			m.stopShareClock(memberName{id, member})
		}
		delete(m.shares, id)
	case shareMemberMetadata:
		g.remove(of)
		m.stopShareClock(memberName{id, of})
	case shareTargetMetadata:
		g.targetEpoch = -1
	case shareTargetMember:
		delete(g.target, of)
	case shareCurrent:
		if mem := g.members[of]; mem != nil {
			gone := *mem
			gone.epoch, gone.previous, gone.assigned, gone.assignmentIsMade = leaves, leaves, nil, false
			g.put(&gone)
		}
	case sharePartitions:
		g.initializing, g.initialized, g.deleting, g.names = nil, nil, nil, map[TopicID]string{}
		g.stale = true
	}
}
