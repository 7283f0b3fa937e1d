package queue

import (
	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
)

// ack settles what was delivered under a tag, or all up to it.
func (b *Broker) ack(ch *channel, tag uint64, multiple bool) *fault {
	taken, f := ch.take(tag, multiple)
	for i := range taken {
		b.counts.Acked++
		b.giveBack(&taken[i])
		b.forget(taken[i].q, taken[i].m)
	}
	return f
}

// reject gives back what was delivered under a tag, or all up to it: to the queue, or
// to the dead letter exchange.
func (b *Broker) reject(ch *channel, tag uint64, multiple, requeue bool) *fault {
	taken, f := ch.take(tag, multiple)
	for i := range taken {
		b.giveBack(&taken[i])
		if !requeue {
			b.counts.Rejected++
			b.deadLetter(taken[i].q, taken[i].m, deadRejected)
		}
	}
	if requeue {
		b.putBack(taken)
	}
	return f
}

// recoverChannel gives back all that the channel has not settled (1.8.3.14 of class
// basic).
func (b *Broker) recoverChannel(ch *channel, m *wire.BasicRecover) *fault {
	if !m.Requeue {
		return faultf(wire.NotImplemented, "requeue=false")
	}
	taken, _ := ch.take(0, true)
	for i := range taken {
		b.giveBack(&taken[i])
	}
	b.putBack(taken)
	b.answer(ch, false, &wire.BasicRecoverOk{}, 0)
	return nil
}

// giveBack makes room for more: the consumer, and the channel, hold one less.
func (b *Broker) giveBack(d *delivered) {
	d.q.unacked--
	c := d.consumer
	if c == nil {
		return
	}
	c.unacked--
	if c.ch.globalUnacked > 0 {
		c.ch.globalUnacked--
	}
	if c.ch.globalPrefetch > 0 {
		b.unblockChannel(c.ch)
	} else {
		b.unblock(c)
	}
}

// putBack returns messages to their queues. A classic queue puts each at its old
// place, a quorum queue in front, unless it was given back too often
// (rabbitmq.com/nack.html, rabbitmq.com/quorum-queues.html#poison-message-handling).
func (b *Broker) putBack(list []delivered) {
	for i := range list {
		q, h := list[i].q, list[i].m
		if q.deleted {
			b.release(h.msg)
			continue
		}
		b.counts.Requeued++
		h.redelivered = !b.cfg.Failpoints.OnAbout(failpoint.Q07ForgetRedelivered, q.name, h.seq, 0)
		h.deliveries++
		switch {
		case b.cfg.Failpoints.OnAbout(failpoint.Q05DropRequeued, q.name, h.seq, 0):
			b.forget(q, h)
			continue
		case b.cfg.Failpoints.OnAbout(failpoint.Q03RequeueAtTail, q.name, h.seq, 0):
			q.ready.push(h)
		case q.limits.kind == classic:
			q.ready.insert(h)
		case q.limits.deliveryLimit >= 0 && h.deliveries > q.limits.deliveryLimit:
			b.deadLetter(q, h, deadDeliveryLimit)
			continue
		default:
			q.ready.insertAt(q.returned, h)
			q.returned++
			if h.written {
				b.journal.returned(q, &h)
			}
		}
		b.dropOverflow(q)
		b.touch(q)
	}
}
