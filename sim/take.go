package sim

import "brokersim/broker/machine"

// offer has the machine take what is next on a connection, as soon as a core is
// free for it.
func (s *Sim) offer(e *end) {
	if e.queued || e.busy || !e.something() {
		return
	}
	e.queued = true
	s.ready(e.node, ready{kind: machine.Received, end: e, gen: e.conn.gen})
}

// something reports whether there is something that the machine may take now. A
// reset does not wait for the reader.
func (e *end) something() bool {
	switch {
	case e.phase == ended || e.phase == gone:
		return false
	case e.drained:
		return true
	}
	return e.arrived > 0 && (!e.stopped || e.resetArrived())
}

func (e *end) resetArrived() bool { return e.in.at(e.arrived-1).kind == itReset }

// runConn has the machine take what is next on a connection.
func (s *Sim) runConn(n *node, e *end) {
	if !e.something() {
		return
	}
	in := &s.in
	in.Conn = e.id
	s.last.Peer = e.peer().node.cfg.Name
	if e.drained {
		e.drained = false
		if e.phase == open && !e.full {
			in.Kind = machine.Drained
			s.runEnd(n, e)
			return
		}
		if !e.something() {
			return
		}
	}
	if e.stopped { // a reset has arrived: what came before it is lost
		for e.arrived > 1 {
			s.unwait(n, e.in.at(0))
			e.in.pop()
			e.arrived--
		}
	}
	it := e.in.pop()
	e.arrived--
	s.taking = it.cause
	s.since, s.counted, s.times = it.since, it.waits, it.times
	switch it.kind {
	case itDial:
		in.Kind, in.Listen = machine.Accepted, e.listen
	case itAnswer:
		in.Kind, in.Tag = machine.Opened, e.tag
	case itFrame:
		in.Kind, in.Frame = machine.Received, it.frame
		s.last.Ident = it.ident
		s.taken(e.peer(), it.frame.Len())
		if it.after {
			s.resetAfter(e) // before the effects: an answer finds it reset
		}
	default:
		in.Kind, in.Err = machine.Closed, it.kind.err()
		if e.id == 0 {
			in.Tag = e.tag
		}
		s.finish(e)
		s.run(n, nil)
		return
	}
	s.runEnd(n, e)
}

// runEnd steps the machine with s.in, and goes on with the next input of the
// connection when that is done.
func (s *Sim) runEnd(n *node, e *end) {
	gen := e.conn.gen
	s.run(n, e)
	if e.conn.gen == gen {
		s.offer(e)
	}
}

// taken counts bytes that the peer's machine has taken, and has the sender told
// when it has drained.
func (s *Sim) taken(sender *end, n int64) {
	sender.unsent -= n
	if sender.full && sender.unsent < machine.DrainedBelow {
		sender.full = false
		s.tellDrained(sender)
	}
}

// tellDrained sends the word, which is no frame and has no draw.
func (s *Sim) tellDrained(sender *end) {
	after := s.cfg.Latency.Median() + sender.peer().out.slow
	s.queue.push(event{at: s.now.Add(after), kind: evDrained, side: sender.side, idx: sender.conn.idx, gen: sender.conn.gen})
}

func (s *Sim) hearDrained(e *end) {
	switch {
	case e.phase != open || e.full || e.drained: // there will be another
	case e.peer().out.holds():
		e.waiting = true
	default:
		e.drained = true
		s.offer(e)
	}
}
