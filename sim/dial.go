package sim

import "brokersim/broker/machine"

// unanswered is a dial to an address where nobody ever listens.
type unanswered struct {
	node *node
	life uint32
	tag  machine.Tag
}

func (s *Sim) dial(n *node, addr string, tag machine.Tag) {
	l, ok := s.listeners[addr]
	if !ok {
		i := s.nowhere.put(unanswered{n, n.life, tag})
		s.queue.push(event{at: s.now.Add(2 * s.cfg.Latency.Median()), kind: evUnanswered, idx: i})
		return
	}
	c := s.newConn(n, l.node)
	c.ends[0].tag, c.ends[1].listen = tag, l.index
	s.transmit(&c.ends[1], item{kind: itDial, ident: machine.Ident{Class: classDial, Key: uint64(l.index)}})
	s.queue.push(event{at: s.now.Add(s.cfg.DialTimeout), kind: evDialEnds, idx: c.idx, gen: c.gen})
}

func (s *Sim) failUnanswered(u unanswered) {
	if u.life == u.node.life {
		s.ready(u.node, ready{kind: machine.Closed, tag: u.tag, err: machine.ErrRefused})
	}
}

// accept answers a dial that has arrived, and reports whether the node knows of
// the connection now. The kernel accepts; a machine that stands still does not
// show.
func (s *Sim) accept(e *end) bool {
	n, p := e.node, e.peer()
	if n.machine == nil {
		s.finish(e)
		if n.powered {
			s.transmit(p, item{kind: itRefused, ident: machine.Ident{Class: classAnswer, Key: uint64(itRefused)}})
		}
		return false
	}
	e.phase = open
	s.register(e)
	s.transmit(p, item{kind: itAnswer, ident: machine.Ident{Class: classAnswer}})
	return true
}

// register gives the node's end its number.
func (s *Sim) register(e *end) {
	n := e.node
	n.ends = append(n.ends, e)
	e.id = machine.ConnID(len(n.ends))
}

// dialTimedOut fails a dial that was not answered in time.
func (s *Sim) dialTimedOut(c *conn) {
	d, a := &c.ends[0], &c.ends[1]
	if d.phase != dialling || d.arrived > 0 {
		return
	}
	switch {
	case a.phase == gone, a.unknown():
		s.finish(a)
	case a.phase == open:
		s.tell(a, itReset)
	}
	s.breakOff(d, itTimeout)
}

// send puts a frame on its way. A connection that has ended takes it silently.
func (s *Sim) send(e *end, x *machine.Effect) {
	p := e.peer()
	if e.phase != open || p.phase == ended || p.phase == broken {
		return
	}
	e.unsent += x.Frame.Len()
	e.full = e.full || e.unsent >= machine.DrainedBelow
	s.watchMemory(e.node)
	switch {
	case e.lost:
	case takes(e.out.drops, x.Ident.Class):
		e.lost = true
		s.doom(e.conn)
	case takes(e.out.strays, x.Ident.Class):
		s.transmit(p, item{kind: itFrame, after: true, stray: true, took: e.out.late, ident: x.Ident, frame: x.Frame})
		s.breakOff(e, itReset)
	default:
		s.transmit(p, item{kind: itFrame, after: takes(e.out.afters, x.Ident.Class), ident: x.Ident, frame: x.Frame})
	}
}
