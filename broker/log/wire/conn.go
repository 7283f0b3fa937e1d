package wire

import "brokersim/broker/machine"

// Conn is the answering end of one connection. Kafka's broker handles one
// request of a connection at a time and answers in their order: it does not
// read the next one until the answer has been handed over (the muted channel of
// its socket server). Conn does the same with the frames that arrived already.
type Conn struct {
	ID      machine.ConnID
	busy    bool
	waiting []machine.Bytes
}

// Arrived takes a frame. It returns ok if the frame is to be handled now; if
// not, it waits until Next gives it out.
func (c *Conn) Arrived(frame machine.Bytes, out *machine.Effects) (machine.Bytes, bool) {
	if !c.busy {
		c.busy = true
		return frame, true
	}
	c.waiting = append(c.waiting, frame)
	if len(c.waiting) == 1 {
		out.StopReading(c.ID)
	}
	return machine.Bytes{}, false
}

// Next ends the request in hand, answered or not in need of an answer, and
// returns the frame to be handled next, if there is one.
func (c *Conn) Next(out *machine.Effects) (machine.Bytes, bool) {
	if len(c.waiting) == 0 {
		c.busy = false
		return machine.Bytes{}, false
	}
	frame := c.waiting[0]
	c.waiting[0] = machine.Bytes{}
	c.waiting = c.waiting[1:]
	if len(c.waiting) == 0 {
		c.waiting = nil
		out.Read(c.ID)
	}
	return frame, true
}

// Busy reports whether a request is being handled.
func (c *Conn) Busy() bool { return c.busy }
