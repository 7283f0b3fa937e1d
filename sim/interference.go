package sim

import (
	"time"

	"brokersim/broker/machine"
)

// interferer is an [Interference] at work on a node, or on one of its drives.
type interferer struct {
	Interference
	node  *node
	drive *drive // nil: on the node as a whole
	gaps  *Latency
	n     uint64 // of the next time
}

// interfere begins what hardware has interfere with a node.
func (s *Sim) interfere(n *node) {
	if h := &n.cfg.Hardware; h.GC.on() {
		s.disturb(interferer{Interference: h.GC, node: n})
	}
	for _, d := range n.files.disks.drives {
		if stalls := d.spec().Stalls; stalls.on() {
			s.disturb(interferer{Interference: stalls, node: n, drive: d})
		}
	}
}

func (s *Sim) disturb(x interferer) {
	x.gaps = Exponential(x.Every)
	s.interferers = append(s.interferers, x)
	s.queueInterference(int32(len(s.interferers)-1), s.now)
}

// draw is for the n-th time, and for what.
func (x *interferer) draw(s *Sim, what string) machine.Draw {
	d := machine.NewDraw(s.cfg.Seed, "interference").With(uint64(x.node.cfg.ID))
	if x.drive != nil {
		d = d.With(uint64(x.drive.index) + 1)
	}
	return s.drawn(d.With(x.n).Of(what))
}

// queueInterference queues the next time, a gap after the one before.
func (s *Sim) queueInterference(i int32, from machine.Instant) {
	x := &s.interferers[i]
	gap := x.gaps.Of(x.draw(s, "gap"))
	s.queue.push(event{at: from.Add(gap), kind: evInterfere, idx: i})
}

// interfered has a node or a drive stand still for a while.
func (s *Sim) interfered(i int32) {
	x := &s.interferers[i]
	takes := x.For.Of(x.draw(s, "pause"))
	x.n++
	s.queueInterference(i, s.now)
	if x.drive != nil {
		x.drive.still = max(x.drive.still, s.now.Add(takes))
		return
	}
	s.collect(x.node, takes)
}

// collect has a node stand still that lives.
func (s *Sim) collect(n *node, takes time.Duration) {
	end := s.now.Add(takes)
	if n.machine == nil || end <= n.collects {
		return
	}
	from := max(s.now, n.collects)
	n.hw.stood += end.Sub(from)
	n.hw.collections++
	n.collects = end
	s.queue.push(event{at: end, kind: evCollected, idx: int32(n.index), gen: n.life})
}

// collected ends a collection of garbage.
func (s *Sim) collected(n *node) {
	if n.collects == s.now {
		n.collects = 0
		s.goOnNode(n)
	}
}

// still reports whether a node stands still: no input is taken, no work ends.
func (n *node) still() bool { return n.paused || n.collects > 0 }

// goOnNode has a node go on that stood still: everything that waited comes.
func (s *Sim) goOnNode(n *node) {
	if n.still() {
		return
	}
	for _, i := range n.late {
		s.queue.push(event{at: s.now, kind: evDone, idx: i})
	}
	n.late = n.late[:0]
	s.wake(n)
}
