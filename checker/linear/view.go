package linear

import (
	"cmp"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"brokersim/checker/history"
)

// View is the part of a partition's history around a violation, small enough for
// porcupine to search and for people to look at.
type View struct {
	Partition string
	ops       []porcupine.Operation
	model     model
	notes     []note
}

// Operations is how many operations are looked at.
func (v *View) Operations() int { return len(v.ops) }

// staleEnd is the property for which it matters where a log was said to end. For
// others it does not: a high watermark may be behind after an election.
const staleEnd = "no-stale-end"

// modelOf is the model that knows what a property is about, or nil: order per key
// and progress are no matter of one log's operations.
func modelOf(property string) model {
	switch property {
	case "slot-agreement", "no-acked-loss", "no-duplicate", "no-phantom", "no-skip":
		return logModel
	case staleEnd:
		return endModel
	}
	return nil
}

// Knows reports whether a violation of a property may have a [View].
func Knows(property string) bool { return modelOf(property) != nil }

// window is how much of a history a view has.
type window struct {
	margin   int64 // so many offsets on each side of those in question
	most     int   // operations: reads that are far from the witness are left out
	mostEnds int   // operations where only the end matters
}

var usual = window{margin: 4, most: 100, mostEnds: 12}

// View is the window around a violation, of which witness has the lines of the
// history that show it. There is none for a property without a model, or for a
// witness that is of no partition.
//
// What is left out makes nothing illegal that was legal: a log of which some offsets
// are not looked at, by reads that say nothing of them either, is one still.
func (c *Collector) View(property string, witness []string) (*View, bool) {
	return c.view(property, witness, usual)
}

func (c *Collector) view(property string, lines []string, size window) (*View, bool) {
	w := parseWitness(lines)
	w.window = size
	at := slices.Index(c.header.TPs, w.partition)
	v := &View{Partition: w.partition, model: modelOf(property)}
	if v.model == nil || at < 0 {
		return nil, false
	}
	var ops []Op
	for _, o := range c.parts[history.TP(at)] {
		if property == staleEnd {
			ops = append(ops, o.claims()...)
		} else if x, in := w.clip(o); in {
			ops = append(ops, x)
		}
	}
	v.ops = w.nearest(prepare(ops), property == staleEnd)
	if len(v.ops) == 0 {
		return nil, false
	}
	v.lanes()
	first, last := v.span()
	for _, n := range c.notes {
		if first <= n.at && n.at <= last {
			v.notes = append(v.notes, n)
		}
	}
	return v, true
}

// clip is what an operation says of the offsets near the witness, if anything.
func (w *witness) clip(o *Op) (x Op, in bool) {
	x = *o
	x.Records = nil
	for _, r := range o.Records {
		if r.Offset == Unknown || w.near(r.Offset) {
			x.Records = append(x.Records, r)
		}
	}
	whole := o.Final && !o.Limited
	x.Limited = !whole
	return x, o.Kind != End && (len(x.Records) > 0 || o.Kind == Fetch && whole)
}

// claims is what an operation says of the end: a fetch has shown that it is behind
// its records, and that it is where the high watermark was.
func (o *Op) claims() (list []Op) {
	if o.Kind != Fetch || o.End < 0 {
		return []Op{*o}
	}
	end := *o
	end.Kind, end.Records = End, nil
	if list = []Op{end}; len(o.Records) > 0 {
		shown := *o
		shown.Limited = true
		list = append(list, shown)
	}
	return list
}

// nearest leaves out the reads that are farthest from the witness in time if there
// are too many operations, and if only the end matters, appends as well: without
// them the log ends earlier, which makes no claim too low. There it leaves no more
// than a few, of which the search soon knows whether there is an order.
func (w *witness) nearest(ops []porcupine.Operation, ends bool) []porcupine.Operation {
	most := w.most
	if ends {
		most = w.mostEnds
	}
	distance := func(x *porcupine.Operation) (d int64) {
		o := x.Input.(*Op)
		switch {
		case slices.Contains(w.events, x.Call) || slices.Contains(w.events, x.Return):
			return -1
		case !ends && (o.Kind == Append || o.Final):
			return 0
		case ends && x.Return == math.MaxInt64:
			return math.MaxInt64
		}
		d = math.MaxInt64
		for _, e := range w.events {
			d = min(d, max(x.Call-e, e-x.Return, 0))
		}
		return d
	}
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(distance(&a), distance(&b)) })
	for most < len(ops) && !ends && distance(&ops[most]) == 0 {
		most++
	}
	return ops[:min(most, len(ops))]
}

// span is when the first operation was called and the last one returned.
func (v *View) span() (first, last int64) {
	first = math.MaxInt64
	for i := range v.ops {
		first = min(first, v.ops[i].Call)
		if r := v.ops[i].Return; r != math.MaxInt64 {
			last = max(last, r)
		}
	}
	return first, last
}

// lanes numbers the clients anew, in the order of their names: one that had several
// operations under way at a time gets a lane for each.
func (v *View) lanes() {
	type lane struct {
		process int
		free    int64
	}
	slices.SortStableFunc(v.ops, func(a, b porcupine.Operation) int {
		return cmp.Or(cmp.Compare(a.Input.(*Op).Client, b.Input.(*Op).Client), cmp.Compare(a.Call, b.Call))
	})
	var lanes []lane
	for i := range v.ops {
		x := &v.ops[i]
		process := x.Input.(*Op).Client
		at := slices.IndexFunc(lanes, func(l lane) bool { return l.process == process && l.free < x.Call })
		if at < 0 {
			at = len(lanes)
			lanes = append(lanes, lane{process: process})
		}
		lanes[at].free = x.Return
		x.ClientId = at
	}
}
