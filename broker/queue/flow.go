package queue

import "brokersim/broker/queue/wire"

// flow holds back publishers: while too much memory is held
// (rabbitmq.com/memory.html, rabbitmq.com/connection-blocked.html), and while too many
// messages of a connection wait for the disk (rabbitmq.com/flow-control.html). Who is
// held back is not read at all: its acknowledgements wait too.
func (b *Broker) flow() {
	high := b.cfg.Settings.MemoryHighWatermark
	b.alarm = high > 0 && b.memory > high
	for _, c := range b.list {
		if !c.publisher || c.state != connOpen {
			continue
		}
		if b.alarm != c.blocked {
			b.block(c)
		}
		n := 0
		for n < len(c.owed) && c.owed[n] <= b.journal.durable {
			n++
		}
		c.owed = append(c.owed[:0], c.owed[n:]...)
		bound := b.cfg.Settings.Credit
		if c.stopped {
			bound -= b.cfg.Settings.CreditMore
		}
		b.read(c, !c.blocked && len(c.owed) < bound)
		if c.stopped && len(c.owed) > 0 {
			b.journal.await(c.owed[len(c.owed)-1])
		}
	}
}

func (b *Broker) block(c *conn) {
	c.blocked = b.alarm
	switch {
	case !c.capable.blocked:
	case c.blocked:
		b.reply(c, 0, &wire.ConnectionBlocked{Reason: "low on memory"})
	default:
		b.reply(c, 0, &wire.ConnectionUnblocked{})
	}
}

func (b *Broker) read(c *conn, on bool) {
	switch {
	case on && c.stopped:
		c.stopped, c.heard = false, b.now.Mono
		b.out.Read(c.id)
	case !on && !c.stopped:
		c.stopped = true
		b.out.StopReading(c.id)
	}
}
