package queue

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
)

// unconfirmed is a publish that its channel has not been told the outcome of.
type unconfirmed struct {
	tag   uint64
	after int64 // what must be durable
	nack  bool
	key   uint64 // what the confirm is about
}

func (b *Broker) publish(ch *channel, m *wire.BasicPublish, cmd *wire.Command) *fault {
	ch.conn.publisher = true
	x := b.exchanges[m.Exchange]
	switch _, _, bad := expiration(&cmd.Properties); {
	case m.Immediate:
		return faultf(wire.NotImplemented, "immediate=true")
	case x == nil:
		return noExchange(m.Exchange)
	case x.internal:
		return faultf(wire.AccessRefused, "cannot publish to internal exchange '%s' in vhost '%s'", m.Exchange, virtualHost)
	case bad != "":
		return faultf(wire.PreconditionFailed, "invalid expiration '%s': %s", cmd.Properties.Expiration, bad)
	case cmd.Properties.UserID != "" && cmd.Properties.UserID != b.cfg.Settings.User:
		return faultf(wire.PreconditionFailed, "user_id property set to '%s' but authenticated user was '%s'", cmd.Properties.UserID, b.cfg.Settings.User)
	}
	b.counts.Published++
	b.out.Work(machine.Work{Records: 1})
	msg := &message{
		exchange: m.Exchange, keys: []string{m.RoutingKey}, props: cmd.Properties, body: cmd.Body,
		persistent: cmd.Properties.DeliveryMode == wire.Persistent,
	}
	queues := b.route(x, msg.keys)
	if len(queues) == 0 {
		b.counts.Unroutable++
		if m.Mandatory {
			b.sendContent(ch, &wire.BasicReturn{Code: wire.NoRoute, Text: wire.NoRoute.String(), Exchange: m.Exchange, RoutingKey: m.RoutingKey},
				msg, &msg.props, msg.ident(&queue{}, 0), 0)
		}
	}
	taken := b.admit(msg, queues)
	refused := len(taken) < len(queues)
	after := b.enqueue(msg, taken)
	if after > 0 {
		ch.conn.owed = append(ch.conn.owed, after)
	}
	b.awaitConfirm(ch, msg, after, refused)
	return nil
}

// admit is which queues take a message: those whose length says reject do not
// (rabbitmq.com/maxlength.html#overflow-behaviour).
func (b *Broker) admit(m *message, queues []*queue) []*queue {
	taken := queues[:0:0]
	for _, q := range queues {
		switch {
		case q.limits.overflow == dropHead || !q.wouldOverflow(m):
			taken = append(taken, q)
		case q.limits.overflow == rejectPublishDLX:
			b.retain(m)
			b.deadLetter(q, held{msg: m}, deadMaxLength)
		}
	}
	return taken
}

// awaitConfirm notes what a publish waits for. What is transient, or in no queue, waits
// for nothing (rabbitmq.com/confirms.html#when-publishes-are-confirmed).
func (b *Broker) awaitConfirm(ch *channel, m *message, after int64, refused bool) {
	if !ch.confirms {
		return
	}
	ch.published++
	if b.cfg.Failpoints.OnAbout(failpoint.Q01ConfirmBeforeSync, m.props.MessageID, ch.published, 0) {
		after = 0
	}
	ch.pending = append(ch.pending, unconfirmed{ch.published, after, refused, m.ident(&queue{}, ch.published)})
	b.journal.await(after)
	if !ch.touched {
		ch.touched = true
		b.confirming = append(b.confirming, ch)
	}
}

// confirm tells publishers what is safe by now.
func (b *Broker) confirm() {
	waiting := b.confirming[:0]
	for _, ch := range b.confirming {
		if len(ch.pending) > 0 {
			b.confirmChannel(ch)
		}
		if ch.touched = len(ch.pending) > 0; ch.touched {
			waiting = append(waiting, ch)
		}
	}
	clear(b.confirming[len(waiting):])
	b.confirming = waiting
}

// confirmChannel says what is known, as rabbit_channel does: one method for all up to
// the first that it must not speak of, and one for each behind it.
func (b *Broker) confirmChannel(ch *channel) {
	var acks, nacks []unconfirmed
	ch.pending = slices.DeleteFunc(ch.pending, func(u unconfirmed) bool {
		switch {
		case u.nack:
			nacks = append(nacks, u)
		case u.after <= b.journal.durable:
			acks = append(acks, u)
		default:
			return false
		}
		return true
	})
	open := ch.published + 1
	if len(ch.pending) > 0 {
		open = ch.pending[0].tag
	}
	b.coalesce(nacks, lowest(acks, open), 1, func(u unconfirmed, multiple bool) {
		b.sendConfirm(ch, &wire.BasicNack{DeliveryTag: u.tag, Multiple: multiple, Requeue: true}, u.key)
	})
	b.coalesce(acks, lowest(nacks, open), 2, func(u unconfirmed, multiple bool) {
		b.sendConfirm(ch, &wire.BasicAck{DeliveryTag: u.tag, Multiple: multiple}, u.key)
	})
}

func lowest(list []unconfirmed, otherwise uint64) uint64 {
	if len(list) > 0 {
		return min(list[0].tag, otherwise)
	}
	return otherwise
}

// coalesce says the same of several messages. Those before cutoff are spoken of
// together, if there are as many as least in all.
func (b *Broker) coalesce(list []unconfirmed, cutoff uint64, least int, say func(unconfirmed, bool)) {
	n := 0
	for len(list) >= least && n < len(list) && list[n].tag < cutoff {
		n++
	}
	if n > 0 {
		say(list[n-1], true)
	}
	for _, u := range list[n:] {
		say(u, false)
	}
}

func (b *Broker) sendConfirm(ch *channel, m wire.Method, key uint64) {
	frame, err := wire.Encode(ch.number, m)
	if err != nil {
		panic("queue: a confirm does not encode: " + err.Error())
	}
	b.send(ch.conn, frame, machine.Ident{Class: wire.Class(wire.IDOf(m)), Key: key}, 0)
}

// expiration is a message's own time to live: milliseconds as text.
func expiration(p *wire.Properties) (ttl time.Duration, given bool, bad string) {
	if p.Expiration == "" {
		return 0, false, ""
	}
	n, err := strconv.ParseInt(p.Expiration, 10, 64)
	switch {
	case err != nil:
		return 0, false, "no_integer"
	case n < 0:
		return 0, false, fmt.Sprintf("{value_negative,%d}", n)
	case n > maxTTL:
		return 0, false, fmt.Sprintf("{value_too_big,%d}", n)
	}
	return time.Duration(n) * time.Millisecond, true, ""
}
