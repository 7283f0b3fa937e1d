package queue

import (
	"slices"

	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
)

// Why a message left a queue without being acknowledged, as x-death says it
// (rabbitmq.com/dlx.html).
const (
	deadRejected      = "rejected"
	deadExpired       = "expired"
	deadMaxLength     = "maxlen"
	deadDeliveryLimit = "delivery_limit"
)

// deadLetter is a message on its way to a dead letter exchange.
type deadLetter struct {
	msg    *message
	q      *queue
	reason string
}

// deadLetter ends a message in a queue and has it published to the queue's dead letter
// exchange, if it has one, before the step ends.
func (b *Broker) deadLetter(q *queue, h held, reason string) {
	if q.limits.hasDead && !q.deleted && !b.cfg.Failpoints.OnAbout(failpoint.Q08LoseDeadLetters, q.name, h.seq, 0) {
		b.retain(h.msg)
		b.dead = append(b.dead, deadLetter{h.msg, q, reason})
	}
	b.forget(q, h)
}

// publishDead publishes a dead letter. One that nobody is bound for is gone, as is one
// that has come in a circle without ever being rejected.
func (b *Broker) publishDead(d *deadLetter) {
	defer b.release(d.msg)
	x := b.exchanges[d.q.limits.deadExchange]
	if x == nil {
		return
	}
	msg := &message{exchange: x.name, keys: d.msg.keys, props: d.msg.props.Clone(), body: d.msg.body, persistent: d.msg.persistent}
	if d.q.limits.hasDeadKey {
		msg.keys = []string{d.q.limits.deadKey}
	}
	msg.props.Headers = b.died(d)
	msg.props.Expiration = "" // it must not expire again (rabbitmq.com/dlx.html#effects)
	queues := slices.DeleteFunc(b.route(x, msg.keys), func(to *queue) bool {
		return circular(msg.props.Headers, to.name)
	})
	b.counts.DeadLettered++
	b.enqueue(msg, b.admit(msg, queues))
}

// died returns the headers with the death counted: one entry for each queue and
// reason, the latest first.
func (b *Broker) died(d *deadLetter) wire.Table {
	headers := d.msg.props.Headers
	v, _ := headers.Get("x-death")
	deaths, _ := v.(wire.Array)
	entry := wire.Table{{Key: "count", Value: int64(1)}}
	entry = append(entry, wire.Field{Key: "reason", Value: d.reason}, wire.Field{Key: "queue", Value: d.q.name},
		wire.Field{Key: "time", Value: wire.Timestamp(b.now.Wall / 1e9)}, wire.Field{Key: "exchange", Value: d.msg.exchange},
		wire.Field{Key: "routing-keys", Value: texts(d.msg.keys)})
	if d.msg.props.Expiration != "" {
		entry = append(entry, wire.Field{Key: "original-expiration", Value: d.msg.props.Expiration})
	}
	rest := wire.Array{}
	for _, v := range deaths {
		old, _ := v.(wire.Table)
		if queue, _ := old.Text("queue"); queue == d.q.name {
			if reason, _ := old.Text("reason"); reason == d.reason {
				n, _, _ := old.Int("count")
				entry = old.With("count", n+1)
				continue
			}
		}
		rest = append(rest, v)
	}
	if len(deaths) == 0 {
		headers = headers.With("x-first-death-exchange", d.msg.exchange).With("x-first-death-queue", d.q.name).With("x-first-death-reason", d.reason)
	}
	return headers.With("x-death", append(wire.Array{entry}, rest...))
}

func texts(list []string) wire.Array {
	a := make(wire.Array, len(list))
	for i, s := range list {
		a[i] = s
	}
	return a
}

// circular reports whether a dead letter has been in that queue before and was not
// rejected since (detect_cycles of rabbit_dead_letter).
func circular(headers wire.Table, queue string) bool {
	v, _ := headers.Get("x-death")
	deaths, _ := v.(wire.Array)
	for _, v := range deaths {
		death, _ := v.(wire.Table)
		if reason, _ := death.Text("reason"); reason == deadRejected {
			return false
		}
		if name, _ := death.Text("queue"); name == queue {
			return true
		}
	}
	return false
}
