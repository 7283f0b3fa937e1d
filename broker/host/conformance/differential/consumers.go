package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// beatOf is a ConsumerGroupHeartbeat (KIP-848) that says no more than that a member lives.
func beatOf(group, member string, epoch int32, change func(*side, *kmsg.ConsumerGroupHeartbeatRequest)) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Group, req.MemberID, req.MemberEpoch, req.RebalanceTimeoutMillis = group, s.member(member), epoch, -1
		if change != nil {
			change(s, req)
		}
		return req
	}
}

// full has a heartbeat say all that a member can say: what it subscribes to, and what it owns.
func full(owned []int32, topics ...string) func(*side, *kmsg.ConsumerGroupHeartbeatRequest) {
	return func(s *side, r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.RebalanceTimeoutMillis, r.SubscribedTopicNames = 60_000, topics
		owns("consumers", owned...)(s, r)
	}
}

// owns has a heartbeat say what a member owns.
func owns(topic string, owned ...int32) func(*side, *kmsg.ConsumerGroupHeartbeatRequest) {
	return func(s *side, r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		if len(owned) > 0 {
			r.Topics = append(r.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: s.id(topic), Partitions: owned})
		}
	}
}

// playConsumers is the life of groups of KIP-848 in every version of ConsumerGroupHeartbeat,
// and what members may do wrong. Kafka 3.9 has version 0 alone, and that turned off.
func playConsumers(d *dialogue) {
	for _, s := range d.sides {
		if s.versions[int16(kmsg.ConsumerGroupHeartbeat)][1] < 1 {
			return
		}
	}
	d.coordinated()
	d.topic("consumers", 4)
	d.topic("consumers-more", 2)
	for _, v := range d.versions(kmsg.ConsumerGroupHeartbeat) {
		d.playBadBeats(v)
		d.playConsumers(v)
		d.playStaticConsumers(v)
	}
	d.playMixed()
}

func (d *dialogue) playBadBeats(v int16) {
	type request = kmsg.ConsumerGroupHeartbeatRequest
	join := full(nil, "consumers")
	id := ""
	if v > 0 {
		id = "bad"
	}
	for name, change := range inOrder(map[string]func(*request){
		"of no group":               func(r *request) { r.Group = "" },
		"of a blank group":          func(r *request) { r.Group = " " },
		"epoch -3":                  func(r *request) { r.MemberEpoch = -3 },
		"as static of no instance":  func(r *request) { r.MemberEpoch = -2 },
		"leaving of nobody":         func(r *request) { r.MemberEpoch, r.MemberID = -1, "nobody" },
		"epoch 7 of nobody":         func(r *request) { r.MemberEpoch, r.MemberID = 7, "nobody" },
		"no rebalance timeout":      func(r *request) { r.RebalanceTimeoutMillis = -1 },
		"rebalance timeout 0":       func(r *request) { r.RebalanceTimeoutMillis = 0 },
		"no topics":                 func(r *request) { r.SubscribedTopicNames = nil },
		"an empty list of topics":   func(r *request) { r.SubscribedTopicNames = []string{} },
		"owning nothing it says":    func(r *request) { r.Topics = nil },
		"owning before it joins":    func(r *request) { r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{{Partitions: []int32{0}}} },
		"an unknown assignor":       func(r *request) { r.ServerAssignor = ptr("none") },
		"no assignor":               func(r *request) { r.ServerAssignor = ptr("") },
		"an empty instance":         func(r *request) { r.InstanceID = ptr("") },
		"an empty rack":             func(r *request) { r.RackID = ptr("") },
		"a member id by the server": func(r *request) { r.MemberID = "" },
		"an expression":             func(r *request) { r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, ptr("consumers.*") },
		"an empty expression":       func(r *request) { r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, ptr("") },
		"a bad expression":          func(r *request) { r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, ptr("(") },
	}) {
		g := fmt.Sprintf("bad-%d-%s", v, name)
		d.in(kmsg.ConsumerGroupHeartbeat, v, name, beatOf(g, id, 0, func(s *side, r *request) {
			join(s, r)
			change(r)
		}))
		d.all(kmsg.ConsumerGroupDescribe, "after "+name, consumerDescribeOf(g))
	}
}

func consumerDescribeOf(groups ...string) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrConsumerGroupDescribeRequest()
		req.Groups = groups
		return req
	}
}

// playConsumers is a group of two members, the second of which comes later and goes first.
func (d *dialogue) playConsumers(v int16) {
	g, a, b := fmt.Sprint("consumers-", v), fmt.Sprint("consumer-a-", v), fmt.Sprint("consumer-b-", v)
	beat := func(name, member string, epoch int32, change func(*side, *kmsg.ConsumerGroupHeartbeatRequest)) {
		resps := d.in(kmsg.ConsumerGroupHeartbeat, v, name, beatOf(g, member, epoch, change))
		for i, s := range d.sides {
			if r, ok := resps[i].(*kmsg.ConsumerGroupHeartbeatResponse); ok && r.MemberID != nil && epoch == 0 {
				s.members[*r.MemberID] = member
			}
		}
	}
	describe := func(name string) {
		d.all(kmsg.ConsumerGroupDescribe, name, consumerDescribeOf(g))
	}
	first := func(change func(*side, *kmsg.ConsumerGroupHeartbeatRequest)) func(*side, *kmsg.ConsumerGroupHeartbeatRequest) {
		return func(s *side, r *kmsg.ConsumerGroupHeartbeatRequest) {
			if change(s, r); v == 0 {
				r.MemberID = "" // the coordinator gives one
			}
		}
	}
	commit := func(name, member string, epoch int32, at int64) {
		d.in(kmsg.OffsetCommit, 9, name, commitOf(g, member, epoch, "consumers", nil, at))
	}
	fetch := func(name, member string, epoch int32) {
		d.in(kmsg.OffsetFetch, 9, name, fetchOf("consumers", []int32{0, 1}, func(r *kmsg.OffsetFetchRequest) {
			r.Groups[0].MemberEpoch = epoch
			if member != "" {
				r.Groups[0].MemberID = &member
			}
		}, g))
	}

	beat("first", a, 0, first(full(nil, "consumers")))
	describe("first")
	beat("epoch 0 again", a, 0, full(nil, "consumers"))
	beat("lives", a, 1, nil)
	beat("owns all", a, 1, owns("consumers", 0, 1, 2, 3))
	beat("owns what it is not given", a, 1, owns("consumers", 0, 7))
	beat("says all", a, 1, full([]int32{0, 1, 2, 3}, "consumers"))
	beat("an epoch to come", a, 9, nil)
	beat("an old epoch", a, 0, owns("consumers", 0, 1, 2, 3))
	beat("nobody", "nobody", 1, nil)
	commit("of a member", a, 1, 5)
	commit("of an epoch to come", a, 9, 6)
	commit("of an old epoch", a, 0, 6)
	commit("of nobody", "nobody", 1, 6)
	commit("of no member", "", -1, 6)
	fetch("of no member", "", -1)
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, 99), "a consumer group "+g, describeOf(g))
	d.in(kmsg.JoinGroup, d.last(kmsg.JoinGroup, 99), "a consumer group "+g, joinOf(g, "", nil))
	d.in(kmsg.Heartbeat, d.last(kmsg.Heartbeat, 99), "a consumer group "+g, heartbeatOf(g, a, 1, nil))
	d.in(kmsg.LeaveGroup, d.last(kmsg.LeaveGroup, 99), "a consumer group "+g, leaveOf(g, "nobody"))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, 99), "a consumer group "+g, deleteOf(g))
	d.in(kmsg.OffsetDelete, 0, "a consumer group "+g, forgetOf(g, "consumers", 0))

	beat("second", b, 0, first(full(nil, "consumers")))
	describe("second")
	beat("second waits", b, 2, nil)
	beat("first is to revoke", a, 1, owns("consumers", 0, 1, 2, 3))
	describe("first is to revoke")
	beat("first has not revoked", a, 1, owns("consumers", 0, 1, 2, 3))
	commit("while it revokes", a, 1, 7)
	beat("first has revoked", a, 1, owns("consumers", 0, 1))
	describe("first has revoked")
	beat("second gets them", b, 2, owns("consumers"))
	beat("second has them", b, 2, owns("consumers", 2, 3))
	describe("both")
	commit("of an epoch that is gone", a, 1, 8)
	commit("of the epoch", a, 2, 8)
	beat("other topics", b, 2, full([]int32{2, 3}, "consumers", "consumers-more"))
	describe("other topics")
	beat("of the range", b, 3, func(s *side, r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = ptr("range") })
	describe("of the range")
	beat("first lives on", a, 2, owns("consumers", 0, 1))
	beat("first lives on still", a, 3, owns("consumers", 0, 1))
	beat("no such topic", a, 3, full([]int32{0, 1}, "consumers", "no-such"))
	describe("no such topic")
	beat("second leaves", b, -1, nil)
	beat("who has left", b, 3, nil)
	describe("second has left")
	beat("first gets all", a, 4, owns("consumers", 0, 1))
	beat("first gets the rest", a, 5, owns("consumers", 0, 1))
	d.from(5, kmsg.ListGroups, "by type "+g, func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrListGroupsRequest()
		req.TypesFilter = []string{"consumer"}
		return req
	})
	beat("first leaves", a, -1, nil)
	describe("empty")
	fetch("when it is empty", "", -1)
	commit("of no member when it is empty", "", -1, 9)
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, 99), "an empty consumer group "+g, deleteOf(g))
	describe("deleted")
	beat("of a deleted group", a, 5, nil)
}

// playStaticConsumers is a static member that goes and comes again (KIP-345).
func (d *dialogue) playStaticConsumers(v int16) {
	g := fmt.Sprint("static-consumers-", v)
	beat := func(name, member string, epoch int32, change func(*side, *kmsg.ConsumerGroupHeartbeatRequest)) {
		resps := d.in(kmsg.ConsumerGroupHeartbeat, v, name, beatOf(g, member, epoch, func(s *side, r *kmsg.ConsumerGroupHeartbeatRequest) {
			if r.InstanceID = ptr("instance"); change != nil {
				change(s, r)
			}
			if v == 0 && epoch == 0 {
				r.MemberID = s.member(member)
				if r.MemberID == member {
					r.MemberID = ""
				}
			}
		}))
		for i, s := range d.sides {
			if r, ok := resps[i].(*kmsg.ConsumerGroupHeartbeatResponse); ok && r.MemberID != nil && r.ErrorCode == 0 && epoch == 0 {
				s.members[*r.MemberID] = member
			}
		}
	}
	one, twin, next := fmt.Sprint("one-", v), fmt.Sprint("twin-", v), fmt.Sprint("next-", v)
	beat("static", one, 0, full(nil, "consumers"))
	beat("static lives", one, 1, owns("consumers", 0, 1, 2, 3))
	beat("its twin", twin, 0, full(nil, "consumers"))
	beat("another instance", one, 1, func(_ *side, r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = ptr("another") })
	beat("static goes for a while", one, -2, nil)
	d.all(kmsg.ConsumerGroupDescribe, "gone for a while", consumerDescribeOf(g))
	beat("who is gone for a while", one, 1, nil)
	beat("static comes again", next, 0, full(nil, "consumers"))
	d.all(kmsg.ConsumerGroupDescribe, "come again", consumerDescribeOf(g))
	beat("the one before", one, 1, nil)
	beat("static leaves", next, -1, nil)
	d.all(kmsg.ConsumerGroupDescribe, "static has left", consumerDescribeOf(g))
}

// playMixed is what a classic group makes of members of KIP-848, and the other way round.
func (d *dialogue) playMixed() {
	join := d.last(kmsg.JoinGroup, 99)
	d.meet("old", d.in(kmsg.JoinGroup, join, "to be mixed", joinOf("mixed", "", nil)))
	d.meet("old", d.in(kmsg.JoinGroup, join, "to be mixed, again", joinOf("mixed", "old", nil)))
	d.in(kmsg.SyncGroup, d.last(kmsg.SyncGroup, 99), "to be mixed", syncOf("mixed", "old", 1, []string{"old"}, nil))
	d.all(kmsg.ConsumerGroupDescribe, "a classic group", consumerDescribeOf("mixed"))
	d.all(kmsg.ConsumerGroupDescribe, "no group", consumerDescribeOf("", "no-such"))
	d.in(kmsg.LeaveGroup, d.last(kmsg.LeaveGroup, 99), "to be mixed", leaveOf("mixed", "old"))
	v := d.last(kmsg.ConsumerGroupHeartbeat, 99)
	d.in(kmsg.ConsumerGroupHeartbeat, v, "into an empty classic group", beatOf("mixed", "young", 0, full(nil, "consumers")))
	d.all(kmsg.ConsumerGroupDescribe, "a classic group no more", consumerDescribeOf("mixed"))
	d.in(kmsg.ConsumerGroupHeartbeat, v, "out of it", beatOf("mixed", "young", -1, nil))
	d.meet("older", d.in(kmsg.JoinGroup, join, "into an empty consumer group", joinOf("mixed", "", nil)))
	d.meet("older", d.in(kmsg.JoinGroup, join, "into an empty consumer group, again", joinOf("mixed", "older", nil)))
	d.in(kmsg.SyncGroup, d.last(kmsg.SyncGroup, 99), "a classic group again", syncOf("mixed", "older", 1, []string{"older"}, nil))
	d.all(kmsg.DescribeGroups, "a classic group again", describeOf("mixed"))
}
