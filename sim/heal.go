package sim

import (
	"cmp"
	"slices"

	"brokersim/broker/machine"
)

// Heal ends Cut, Clog, Slow and Throttle of one direction. What waited for a cut
// goes the whole way again; what was clogged has come all the way and arrives now.
func (s *Sim) Heal(from, to string) {
	if l := s.linkOf(from, to); s.apply(!l.well()) {
		s.heal(l)
	}
}

// HealAll heals every link, and takes back the drops and resets that wait for a
// frame.
func (s *Sim) HealAll() {
	any := false
	for _, n := range s.nodes {
		for _, l := range n.links {
			if l == nil {
				continue
			}
			if !l.well() {
				s.heal(l)
				any = true
			}
			any = l.forget() || any
		}
	}
	s.apply(any)
}

func (s *Sim) heal(l *link) {
	wasCut, throttled := l.cut, l.rate != 0
	l.cut, l.clogged, l.slow, l.rate = false, false, 0, 0
	if throttled {
		s.carryAgain(l)
	}
	for _, c := range s.conns {
		for i := range c.ends {
			if e := &c.ends[i]; e.peer().out == l {
				s.goOn(e, wasCut)
			}
		}
	}
}

// goOn has what waited for the link to an end go on, from the beginning of its
// way or from the end of it.
func (s *Sim) goOn(e *end, again bool) {
	if e.waiting {
		e.waiting = false
		s.tellDrained(e)
	}
	if !e.held {
		return
	}
	e.held = false
	if again {
		for k := e.arrived; k < e.in.n; k++ {
			it := e.in.at(k)
			if it.at != machine.Never {
				it.at = max(it.at, s.now.Add(it.took))
			}
		}
	}
	s.move(e)
}

// Clog has everything from one node to another pile up at the end of its way: it
// all arrives at once when the link is healed, even if the sender has died or
// hung up meanwhile; dials time out.
func (s *Sim) Clog(from, to string) {
	if l := s.linkOf(from, to); s.apply(!l.clogged) {
		l.clogged = true
	}
}

// Throttle has one direction between two nodes carry so many bytes a second, in
// place of what the world's configuration says; 0 ends it. What has not left yet
// leaves at the new rate.
func (s *Sim) Throttle(from, to string, bytesPerSecond int64) {
	bytesPerSecond = max(bytesPerSecond, 0)
	if l := s.linkOf(from, to); s.apply(l.rate != bytesPerSecond) {
		l.rate = bytesPerSecond
		s.carryAgain(l)
	}
}

// carryAgain has what has not left leave at the rate that the link has now. The
// first of it begins again.
func (s *Sim) carryAgain(l *link) {
	var leaving []*item
	for _, c := range s.conns {
		for i := range c.ends {
			if e := &c.ends[i]; e.peer().out == l {
				for k := e.arrived; k < e.in.n; k++ {
					if it := e.in.at(k); it.leaves() > s.now {
						leaving = append(leaving, it)
					}
				}
			}
		}
	}
	slices.SortStableFunc(leaving, func(a, b *item) int { return cmp.Compare(a.leaves(), b.leaves()) })
	l.free = s.now
	receives := l.from != l.to && l.to.hw != nil && l.to.hw.in != nil
	for _, it := range leaving {
		it.out = s.carry(l, it.frame.Len())
		it.gone()
		if it.left != machine.Never && it.at != machine.Never && (it.whole || !receives) {
			it.at = it.last()
		}
	}
	for _, c := range s.conns {
		for i := range c.ends {
			e := &c.ends[i]
			if e.moving && e.peer().out == l && e.in.n > e.arrived && e.in.at(e.arrived).at < e.moves {
				s.moveAt(e, max(e.in.at(e.arrived).at, s.now))
			}
		}
	}
}

// leaves is when the last byte of an item is on its way.
func (it *item) leaves() machine.Instant { return max(it.out, it.left) }
