package sim

import (
	"fmt"

	"brokersim/broker/machine"
)

// Divergence is the first input in which two runs differ.
type Divergence struct {
	N    int64       // how many inputs were alike, and 1
	A, B *TraceEvent // nil: that run had ended
}

// String shows both, on two lines.
func (d Divergence) String() string {
	show := func(e *TraceEvent) string {
		if e == nil {
			return "nothing: the run has ended"
		}
		return e.String()
	}
	return fmt.Sprintf("event %d differs:\n  %s\n  %s", d.N, show(d.A), show(d.B))
}

// Lockstep steps two fresh runs side by side, as far as until, and returns the
// first input in which they differ, or false. A difference that is another on
// every run, such as an order of a map, cannot be found in any other way.
func Lockstep(a, b func() *Sim, until machine.Instant) (Divergence, bool) {
	x, y := newStepper(a(), until), newStepper(b(), until)
	for n := int64(1); ; n++ {
		e, f := x.next(), y.next()
		if e == nil && f == nil {
			return Divergence{}, false
		}
		if e == nil || f == nil || *e != *f {
			return Divergence{n, e, f}, true
		}
	}
}

// stepper runs up to the next input.
type stepper struct {
	s     *Sim
	until machine.Instant
	got   *TraceEvent
}

func newStepper(s *Sim, until machine.Instant) *stepper {
	st := &stepper{s: s, until: until}
	also := s.Trace
	s.stopped = false
	s.Trace = func(e *TraceEvent) {
		seen := *e
		st.got = &seen
		if also != nil {
			also(e)
		}
	}
	return st
}

// next is the next input, nil at the end of the run.
func (st *stepper) next() *TraceEvent {
	defer st.s.blame()
	st.got = nil
	for st.got == nil && !st.s.stopped && st.s.step(st.until) {
	}
	return st.got
}
