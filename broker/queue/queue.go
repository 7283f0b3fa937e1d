package queue

import (
	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
)

type instant = machine.Instant

// message is what was published, once, however many queues hold it.
type message struct {
	exchange   string
	keys       []string // routing keys
	props      wire.Properties
	body       machine.Bytes
	persistent bool
	refs       int      // queues and dead letters that hold it
	segment    *segment // of the journal where it stands last; nil: in none
}

func (m *message) key() string { return m.keys[0] }

// ident names frames about the message; those without an id are told apart by their
// queue and place.
func (m *message) ident(q *queue, seq uint64) uint64 {
	if m.props.MessageID != "" {
		return wire.MessageKey(m.props.MessageID)
	}
	return machine.NewDraw(0, "amqp-place").Of(q.name).With(seq).Uint64()
}

// queue is one queue.
type queue struct {
	name                           string
	id                             uint64 // in the journal; 0: it is not there
	durable, exclusive, autoDelete bool
	owner                          machine.ConnID // of an exclusive queue
	args                           wire.Table
	limits                         limits

	ready    ready
	returned int // how many at the head are what a quorum queue got back
	nextSeq  uint64
	unacked  int

	consumers    []*consumer // in the order in which they came
	turn         []*consumer // those who may be next: by priority, then round robin
	single       *consumer   // the active one of a queue that has one at a time
	hadConsumers bool
	unusedSince  instant

	marks    []mark   // of the deliveries, in the journal
	settling []uint64 // places of what this step has settled, to be written

	touched, deleted bool
}

// mark says in the journal that messages below a place may have been delivered.
type mark struct {
	below uint64
	at    int64 // durable once the journal is up to there
}

// journaled reports whether the queue and its persistent messages outlive the broker.
func (q *queue) journaled() bool { return q.durable && !q.exclusive }

// mayUse reports whether a channel may use the queue: an exclusive one is for its own
// connection only.
func (q *queue) mayUse(ch *channel) bool { return !q.exclusive || q.owner == ch.conn.id }

func (q *queue) locked() *fault {
	return faultf(wire.ResourceLocked, "cannot obtain exclusive access to locked queue '%s' in vhost '%s'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.", q.name, virtualHost)
}

// due is when something in the queue, or the queue itself, next expires.
func (q *queue) due() instant {
	at := machine.Never
	if q.ready.len() > 0 {
		at = q.ready.first().expires
	}
	if q.limits.expires > 0 && len(q.consumers) == 0 {
		at = min(at, q.unusedSince.Add(q.limits.expires))
	}
	return at
}

func (q *queue) pop() held {
	if q.returned > 0 {
		q.returned--
	}
	return q.ready.pop()
}

// wouldOverflow reports whether one more message is more than the queue may hold
// ready.
func (q *queue) wouldOverflow(m *message) bool {
	l := &q.limits
	return l.maxLength >= 0 && int64(q.ready.len())+1 > l.maxLength || l.maxBytes >= 0 && q.ready.bytes+m.body.Len() > l.maxBytes
}

func (q *queue) overflows() bool {
	l := &q.limits
	return l.maxLength >= 0 && int64(q.ready.len()) > l.maxLength || l.maxBytes >= 0 && q.ready.bytes > l.maxBytes
}

// enqueue puts a message into queues, and into the journal first if it is persistent
// and a queue is durable. It returns the position up to which the journal must be
// durable for the message to be; 0 if it need not.
func (b *Broker) enqueue(m *message, queues []*queue) (after int64) {
	var places []place
	holds := make([]held, len(queues))
	for i, q := range queues {
		holds[i] = held{msg: m, seq: q.nextSeq, expires: b.expiry(q, m)}
		q.nextSeq++
		if m.persistent && q.journaled() {
			holds[i].written = true
			places = append(places, place{queue: q.id, seq: holds[i].seq, expires: b.wall(holds[i].expires)})
		}
	}
	if len(places) > 0 {
		after = b.journal.message(m, places)
	}
	for range queues {
		b.retain(m) // before any of them lets go of it
	}
	for i, q := range queues {
		q.ready.push(holds[i])
		b.work(q)
	}
	return after
}

// expiry is when a message leaves a queue by itself: the lower of its own time to live
// and the queue's (rabbitmq.com/ttl.html).
func (b *Broker) expiry(q *queue, m *message) instant {
	at := machine.Never
	if q.limits.messageTTL >= 0 {
		at = b.now.Mono.Add(q.limits.messageTTL)
	}
	if ttl, given, _ := expiration(&m.props); given {
		at = min(at, b.now.Mono.Add(ttl))
	}
	return at
}

// wall is an instant on the wall clock: what the journal holds must mean something in
// another life.
func (b *Broker) wall(at instant) instant {
	if at == machine.Never {
		return at
	}
	return b.now.Wall.Add(at.Sub(b.now.Mono))
}

// retain and release count who holds a message; memory is what all of them hold.
func (b *Broker) retain(m *message) {
	if m.refs == 0 {
		b.memory += m.body.Len()
	}
	m.refs++
}

func (b *Broker) release(m *message) {
	m.refs--
	if m.refs == 0 {
		b.memory -= m.body.Len()
		b.journal.dropped(m)
	}
}

// forget ends a message in a queue for good.
func (b *Broker) forget(q *queue, h held) {
	if h.written && !q.deleted {
		if len(q.settling) == 0 {
			b.settling = append(b.settling, q)
		}
		q.settling = append(q.settling, h.seq)
	}
	b.release(h.msg)
}

// writeSettled writes what the step has settled into the journal, behind everything
// that was published on account of it.
func (b *Broker) writeSettled() {
	for _, q := range b.settling {
		if !q.deleted {
			b.journal.settled(q, q.settling)
		}
		q.settling = q.settling[:0]
	}
	b.settling = b.settling[:0]
}

// work has a queue do all that it can: expire, deliver, keep to its length.
func (b *Broker) work(q *queue) {
	if q.deleted {
		return
	}
	b.dropExpired(q, b.now.Mono-1)
	for q.ready.len() > 0 {
		c := b.nextConsumer(q)
		if c == nil {
			break
		}
		b.deliver(q, c)
		b.dropExpired(q, b.now.Mono-1)
	}
	b.dropExpired(q, b.now.Mono) // a time to live of 0 is: now or never
	b.dropOverflow(q)
}

// dropExpired removes what has expired from the head; what is behind one that has not
// waits, though its own time is up (rabbitmq.com/ttl.html#per-message-ttl-caveats).
func (b *Broker) dropExpired(q *queue, until instant) {
	for q.ready.len() > 0 && q.ready.first().expires <= until {
		b.counts.Expired++
		b.deadLetter(q, q.pop(), deadExpired)
	}
}

func (b *Broker) dropOverflow(q *queue) {
	for q.limits.overflow == dropHead && q.overflows() && q.ready.len() > 0 {
		b.counts.DroppedHead++
		b.deadLetter(q, q.pop(), deadMaxLength)
	}
}

// deliver gives the first message to a consumer. One that needs no acknowledgement is
// settled by that.
func (b *Broker) deliver(q *queue, c *consumer) {
	ch := c.ch
	h := q.pop()
	tag, after := b.handOver(ch, q, h, c, c.noAck)
	b.sendContent(ch, &wire.BasicDeliver{
		ConsumerTag: c.tag, DeliveryTag: tag, Redelivered: h.redelivered, Exchange: h.msg.exchange, RoutingKey: h.msg.key(),
	}, h.msg, h.properties(q, false), h.msg.ident(q, h.seq), after)
}

// handOver notes that a channel has a message, under which tag, and what must be
// durable before it may leave.
func (b *Broker) handOver(ch *channel, q *queue, h held, c *consumer, noAck bool) (tag uint64, after int64) {
	b.counts.Delivered++
	b.out.Work(machine.Work{Records: 1})
	if h.written {
		after = b.reached(q, h.seq)
	}
	ch.delivered++
	if noAck {
		b.forget(q, h)
		return ch.delivered, after
	}
	if b.cfg.Failpoints.OnAbout(failpoint.Q02SettleOnDelivery, q.name, h.seq, 0) && h.written {
		b.journal.settled(q, []uint64{h.seq})
	}
	ch.unacked = append(ch.unacked, delivered{ch.delivered, q, h, c})
	q.unacked++
	if c != nil {
		c.unacked++
		ch.globalUnacked++
	}
	return ch.delivered, after
}

// properties are those that a consumer sees: a quorum queue adds how often the message
// was given back; to basic.deliver not if it never was.
func (h *held) properties(q *queue, always bool) *wire.Properties {
	if q.limits.kind != quorum || h.deliveries == 0 && !always {
		return &h.msg.props
	}
	p := h.msg.props
	p.Headers = p.Headers.With("x-delivery-count", h.deliveries)
	return &p
}

// deliveriesAhead is how far a mark reaches beyond what is being delivered, so that
// deliveries seldom wait for the disk.
const deliveriesAhead = 512

// reached returns what must be durable before the message at a place may be delivered:
// the mark above it. Only so can recovery set the redelivered flag on everything that
// may have been delivered (rabbitmq.com/reliability.html: without the flag it is
// guaranteed that the message has not been seen before).
func (b *Broker) reached(q *queue, seq uint64) (after int64) {
	top := uint64(0)
	if n := len(q.marks); n > 0 {
		top = q.marks[n-1].below
	}
	if seq+deliveriesAhead/2 >= top {
		below := max(seq, q.nextSeq) + deliveriesAhead
		if len(q.marks) == 3 {
			q.marks = append(q.marks[:0], q.marks[1:]...)
		}
		q.marks = append(q.marks, mark{below, b.journal.delivered(q, below)})
	}
	for _, m := range q.marks {
		if seq < m.below {
			b.journal.await(m.at)
			return m.at
		}
	}
	return b.journal.end
}
