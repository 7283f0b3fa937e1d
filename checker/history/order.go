package history

import (
	"fmt"
	"math"
	"slices"
)

// underWay are the operations that were invoked and not completed. Completed
// ones are used again, so that a line costs no allocation.
type underWay struct {
	open  map[int64]*invocation
	free  []*invocation
	lastT int64
}

func newUnderWay() underWay {
	return underWay{open: map[int64]*invocation{}, lastT: math.MinInt64}
}

// room returns an invocation to be filled in.
func (u *underWay) room() *invocation {
	n := len(u.free)
	if n == 0 {
		return &invocation{}
	}
	o := u.free[n-1]
	u.free = u.free[:n-1]
	return o
}

// invocation is what a completion is held to. Only a simulation is held to more
// than the function and the process: Jepsen's completions name the values that
// count, whatever was asked.
type invocation struct {
	f     Func
	p     int32
	spec  string
	sends []asked
	tps   []TP
}

type asked struct {
	tp         TP
	value, key int64
}

// places are where the fields of a line begin, in bytes; 0 if they are absent.
type places struct{ t, e, id, p, m, k, claims, spec, offs int }

// wrong is an error at a place of the line that was read last.
func (rd *Reader) wrong(at int, format string, args ...any) error {
	if at > 0 {
		at++
	}
	return &Error{rd.line, at, fmt.Sprintf(format, args...)}
}

// order checks what holds between lines: numbers run on, time does not go back,
// and a completion has exactly one invocation, which it answers.
func (rd *Reader) order(known bool) error {
	e, u := &rd.ev, &rd.under
	if e.I != rd.next {
		return rd.wrong(0, "event %d where %d must follow: a line is missing, doubled or out of order", e.I, rd.next)
	}
	rd.next++
	if rd.sim {
		switch {
		case rd.at.t == 0:
			return rd.wrong(0, `no "t": each event of a simulation has its time`)
		case e.T < u.lastT:
			return rd.wrong(rd.at.t, "time goes back from %d to %d", u.lastT, e.T)
		}
		u.lastT = e.T
	}
	if !known {
		return nil
	}
	if err := rd.kindFits(); err != nil {
		return err
	}
	switch {
	case e.F == Crash:
		rd.died()
		return nil
	case e.F == Process:
		if e.E == Note && rd.at.id == 0 {
			return nil
		}
		if o := rd.under.open[e.ID]; o != nil {
			return rd.wrong(rd.at.id, "operation %d is under way as %v: process is another operation", e.ID, o.f)
		}
		return nil
	case e.E == Note:
		return nil
	case e.E == Inv:
		return rd.invoked()
	}
	return rd.completed()
}

// kindFits checks that an event is of a kind that its function can have.
func (rd *Reader) kindFits() error {
	switch e := &rd.ev; {
	case e.F == Process && e.E != OK && e.E != Note:
		return rd.wrong(rd.at.e, `%v of process: it is one event, "ok" or "ev"`, e.E)
	case e.F >= Leader && e.E != Note:
		return rd.wrong(rd.at.e, `%v of %v, which is no operation: it is an "ev"`, e.E, e.F)
	case e.F < Process && e.F != Assign && e.F != TxnBegin && e.E == Note:
		return rd.wrong(rd.at.e, `ev of %v, which is an operation: it is "inv", "ok", "fail" or "info"`, e.F)
	}
	return nil
}

func (rd *Reader) invoked() error {
	e, u := &rd.ev, &rd.under
	if u.open[e.ID] != nil {
		return rd.wrong(0, "operation %d was invoked already", e.ID)
	}
	o := u.room()
	o.f, o.p = e.F, e.P
	if rd.sim {
		o.spec = e.Spec
		o.tps = append(o.tps[:0], e.TPs...)
		for i := range e.Offs {
			o.tps = append(o.tps, e.Offs[i].TP)
		}
		o.sends = o.sends[:0]
		for i := range e.Sends {
			s := &e.Sends[i]
			o.sends = append(o.sends, asked{s.TP, s.Value, s.Key})
		}
	}
	u.open[e.ID] = o
	return nil
}

func (rd *Reader) completed() error {
	e, u := &rd.ev, &rd.under
	o := u.open[e.ID]
	switch {
	case o == nil:
		return rd.wrong(0, "%v of operation %d, which was not invoked or has completed", e.E, e.ID)
	case o.f != e.F:
		return rd.wrong(0, "operation %d was invoked as %v and completes as %v", e.ID, o.f, e.F)
	case rd.at.p == 0:
		e.P = o.p
	case o.p != e.P:
		return rd.wrong(rd.at.p, "operation %d was invoked by process %d, not %d", e.ID, o.p, e.P)
	}
	if rd.sim {
		if err := rd.answers(o); err != nil {
			return err
		}
	}
	delete(u.open, e.ID)
	u.free = append(u.free, o)
	return nil
}

// answers checks that a completion is about what was asked.
func (rd *Reader) answers(o *invocation) error {
	e := &rd.ev
	if e.F == Send {
		return rd.sameSends(o)
	}
	if o.spec != "" && e.Spec != o.spec {
		return rd.wrong(rd.at.spec, "operation %d asked for %q, not %q", e.ID, o.spec, e.Spec)
	}
	if len(o.tps) == 0 {
		return nil
	}
	for i := range e.Runs {
		if tp := e.Runs[i].TP; !slices.Contains(o.tps, tp) {
			return rd.unasked(rd.at.m, o, tp)
		}
	}
	for i := range e.Offs {
		if tp := e.Offs[i].TP; !slices.Contains(o.tps, tp) {
			return rd.unasked(rd.at.offs, o, tp)
		}
	}
	for i := range e.At {
		if tp := e.At[i].TP; !slices.Contains(o.tps, tp) {
			return rd.unasked(rd.at.claims, o, tp)
		}
	}
	return nil
}

func (rd *Reader) unasked(at int, o *invocation, tp TP) error {
	h := rd.Header
	names := make([]string, len(o.tps))
	for i, x := range o.tps {
		names[i] = h.Name(x)
	}
	return rd.wrong(at, "operation %d did not ask for partition %q%s", rd.ev.ID, h.Name(tp), nearest(h.Name(tp), names))
}

// sameSends checks that the records of a completed send are those that were
// invoked, in the same order. Keys are compared if the completion has any.
func (rd *Reader) sameSends(o *invocation) error {
	e, h := &rd.ev, rd.Header
	if len(e.Sends) != len(o.sends) {
		return rd.wrong(rd.at.m, "operation %d sent %d record(s) and completes %d", e.ID, len(o.sends), len(e.Sends))
	}
	for i := range e.Sends {
		s, was := &e.Sends[i], &o.sends[i]
		switch {
		case s.TP != was.tp:
			return rd.wrong(rd.sentAt[i], "operation %d sent this record to %q, not %q", e.ID, h.Name(was.tp), h.Name(s.TP))
		case s.Value != was.value:
			return rd.wrong(rd.sentAt[i], "operation %d sent value %s, not %s", e.ID, h.Text(was.value), h.Text(s.Value))
		case len(rd.keys) > 0 && s.Key != was.key:
			return rd.wrong(rd.at.k, "operation %d sent value %s with key %s, not %s", e.ID, h.Text(was.value), h.keyText(was.key), h.keyText(s.Key))
		}
	}
	return nil
}

// died forgets what a process of a simulation had under way: nobody is left to
// be answered.
func (rd *Reader) died() {
	if !rd.sim {
		return
	}
	u := &rd.under
	for id, o := range u.open { // unordered: each is forgotten by itself
		if o.p == rd.ev.P {
			delete(u.open, id)
			u.free = append(u.free, o)
		}
	}
}
