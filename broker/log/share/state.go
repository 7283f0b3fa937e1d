package share

import (
	"cmp"
	"fmt"
	"slices"
)

// State is what has become of a record of a share partition, by Kafka's numbers (RecordState).
type State int8

const (
	Available    State = 0 // anybody may have it
	Acquired     State = 1 // a member has it, until its lock is over; never in the log of the coordinator
	Acknowledged State = 2 // a member has accepted it
	Archived     State = 4 // nobody is to have it: rejected, or delivered too often, or it is none
)

func (s State) String() string {
	switch s {
	case Available:
		return "available"
	case Acquired:
		return "acquired"
	case Acknowledged:
		return "acknowledged"
	case Archived:
		return "archived"
	}
	return fmt.Sprintf("state %d", int8(s))
}

// final says that a record is done with.
func (s State) final() bool { return s == Acknowledged || s == Archived }

// Range are offsets from First to Last, both included.
type Range struct{ First, Last int64 }

func (r Range) count() int64 { return r.Last - r.First + 1 }

// Batch are records in one state, and how often they were delivered: what the coordinator
// keeps of a share partition.
type Batch struct {
	Range
	State State
	Count int16
}

func (b Batch) String() string { return fmt.Sprintf("%d-%d %v %d", b.First, b.Last, b.State, b.Count) }

// Combine is what is known of records, sorted, after news of some of them: what was delivered more
// often counts, and of the same the later state, so that a word that comes late, or twice, changes
// nothing. What is below start is left out, and neighbours that are alike are one
// (PersisterStateBatchCombiner).
func Combine(known, news []Batch, start int64) []Batch {
	out := slices.Clone(known)
	// In which order they come makes no difference but to how much of the list is moved for each.
	byFirst := func(a, b Batch) int { return cmp.Compare(a.First, b.First) }
	if !slices.IsSortedFunc(news, byFirst) {
		news = slices.Clone(news)
		slices.SortStableFunc(news, byFirst)
	}
	for _, b := range news {
		if b.First <= b.Last {
			out = overlay(out, b)
		}
	}
	kept := out[:0]
	for _, b := range out {
		if b.First = max(b.First, start); b.First > b.Last {
			continue
		}
		if n := len(kept); n > 0 && kept[n-1].Last+1 == b.First && kept[n-1].State == b.State && kept[n-1].Count == b.Count {
			kept[n-1].Last = b.Last
			continue
		}
		kept = append(kept, b)
	}
	return kept
}

// over reports whether a batch counts against another of the same records.
func (b *Batch) over(x *Batch) bool {
	return b.Count > x.Count || b.Count == x.Count && b.State >= x.State
}

// overlay puts a batch over those of a sorted list that it counts against.
func overlay(list []Batch, b Batch) []Batch {
	from, _ := slices.BinarySearchFunc(list, b.First, func(x Batch, at int64) int {
		if x.Last < at {
			return -1
		}
		return 1
	})
	to, next := from, b.First // of b, what is from next on is not placed yet
	var parts []Batch
	place := func(part Batch, first, last int64) {
		if part.First, part.Last = first, last; first <= last {
			parts = append(parts, part)
		}
	}
	for ; to < len(list) && list[to].First <= b.Last; to++ {
		x := list[to]
		place(x, x.First, b.First-1)
		place(b, next, x.First-1)
		first, last := max(x.First, b.First), min(x.Last, b.Last)
		if b.over(&x) {
			place(b, first, last)
		} else {
			place(x, first, last)
		}
		place(x, b.Last+1, x.Last)
		next = last + 1
	}
	place(b, next, b.Last)
	return slices.Replace(list, from, to, parts...)
}
