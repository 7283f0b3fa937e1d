package sim

import (
	"fmt"
	"time"

	"brokersim/broker/machine"
)

// The faults of the world. They may come in any order and more than once: what
// makes no sense at the moment does nothing, and [Sim.Applied] does not count it.

// Applied counts the faults that have changed something, so that a caller can
// tell whether the one that it has just applied did.
func (s *Sim) Applied() int64 { return s.applied }

func (s *Sim) node(name string) *node {
	n := s.byName[name]
	if n == nil {
		panic(fmt.Sprintf("sim: there is no node %q", name))
	}
	return n
}

func (s *Sim) linkOf(from, to string) *link { return s.link(s.node(from), s.node(to)) }

// apply counts a fault if it does something.
func (s *Sim) apply(does bool) bool {
	if does {
		s.applied++
	}
	return does
}

// Cut holds back everything from one node to another. Frames wait in order and
// arrive after the heal, unless an end has closed meanwhile; dials time out.
func (s *Sim) Cut(from, to string) {
	if l := s.linkOf(from, to); s.apply(!l.cut) {
		l.cut = true
	}
}

// Slow has what is sent from one node to another take longer, and what is sent
// behind it on its connection wait. 0 ends it.
func (s *Sim) Slow(from, to string, by time.Duration) {
	by = max(by, 0)
	if l := s.linkOf(from, to); s.apply(l.slow != by) {
		l.slow = by
	}
}

// Drop loses the next n frames of a class: with each, everything that is sent
// after it in that direction of its connection, until both ends see a reset after
// the retransmission time-out.
func (s *Sim) Drop(class uint16, from, to string, n int) {
	if l := s.linkOf(from, to); s.apply(n > 0) {
		expect(&l.drops, class, n)
	}
}

// Reset ends every connection between two nodes, and every dial, now.
func (s *Sim) Reset(a, b string) {
	x, y := s.node(a), s.node(b)
	any := false
	for _, c := range s.conns {
		m, n := c.ends[0].node, c.ends[1].node
		if (m == x && n == y || m == y && n == x) && c.alive() {
			s.resetBoth(c)
			any = true
		}
	}
	s.apply(any)
}

// alive reports whether a machine believes in the connection.
func (c *conn) alive() bool {
	for i := range c.ends {
		if e := &c.ends[i]; (e.phase == open || e.phase == dialling) && !e.unknown() {
			return true
		}
	}
	return false
}

// ResetAfterAccept delivers the next frame of a class that is sent from one node
// to another, and resets its connection: the answer is lost.
func (s *Sim) ResetAfterAccept(class uint16, from, to string) {
	s.apply(true)
	expect(&s.linkOf(from, to).afters, class, 1)
}

// Duplicate has the next frame of a class that is sent from one node to another
// arrive that much later, on a connection that its sender finds reset as soon as it
// has sent it. A sender that tries again does so on another connection while the
// first frame is still under way: the receiver takes both.
func (s *Sim) Duplicate(class uint16, from, to string, late time.Duration) {
	s.apply(true)
	l := s.linkOf(from, to)
	l.late = max(late, 0)
	expect(&l.strays, class, 1)
}

// Crash ends the process of a node. Its page cache stays; its peers see resets
// one latency later.
func (s *Sim) Crash(name string) {
	n := s.node(name)
	if !s.apply(n.machine != nil) {
		return
	}
	for e := range s.endsOf(n) {
		if e.phase != gone && !e.unknown() {
			s.hangUp(e, itReset)
		}
	}
	s.die(n)
}

// PowerLoss ends a node, or one that has crashed: what was not synced may be
// lost. Its peers learn of it when they next send.
func (s *Sim) PowerLoss(name string) {
	n := s.node(name)
	if !s.apply(n.powered) {
		return
	}
	for e := range s.endsOf(n) {
		if e.phase != gone && !e.unknown() {
			s.lose(e)
		}
	}
	if n.machine != nil {
		s.die(n)
	}
	n.powered = false
	n.files.losePower()
}

// endsOf yields the ends of a node's connections that have not ended.
func (s *Sim) endsOf(n *node) func(yield func(*end) bool) {
	return func(yield func(*end) bool) {
		for _, c := range s.conns {
			for i := range c.ends {
				if e := &c.ends[i]; e.node == n && e.phase != ended && !yield(e) {
					return
				}
			}
		}
	}
}

// ShutDown asks a node to end its life in good order: it hears [machine.Stopping]. Whoever
// has asked ends the process when the machine has stopped.
func (s *Sim) ShutDown(name string) {
	if n := s.node(name); s.apply(n.machine != nil) {
		s.ready(n, ready{kind: machine.Stopping})
	}
}

// Restart boots a node that is down.
func (s *Sim) Restart(name string) {
	if n := s.node(name); s.apply(n.machine == nil) {
		s.boot(n)
	}
}

// RestartAll boots every node that is down.
func (s *Sim) RestartAll() {
	any := false
	for _, n := range s.nodes {
		if n.machine == nil {
			s.boot(n)
			any = true
		}
	}
	s.apply(any)
}

// Pause has a node stand still, as in a long collection of garbage: its inputs
// wait, its connections stay, its clocks go on.
func (s *Sim) Pause(name string) {
	if n := s.node(name); s.apply(n.machine != nil && !n.paused) {
		n.paused = true
	}
}

// Resume has a node go on after a pause: everything that waited comes.
func (s *Sim) Resume(name string) {
	n := s.node(name)
	if !s.apply(n.paused) {
		return
	}
	n.paused = false
	s.goOnNode(n)
}

// SkewWall adds to what a node's wall clock is wrong by; the node's lives share
// it. A clock is at most 100 years wrong.
func (s *Sim) SkewWall(name string, by time.Duration) {
	n := s.node(name)
	was := n.clock.offset
	n.clock.skew(by)
	s.apply(n.clock.offset != was)
}

// Drift adds to what a node's monotonic clock is too fast by, in parts per million;
// the node's lives share it. The wall clock stays right. A clock is at most a tenth
// too fast or slow. Machines that act when they are due by the run's time, as
// workloads are, should not drift.
func (s *Sim) Drift(name string, ppm int64) {
	n := s.node(name)
	was := n.clock.gains
	n.clock.drift(s.now, ppm)
	if s.apply(n.clock.gains != was) && n.machine != nil {
		s.arm(n) // the deadline may have come nearer
	}
}

// WallOffset is what a node's wall clock is wrong by.
func (s *Sim) WallOffset(name string) time.Duration {
	return s.node(name).clock.offset.Sub(machine.Instant(0))
}
