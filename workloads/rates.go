package workloads

import (
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// Bursts are the two states of a Markov-modulated Poisson process. It stays in each
// for an exponentially distributed time. The rate in a burst is Factor times the mean
// of all; that between bursts is what is left of the mean, and 0 if Factor is
// (On+Off)/On: on and off.
type Bursts struct {
	Factor  Permille      // above 1000, and at most 1000*(On+Off)/On
	On, Off time.Duration // the mean stays
}

// Day is the shape of a day, as a whole period.
type Day struct {
	Period time.Duration // of which the first hour is that after midnight
	Peak   Permille      // of the busiest hour over the mean: from 1000 to MaxPeak
}

// MaxPeak is the highest peak of a [Day].
const MaxPeak Permille = 3000

// MinStay is the shortest that a rate may stay: the mean of a burst, an hour of a day.
const MinStay = time.Millisecond

// dayShape is the rate of each hour of the day, in thousandths of the mean, where the
// peak is three times the mean: quiet before dawn, a working day, and most at eight in
// the evening. It is our own; published are only peaks over means.
var dayShape = [24]Permille{
	350, 250, 150, 100, 100, 150, 300, 600, 900, 1100, 1200, 1300,
	1400, 1300, 1200, 1150, 1200, 1400, 1800, 2500, 3000, 1500, 700, 350,
}

// hour is the rate of an hour of the day, in thousandths of the mean.
func (d Day) hour(i int) Permille {
	return 1000 + (dayShape[i]-1000)*(min(max(d.Peak, 1000), MaxPeak)-1000)/(MaxPeak-1000)
}

// Phase scales the rate for some time. Where phases overlap, all of them do.
type Phase struct {
	From time.Duration // since the start of the arrivals
	For  time.Duration // 0: for ever
	// Factor is what the rate is multiplied with; To, if it is not 0, is what that
	// has become at the end, in rampSteps equal steps.
	Factor, To Permille
}

const rampSteps = 50

// rate is how many thousandths of a record come in a second, before an instant.
type rate struct {
	milli int64
	until machine.Instant
}

// modulator is how the rate of a process changes.
type modulator struct {
	plan *Arrivals
	from machine.Instant

	begun bool
	burst bool
	stays uint64          // states so far
	until machine.Instant // when the state ends
}

// rate is the rate at an instant that is no earlier than those before.
func (m *modulator) rate(at machine.Instant, draw machine.Draw) rate {
	r := rate{1000 * m.plan.PerSecond, machine.Never}
	switch m.plan.Process {
	case Bursty:
		r = m.bursts(at, draw.Of("bursts"))
	case Diurnal:
		r = m.day(at)
	}
	for _, p := range m.plan.Envelope {
		factor, until := p.at(at.Sub(m.from))
		r.milli = scale(r.milli, factor)
		if until < never {
			r.until = min(r.until, m.from.Add(until))
		}
	}
	return r
}

// scale multiplies a rate with a factor, up to the greatest rate there is.
func scale(milli int64, by Permille) int64 {
	hi, lo := bits.Mul64(uint64(milli), uint64(by))
	if hi > 0 || lo > 1000*maxMilli {
		return maxMilli
	}
	return int64(lo / 1000)
}

func (m *modulator) bursts(at machine.Instant, draw machine.Draw) rate {
	b := m.plan.Bursts
	if !m.begun {
		// In the long run's proportion: then every moment of the process is like any other.
		m.begun, m.until = true, m.from
		m.burst = draw.Of("first").N(uint64(b.On+b.Off)) >= uint64(b.On) // turned at once
	}
	for m.until <= at {
		m.burst = !m.burst
		mean := b.Off
		if m.burst {
			mean = b.On
		}
		m.until = m.until.Add(time.Duration(mul32(exponential(draw.With(m.stays)), uint64(mean))) + 1)
		m.stays++
	}
	if m.burst {
		return rate{scale(m.plan.PerSecond*1000, b.Factor), m.until}
	}
	// What is left of the mean: (on + off - factor*on) / off.
	on, off := uint64(b.On.Microseconds()), uint64(b.Off.Microseconds()) // at least MinStay
	left := 1000*(on+off) - min(1000*(on+off), uint64(max(b.Factor, 1000))*on)
	return rate{int64(mulDiv(uint64(m.plan.PerSecond), left, off)), m.until}
}

func (m *modulator) day(at machine.Instant) rate {
	d := m.plan.Day
	period := d.Period
	in := at.Sub(m.from) % period
	hour := 0
	for hour < 23 && hourEnds(period, hour) <= in {
		hour++
	}
	return rate{scale(1000*m.plan.PerSecond, d.hour(hour)), at.Add(hourEnds(period, hour) - in)}
}

// hourEnds is when an hour of a day is over.
func hourEnds(period time.Duration, hour int) time.Duration {
	return time.Duration(mulDiv(uint64(period), uint64(hour+1), 24))
}

const never = time.Duration(machine.Never)

// at is the factor of a phase some time after the start, and until when it stays.
func (p Phase) at(t time.Duration) (factor Permille, until time.Duration) {
	end := never
	if p.For > 0 {
		end = p.From + p.For
	}
	switch {
	case t < p.From:
		return 1000, p.From
	case t >= end:
		return 1000, never
	case p.To == 0 || p.For == 0:
		return p.Factor, end
	}
	step := (t - p.From) * rampSteps / p.For
	next := p.From + (p.For*(step+1)+rampSteps-1)/rampSteps
	return p.Factor + (p.To-p.Factor)*Permille(2*step+1)/(2*rampSteps), max(next, t+1)
}
