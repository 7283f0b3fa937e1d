package workloads

import (
	"slices"
	"time"

	"brokersim/broker/machine"
)

// Loop is a closed loop: so many callers, each of whom sends one record, waits for
// its outcome, thinks, and sends the next. Under it a slow broker is offered less:
// latencies say what the callers see, and nothing of those who would have called.
type Loop struct {
	Outstanding int64
	Think       time.Duration
	Exponential bool // Think is the mean; else it always takes as long
}

// loop holds when those who are thinking will send, the earliest first.
type loop struct {
	plan  Loop
	ready []machine.Instant
	n     uint64 // outcomes so far
}

func newLoop(plan Loop, from machine.Instant) loop {
	l := loop{plan: plan}
	for range plan.Outstanding {
		l.ready = append(l.ready, from)
	}
	return l
}

func (l *loop) peek() machine.Instant {
	if len(l.ready) == 0 {
		return machine.Never
	}
	return l.ready[0]
}

func (l *loop) take() {
	if len(l.ready) > 0 {
		l.ready = slices.Delete(l.ready, 0, 1)
	}
}

func (l *loop) ended(now machine.Instant, draw machine.Draw) {
	think := l.plan.Think
	if l.plan.Exponential {
		think = time.Duration(mul32(exponential(draw.Of("think").With(l.n)), uint64(think)))
	}
	l.n++
	at := now.Add(think)
	i := len(l.ready)
	for i > 0 && l.ready[i-1] > at {
		i--
	}
	l.ready = slices.Insert(l.ready, i, at)
}
