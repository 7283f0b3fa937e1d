package queue

import (
	"maps"
	"slices"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// Broker is one node with all its exchanges and queues.
type Broker struct {
	cfg   Config
	files machine.Files
	err   error // why it serves no more, until its next life

	exchanges  map[string]*exchange
	queues     map[string]*queue
	byID       map[uint64]*queue // durable ones: by their number in the journal
	timed      []*queue          // those that something may expire in, by name
	touched    []*queue          // to be looked at before the step ends
	dead       []deadLetter      // to be published before the step ends
	settling   []*queue          // have settled something in this step
	confirming []*channel        // have published and not been confirmed
	names      uint64            // given to queues and consumers

	conns  map[machine.ConnID]*conn
	list   []*conn // the same, oldest first
	active []*conn // have something to send, in the order in which they got it

	journal journal
	memory  int64 // bytes of the messages that are held
	alarm   bool  // memory is above its watermark

	counts   Counts
	now      machine.Now
	out      *machine.Effects
	deadline machine.Instant
}

// Counts says what a broker has done in this life, for audits and reports.
type Counts struct {
	Published, Unroutable, Delivered, Acked, Requeued int64
	DeadLettered, Expired, DroppedHead, Rejected      int64
	Recovered                                         int64 // messages found at start
	TornTail                                          bool  // recovery has cut the journal
}

// New returns a broker that has not been started.
func New(cfg Config) *Broker {
	cfg.Settings.setDefaults()
	b := &Broker{
		cfg:       cfg,
		exchanges: make(map[string]*exchange),
		queues:    make(map[string]*queue),
		byID:      make(map[uint64]*queue),
		conns:     make(map[machine.ConnID]*conn),
		deadline:  machine.Never,
	}
	for _, name := range predeclared {
		b.exchanges[name.name] = &exchange{name: name.name, kind: name.kind, durable: true, predeclared: true}
	}
	return b
}

// Err is why the broker has given up, such as a disk that failed; nil if it has not.
// It then serves nobody until it is started again.
func (b *Broker) Err() error { return b.err }

// Counts says what the broker has done in this life.
func (b *Broker) Counts() Counts { return b.counts }

// Queues are the names of all queues, sorted.
func (b *Broker) Queues() []string { return slices.Sorted(maps.Keys(b.queues)) }

// Depth is how many messages of a queue are ready and how many are delivered and not
// settled; ok is false if there is no such queue.
func (b *Broker) Depth(name string) (ready, unacked int, ok bool) {
	q, ok := b.queues[name]
	if !ok {
		return 0, 0, false
	}
	return q.ready.len(), q.unacked, true
}

// Deadline is when the broker next wants a Tick.
func (b *Broker) Deadline() machine.Instant { return b.deadline }

// Step is [machine.Machine]'s.
func (b *Broker) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	b.now, b.out, b.journal.now = now, out, now.Mono
	if b.err != nil {
		if in.Kind == machine.Accepted {
			out.Close(in.Conn)
		}
		return
	}
	b.input(in)
	if b.err == nil {
		b.expire()
		b.settleStep()
	}
	b.out = nil
}

func (b *Broker) input(in *machine.Input) {
	switch in.Kind {
	case machine.Start:
		b.files = in.Files
		if err := b.recover(); err != nil {
			b.fail(err)
		}
	case machine.Accepted:
		b.accepted(in.Conn)
	case machine.Received:
		if c := b.conns[in.Conn]; c != nil {
			b.received(c, in.Frame)
		}
	case machine.Drained:
		if c := b.conns[in.Conn]; c != nil {
			c.clogged = false
			b.unblockConsumers(c)
		}
	case machine.Closed:
		if c := b.conns[in.Conn]; c != nil && in.Conn != 0 {
			b.drop(c)
		}
	case machine.DiskDone:
		if err := b.journal.synced(in.Tag, in.Err); err != nil {
			b.fail(err)
		}
	}
}

// expire does what is due by the clock.
func (b *Broker) expire() {
	for _, c := range slices.Clone(b.list) {
		if c.due() <= b.now.Mono {
			b.expireConn(c)
		}
	}
	for _, q := range slices.Clone(b.timed) {
		if b.now.Mono >= q.unusedSince.Add(q.limits.expires) && q.limits.expires > 0 && len(q.consumers) == 0 {
			b.deleteQueue(q)
			continue
		}
		if q.due() <= b.now.Mono {
			b.touch(q)
		}
	}
}

// settleStep ends a step: queues deliver what they can, what has died is published
// elsewhere, acknowledgements are written, and what may leave leaves.
func (b *Broker) settleStep() {
	for more := true; more && b.err == nil; {
		b.workAll()
		b.writeSettled()
		b.flow()
		b.confirm()
		b.journal.commit(b)
		more = b.flush()
	}
	if b.err == nil {
		for _, c := range b.list {
			c.sent = 0
		}
		b.deadline = b.nextDeadline()
	}
}

// workAll has queues work and dead letters published until nothing is left to do.
func (b *Broker) workAll() {
	for len(b.touched) > 0 || len(b.dead) > 0 {
		if len(b.touched) > 0 {
			q := b.touched[0]
			b.touched = slices.Delete(b.touched, 0, 1)
			q.touched = false
			b.work(q)
			continue
		}
		d := b.dead[0]
		b.dead = slices.Delete(b.dead, 0, 1)
		b.publishDead(&d)
	}
}

func (b *Broker) nextDeadline() machine.Instant {
	at := b.journal.due()
	for _, q := range b.timed {
		at = min(at, q.due())
	}
	for _, c := range b.list {
		at = min(at, c.due())
	}
	return at
}

// touch has a queue looked at before the step ends.
func (b *Broker) touch(q *queue) {
	if !q.touched && !q.deleted {
		q.touched = true
		b.touched = append(b.touched, q)
	}
}

// fail gives up: a broker that cannot believe its disk can promise nothing.
func (b *Broker) fail(err error) {
	if b.err != nil {
		return
	}
	b.err = err
	for _, c := range b.list {
		b.out.Close(c.id)
	}
	clear(b.conns)
	b.list, b.touched, b.dead, b.active, b.confirming, b.settling = nil, nil, nil, nil, nil, nil
	b.deadline = machine.Never
}

// name is a name that nobody else has been given: the seed, the node, its life and a
// number make it.
func (b *Broker) name(prefix string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b.names++
	name := []byte(prefix)
	draw := machine.NewDraw(b.cfg.Seed, "queue-name").Of(b.cfg.Name).With(uint64(b.cfg.Life)).With(b.names)
	for i := range uint64(22) {
		name = append(name, letters[draw.With(i).N(64)])
	}
	return string(name)
}

// ident names a frame that is about no message.
func (b *Broker) ident(m wire.Method) machine.Ident {
	class := wire.Class(wire.IDOf(m))
	return machine.Ident{Class: class, Key: machine.NewDraw(0, "amqp-broker").Of(b.cfg.Name).With(uint64(class)).Uint64()}
}
