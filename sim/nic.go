package sim

import (
	"time"

	"brokersim/broker/machine"
)

// nic is one direction of a network interface: one server of bytes, first come
// first served. When a frame comes it is known when it will have passed.
//
// The frame passes in cut-through: the receiver's server begins when the first byte
// has crossed the link, not the last. Between two idle nodes a frame takes its
// transfer time once; many senders to one receiver share the receiver's. At the
// receiver frames of one connection are served one after the other, so that
// connections that send at once get the interface in turns.
type nic struct {
	NIC
	station
	free    machine.Instant // when everything so far has passed
	credits int64           // at refilled
	filled  machine.Instant
	passing ring[passage]
}

// passage is a frame that has come and, as far as the account knows, not passed.
type passage struct{ since, began, end machine.Instant }

func newNIC(c NIC) *nic {
	if c.BytesPerSecond == 0 {
		return nil
	}
	if c.Payload == 0 {
		c.Payload, c.Overhead = 1460, 78
	}
	if c.Burst <= c.BytesPerSecond {
		c.Credits = 0
	}
	n := &nic{NIC: c, credits: c.Credits}
	n.Servers = 1
	return n
}

// pass takes a frame of so many bytes that comes now, and returns when it begins to
// pass and how long that takes.
func (c *nic) pass(now machine.Instant, bytes int64) (began machine.Instant, takes time.Duration) {
	c.settle(now)
	began = max(now, c.free)
	takes = c.takes(began, bytes+max(1, (bytes+c.Payload-1)/c.Payload)*c.Overhead)
	c.free = began.Add(takes)
	if c.Present == 0 {
		c.begin(now)
	}
	c.arrive(now)
	c.passing.push(passage{now, began, c.free})
	return began, takes
}

// takes is the time that bytes take that begin to pass at a time, credits and all.
func (c *nic) takes(began machine.Instant, bytes int64) time.Duration {
	if c.Credits == 0 {
		return price(bytes, time.Second, uint64(c.BytesPerSecond))
	}
	rest := min(began.Sub(c.filled), maxRefill) // none began before the last had passed
	came := price(int64(rest), time.Duration(c.BytesPerSecond), uint64(time.Second))
	c.credits = min(c.Credits, c.credits+int64(came))
	// Of each byte at the rate of the burst, so much of a credit comes back meanwhile.
	gone := c.Burst - c.BytesPerSecond
	fast := min(bytes, int64(price(c.credits, time.Duration(c.Burst), uint64(gone))))
	c.credits -= min(c.credits, int64(price(fast, time.Duration(gone), uint64(c.Burst))))
	takes := price(fast, time.Second, uint64(c.Burst)) + price(bytes-fast, time.Second, uint64(c.BytesPerSecond))
	c.filled = began.Add(takes)
	return takes
}

// maxRefill bounds the time over which credits are counted.
const maxRefill = 24 * time.Hour

// settle books what has passed.
func (c *nic) settle(now machine.Instant) {
	for c.passing.n > 0 && c.passing.at(0).end <= now {
		p := c.passing.pop()
		c.depart(p.end, p.since, p.began)
		if c.Present > 0 {
			c.busy = 1 // the next one begins
		}
	}
}

// read is the account so far; nil is that of no interface.
func (c *nic) read(now machine.Instant) Queue {
	if c == nil {
		return Queue{}
	}
	c.settle(now)
	return c.station.read(now)
}

// leave has an item pass its sender's interface, and returns when its last byte has
// left for the link.
func (s *Sim) leave(l *link, it *item) machine.Instant {
	left := s.carry(l, it.frame.Len())
	if hw := l.from.hw; hw != nil && hw.out != nil && l.from != l.to {
		began, takes := hw.out.pass(s.now, it.frame.Len())
		it.out, it.wire = began.Add(takes), takes
	}
	return max(left, it.out)
}

// passes has an item, whose first byte has come, pass the receiver's interface, and
// reports whether that takes time.
func (s *Sim) passes(e *end, it *item) bool {
	whole := s.now.Add(it.wire)
	if hw := e.node.hw; hw != nil && hw.in != nil && e.peer().node != e.node {
		began, takes := hw.in.pass(s.now, it.frame.Len())
		whole = max(whole, began.Add(takes))
	}
	it.whole = true
	if it.times != nil {
		it.times.Reached, it.times.Whole = s.now, whole
	}
	if whole == s.now {
		return false
	}
	it.at = whole
	s.moveAt(e, whole)
	return true
}
