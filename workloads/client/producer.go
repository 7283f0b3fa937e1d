package client

import (
	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProducerConfig is what a producer is made of.
type ProducerConfig struct {
	Name       string // of the node; names the draws
	Life       uint32 // how often the node has been started before
	Seed       uint64
	Bootstrap  []string // "b1:9092"
	Settings   config.Producer
	Failpoints *failpoint.Set // nil is off
	// FirstSequence is where the sequences of each partition begin in the producer's
	// first epoch, 0 in Kafka: near the largest int32 they soon begin again at 0.
	FirstSequence int32
	// Tags is below the tags of the client's dials, which count up from it: two clients of
	// one machine have theirs far apart.
	Tags machine.Tag
}

// Outcome is what became of records.
type Outcome uint8

// The outcomes.
const (
	Acked    Outcome = iota // acknowledged, as acks asks for
	Rejected                // certainly not in the log
	Unknown                 // in the log or not
)

// String returns the outcome in lower case.
func (o Outcome) String() string { return [...]string{"acked", "rejected", "unknown"}[o] }

// Result says what became of the records of one batch.
type Result struct {
	TP      wire.TP
	Outcome Outcome
	// Base is the offset of the first record, the others follow; -1 if it is
	// not known (acks=0, a duplicate that the broker has forgotten, no success).
	Base int64
	// Why is Kafka's name of the error, or empty.
	Why string
	// PID, Epoch and Seq are those of the last attempt; -1 without idempotence
	// and for what was never sent.
	PID     int64
	Epoch   int16
	Seq     int32
	Records []Record
}

// Sent says what [Producer.Send] did with a record.
type Sent uint8

// What Send says.
const (
	Taken    Sent = iota // a Result will follow
	Blocked              // Kafka's send() would block: metadata or buffer.memory is missing; ask again
	TooLarge             // larger than max.request.size or buffer.memory: never to be sent
	TimedOut             // Kafka's send() has blocked for max.block.ms and throws TimeoutException
	// NotInTransaction: a transactional producer is in none, or it has failed; Kafka's send()
	// throws.
	NotInTransaction
)

// Producer is Kafka's producer as a state machine. The owner calls Step with
// every input, Send as it likes and Run at the end of its own step, looks at
// Results, calls Forget, and reads Deadline.
type Producer struct {
	set        config.Producer
	net        network
	fail       *failpoint.Set
	draw       machine.Draw
	idempotent bool
	order      bool // max.in.flight.requests.per.connection=1

	parts   []*accumulated // in the order in which they were first written to
	waiting []*accumulated // of them, those with batches that wait, in that order; and some without
	doubts  bool           // there may be one with an unresolved sequence
	topics  []*target      // same
	buffer  int64          // left of buffer.memory
	// blockedAt is since when send() blocks; Never while it does not.
	blockedAt machine.Instant
	blocked   bool  // somebody waits for buffer.memory: nothing waits for linger.ms
	pending   int64 // records without a result
	taken     int64 // records since the last step
	id        identity
	txn       transaction
	first     int32 // see ProducerConfig.FirstSequence

	results []Result
	builder wire.Builder
	spare   spare
	due     machine.Instant
}

// target is a topic that is written to.
type target struct {
	meta   *topicMeta
	parts  []*accumulated // by partition; nil until written to
	choice choice
}

// NewProducer returns a producer that has not connected yet.
//
// Idempotence needs acks=all, at most five requests in flight and retries; as in
// Kafka it is off when the other settings do not allow it.
func NewProducer(cfg ProducerConfig) *Producer {
	p := &Producer{set: cfg.Settings, fail: cfg.Failpoints, buffer: cfg.Settings.BufferMemory, first: max(cfg.FirstSequence, 0), due: 0, blockedAt: machine.Never}
	p.draw = machine.NewDraw(cfg.Seed, "client").Of(cfg.Name).With(uint64(cfg.Life))
	s := &p.set
	p.idempotent = s.EnableIdempotence && s.Acks == -1 && s.MaxInFlight <= 5 && s.Retries > 0
	p.order = s.MaxInFlight <= 1
	p.id = identity{pid: -1, epoch: -1}
	p.txn.id = s.TransactionalID
	name := s.ClientID
	if name == "" {
		name = cfg.Name
	}
	p.net.init(netConfig{
		clientID: name, seed: p.draw, bootstrap: cfg.Bootstrap,
		requestTimeout: s.RequestTimeout, retry: s.RetryBackoff, retryMax: s.RetryBackoffMax, metadataMaxAge: s.MetadataMaxAge,
		setup: s.ConnectionSetupTimeout, setupMax: s.ConnectionSetupTimeoutMax,
		table: producerTable(p.txn.id != ""), keys: []int16{wire.Metadata, wire.Produce, wire.InitProducerID},
		reconnect: s.ReconnectBackoff, reconnectMax: s.ReconnectBackoffMax, maxInFlight: max(int(s.MaxInFlight), 1), tags: cfg.Tags,
	})
	p.txn.coordinators[ofTransaction] = newSharingFinder(&p.net, ofTransaction, p.txn.id, p.draw.Of("transaction"))
	return p
}

// Abandon closes the connections of a producer that is not used any more.
func (p *Producer) Abandon(out *machine.Effects) { p.net.abandon(out) }

// Watch makes the producer learn about a topic before it is first written to.
func (p *Producer) Watch(topic string) { p.target(topic) }

func (p *Producer) target(topic string) *target {
	for _, t := range p.topics {
		if t.meta.name == topic {
			return t
		}
	}
	t := &target{meta: p.net.meta.add(topic), choice: newChoice(p.set.PartitionerClass, p.draw.Of("sticky").Of(topic))}
	p.topics = append(p.topics, t)
	return t
}

// Send gives a record to the producer, which chooses its partition. A record
// that is not Taken leaves no trace.
func (p *Producer) Send(now machine.Now, topic string, r Record) (wire.TP, Sent) {
	t := p.target(topic)
	if p.txn.id != "" && p.txn.state != InTransaction {
		return wire.TP{Topic: topic, Partition: -1}, NotInTransaction
	}
	batchSize, alone := int64(p.set.BatchSize), wire.BatchHeaderSize+r.sizeAtMost()
	if alone > int64(p.set.MaxRequestSize) || max(alone, batchSize) > p.set.BufferMemory {
		return wire.TP{Topic: topic, Partition: -1}, TooLarge
	}
	if len(t.meta.parts) == 0 {
		return wire.TP{}, p.block(now.Mono)
	}
	a := p.choose(t, &r, batchSize)
	bytes, took, ok := a.append(now.Mono, &r, batchSize, p.buffer)
	if !ok {
		p.blocked = true
		return wire.TP{}, p.block(now.Mono)
	}
	p.blockedAt = machine.Never
	p.takePart(a)
	if p.fail.OnAbout(failpoint.SmallBatch, a.tp.Topic, uint64(a.tp.Partition)<<32|uint64(len(a.queue)), a.batches) {
		a.queue[len(a.queue)-1].closed = true
	}
	if p.fail.On(failpoint.L02RestartLinger, a.batches) {
		a.queue[len(a.queue)-1].created = now.Mono
	}
	p.buffer -= took
	p.pending++
	p.taken++
	p.wait(a)
	t.choice.wrote(!p.keyed(&r), bytes, batchSize, a.allFull(batchSize), t.meta.parts)
	return a.tp, Taken
}

// block says that send() blocks, or that it has for too long: max.block.ms counts from
// when it was called, for metadata and buffer.memory together.
func (p *Producer) block(now machine.Instant) Sent {
	p.blockedAt = min(p.blockedAt, now)
	if now < p.blockedAt.Add(p.set.MaxBlock) {
		return Blocked
	}
	p.blockedAt = machine.Never
	return TimedOut
}

// keyed reports whether the partition follows from the key. Only Kafka's built-in logic
// knows partitioner.ignore.keys; two classes never look at keys.
func (p *Producer) keyed(r *Record) bool {
	switch p.set.PartitionerClass {
	case config.PartitionerRoundRobin, config.PartitionerUniformSticky:
		return false
	case config.PartitionerSticky:
		return r.Key != nil
	}
	return r.Key != nil && !p.set.PartitionerIgnoreKeys
}

// choose is the partition of a record.
func (p *Producer) choose(t *target, r *Record, batchSize int64) *accumulated {
	parts := t.meta.parts
	if p.keyed(r) {
		a := p.accumulated(t, KeyPartition(r.Key, int32(len(parts))))
		if a.begins(r, batchSize) {
			t.choice.began(a.tp.Partition, parts)
		}
		return a
	}
	a := p.accumulated(t, t.choice.partition(parts))
	if t.choice.moves(a.begins(r, batchSize), a.allFull(batchSize), batchSize, parts) {
		a = p.accumulated(t, t.choice.partition(parts))
	}
	return a
}

func (p *Producer) accumulated(t *target, n int32) *accumulated {
	for int(n) >= len(t.parts) {
		t.parts = append(t.parts, nil)
	}
	if t.parts[n] == nil {
		a := &accumulated{meta: t.meta.parts[n], place: len(p.parts), spare: &p.spare, transactional: p.txn.id != ""}
		a.tp = a.meta.tp
		a.seqs = sequences{pid: -1, epoch: -1, acked: -1, offset: -1}
		t.parts[n] = a
		p.parts = append(p.parts, a)
	}
	return t.parts[n]
}

// Pending is how many records have been taken and have no result yet.
func (p *Producer) Pending() int64 { return p.pending }

// Room is how many bytes of records may be given to the producer before a batch can
// be full or buffer.memory short, whatever their partitions: until then nothing has to
// be done but what [Producer.Deadline] says, and what is due linger.ms after the
// first of them.
func (p *Producer) Room() int64 {
	size := int64(p.set.BatchSize)
	room := min(size, p.buffer-size)
	for _, a := range p.waiting {
		if n := len(a.queue); n > 0 && !a.queue[n-1].closed {
			room = min(room, size-a.queue[n-1].size)
		}
	}
	return room
}

// Results returns what has been decided since Forget was called. The slice is
// valid until then, and so are its Records.
func (p *Producer) Results() []Result { return p.results }

// Forget empties Results.
func (p *Producer) Forget() {
	for i := range p.results {
		p.spare.give(p.results[i].Records)
	}
	clear(p.results)
	p.results = p.results[:0]
}

// Deadline is when the producer next wants Run to be called.
func (p *Producer) Deadline() machine.Instant { return p.due }

// Step takes an input; those that are not about the producer's connections are
// ignored.
func (p *Producer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	p.net.step(now.Mono, in, out)
	p.answers(now.Mono)
}

// Run does what is due: expire, resolve, refresh, send.
func (p *Producer) Run(now machine.Now, out *machine.Effects) {
	out.Work(machine.Work{Records: p.taken})
	p.taken = 0
	p.net.expire(now.Mono, out)
	p.answers(now.Mono)
	p.expire(now.Mono)
	if p.idempotent {
		p.resolve()
		p.bump()
	}
	p.net.refresh(now.Mono, out)
	asked, sent, busy := machine.Never, machine.Never, false
	if p.txn.id == "" {
		asked = p.initProducerID(now.Mono, out)
	} else {
		asked, busy = p.coordinate(now.Mono, out)
	}
	if !busy {
		sent = p.sendAll(now.Mono, out)
	}
	if len(p.txn.echoes) > 0 {
		asked = now.Mono.Add(1)
	}
	p.due = min(asked, sent, p.nextExpiry(), p.net.due())
	if at := p.blockedAt.Add(p.set.MaxBlock); at > now.Mono {
		p.due = min(p.due, at) // whoever waits asks again
	}
}

// answers takes the calls that have ended.
func (p *Producer) answers(now machine.Instant) {
	ended := p.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			p.net.metadataAnswered(now, *o)
		case callProduce:
			p.produced(now, o)
		case callFindCoordinator:
			p.foundCoordinator(now, o)
		case callInitProducerID:
			if p.txn.id == "" {
				p.gotProducerID(now, o)
				continue
			}
			fallthrough
		default:
			p.txnAnswered(now, o)
		}
	}
	release(ended)
}

// initProducerID asks for a producer id when there is none. It returns when it
// should be looked at again.
func (p *Producer) initProducerID(now machine.Instant, out *machine.Effects) machine.Instant {
	switch {
	case !p.idempotent || p.id.pid >= 0 || p.id.asking || len(p.topics) == 0:
		return machine.Never
	case now < p.id.retryAt:
		return p.id.retryAt
	}
	l := p.net.leastLoaded(now, p.draw.Of("init").With(uint64(p.id.attempts)), out)
	if l == nil {
		return machine.Never
	}
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionTimeoutMillis = 1<<31 - 1
	req.ProducerID, req.ProducerEpoch = -1, -1
	p.id.asking = true
	p.net.send(now, &call{what: callInitProducerID, request: req}, l, nil, true, out)
	return machine.Never
}

func (p *Producer) gotProducerID(now machine.Instant, o *outcome) {
	p.id.asking = false
	resp, is := o.body.(*kmsg.InitProducerIDResponse)
	if is && resp.ErrorCode == 0 && resp.ProducerID >= 0 && resp.ProducerEpoch >= 0 {
		p.id.pid, p.id.epoch, p.id.attempts = resp.ProducerID, resp.ProducerEpoch, 0
		p.id.bump = false
		return
	}
	p.id.attempts++
	p.id.retryAt = now.Add(backoff(p.set.RetryBackoff, p.set.RetryBackoffMax, p.id.attempts-1, p.draw.Of("init-backoff").With(uint64(p.id.attempts))))
}
