package group

import (
	"errors"
	"testing"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Garbage in the log is an error that says where, changes nothing and never panics, and
// whatever replay takes can be lived with.
func FuzzReplay(f *testing.F) {
	l := newLab(f.Fatalf)
	script(l)
	for _, e := range l.log {
		f.Add(e.key, e.value, e.at.ProducerID)
	}
	f.Add([]byte{0, 2}, []byte{0, 3}, int64(-1))
	f.Add([]byte{0, 1, 0, 1, 'g'}, []byte(nil), int64(4))
	f.Fuzz(func(t *testing.T, key, value []byte, producerID int64) {
		if len(value) == 0 {
			value = nil
		}
		l := newLab(t.Fatalf)
		m := l.machine(1)
		l.replay(m, script(newLab(t.Fatalf)))
		before := durable(m, nil)
		err := m.Replay(coordinator.Position{Offset: 77, ProducerID: producerID}, key, value)
		var bad *RecordError
		if err != nil && (!errors.As(err, &bad) || bad.Offset != 77) {
			t.Fatalf("%v does not say where", err)
		}
		if err != nil && durable(m, nil) != before {
			t.Fatalf("%v, and something has changed", err)
		}
		l.m = m
		l.log = nil
		now := machine.Now{}
		m.Loaded(now)
		for _, g := range m.sorted() {
			h := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			h.Version, h.Group, h.MemberID, h.RebalanceTimeoutMillis = 1, g.id, "m3", 1000
			h.SubscribedTopicNames, h.Topics = []string{"a"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
			for _, r := range m.Request(now, coordinator.Caller{Token: 2}, h).Records {
				if err := m.Replay(coordinator.Position{Offset: 78, ProducerID: -1}, r.Key, r.Value); err != nil {
					t.Fatal(err)
				}
			}
			d := kmsg.NewPtrDescribeGroupsRequest()
			d.Groups = []string{g.id}
			m.Request(now, coordinator.Caller{Token: 1}, d)
		}
		for _, g := range m.shareGroups() {
			h := kmsg.NewPtrShareGroupHeartbeatRequest()
			h.Version, h.GroupID, h.MemberID, h.SubscribedTopicNames = 1, g.id, "s3", []string{"a"}
			_, topics := m.ShareUninitialized(now.Mono, g.id)
			for _, command := range []any{h, ShareInitialized{g.id, topics}, ShareDeleted{g.id, g.deleting}, MetadataChanged{Deleted: []string{"b"}}} {
				for _, r := range m.Request(now, coordinator.Caller{Token: 2}, command).Records {
					if err := m.Replay(coordinator.Position{Offset: 78, ProducerID: -1}, r.Key, r.Value); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for range 20 {
			now.Mono = min(max(now.Mono, m.Deadline()), 1<<62)
			for _, r := range m.Tick(now).Records {
				if err := m.Replay(coordinator.Position{Offset: 78, ProducerID: -1}, r.Key, r.Value); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// script is a log with something of everything.
func script(l *lab) []entry {
	l.broker.GroupInitialRebalanceDelay = 0
	sh := kmsg.NewPtrShareGroupHeartbeatRequest()
	sh.Version, sh.GroupID, sh.MemberID, sh.SubscribedTopicNames = 1, "shared", "s1", []string{"a", "b"}
	l.ask("s1", sh)
	_, topics := l.m.ShareUninitialized(l.now.Mono, "shared")
	l.ask("", ShareInitialized{"shared", topics[:1]})
	l.ask("s1", sh)
	away := *sh
	away.MemberID = "s2"
	l.ask("s2", &away)
	away.MemberEpoch = leaves
	l.ask("s2", &away)
	j := kmsg.NewPtrJoinGroupRequest()
	instance := "i"
	j.Version, j.Group, j.SessionTimeoutMillis, j.RebalanceTimeoutMillis, j.ProtocolType, j.InstanceID = 9, "g", 10_000, 10_000, "consumer", &instance
	j.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription("a")}}
	l.ask("c", j)
	var id string
	l.advance(0, func(a coordinator.Answer) { id = a.Body.(*kmsg.JoinGroupResponse).MemberID })
	assigned := kmsg.NewConsumerMemberAssignment()
	assigned.Topics = []kmsg.ConsumerMemberAssignmentTopic{{Topic: "a", Partitions: []int32{0, 1, 2, 3}}}
	s := kmsg.NewPtrSyncGroupRequest()
	s.Version, s.Group, s.Generation, s.MemberID = 5, "g", 1, id
	s.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: id, MemberAssignment: assigned.AppendTo(nil)}}
	l.ask("c", s)
	c := kmsg.NewPtrOffsetCommitRequest()
	c.Version, c.Group, c.Generation, c.MemberID, c.RetentionTimeMillis = 8, "g", 1, id, -1
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = 5
	c.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "a", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	l.ask("c", c)
	c.Version, c.Group, c.Generation, c.MemberID, c.RetentionTimeMillis = 3, "h", -1, "", 1000
	l.ask("c", c)
	x := kmsg.NewPtrTxnOffsetCommitRequest()
	x.Group, x.ProducerID, x.Generation = "h", 4, -1
	tp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	tp.Partition, tp.Offset = 1, 9
	x.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "a", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{tp}}}
	l.ask("c", x)
	d := kmsg.NewPtrDeleteGroupsRequest()
	d.Groups = []string{"h"}
	l.ask("c", d)
	h := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	regex, assignor := "a|b", "range"
	h.Version, h.Group, h.MemberID, h.RebalanceTimeoutMillis = 1, "k", "m1", 1000
	h.SubscribedTopicNames, h.SubscribedTopicRegex, h.InstanceID, h.ServerAssignor = []string{"a"}, &regex, &instance, &assignor
	h.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	l.ask("c", h)
	h.MemberID, h.SubscribedTopicRegex, h.InstanceID, h.ServerAssignor = "m2", nil, nil, nil
	l.ask("c", h)
	h.Group = "g" // is upgraded, with a classic member
	l.ask("c", h)
	return l.log
}

// What is read of a value is written as it was read.
func FuzzConsumerRecords(f *testing.F) {
	for _, e := range script(newLab(f.Fatalf)) {
		if e.value != nil {
			f.Add(int16(e.key[1]), e.value)
		}
	}
	f.Fuzz(func(t *testing.T, kind int16, value []byte) {
		if len(value) < 2 {
			return
		}
		read := func(value []byte) (again []byte, err error) {
			d := decoder{b: value[2:]}
			mem := &consumerMember{}
			var r coordinator.Record
			switch kind {
			case consumerMetadata, targetMetadata:
				epoch := d.int32()
				d.tags(nil)
				r = epochRecord(kind, "g", epoch)
			case partitionMetadata:
				r = topicsRecord("g", decodeTopics(&d))
			case memberMetadata:
				decodeMember(&d, mem)
				r = memberRecord("g", mem)
			case targetMember:
				s := d.share()
				d.tags(nil)
				r = targetRecord("g", "m", s)
			case currentAssignment:
				decodeCurrent(&d, mem)
				r = currentRecord("g", mem)
			case resolvedExpression:
				r = expressionRecord("g", "x", decodeExpression(&d))
			default:
				t.Skip()
			}
			return r.Value, d.err
		}
		once, err := read(value)
		if err != nil {
			return
		}
		twice, err := read(once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%x is written as %x, and that as %x (%v)", value, once, twice, err)
		}
	})
}
