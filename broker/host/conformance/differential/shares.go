package differential

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sharing reports whether both sides have share groups (KIP-932).
func (d *dialogue) sharing() bool { return len(d.versions(kmsg.ShareFetch)) > 0 }

// sharer is the id of a member of a share group, which is known by its name on both sides. It
// is a UUID as Kafka writes them: version 4.1 takes no other.
func (d *dialogue) sharer(name string) string {
	sum := sha256.Sum256([]byte(name))
	id := base64.RawURLEncoding.EncodeToString(sum[:16])
	for _, s := range d.sides {
		s.members[id] = name
	}
	return id
}

// shareBeatOf is a ShareGroupHeartbeat. Without topics it says no more than that a member
// lives.
func shareBeatOf(group, member string, epoch int32, topics ...string) groupRequest {
	return func(s *side) kmsg.Request {
		req := kmsg.NewPtrShareGroupHeartbeatRequest()
		req.GroupID, req.MemberID, req.MemberEpoch, req.SubscribedTopicNames = group, s.member(member), epoch, topics
		return req
	}
}

func shareDescribeOf(groups ...string) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrShareGroupDescribeRequest()
		req.GroupIDs, req.IncludeAuthorizedOperations = groups, true
		return req
	}
}

// joined has a member join a share group, and waits on both sides until it is in an epoch: in
// that of its topics' partitions, which share coordinators begin. None of that is compared.
func (d *dialogue) joined(group, member string, epoch int32, topics ...string) {
	for _, s := range d.sides {
		at := int32(0)
		for until := d.deadline(); at != epoch; until.wait(fmt.Sprintf("%s: %s is in epoch %d of %s", s.name, member, at, group)) {
			req := shareBeatOf(group, member, at, topics...)(s)
			req.SetVersion(d.last(kmsg.ShareGroupHeartbeat, 99))
			resp, err := s.ask(d.ctx, req)
			if err != nil {
				panic(err)
			}
			if r := resp.(*kmsg.ShareGroupHeartbeatResponse); r.ErrorCode == 0 {
				at = r.MemberEpoch
			}
		}
	}
}

// begun waits on both sides until a member that is in an epoch is in a later one: in that of
// its topics' partitions, which share coordinators begin.
func (d *dialogue) begun(group, member string, from, to int32) {
	for _, s := range d.sides {
		for until := d.deadline(); from != to; until.wait(fmt.Sprintf("%s: %s is not in epoch %d of %s", s.name, member, to, group)) {
			req := shareBeatOf(group, member, from)(s)
			req.SetVersion(d.last(kmsg.ShareGroupHeartbeat, 99))
			resp, err := s.ask(d.ctx, req)
			if err != nil {
				panic(err)
			}
			if r := resp.(*kmsg.ShareGroupHeartbeatResponse); r.MemberEpoch == to {
				break
			}
		}
	}
}

// playShareGroups is the life of share groups in every version of ShareGroupHeartbeat, and what
// members may do wrong.
func playShareGroups(d *dialogue) {
	if !d.sharing() {
		return
	}
	d.coordinated()
	d.topic("shares", 3)
	d.topic("shares-more", 2)
	d.joined("the first share group", d.sharer("first of all"), 2, "shares") // there are share coordinators then
	for _, v := range d.versions(kmsg.ShareGroupHeartbeat) {
		d.playBadShareBeats(v)
		d.playShareGroup(v)
		d.playCrowd(v)
	}
	d.playOtherShareGroups()
}

func (d *dialogue) playBadShareBeats(v int16) {
	type request = kmsg.ShareGroupHeartbeatRequest
	for name, change := range inOrder(map[string]func(*request){
		"of no group":             func(r *request) { r.GroupID = "" },
		"of a blank group":        func(r *request) { r.GroupID = " " },
		"of no member":            func(r *request) { r.MemberID = "" },
		"of no member, no group":  func(r *request) { r.MemberID, r.GroupID = "", "" },
		"epoch -2":                func(r *request) { r.MemberEpoch = -2 },
		"epoch -3":                func(r *request) { r.MemberEpoch = -3 },
		"leaving of nobody":       func(r *request) { r.MemberEpoch = -1 },
		"leaving with topics":     func(r *request) { r.MemberEpoch, r.RackID = -1, ptr("") },
		"epoch 7 of nobody":       func(r *request) { r.MemberEpoch = 7 },
		"no topics":               func(r *request) { r.SubscribedTopicNames = nil },
		"an empty list of topics": func(r *request) { r.SubscribedTopicNames = []string{} },
		"an empty rack":           func(r *request) { r.RackID = ptr("") },
		"a blank rack":            func(r *request) { r.RackID = ptr(" ") },
		"epoch -2 without topics": func(r *request) { r.MemberEpoch, r.SubscribedTopicNames = -2, nil },
		"an unknown topic":        func(r *request) { r.SubscribedTopicNames = []string{"no-such"} },
		"an odd topic":            func(r *request) { r.SubscribedTopicNames = []string{"no such!"} },
		"of a blank member":       func(r *request) { r.MemberID, r.SubscribedTopicNames = " ", []string{"no-such"} },
		"of a long member":        func(r *request) { r.MemberID, r.SubscribedTopicNames = long(200), []string{"no-such"} },
		"unknown topics twice":    func(r *request) { r.SubscribedTopicNames = []string{"no-such", "no-such", "none"} },
	}) {
		g := fmt.Sprintf("bad-share-%d-%s", v, name)
		d.in(kmsg.ShareGroupHeartbeat, v, name, func(s *side) kmsg.Request {
			req := shareBeatOf(g, d.sharer("bad"), 0, "no-such")(s).(*request)
			change(req)
			return req
		})
		d.all(kmsg.ShareGroupDescribe, "after "+name, shareDescribeOf(g))
	}
}

// playShareGroup is a group of some members, who come and go.
func (d *dialogue) playShareGroup(v int16) {
	g := fmt.Sprint("shares-", v)
	a, b := d.sharer("sharer-a"), d.sharer("sharer-b")
	beat := func(name, member string, epoch int32, topics ...string) {
		d.in(kmsg.ShareGroupHeartbeat, v, name, shareBeatOf(g, member, epoch, topics...))
	}
	describe := func(name string) { d.all(kmsg.ShareGroupDescribe, name, shareDescribeOf(g)) }

	beat("first, whose partitions are to begin", a, 0, "shares")
	d.begun(g, a, 1, 2)
	describe("first")
	beat("lives", a, 2)
	beat("says all", a, 2, "shares")
	beat("says a topic twice", a, 2, "shares", "shares")
	beat("joins again in epoch 0", a, 0, "shares")
	beat("the epoch before", a, 1)
	beat("the epoch before, says all", a, 1, "shares")
	beat("an epoch to come", a, 9)
	beat("joins without topics", a, 0)
	beat("nobody", "nobody", 2)
	beat("leaving of nobody", "nobody", -1)
	d.in(kmsg.ShareGroupHeartbeat, v, "with a rack", func(s *side) kmsg.Request {
		req := shareBeatOf(g, a, 2)(s).(*kmsg.ShareGroupHeartbeatRequest)
		req.RackID = ptr("rack")
		return req
	})
	describe("with a rack")
	d.others(g, a)

	beat("second", b, 0, "shares")
	describe("second")
	beat("second lives", b, 3)
	beat("first hears of it", a, 2)
	beat("first in the epoch before", a, 2)
	beat("first lives", a, 3)
	beat("an old epoch", b, 1)
	describe("two")
	beat("second leaves", b, -1)
	beat("who has left", b, 3)
	beat("who has left leaves", b, -1)
	describe("second has left")
	beat("first has all", a, 3)
	describe("first has all")
	beat("another topic, whose partitions are to begin", a, 5, "shares", "shares-more")
	d.begun(g, a, 6, 7)
	describe("another topic")
	beat("says all of another topic", a, 7, "shares", "shares-more")
	beat("reads what is not there", a, 7, "shares-more", "shares", "no-such")
	describe("reads what is not there")
	beat("reads it no more", a, 8, "shares", "shares-more")
	describe("reads it no more")
	for _, filter := range []struct{ states, types []string }{{nil, []string{"share"}}, {[]string{"Stable"}, []string{"share"}}, {[]string{"Empty", "Dead"}, []string{"Share"}}} {
		d.from(5, kmsg.ListGroups, fmt.Sprint("share groups", filter.states, filter.types), func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrListGroupsRequest()
			req.StatesFilter, req.TypesFilter = filter.states, filter.types
			return req
		})
	}
	beat("first leaves", a, -1)
	describe("empty")
	beat("of an empty group", a, 9)
	d.all(kmsg.DescribeGroups, "an empty share group", describeOf(g))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, 99), "an empty share group", deleteOf(g))
	describe("deleted")
	beat("of a deleted group", a, 9)
	beat("leaving of a deleted group", a, -1)
	d.joined(g, a, 2, "shares")
	describe("born again")
	beat("leaves again", a, -1)
}

// playCrowd is a group of more members than there are partitions, of which some leave.
func (d *dialogue) playCrowd(v int16) {
	g := fmt.Sprint("crowd-", v)
	beat := func(name string, member string, epoch int32, topics ...string) {
		d.in(kmsg.ShareGroupHeartbeat, v, name, shareBeatOf(g, member, epoch, topics...))
	}
	describe := func(name string) { d.all(kmsg.ShareGroupDescribe, name, shareDescribeOf(g)) }
	var ids []string
	for i := range 5 {
		ids = append(ids, d.sharer(fmt.Sprint("one of many ", i)))
	}
	d.joined(g, ids[0], 2, "shares")
	for i, id := range ids[1:] {
		beat(fmt.Sprint("joins as one of many ", i), id, 0, "shares")
	}
	describe("many")
	for i, id := range ids {
		beat(fmt.Sprint("hears as one of many ", i), id, 2+int32(i))
	}
	describe("many that have heard")
	for i, id := range ids[2:] {
		beat(fmt.Sprint("leaves as one of many ", i), id, -1)
	}
	beat("who has left as one of many", ids[4], 6)
	beat("leaves again as one of many", ids[4], -1)
	describe("many that are two")
	for i, id := range ids[:2] {
		beat(fmt.Sprint("stays as one of many ", i), id, 6)
	}
	describe("many that are two and have heard")
}

// others are requests of other kinds of groups to a share group with a member.
func (d *dialogue) others(g, member string) {
	last := func(key kmsg.Key) int16 { return d.last(key, 99) }
	const name = "of a share group"
	d.all(kmsg.DescribeGroups, name, describeOf(g))
	d.all(kmsg.ConsumerGroupDescribe, name, consumerDescribeOf(g))
	d.in(kmsg.ConsumerGroupHeartbeat, last(kmsg.ConsumerGroupHeartbeat), name, beatOf(g, "young", 0, full(nil, "shares")))
	d.in(kmsg.ConsumerGroupHeartbeat, last(kmsg.ConsumerGroupHeartbeat), "lives of a share group", beatOf(g, member, 2, nil))
	d.in(kmsg.ConsumerGroupHeartbeat, last(kmsg.ConsumerGroupHeartbeat), "leaves a share group", beatOf(g, member, -1, nil))
	d.in(kmsg.JoinGroup, last(kmsg.JoinGroup), name, joinOf(g, "", nil))
	d.in(kmsg.SyncGroup, last(kmsg.SyncGroup), name, syncOf(g, member, 2, nil, nil))
	d.in(kmsg.Heartbeat, last(kmsg.Heartbeat), name, heartbeatOf(g, member, 2, nil))
	d.in(kmsg.LeaveGroup, last(kmsg.LeaveGroup), name, leaveOf(g, member))
	d.in(kmsg.OffsetCommit, 9, name, commitOf(g, member, 2, "shares", nil, 5))
	d.in(kmsg.OffsetCommit, 9, "of a share group, by no member", commitOf(g, "", -1, "shares", nil, 5))
	d.in(kmsg.OffsetFetch, 9, name, fetchOf("shares", []int32{0}, nil, g))
	d.in(kmsg.OffsetDelete, 0, name, forgetOf(g, "shares", 0))
	d.in(kmsg.DeleteGroups, last(kmsg.DeleteGroups), name, deleteOf(g))
}

// playOtherShareGroups is what is said about share groups that are none.
func (d *dialogue) playOtherShareGroups() {
	join := d.last(kmsg.JoinGroup, 99)
	d.meet("classic", d.in(kmsg.JoinGroup, join, "to be no share group", joinOf("no-shares", "", nil)))
	d.meet("classic", d.in(kmsg.JoinGroup, join, "to be no share group, again", joinOf("no-shares", "classic", nil)))
	d.in(kmsg.ConsumerGroupHeartbeat, d.last(kmsg.ConsumerGroupHeartbeat, 99), "to be no share group", beatOf("no-shares-either", "consumer", 0, full(nil, "shares")))
	a := d.sharer("sharer-a")
	for _, g := range []string{"no-shares", "no-shares-either"} {
		d.all(kmsg.ShareGroupHeartbeat, "into "+g, shareBeatOf(g, a, 0, "shares"))
		d.all(kmsg.ShareGroupHeartbeat, "lives in "+g, shareBeatOf(g, a, 1))
		d.all(kmsg.ShareGroupHeartbeat, "leaves "+g, shareBeatOf(g, a, -1))
		d.all(kmsg.ShareGroupDescribe, g, shareDescribeOf(g))
	}
	d.all(kmsg.ShareGroupDescribe, "several", shareDescribeOf("no-such", "", "no-shares", "the first share group"))
	d.all(kmsg.ShareGroupDescribe, "one twice", shareDescribeOf("no-such", "no-such"))
	d.all(kmsg.ShareGroupDescribe, "nothing", shareDescribeOf())
	d.in(kmsg.LeaveGroup, d.last(kmsg.LeaveGroup, 99), "no share group", leaveOf("no-shares", "classic"))
	d.in(kmsg.ConsumerGroupHeartbeat, d.last(kmsg.ConsumerGroupHeartbeat, 99), "no share group", beatOf("no-shares-either", "consumer", -1, nil))
	for _, g := range []string{"no-shares", "no-shares-either"} {
		d.all(kmsg.ShareGroupHeartbeat, "into what is left of "+g, shareBeatOf(g, a, 0, "shares"))
	}
}
