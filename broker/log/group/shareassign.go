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
		case k > n: // a partition each; load[p] members have partition p
			load, most := make([]int, n), (k+n-1)/n
			var rest []int
			for _, j := range readers {
				had := seats[j].had.partitionsOf(o.ID)
				p := -1
				if len(had) > 0 {
					p = slices.Index(o.partitions, had[0])
				}
				if p < 0 || load[p] >= most {
					rest = append(rest, j)
					continue
				}
				load[p]++
				of[j][o.ID] = []int32{o.partitions[p]}
			}
			for _, j := range rest {
				p := least(load)
				load[p]++
				of[j][o.ID] = []int32{o.partitions[p]}
			}
		default: // a member each; load[j] partitions are of reader j
			load, most := make([]int, k), (n+k-1)/k
			var rest []int32
			for _, p := range o.partitions {
				j := slices.IndexFunc(readers, func(j int) bool { return seats[j].had.has(o.ID, p) })
				if j < 0 || load[j] >= most {
					rest = append(rest, p)
					continue
				}
				load[j]++
				of[readers[j]][o.ID] = append(of[readers[j]][o.ID], p)
			}
			for _, p := range rest {
				j := least(load)
				load[j]++
				of[readers[j]][o.ID] = append(of[readers[j]][o.ID], p)
			}
			for _, j := range idle(load) { // who kept a partition more gives it to who has none
				from := largest(load)
				list := of[readers[from]][o.ID]
				of[readers[j]][o.ID] = []int32{list[len(list)-1]}
				of[readers[from]][o.ID] = list[:len(list)-1]
				load[from]--
				load[j]++
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

// least is the first of the smallest.
func least(load []int) (at int) {
	for i := range load {
		if load[i] < load[at] {
			at = i
		}
	}
	return at
}

// largest is the first of the largest.
func largest(load []int) (at int) {
	for i := range load {
		if load[i] > load[at] {
			at = i
		}
	}
	return at
}

// idle are those who have nothing.
func idle(load []int) (list []int) {
	for i := range load {
		if load[i] == 0 {
			list = append(list, i)
		}
	}
	return list
}
