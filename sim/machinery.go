package sim

import (
	"time"

	"brokersim/broker/machine"
)

// machinery is a node's hardware at work, with its accounts. It outlives the node's
// lives.
type machinery struct {
	cores   station
	in, out *nic // nil: without bound
	blocked time.Duration

	stood       time.Duration // for collections of garbage
	collections int64
}

func (s *Sim) newMachinery(h *Hardware) *machinery {
	return &machinery{in: s.newNIC(h.NIC, false), out: s.newNIC(h.NIC, true)}
}

// wait counts an item that waits for the node's cores from now on.
func (s *Sim) wait(n *node, it *item) {
	if n.hw != nil {
		it.since, it.waits = s.now, true
		n.hw.cores.arrive(s.now)
	}
}

// unwait counts it no more: the machine will not take it.
func (s *Sim) unwait(n *node, it *item) {
	if it.waits {
		it.waits = false
		n.hw.cores.drop(s.now, it.since)
	}
}

// serve has a core begin with s.in, and returns when that came.
func (s *Sim) serve(n *node) (since machine.Instant) {
	if s.times != nil {
		s.times.Taken, s.times.N = s.now, s.counts.events
	}
	if n.hw == nil {
		return 0
	}
	if !s.counted { // that there is room again: a word, and no item
		s.since = s.now
		n.hw.cores.arrive(s.now)
	}
	n.hw.cores.begin(s.now)
	return s.since
}

// served ends the work on an input.
func (s *Sim) served(n *node, since, began machine.Instant, blocked time.Duration, times *FrameTimes) {
	if n.hw != nil {
		n.hw.cores.depart(s.now, since, began)
		n.hw.blocked += blocked
	}
	if times != nil {
		s.framed(times, blocked)
	}
}

// unserved ends the work of all cores of a node that dies.
func (s *Sim) unserved(n *node) {
	if n.hw == nil {
		return
	}
	for i := range s.runs.values {
		if r := &s.runs.values[i]; r.node == n && r.life == n.life {
			n.hw.cores.abort(s.now, r.since)
		}
	}
}
