package sim

import (
	"fmt"
	"slices"

	"brokersim/broker/machine"
)

// Sim is one run. It shares nothing with others: many may run side by side.
type Sim struct {
	// After, if set, is called after each step of a machine, when its state has
	// changed and its effects have not left: the place for audits. The node is
	// its place in [Sim.Nodes].
	After func(node int)
	// Trace, if set, sees every input as it is delivered.
	Trace func(*TraceEvent)
	// OutOfMemory, if set, is told of a node that takes more memory than it may (see
	// [Sim.LimitMemory]) instead of its being crashed, and should crash it.
	OutOfMemory func(node string)
	// Framed, if set, sees the way of every frame when the work on it is done, and
	// Synced every sync when the drive of a node with a [Disk] has done it.
	Framed func(*FrameTimes)
	Synced func(*SyncTimes)
	// Drawn, if set, sees the identity of every random draw.
	Drawn func(id uint64)

	cfg     Config
	now     machine.Instant
	queue   queue
	stopped bool

	nodes     []*node
	byName    map[string]*node
	listeners map[string]listener

	conns   []*conn
	spare   []int32       // places of conns that may be used again
	wakes   ring[*node]   // nodes with inputs that a core may take now
	calls   slots[func()] // of At
	runs    slots[run]
	disks   slots[diskOp]
	images  []*image // of syncs that are over
	nowhere slots[unanswered]
	drives  []*drive
	nics    []*nic

	interferers []interferer

	in      machine.Input
	taking  int64           // the event that led to in
	since   machine.Instant // when in came
	counted bool            // in the account of the node's cores
	times   *FrameTimes     // of in, if it is a frame and somebody looks
	doing   int64           // the event whose effects are being performed
	askedAt machine.Instant // when its step began
	out     machine.Effects
	blamed  *node // is being stepped
	last    TraceEvent
	counts  counts
	hash    uint64
	losses  []Loss
	applied int64
}

type listener struct {
	node  *node
	index machine.Listener
}

// New returns an empty world at time 0.
func New(cfg Config) *Sim {
	cfg.setDefaults()
	return &Sim{cfg: cfg, byName: make(map[string]*node), listeners: make(map[string]listener)}
}

// Add puts a node into the world and boots it. It returns the node's place in
// [Sim.Nodes].
func (s *Sim) Add(c NodeConfig) int {
	if s.byName[c.Name] != nil || slices.ContainsFunc(s.nodes, func(n *node) bool { return n.cfg.ID == c.ID }) {
		panic(fmt.Sprintf("sim: node %s with id %d is there already", c.Name, c.ID))
	}
	n := newNode(s, c)
	for i, addr := range c.Listeners {
		if l, taken := s.listeners[addr]; taken {
			panic(fmt.Sprintf("sim: %s listens on %s, and so does %s", c.Name, addr, l.node.cfg.Name))
		}
		s.listeners[addr] = listener{n, machine.Listener(i)}
	}
	s.nodes = append(s.nodes, n)
	s.byName[c.Name] = n
	s.interfere(n)
	s.boot(n)
	return n.index
}

// At has f called at t, or now if t has passed, in turn with what else happens
// then.
func (s *Sim) At(t machine.Instant, f func()) {
	s.queue.push(event{at: max(t, s.now), kind: evCall, idx: s.calls.put(f)})
}

// Run steps the world until t, or until [Sim.Stop]. What is due at t happens.
func (s *Sim) Run(until machine.Instant) {
	defer s.blame()
	s.stopped = false
	for !s.stopped && s.step(until) {
	}
	if !s.stopped && until != machine.Never {
		s.now = max(s.now, until)
	}
}

// Stop has [Sim.Run] return after what is happening now.
func (s *Sim) Stop() { s.stopped = true }

// Step does the next thing, which steps at most one machine. It reports false
// if nothing is left to happen.
func (s *Sim) Step() bool {
	defer s.blame()
	return s.step(machine.Never)
}

func (s *Sim) step(limit machine.Instant) bool {
	if s.wakes.n == 0 {
		e, ok := s.queue.pop(limit)
		if !ok {
			return false
		}
		s.now = e.at
		s.happen(e)
	}
	if s.wakes.n > 0 {
		s.runNext(s.wakes.pop())
	}
	return true
}

func (s *Sim) happen(e event) {
	switch e.kind {
	case evCall:
		s.calls.take(e.idx)()
	case evArrive:
		if c := s.conns[e.idx]; c.gen == e.gen {
			s.arrive(&c.ends[e.side])
		}
	case evDrained:
		if c := s.conns[e.idx]; c.gen == e.gen {
			s.hearDrained(&c.ends[e.side])
		}
	case evDialEnds:
		if c := s.conns[e.idx]; c.gen == e.gen {
			s.dialTimedOut(c)
		}
	case evReset:
		if c := s.conns[e.idx]; c.gen == e.gen {
			s.resetBoth(c)
		}
	case evTick:
		if n := s.nodes[e.idx]; n.life == e.gen {
			s.tick(n)
		}
	case evDone:
		s.done(e.idx)
	case evDisk:
		s.diskDone(s.disks.take(e.idx))
	case evDrive:
		s.driveDue(s.drives[e.idx])
	case evNIC:
		s.nicDue(s.nics[e.idx])
	case evInterfere:
		s.interfered(e.idx)
	case evCollected:
		if n := s.nodes[e.idx]; n.life == e.gen {
			s.collected(n)
		}
	case evUnanswered:
		s.failUnanswered(s.nowhere.take(e.idx))
	default:
		panic(fmt.Sprintf("sim: event of kind %d", e.kind))
	}
}

// Now is the time of the run, which no node's clock can bend.
func (s *Sim) Now() machine.Instant { return s.now }

// Nodes are the names of all nodes, in the order in which they were added.
func (s *Sim) Nodes() []string {
	names := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		names[i] = n.cfg.Name
	}
	return names
}

// Machine is a node's machine: nil while it is down, and for a name that no node
// has.
func (s *Sim) Machine(name string) machine.Machine {
	if n := s.byName[name]; n != nil {
		return n.machine
	}
	return nil
}

// MachineAt is the machine of the node at a place of [Sim.Nodes], nil while it
// is down.
func (s *Sim) MachineAt(node int) machine.Machine { return s.nodes[node].machine }

// Up reports whether a node lives; one that is paused does.
func (s *Sim) Up(name string) bool { return s.Machine(name) != nil }

// Panic is a panic of a machine, with where and when.
type Panic struct {
	Node  string
	At    machine.Instant
	Input string // what the machine was told
	Value any
}

func (p *Panic) Error() string {
	return fmt.Sprintf("%s %s %s: panic: %v", seconds(p.At), p.Node, p.Input, p.Value)
}

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// blame panics anew with the node that was being stepped. A panic of something
// else goes on as it is.
func (s *Sim) blame() {
	if s.blamed == nil {
		return
	}
	if v := recover(); v != nil {
		panic(&Panic{s.blamed.cfg.Name, s.now, s.in.Kind.String(), v})
	}
}

// slots hold values that events refer to by number.
type slots[T any] struct {
	values []T
	free   []int32
}

func (s *slots[T]) put(v T) int32 {
	i := s.reserve()
	s.values[i] = v
	return i
}

// reserve is put without a value: the slot holds what it held before.
func (s *slots[T]) reserve() int32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	var zero T
	s.values = append(s.values, zero)
	return int32(len(s.values) - 1)
}

func (s *slots[T]) take(i int32) T {
	var zero T
	v := s.values[i]
	s.values[i] = zero
	s.free = append(s.free, i)
	return v
}
