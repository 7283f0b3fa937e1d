package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// finish returns the verdict.
func (d *deliveries) finish() Verdict {
	for _, p := range slices.Sorted(keysOf(d.subs)) {
		d.endListening(p)
	}
	f := &deliveriesFinish{d: d, found: map[string]*found{}, looked: map[string]int64{}}
	f.losses()
	f.duplicates()
	f.order()
	f.invented()
	f.gaps()
	f.excess()
	f.entities()
	d.ledger.Readers = int64(len(d.groups))
	d.ledger.Unknown = d.ledger.Sent - d.ledger.Acked - d.ledger.Rejected
	v := Verdict{Promise: result.Promise{From: d.rules.promise.From, Properties: d.rules.promise.Properties}, Ledger: d.ledger, Events: d.events}
	for _, name := range d.rules.promise.Properties {
		v.Findings = append(v.Findings, f.finding(name))
	}
	v.Outcome = result.Overall(v.Findings)
	v.Exit = v.Outcome.Exit()
	return v
}

func keysOf(m map[int32]*subscription) func(func(int32) bool) {
	return func(yield func(int32) bool) {
		for p := range m { // unordered: they are sorted
			if !yield(p) {
				return
			}
		}
	}
}

type deliveriesFinish struct {
	d      *deliveries
	found  map[string]*found
	looked map[string]int64
}

// decidable are the properties that can be decided without offsets.
var decidable = []string{NoAckedLoss, NoDuplicate, PerKeyOrder, NoPhantom, NoGap, PrefetchBound, Delivered, EntityOrder}

func (f *deliveriesFinish) finding(name string) result.Finding {
	out := result.Finding{Property: name, Outcome: result.Kept, Looked: f.looked[name], Violations: []result.Violation{}}
	x := f.found[name]
	switch {
	case !slices.Contains(decidable, name):
		out.Outcome = result.Unknown
	case x != nil:
		out.Outcome, out.Violations, out.More = result.Broken, x.violations, x.n-int64(len(x.violations))
	case (name == NoAckedLoss || name == Delivered) && f.d.h.Set.Keeps == history.KeepsUntilSettled && !f.d.drained,
		slices.ContainsFunc(f.d.recs, func(m message) bool { return m.reused }):
		out.Outcome = result.Unknown
	case out.Looked == 0:
		out.Outcome = result.Vacuous
	}
	return out
}

func (f *deliveriesFinish) violated(property string, what string, ws ...witness) {
	x := f.found[property]
	if x == nil {
		x = &found{}
		f.found[property] = x
	}
	if x.n++; len(x.violations) < MaxViolations {
		x.violations = append(x.violations, result.Violation{What: what, Witness: lines(ws)})
	}
}

// losses finds what was acknowledged and that a group has not finished with, nor could.
func (f *deliveriesFinish) losses() {
	d := f.d
	audiences := d.audiences()
	for n := range d.recs {
		m := &d.recs[n]
		missed, came := (*audience)(nil), false
		for _, g := range audiences {
			if !slices.Contains(g.tps, m.tp) {
				continue
			}
			_, delivered := g.came[n]
			came = came || delivered || g.left[n]
			if m.state == acked {
				f.looked[NoAckedLoss]++
			}
			if !g.reached(n) && missed == nil {
				missed = g
			}
		}
		if came {
			d.ledger.InLog++
		}
		if came || m.state == acked {
			f.delivered(n, m, audiences)
		}
		switch {
		case missed == nil || m.state == failed:
		case m.state != acked:
			d.ledger.LostUnacked++
		default:
			d.ledger.LostAcked++
			f.lost(n, m, missed)
		}
	}
}

func (f *deliveriesFinish) lost(n int, m *message, g *audience) {
	how := "never came to it"
	ws := []witness{f.sent(m), f.ack(m)}
	if a, came := g.came[n]; came {
		how = fmt.Sprintf("came to it at %s, which did not finish with it", moment(a.t))
		ws = append(ws, f.arrived(a))
	}
	f.violated(NoAckedLoss, fmt.Sprintf("%s was acknowledged at %s, and %s has not got it: it %s, and is not waiting at the end.", f.name(m), moment(m.ackT), g.name, how), ws...)
}

// delivered finds who has not finished with a record that was acknowledged or came to
// anybody.
func (f *deliveriesFinish) delivered(n int, m *message, audiences []*audience) {
	for _, g := range audiences {
		if !slices.Contains(g.tps, m.tp) {
			continue
		}
		if f.looked[Delivered]++; g.processed[n] == 0 {
			ws := []witness{f.sent(m)}
			if m.state == acked {
				ws = append(ws, f.ack(m))
			}
			f.violated(Delivered, fmt.Sprintf("%s, sent at %s, was never finished with by %s.", f.name(m), moment(m.invT), g.name), ws...)
		}
	}
}

// entities finds events of an entity, which is what a producer writes under one key, that
// a group has finished with in another order than that in which they were sent, delivered
// again or not.
func (f *deliveriesFinish) entities() {
	type line struct {
		p   int32
		key int64
	}
	for _, g := range f.d.audiences() {
		last := map[line]finishing{}
		for _, x := range g.finished {
			m := &f.d.recs[x.rec]
			if m.key == history.None {
				continue
			}
			before, some := last[line{m.p, m.key}]
			if some {
				f.looked[EntityOrder]++
			}
			b := &f.d.recs[before.rec]
			if !some || b.nth < m.nth {
				last[line{m.p, m.key}] = x
				continue
			}
			f.violated(EntityOrder, fmt.Sprintf("%s was sent before %s, and %s has finished with it after that, at %s.", f.name(m), f.name(b), g.name, moment(x.t)),
				f.sent(m), f.sent(b), f.finishedWith(before), f.finishedWith(x))
		}
	}
}

// excess finds who was sent more than he may have.
func (f *deliveriesFinish) excess() {
	f.looked[PrefetchBound] = f.d.ledger.Delivered
	for _, a := range f.d.excess {
		f.violated(PrefetchBound, fmt.Sprintf("%s came to %s at %s, who had %d already that it had not finished with: more than its prefetch.",
			f.name(f.message(a)), f.process("k", a.p), moment(a.t), f.d.h.Set.Prefetch), f.sent(f.message(a)), f.arrived(a))
	}
}

// duplicates finds what came to a group twice, and nobody has said that it might.
func (f *deliveriesFinish) duplicates() {
	for _, g := range f.d.audiences() {
		f.looked[NoDuplicate] += int64(len(g.firsts))
	}
	for _, a := range f.d.doubles {
		f.d.ledger.DupLog++
		first := a.group.came[a.rec]
		f.violated(NoDuplicate, fmt.Sprintf("%s came to %s at %s and once more at %s, not as one that is delivered again.", f.name(f.message(a)), a.group.name, moment(first.t), moment(a.t)),
			f.sent(f.message(a)), f.arrived(first), f.arrived(a))
	}
}

// order finds records of a key that came in another order than that in which their
// producer has sent them. Two that it has sent on two connections may have overtaken each
// other, unless the one was acknowledged before the other left.
func (f *deliveriesFinish) order() {
	type line struct {
		p   int32
		key int64
	}
	for _, g := range f.d.audiences() {
		last := map[line]arrival{}
		seen := map[int]bool{}
		for _, a := range g.firsts {
			m := f.message(a)
			if m.key == history.None || seen[a.rec] {
				continue
			}
			seen[a.rec] = true
			at := line{m.p, m.key}
			before, some := last[at]
			if some {
				f.looked[PerKeyOrder]++
			}
			switch b := f.message(before); {
			case !some || b.nth < m.nth:
				last[at] = a
			case m.session == b.session && m.session != 0, m.state == acked && m.ackI < b.invI:
				f.d.ledger.Reordered++
				f.violated(PerKeyOrder, fmt.Sprintf("%s was sent before %s and came to %s after it, at %s.", f.name(m), f.name(b), g.name, moment(a.t)),
					f.sent(m), f.sent(b), f.arrived(before), f.arrived(a))
			}
		}
	}
}

// invented finds what came and was not sent.
func (f *deliveriesFinish) invented() {
	f.looked[NoPhantom] = f.d.ledger.Delivered
	for _, x := range f.d.phantoms {
		e := history.Event{I: x.i, T: x.t, E: history.Note, F: history.Deliver, P: x.p,
			Runs: []history.Run{{TP: x.tp, Records: []history.Record{{Offset: history.None, Value: x.value, Key: x.key}}}}}
		f.violated(NoPhantom, fmt.Sprintf("record %s came to %s at %s: nobody has sent that, or it had certainly failed.", f.d.h.Text(x.value), f.process("k", x.p), moment(x.t)), f.line(&e))
	}
}

// gaps finds what was acknowledged and left out in between of what a subscription has
// brought: it brings all of what one connection has sent from the first on to the last.
func (f *deliveriesFinish) gaps() {
	type line struct {
		p, session int32
		tp         history.TP
	}
	sent := map[line][]int{} // what was acknowledged, in the order of its process
	for n := range f.d.recs {
		if m := &f.d.recs[n]; m.state == acked && m.session != 0 {
			at := line{m.p, m.session, m.tp}
			sent[at] = append(sent[at], n)
		}
	}
	for _, s := range f.d.over {
		came := map[int]bool{}
		ends := map[line][2]int{}
		var at []line
		for _, a := range s.came {
			m := f.message(a)
			came[a.rec] = true
			x := line{m.p, m.session, m.tp}
			e, some := ends[x]
			if !some {
				e, at = [2]int{m.nth, m.nth}, append(at, x)
			}
			ends[x] = [2]int{min(e[0], m.nth), max(e[1], m.nth)}
		}
		for _, x := range at {
			for _, n := range sent[x] {
				m := &f.d.recs[n]
				if m.nth < ends[x][0] || m.nth > ends[x][1] {
					continue
				}
				f.looked[NoGap]++
				if !came[n] {
					f.violated(NoGap, fmt.Sprintf("%s was acknowledged at %s and did not come to %s, who was sent what came before and after it all the while.", f.name(m), moment(m.ackT), f.process("k", s.p)), f.sent(m), f.ack(m))
				}
			}
		}
	}
}

func (f *deliveriesFinish) message(a arrival) *message { return &f.d.recs[a.rec] }

func (f *deliveriesFinish) line(e *history.Event) witness {
	return witness{e.I, string(history.AppendEvent(nil, f.d.h, e))}
}

func (f *deliveriesFinish) sent(m *message) witness {
	return f.line(&history.Event{I: m.invI, T: m.invT, E: history.Inv, F: history.Send, ID: m.op, P: m.p,
		Sends: []history.Sent{{TP: m.tp, Value: m.value, Key: m.key, Offset: history.None, Seq: history.None}}})
}

func (f *deliveriesFinish) ack(m *message) witness {
	return f.line(&history.Event{I: m.ackI, T: m.ackT, E: history.OK, F: history.Send, ID: m.op, P: m.p, Epoch: m.session,
		Sends: []history.Sent{{TP: m.tp, Value: m.value, Key: history.None, Offset: history.None, Seq: history.None}}})
}

func (f *deliveriesFinish) arrived(a arrival) witness {
	m := f.message(a)
	return f.line(&history.Event{I: a.i, T: a.t, E: history.Note, F: history.Deliver, P: a.p, Again: a.again,
		Runs: []history.Run{{TP: m.tp, Records: []history.Record{{Offset: history.None, Value: m.value, Key: m.key}}}}})
}

func (f *deliveriesFinish) finishedWith(x finishing) witness {
	m := &f.d.recs[x.rec]
	return f.line(&history.Event{I: x.i, T: x.t, E: history.OK, F: history.Process, P: x.p,
		Runs: []history.Run{{TP: m.tp, Records: []history.Record{{Offset: history.None, Value: m.value, Key: m.key}}}}})
}

func (f *deliveriesFinish) name(m *message) string {
	if m.key == history.None {
		return "Record " + f.d.h.Text(m.value)
	}
	return fmt.Sprintf("Record %s (key %s)", f.d.h.Text(m.value), f.d.h.Text(m.key))
}

func (f *deliveriesFinish) process(letter string, p int32) string {
	return processName(f.d.h, letter, p)
}
