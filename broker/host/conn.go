package host

import (
	"net"
	"sync"
	"syscall"
	"time"

	"brokersim/broker/machine"
)

// conn is one connection. Its reader and its writer are goroutines; mu guards what
// they share with who steps the machine.
type conn struct {
	node  *Node
	nc    net.Conn
	split Split
	raw   syscall.RawConn // nil: it has none
	addr  string          // that was dialled; empty: it was accepted
	out   *Way            // nil: no faults
	in    *Way
	over  chan struct{} // closed with the connection

	id machine.ConnID // of who has the turn

	mu       sync.Mutex
	gate     sync.Cond // the reader waits
	filled   sync.Cond // the writer waits
	emptied  sync.Cond // drain waits
	pending  net.Buffers
	writing  bool  // the writer has taken what was pending
	unsent   int64 // bytes, those that are being written among them
	owed     bool  // the word that it has drained
	stopped  bool  // by the machine
	underWay int   // frames that the machine has not taken
	silent   bool  // no frame may pass any more
	closing  bool  // when all is written
	dead     bool
}

const (
	// maxUnderWay is how many frames of a connection may wait for the machine.
	maxUnderWay = 2
	// maxUnsent is how much may wait to be taken by a peer whose requests are still
	// passed on: answers are not made faster than they are read.
	maxUnsent = 1 << 20
	// finishWithin is how long a peer may take what was sent before the machine closed
	// the connection.
	finishWithin = 10 * time.Second
)

func newConn(n *Node, nc net.Conn, split Split) *conn {
	c := &conn{node: n, nc: nc, split: split, over: make(chan struct{})}
	c.gate.L, c.filled.L, c.emptied.L = &c.mu, &c.mu, &c.mu
	if x, ok := nc.(syscall.Conn); ok {
		c.raw, _ = x.SyscallConn() // without, the writer does all
	}
	return c
}

// from is the address of the peer, without its port.
func (c *conn) from() string {
	if a, ok := c.nc.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().String()
	}
	return ""
}

// pass waits until the next frame may go to the machine. It reports false if none may
// any more.
func (c *conn) pass() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.silent && !c.dead && (c.stopped || c.underWay >= maxUnderWay || c.unsent >= maxUnsent) {
		c.gate.Wait()
	}
	if c.silent || c.dead {
		return false
	}
	c.underWay++
	return true
}

// taken says that the machine has taken a frame.
func (c *conn) taken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay--
	c.gate.Signal()
}

func (c *conn) setStopped(v bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = v
	c.gate.Signal()
}

// stopReading lets no frame pass any more.
func (c *conn) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
	c.gate.Signal()
}

func (c *conn) waiting() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsent
}

// send puts a frame behind those that wait to be written.
func (c *conn) send(f machine.Bytes) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.closing || c.sendNow(f) {
		return
	}
	for p := range f.Pieces {
		c.pending = append(c.pending, p)
	}
	c.unsent += f.Len()
	c.owed = c.owed || c.unsent >= machine.DrainedBelow
	c.filled.Signal()
}

// finish ends the connection when what was sent has left.
func (c *conn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing, c.silent = true, true
	_ = c.nc.SetWriteDeadline(time.Now().Add(finishWithin)) // it is closed if that fails
	c.filled.Signal()
	c.gate.Signal()
}

// drain waits until all is written, or until a time.
func (c *conn) drain(deadline time.Time) {
	_ = c.nc.SetWriteDeadline(deadline)
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.dead && c.unsent > 0 {
		c.emptied.Wait()
	}
}

// reset ends the connection now, and has the peer see a reset.
func (c *conn) reset() {
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // or else it is closed in good order
	}
	c.lost(machine.ErrReset)
}

// kill ends the connection now.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return
	}
	c.dead, c.pending, c.unsent = true, nil, 0
	close(c.over)
	c.nc.Close()
	c.gate.Signal()
	c.filled.Signal()
	c.emptied.Broadcast()
}

// lost ends the connection and tells the machine why, in turn after the frames that
// came before.
func (c *conn) lost(why error) {
	c.kill()
	c.node.remove(c)
	c.node.inbox.put(event{kind: machine.Closed, conn: c, err: why})
}
