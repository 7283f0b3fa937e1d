package sim

import "brokersim/broker/machine"

// hangUp ends an end of which the machine will hear no more: it has closed it,
// or has died. The peer hears kind after everything that was sent, unless the
// link is cut: then nothing that waits for the heal arrives, and the peer hears
// of a reset.
func (s *Sim) hangUp(e *end, kind itemKind) {
	p := e.peer()
	switch {
	case p.phase == gone, p.unknown():
		s.finish(p)
	case p.phase == ended, p.phase == broken, e.phase == broken:
	case e.lost: // the reset that is due tells the peer
	case e.out.cut:
		s.forget(p, p.arrived)
		s.tell(p, itReset)
	default:
		s.tell(p, kind)
	}
	s.finish(e)
}

// tell sends word of the end of a connection to an end.
func (s *Sim) tell(to *end, kind itemKind) {
	s.transmit(to, item{kind: kind, ident: machine.Ident{Class: classEnd, Key: uint64(kind)}})
}

// unknown reports that the dial has not arrived: nobody knows of this end.
func (e *end) unknown() bool { return e.side == 1 && e.phase == dialling }

// breakOff has a machine hear now that a connection has ended; what had not been
// taken is lost.
func (s *Sim) breakOff(e *end, kind itemKind) {
	s.forget(e, 0)
	e.phase, e.held, e.drained = broken, false, false
	e.in.push(item{kind: kind, whole: true})
	e.arrived = 1
	s.wait(e.node, e.in.at(0))
	s.offer(e)
}

// resetBoth ends a connection for both machines now.
func (s *Sim) resetBoth(c *conn) {
	for i := range c.ends {
		switch e := &c.ends[i]; {
		case e.phase == gone, e.unknown():
			s.finish(e)
		case e.phase == open, e.phase == dialling:
			s.breakOff(e, itReset)
		}
	}
}

// resetAfter ends a connection at an end that has just taken a frame; the sender
// of the frame hears of it one latency later.
func (s *Sim) resetAfter(e *end) {
	if p := e.peer(); p.phase == open && !e.lost {
		s.tell(p, itReset)
	} else if p.phase == gone {
		s.finish(p)
	}
	s.breakOff(e, itReset)
}

// lose ends an end whose node has lost power. Nobody tells the peer.
func (s *Sim) lose(e *end) {
	p := e.peer()
	switch {
	case p.phase == gone, p.unknown():
		s.finish(p)
		s.finish(e)
		return
	case p.phase == ended, p.phase == broken:
		s.finish(e)
		return
	}
	if e.out.cut {
		s.forget(p, p.arrived) // it waited in the memory that has lost power
	}
	for i := range e.arrived {
		s.unwait(e.node, e.in.at(i)) // nobody will take it
	}
	e.phase = gone
}
