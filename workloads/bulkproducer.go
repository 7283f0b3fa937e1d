package workloads

import (
	"encoding/binary"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// Witness is told what becomes of the records of a bulk load. A record is known by
// its producer's place and its number, which the witness gives.
type Witness interface {
	// Due tells of records that are due from now on, sent or not.
	Due(n int64)
	// Sent tells of a record that a client has taken and returns its number.
	Sent(producer int, due, sent machine.Instant) (number uint64)
	// Died tells that a producer has died: nobody will know what became of the records
	// without an outcome.
	Died(producer int)
	// Settled tells what became of the records of a batch, whose tickets are their
	// numbers.
	Settled(producer int, now machine.Instant, r *client.Result)
	// Read tells of a record that a member of a group has done with. A producer of -1
	// is none: the record is none of this load.
	Read(group int, now machine.Instant, tp wire.TP, offset int64, producer int, number uint64)
}

// BulkProducerConfig is what a producer of a bulk load is made of.
type BulkProducerConfig struct {
	Place     int    // among the producers of the load
	Name      string // of the node; names the draws
	Life      uint32
	Seed      uint64
	Bootstrap []string
	Settings  config.Producer

	Topic       string
	Arrivals    Arrivals
	Keys        Keys
	Sizes       Sizes // of values; what is below an identity is as large as that
	From, Until machine.Instant

	Witness    Witness
	Failpoints *failpoint.Set
}

// BulkProducer is a service that publishes very many records to one topic.
// It does the same as [Producer] at a fraction of its cost, and its records go into no
// history: a [Witness] sees them.
//
// It is not woken for each record. What is due between two of its steps joins its
// batches at the next step as of its own due time, and that step comes no later than
// any batch could be full or have waited for linger.ms.
type BulkProducer struct {
	cfg    BulkProducerConfig
	client *client.Producer

	arrivals *Due
	keys     *KeyDraw
	sizes    *SizeDraw
	started  bool
	ahead    waiting // due times that have been drawn, of records not given to the client
	told     int     // of those ahead, how many the witness knows to be due
	counter  uint64
	blocked  bool
	stopped  bool
	due      machine.Instant
}

// NewBulkProducer returns one life of the service, which counts on where the one
// before has ended; nil if it is the first.
func NewBulkProducer(cfg BulkProducerConfig, before *BulkProducer) *BulkProducer {
	p := &BulkProducer{cfg: cfg}
	p.client = client.NewProducer(client.ProducerConfig{
		Name: cfg.Name, Life: cfg.Life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings, Failpoints: cfg.Failpoints,
	})
	p.client.Watch(cfg.Topic)
	p.keys = NewKeyDraw(cfg.Keys, p.draw("keys"))
	p.sizes = NewSizeDraw(cfg.Sizes, p.draw("sizes"))
	if before != nil {
		p.counter = before.counter
	}
	return p
}

// draw begins the draws of this life for a purpose.
func (p *BulkProducer) draw(purpose string) machine.Draw {
	return machine.NewDraw(p.cfg.Seed, purpose).Of(p.cfg.Name).With(uint64(p.cfg.Life))
}

// Step is one step of the machine.
func (p *BulkProducer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if !p.started {
		p.started = true
		if p.cfg.Life > 0 {
			p.cfg.Witness.Died(p.cfg.Place)
		}
		p.arrivals = p.cfg.Arrivals.Start(max(p.cfg.From, now.Mono), p.draw("arrivals"))
	}
	p.client.Step(now, in, out)
	freed := p.settle(now.Mono)
	p.tell(now.Mono)
	p.send(now)
	p.client.Run(now, out)
	freed = p.settle(now.Mono) || freed
	p.due = p.wake(now.Mono, freed)
}

// Deadline is when the machine next wants a Tick.
func (p *BulkProducer) Deadline() machine.Instant { return p.due }

// Pending is how many records are due and have no outcome yet.
func (p *BulkProducer) Pending() int64 { return p.client.Pending() + int64(p.told) }

// Done reports whether nothing will be due any more and everything has its outcome.
func (p *BulkProducer) Done() bool {
	return p.started && p.Pending() == 0 && (p.stopped || p.ahead.len() == 0 && p.arrivals.Peek() >= p.cfg.Until)
}

// GiveUp has the service forget what it could not give to its client, as one that is
// stopped does: those records were never sent.
func (p *BulkProducer) GiveUp() {
	p.stopped = true
	p.ahead, p.told = waiting{}, 0
}

// look draws due times until n of them lie ahead, or there are no more.
func (p *BulkProducer) look(n int) {
	for !p.stopped && p.ahead.len() < n && p.arrivals.Peek() < p.cfg.Until {
		p.ahead.add(p.arrivals.Next())
	}
}

// tell draws what is due by now and tells the witness.
func (p *BulkProducer) tell(now machine.Instant) {
	before := p.told
	for {
		if p.told == p.ahead.len() {
			if p.look(p.told + 1); p.told == p.ahead.len() {
				break
			}
		}
		if p.ahead.at(p.told) > now {
			break
		}
		p.told++
	}
	if p.told > before {
		p.cfg.Witness.Due(int64(p.told - before))
	}
}

// send gives the client what is due, each record as of its due time unless it had to
// wait for the client: then as of now.
func (p *BulkProducer) send(now machine.Now) {
	for p.told > 0 {
		due, _ := p.ahead.first()
		at := due
		if p.blocked || due > now.Mono {
			at = now.Mono
		}
		r := p.record(at, now)
		switch _, sent := p.client.Send(machine.Now{Mono: at, Wall: now.Wall}, p.cfg.Topic, r); sent {
		case client.Blocked, client.TimedOut: // after max.block.ms the service tries again
			if p.blocked = true; at == now.Mono {
				return
			}
			continue // and once more, as of now
		case client.TooLarge:
			panic("workloads: a bulk load of records that are larger than max.request.size") // who planned it has looked
		}
		p.cfg.Witness.Sent(p.cfg.Place, due, at)
		p.blocked = false
		p.counter++
		p.ahead.drop()
		p.told--
	}
}

// record is the next record. Its number is its ticket: the witness counts as this
// producer does.
func (p *BulkProducer) record(at machine.Instant, now machine.Now) client.Record {
	r := client.Record{Filler: int32(p.size(p.counter)), Identity: bulkIdentity(p.cfg.Place, p.counter),
		Ticket: int64(p.counter), Time: (now.Wall - (now.Mono - at)).Millis()}
	if key := p.keys.Draw(p.counter); key != noKey {
		r.Key = binary.BigEndian.AppendUint64(nil, uint64(key))
	}
	return r
}

// size is that of the n-th value.
func (p *BulkProducer) size(n uint64) int64 { return max(p.sizes.Draw(n), bulkValue) }

// settle hands on what the client has decided.
func (p *BulkProducer) settle(now machine.Instant) bool {
	results := p.client.Results()
	for i := range results {
		p.cfg.Witness.Settled(p.cfg.Place, now, &results[i])
		if p.cfg.Arrivals.Process == Closed {
			for range results[i].Records {
				p.arrivals.Ended(now)
			}
		}
	}
	p.client.Forget()
	return len(results) > 0
}

// wake is when something has to happen next.
func (p *BulkProducer) wake(now machine.Instant, freed bool) machine.Instant {
	due := p.client.Deadline()
	if p.told > 0 { // the client has no room
		if freed {
			return now
		}
		return due
	}
	// The record that could fill a batch, and that which could begin one.
	n := p.fills(p.client.Room())
	p.look(n)
	if p.ahead.len() == 0 {
		return due
	}
	first, _ := p.ahead.first()
	return min(due, first.Add(p.cfg.Settings.Linger), p.ahead.at(min(n, p.ahead.len())-1))
}

// fills is how many of the next records could fill a batch that has so much room.
func (p *BulkProducer) fills(room int64) int {
	if p.cfg.Sizes.Dist == FixedSize {
		return int(min(max(room/(p.size(0)+bulkOverhead), 1), mostAhead))
	}
	n := 0
	for n < mostAhead && (n == 0 || room > 0) {
		room -= p.size(p.counter+uint64(n)) + bulkOverhead
		n++
	}
	return n
}

// bulkOverhead is at least what a record takes beside its value: a key of eight bytes
// and the lengths. Who wakes too early wakes once more.
const bulkOverhead = 40

// mostAhead bounds how many due times are drawn in advance.
const mostAhead = 1 << 16

// What the identity of a bulk record's value says: producer and number. The value
// itself is filler.
const (
	bulkValue  = machine.FillerIdentity
	bulkNumber = 48 // bits
)

func bulkIdentity(producer int, number uint64) uint64 {
	return uint64(producer+1)<<bulkNumber | number
}

// readBulk is the inverse; the producer is -1 for what is no such value.
func readBulk(size int64, identity uint64) (producer int, number uint64) {
	if size < bulkValue {
		return -1, 0
	}
	return int(identity>>bulkNumber) - 1, identity & (1<<bulkNumber - 1)
}
