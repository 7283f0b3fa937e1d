package host

import (
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

// loop steps the machine until the life is over.
func (n *Node) loop() {
	defer close(n.over)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	n.out.Kernel = n.unsent
	var list []event
	for {
		var ok bool
		if list, ok = n.inbox.take(list); !ok {
			return
		}
		for i := range list {
			if n.waitWhilePaused(); n.ctx.Err() != nil {
				return
			}
			n.happen(&list[i])
		}
		n.tick()
		if len(list) > 0 {
			if n.cfg.After != nil {
				n.cfg.After()
			}
			continue
		}
		n.wait(timer)
	}
}

// wait returns when there is something in the inbox, or the deadline has come.
func (n *Node) wait(timer *time.Timer) {
	at := n.cfg.Machine.Deadline()
	if at == machine.Never {
		<-n.inbox.wake
		return
	}
	timer.Reset(at.Sub(n.clock.mono()))
	select {
	case <-n.inbox.wake:
		timer.Stop()
	case <-timer.C:
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
