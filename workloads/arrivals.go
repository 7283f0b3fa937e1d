package workloads

import (
	"math/bits"

	"brokersim/broker/machine"
)

// Arrivals says when the records of an open-loop producer are due: at a rate,
// whatever becomes of those before.
type Arrivals struct {
	PerSecond int64 // from 1 to 1,000,000,000
	Poisson   bool  // with exponential gaps; else evenly spaced
}

const second = 1_000_000_000

// arrivals yields the due times of one life of a producer.
type arrivals struct {
	Arrivals
	draw machine.Draw
	from machine.Instant
	n    uint64 // arrivals so far
	last machine.Instant

	after machine.Instant // what comes later is drawn from other; 0: nothing is
	other machine.Draw
}

// next returns when the next record is due.
func (a *arrivals) next() machine.Instant {
	if a.Poisson {
		draw := a.draw
		if a.after > 0 && a.last >= a.after {
			draw = a.other
		}
		gap := exponential(draw.With(a.n))
		hi, lo := bits.Mul64(gap, second)
		q, _ := bits.Div64(hi, lo, uint64(a.PerSecond)<<32) // hi < 2^4: a gap is below 2^38
		a.last += machine.Instant(q)
	} else {
		// From the start, so that a rate that does not divide a second does
		// not drift.
		hi, lo := bits.Mul64(a.n, second)
		q, _ := bits.Div64(hi, lo, uint64(a.PerSecond))
		a.last = a.from + machine.Instant(q)
	}
	a.n++
	return a.last
}

// waiting are the due times of records that could not be sent yet, oldest first.
// Through an outage they are many: dropping one costs no copying of the rest.
type waiting struct {
	list []machine.Instant
	from int
}

func (w *waiting) len() int { return len(w.list) - w.from }

func (w *waiting) add(due machine.Instant) { w.list = append(w.list, due) }

func (w *waiting) first() (due machine.Instant, some bool) {
	if w.from == len(w.list) {
		return 0, false
	}
	return w.list[w.from], true
}

// at is the i-th of those that wait.
func (w *waiting) at(i int) machine.Instant { return w.list[w.from+i] }

func (w *waiting) drop() {
	w.from++
	if 2*w.from >= len(w.list) {
		w.list = w.list[:copy(w.list, w.list[w.from:])]
		w.from = 0
	}
}

// exponential is a draw from the exponential distribution with mean 1, in units
// of 2^-32. It is a whole number of halvings, which are geometrically
// distributed, and the rest of one: the distribution forgets what has passed.
// That makes the tail exact and the table small.
func exponential(draw machine.Draw) uint64 {
	u := draw.Uint64()
	halvings := uint64(bits.LeadingZeros64(u))
	rest := draw.With(1).Uint64()
	i, part := rest>>56, rest>>24&(1<<32-1)
	from, to := exponentialRest[i], exponentialRest[i+1]
	return halvings*ln2 + from + (to-from)*part>>32
}
