package group

import "slices"

// shareSeat is a member of a share group as the assignor sees it.
type shareSeat struct {
	id     string
	topics []string // sorted
	had    share
}

// simple assigns each partition to a member at least, and each member a partition of each of its
// topics at least, evenly, and moves as little as it must: the aims of
// org.apache.kafka.coordinator.group.assignor.SimpleAssignor. The shares are in the order of the
// seats.
func simple(seats []shareSeat, offers []offer) []share {
	of := make([]map[TopicID][]int32, len(seats))
	for i := range of {
		of[i] = map[TopicID][]int32{}
	}
	for i := range offers {
		o := &offers[i]
		var readers []int
		for j := range seats {
			if _, ok := slices.BinarySearch(seats[j].topics, o.Name); ok {
				readers = append(readers, j)
			}
		}
		switch n, k := len(o.partitions), len(readers); {
		case n == 0 || k == 0:
		case k > n: // a partition each
			where := deal(k, n, func(i, p int) bool { return seats[readers[i]].had.has(o.ID, o.partitions[p]) })
			for i, p := range where {
				of[readers[i]][o.ID] = []int32{o.partitions[p]}
			}
		default: // a member each
			where := deal(n, k, func(p, i int) bool { return seats[readers[i]].had.has(o.ID, o.partitions[p]) })
			for p, i := range where {
				of[readers[i]][o.ID] = append(of[readers[i]][o.ID], o.partitions[p])
			}
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

// deal puts n items into places so that none has more than one more than another. An item stays
// at a place where it was, the first that has room.
func deal(n, places int, was func(item, place int) bool) (where []int) {
	load, each, more := make([]int, places), n/places, n%places // more places have one above each
	take := func(item, place int) {
		if load[place]++; load[place] > each {
			more--
		}
		where[item] = place
	}
	where = slices.Repeat([]int{-1}, n)
	for item := range n {
		for place := range places {
			if was(item, place) && (load[place] < each || load[place] == each && more > 0) {
				take(item, place)
				break
			}
		}
	}
	for item, place := range where {
		if place < 0 {
			take(item, least(load))
		}
	}
	return where
}

// least is the first of the smallest.
func least(load []int) (at int) {
	for i := range load {
		if load[i] < load[at] {
			at = i
		}
	}
	return at
}
