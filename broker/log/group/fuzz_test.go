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
			d := kmsg.NewPtrDescribeGroupsRequest()
			d.Groups = []string{g.id}
			m.Request(now, coordinator.Caller{Token: 1}, d)
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
	j := kmsg.NewPtrJoinGroupRequest()
	instance := "i"
	j.Version, j.Group, j.SessionTimeoutMillis, j.RebalanceTimeoutMillis, j.ProtocolType, j.InstanceID = 9, "g", 10_000, 10_000, "consumer", &instance
	j.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription("a")}}
	l.ask("c", j)
	var id string
	l.advance(0, func(a coordinator.Answer) { id = a.Body.(*kmsg.JoinGroupResponse).MemberID })
	s := kmsg.NewPtrSyncGroupRequest()
	s.Version, s.Group, s.Generation, s.MemberID = 5, "g", 1, id
	s.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: id, MemberAssignment: []byte("all")}}
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
	return l.log
}
