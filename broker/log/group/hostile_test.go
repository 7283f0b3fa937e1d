package group

import (
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func hostileJoin(group, member string, change func(*kmsg.JoinGroupRequest)) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID = 3, group, member
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis, r.ProtocolType = 10_000, 60_000, "consumer"
	r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription("a")}}
	if change != nil {
		change(r)
	}
	return r
}

// What clients may not send is refused, and what they may send but nobody should does no harm.
func TestHostileRequests(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	for _, row := range []struct {
		name string
		req  kmsg.Request
		code int16
	}{
		{"a session of nothing", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 0 }), wire.InvalidSessionTimeout},
		{"an endless session", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 1<<31 - 1 }), wire.InvalidSessionTimeout},
		{"a session before now", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = -1 << 31 }), wire.InvalidSessionTimeout},
		{"a group that no record can name", hostileJoin(long, "", nil), wire.InvalidRequest},
		{"an instance that no record can name", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.InstanceID = &long }), wire.InvalidRequest},
		{"a protocol that no record can name", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.Protocols[0].Name = long }), wire.InvalidRequest},
		{"no protocols", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.Protocols = nil }), wire.InconsistentGroupProtocol},
		{"a member of nothing", hostileJoin("none", "m", nil), wire.UnknownMemberID},
	} {
		l := newLab(t.Fatalf)
		answers := l.ask("c", row.req)
		if len(answers) != 1 || answers[0].Body.(*kmsg.JoinGroupResponse).ErrorCode != row.code {
			t.Errorf("%s: %+v, want %s", row.name, answers, wire.ErrorName(row.code))
		}
		left := 0
		if row.code == wire.InconsistentGroupProtocol {
			left = 1 // the group itself, as in Kafka, until it expires
		}
		if len(l.log) != left || len(l.m.groups) != left {
			t.Errorf("%s: has left %d records and %d groups", row.name, len(l.log), len(l.m.groups))
		}
	}
}

// A rebalance timeout of nothing, or one before now, ends at once, and does not make the
// machine tick without end.
func TestHostileRebalanceTimeout(t *testing.T) {
	for _, ms := range []int32{0, -1, -1 << 31, 1<<31 - 1} {
		l := newLab(t.Fatalf)
		l.broker.GroupInitialRebalanceDelay = 0
		instance := "i"
		for range 2 {
			l.ask("c", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = ms; r.InstanceID = &instance }))
			l.advance(0, func(coordinator.Answer) {})
		}
		l.ask("d", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = ms }))
		ticks, until := 0, l.now.Mono.Add(time.Hour)
		for l.m.Deadline() <= until && ticks < 1000 {
			l.now.Mono = max(l.now.Mono, l.m.Deadline())
			l.take(l.m.Tick(l.now))
			ticks++
		}
		if ticks > 100 {
			t.Errorf("%d ms: %d ticks", ms, ticks)
		}
	}
}

// Requests that say the same twice.
func TestHostileTwice(t *testing.T) {
	l := newLab(t.Fatalf)
	l.broker.GroupInitialRebalanceDelay = 0
	var id string
	l.ask("c", hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) {
		r.Protocols = append(r.Protocols, r.Protocols[0], kmsg.JoinGroupRequestProtocol{Name: "range", Metadata: []byte("other")})
	}))
	l.advance(0, func(a coordinator.Answer) { id = a.Body.(*kmsg.JoinGroupResponse).MemberID })
	s := kmsg.NewPtrSyncGroupRequest()
	s.Version, s.Group, s.Generation, s.MemberID = 5, "g", 1, id
	for _, a := range []string{"one", "two"} {
		s.GroupAssignment = append(s.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte(a)})
	}
	s.GroupAssignment = append(s.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: "nobody", MemberAssignment: []byte("three")})
	if r := l.ask("c", s)[0].Body.(*kmsg.SyncGroupResponse); string(r.MemberAssignment) != "two" {
		t.Errorf("assigned %q", r.MemberAssignment)
	}
	c := kmsg.NewPtrOffsetCommitRequest()
	c.Version, c.Group, c.Generation, c.MemberID, c.RetentionTimeMillis = 8, "g", 1, id, -1
	for n := range 3 {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Offset = int64(n)
		c.Topics = append(c.Topics, kmsg.OffsetCommitRequestTopic{Topic: "a", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p, p}})
	}
	l.ask("c", c)
	if o := l.m.groups["g"].offsets[partition{"a", 0}]; o.offset != 2 {
		t.Errorf("committed %d, want the last", o.offset)
	}
	v := kmsg.NewPtrLeaveGroupRequest()
	v.Version, v.Group = 5, "g"
	v.Members = []kmsg.LeaveGroupRequestMember{{MemberID: id}, {MemberID: id}}
	r := l.ask("c", v)[0].Body.(*kmsg.LeaveGroupResponse)
	if r.Members[0].ErrorCode != 0 || r.Members[1].ErrorCode != wire.UnknownMemberID {
		t.Errorf("%+v", r.Members)
	}
}

// Member ids are given out for the length of a session, and then forgotten; members of a large
// group come and go in time that is not its square.
func TestHostileCrowd(t *testing.T) {
	x := newCrowd(10)
	for range 5000 {
		x.ask(hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.Version = 9 }))
	}
	if n := len(x.m.groups["g"].pending); n != 5000 {
		t.Fatalf("%d pending", n)
	}
	for x.m.Deadline() <= machine.Instant(11*time.Second) {
		x.now.Mono = max(x.now.Mono, x.m.Deadline())
		x.do(x.m.Tick(x.now))
	}
	if n := len(x.m.groups["g"].pending); n != 0 {
		t.Fatalf("%d pending", n)
	}
	y := classicGroups(t, 1, 5000).crowd
	for len(y.m.groups["0"].members) > 0 {
		y.now.Mono = max(y.now.Mono, y.m.Deadline())
		y.do(y.m.Tick(y.now))
	}
}

// A group with more offsets than a batch should have loses them batch by batch.
func TestExpiryInBatches(t *testing.T) {
	l := newLab(t.Fatalf)
	l.topics.set("big", 2000)
	c := kmsg.NewPtrOffsetCommitRequest()
	c.Version, c.Group, c.Generation, c.RetentionTimeMillis = 8, "g", -1, -1
	topic := kmsg.OffsetCommitRequestTopic{Topic: "big"}
	for i := range int32(1200) {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = i, 1
		topic.Partitions = append(topic.Partitions, p)
	}
	c.Topics = append(c.Topics, topic)
	l.ask("c", c)
	largest := 0
	for l.m.Deadline() < machine.Instant(200*time.Hour) {
		l.pass(time.Duration(max(0, l.m.Deadline()-l.now.Mono)))
		before := len(l.log)
		l.take(l.m.Tick(l.now))
		largest = max(largest, len(l.log)-before)
	}
	if len(l.m.groups) > 0 || largest > expireBatch+1 {
		t.Errorf("%d groups are left, and a batch had %d records", len(l.m.groups), largest)
	}
}

// Fields that nobody knows are passed over.
func TestUnknownFields(t *testing.T) {
	l := newLab(t.Fatalf)
	r := hostileJoin("g", "", func(r *kmsg.JoinGroupRequest) { r.Version = 9; r.UnknownTags.Set(77, []byte("what?")) })
	if len(l.ask("c", r)) != 1 {
		t.Error("no answer")
	}
	for kind, value := range map[int16][]byte{
		consumerMetadata: {0, 0, 0, 0, 0, 5, 1, 9, 2, 'h', 'i'},
		targetMetadata:   {0, 0, 0, 0, 0, 5, 1, 9, 2, 'h', 'i'},
	} {
		if err := l.m.Replay(coordinator.Position{Offset: 9, ProducerID: -1}, consumerKey(kind, "k"), value); err != nil {
			t.Error(err)
		}
	}
	if c := l.m.groups["k"].consumer; c.epoch != 5 || c.targetEpoch != 5 {
		t.Errorf("epochs %d and %d", c.epoch, c.targetEpoch)
	}
}
