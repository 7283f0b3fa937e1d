package sim

import (
	"fmt"
	"time"

	"brokersim/broker/machine"
)

// node is one machine and what it runs on.
type node struct {
	cfg   NodeConfig
	index int
	files *files
	clock clock

	machine  machine.Machine // nil while down
	life     uint32          // grows at each death; events of an earlier life do nothing
	powered  bool
	paused   bool
	collects machine.Instant // garbage, until then; 0: does not
	memory   int64           // in bytes, that it may take; 0 is without bound

	links  []*link // to the node of that index; nil: nothing was sent
	kernel func(machine.ConnID) int64
	hw     *machinery // nil: it has no hardware

	// Of this life.
	ends      []*end // by ConnID-1; nil: has ended
	ready     ring[ready]
	awake     bool    // is in Sim.wakes
	busy      int     // cores
	late      []int32 // of running: done while paused
	deadline  machine.Instant
	ticks     []machine.Instant // queued, the earliest last
	tickReady bool
	tickedAt  machine.Instant
	ticked    int
}

func newNode(s *Sim, c NodeConfig) *node {
	if c.Cores == 0 {
		c.Cores = 1
	}
	if c.Cores < 0 || c.DiskBytes < 0 || c.Boot == nil || c.Name == "" {
		panic(fmt.Sprintf("sim: node %q with %d cores, %d bytes of disk, Boot: %t", c.Name, c.Cores, c.DiskBytes, c.Boot != nil))
	}
	c.Hardware.check(c.Name)
	if c.Hardware.Prices == (Prices{}) {
		c.Hardware.Prices = s.cfg.Prices
	}
	n := &node{cfg: c, index: len(s.nodes), powered: true}
	if c.Hardware != (Hardware{}) {
		n.hw = s.newMachinery(&c.Hardware)
	}
	n.files = newFiles(s, n)
	n.kernel = n.unsentOf
	return n
}

// ready is an input that waits for a core. Those of connections are taken from
// the end when the core is there.
type ready struct {
	kind machine.Kind
	end  *end   // of Received, for whatever is next on the connection
	gen  uint32 // of the connection
	tag  machine.Tag
	err  error

	cause int64 // of DiskDone: the event in whose step it was asked for
	since machine.Instant
}

// ready adds an input to those that wait for a core.
func (s *Sim) ready(n *node, r ready) {
	if n.hw != nil && r.kind != machine.Received {
		r.since = s.now
		n.hw.cores.arrive(s.now)
	}
	n.ready.push(r)
	s.wake(n)
}

// wake has the node take its next input, if it can.
func (s *Sim) wake(n *node) {
	if !n.awake && n.ready.n > 0 && n.busy < n.cfg.Cores && !n.still() && n.machine != nil {
		n.awake = true
		s.wakes.push(n)
	}
}

// runNext has a node take one input.
func (s *Sim) runNext(n *node) {
	n.awake = false
	if n.ready.n == 0 || n.busy >= n.cfg.Cores || n.still() || n.machine == nil {
		return
	}
	r := n.ready.pop()
	in := &s.in
	in.Kind, in.Tag, in.Err = r.kind, r.tag, r.err
	s.taking = r.cause
	s.since, s.counted, s.times = r.since, n.hw != nil && r.kind != machine.Received, nil
	switch r.kind {
	case machine.Received:
		e := r.end
		if e.conn.gen == r.gen {
			e.queued = false
			s.runConn(n, e)
		}
	case machine.Tick:
		n.tickReady = false
		if n.due(s.now) {
			s.countTick(n)
			s.run(n, nil)
		} else {
			if s.counted {
				n.hw.cores.drop(s.now, r.since)
			}
			s.arm(n)
		}
	case machine.Start:
		in.Files = n.files
		s.run(n, nil)
	default:
		s.run(n, nil)
	}
	s.wake(n)
}

// run steps the node's machine with s.in, of a connection's end if e is not nil.
func (s *Sim) run(n *node, e *end) {
	s.note(n)
	out := &s.out
	out.Reset()
	out.Kernel = n.kernel
	life := n.life
	n.files.cold = 0
	since, times := s.serve(n), s.times
	s.blamed = n
	n.machine.Step(n.clock.now(s.now), &s.in, out)
	n.deadline = n.machine.Deadline()
	cost := n.cfg.Hardware.Prices.of(out.Done) + n.files.cold
	cold := n.files.cold > 0
	if s.After != nil {
		s.After(n.index)
	}
	s.blamed = nil
	s.in = machine.Input{}
	if n.life != life { // After has ended it: the effects are lost
		if n.hw != nil {
			n.hw.cores.abort(s.now, since)
		}
		return
	}
	if cost > 0 {
		r := s.occupy(n, e, cost, cold)
		r.since, r.began, r.blocked, r.times = since, s.now, n.files.cold, times
	} else {
		s.served(n, since, s.now, 0, times)
		s.perform(n, out, s.counts.events, s.now)
	}
	s.arm(n)
}

// run is what a core works on.
type run struct {
	node *node
	life uint32
	end  *end // whose next input waits; nil: none
	gen  uint32
	cold bool  // it has read from the disk, which may stall
	step int64 // the event
	out  machine.Effects

	since, began machine.Instant // the input came, and was taken
	blocked      time.Duration   // of the time since, that the core waits for a drive
	times        *FrameTimes     // of the frame that it works on
}

// occupy keeps a core of the node, and the effects in s.out, for as long as the
// work takes.
func (s *Sim) occupy(n *node, e *end, cost time.Duration, cold bool) *run {
	i := s.runs.reserve()
	r := &s.runs.values[i]
	r.node, r.life, r.end, r.cold, r.step = n, n.life, e, cold, s.counts.events
	r.out, s.out = s.out, r.out
	if e != nil {
		r.gen = e.conn.gen
		e.busy = true
	}
	n.busy++
	s.queue.push(event{at: s.now.Add(cost), kind: evDone, idx: i})
	return r
}

// done has the effects of a step leave when its work is done.
func (s *Sim) done(i int32) {
	r := &s.runs.values[i]
	n := r.node
	switch {
	case r.life != n.life: // it died meanwhile: the effects are lost
	case n.still():
		n.late = append(n.late, i)
		return
	case r.cold && n.files.faults.stalled:
		n.files.reading = append(n.files.reading, i)
		return
	default:
		n.busy--
		if e := r.end; e != nil && e.conn.gen == r.gen {
			e.busy = false
			s.offer(e)
		}
		s.served(n, r.since, r.began, r.blocked, r.times)
		s.perform(n, &r.out, r.step, r.began)
		s.wake(n)
	}
	r.out.Reset() // keeps the memory
	r.node, r.end, r.times = nil, nil, nil
	s.runs.free = append(s.runs.free, i)
}

// perform does what the step of an event wants done that began at a time.
func (s *Sim) perform(n *node, out *machine.Effects, step int64, began machine.Instant) {
	s.doing, s.askedAt = step, began
	for i := range out.List {
		x := &out.List[i]
		switch x.Kind {
		case machine.DoSend:
			if e := n.end(x.Conn); e != nil {
				s.send(e, x)
			}
		case machine.DoDial:
			s.dial(n, x.Name, x.Tag)
		case machine.DoClose:
			if e := n.end(x.Conn); e != nil {
				s.hangUp(e, itEOF)
			}
		case machine.DoStopReading:
			if e := n.end(x.Conn); e != nil {
				e.stopped = true
			}
		case machine.DoRead:
			if e := n.end(x.Conn); e != nil {
				e.stopped = false
				s.offer(e)
			}
		case machine.DoSync:
			s.sync(n, x.Name, x.Tag)
		case machine.DoLoad:
			s.load(n, x)
		default:
			panic(fmt.Sprintf("sim: %s: effect of kind %d", n.cfg.Name, x.Kind))
		}
	}
	s.doing = 0
}

// end is the node's end of a connection, nil if it has ended.
func (n *node) end(id machine.ConnID) *end {
	if id == 0 || id > machine.ConnID(len(n.ends)) {
		return nil
	}
	return n.ends[id-1]
}

// unsentOf is how many bytes of a connection the peer has not taken.
func (n *node) unsentOf(id machine.ConnID) int64 {
	if e := n.end(id); e != nil {
		return e.unsent
	}
	return 0
}

// boot begins a life.
func (s *Sim) boot(n *node) {
	if n.files.faults.wiped {
		n.files.wipe()
	}
	n.machine = n.cfg.Boot()
	n.powered = true
	n.deadline = machine.Never
	s.ready(n, ready{kind: machine.Start})
}

// die ends a life: what was in memory is gone.
func (s *Sim) die(n *node) {
	s.unserved(n)
	n.machine = nil
	n.life++
	n.paused, n.collects = false, 0
	clear(n.ends)
	n.ends = n.ends[:0]
	for n.ready.n > 0 {
		if r := n.ready.pop(); n.hw != nil && r.kind != machine.Received {
			n.hw.cores.drop(s.now, r.since)
		}
	}
	n.busy = 0
	for _, i := range n.late {
		s.done(i) // frees it: the life is over
	}
	n.late = n.late[:0]
	for _, i := range n.files.reading {
		s.done(i)
	}
	n.files.reading = n.files.reading[:0]
	n.ticks = n.ticks[:0]
	n.tickReady = false
}
