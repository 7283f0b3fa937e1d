package sim

import (
	"time"

	"brokersim/broker/machine"
)

// conn is a connection. Its place in Sim.conns is used again when both ends
// have ended; gen tells events of an earlier one apart.
type conn struct {
	idx    int32
	gen    uint32
	ends   [2]end // who dialled, and who accepted
	doomed bool   // will be reset: something was lost
}

// end is one end of a connection, with the queue of what is sent to it.
type end struct {
	conn  *conn
	side  uint8
	node  *node
	id    machine.ConnID // 0 until the node's kernel has the connection
	out   *link          // to the peer
	phase phase

	listen machine.Listener // that accepted
	tag    machine.Tag      // of the dial

	// Towards this end.
	in      ring[item]
	arrived int             // of in: these wait for the machine
	moving  bool            // an event is queued for in[arrived]
	held    bool            // in[arrived] waits for the link to heal
	moves   machine.Instant // when moving: the time of that event; any other is stale

	// Of the machine.
	queued  bool // waits for a core
	busy    bool // a core works on an input of this connection
	stopped bool // reading
	drained bool // is to be told

	// From this end.
	unsent  int64 // bytes that the peer's machine has not taken
	full    bool  // Drained is owed
	waiting bool  // the word of having drained waits for the peer's link to heal
	lost    bool  // nothing that is sent arrives

	// Through interfaces, towards this end; nil: nothing yet.
	leaving, coming *flow
	numbered        uint32 // items so far
}

// phase is how far an end is.
type phase uint8

const (
	dialling phase = iota // or dialled: the peer does not know yet
	open
	broken // a reset is all that the machine will still hear
	gone   // the node lost power: the peer will hear of it when it sends
	ended  // the machine has closed it, or heard of its end, or is dead
)

// item is what travels to an end: a frame, or what the kernels tell each other.
type item struct {
	kind  itemKind
	after bool // the connection is reset when this has been taken
	stray bool // its sender has lost the connection since, and may have sent it again
	at    machine.Instant
	took  time.Duration   // of that the way, to be gone again after a heal
	out   machine.Instant // when its link has carried it
	left  machine.Instant // when its sender's interface has passed it; Never: not yet
	whole bool            // the receiver's interface has passed it
	since machine.Instant // when it began to wait for the machine
	waits bool            // and is counted among those that do
	times *FrameTimes     // nil unless somebody looks
	ident machine.Ident
	frame machine.Bytes

	number uint32 // among those to its end
	cause  int64  // the event in whose step it was sent
}

type itemKind uint8

const (
	itDial itemKind = iota
	itAnswer
	itFrame
	itEOF
	itReset
	itRefused
	itTimeout
)

// err is what Closed says.
func (k itemKind) err() error {
	switch k {
	case itEOF:
		return machine.ErrEOF
	case itReset:
		return machine.ErrReset
	case itRefused:
		return machine.ErrRefused
	case itTimeout:
		return machine.ErrTimeout
	}
	return nil
}

func (e *end) peer() *end { return &e.conn.ends[1-e.side] }

func (s *Sim) newConn(from, to *node) *conn {
	var c *conn
	if k := len(s.spare); k > 0 {
		c = s.conns[s.spare[k-1]]
		s.spare = s.spare[:k-1]
	} else {
		c = &conn{idx: int32(len(s.conns))}
		s.conns = append(s.conns, c)
	}
	c.doomed = false
	c.ends[0].init(c, 0, from, s.link(from, to))
	c.ends[1].init(c, 1, to, s.link(to, from))
	return c
}

func (e *end) init(c *conn, side uint8, n *node, out *link) {
	in := e.in
	in.cut(0)
	*e = end{conn: c, side: side, node: n, out: out, in: in}
}

// finish ends an end: the machine hears no more of it. With both ended the
// connection is over.
func (s *Sim) finish(e *end) {
	if e.phase == ended {
		return
	}
	e.phase = ended
	if n := e.node; e.id != 0 && n.end(e.id) == e {
		n.ends[e.id-1] = nil
	}
	s.forget(e, 0)
	if c := e.conn; e.peer().phase == ended {
		c.gen++
		s.spare = append(s.spare, c.idx)
	}
}

// forget drops what is on its way to an end, but for the first keep.
func (s *Sim) forget(e *end, keep int) {
	for i := keep; i < e.in.n; i++ {
		it := e.in.at(i)
		if it.after && !it.stray { // the fault waits for the next one
			expect(&e.peer().out.afters, it.ident.Class, 1)
		}
		s.unwait(e.node, it)
	}
	e.in.cut(max(keep, 0))
	e.arrived = min(e.arrived, e.in.n)
}

// transmit puts an item on its way to an end. It begins to arrive at it.at, or with what
// was sent before on this connection if that is later: only the first of a queue
// is looked at.
func (s *Sim) transmit(to *end, it item) {
	l := to.peer().out
	it.out = s.carry(l, it.frame.Len())
	it.took += s.latency(l, it.ident) + l.slow
	it.cause = s.doing
	s.watched(l, &it)
	to.numbered++
	it.number = to.numbered
	to.in.push(it)
	s.leave(to, to.in.at(to.in.n-1))
}

// move queues the arrival of the first item that has not arrived, unless it is in an
// interface.
func (s *Sim) move(e *end) {
	if !e.moving && !e.held && e.in.n > e.arrived {
		if at := e.in.at(e.arrived).at; at != machine.Never {
			s.moveAt(e, max(at, s.now))
		}
	}
}

func (s *Sim) moveAt(e *end, at machine.Instant) {
	e.moving, e.moves = true, at
	s.queue.push(event{at: at, kind: evArrive, side: e.side, idx: e.conn.idx, gen: e.conn.gen})
}

// arrive is the arrival of the first item that has not arrived.
func (s *Sim) arrive(e *end) {
	if s.now != e.moves {
		return // what it was for comes at another time since
	}
	e.moving = false
	if e.in.n <= e.arrived {
		return // it was lost meanwhile
	}
	it := e.in.at(e.arrived)
	switch {
	case it.at > s.now: // another took its place
		s.move(e)
		return
	case e.peer().out.holds():
		e.held = true
		return
	}
	switch e.phase {
	case gone:
		s.arriveNowhere(e, it.kind)
		return
	case ended, broken:
		s.forget(e, e.arrived)
		return
	}
	if !it.whole && s.passes(e, it) {
		return
	}
	if t := it.times; t != nil {
		if t.Whole = s.now; t.Reached == 0 {
			t.Reached = s.now
		}
	}
	e.arrived++
	s.wait(e.node, it)
	switch it.kind {
	case itDial:
		if !s.accept(e) {
			return
		}
	case itAnswer:
		e.phase = open
		s.register(e)
	}
	s.move(e)
	s.offer(e)
}

// arriveNowhere is the arrival at a node that has lost power since: the first
// thing that the peer sends tells it so. With the power still off, only by
// nothing coming back, unless it sends again.
func (s *Sim) arriveNowhere(e *end, kind itemKind) {
	p := e.peer()
	s.forget(e, 0)
	switch {
	case kind >= itEOF || p.phase == ended:
		s.finish(e)
	case e.node.powered:
		s.finish(e)
		s.transmit(p, item{kind: itReset, ident: machine.Ident{Class: classEnd, Key: uint64(itReset)}})
	default:
		s.doom(e.conn)
	}
}

// doom resets both ends when retransmitting has had no success for long enough.
func (s *Sim) doom(c *conn) {
	if !c.doomed {
		c.doomed = true
		s.queue.push(event{at: s.now.Add(s.cfg.RetransmitTimeout), kind: evReset, idx: c.idx, gen: c.gen})
	}
}
