package queue

import (
	"slices"

	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
)

// consumer is a subscription of a channel to a queue.
type consumer struct {
	tag              string
	ch               *channel
	q                *queue
	noAck, exclusive bool
	priority         int64
	prefetch         int // 0 is without bound
	unacked          int
	waiting          bool // has had its fill: is not in the queue's turn
}

// may reports whether the consumer can be given a message now.
func (c *consumer) may(b *Broker) bool {
	ch := c.ch
	switch {
	case b.full(ch.conn):
		return false
	case c.noAck || b.cfg.Failpoints.OnAbout(failpoint.Q06IgnorePrefetch, c.q.name, 0, 0):
		return true
	}
	return (c.prefetch == 0 || c.unacked < c.prefetch) && (ch.globalPrefetch == 0 || ch.globalUnacked < ch.globalPrefetch)
}

// nextConsumer is who gets the next message, nil for nobody. Consumers of the highest
// priority that can take one take turns (rabbitmq.com/consumer-priority.html). Who has
// had its fill loses its turn, as in rabbit_queue_consumers.
func (b *Broker) nextConsumer(q *queue) *consumer {
	if q.limits.singleConsumer && !b.cfg.Failpoints.OnAbout(failpoint.Q04TwoActiveConsumers, q.name, 0, 0) {
		if q.single != nil && q.single.may(b) {
			return q.single
		}
		return nil
	}
	for len(q.turn) > 0 {
		c := q.turn[0]
		q.turn = slices.Delete(q.turn, 0, 1)
		if c.may(b) {
			q.takeTurn(c)
			return c
		}
		c.waiting = true
	}
	return nil
}

// takeTurn puts a consumer behind those of its priority.
func (q *queue) takeTurn(c *consumer) {
	c.waiting = false
	at := len(q.turn)
	for at > 0 && q.turn[at-1].priority < c.priority {
		at--
	}
	q.turn = slices.Insert(q.turn, at, c)
}

// unblock gives a consumer its turn back, if it can take messages again.
func (b *Broker) unblock(c *consumer) {
	if c.waiting && c.may(b) {
		c.q.takeTurn(c)
	}
	if c.q.ready.len() > 0 {
		b.touch(c.q)
	}
}

// unblockConsumers looks at all consumers of a connection, or of a channel.
func (b *Broker) unblockConsumers(c *conn) {
	for _, ch := range c.sortedChannels() {
		b.unblockChannel(ch)
	}
}

func (b *Broker) unblockChannel(ch *channel) {
	for _, c := range ch.consumers {
		b.unblock(c)
	}
}

func (b *Broker) qos(ch *channel, m *wire.BasicQos) *fault {
	switch {
	case m.PrefetchSize != 0:
		return faultf(wire.NotImplemented, "prefetch_size!=0 (%d)", m.PrefetchSize)
	case m.Global:
		ch.globalPrefetch = int(m.PrefetchCount)
		b.unblockChannel(ch)
	default: // it takes the channel's bound back (rabbit_channel: unlimit_prefetch)
		ch.prefetch, ch.globalPrefetch = int(m.PrefetchCount), 0
		b.unblockChannel(ch)
	}
	b.answer(ch, false, &wire.BasicQosOk{}, 0)
	return nil
}

func (b *Broker) consume(ch *channel, m *wire.BasicConsume) *fault {
	q, f := b.queueOf(ch, m.Queue)
	if f != nil {
		return f
	}
	tag := m.ConsumerTag
	if tag == "" {
		tag = b.name("amq.ctag-")
	}
	priority, isNumber, given := m.Arguments.Int("x-priority")
	switch {
	case slices.ContainsFunc(ch.consumers, func(c *consumer) bool { return c.tag == tag }):
		return faultf(wire.NotAllowed, "attempt to reuse consumer tag '%s'", tag)
	case given && !isNumber:
		v, _ := m.Arguments.Get("x-priority")
		return faultf(wire.PreconditionFailed, "invalid arg 'x-priority' for queue '%s' in vhost '%s': %s", q.name, virtualHost, notInteger(v))
	case q.limits.kind == quorum && ch.globalPrefetch > 0:
		return faultf(wire.NotImplemented, "queue '%s' in vhost '%s' does not support global qos", q.name, virtualHost)
	case q.refusesBesides(m.Exclusive):
		return faultf(wire.AccessRefused, "queue '%s' in vhost '%s' in exclusive use", q.name, virtualHost)
	}
	c := &consumer{tag: tag, ch: ch, q: q, noAck: m.NoAck, exclusive: m.Exclusive, priority: priority, prefetch: ch.prefetch}
	ch.consumers = append(ch.consumers, c)
	q.consumers = append(q.consumers, c)
	q.hadConsumers = true
	q.takeTurn(c)
	if q.single == nil {
		q.single = c
	}
	b.answer(ch, m.NoWait, &wire.BasicConsumeOk{ConsumerTag: tag}, 0)
	b.touch(q)
	return nil
}

// refusesBesides reports whether a consumer that wants the queue for itself, or one
// beside such a consumer, is refused. A queue with a single active consumer refuses
// every one that wants it for itself (rabbit_amqqueue_process); a quorum queue has no
// such consumers and takes them for others.
func (q *queue) refusesBesides(exclusive bool) bool {
	switch {
	case q.limits.kind == quorum:
		return false
	case q.limits.singleConsumer:
		return exclusive
	}
	return len(q.consumers) > 0 && (exclusive || q.consumers[0].exclusive)
}

func (b *Broker) cancel(ch *channel, m *wire.BasicCancel) *fault {
	i := slices.IndexFunc(ch.consumers, func(c *consumer) bool { return c.tag == m.ConsumerTag })
	b.answer(ch, m.NoWait, &wire.BasicCancelOk{ConsumerTag: m.ConsumerTag}, 0)
	if i >= 0 {
		b.removeConsumer(ch.consumers[i])
	}
	return nil
}

// removeConsumer ends a subscription; what it was given stays with its channel. The
// last one takes an auto-delete queue with it.
func (b *Broker) removeConsumer(c *consumer) {
	b.forgetConsumer(c)
	if q := c.q; len(q.consumers) == 0 {
		q.unusedSince = b.now.Mono
		if q.autoDelete {
			b.deleteQueue(q)
		}
	}
}

func (b *Broker) forgetConsumer(c *consumer) {
	is := func(x *consumer) bool { return x == c }
	q := c.q
	c.waiting = false // what it gives back later must not give it a turn
	c.ch.consumers = slices.DeleteFunc(c.ch.consumers, is)
	q.consumers = slices.DeleteFunc(q.consumers, is)
	q.turn = slices.DeleteFunc(q.turn, is)
	if q.single == c {
		q.single = q.heir()
		b.touch(q)
	}
}

// heir is the next active consumer: of the highest priority, the one that came first
// (rabbitmq.com/consumers.html#single-active-consumer).
func (q *queue) heir() *consumer {
	var best *consumer
	for _, c := range q.consumers {
		if best == nil || c.priority > best.priority {
			best = c
		}
	}
	return best
}

func (b *Broker) get(ch *channel, m *wire.BasicGet) *fault {
	q, f := b.queueOf(ch, m.Queue)
	if f != nil {
		return f
	}
	q.unusedSince = b.now.Mono
	b.dropExpired(q, b.now.Mono)
	if q.ready.len() == 0 {
		b.answer(ch, false, &wire.BasicGetEmpty{}, 0)
		return nil
	}
	h := q.pop()
	b.dropExpired(q, b.now.Mono)
	tag, after := b.handOver(ch, q, h, nil, m.NoAck)
	b.sendContent(ch, &wire.BasicGetOk{
		DeliveryTag: tag, Redelivered: h.redelivered, Exchange: h.msg.exchange, RoutingKey: h.msg.key(), MessageCount: uint32(q.ready.len()),
	}, h.msg, h.properties(q, true), h.msg.ident(q, h.seq), after)
	return nil
}
