package pubsub

import (
	"slices"
	"time"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// output is what a connection's socket has not taken: it takes no more while
// [machine.DrainedBelow] bytes are unsent, as if that were its send buffer.
type output struct {
	queue []held
	bytes int64
	since machine.Instant // when the soft limit was passed, if full
	full  bool            // above the soft limit
	lost  bool            // the connection is to be cut off: nothing more is sent
}

type held struct {
	frame machine.Bytes
	ident machine.Ident
}

// lookAgain is how often buffers above the soft limit are looked at: once a second, as
// Redis's clientsCron does.
const lookAgain = time.Second

// send sends a frame, or holds it until the socket takes more.
func (b *Broker) send(now machine.Instant, c *client, frame machine.Bytes, id machine.Ident, out *machine.Effects) {
	o := &c.output
	if o.lost {
		return
	}
	if len(o.queue) == 0 && out.Unsent(c.id) < machine.DrainedBelow {
		out.Send(c.id, frame, id)
		return
	}
	if limit := b.cfg.Output; limit.Hard > 0 && o.bytes+frame.Len() >= limit.Hard && b.cfg.Failpoints.On(failpoint.P01SkipOverflow, 0) {
		return
	}
	o.queue = append(o.queue, held{frame, id})
	o.bytes += frame.Len()
	b.bound(now, c)
}

// bound cuts off a subscriber for which too much waits. Other connections have no limit.
func (b *Broker) bound(now machine.Instant, c *client) {
	o, limit := &c.output, &b.cfg.Output
	switch {
	case !c.listens():
	case limit.Hard > 0 && o.bytes >= limit.Hard:
		b.cutOff(c)
	case limit.Soft > 0 && o.bytes >= limit.Soft && !o.full:
		o.full, o.since = true, now
		b.full = append(b.full, c)
	}
}

// cutOff gives up on a connection at the end of the step. What waits for it is gone; what
// its socket has taken still arrives.
func (b *Broker) cutOff(c *client) {
	c.output = output{lost: true}
	b.doomed = append(b.doomed, c)
}

// judgeBuffers looks at the buffers that were above the soft limit, and says when to look
// again.
func (b *Broker) judgeBuffers(now machine.Instant) {
	b.full = slices.DeleteFunc(b.full, func(c *client) bool {
		o := &c.output
		switch {
		case o.lost:
			return true
		case o.bytes < b.cfg.Output.Soft || !c.listens():
			o.full = false
			return true
		case now >= b.softEnds(o):
			b.cutOff(c)
			return true
		}
		return false
	})
	b.due = machine.Never
	for _, c := range b.full {
		b.due = min(b.due, now.Add(lookAgain), b.softEnds(&c.output))
	}
}

// softEnds is when a buffer that is above the soft limit has been there for too long:
// more than the limit's time, in whole seconds of the broker's clock, as Redis counts it
// (networking.c, checkClientOutputBufferLimits).
func (b *Broker) softEnds(o *output) machine.Instant {
	began := o.since - o.since%machine.Instant(time.Second)
	return began.Add(b.cfg.Output.SoftFor.Truncate(time.Second)).Add(time.Second)
}

// pump sends what was held, as much as the socket takes.
func (b *Broker) pump(c *client, out *machine.Effects) {
	o := &c.output
	if b.cfg.Failpoints.On(failpoint.P02NewestFirst, 0) {
		slices.Reverse(o.queue)
	}
	room := machine.DrainedBelow - out.Unsent(c.id)
	n := 0
	for ; n < len(o.queue) && room > 0; n++ {
		h := o.queue[n]
		room -= h.frame.Len()
		o.bytes -= h.frame.Len()
		out.Send(c.id, h.frame, h.ident)
	}
	o.queue = slices.Delete(o.queue, 0, n)
}
