package host

import (
	"math"
	"sync/atomic"
	"time"

	"brokersim/broker/machine"
)

// clock is the node's own, with counters that others read.
type clock struct {
	origin        time.Time
	skew          atomic.Int64
	read, written atomic.Int64
}

func (c *clock) mono() machine.Instant { return machine.Instant(time.Since(c.origin)) }

func (c *clock) now() machine.Now {
	t := time.Now()
	return machine.Now{
		Mono: machine.Instant(t.Sub(c.origin)),
		Wall: machine.Instant(t.UnixNano() + c.skew.Load()),
	}
}

// loop steps the machine until the life is over: when it is time, and what nobody else does.
func (n *Node) loop() {
	defer close(n.over)
	defer n.timer.Stop()
	for {
		mine, closed := n.inbox.claim()
		switch {
		case closed:
			return
		case mine:
			n.takeTurn(math.MaxInt)
		}
		select {
		case <-n.inbox.wake:
		case <-n.timer.C:
		}
	}
}

// received passes a frame on. What comes alone is stepped by the goroutine that has read it: to
// wake another takes longer than most steps. A large one is not, so that the next can be read
// meanwhile.
func (n *Node) received(c *conn, frame []byte) bool {
	e := event{kind: machine.Received, conn: c, frame: frame}
	if len(frame) > smallFrame {
		return n.inbox.put(e)
	}
	ok, mine := n.inbox.putFirst(e)
	if mine {
		n.takeTurn(turnOfReader)
	}
	return ok
}

// turnOfReader is how often a reader looks whether more has come before it reads again.
const turnOfReader = 8

// takeTurn steps the machine through all that waits, until there is nothing or it has looked
// often enough. The caller has the turn.
func (n *Node) takeTurn(looks int) {
	for ; looks > 0; looks-- {
		var ok bool
		if n.list, ok = n.inbox.take(n.list); !ok {
			break
		}
		for i := range n.list {
			if n.waitWhilePaused(); n.ctx.Err() != nil {
				n.inbox.giveBack()
				return
			}
			n.happen(&n.list[i])
		}
		n.tick()
		if len(n.list) == 0 {
			break
		}
		if n.cfg.After != nil {
			n.cfg.After()
		}
	}
	n.arm()
	n.inbox.giveBack()
}

// arm has the timer wake the loop no later than the machine wants it. An earlier time is left:
// to be woken in vain once costs less than to set a timer for each step.
func (n *Node) arm() {
	at := n.cfg.Machine.Deadline()
	if at == machine.Never {
		return
	}
	if now := n.clock.mono(); at < n.armed || n.armed <= now {
		n.armed = at
		n.timer.Reset(at.Sub(now))
	}
}

func (n *Node) tick() {
	if n.cfg.Machine.Deadline() <= n.clock.mono() {
		if n.waitWhilePaused(); n.ctx.Err() == nil {
			n.step(machine.Input{Kind: machine.Tick})
		}
	}
}

// happen tells the machine of an event, unless it has closed the connection of it.
func (n *Node) happen(e *event) {
	if e.call != nil {
		e.call()
		return
	}
	in := machine.Input{Kind: e.kind, Listen: e.listen, Tag: e.tag, Err: e.err}
	switch e.kind {
	case machine.Start:
		in.Files = n.files
	case machine.DiskDone:
		for _, tag := range n.files.synced(&e.sync) {
			n.step(machine.Input{Kind: machine.DiskDone, Tag: tag, Err: e.sync.err})
		}
		return
	case machine.Accepted, machine.Opened:
		n.last++
		e.conn.id = n.last
		n.conns[n.last] = e.conn
		in.Conn = n.last
		if e.kind == machine.Accepted {
			in.From = e.conn.from()
		}
	case machine.Stopping:
	case machine.Closed:
		if e.conn == nil {
			break // a dial
		}
		if n.conns[e.conn.id] != e.conn {
			return
		}
		delete(n.conns, e.conn.id)
		in.Conn = e.conn.id
	default:
		if n.conns[e.conn.id] != e.conn {
			return
		}
		if e.kind == machine.Drained && e.conn.waiting() >= machine.DrainedBelow {
			return // more was sent since, of which it will hear
		}
		in.Conn, in.Frame = e.conn.id, machine.Literal(e.frame)
	}
	n.step(in)
	if e.kind == machine.Received {
		e.conn.taken()
	}
}

func (n *Node) step(in machine.Input) {
	n.in = in
	n.out.Reset()
	n.cfg.Machine.Step(n.clock.now(), &n.in, &n.out)
	n.in = machine.Input{}
	for i := range n.out.List {
		n.perform(&n.out.List[i])
	}
}

func (n *Node) perform(x *machine.Effect) {
	switch x.Kind {
	case machine.DoDial:
		n.dial(x.Name, x.Tag)
	case machine.DoSync:
		n.files.sync(n.syncer, x.Name, x.Tag)
	case machine.DoLoad:
		n.files.load(n.syncer, x.Name, x.Off, x.N, x.Tag)
	default:
		c := n.conns[x.Conn]
		if c == nil {
			return
		}
		switch x.Kind {
		case machine.DoSend:
			c.send(x.Frame)
		case machine.DoClose:
			delete(n.conns, x.Conn)
			c.finish()
		case machine.DoStopReading:
			c.setStopped(true)
		case machine.DoRead:
			c.setStopped(false)
		}
	}
}

// unsent is how much of a connection the kernel has not taken.
func (n *Node) unsent(id machine.ConnID) int64 {
	if c := n.conns[id]; c != nil {
		return c.waiting()
	}
	return 0
}
