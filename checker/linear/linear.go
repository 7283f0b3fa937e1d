// Package linear decides by search what package checker decides by witness:
// whether the history of one partition is linearizable. It is the second
// opinion, for small histories and for the two operations at the core of a
// violation; the search is porcupine's.
//
// The object is a log whose offsets only grow. An append at offset o is legal
// when the log ends at o or before: gaps are free, since control records and
// compaction leave them. A fetch shows every record from the offset asked for
// up to its last, and if it was not limited it shows the end as well. An
// append of several records is one operation a record, since a send may become
// several batches.
//
// An append of unknown outcome is resolved before the search. If a fetch
// showed it, its offset is known; if none did, it may as well have been lost,
// and is left out. The search then has no choice but the order.
package linear

import (
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
)

// Kind is the kind of an operation.
type Kind uint8

// The operations on a partition log.
const (
	Append Kind = iota
	Fetch
	End // ListOffsets(latest)
)

// Unknown is the offset of an append that was not acknowledged with one, and
// the Return of an operation that never completed.
const Unknown = -1

// Op is one operation. Call and Return are points in real time, all different:
// the numbers of history events.
type Op struct {
	Kind         Kind
	Client       int
	Call, Return int64
	From         int64    // of a Fetch: the offset asked for
	Records      []Record // appended, or fetched in the order of offsets
	Limited      bool     // of a Fetch: it was cut short
	Final        bool     // of a Fetch: it is of the final read
	End          int64    // of an End
}

// Record is a value at an offset. Every appended value is different.
type Record struct{ Offset, Value int64 }

// Answer is the outcome of a check.
type Answer string

// The outcomes.
const (
	Legal    Answer = "legal"
	Illegal  Answer = "illegal"
	GaveUp   Answer = "unknown" // the step budget was spent
	maxSteps        = math.MaxInt
)

// Check decides whether the operations of one partition are linearizable, in
// at most budget steps of the model; 0 means without bound.
func Check(ops []Op, budget int) Answer {
	return search(logModel, prepare(ops), budget)
}

// CheckEnds is Check for the end offset alone: operations stand in any
// company, for instance as the two of a witness, so that what a fetch did not
// show says nothing.
func CheckEnds(ops []Op, budget int) Answer {
	return search(endModel, prepare(ops), budget)
}

// prepare splits appends and resolves those of unknown outcome.
func prepare(ops []Op) []porcupine.Operation {
	seen := map[int64]int64{}
	for i := range ops {
		if ops[i].Kind == Fetch {
			for _, r := range ops[i].Records {
				if _, ok := seen[r.Value]; !ok {
					seen[r.Value] = r.Offset
				}
			}
		}
	}
	var out []porcupine.Operation
	add := func(o *Op) {
		ret := o.Return
		if ret == Unknown {
			ret = math.MaxInt64
		}
		out = append(out, porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Call, Output: o, Return: ret})
	}
	for i := range ops {
		o := &ops[i]
		if o.Kind != Append {
			add(o)
			continue
		}
		for _, r := range o.Records {
			one := *o
			if r.Offset == Unknown {
				at, ok := seen[r.Value]
				if !ok {
					continue
				}
				r.Offset = at
			}
			one.Records = []Record{r}
			add(&one)
		}
	}
	return out
}

// model is a step function over a log.
type model func(s state, o *Op) (state, bool)

// state is a log: what it holds, and where it ends, which may be further.
type state struct {
	top *node
	end int64
}

// node is the last record of a log that shares the others with its elders.
type node struct {
	Record
	below *node
	hash  uint64 // of all records up to this one
}

func (n *node) sum() uint64 {
	if n == nil {
		return 0
	}
	return n.hash
}

func (s state) push(r Record) state {
	h := s.top.sum() ^ uint64(r.Value)*0x9e3779b97f4a7c15 ^ uint64(r.Offset)
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return state{&node{r, s.top, h}, r.Offset + 1}
}

// reach is the end that an unlimited fetch shows.
func (o *Op) reach() int64 {
	if n := len(o.Records); n > 0 {
		return o.Records[n-1].Offset + 1
	}
	return o.From
}

// logModel knows what the log holds.
func logModel(s state, o *Op) (state, bool) {
	switch o.Kind {
	case Append:
		r := o.Records[0]
		return s.push(r), r.Offset >= s.end
	case End:
		return state{s.top, o.End}, o.End >= s.end
	}
	n := s.top
	reach := o.reach()
	if o.Limited && len(o.Records) == 0 {
		return s, true
	}
	for ; n != nil && n.Offset >= reach; n = n.below {
		if !o.Limited {
			return s, false
		}
	}
	for _, r := range slices.Backward(o.Records) {
		if n == nil || n.Record != r || r.Offset < o.From {
			return s, false
		}
		n = n.below
	}
	if n != nil && n.Offset >= o.From {
		return s, false
	}
	if o.Limited {
		return s, true
	}
	return state{s.top, max(s.end, reach)}, reach >= s.end
}

// endModel knows only where the log ends.
func endModel(s state, o *Op) (state, bool) {
	switch o.Kind {
	case Append:
		r := o.Records[0]
		return state{nil, r.Offset + 1}, r.Offset >= s.end
	case End:
		return state{nil, o.End}, o.End >= s.end
	}
	if o.Limited {
		return state{nil, max(s.end, o.reach())}, true
	}
	return state{nil, max(s.end, o.reach())}, o.reach() >= s.end
}

// search runs porcupine.
func search(m model, ops []porcupine.Operation, budget int) Answer {
	s := newStepper(m, budget)
	return s.answer(porcupine.CheckOperations(s.porcupine(), ops))
}

// newStepper is a log with a budget.
func newStepper(m model, budget int) *stepper[state, Op] {
	return stepperOf(object[state, Op]{
		step:  m,
		equal: func(a, b state) bool { return a.end == b.end && a.top.sum() == b.top.sum() },
		hash:  func(a state) uint64 { return a.top.sum() ^ uint64(a.end)*0x9e3779b97f4a7c15 },
	}, budget)
}
