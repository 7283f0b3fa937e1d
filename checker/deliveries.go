package checker

import (
	"maps"
	"slices"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// What is decided only where records have no offsets.
const (
	NoGap         = "no-gap"         // nothing is left out of what a subscription brings: the log's NoSkip has nothing to go by
	PrefetchBound = "prefetch-bound" // nobody is sent more than he may have and not have finished with
)

// deliveries judges a history of records without offsets: what was sent, and what came to
// whom. It keeps what it must know of each record and each delivery.
type deliveries struct {
	h     *history.Header
	rules rules

	values map[int64]int // value -> index into recs
	recs   []message
	ops    map[int64][]int // sends under way: their records
	sent   map[int32]int   // by process: records so far
	groups map[string]*audience
	member map[int32]*audience // by process: what it listens for

	subs    map[int32]*subscription // by process: while it lasts
	over    []*subscription
	drained bool // there was a final read that came to its end
	events  int64
	ledger  result.Ledger

	doubles  []arrival
	excess   []arrival // that were one too many for who has them
	phantoms []unsentRecord
}

// message is one record.
type message struct {
	value, key int64
	tp         history.TP
	p          int32
	session    int32 // the connection on which it was sent; 0 if nobody knows
	nth        int   // of its process
	op         int64
	invI, invT int64
	ackI, ackT int64
	state      state
	reused     bool
}

// audience is a group of readers: a record is meant for one of them.
type audience struct {
	name      string
	tps       []history.TP
	came      map[int]arrival // the first delivery of a record
	firsts    []arrival       // those that were not said to come again, in their order
	processed map[int]int
	finished  []finishing  // with a record for the first time, in order
	left      map[int]bool // in the final read
}

// arrival is a record that came to somebody.
type arrival struct {
	rec   int
	i, t  int64
	p     int32
	again bool
	group *audience
}

// finishing is that somebody has finished with a record.
type finishing struct {
	rec  int
	i, t int64
	p    int32
}

// unsentRecord is an arrival of what nobody had sent.
type unsentRecord struct {
	value, key, i, t int64
	p                int32
	tp               history.TP
}

// subscription is a time in which all that comes to some partitions is sent to a process.
type subscription struct {
	p    int32
	tps  []history.TP
	came []arrival
	held map[int]bool // records that it has and has not finished with
}

func newDeliveries(h *history.Header) *deliveries {
	return &deliveries{h: h, rules: newRules(h), values: map[int64]int{}, ops: map[int64][]int{}, sent: map[int32]int{},
		groups: map[string]*audience{}, member: map[int32]*audience{}, subs: map[int32]*subscription{}}
}

func (d *deliveries) observe(e *history.Event) {
	d.events++
	switch e.F {
	case history.Send:
		if e.E == history.Inv {
			d.begins(e)
		} else {
			d.ends(e)
		}
	case history.Listen:
		d.listens(e)
	case history.Unlisten:
		d.endListening(e.P)
	case history.Crash:
		d.endListening(e.P)
	case history.Deliver:
		d.delivered(e)
	case history.Process:
		d.processed(e)
	case history.Dump:
		if e.E == history.OK {
			d.dumped(e)
		}
	}
}

func (d *deliveries) begins(e *history.Event) {
	for i := range e.Sends {
		s := &e.Sends[i]
		d.ledger.Sent++
		if n, known := d.values[s.Value]; known {
			d.recs[n].reused = true
			continue
		}
		n := len(d.recs)
		d.recs = append(d.recs, message{value: s.Value, key: s.Key, tp: s.TP, p: e.P, nth: d.sent[e.P], op: e.ID, invI: e.I, invT: e.T})
		d.sent[e.P]++
		d.values[s.Value] = n
		d.ops[e.ID] = append(d.ops[e.ID], n)
	}
}

func (d *deliveries) ends(e *history.Event) {
	for _, n := range d.ops[e.ID] {
		m := &d.recs[n]
		m.session = max(e.Epoch, 0)
		switch {
		case e.E == history.OK && !d.h.Set.Acknowledges():
			// No broker has said anything: the record stays unknown.
		case e.E == history.OK:
			m.state, m.ackI, m.ackT = acked, e.I, e.T
			d.ledger.Acked++
		case e.E == history.Fail:
			m.state = failed
			d.ledger.Rejected++
		}
	}
	delete(d.ops, e.ID)
}

func (d *deliveries) listens(e *history.Event) {
	d.endListening(e.P)
	g := d.groups[e.Spec]
	if g == nil {
		g = &audience{name: e.Spec, came: map[int]arrival{}, processed: map[int]int{}, left: map[int]bool{}}
		d.groups[e.Spec] = g
	}
	for _, tp := range e.TPs {
		if !slices.Contains(g.tps, tp) {
			g.tps = append(g.tps, tp)
		}
	}
	d.member[e.P] = g
	d.subs[e.P] = &subscription{p: e.P, tps: slices.Clone(e.TPs), held: map[int]bool{}}
}

func (d *deliveries) endListening(p int32) {
	if s := d.subs[p]; s != nil {
		d.over = append(d.over, s)
		delete(d.subs, p)
	}
}

func (d *deliveries) delivered(e *history.Event) {
	g := d.member[e.P]
	for i := range e.Runs {
		for j := range e.Runs[i].Records {
			r := &e.Runs[i].Records[j]
			d.ledger.Delivered++
			n, known := d.values[r.Value]
			if !known || d.recs[n].state == failed || d.recs[n].tp != e.Runs[i].TP {
				d.phantoms = append(d.phantoms, unsentRecord{r.Value, r.Key, e.I, e.T, e.P, e.Runs[i].TP})
				continue
			}
			if g == nil {
				continue // nobody has said that it listens
			}
			d.comes(g, arrival{rec: n, i: e.I, t: e.T, p: e.P, again: e.Again, group: g})
		}
	}
}

func (d *deliveries) comes(g *audience, a arrival) {
	if _, before := g.came[a.rec]; !before {
		g.came[a.rec] = a
	} else if !a.again {
		d.doubles = append(d.doubles, a)
	}
	if !a.again {
		g.firsts = append(g.firsts, a)
	}
	if s := d.subs[a.p]; s != nil {
		s.came = append(s.came, a)
		if s.held[a.rec] = true; d.h.Set.Prefetch > 0 && len(s.held) > d.h.Set.Prefetch {
			d.excess = append(d.excess, a)
		}
	}
}

func (d *deliveries) processed(e *history.Event) {
	g := d.member[e.P]
	for i := range e.Runs {
		for j := range e.Runs[i].Records {
			d.ledger.Processed++
			n, known := d.values[e.Runs[i].Records[j].Value]
			if !known || g == nil {
				continue
			}
			if s := d.subs[e.P]; s != nil {
				delete(s.held, n)
			}
			if g.processed[n]++; g.processed[n] > 1 {
				d.ledger.DupProcessed++
			} else {
				g.finished = append(g.finished, finishing{n, e.I, e.T, e.P})
			}
		}
	}
}

// dumped takes what was left for a group at the end: its name is the event's Spec.
func (d *deliveries) dumped(e *history.Event) {
	d.drained = d.drained || e.Fin
	g := d.groups[e.Spec]
	for i := range e.Runs {
		for j := range e.Runs[i].Records {
			if n, known := d.values[e.Runs[i].Records[j].Value]; known && g != nil {
				g.left[n] = true
			}
		}
	}
}

// audiences are the groups in the order of their names.
func (d *deliveries) audiences() (list []*audience) {
	for _, name := range slices.Sorted(maps.Keys(d.groups)) {
		list = append(list, d.groups[name])
	}
	return list
}

// reached reports whether a group has finished with a record, or still can.
func (g *audience) reached(n int) bool { return g.processed[n] > 0 || g.left[n] }
