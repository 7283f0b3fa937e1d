package group

import (
	"cmp"
	"slices"
	"strings"

	"brokersim/broker/log/coordinator"
)

// The types of the records of consumer groups (KIP-848), and their formats as of Kafka 4.0.
// Each value is of version 0.
const (
	consumerMetadata   int16 = 3  // the group epoch
	partitionMetadata  int16 = 4  // the topics that the members read
	memberMetadata     int16 = 5  // a member, as it has said of itself
	targetMetadata     int16 = 6  // the epoch of the target assignment
	targetMember       int16 = 7  // the target assignment of a member
	currentAssignment  int16 = 8  // how far a member has come
	resolvedExpression int16 = 16 // the topics of a regular expression
)

// consumerKey is the key of a record of a group, or of a part of it: a member, an expression.
func consumerKey(kind int16, id string, of ...string) []byte {
	e := encoder{make([]byte, 0, 64)}
	e.int16(kind)
	e.plain(id)
	for _, s := range of {
		e.plain(s)
	}
	return e.b
}

func tombstone(kind int16, id string, of ...string) coordinator.Record {
	return coordinator.Record{Key: consumerKey(kind, id, of...)}
}

func epochRecord(kind int16, id string, epoch int32) coordinator.Record {
	var e encoder
	e.int16(0)
	e.int32(epoch)
	e.tags()
	return coordinator.Record{Key: consumerKey(kind, id), Value: e.b}
}

// topicsRecord has the topics sorted by name.
func topicsRecord(id string, topics []Topic) coordinator.Record {
	var e encoder
	e.int16(0)
	e.array(len(topics))
	for _, t := range topics {
		e.uuid(t.ID)
		e.string(t.Name)
		e.int32(t.Partitions)
		e.array(0) // racks: unused since 4.0
		e.tags()
	}
	e.tags()
	return coordinator.Record{Key: consumerKey(partitionMetadata, id), Value: e.b}
}

func decodeTopics(d *decoder) []Topic {
	var topics []Topic
	for range d.array(1) {
		t := Topic{ID: d.uuid(), Name: d.string(), Partitions: d.int32()}
		for range d.array(1) {
			d.int32()
			d.strings()
			d.tags(nil)
		}
		d.tags(nil)
		topics = append(topics, t)
	}
	d.tags(nil)
	slices.SortStableFunc(topics, func(a, b Topic) int { return cmp.Or(strings.Compare(a.Name, b.Name), compareIDs(a.ID, b.ID)) })
	return topics
}

func memberRecord(id string, mem *consumerMember) coordinator.Record {
	var e encoder
	e.int16(0)
	e.nullable(mem.instance)
	e.nullable(mem.rack)
	e.string(mem.clientID)
	e.string(mem.host)
	e.strings(mem.names)
	e.nullable(mem.regex)
	e.int32(mem.rebalanceTimeout)
	e.nullable(mem.assignor)
	if mem.classic == nil {
		e.tags()
		return coordinator.Record{Key: consumerKey(memberMetadata, id, mem.id), Value: e.b}
	}
	var c encoder
	c.uvarint(1) // it is not null
	c.int32(mem.classic.sessionTimeout)
	c.array(len(mem.classic.protocols))
	for _, p := range mem.classic.protocols {
		c.string(p.name)
		c.bytes(p.metadata)
		c.tags()
	}
	c.tags()
	e.uvarint(1)
	e.uvarint(0)
	e.uvarint(len(c.b))
	e.b = append(e.b, c.b...)
	return coordinator.Record{Key: consumerKey(memberMetadata, id, mem.id), Value: e.b}
}

// decodeMember reads what a member has said of itself into it.
func decodeMember(d *decoder, mem *consumerMember) {
	mem.instance, mem.rack = d.nullable(), d.nullable()
	mem.clientID, mem.host = d.string(), d.string()
	mem.names = d.strings()
	slices.Sort(mem.names)
	mem.names = slices.Compact(mem.names)
	mem.regex = d.nullable()
	mem.rebalanceTimeout = d.int32()
	mem.assignor = d.nullable()
	mem.classic = nil
	d.tags(func(tag int) bool {
		if tag != 0 {
			return false
		}
		if d.uvarint() == 0 {
			return true
		}
		mem.classic = &classicMember{sessionTimeout: d.int32()}
		for range d.array(3) {
			mem.classic.protocols = append(mem.classic.protocols, classicProtocol{d.string(), d.bytes()})
			d.tags(nil)
		}
		d.tags(nil)
		return true
	})
}

func (e *encoder) share(s share) {
	e.array(len(s))
	for i := range s {
		e.uuid(s[i].id)
		e.int32s(s[i].partitions)
		e.tags()
	}
}

func (d *decoder) share() share {
	of := map[TopicID][]int32{}
	for range d.array(18) {
		id := d.uuid()
		of[id] = append(of[id], d.int32s()...)
		d.tags(nil)
	}
	return makeShare(of)
}

func targetRecord(id, member string, s share) coordinator.Record {
	e := encoder{make([]byte, 0, 16+20*len(s)+4*s.count())}
	e.int16(0)
	e.share(s)
	e.tags()
	return coordinator.Record{Key: consumerKey(targetMember, id, member), Value: e.b}
}

func currentRecord(id string, mem *consumerMember) coordinator.Record {
	e := encoder{make([]byte, 0, 32+20*(len(mem.assigned)+len(mem.revoking))+4*(mem.assigned.count()+mem.revoking.count()))}
	e.int16(0)
	e.int32(mem.epoch)
	e.int32(mem.previous)
	e.int8(int8(mem.state))
	e.share(mem.assigned)
	e.share(mem.revoking)
	e.tags()
	return coordinator.Record{Key: consumerKey(currentAssignment, id, mem.id), Value: e.b}
}

func decodeCurrent(d *decoder, mem *consumerMember) {
	mem.epoch, mem.previous, mem.state = d.int32(), d.int32(), memberState(d.int8())
	mem.assigned, mem.revoking = d.share(), d.share()
	d.tags(nil)
}

func expressionRecord(id, regex string, x expression) coordinator.Record {
	var e encoder
	e.int16(0)
	e.strings(x.topics)
	e.int64(x.version)
	e.int64(x.at)
	e.tags()
	return coordinator.Record{Key: consumerKey(resolvedExpression, id, regex), Value: e.b}
}

func decodeExpression(d *decoder) expression {
	x := expression{topics: d.strings(), version: d.int64(), at: d.int64()}
	d.tags(nil)
	slices.Sort(x.topics)
	x.topics = slices.Compact(x.topics)
	return x
}
