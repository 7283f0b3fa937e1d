package client

import (
	"cmp"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
)

// assignSticky leaves members what they own as far as the balance allows, and divides the
// rest: StickyAssignor, and CooperativeStickyAssignor but for [handOver].
func assignSticky(members []subscriber, parts partitionCounts) [][]wire.TP {
	s := &sticking{members: members, out: make([][]wire.TP, len(members)), order: make([]int, len(members))}
	for i := range s.order {
		s.order[i] = i
	}
	slices.SortFunc(s.order, func(i, j int) int { return strings.Compare(members[i].id, members[j].id) }) // total: ids differ
	same := true
	for i := range members {
		same = same && equalTopics(members[i].topics, members[0].topics)
	}
	for _, topic := range topicsOf(members) {
		for p := range parts[topic] {
			s.all = append(s.all, wire.TP{Topic: topic, Partition: p})
		}
	}
	s.keep(parts)
	if same {
		s.fill()
	} else {
		s.spread()
	}
	for i := range s.out {
		slices.SortFunc(s.out[i], compareTPs) // total: each is there once
	}
	return s.out
}

func equalTopics(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// sticking is one assignment that is being made.
type sticking struct {
	members []subscriber
	order   []int // members by id
	all     []wire.TP
	kept    [][]wire.TP // what each owns and may keep, by partition
	out     [][]wire.TP
}

// keep finds what each member owns: topics that it still wants, partitions that there are,
// and that nobody owns with a better claim.
func (s *sticking) keep(parts partitionCounts) {
	owner := owners(s.members)
	s.kept = make([][]wire.TP, len(s.members))
	for i := range s.members {
		m := &s.members[i]
		for _, tp := range m.owned {
			if owner[tp] == i && tp.Partition >= 0 && tp.Partition < parts[tp.Topic] && slices.Contains(m.topics, tp.Topic) && !slices.Contains(s.kept[i], tp) {
				s.kept[i] = append(s.kept[i], tp)
			}
		}
		slices.SortFunc(s.kept[i], byPartition) // total: each is there once
	}
}

// fill divides partitions that all members want: each gets as many as any other, or one
// more (ConstrainedAssignmentBuilder).
func (s *sticking) fill() {
	n, k := len(s.all), len(s.members)
	least, more := n/k, n%k // so many members have one more
	var under, exact []int
	for _, m := range s.order {
		own := s.kept[m]
		switch {
		case len(own) < least:
			under = append(under, m)
		case len(own) > least && more > 0:
			own = own[:least+1]
			if more--; more == 0 {
				exact = nil
			}
		default:
			own = own[:least]
			if more > 0 {
				exact = append(exact, m)
			}
		}
		s.out[m] = slices.Clone(own)
	}
	at := 0
	for _, tp := range s.unassigned() {
		if len(under) == 0 {
			m := exact[0]
			exact = exact[1:]
			s.out[m] = append(s.out[m], tp)
			continue
		}
		at %= len(under)
		m := under[at]
		if s.out[m] = append(s.out[m], tp); len(s.out[m]) == least {
			under, exact = slices.Delete(under, at, at+1), append(exact, m)
		} else {
			at++
		}
	}
}

// unassigned are the partitions that nobody has yet.
func (s *sticking) unassigned() (list []wire.TP) {
	has := map[wire.TP]bool{}
	for _, own := range s.out {
		for _, tp := range own {
			has[tp] = true
		}
	}
	for _, tp := range s.all {
		if !has[tp] {
			list = append(list, tp)
		}
	}
	return list
}

// spread divides partitions that not all members want. What nobody has goes to the member
// with the least; then partitions move from one who has more to one who has at least two
// fewer, until none can: each move makes the sum of the squares smaller. A move may have to
// pass through several members, the longest way is as many steps as there are members.
func (s *sticking) spread() {
	for m := range s.out {
		s.out[m] = slices.Clone(s.kept[m])
	}
	wanted := map[string][]int{} // members by topic
	for _, m := range s.order {
		for _, topic := range s.members[m].topics {
			if !slices.Contains(wanted[topic], m) {
				wanted[topic] = append(wanted[topic], m)
			}
		}
	}
	rest := s.unassigned()
	slices.SortFunc(rest, func(a, b wire.TP) int { // total: each is there once; those that few want come first
		return cmp.Or(cmp.Compare(len(wanted[a.Topic]), len(wanted[b.Topic])), a.Compare(b))
	})
	for _, tp := range rest {
		if m := s.least(wanted[tp.Topic]); m >= 0 {
			s.out[m] = append(s.out[m], tp)
		}
	}
	for s.shift(wanted) {
	}
}

// least is the member of a list that has the fewest partitions; -1 of an empty one.
func (s *sticking) least(among []int) int {
	best := -1
	for _, m := range among {
		if best < 0 || len(s.out[m]) < len(s.out[best]) {
			best = m
		}
	}
	return best
}

// shift makes the balance better by one partition, along the shortest way, and reports
// whether it could.
func (s *sticking) shift(wanted map[string][]int) bool {
	from := slices.Clone(s.order)
	slices.SortStableFunc(from, func(a, b int) int { return cmp.Compare(len(s.out[b]), len(s.out[a])) })
	for _, m := range from {
		if s.shiftFrom(m, wanted) {
			return true
		}
	}
	return false
}

// shiftFrom looks for a member with at least two partitions fewer, which a chain of moves
// reaches: what comes to a member on the way goes on from it in another partition.
func (s *sticking) shiftFrom(m int, wanted map[string][]int) bool {
	type step struct {
		from int
		tp   wire.TP
	}
	came := map[int]step{m: {from: -1}}
	for queue := []int{m}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, tp := range s.movable(at) {
			for _, to := range wanted[tp.Topic] {
				if _, seen := came[to]; seen {
					continue
				}
				came[to] = step{at, tp}
				if len(s.out[to])+2 > len(s.out[m]) {
					queue = append(queue, to)
					continue
				}
				for to != m {
					x := came[to]
					i := slices.Index(s.out[x.from], x.tp)
					s.out[x.from] = slices.Delete(s.out[x.from], i, i+1)
					s.out[to] = append(s.out[to], x.tp)
					to = x.from
				}
				return true
			}
		}
	}
	return false
}

// movable are a member's partitions, those first that it did not own before.
func (s *sticking) movable(m int) []wire.TP {
	list := slices.Clone(s.out[m])
	slices.SortFunc(list, func(a, b wire.TP) int { // total: each is there once
		return cmp.Or(cmp.Compare(s.owned(m, a), s.owned(m, b)), a.Compare(b))
	})
	return list
}

func (s *sticking) owned(m int, tp wire.TP) int {
	if slices.Contains(s.kept[m], tp) {
		return 1
	}
	return 0
}
