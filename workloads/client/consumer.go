package client

import (
	"slices"
	"strings"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// ConsumerConfig is what a consumer is made of.
type ConsumerConfig struct {
	Name       string // of the node; names the draws
	Life       uint32 // how often the node has been started before
	Seed       uint64
	Bootstrap  []string // "b1:9092"
	Settings   config.Consumer
	Failpoints *failpoint.Set // nil is off
	// Bulk has the consumer hand over what it reads as stretches of whole batches,
	// without looking into them: [Polled.Stretches].
	Bulk bool
	// Batches has the consumer tell of every batch of a producer that it reads, markers too:
	// [FetchPart.Batches].
	Batches bool
	// Tags is as in [ProducerConfig].
	Tags machine.Tag
}

// Assignment is a partition to read and where to begin.
type Assignment struct {
	TP     wire.TP
	Offset int64 // -1: auto.offset.reset decides
	Epoch  int32 // leader epoch of the record before Offset; -1 if not known
}

// Fetched is one record as it was read. Its slices point into the frame.
type Fetched struct {
	Offset     int64
	Time       int64 // ms
	Epoch      int32 // leader epoch of its batch
	Key, Value []byte
}

// Fetch is one Fetch request, from its leaving to its end.
type Fetch struct {
	Op     int64  // the caller's own
	Broker string // "b1"
	Lost   bool   // without an answer: the parts say only what was asked
	Parts  []FetchPart
}

// FetchPart is one partition of a Fetch.
type FetchPart struct {
	TP    wire.TP
	From  int64 // the offset asked for
	Epoch int32 // the leader epoch that was asked of; brokers refuse any other

	// Of the answer; Code is Kafka's error, and the rest is set if it is 0.
	Code                         int16
	HighWatermark, LSO, LogStart int64
	Next                         int64 // the offset after what was read
	Records                      []Fetched
	Stretches                    []Stretch // of a Bulk consumer, in place of Records
	Batches                      []Batch   // of a consumer that was asked to tell of them
	// Stale says that the partition had moved on meanwhile, so that the
	// consumer did not take the records: it was taken away, or another leader
	// is known, against whose log the position has to be checked first.
	Stale bool

	to   *assigned
	left bool // out of the answer, so far
}

// Listing is one ListOffsets request, from its leaving to its end.
type Listing struct {
	Op     int64 // the caller's own
	Broker string
	Spec   string // earliest or latest
	Lost   bool
	Parts  []ListPart
}

// ListPart is one partition of a Listing.
type ListPart struct {
	TP     wire.TP
	Epoch  int32 // the leader epoch that was asked of
	Code   int16
	Offset int64 // if Code is 0
}

// Move says that a position was changed by something else than reading.
type Move struct {
	TP wire.TP
	// From is -1 when there was no position before.
	From, To int64
	Epoch    int32 // of the new position; -1 if not known
	// Truncated says that the log was found to have been truncated below From
	// (KIP-320); else auto.offset.reset decided.
	Truncated bool
}

// Polled is what one partition contributes to a poll.
type Polled struct {
	TP      wire.TP
	Records []Fetched
	// Stretches take the place of Records if the consumer is a Bulk one. They are
	// valid until the next poll; what they point to stays.
	Stretches []Stretch
	Next      int64 // the position after them
	Epoch     int32 // and its leader epoch
}

type fetchState uint8

const (
	resetting  fetchState = iota // position not known: ListOffsets
	validating                   // position of another leader epoch: OffsetForLeaderEpoch
	fetching
	stopped // auto.offset.reset=none, and there is no position
	initial // of a member of a group: what it has committed is not known yet
)

// assigned is a partition that is read.
type assigned struct {
	tp    wire.TP
	meta  *partMeta // nil until known
	state fetchState

	offset    int64 // next to be handed over
	epoch     int32 // leader epoch of the record before it; -1 not known
	validated int32 // the leader epoch for which the position is known to be valid

	// outOfRange is the leader epoch that said so of the position, before the
	// position has been checked against its log; -1 none.
	outOfRange int32

	busy     bool // a request about it is under way
	retryAt  machine.Instant
	fails    uint32
	failedAt int32 // leader epoch of the last failure: another one need not wait

	buffer    []Fetched // read and not yet handed over
	stretches []Stretch // same, of a Bulk consumer
	next      int64     // position once the buffer is empty
	nextEp    int32
	askEnd    bool // List was called

	paused bool  // Pause was called
	began  int64 // where the last fetch that gave records began
}

// Consumer is Kafka's consumer by assignment as a state machine. The owner calls
// Step with every input and Run at the end of its own step. After each of the two
// it looks at Fetches, Listings and Moves and calls Forget; after Run, at Sent and
// Deadline. It calls Poll before Run as it likes.
type Consumer struct {
	set   config.Consumer
	bulk  bool
	net   network
	fail  *failpoint.Set
	draw  machine.Draw
	parts []*assigned // in the order in which the next fetch asks for them

	fetches  []*Fetch
	listings []*Listing
	moves    []Move

	spare        []*Fetch // forgotten, to be used again
	leftFetches  []*Fetch
	leftListings []*Listing
	polled       []Polled
	aborted      aborted // of the answer that is being read
	batches      bool    // see ConsumerConfig.Batches
	gathered     []*assigned
	worked       machine.Work // since the last step
	corrupt      int64
	due          machine.Instant

	group *GroupConsumer // that this is the fetching part of, if any
}

// NewConsumer returns a consumer without an assignment that has not connected
// yet.
func NewConsumer(cfg ConsumerConfig) *Consumer {
	return newConsumer(cfg, consumerTable(), 0, nil)
}

// newConsumer is for one that speaks what a table has, keys beside the usual among it.
func newConsumer(cfg ConsumerConfig, table *wire.Table, coordinators int, keys []int16) *Consumer {
	c := &Consumer{set: cfg.Settings, bulk: cfg.Bulk, batches: cfg.Batches, fail: cfg.Failpoints, due: 0}
	c.draw = machine.NewDraw(cfg.Seed, "client").Of(cfg.Name).With(uint64(cfg.Life))
	s := &c.set
	name := s.ClientID
	if name == "" {
		name = cfg.Name
	}
	c.net.init(netConfig{
		clientID: name, seed: c.draw, bootstrap: cfg.Bootstrap,
		requestTimeout: s.RequestTimeout, retry: s.RetryBackoff, retryMax: s.RetryBackoffMax, metadataMaxAge: s.MetadataMaxAge,
		setup: s.ConnectionSetupTimeout, setupMax: s.ConnectionSetupTimeoutMax,
		table: table, keys: append([]int16{wire.Metadata, wire.Fetch, wire.ListOffsets, wire.OffsetForLeaderEpoch}, keys...), coordinators: coordinators,
		reconnect: s.ReconnectBackoff, reconnectMax: s.ReconnectBackoffMax,
		maxInFlight: 100, // Kafka's consumer
		tags:        cfg.Tags,
	})
	return c
}

// Abandon closes the connections of a consumer that is not used any more.
func (c *Consumer) Abandon(out *machine.Effects) { c.net.abandon(out) }

// Assign adds partitions to read. A partition that is assigned already stays
// where it is.
func (c *Consumer) Assign(as ...Assignment) {
	for _, x := range as {
		if c.find(x.TP) != nil {
			continue
		}
		a := &assigned{tp: x.TP, offset: x.Offset, epoch: x.Epoch, validated: -1, outOfRange: -1, failedAt: -1, state: fetching}
		if x.Offset < 0 {
			a.offset, a.epoch = -1, -1
			c.reset(a)
		}
		c.parts = append(c.parts, a)
		c.net.meta.add(x.TP.Topic)
	}
}

// Unassign stops reading a partition. What is under way for it comes back as
// Stale.
func (c *Consumer) Unassign(tp wire.TP) {
	for i, a := range c.parts {
		if a.tp == tp {
			a.state, a.askEnd = stopped, false
			a.drop()
			c.parts = slices.Delete(c.parts, i, i+1)
			return
		}
	}
}

// Pause has a partition not be read any more, and what was read of it not be handed over,
// until Resume.
func (c *Consumer) Pause(tp wire.TP) {
	if a := c.find(tp); a != nil {
		a.paused = true
	}
}

// Resume ends a Pause, where it began.
func (c *Consumer) Resume(tp wire.TP) {
	a := c.find(tp)
	if a == nil || !a.paused {
		return
	}
	a.paused = false
	if a.state == fetching && a.offset > a.began && a.began >= 0 && c.fail.On(failpoint.F11RewindOnResume, uint64(tp.Partition)) {
		a.offset, a.epoch = a.began, -1
		a.drop()
	}
}

// Paused reports whether a partition is paused.
func (c *Consumer) Paused(tp wire.TP) bool {
	a := c.find(tp)
	return a != nil && a.paused
}

// List asks for the end of a partition that is assigned; a Listing follows, and
// after one that failed another.
func (c *Consumer) List(tp wire.TP) {
	if a := c.find(tp); a != nil {
		a.askEnd = true
	}
}

func (c *Consumer) find(tp wire.TP) *assigned {
	for _, a := range c.parts {
		if a.tp == tp {
			return a
		}
	}
	return nil
}

// Position is the next offset of a partition to be handed over and the leader
// epoch of the record before it; -1 while they are not known.
func (c *Consumer) Position(tp wire.TP) (offset int64, epoch int32) {
	if a := c.find(tp); a != nil {
		return a.offset, a.epoch
	}
	return -1, -1
}

// Fetched is the position after everything that was fetched of a partition, handed
// over or not: see [Consumer.Position].
func (c *Consumer) Fetched(tp wire.TP) (offset int64, epoch int32) {
	if a := c.find(tp); a != nil && !a.empty() {
		return a.next, a.nextEp
	}
	return c.Position(tp)
}

// Stopped reports whether a partition is assigned and not read any more, since
// it has no valid position and auto.offset.reset=none: Kafka's consumer throws
// NoOffsetForPartitionException, OffsetOutOfRangeException or
// LogTruncationException then.
func (c *Consumer) Stopped(tp wire.TP) bool {
	a := c.find(tp)
	return a != nil && a.state == stopped
}

// Buffered is how many records have been read and not been handed over.
func (c *Consumer) Buffered() int {
	n := 0
	for _, a := range c.parts {
		n += a.buffered()
	}
	return n
}

// Corrupt counts the answers whose batches failed their checks.
func (c *Consumer) Corrupt() int64 { return c.corrupt }

// Forget empties Fetches, Listings and Moves. The fetches are used again; their records
// stay.
func (c *Consumer) Forget() {
	for _, f := range c.fetches {
		clear(f.Parts)
		f.Parts = f.Parts[:0]
	}
	c.spare = append(c.spare, c.fetches...)
	clear(c.fetches)
	clear(c.listings)
	c.fetches, c.listings, c.moves = c.fetches[:0], c.listings[:0], c.moves[:0]
}

// Fetches returns the fetches that have ended since Forget was called.
func (c *Consumer) Fetches() []*Fetch { return c.fetches }

// Listings returns the listings that have ended since Forget was called.
func (c *Consumer) Listings() []*Listing { return c.listings }

// Moves returns how positions were moved since Forget was called.
func (c *Consumer) Moves() []Move { return c.moves }

// Sent returns what left in the last call of Run: the caller may give each its
// Op.
func (c *Consumer) Sent() ([]*Fetch, []*Listing) { return c.leftFetches, c.leftListings }

// Deadline is when the consumer next wants Run to be called.
func (c *Consumer) Deadline() machine.Instant { return c.due }

// Poll hands over at most limit records of what has been read, in the order of
// the partitions, each partition's in the order of its log, and moves the
// positions. The slice is valid until the next call; the records stay.
func (c *Consumer) Poll(limit int32) []Polled {
	c.polled = c.polled[:0]
	for _, a := range c.parts {
		if limit > 0 && !a.empty() && !a.paused {
			x := a.take(limit)
			limit -= x.count()
			c.worked.Records += int64(x.count())
			c.polled = append(c.polled, x)
		}
	}
	return c.polled
}

// Step takes an input; those that are not about the consumer's connections are
// ignored.
func (c *Consumer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	c.net.step(now.Mono, in, out)
	c.answers(now.Mono)
}

// Run does what is due: expire, refresh, look up positions, fetch.
func (c *Consumer) Run(now machine.Now, out *machine.Effects) {
	clear(c.leftFetches)
	clear(c.leftListings)
	c.leftFetches, c.leftListings = c.leftFetches[:0], c.leftListings[:0]

	c.net.expire(now.Mono, out)
	c.answers(now.Mono)
	c.net.refresh(now.Mono, out)
	waits := machine.Never
	if c.group != nil {
		waits = c.group.run(now.Mono, out)
	}
	waits = min(waits, c.lookAt(now.Mono, out))
	c.due = min(waits, c.net.due())
	out.Work(c.worked)
	c.worked = machine.Work{}
}

// answers takes the calls that have ended.
func (c *Consumer) answers(now machine.Instant) {
	ended := c.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			c.net.metadataAnswered(now, *o)
		case callFetch:
			c.fetched(now, o)
		case callListOffsets:
			c.listed(now, o)
		case callEpochEnd:
			c.validatedBy(now, o)
		default:
			c.group.answered(now, o)
		}
	}
	release(ended)
}

// failed makes a partition wait before it is asked about again, unless its
// leader epoch changes first.
func (c *Consumer) failed(now machine.Instant, a *assigned) {
	jitter := c.draw.Of("partition").Of(a.tp.Topic).With(uint64(a.tp.Partition)).With(uint64(a.fails))
	a.retryAt = now.Add(backoff(c.set.RetryBackoff, c.set.RetryBackoffMax, a.fails, jitter))
	a.fails++
	if a.meta != nil {
		a.failedAt = a.meta.epoch
	}
}

func host(addr string) string {
	name, _, _ := strings.Cut(addr, ":")
	return name
}
