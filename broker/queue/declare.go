package queue

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/queue/wire"
)

const reservedPrefix = "amq."

func noExchange(name string) *fault {
	return faultf(wire.NotFound, "no exchange '%s' in vhost '%s'", name, virtualHost)
}

func noQueue(name string) *fault {
	return faultf(wire.NotFound, "no queue '%s' in vhost '%s'", name, virtualHost)
}

func notOnDefault() *fault {
	return faultf(wire.AccessRefused, "operation not permitted on the default exchange")
}

func reserved(what, name string) *fault {
	return faultf(wire.AccessRefused, "%s name '%s' contains reserved prefix 'amq.*'", what, name)
}

// inequivalent is a declaration that differs from what is there
// (rabbitmq.com/queues.html#property-equivalence).
func inequivalent(arg, what, name, got, had string) *fault {
	return faultf(wire.PreconditionFailed, "inequivalent arg '%s' for %s '%s' in vhost '%s': received %s but current is %s", arg, what, name, virtualHost, got, had)
}

func quoted[T ~string](v T) string { return "'" + string(v) + "'" }

func (b *Broker) sortedExchanges() []*exchange {
	list := make([]*exchange, 0, len(b.exchanges))
	for _, name := range slices.Sorted(maps.Keys(b.exchanges)) {
		list = append(list, b.exchanges[name])
	}
	return list
}

func (b *Broker) sortedQueues() []*queue {
	list := make([]*queue, 0, len(b.queues))
	for _, name := range slices.Sorted(maps.Keys(b.queues)) {
		list = append(list, b.queues[name])
	}
	return list
}

func (b *Broker) declareExchange(ch *channel, m *wire.ExchangeDeclare) *fault {
	x := b.exchanges[m.Exchange]
	kind := exchangeKind(m.Type)
	switch {
	case m.Passive && m.Exchange == "":
		return notOnDefault()
	case m.Passive && x == nil:
		return noExchange(m.Exchange)
	case m.Passive:
	case kind != direct && kind != fanout && kind != topic:
		return faultf(wire.CommandInvalid, "unknown exchange type '%s'", m.Type)
	case m.Exchange == "":
		return notOnDefault()
	case x == nil && strings.HasPrefix(m.Exchange, reservedPrefix):
		return reserved("exchange", m.Exchange)
	case x == nil:
		x = &exchange{name: m.Exchange, kind: kind, durable: m.Durable, autoDelete: m.AutoDelete, internal: m.Internal, args: m.Arguments}
		b.exchanges[x.name] = x
		if x.durable {
			b.journal.exchangeDeclared(x)
		}
	default:
		if f := x.differs(m); f != nil {
			return f
		}
	}
	b.answer(ch, m.NoWait, &wire.ExchangeDeclareOk{}, b.journal.declared(x.durable))
	return nil
}

func (x *exchange) differs(m *wire.ExchangeDeclare) *fault {
	differ := func(arg string, got, had bool) *fault {
		return inequivalent(arg, "exchange", x.name, quoted(strconv.FormatBool(got)), quoted(strconv.FormatBool(had)))
	}
	switch {
	case exchangeKind(m.Type) != x.kind:
		return inequivalent("type", "exchange", x.name, quoted(m.Type), quoted(x.kind))
	case m.Durable != x.durable:
		return differ("durable", m.Durable, x.durable)
	case m.AutoDelete != x.autoDelete:
		return differ("auto_delete", m.AutoDelete, x.autoDelete)
	case m.Internal != x.internal:
		return differ("internal", m.Internal, x.internal)
	}
	return nil
}

func (b *Broker) exchangeDelete(ch *channel, m *wire.ExchangeDelete) *fault {
	x := b.exchanges[m.Exchange]
	switch {
	case m.Exchange == "":
		return notOnDefault()
	case strings.HasPrefix(m.Exchange, reservedPrefix):
		return faultf(wire.AccessRefused, "deletion of system exchange '%s' in vhost '%s' not allowed", m.Exchange, virtualHost)
	case x != nil && m.IfUnused && x.inUse():
		return faultf(wire.PreconditionFailed, "exchange '%s' in vhost '%s' in use", m.Exchange, virtualHost)
	case x != nil:
		b.deleteExchange(x)
	}
	b.answer(ch, m.NoWait, &wire.ExchangeDeleteOk{}, 0)
	return nil
}

// bindingEnds looks up both ends of a binding. An empty queue name is the last queue
// that the channel has declared, and then an empty key is that name too.
func (b *Broker) bindingEnds(ch *channel, source string, n *binding) (*exchange, *fault) {
	if !n.toExchange {
		named := n.to != ""
		if f := ch.lastDeclared(&n.to); f != nil {
			return nil, f
		}
		if !named && n.key == "" {
			n.key = n.to
		}
		if q := b.queues[n.to]; q != nil && !q.mayUse(ch) {
			return nil, q.locked()
		}
	}
	if source == "" || n.toExchange && n.to == "" {
		return nil, notOnDefault()
	}
	x := b.exchanges[source]
	switch {
	case x == nil:
		return nil, noExchange(source)
	case n.toExchange && b.exchanges[n.to] == nil:
		return nil, noExchange(n.to)
	case !n.toExchange && b.queues[n.to] == nil:
		return nil, noQueue(n.to)
	}
	return x, nil
}

func (b *Broker) bind(ch *channel, source string, n binding, noWait bool, ok wire.Method) *fault {
	x, f := b.bindingEnds(ch, source, &n)
	if f != nil {
		return f
	}
	durable := b.durableBinding(x, &n)
	if x.bind(n) && durable {
		b.journal.bound(x, &n)
	}
	b.answer(ch, noWait, ok, b.journal.declared(durable))
	return nil
}

// durableBinding reports whether both ends outlive the broker, and so does what joins
// them.
func (b *Broker) durableBinding(x *exchange, n *binding) bool {
	if n.toExchange {
		return x.durable && b.exchanges[n.to].durable
	}
	return x.durable && b.queues[n.to].journaled()
}

// unbound removes a binding; one that is not there is removed already, as are those of
// exchanges and queues that do not exist.
func (b *Broker) unbound(ch *channel, source string, n binding, noWait bool, ok wire.Method) *fault {
	x, f := b.bindingEnds(ch, source, &n)
	if f != nil && f.code != wire.NotFound {
		return f
	}
	i := -1 // what is not there is not bound
	if f == nil {
		i = x.find(&n)
	}
	if i >= 0 {
		if b.durableBinding(x, &n) {
			b.journal.unbound(x, &n)
		}
		gone := x.bindings[i]
		b.unbind(x, func(o binding) bool {
			return o.toExchange == gone.toExchange && o.to == gone.to && o.key == gone.key && o.args.String() == gone.args.String()
		})
	}
	b.answer(ch, noWait, ok, 0)
	return nil
}

// lastDeclared makes an empty name that of the queue which the channel has declared
// last (1.7.2.1 of class queue).
func (ch *channel) lastDeclared(name *string) *fault {
	if *name == "" {
		if ch.lastQueue == "" {
			return faultf(wire.NotFound, "no previously declared queue")
		}
		*name = ch.lastQueue
	}
	return nil
}

// queueOf finds a queue that the channel may use.
func (b *Broker) queueOf(ch *channel, name string) (*queue, *fault) {
	if f := ch.lastDeclared(&name); f != nil {
		return nil, f
	}
	q := b.queues[name]
	switch {
	case q == nil:
		return nil, noQueue(name)
	case !q.mayUse(ch):
		return nil, q.locked()
	}
	return q, nil
}

func (b *Broker) declareQueue(ch *channel, m *wire.QueueDeclare) *fault {
	name := m.Queue
	if name == "" && !m.Passive {
		name = b.name("amq.gen-")
	}
	q := b.queues[name]
	switch {
	case m.Passive:
		if f := ch.lastDeclared(&name); f != nil {
			return f
		}
		if q = b.queues[name]; q == nil {
			return noQueue(name)
		}
		if !q.mayUse(ch) {
			return q.locked()
		}
	case q == nil && m.Queue != "" && strings.HasPrefix(name, reservedPrefix):
		return reserved("queue", name)
	case q == nil:
		var f *fault
		if q, f = b.newQueue(ch, name, m); f != nil {
			return f
		}
	default:
		if f := q.differs(ch, m); f != nil {
			return f
		}
	}
	ch.lastQueue = name
	q.unusedSince = b.now.Mono
	b.answer(ch, m.NoWait, &wire.QueueDeclareOk{Queue: name, MessageCount: uint32(q.ready.len()), Consumers: uint32(len(q.consumers))}, b.journal.declared(q.journaled()))
	return nil
}

func (b *Broker) newQueue(ch *channel, name string, m *wire.QueueDeclare) (*queue, *fault) {
	l, err := parseLimits(m.Arguments)
	switch {
	case err != nil:
		return nil, faultf(wire.PreconditionFailed, "%s", err.of("queue '"+name+"' in vhost '"+virtualHost+"'"))
	case l.kind == quorum && !m.Durable:
		return nil, faultf(wire.PreconditionFailed, "invalid property 'non-durable' for queue '%s' in vhost '%s'", name, virtualHost)
	case l.kind == quorum && m.Exclusive:
		return nil, faultf(wire.PreconditionFailed, "invalid property 'exclusive-owner' for queue '%s' in vhost '%s'", name, virtualHost)
	case l.kind == quorum && m.AutoDelete:
		return nil, faultf(wire.PreconditionFailed, "invalid property 'auto-delete' for queue '%s' in vhost '%s'", name, virtualHost)
	}
	q := &queue{name: name, durable: m.Durable, exclusive: m.Exclusive, autoDelete: m.AutoDelete, args: m.Arguments, limits: l, nextSeq: 1}
	if m.Exclusive {
		q.owner = ch.conn.id
	}
	b.addQueue(q)
	if q.journaled() {
		b.journal.nextQueue++
		q.id = b.journal.nextQueue
		b.byID[q.id] = q
		b.journal.queueDeclared(q)
	}
	return q, nil
}

func (b *Broker) addQueue(q *queue) {
	b.queues[q.name] = q
	q.unusedSince = b.now.Mono
	i, _ := slices.BinarySearchFunc(b.timed, q, func(a, q *queue) int { return strings.Compare(a.name, q.name) })
	b.timed = slices.Insert(b.timed, i, q)
}

func (q *queue) differs(ch *channel, m *wire.QueueDeclare) *fault {
	differ := func(arg string, got, had bool) *fault {
		return inequivalent(arg, "queue", q.name, quoted(strconv.FormatBool(got)), quoted(strconv.FormatBool(had)))
	}
	if q.exclusive != m.Exclusive || !q.mayUse(ch) {
		return q.locked()
	}
	if m.Durable != q.durable {
		return differ("durable", m.Durable, q.durable)
	}
	if m.AutoDelete != q.autoDelete {
		return differ("auto_delete", m.AutoDelete, q.autoDelete)
	}
	if arg, had, got := inequivalentArgument(q.args, m.Arguments); arg != "" {
		return inequivalent(arg, "queue", q.name, got, had)
	}
	return nil
}

func (b *Broker) purge(ch *channel, m *wire.QueuePurge) *fault {
	q, f := b.queueOf(ch, m.Queue)
	if f != nil {
		return f
	}
	n := q.ready.len()
	for q.ready.len() > 0 {
		b.forget(q, q.pop())
	}
	b.answer(ch, m.NoWait, &wire.QueuePurgeOk{MessageCount: uint32(n)}, 0)
	return nil
}

func (b *Broker) queueDelete(ch *channel, m *wire.QueueDelete) *fault {
	name := m.Queue
	if f := ch.lastDeclared(&name); f != nil {
		return f
	}
	n := 0
	if q := b.queues[name]; q != nil {
		switch {
		case !q.mayUse(ch):
			return q.locked()
		case m.IfUnused && len(q.consumers) > 0:
			return faultf(wire.PreconditionFailed, "queue '%s' in vhost '%s' in use", name, virtualHost)
		case m.IfEmpty && q.ready.len() > 0:
			return faultf(wire.PreconditionFailed, "queue '%s' in vhost '%s' not empty", name, virtualHost)
		}
		n = q.ready.len()
		b.deleteQueue(q)
	}
	b.answer(ch, m.NoWait, &wire.QueueDeleteOk{MessageCount: uint32(n)}, 0)
	return nil
}

// deleteQueue removes a queue with its messages; its consumers are told that they are
// cancelled (rabbitmq.com/consumer-cancel.html).
func (b *Broker) deleteQueue(q *queue) {
	if q.deleted {
		return
	}
	q.deleted = true
	delete(b.queues, q.name)
	b.timed = slices.DeleteFunc(b.timed, func(x *queue) bool { return x == q })
	for _, c := range slices.Clone(q.consumers) {
		b.forgetConsumer(c)
		if c.ch.conn.capable.cancelNotify {
			b.reply(c.ch.conn, c.ch.number, &wire.BasicCancel{ConsumerTag: c.tag, NoWait: true})
		}
	}
	for q.ready.len() > 0 {
		b.release(q.pop().msg)
	}
	b.unbindAll(false, q.name)
	if q.journaled() {
		delete(b.byID, q.id)
		b.journal.queueDeleted(q)
	}
}
