package pubsub

import (
	"maps"
	"slices"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
	"brokersim/faults/failpoint"
)

// channel is a channel or a pattern to which somebody listens.
type channel struct {
	name        string
	subscribers []*client     // in the order in which they have come
	last        machine.Bytes // published here; kept by a planted bug only
}

func (ch *channel) remove(c *client) {
	ch.subscribers = slices.DeleteFunc(ch.subscribers, func(x *client) bool { return x == c })
}

// subscribe adds a channel to those that a connection listens to.
func (b *Broker) subscribe(c *client, name string) {
	if c.channels[name] {
		return
	}
	c.channels[name] = true
	ch := b.channels[name]
	if ch == nil {
		ch = &channel{name: name}
		b.channels[name] = ch
	}
	ch.subscribers = append(ch.subscribers, c)
}

func (b *Broker) unsubscribe(c *client, name string) {
	if !c.channels[name] {
		return
	}
	delete(c.channels, name)
	ch := b.channels[name]
	if ch.remove(c); len(ch.subscribers) == 0 && !b.cfg.Failpoints.On(failpoint.P03Retain, 0) {
		delete(b.channels, name)
	}
}

func (b *Broker) subscribePattern(c *client, pattern string) {
	if c.patterns[pattern] {
		return
	}
	c.patterns[pattern] = true
	i := slices.IndexFunc(b.patterns, func(ch *channel) bool { return ch.name == pattern })
	if i < 0 {
		i = len(b.patterns)
		b.patterns = append(b.patterns, &channel{name: pattern})
	}
	b.patterns[i].subscribers = append(b.patterns[i].subscribers, c)
}

func (b *Broker) unsubscribePattern(c *client, pattern string) {
	if !c.patterns[pattern] {
		return
	}
	delete(c.patterns, pattern)
	i := slices.IndexFunc(b.patterns, func(ch *channel) bool { return ch.name == pattern })
	if b.patterns[i].remove(c); len(b.patterns[i].subscribers) == 0 {
		b.patterns = slices.Delete(b.patterns, i, i+1)
	}
}

func (b *Broker) doSubscribe(q *request) {
	for i := 1; i < len(q.args); i++ {
		name := q.word(i)
		b.subscribe(q.client, name)
		b.tellCount(q, "subscribe", &q.args[i])
		b.resend(q, b.channels[name])
	}
}

func (b *Broker) doPSubscribe(q *request) {
	for i := 1; i < len(q.args); i++ {
		b.subscribePattern(q.client, q.word(i))
		b.tellCount(q, "psubscribe", &q.args[i])
	}
}

func (b *Broker) doUnsubscribe(q *request) {
	b.leave(q, "unsubscribe", q.client.channels, b.unsubscribe)
}

func (b *Broker) doPUnsubscribe(q *request) {
	b.leave(q, "punsubscribe", q.client.patterns, b.unsubscribePattern)
}

// leave ends the named channels or patterns, or all if none is named.
func (b *Broker) leave(q *request, command string, all map[string]bool, unsubscribe func(*client, string)) {
	names := q.args[1:]
	if len(names) == 0 {
		names = wire.Words(slices.Sorted(maps.Keys(all))...)
	}
	for i := range names {
		unsubscribe(q.client, string(names[i].Contiguous()))
		b.tellCount(q, command, &names[i])
	}
	if len(names) == 0 {
		b.tellCount(q, command, nil)
	}
}

// tellCount says what has been done to a channel, nil for none, and to how many the
// connection now listens. It is a push, and so has no answer but that.
func (b *Broker) tellCount(q *request, command string, name *machine.Bytes) {
	b.answer(q, func(r *wire.Reply) {
		r.Push(3)
		r.Text(command)
		if name != nil {
			r.Bulk(*name)
		} else {
			r.Null()
		}
		r.Int(int64(len(q.client.channels) + len(q.client.patterns)))
	})
}

// resend is a mistake that can be planted: the last message of a channel is sent to
// whoever begins to listen, as MQTT does if it is asked to retain it.
func (b *Broker) resend(q *request, ch *channel) {
	if ch.last.Len() > 0 && b.cfg.Failpoints.On(failpoint.P03Retain, 0) {
		b.send(q.now, q.client, ch.last, q.ident, q.out)
	}
}
