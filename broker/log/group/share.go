package group

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// share is a set of partitions, such as those of a member. Topics are sorted by id, and their
// partitions by number; no topic is without. It never changes once it is made.
type share []topicShare

type topicShare struct {
	id         TopicID
	partitions []int32
}

// String is such as "00000001[0 1]": the beginning of each topic's id, and its partitions.
func (s share) String() string {
	var b strings.Builder
	for i := range s {
		fmt.Fprintf(&b, "%x%v", s[i].id[:4], s[i].partitions)
	}
	return b.String()
}

func compareIDs(a, b TopicID) int { return bytes.Compare(a[:], b[:]) }

// makeShare brings partitions into order.
func makeShare(of map[TopicID][]int32) share {
	s := make(share, 0, len(of))
	// unordered: sorted below
	for id, partitions := range of {
		if len(partitions) > 0 {
			p := slices.Clone(partitions)
			slices.Sort(p)
			s = append(s, topicShare{id, slices.Compact(p)})
		}
	}
	// total: ids are distinct
	slices.SortFunc(s, func(a, b topicShare) int { return compareIDs(a.id, b.id) })
	return s
}

// partitionsOf are a topic's partitions.
func (s share) partitionsOf(id TopicID) []int32 {
	if i, ok := slices.BinarySearchFunc(s, id, func(t topicShare, id TopicID) int { return compareIDs(t.id, id) }); ok {
		return s[i].partitions
	}
	return nil
}

func (s share) has(id TopicID, partition int32) bool {
	_, ok := slices.BinarySearch(s.partitionsOf(id), partition)
	return ok
}

func (s share) count() int {
	n := 0
	for i := range s {
		n += len(s[i].partitions)
	}
	return n
}

func (s share) equal(o share) bool {
	return slices.EqualFunc(s, o, func(a, b topicShare) bool { return a.id == b.id && slices.Equal(a.partitions, b.partitions) })
}

// filter are the partitions of which f is true, which is asked once about each, in their
// order. It is s itself if that is all.
func (s share) filter(f func(id TopicID, partition int32) bool) share {
	var out share
	same := true
	for i := range s {
		t := &s[i]
		kept, all := t.partitions, true
		for j, p := range t.partitions {
			switch ok := f(t.id, p); {
			case all && !ok:
				all = false
				kept = append([]int32(nil), t.partitions[:j]...)
			case !all && ok:
				kept = append(kept, p)
			}
		}
		if same && !all {
			same = false
			out = append(out, s[:i]...)
		}
		if !same && len(kept) > 0 {
			out = append(out, topicShare{t.id, kept})
		}
	}
	if same {
		return s
	}
	return out
}

func (s share) and(o share) share { return s.filter(o.has) }
func (s share) without(o share) share {
	return s.filter(func(id TopicID, p int32) bool { return !o.has(id, p) })
}

// plus is the union of two sets.
func (s share) plus(o share) share {
	if len(o) == 0 {
		return s
	}
	if len(s) == 0 {
		return o
	}
	all := make(map[TopicID][]int32, len(s)+len(o))
	for _, t := range slices.Concat(s, o) {
		all[t.id] = append(all[t.id][:len(all[t.id]):len(all[t.id])], t.partitions...)
	}
	return makeShare(all)
}
