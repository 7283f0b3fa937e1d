package linear

import (
	"slices"

	"brokersim/checker/history"
)

// GroupKind is the kind of an operation on a group.
type GroupKind uint8

// The operations on a group of the classic protocol.
const (
	JoinGroup GroupKind = iota
	SyncGroup
	Beat
	LeaveGroup
	CommitOffsets
)

// GroupOp is an operation on a group that was not refused. A coordinator may refuse at any
// time, since it may have taken a member for dead.
type GroupOp struct {
	Span
	Kind     GroupKind
	Gen      int32  // of the answer to a join, of the request of others
	Member   string // likewise
	Instance string // group.instance.id
	Leads    bool   // of a join
	Given    []history.Share
	Got      []history.TP
}

// CheckGroup decides whether one coordinator with generations could have answered so, in at
// most budget steps; 0 means without bound. What it holds to is that
//
//   - generations only grow, and a member is answered in the one that is there;
//   - who is in it is settled once anybody has been given his share, but for a static member
//     that takes the place of its twin (KIP-345);
//   - one of them leads, and each is given what the leader has assigned to it;
//   - a member that has left, or whose place was taken, is answered no more.
func CheckGroup(ops []GroupOp, budget int) Answer {
	list := slices.DeleteFunc(slices.Clone(ops), func(o GroupOp) bool {
		// Of what nobody knows, only a departure and an assignment change what others see.
		return o.Return == Unknown && o.Kind != LeaveGroup && (o.Kind != SyncGroup || len(o.Given) == 0)
	})
	return decide(object[groupState, GroupOp]{step: groupModel, equal: groupState.equal, hash: groupState.hash},
		list, func(o *GroupOp) Span { return o.Span }, budget)
}

// CheckGroupOfMany is CheckGroup where the group may have had several coordinators, some of
// them deposed and not aware of it. Then only what is a record counts: that a leader's
// assignment makes the next generation, and that commits are of it, by its members.
func CheckGroupOfMany(ops []GroupOp, budget int) Answer {
	list := slices.DeleteFunc(slices.Clone(ops), func(o GroupOp) bool {
		return o.Kind != CommitOffsets && (o.Kind != SyncGroup || len(o.Given) == 0) || o.Kind == CommitOffsets && o.Return == Unknown
	})
	static := map[string]string{}
	for i := range ops {
		if o := &ops[i]; o.Instance != "" {
			static[o.Member] = o.Instance
		}
	}
	return decide(object[groupState, GroupOp]{
		step:  func(s groupState, o *GroupOp) (groupState, bool) { return s.recorded(o, static) },
		equal: groupState.equal, hash: groupState.hash,
	}, list, func(o *GroupOp) Span { return o.Span }, budget)
}

// recorded takes a record of a group: an assignment, or a commit.
func (s groupState) recorded(o *GroupOp, static map[string]string) (groupState, bool) {
	if o.Kind == CommitOffsets {
		return s, o.Gen > s.gen || o.Gen == s.gen && slices.ContainsFunc(s.members, func(x seat) bool {
			return x.member == o.Member || x.instance != "" && x.instance == static[o.Member]
		})
	}
	if o.Gen <= s.gen {
		return s, o.Gen == s.gen || o.Return == Unknown
	}
	s = groupState{gen: o.Gen, settled: true, leader: o.Member}
	for _, x := range o.Given {
		s.members = append(s.members, seat{x.Member, static[x.Member]})
	}
	return s, true
}

// groupState is a group between two operations. What its slices hold is never changed.
type groupState struct {
	gen     int32
	settled bool // somebody has been given his share
	leader  string
	members []seat // in ascending order
	given   []history.Share
}

// seat is a member's place in a generation.
type seat struct{ member, instance string }

func groupModel(s groupState, o *GroupOp) (groupState, bool) {
	if o.Kind == JoinGroup {
		return s.join(o)
	}
	there := o.Gen == s.gen && s.has(o.Member)
	switch o.Kind {
	case LeaveGroup:
		if !s.has(o.Member) {
			return s, true // it was taken for dead before
		}
		s.members = slices.DeleteFunc(slices.Clone(s.members), func(x seat) bool { return x.member == o.Member })
		return s, true
	case SyncGroup:
		unknown := o.Return == Unknown
		if !there {
			return s, unknown
		}
		if o.Member == s.leader && !s.settled && len(o.Given) > 0 {
			s.given, s.settled = o.Given, true
		}
		if unknown {
			return s, true
		}
		return s, s.settled && slices.Equal(share(s.given, o.Member), sorted(o.Got))
	}
	return s, there
}

// join is the answer to a JoinGroup: the first of a generation makes it.
func (s groupState) join(o *GroupOp) (groupState, bool) {
	if o.Gen < s.gen || o.Gen <= 0 {
		return s, false
	}
	if o.Gen > s.gen {
		s = groupState{gen: o.Gen}
	}
	if !s.has(o.Member) {
		twin := slices.IndexFunc(s.members, func(x seat) bool { return o.Instance != "" && x.instance == o.Instance })
		if twin < 0 && s.settled {
			return s, false
		}
		s.members = slices.Clone(s.members)
		if twin >= 0 {
			was := s.members[twin].member
			s.members = slices.Delete(s.members, twin, twin+1)
			if s.leader == was {
				s.leader = o.Member
			}
			s.given = slices.Clone(s.given)
			for i := range s.given {
				if s.given[i].Member == was {
					s.given[i].Member = o.Member
				}
			}
		}
		at, _ := slices.BinarySearchFunc(s.members, o.Member, func(x seat, m string) int { return compareText(x.member, m) })
		s.members = slices.Insert(s.members, at, seat{o.Member, o.Instance})
	}
	if o.Leads {
		if s.leader != "" && s.leader != o.Member {
			return s, false
		}
		s.leader = o.Member
	}
	return s, true
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (s groupState) has(member string) bool {
	return slices.ContainsFunc(s.members, func(x seat) bool { return x.member == member })
}

// share is what a member is given, in ascending order.
func share(given []history.Share, member string) []history.TP {
	for _, x := range given {
		if x.Member == member {
			return sorted(x.TPs)
		}
	}
	return nil
}

func sorted(tps []history.TP) []history.TP { return slices.Sorted(slices.Values(tps)) }

func (s groupState) equal(t groupState) bool {
	return s.gen == t.gen && s.settled == t.settled && s.leader == t.leader && slices.Equal(s.members, t.members) &&
		slices.EqualFunc(s.given, t.given, func(a, b history.Share) bool { return a.Member == b.Member && slices.Equal(a.TPs, b.TPs) })
}

func (s groupState) hash() uint64 {
	h := mix(uint64(s.gen), uint64(len(s.members)))
	h = mixText(h, s.leader)
	for _, x := range s.members {
		h = mixText(h, x.member)
	}
	for _, x := range s.given {
		h = mix(mixText(h, x.Member), uint64(len(x.TPs)))
	}
	return h
}
