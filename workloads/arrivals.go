package workloads

import (
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// Process is how arrivals follow each other.
type Process uint8

// The processes. All but Closed are open loops: records are due whatever becomes of
// those before.
const (
	Constant Process = iota // evenly spaced
	Poisson                 // with exponential gaps
	Bursty                  // a Markov-modulated Poisson process of two rates, [Bursts]
	Diurnal                 // Poisson, at a rate that follows a [Day]
	Traced                  // as a [Trace] says
	Closed                  // a [Loop]: each waits for the one before
)

// Permille is a factor or a share in thousandths, so that no float decides.
type Permille int64

// Arrivals says when the records of a producer are due. The zero value with a rate
// is an even one.
type Arrivals struct {
	Process   Process
	PerSecond int64 // the mean, from 1 to 1,000,000,000; nothing to Traced and Closed

	Bursts Bursts
	Day    Day
	Trace  *Trace
	Loop   Loop

	Envelope []Phase // scales the rate; nothing to Traced and Closed
	Batch    Batch   // holds back what is due until the next of its moments
}

const second = 1_000_000_000

// maxMilli is the greatest rate, in thousandths of a record a second.
const maxMilli = 1000 * second

// Batch has records be due together: every Every from the start, and no more than
// Most at a time. The rest waits for the next time, as rows of a table do for a
// connector that polls. Without Every nothing is held back.
type Batch struct {
	Every time.Duration
	Most  int64 // 0: all that is there
}

// Due yields the due times of one life of a producer, in order. A draw is keyed by
// the number of the record, or of the burst.
type Due struct {
	plan Arrivals
	draw machine.Draw
	from machine.Instant

	n    uint64          // records so far
	last machine.Instant // when the last was due
	rest int64           // of Constant: the part of a nanosecond that was cut off
	rate rate            // now
	mod  modulator

	traced trace
	loop   loop
	batch  struct {
		at machine.Instant
		n  int64
	}

	next  machine.Instant
	known bool

	after machine.Instant // what comes later is drawn from other; 0: nothing is
	other machine.Draw
}

// Start begins the arrivals at an instant. The draw names the producer's life.
func (a Arrivals) Start(from machine.Instant, draw machine.Draw) *Due {
	a.PerSecond = min(max(a.PerSecond, 1), second)
	a.Bursts.On, a.Bursts.Off = max(a.Bursts.On, MinStay), max(a.Bursts.Off, MinStay)
	a.Day.Period = max(a.Day.Period, 24*MinStay)
	d := &Due{plan: a, draw: draw, from: from, last: from}
	d.mod = modulator{plan: &a, from: from}
	d.loop = newLoop(a.Loop, from)
	d.batch.at = from
	return d
}

// Fork has all that follows a record that is due at or after an instant drawn from
// another draw. It is called before anything is asked.
func (d *Due) Fork(at machine.Instant, other machine.Draw) { d.after, d.other = at, other }

// Peek is when the next record is due; Never if none is, or none is yet: a closed
// loop waits for [Due.Ended].
func (d *Due) Peek() machine.Instant {
	if d.plan.Process == Closed {
		return d.loop.peek()
	}
	if !d.known {
		d.next, d.known = d.batched(d.arrival()), true
	}
	return d.next
}

// Next is Peek, and goes on to the record after it.
func (d *Due) Next() machine.Instant {
	at := d.Peek()
	switch {
	case d.plan.Process == Closed:
		d.loop.take()
	case at != machine.Never:
		d.known = false
	}
	return at
}

// Ended tells a closed loop that a record has its outcome. Open loops do not care.
func (d *Due) Ended(now machine.Instant) {
	if d.plan.Process == Closed {
		d.loop.ended(now, d.draw)
	}
}

// arrival is when the next record comes into being.
func (d *Due) arrival() machine.Instant {
	if d.last == machine.Never {
		return d.last
	}
	switch {
	case d.plan.Process == Traced:
		d.last = d.traced.next(d.plan.Trace, d.from)
	case d.plan.Process != Constant:
		d.last = d.behind(exponential(d.drawn().With(d.n)))
	case d.n == 0:
		d.last = d.behind(0)
	default:
		d.last = d.behind(1 << 32)
	}
	d.n++
	return d.last
}

// drawn is what is drawn from by now.
func (d *Due) drawn() machine.Draw {
	if d.after > 0 && d.last >= d.after {
		return d.other
	}
	return d.draw
}

// behind is when a gap has passed behind the last record. The gap is in units of
// 2^-32 records: the integral of the rate between two records, which is 1 between
// evenly spaced ones and exponentially distributed with mean 1 in a Poisson process,
// whatever the rate does meanwhile.
func (d *Due) behind(gap uint64) machine.Instant {
	at := d.last
	for {
		if at >= d.rate.until {
			d.rate, d.rest = d.mod.rate(at, d.drawn()), 0
		}
		if milli := d.rate.milli; milli > 0 {
			// Picoseconds times the rate: below 2^78, and a gap below 2^38.
			parts := int64(mul32(gap, 1000*second)) + d.rest
			if took := machine.Instant(parts / milli); d.rate.until == machine.Never || at+took < d.rate.until {
				if d.plan.Process == Constant {
					d.rest = parts % milli // so that a rate that does not divide a second does not drift
				}
				return at + took
			}
			gap -= min(gap, passed(d.rate.until.Sub(at), milli))
		}
		if at = d.rate.until; at == machine.Never {
			return at
		}
	}
}

// passed is how much of a gap passes in some time that is too short for all of it.
func passed(in time.Duration, milli int64) uint64 {
	_, lo := bits.Mul64(uint64(in), uint64(milli)) // below 2^6 records
	return mulDiv(lo, 1<<32, 1000*second)
}

// batched is the first moment of the batch at which a record that came into being is due.
func (d *Due) batched(at machine.Instant) machine.Instant {
	b := d.plan.Batch
	if b.Every <= 0 || at == machine.Never {
		return at
	}
	if at > d.batch.at {
		moments := (at - d.from + machine.Instant(b.Every) - 1) / machine.Instant(b.Every)
		d.batch.at, d.batch.n = d.from+moments*machine.Instant(b.Every), 0
	}
	if b.Most > 0 && d.batch.n == b.Most {
		d.batch.at, d.batch.n = d.batch.at.Add(b.Every), 0
	}
	d.batch.n++
	return d.batch.at
}
