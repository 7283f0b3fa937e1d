package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"brokersim/broker/machine"
)

// Split returns the length of the first whole frame in buf, 0 if more bytes are
// needed, or an error if the connection cannot be understood any more. The wire
// packages have one each.
type Split func(buf []byte) (n int, err error)

// Listener is where peers come from. The node owns it from Start on.
type Listener struct {
	net.Listener
	Split Split
}

// Config says what a node runs and on what.
type Config struct {
	Name    string // in errors
	Machine machine.Machine
	// Dir has the node's files; it is made if it is not there.
	Dir       string
	Listeners []Listener
	// Split is that of connections that the machine dials.
	Split Split
	// Route, if set, is asked at each dial for how to get to an address.
	Route func(addr string) Route
	// After, if set, is called by whoever has stepped the machine through all that
	// waited: the machine may be looked at, not for long.
	After func()
}

// Route is how to get to an address: the address to dial instead, unless it is empty,
// and the ways to and from there, nil for those without faults.
type Route struct {
	Addr    string
	Out, In *Way
}

// Node is one life of a machine.
type Node struct {
	cfg    Config
	files  *files
	syncer *syncer
	inbox  inbox
	clock  clock

	ctx    context.Context // of the life
	cancel context.CancelFunc
	over   chan struct{} // the loop has ended
	stop   sync.Once
	work   sync.WaitGroup // goroutines that use the network

	mu      sync.Mutex
	sockets map[*conn]struct{} // all that are not closed
	closed  bool               // no socket may be added
	pausing sync.Cond          // of mu
	paused  bool

	timer *time.Timer // wakes the loop

	// Of who has the turn.
	list  []event
	armed machine.Instant // what the timer is set to
	conns map[machine.ConnID]*conn
	last  machine.ConnID
	in    machine.Input
	out   machine.Effects
}

// ErrStopped is the answer of a node whose life is over.
var ErrStopped = errors.New("the node is stopped")

// Start begins a life on the files of cfg.Dir. On an error the listeners are closed.
func Start(cfg Config) (*Node, error) {
	files, err := openFiles(cfg.Dir)
	if err != nil {
		for _, l := range cfg.Listeners {
			l.Close()
		}
		return nil, fmt.Errorf("%s: %w", cfg.Name, err)
	}
	n := &Node{
		cfg: cfg, files: files, clock: clock{origin: time.Now()},
		over:    make(chan struct{}),
		sockets: make(map[*conn]struct{}),
		conns:   make(map[machine.ConnID]*conn),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.pausing.L = &n.mu
	n.out.Kernel = n.unsent
	n.timer = time.NewTimer(time.Hour)
	n.inbox.init()
	n.syncer = startSyncer(files.root, func(done syncDone) { n.inbox.put(event{kind: machine.DiskDone, sync: done}) })
	n.inbox.put(event{kind: machine.Start})
	go n.loop()
	for i, l := range cfg.Listeners {
		n.work.Add(1)
		go n.accept(machine.Listener(i), l)
	}
	return n, nil
}

// Stop ends the life in good order: the machine hears [machine.Stopping] and does what that
// asks for, there are no new connections and requests, what was sent leaves, or grace is
// over; and all files are made durable. A machine that has a Stopped method is waited for,
// and serves until then; another hears it when all that came is stepped. Stop returns the
// first error of the disk.
func (n *Node) Stop(grace time.Duration) (err error) {
	n.stop.Do(func() {
		n.Resume()
		deadline := time.Now().Add(grace)
		m, says := n.cfg.Machine.(interface{ Stopped() bool })
		if says {
			n.inbox.put(event{kind: machine.Stopping})
			n.awaitStopped(m, deadline)
		}
		n.closeListeners()
		n.eachSocket((*conn).stopReading)
		if !says {
			n.inbox.put(event{kind: machine.Stopping}) // after all that waits
		}
		n.Do(func() {}) // it is stepped
		n.drain(deadline)
		n.end()
		err = n.files.syncAll()
		n.files.close()
	})
	return err
}

// Kill ends the life as a crash of the process does: what was not stepped is not, what
// was not sent is lost, and peers get a reset. What was written to files stays in the
// computer's page cache.
func (n *Node) Kill() {
	n.stop.Do(func() {
		n.cancel() // nothing is stepped any more
		n.closeListeners()
		n.eachSocket((*conn).reset)
		n.Resume()
		n.end()
		n.files.close()
	})
}

// end waits until nothing of the node runs any more.
func (n *Node) end() {
	n.cancel()
	n.inbox.close()
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.eachSocket((*conn).kill)
	<-n.over
	n.work.Wait()
	n.syncer.stop()
}

// Do has f called where the machine is stepped, in turn, and waits for it. It is
// how to look inside. It reports false if the life is over and f was not called.
func (n *Node) Do(f func()) bool {
	called := make(chan struct{})
	if !n.inbox.put(event{call: func() { f(); close(called) }}) {
		return false
	}
	select {
	case <-called:
		return true
	case <-n.over:
	}
	select {
	case <-called: // by the last that was done
		return true
	default:
		return false
	}
}

// Pause has the machine stand still, as a process does that is stopped; Resume has it
// go on.
func (n *Node) Pause() { n.setPaused(true) }

// Resume takes back a Pause.
func (n *Node) Resume() { n.setPaused(false) }

func (n *Node) setPaused(v bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = v
	n.pausing.Broadcast()
}

func (n *Node) waitWhilePaused() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.paused {
		n.pausing.Wait()
	}
}

// Skew has the node's wall clock jump by d.
func (n *Node) Skew(d time.Duration) { n.clock.skew.Add(int64(d)) }

// Reset resets the connections that the machine has dialled to an address.
func (n *Node) Reset(addr string) {
	n.eachSocket(func(c *conn) {
		if c.addr == addr {
			c.reset()
		}
	})
}

// Syncs is how often fsync has been called for files so far, and for directories.
func (n *Node) Syncs() (files, dirs int64) { return n.syncer.files.Load(), n.syncer.dirs.Load() }

// Traffic is how many bytes the node has read from connections, and written.
func (n *Node) Traffic() (in, out int64) { return n.clock.read.Load(), n.clock.written.Load() }

func (n *Node) closeListeners() {
	for _, l := range n.cfg.Listeners {
		l.Close()
	}
}

// add has a connection belong to the life, unless that is over.
func (n *Node) add(c *conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.sockets[c] = struct{}{}
	n.work.Add(2) // its reader and its writer
	return true
}

func (n *Node) remove(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sockets, c)
}

func (n *Node) eachSocket(f func(*conn)) {
	n.mu.Lock()
	list := make([]*conn, 0, len(n.sockets))
	for c := range n.sockets {
		list = append(list, c)
	}
	n.mu.Unlock()
	for _, c := range list {
		f(c)
	}
}

// awaitStopped waits until the machine has done what it wants done at the end of a life, at
// most until a time.
func (n *Node) awaitStopped(m interface{ Stopped() bool }, deadline time.Time) {
	for stopped := false; !stopped && n.Do(func() { stopped = m.Stopped() }); {
		if stopped || time.Now().After(deadline) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// drain waits until everything that was sent has left, at most until a time.
func (n *Node) drain(deadline time.Time) {
	n.eachSocket(func(c *conn) { c.drain(deadline) })
}

func (n *Node) accept(index machine.Listener, l Listener) {
	defer n.work.Done()
	for {
		nc, err := l.Accept()
		var passing net.Error
		switch {
		case err == nil:
			n.open(newConn(n, nc, l.Split), event{kind: machine.Accepted, listen: index})
		case errors.As(err, &passing) && !errors.Is(err, net.ErrClosed):
			select { // such as too many open files
			case <-n.ctx.Done():
				return
			case <-time.After(acceptAgain):
			}
		default:
			return
		}
	}
}

// acceptAgain is how long a listener rests that could not accept.
const acceptAgain = 10 * time.Millisecond

// open begins a connection: the machine hears first of it, then what comes on it.
func (n *Node) open(c *conn, e event) {
	if !n.add(c) {
		c.nc.Close()
		return
	}
	e.conn = c
	n.inbox.put(e)
	go c.read()
	go c.write()
}
