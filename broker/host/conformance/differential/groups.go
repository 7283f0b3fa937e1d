package differential

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupRequest is a request of a group whose member ids are names, each side having ids of
// its own for them.
type groupRequest func(s *side) kmsg.Request

// member is the id that a side has given to a member, or the name itself if it has given
// none.
func (s *side) member(name string) string {
	for id, n := range s.members {
		if n == name {
			return id
		}
	}
	return name
}

// meet notes the member that an answer is about.
func (d *dialogue) meet(name string, resps [2]kmsg.Response) {
	for i, s := range d.sides {
		if r, ok := resps[i].(*kmsg.JoinGroupResponse); ok && r.MemberID != "" {
			s.members[r.MemberID] = name
		}
	}
}

// said is a request that is made while others wait for their answers.
type said struct {
	key     kmsg.Key
	version int16
	name    string
	req     groupRequest
}

// together has both sides asked several things, each a moment after the one before and all
// before any need be answered.
func (d *dialogue) together(list ...said) (resps [][2]kmsg.Response) {
	resps = make([][2]kmsg.Response, len(list))
	got := make([][2]*fields, len(list))
	for i, s := range d.sides {
		var all sync.WaitGroup
		errs := make([]error, len(list))
		for j, x := range list {
			req := x.req(s)
			req.SetVersion(x.version)
			all.Go(func() { resps[j][i], errs[j] = s.ask(d.ctx, req) })
			time.Sleep(150 * time.Millisecond)
		}
		all.Wait()
		for j := range list {
			got[j][i] = s.fields(resps[j][i], errs[j])
		}
	}
	for j, x := range list {
		d.compare(Difference{Asked: x.key.Name(), Version: x.version, Name: x.name}, got[j])
	}
	return resps
}

// in asks in one version, if both sides offer it.
func (d *dialogue) in(key kmsg.Key, version int16, name string, req groupRequest) (resps [2]kmsg.Response) {
	resps[0], resps[1] = d.at(key, version, name, func(s *side, _ int16) kmsg.Request { return req(s) })
	return resps
}

// last is the latest version of an API up to one that goes with another API's version.
func (d *dialogue) last(key kmsg.Key, most int16) int16 {
	list := d.versions(key)
	v := list[0]
	for _, x := range list {
		if x <= most {
			v = x
		}
	}
	return v
}

func joinOf(group, member string, change func(*kmsg.JoinGroupRequest)) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Group, req.MemberID, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = group, s.member(member), 10_000, 3_000, "consumer"
		for _, name := range []string{"range", "other"} {
			p := kmsg.NewJoinGroupRequestProtocol()
			p.Name, p.Metadata = name, []byte{0, 0, 0, 0, 0, 1, 0, 6, 'g', 'r', 'o', 'u', 'p', 's', 0, 0, 0, 0}
			req.Protocols = append(req.Protocols, p)
		}
		if change != nil {
			change(req)
		}
		return req
	}
}

func syncOf(group, member string, generation int32, assigned []string, change func(*kmsg.SyncGroupRequest)) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrSyncGroupRequest()
		req.Group, req.MemberID, req.Generation = group, s.member(member), generation
		req.ProtocolType, req.Protocol = ptr("consumer"), ptr("range")
		for _, m := range assigned {
			x := kmsg.NewSyncGroupRequestGroupAssignment()
			x.MemberID, x.MemberAssignment = s.member(m), []byte("for "+m)
			req.GroupAssignment = append(req.GroupAssignment, x)
		}
		if change != nil {
			change(req)
		}
		return req
	}
}

func heartbeatOf(group, member string, generation int32, instance *string) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.Generation, req.InstanceID = group, s.member(member), generation, instance
		return req
	}
}

func leaveOf(group string, members ...string) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Group = group
		for _, m := range members {
			req.MemberID = s.member(m)
			x := kmsg.NewLeaveGroupRequestMember()
			x.MemberID = s.member(m)
			req.Members = append(req.Members, x)
		}
		return req
	}
}

func commitOf(group, member string, generation int32, topic string, change func(*kmsg.OffsetCommitRequest), at ...int64) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.MemberID, req.Generation, req.RetentionTimeMillis = group, s.member(member), generation, -1
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic = topic
		for p, offset := range at {
			x := kmsg.NewOffsetCommitRequestTopicPartition()
			x.Partition, x.Offset, x.LeaderEpoch, x.Timestamp, x.Metadata = int32(p), offset, -1, -1, ptr(fmt.Sprint("at ", offset))
			t.Partitions = append(t.Partitions, x)
		}
		req.Topics = append(req.Topics, t)
		if change != nil {
			change(req)
		}
		return req
	}
}

// fetchOf is what is committed by groups of partitions of a topic; of all if there are none.
func fetchOf(topic string, partitions []int32, change func(*kmsg.OffsetFetchRequest), groups ...string) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrOffsetFetchRequest()
		if partitions != nil {
			t := kmsg.NewOffsetFetchRequestTopic()
			t.Topic, t.Partitions = topic, partitions
			req.Topics = append(req.Topics, t)
		}
		for _, g := range groups {
			req.Group = g
			x := kmsg.NewOffsetFetchRequestGroup()
			x.Group = g
			if partitions != nil {
				t := kmsg.NewOffsetFetchRequestGroupTopic()
				t.Topic, t.Partitions = topic, partitions
				x.Topics = append(x.Topics, t)
			}
			req.Groups = append(req.Groups, x)
		}
		if change != nil {
			change(req)
		}
		return req
	}
}

func describeOf(groups ...string) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = groups
		return req
	}
}

func deleteOf(groups ...string) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrDeleteGroupsRequest()
		req.Groups = groups
		return req
	}
}

func forgetOf(group, topic string, partitions ...int32) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = group
		t := kmsg.NewOffsetDeleteRequestTopic()
		t.Topic = topic
		for _, p := range partitions {
			x := kmsg.NewOffsetDeleteRequestTopicPartition()
			x.Partition = p
			t.Partitions = append(t.Partitions, x)
		}
		req.Topics = append(req.Topics, t)
		return req
	}
}

// all asks in every version that both offer.
func (d *dialogue) all(key kmsg.Key, name string, req groupRequest) {
	d.each(key, name, func(s *side, _ int16) kmsg.Request { return req(s) })
}

// internalTopics waits until both sides have made the topics of coordinators, which they do
// when somebody looks for one.
func (d *dialogue) internalTopics() {
	for _, s := range d.sides {
		for _, kind := range []int8{0, 1} {
			for until := time.Now().Add(3 * patience); ; time.Sleep(50 * time.Millisecond) {
				req := kmsg.NewPtrFindCoordinatorRequest()
				req.Version, req.CoordinatorKey, req.CoordinatorType = 1, "any", kind
				if resp, err := s.ask(d.ctx, req); err == nil && resp.(*kmsg.FindCoordinatorResponse).ErrorCode == 0 {
					break
				}
				if time.Now().After(until) {
					panic(s.name + " has no coordinators")
				}
			}
		}
	}
}

// coordinated waits until both sides have coordinators of groups.
func (d *dialogue) coordinated() {
	d.internalTopics()
	for _, s := range d.sides {
		for until := time.Now().Add(3 * patience); ; time.Sleep(50 * time.Millisecond) {
			req := heartbeatOf("any", "nobody", 1, nil)(s)
			req.SetVersion(0)
			if resp, err := s.ask(d.ctx, req); err == nil && resp.(*kmsg.HeartbeatResponse).ErrorCode == 25 {
				break
			}
			if time.Now().After(until) {
				panic(s.name + " coordinates no groups")
			}
		}
	}
}

// described waits until both sides describe a group. Kafka 4 answers the JoinGroup that makes
// one, and refuses its member, before the record of it is committed, which takes
// group.coordinator.append.linger.ms; DescribeGroups reads what is committed.
func (d *dialogue) described(group string) {
	for _, s := range d.sides {
		for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			req := describeOf(group)(s)
			req.SetVersion(0)
			if resp, err := s.ask(d.ctx, req); err == nil && resp.(*kmsg.DescribeGroupsResponse).Groups[0].State != "Dead" {
				break
			}
			if time.Now().After(until) {
				break // the answers will say it
			}
		}
	}
}

// playGroups is the life of a group in every version of JoinGroup, with the version of every
// other API that goes with it, and what members may do wrong.
func playGroups(d *dialogue) {
	d.coordinated()
	d.topic("groups", 3)
	for _, v := range d.versions(kmsg.JoinGroup) {
		d.playGroup(v)
	}
	d.all(kmsg.ListGroups, "no such state", func(*side) kmsg.Request {
		req := kmsg.NewPtrListGroupsRequest()
		req.StatesFilter = []string{"Nonsense"}
		return req
	})
	for _, states := range [][]string{{"Empty"}, {"Stable"}, {"empty"}} {
		d.from(4, kmsg.ListGroups, fmt.Sprint("of state ", states), func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrListGroupsRequest()
			req.StatesFilter = states
			return req
		})
	}
}

func (d *dialogue) playGroup(v int16) {
	g := fmt.Sprint("group-", v)
	a, b := fmt.Sprint("a", v), fmt.Sprint("b", v)
	join := func(name, member string, change func(*kmsg.JoinGroupRequest)) said {
		return said{kmsg.JoinGroup, v, name, joinOf(g, member, change)}
	}
	sync, beat, leave := d.last(kmsg.SyncGroup, v), d.last(kmsg.Heartbeat, v), d.last(kmsg.LeaveGroup, v)
	commit := d.last(kmsg.OffsetCommit, v+1)
	ask := func(x said) [2]kmsg.Response { return d.in(x.key, x.version, x.name, x.req) }

	ask(join("by nobody", "nobody", nil))
	ask(join("of no group", "", func(r *kmsg.JoinGroupRequest) { r.Group = "" }))
	ask(join("session too short", "", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 100 }))
	ask(join("session too long", "", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 10_000_000 }))
	ask(join("no protocols", "", func(r *kmsg.JoinGroupRequest) { r.Protocols = nil }))
	ask(join("no protocol type", "", func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "" }))
	d.described(g)
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, v), "before", describeOf(g))

	d.meet(a, ask(join("first", "", nil)))
	if v >= 4 {
		d.meet(a, ask(join("first again", a, nil)))
	}
	d.in(kmsg.Heartbeat, beat, "before sync", heartbeatOf(g, a, 1, nil))
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, v), "before sync", describeOf(g))
	d.in(kmsg.OffsetCommit, commit, "before sync", commitOf(g, a, 1, "groups", nil, 1))
	d.in(kmsg.SyncGroup, sync, "old generation", syncOf(g, a, 0, []string{a}, nil))
	d.in(kmsg.SyncGroup, sync, "next generation", syncOf(g, a, 2, []string{a}, nil))
	d.in(kmsg.SyncGroup, sync, "nobody", syncOf(g, "nobody", 1, []string{a}, nil))
	d.in(kmsg.SyncGroup, sync, "no such group", syncOf("no-such", a, 1, []string{a}, nil))
	d.in(kmsg.SyncGroup, sync, "of no group", syncOf("", a, 1, []string{a}, nil))
	d.in(kmsg.SyncGroup, sync, "another protocol", syncOf(g, a, 1, []string{a}, func(r *kmsg.SyncGroupRequest) { r.Protocol = ptr("other") }))
	d.in(kmsg.SyncGroup, sync, "another protocol type", syncOf(g, a, 1, []string{a}, func(r *kmsg.SyncGroupRequest) { r.ProtocolType = ptr("connect") }))
	d.in(kmsg.SyncGroup, sync, "first", syncOf(g, a, 1, []string{a}, nil))
	d.in(kmsg.SyncGroup, sync, "again", syncOf(g, a, 1, nil, nil))
	d.in(kmsg.Heartbeat, beat, "stable", heartbeatOf(g, a, 1, nil))
	d.in(kmsg.Heartbeat, beat, "old generation", heartbeatOf(g, a, 0, nil))
	d.in(kmsg.Heartbeat, beat, "next generation", heartbeatOf(g, a, 2, nil))
	d.in(kmsg.Heartbeat, beat, "nobody", heartbeatOf(g, "nobody", 1, nil))
	d.in(kmsg.Heartbeat, beat, "no such group", heartbeatOf("no-such", a, 1, nil))
	d.in(kmsg.Heartbeat, beat, "of no group", heartbeatOf("", a, 1, nil))
	ask(join("other protocols", "", func(r *kmsg.JoinGroupRequest) { r.Protocols = r.Protocols[:1]; r.Protocols[0].Name = "alien" }))
	ask(join("another protocol type", "", func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "connect" }))
	d.all(kmsg.DescribeGroups, "stable "+g, describeOf(g))
	d.in(kmsg.OffsetCommit, commit, "stable", commitOf(g, a, 1, "groups", nil, 10, 20))
	d.in(kmsg.OffsetCommit, commit, "old generation", commitOf(g, a, 0, "groups", nil, 11))
	d.in(kmsg.OffsetCommit, commit, "next generation", commitOf(g, a, 2, "groups", nil, 11))
	d.in(kmsg.OffsetCommit, commit, "nobody", commitOf(g, "nobody", 1, "groups", nil, 11))
	d.in(kmsg.OffsetCommit, commit, "by no member", commitOf(g, "", -1, "groups", nil, 11))
	d.in(kmsg.OffsetFetch, d.last(kmsg.OffsetFetch, v+1), "stable", fetchOf("groups", []int32{0, 1, 2}, nil, g))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, v), "not empty", deleteOf(g))
	d.in(kmsg.OffsetDelete, 0, "subscribed", forgetOf(g, "groups", 0))

	// A second member.
	if v >= 4 {
		d.meet(b, ask(join("second", "", nil)))
	}
	first := func(member string) string { // the id is known from version 4 on
		if v >= 4 {
			return member
		}
		return ""
	}
	resps := d.together(join("second joins", first(b), nil), said{kmsg.Heartbeat, beat, "rebalancing", heartbeatOf(g, a, 1, nil)},
		said{kmsg.OffsetCommit, commit, "rebalancing", commitOf(g, a, 1, "groups", nil, 12)}, join("first rejoins", a, nil))
	d.meet(b, resps[0])
	d.together(said{kmsg.SyncGroup, sync, "follower", syncOf(g, b, 2, nil, nil)}, said{kmsg.SyncGroup, sync, "leader", syncOf(g, a, 2, []string{a, b}, nil)})
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, v), "two", describeOf(g))
	ask(join("follower rejoins as it was", b, nil))
	d.in(kmsg.SyncGroup, sync, "follower as it was", syncOf(g, b, 2, nil, nil))
	d.in(kmsg.LeaveGroup, leave, "nobody", leaveOf(g, "nobody"))
	d.in(kmsg.LeaveGroup, leave, "no such group", leaveOf("no-such", b))
	d.in(kmsg.LeaveGroup, leave, "follower", leaveOf(g, b))
	d.in(kmsg.Heartbeat, beat, "who has left", heartbeatOf(g, b, 2, nil))
	d.in(kmsg.Heartbeat, beat, "who stays", heartbeatOf(g, a, 2, nil))
	ask(join("alone again", a, nil))
	d.in(kmsg.SyncGroup, sync, "alone again", syncOf(g, a, 3, []string{a}, nil))
	d.in(kmsg.LeaveGroup, leave, "last", leaveOf(g, a))
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, v), "empty", describeOf(g))
	d.in(kmsg.Heartbeat, beat, "empty", heartbeatOf(g, a, 3, nil))
	d.in(kmsg.OffsetCommit, commit, "empty, as a member", commitOf(g, a, 3, "groups", nil, 13))
	d.in(kmsg.OffsetCommit, commit, "empty, as nobody", commitOf(g, "", -1, "groups", nil, 14))
	if v >= 5 {
		d.playStatic(v)
	}
	d.all(kmsg.ListGroups, "with "+g, func(*side) kmsg.Request { return kmsg.NewPtrListGroupsRequest() })
	d.in(kmsg.OffsetDelete, 0, "of what is there", forgetOf(g, "groups", 1, 2, 9))
	d.in(kmsg.OffsetFetch, d.last(kmsg.OffsetFetch, v+1), "one is forgotten", fetchOf("groups", []int32{0, 1, 2}, nil, g))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, v), "empty", deleteOf(g, "no-such", ""))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, v), "again", deleteOf(g))
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, v), "deleted", describeOf(g, "no-such", ""))
	d.in(kmsg.OffsetFetch, d.last(kmsg.OffsetFetch, v+1), "deleted", fetchOf("groups", []int32{0}, nil, g))
}

// playStatic is a group of static members (KIP-345).
func (d *dialogue) playStatic(v int16) {
	g := fmt.Sprint("static-", v)
	one, twin := fmt.Sprint("one", v), fmt.Sprint("twin", v)
	as := func(r *kmsg.JoinGroupRequest) { r.InstanceID = ptr("instance") }
	sync, beat := d.last(kmsg.SyncGroup, v), d.last(kmsg.Heartbeat, v)
	instance := ptr("instance")
	d.meet(one, d.in(kmsg.JoinGroup, v, "static", joinOf(g, "", as)))
	d.in(kmsg.SyncGroup, sync, "static", syncOf(g, one, 1, []string{one}, func(r *kmsg.SyncGroupRequest) { r.InstanceID = instance }))
	d.in(kmsg.Heartbeat, beat, "static", heartbeatOf(g, one, 1, instance))
	d.in(kmsg.Heartbeat, beat, "another instance", heartbeatOf(g, one, 1, ptr("no such")))
	d.meet(twin, d.in(kmsg.JoinGroup, v, "static twin", joinOf(g, "", as)))
	d.in(kmsg.Heartbeat, beat, "static, replaced", heartbeatOf(g, one, 1, instance))
	d.in(kmsg.Heartbeat, beat, "static twin", heartbeatOf(g, twin, 1, instance))
	d.in(kmsg.SyncGroup, sync, "static, replaced", syncOf(g, one, 1, nil, func(r *kmsg.SyncGroupRequest) { r.InstanceID = instance }))
	d.in(kmsg.SyncGroup, sync, "static twin", syncOf(g, twin, 1, nil, func(r *kmsg.SyncGroupRequest) { r.InstanceID = instance }))
	d.in(kmsg.JoinGroup, v, "static, replaced", joinOf(g, one, as))
	d.in(kmsg.OffsetCommit, d.last(kmsg.OffsetCommit, v+2), "static, replaced", commitOf(g, one, 1, "groups", func(r *kmsg.OffsetCommitRequest) { r.InstanceID = instance }, 1))
	d.in(kmsg.OffsetCommit, d.last(kmsg.OffsetCommit, v+2), "static twin", commitOf(g, twin, 1, "groups", func(r *kmsg.OffsetCommitRequest) { r.InstanceID = instance }, 1))
	d.all(kmsg.DescribeGroups, fmt.Sprint("static ", v), describeOf(g))
	for _, x := range []struct {
		name, member string
		instance     *string
	}{{"another instance", "", ptr("no such")}, {"static, replaced", one, instance}, {"static by its instance", "", instance}, {"static, gone", "", instance}} {
		d.from(3, kmsg.LeaveGroup, fmt.Sprint(x.name, " ", v), func(s *side, _ int16) kmsg.Request {
			req := kmsg.NewPtrLeaveGroupRequest()
			req.Group = g
			m := kmsg.NewLeaveGroupRequestMember()
			m.MemberID, m.InstanceID = s.member(x.member), x.instance
			req.Members = append(req.Members, m)
			return req
		})
	}
	d.in(kmsg.DescribeGroups, d.last(kmsg.DescribeGroups, v), "static, gone", describeOf(g))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, v), "static", deleteOf(g))
}

// playCommits is OffsetCommit, OffsetFetch and OffsetDelete by who is no member.
func playCommits(d *dialogue) {
	d.coordinated()
	d.topic("commits", 3)
	commit := func(name, group string, topic string, change func(*kmsg.OffsetCommitRequest), at ...int64) {
		d.all(kmsg.OffsetCommit, name, commitOf(group, "", -1, topic, change, at...))
	}
	fetch := func(name string, req groupRequest) { d.all(kmsg.OffsetFetch, name, req) }
	fetch("of an unknown group", fetchOf("commits", []int32{0, 1}, nil, "unknown-group"))
	fetch("all of an unknown group", fetchOf("", nil, nil, "unknown-group"))
	fetch("of no group", fetchOf("commits", []int32{0}, nil, ""))
	commit("simple", "simple", "commits", nil, 5, 6)
	commit("of no group", "", "commits", nil, 5)
	commit("of an unknown topic", "simple", "no-such", nil, 5)
	commit("of an odd topic", "simple", "no such!", nil, 5)
	commit("of no topic", "simple", "", nil, 5)
	commit("beyond the partitions", "simple", "commits", nil, 5, 6, 7, 8)
	commit("of nothing", "simple", "commits", nil)
	commit("no topics", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Topics = nil })
	commit("negative", "simple", "commits", nil, -5)
	commit("beginning", "simple", "commits", nil, -2)
	commit("null metadata", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Metadata = nil }, 7)
	commit("long metadata", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Metadata = ptr(long(4096)) }, 8)
	commit("metadata too long", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Metadata = ptr(long(4097)) }, 9)
	commit("a leader epoch", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].LeaderEpoch = 0 }, 9)
	commit("a leader epoch to come", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].LeaderEpoch = 99 }, 9)
	commit("generation without a member", "simple", "commits", func(r *kmsg.OffsetCommitRequest) { r.Generation = 3 }, 9)
	commit("a partition twice", "simple", "commits", func(r *kmsg.OffsetCommitRequest) {
		r.Topics[0].Partitions[1].Partition = 0
	}, 9, 10)
	fetch("what is there", fetchOf("commits", []int32{0, 1, 2, 9}, nil, "simple"))
	fetch("all", fetchOf("", nil, nil, "simple"))
	fetch("of another topic", fetchOf("no-such", []int32{0}, nil, "simple"))
	fetch("a partition twice", fetchOf("commits", []int32{0, 0}, nil, "simple"))
	fetch("no partitions", fetchOf("commits", []int32{}, nil, "simple"))
	fetch("of several groups", fetchOf("commits", []int32{0}, nil, "simple", "unknown-group"))
	fetch("what is stable", fetchOf("commits", []int32{0, 1}, func(r *kmsg.OffsetFetchRequest) { r.RequireStable = true }, "simple"))
	fetch("as a member", fetchOf("commits", []int32{0}, func(r *kmsg.OffsetFetchRequest) {
		if len(r.Groups) > 0 {
			r.Groups[0].MemberID, r.Groups[0].MemberEpoch = ptr("x"), 5
		}
	}, "simple"))
	d.all(kmsg.DescribeGroups, "simple", describeOf("simple"))
	for name, req := range inOrder(map[string]groupRequest{
		"what is there":   forgetOf("simple", "commits", 0),
		"again":           forgetOf("simple", "commits", 0),
		"what is not":     forgetOf("simple", "commits", 2, 9),
		"unknown topic":   forgetOf("simple", "no-such", 0),
		"unknown group":   forgetOf("unknown-group", "commits", 0),
		"no group":        forgetOf("", "commits", 0),
		"no partitions":   forgetOf("simple", "commits"),
		"partition twice": forgetOf("simple", "commits", 1, 1),
	}) {
		d.all(kmsg.OffsetDelete, name, req)
	}
	fetch("what is left", fetchOf("", nil, nil, "simple"))
	d.all(kmsg.DeleteGroups, "simple", deleteOf("simple"))
	d.all(kmsg.DeleteGroups, "nothing", deleteOf())
	fetch("deleted", fetchOf("", nil, nil, "simple"))
}
