package sim

import (
	"fmt"
	"time"

	"brokersim/broker/machine"
)

// WallEpoch is what a right wall clock shows at the beginning of a run: a time
// in November 2023, so that timestamps look like Kafka's.
const WallEpoch = machine.Instant(1_700_000_000_000 * time.Millisecond)

// clock is what a node knows of time. The mapping between the run's time and
// the node's is here and nowhere else. It outlives the node's lives.
type clock struct {
	offset machine.Instant // of the wall clock

	// Since the run's time was from, and Mono showed at, Mono has gained so many
	// nanoseconds each millisecond of the run.
	from, at machine.Instant
	gains    int64
}

// now is what the node's clocks show at a time of the run. Mono has the run's
// rate and zero unless it drifts: schedules of workloads are in it. The wall
// clock does not drift: somebody keeps it right, but for its offset.
func (c *clock) now(run machine.Instant) machine.Now {
	return machine.Now{Mono: c.mono(run), Wall: WallEpoch + run + c.offset}
}

// mono is at plus the time since from at the clock's rate, rounded down.
func (c *clock) mono(run machine.Instant) machine.Instant {
	if c.gains == 0 {
		return run - c.from + c.at
	}
	since := int64(run - c.from)
	return c.at + machine.Instant(since/million*(million+c.gains)+since%million*(million+c.gains)/million)
}

// run is the first time of the run at which Mono shows mono or more, or one that
// has passed if that is so already; it is machine.Never for what is 146 years off.
func (c *clock) run(mono machine.Instant) machine.Instant {
	if mono >= machine.Never/2 {
		return machine.Never // no run is that long, and nothing below overflows
	}
	ahead := int64(mono - c.at)
	if c.gains == 0 || ahead <= 0 {
		return c.from.Add(time.Duration(ahead))
	}
	rate := million + c.gains
	// In each rate of Mono's nanoseconds there are a million of the run's.
	return c.from.Add(time.Duration(ahead / rate * million)).Add(time.Duration((ahead%rate*million + rate - 1) / rate))
}

const million = 1_000_000

// maxDrift bounds by how much a clock may be too fast or slow, in parts per
// million: a tenth, which no quartz does and a virtual machine may.
const maxDrift = 100_000

// drift adds parts per million to the rate of Mono from a time of the run on.
func (c *clock) drift(run machine.Instant, ppm int64) {
	c.at, c.from = c.mono(run), run
	c.gains = min(max(c.gains+min(max(ppm, -2*maxDrift), 2*maxDrift), -maxDrift), maxDrift)
}

// maxSkew bounds how wrong a wall clock may be: about 100 years.
const maxSkew = machine.Instant(100 * 365 * 24 * time.Hour)

// skew adds to the offset of the wall clock.
func (c *clock) skew(by time.Duration) {
	c.offset = min(max(c.offset+machine.Instant(min(max(by, -time.Duration(maxSkew)), time.Duration(maxSkew))), -maxSkew), maxSkew)
}

// maxTicks bounds the ticks that a node may ask for at one instant: a deadline
// that stays in the past would stop time.
const maxTicks = 10_000

// arm sees to it that the node is looked at when its deadline comes. Ticks that
// were queued for earlier stay, and arm again when they find nothing due: a
// deadline that moves away costs nothing. n.ticks are the times that are
// queued, the earliest last; one is added only below all others.
func (s *Sim) arm(n *node) {
	if n.deadline == machine.Never || n.tickReady {
		return
	}
	at := max(n.clock.run(n.deadline), s.now)
	if k := len(n.ticks); k > 0 && n.ticks[k-1] <= at {
		return
	}
	n.ticks = append(n.ticks, at)
	s.queue.push(event{at: at, kind: evTick, idx: int32(n.index), gen: n.life})
}

func (s *Sim) tick(n *node) {
	k := len(n.ticks) - 1
	if n.ticks[k] != s.now {
		panic(fmt.Sprintf("sim: a tick of %s comes at %d, queued for %d", n.cfg.Name, s.now, n.ticks[k]))
	}
	n.ticks = n.ticks[:k]
	if n.tickReady {
		return
	}
	if n.due(s.now) {
		n.tickReady = true
		s.ready(n, ready{kind: machine.Tick})
	} else {
		s.arm(n)
	}
}

// due reports whether the deadline has come.
func (n *node) due(run machine.Instant) bool {
	return n.deadline != machine.Never && n.deadline <= n.clock.mono(run)
}

// countTick panics when a node asks for ticks without end.
func (s *Sim) countTick(n *node) {
	if n.tickedAt != s.now {
		n.tickedAt, n.ticked = s.now, 0
	}
	if n.ticked++; n.ticked > maxTicks {
		s.blamed = n
		panic(fmt.Sprintf("%d ticks at one instant: the deadline stays at %d", maxTicks, n.deadline))
	}
}
