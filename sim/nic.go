package sim

import (
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// nic is one direction of a network interface: a server of bytes that all
// connections with something to send share evenly, as TCP and the kernel's queues
// come to. Frames of one connection pass one after the other.
//
// That is generalized processor sharing: in virtual time, which is what each
// connection has been given since the server was last idle, a frame takes as long as
// it has bytes, however many others there are.
//
// A frame passes in cut-through: the receiver's server begins when the first byte
// has crossed the link, not the last, and is not done before the sender's. Between two
// idle nodes a frame takes its transfer time once.
type nic struct {
	NIC
	station
	place   int32 // in Sim.nics
	sends   bool  // out of the node
	now     machine.Instant
	virtual int64   // parts of bytes
	rest    int64   // of what all active flows have been given together, less than one each
	worked  int64   // parts of nanoseconds, of the server for each connection
	active  []*flow // those with something to send
	credits int64
	due     machine.Instant // of the event that counts
}

// parts of a byte, or a nanosecond, in virtual time.
const parts = 1 << 12

// flow is what a connection sends through an interface.
type flow struct {
	to     *end // that it goes to
	gen    uint32
	done   int64 // virtual time at which the first frame has passed
	worked int64 // of the server when that began
	frames ring[passage]
}

// passage is a frame that has come and not passed.
type passage struct {
	item  uint32 // its number
	bytes int64  // on the wire
	since machine.Instant
}

func (s *Sim) newNIC(c NIC, sends bool) *nic {
	if c.BytesPerSecond == 0 {
		return nil
	}
	if c.Payload == 0 {
		c.Payload, c.Overhead = 1460, 78
	}
	if c.Burst <= c.BytesPerSecond {
		c.Credits = 0
	}
	n := &nic{NIC: c, place: int32(len(s.nics)), sends: sends, due: machine.Never}
	n.Servers = 1
	if !c.Drained {
		n.credits = c.Credits
	}
	s.nics = append(s.nics, n)
	return n
}

// wire is what a frame of so many bytes is with its packets.
func (c *nic) wire(bytes int64) int64 {
	return bytes + max(1, (bytes+c.Payload-1)/c.Payload)*c.Overhead
}

// enter has a frame come to an interface. It begins to pass now if nothing of its
// connection is before it.
func (s *Sim) enter(c *nic, f *flow, it *item) {
	c.advance(s.now)
	c.arrive(s.now)
	f.frames.push(passage{it.number, c.wire(it.frame.Len()), s.now})
	if f.frames.n > 1 {
		return
	}
	c.active = append(c.active, f)
	c.busy, c.rest = 1, 0
	f.begin(c)
	s.begun(c, f)
	s.plan(c)
}

// begin has the first frame of a flow begin to pass.
func (f *flow) begin(c *nic) {
	f.done, f.worked = c.virtual+f.frames.at(0).bytes*parts, c.worked
}

// advance moves virtual time on.
func (c *nic) advance(now machine.Instant) {
	d := now.Sub(c.now)
	if d <= 0 {
		return
	}
	c.now = now
	n := int64(len(c.active))
	if n == 0 {
		if c.Credits > 0 {
			c.credits = min(c.Credits, c.credits+int64(price(int64(min(d, maxRefill)), time.Duration(c.BytesPerSecond), uint64(time.Second))))
		}
		return
	}
	c.worked += (int64(d)*parts + n - 1) / n
	n, of := c.carries(d)+c.rest, n
	c.virtual, c.rest = c.virtual+n/of, n%of
}

// maxRefill bounds the time over which credits are counted.
const maxRefill = 24 * time.Hour

// carries is how many parts of bytes pass in a time, for the credits that it takes:
// as many as are sent above the baseline.
func (c *nic) carries(d time.Duration) (n int64) {
	if c.credits > 0 {
		gone := c.Burst - c.BytesPerSecond
		fast := min(d, price(c.credits, time.Second, uint64(gone)))
		if fast < d {
			c.credits = 0
		} else {
			c.credits -= int64(price(int64(fast), time.Duration(gone), uint64(time.Second)))
		}
		n = int64(price(int64(fast), time.Duration(c.Burst*parts), uint64(time.Second)))
		d -= fast
	}
	return n + int64(price(int64(d), time.Duration(c.BytesPerSecond*parts), uint64(time.Second)))
}

// takes is the time in which so many parts of bytes pass.
func (c *nic) takes(n int64) (d time.Duration) {
	if c.credits > 0 {
		fast := price(c.credits, time.Second, uint64(c.Burst-c.BytesPerSecond))
		most := int64(price(int64(fast), time.Duration(c.Burst*parts), uint64(time.Second)))
		if n <= most {
			return priceUp(n, c.Burst*parts)
		}
		d, n = fast, n-most
	}
	return d + priceUp(n, c.BytesPerSecond*parts)
}

// priceUp is n seconds/rate, rounded up.
func priceUp(n, rate int64) time.Duration {
	hi, lo := bits.Mul64(uint64(n), uint64(time.Second))
	q, rest := bits.Div64(hi, lo, uint64(rate))
	if rest > 0 {
		q++
	}
	return time.Duration(q)
}

// first is the flow whose frame has passed first, of those the one that came first.
func (c *nic) first() (i int) {
	for k, f := range c.active {
		if f.done < c.active[i].done {
			i = k
		}
	}
	return i
}

// plan queues the event of the next frame that has passed, unless an earlier one is
// queued already.
func (s *Sim) plan(c *nic) {
	if len(c.active) == 0 {
		return
	}
	left := (c.active[c.first()].done-c.virtual)*int64(len(c.active)) - c.rest
	at := s.now.Add(c.takes(max(left, 0)))
	if at < c.due {
		c.due = at
		s.queue.push(event{at: at, kind: evNIC, idx: c.place})
	}
}

// nicDue is the event of an interface.
func (s *Sim) nicDue(c *nic) {
	if s.now != c.due {
		return
	}
	c.due = machine.Never
	c.advance(s.now)
	for len(c.active) > 0 {
		i := c.first()
		if c.active[i].done > c.virtual {
			break
		}
		s.leaveNIC(c, i)
	}
	s.plan(c)
}

// leaveNIC has the first frame of an active flow have passed, and the next begin.
func (s *Sim) leaveNIC(c *nic, i int) {
	f := c.active[i]
	p := f.frames.pop()
	own := machine.Instant((c.worked - f.worked + parts - 1) / parts)
	c.station.advance(s.now)
	c.Present--
	c.Departures++
	c.Stayed += int64(s.now - p.since)
	c.Waited += max(int64(s.now-p.since-own), 0)
	if f.frames.n > 0 {
		f.begin(c)
		s.begun(c, f)
	} else {
		copy(c.active[i:], c.active[i+1:])
		c.active[len(c.active)-1] = nil
		c.active, c.rest = c.active[:len(c.active)-1], 0
		if len(c.active) == 0 {
			c.busy, c.virtual, c.worked = 0, 0, 0
		}
	}
	s.passed(c, f, p.item)
}

// read is the account so far; nil is that of no interface.
func (c *nic) read(now machine.Instant) Queue {
	if c == nil {
		return Queue{}
	}
	return c.station.read(now)
}

// find is the item of a number that is under way to the end that a flow goes to; nil
// if it was lost.
func (f *flow) find(number uint32) *item {
	e := f.to
	if e.conn.gen != f.gen {
		return nil
	}
	for k := e.arrived; k < e.in.n; k++ {
		if it := e.in.at(k); it.number == number {
			return it
		}
	}
	return nil
}

// interfaces are those on the way to an end; nil is none.
func (e *end) interfaces() (out, in *nic) {
	from := e.peer().node
	if from == e.node {
		return nil, nil
	}
	if from.hw != nil {
		out = from.hw.out
	}
	if e.node.hw != nil {
		in = e.node.hw.in
	}
	return out, in
}

// flow is the end's own of an interface.
func (e *end) flow(f **flow) *flow {
	if *f == nil {
		*f = &flow{to: e, gen: e.conn.gen}
	}
	return *f
}

// leave has an item that was put on its way to an end pass its sender's interface.
func (s *Sim) leave(e *end, it *item) {
	out, _ := e.interfaces()
	if out == nil {
		it.left = s.now
		it.at = it.last()
		it.gone()
		s.move(e)
		return
	}
	it.left, it.at = machine.Never, machine.Never
	s.enter(out, e.flow(&e.leaving), it)
}

// last is when the last byte of an item comes.
func (it *item) last() machine.Instant { return max(it.left, it.out).Add(it.took) }

func (it *item) gone() {
	if it.times != nil {
		it.times.Gone = max(it.left, it.out)
	}
}

// begun is told that the first frame of a flow begins to pass: when its sender sends
// it, its first byte is on the way.
func (s *Sim) begun(c *nic, f *flow) {
	if !c.sends {
		return
	}
	if it := f.find(f.frames.at(0).item); it != nil {
		if _, in := f.to.interfaces(); in != nil {
			it.at = s.now.Add(it.took)
			s.move(f.to)
		}
	}
}

// passed is told that a frame has passed.
func (s *Sim) passed(c *nic, f *flow, number uint32) {
	it := f.find(number)
	if it == nil {
		return
	}
	_, in := f.to.interfaces()
	if c.sends {
		it.left = s.now
		it.gone()
	} else {
		it.whole = true
	}
	if it.left != machine.Never && (it.whole || in == nil) {
		it.at = max(it.last(), s.now)
		s.move(f.to)
	}
}

// passes has the first item of an end, whose first byte has come, pass the receiver's
// interface, and reports whether there is one.
func (s *Sim) passes(e *end, it *item) bool {
	_, in := e.interfaces()
	if in == nil {
		return false
	}
	if it.times != nil {
		it.times.Reached = s.now
	}
	it.at = machine.Never
	s.enter(in, e.flow(&e.coming), it)
	return true
}
