package group

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
)

// seat is a member as an assignor sees it.
type seat struct {
	id       string
	instance *string
	topics   []Topic // that it reads and that exist, sorted by name; the same slice for all if uniform
	had      share   // its target so far
}

// uniform gives all members as many partitions as possible, to within one, and moves as few
// as it must: org.apache.kafka.coordinator.group.assignor.UniformAssignor. The shares are in
// the order of the seats.
func uniform(seats []seat, alike bool) []share {
	if alike {
		return uniformAlike(seats)
	}
	return uniformMixed(seats)
}

// uniformAlike is for members who all read the same topics.
func uniformAlike(seats []seat) []share {
	topics := byID(seats[0].topics)
	total := 0
	taken := make(map[TopicID][]bool, len(topics))
	for _, t := range topics {
		total += int(t.Partitions)
		taken[t.ID] = make([]bool, t.Partitions)
	}
	quota, extra := total/len(seats), total%len(seats)
	kept := make([]share, len(seats))
	has := make([]int, len(seats)) // how many
	for i := range seats {
		kept[i] = seats[i].had.filter(func(id TopicID, p int32) bool {
			of := taken[id]
			if int(p) >= len(of) || of[p] {
				return false
			}
			of[p] = true
			has[i]++
			return true
		})
	}
	// One partition more than the quota is for those who have it already, and then for those
	// who come first.
	limits := make([]int, len(seats))
	for _, having := range []bool{true, false} {
		for i := range seats {
			if has[i] > quota == having {
				limits[i] = quota
				if extra > 0 {
					limits[i]++
					extra--
				}
			}
		}
	}
	for i := range seats {
		if has[i] <= limits[i] {
			continue
		}
		n := 0
		has[i] = limits[i]
		kept[i] = kept[i].filter(func(id TopicID, p int32) bool {
			n++
			if n > limits[i] {
				taken[id][p] = false
				return false
			}
			return true
		})
	}
	next, at := 0, int32(0) // the first partition that may be free
	for i := range seats {
		var more map[TopicID][]int32
		for missing := limits[i] - has[i]; missing > 0 && next < len(topics); {
			t := topics[next]
			if at >= t.Partitions {
				next, at = next+1, 0
				continue
			}
			if !taken[t.ID][at] {
				if more == nil {
					more = map[TopicID][]int32{}
				}
				more[t.ID] = append(more[t.ID], at)
				missing--
			}
			at++
		}
		if more != nil {
			kept[i] = kept[i].plus(makeShare(more))
		}
	}
	return kept
}

func byID(topics []Topic) []Topic {
	sorted := slices.Clone(topics)
	// total: ids are distinct
	slices.SortFunc(sorted, func(a, b Topic) int { return compareIDs(a.ID, b.ID) })
	return sorted
}

// balanceRounds bounds how often the balance of members who read different topics is looked
// at. Each round about halves what is wrong.
const balanceRounds = 16

// readers are a topic with the members who read it.
type readers struct {
	Topic
	seats []int
	owner []int // by partition; -1: nobody
}

// uniformMixed is for members who read different topics: each partition goes to whoever of
// its readers has least, and then from whoever has most to whoever has least.
func uniformMixed(seats []seat) []share {
	all := map[TopicID]*readers{}
	var order []*readers
	for i := range seats {
		for _, t := range seats[i].topics {
			r := all[t.ID]
			if r == nil {
				r = &readers{Topic: t, owner: slices.Repeat([]int{-1}, int(t.Partitions))}
				all[t.ID] = r
				order = append(order, r)
			}
			r.seats = append(r.seats, i)
		}
	}
	loads := make([]int, len(seats))
	for i := range seats {
		for _, t := range seats[i].had {
			r := all[t.id]
			if r == nil || !reads(seats[i].topics, r.Name) {
				continue
			}
			for _, p := range t.partitions {
				if int(p) < len(r.owner) && r.owner[p] < 0 {
					r.owner[p] = i
					loads[i]++
				}
			}
		}
	}
	// Topics with many partitions for each reader come first: the others even it out.
	// total: ids are distinct
	slices.SortFunc(order, func(a, b *readers) int {
		return cmp.Or(cmp.Compare(len(b.owner)*len(a.seats), len(a.owner)*len(b.seats)), cmp.Compare(len(a.seats), len(b.seats)), compareIDs(a.ID, b.ID))
	})
	for _, r := range order {
		least := &seatHeap{seats: slices.Clone(r.seats), loads: loads}
		heap.Init(least)
		for p, owner := range r.owner {
			if owner < 0 {
				r.owner[p] = least.seats[0]
				loads[least.seats[0]]++
				heap.Fix(least, 0)
			}
		}
	}
	for range balanceRounds {
		moved := false
		for _, r := range order {
			moved = r.balance(loads) || moved
		}
		if !moved {
			break
		}
	}
	of := make([]map[TopicID][]int32, len(seats))
	for _, r := range order {
		for p, owner := range r.owner {
			if of[owner] == nil {
				of[owner] = map[TopicID][]int32{}
			}
			of[owner][r.ID] = append(of[owner][r.ID], int32(p))
		}
	}
	shares := make([]share, len(seats))
	for i := range seats {
		if shares[i] = makeShare(of[i]); shares[i].equal(seats[i].had) {
			shares[i] = seats[i].had
		}
	}
	return shares
}

func reads(topics []Topic, name string) bool {
	_, ok := slices.BinarySearchFunc(topics, name, func(t Topic, name string) int { return strings.Compare(t.Name, name) })
	return ok
}

// balance moves partitions of one topic between its readers.
func (r *readers) balance(loads []int) (moved bool) {
	of := make(map[int][]int, len(r.seats))
	for p, owner := range r.owner {
		of[owner] = append(of[owner], p)
	}
	least := &seatHeap{seats: slices.Clone(r.seats), loads: loads}
	heap.Init(least)
	givers := slices.Clone(r.seats)
	slices.SortStableFunc(givers, func(a, b int) int { return cmp.Compare(loads[b], loads[a]) })
	for _, from := range givers {
		for len(of[from]) > 0 && loads[from]-loads[least.seats[0]] > 1 {
			to := least.seats[0]
			last := len(of[from]) - 1
			p := of[from][last]
			of[from] = of[from][:last]
			r.owner[p] = to
			loads[from]--
			loads[to]++
			moved = true
			heap.Fix(least, 0)
		}
		heap.Init(least) // from has another place now
	}
	return moved
}

// seatHeap has the seat with the smallest load first.
type seatHeap struct{ seats, loads []int }

func (h *seatHeap) Len() int { return len(h.seats) }
func (h *seatHeap) Less(i, j int) bool {
	a, b := h.seats[i], h.seats[j]
	return h.loads[a] < h.loads[b] || h.loads[a] == h.loads[b] && a < b
}
func (h *seatHeap) Swap(i, j int) { h.seats[i], h.seats[j] = h.seats[j], h.seats[i] }
func (h *seatHeap) Push(x any)    { h.seats = append(h.seats, x.(int)) }
func (h *seatHeap) Pop() any {
	last := len(h.seats) - 1
	x := h.seats[last]
	h.seats = h.seats[:last]
	return x
}

// ranged gives each member a range of each topic's partitions, and the same of all topics that
// have as many: org.apache.kafka.coordinator.group.assignor.RangeAssignor. Static members come
// first, by their instances, so that they have the same ranges when they come back.
func ranged(seats []seat) []share {
	order := make([]int, len(seats))
	readers := map[TopicID]int{}
	for i := range seats {
		order[i] = i
		for _, t := range seats[i].topics {
			readers[t.ID]++
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := seats[a].instance, seats[b].instance
		switch {
		case x != nil && y != nil:
			return strings.Compare(*x, *y)
		case x != nil:
			return -1
		case y != nil:
			return 1
		}
		return strings.Compare(seats[a].id, seats[b].id)
	})
	given := map[TopicID]int{}  // members of a topic that have had their range
	next := map[TopicID]int32{} // where the next range begins
	shares := make([]share, len(seats))
	for _, i := range order {
		of := map[TopicID][]int32{}
		for _, t := range seats[i].topics {
			n := t.Partitions / int32(readers[t.ID])
			if given[t.ID] < int(t.Partitions)%readers[t.ID] {
				n++
			}
			given[t.ID]++
			for range n {
				of[t.ID] = append(of[t.ID], next[t.ID])
				next[t.ID]++
			}
		}
		if shares[i] = makeShare(of); shares[i].equal(seats[i].had) {
			shares[i] = seats[i].had
		}
	}
	return shares
}
