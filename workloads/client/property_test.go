package client

import (
	"encoding/binary"
	"math"
	"math/bits"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// model is a partition of a dumb broker that keeps Kafka's rules for sequences
// (ProducerAppendInfo.checkSequence) over a log of tickets.
type model struct {
	// lenient lets an unknown producer begin at any sequence, as Kafka does, which
	// has to forget producers; else it has to begin at first. A leader that has seen nothing
	// of a producer then takes the second batch when it has refused the first, which
	// comes behind it, or makes the client begin a new epoch and send both: there
	// Kafka promises neither order nor exactly once.
	lenient   bool
	first     int32
	log       []int64
	producers map[int64]*modelProducer
}

type modelProducer struct {
	epoch  int16
	next   int32
	recent []modelBatch // five, the newest last
}

type modelBatch struct {
	seq, count int32
	base       int64
}

// append takes a batch, or says why not.
func (m *model) append(records wire.Records) (base int64, code int16) {
	h, err := wire.CheckBatch(records)
	if err != nil {
		return -1, wire.CorruptMessage
	}
	if h.ProducerID >= 0 {
		p := m.producers[h.ProducerID]
		if p == nil {
			p = &modelProducer{epoch: h.ProducerEpoch, next: m.first}
			if m.lenient {
				p.next = h.BaseSequence
			}
			m.producers[h.ProducerID] = p
		}
		switch {
		case h.ProducerEpoch < p.epoch:
			return -1, wire.InvalidProducerEpoch
		case h.ProducerEpoch > p.epoch && h.BaseSequence != 0:
			return -1, wire.OutOfOrderSequenceNumber
		case h.ProducerEpoch > p.epoch:
			*p = modelProducer{epoch: h.ProducerEpoch}
		}
		for _, b := range p.recent {
			if b.seq == h.BaseSequence && b.count == h.Count {
				return b.base, 0
			}
		}
		if h.BaseSequence != p.next {
			return -1, wire.OutOfOrderSequenceNumber
		}
		p.next = int32((int64(p.next) + int64(h.Count)) % (1 << 31))
		p.recent = append(p.recent, modelBatch{h.BaseSequence, h.Count, int64(len(m.log))})
		p.recent = p.recent[max(0, len(p.recent)-5):]
	}
	base = int64(len(m.log))
	err = wire.EachRecord(records, func(r *wire.Record) error {
		m.log = append(m.log, int64(binary.BigEndian.Uint64(r.Value)))
		return nil
	})
	if err != nil {
		panic(err)
	}
	return base, 0
}

// world is a producer among brokers that share the models.
type world struct {
	*double
	t      *rapid.T
	p      *Producer
	models []*model
	sent   map[int64]wire.TP // by ticket
	ended  map[int64]Result
	next   int64
}

// fate is what a broker may do with a batch other than to take it and say so.
type fate int

const (
	taken    fate = iota
	hidden        // appended, and answered with an error
	refused       // for now
	fatal         // for good
	leftOut       // appended, and left out of the answer
	numFates = 5
)

var hides = []int16{wire.NotEnoughReplicasAfterAppend, wire.RequestTimedOut, wire.NotLeaderOrFollower, wire.UnknownTopicOrPartition}
var refusals = []int16{wire.NotEnoughReplicas, wire.CorruptMessage}
var finals = []int16{wire.InvalidRecord, wire.MessageTooLarge, wire.InvalidTimestamp}

// serve lets a broker handle its oldest request.
func (w *world) serve(b *standIn, fate func() fate) {
	a := w.oldest(b)
	if a == nil {
		return
	}
	w.judge(a, func(_ int, tp wire.TP, records wire.Records) verdict {
		m, l := w.models[tp.Partition], w.topics["t"][tp.Partition]
		if l.leader != b.id {
			return verdict{code: wire.NotLeaderOrFollower, base: -1}
		}
		switch fate() {
		case hidden:
			if _, code := m.append(records); code == 0 {
				return verdict{code: rapid.SampledFrom(hides).Draw(w.t, "hides"), base: -1}
			}
		case refused:
			return verdict{code: rapid.SampledFrom(refusals).Draw(w.t, "refusal"), base: -1}
		case fatal:
			// A broker that has the batch recognises it before it looks closer.
			if !m.knows(records) {
				return verdict{code: rapid.SampledFrom(finals).Draw(w.t, "final"), base: -1}
			}
		case leftOut:
			m.append(records)
			return verdict{leftOut: true}
		}
		base, code := m.append(records)
		return verdict{code: code, base: base, logStart: 0}
	})
}

func (m *model) knows(records wire.Records) bool {
	known := false
	_ = wire.EachRecord(records, func(r *wire.Record) error {
		for _, ticket := range m.log {
			known = known || ticket == int64(binary.BigEndian.Uint64(r.Value))
		}
		return nil
	})
	return known
}

func (w *world) send() {
	value := binary.BigEndian.AppendUint64(nil, uint64(w.next+1))
	r := Record{Value: value, Ticket: w.next + 1, Time: w.now.Millis()}
	if rapid.Bool().Draw(w.t, "filler") {
		r.Value, r.Filler, r.Identity = nil, 20, bits.ReverseBytes64(uint64(r.Ticket)) // whose value begins the same
	}
	if rapid.Bool().Draw(w.t, "keyed") {
		r.Key = []byte{byte(rapid.IntRange(0, 5).Draw(w.t, "key"))}
	}
	if tp, sent := w.p.Send(machine.Now{Mono: w.now, Wall: w.now}, "t", r); sent == Taken {
		w.next++
		w.sent[w.next] = tp
	}
	w.double.run()
}

func (w *world) results() {
	for _, r := range w.p.Results() {
		for i, rec := range r.Records {
			if old, twice := w.ended[rec.Ticket]; twice {
				w.t.Fatalf("record %d ended as %v and as %v", rec.Ticket, old.Outcome, r.Outcome)
			}
			one := r
			if one.Base >= 0 {
				one.Base += int64(i)
			}
			w.ended[rec.Ticket] = one
		}
	}
	w.p.Forget()
}

func (w *world) someBroker() *standIn {
	return w.broker(rapid.SampledFrom([]string{"b1", "b2"}).Draw(w.t, "broker"))
}

func producerSettings(t *rapid.T) config.Producer {
	s := config.DefaultProducer()
	s.EnableIdempotence = rapid.Bool().Draw(t, "idempotent")
	if !s.EnableIdempotence {
		s.Acks = rapid.SampledFrom([]int16{-1, 1, 0}).Draw(t, "acks")
	}
	s.MaxInFlight = rapid.SampledFrom([]int32{5, 2, 1}).Draw(t, "in flight")
	s.Retries = rapid.SampledFrom([]int32{1<<31 - 1, 3}).Draw(t, "retries")
	s.Linger = rapid.SampledFrom([]time.Duration{0, 5 * time.Millisecond}).Draw(t, "linger")
	s.BatchSize, s.BufferMemory = 120, 1200
	s.DeliveryTimeout, s.RequestTimeout = 2*time.Second, 500*time.Millisecond
	s.RetryBackoff, s.RetryBackoffMax = 10*time.Millisecond, 100*time.Millisecond
	s.ReconnectBackoff, s.ReconnectBackoffMax = 10*time.Millisecond, 100*time.Millisecond
	return s
}

// Whatever brokers answer and connections lose, each record ends once, and its
// end is true of the log; an idempotent producer brings nothing in twice and
// nothing out of order.
func TestProducerTellsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := producerSettings(t)
		w := &world{double: newDouble(t, 2), t: t, sent: map[int64]wire.TP{}, ended: map[int64]Result{}}
		w.topic("t", 2)
		lenient := rapid.Bool().Draw(t, "lenient")
		first := rapid.SampledFrom([]int32{0, 0, math.MaxInt32 - 5, math.MaxInt32}).Draw(t, "first sequence")
		for range 2 {
			w.models = append(w.models, &model{lenient: lenient, first: first, producers: map[int64]*modelProducer{}})
		}
		w.p = NewProducer(ProducerConfig{Name: "p", Seed: 1, Bootstrap: w.addrs(), Settings: s, FirstSequence: first})
		w.client, w.after = w.p, w.results
		w.p.Watch("t")
		w.sawAsk = func(a *ask) {
			if r, is := a.Body.(*kmsg.ProduceRequest); is && r.Acks == 0 {
				w.takeUnasked(a, r)
			}
		}
		w.double.run()
		for range rapid.IntRange(10, 150).Draw(t, "steps") {
			w.act()
		}
		w.finish()
		w.check(s)
	})
}

func (w *world) act() {
	t := w.t
	switch rapid.IntRange(0, 9).Draw(t, "act") {
	case 0, 1, 2:
		w.send()
	case 3, 4, 5:
		w.serve(w.someBroker(), func() fate { return fate(rapid.IntRange(0, numFates-1).Draw(t, "fate")) })
		w.settle()
	case 6:
		w.serve(w.someBroker(), func() fate { return taken })
		w.settle()
	case 7:
		w.advance(w.now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 30, 120, 700}).Draw(t, "ms")) * time.Millisecond))
	case 8:
		l := w.topics["t"][rapid.IntRange(0, 1).Draw(t, "partition")]
		l.leader, l.epoch = 3-l.leader, l.epoch+1
	case 9:
		b := w.someBroker()
		if rapid.Bool().Draw(t, "handled before") {
			w.serve(b, func() fate { return taken })
			w.queue = nil // with the answers
		}
		w.lose(b)
		w.settle()
	}
}

// takeUnasked is a broker that is sent something with acks=0.
func (w *world) takeUnasked(a *ask, r *kmsg.ProduceRequest) {
	for i, p := range r.Topics[0].Partitions {
		if w.topics["t"][p.Partition].leader == a.at.id {
			w.models[p.Partition].append(a.Records[i])
		}
	}
}

// finish lets the brokers behave until nothing is under way.
func (w *world) finish() {
	for range 2_000 {
		for _, b := range []string{"b1", "b2"} {
			w.serve(w.broker(b), func() fate { return taken })
		}
		w.settle()
		if w.p.Pending() == 0 {
			return
		}
		w.advance(w.now.Add(10 * time.Millisecond))
	}
	w.t.Fatalf("%d records have no end", w.p.Pending())
}

func (w *world) check(s config.Producer) {
	t := w.t
	if w.p.buffer != s.BufferMemory {
		t.Fatalf("%d of %d bytes of buffer.memory are free at the end", w.p.buffer, s.BufferMemory)
	}
	once := w.p.idempotent && !w.models[0].lenient
	ordered := once || s.MaxInFlight == 1 && s.Acks != 0
	seen := map[int64]int{}
	for n, m := range w.models {
		last := int64(0)
		for off, ticket := range m.log {
			tp := wire.TP{Topic: "t", Partition: int32(n)}
			if w.sent[ticket] != tp {
				t.Fatalf("record %d is in %v, was sent to %v", ticket, tp, w.sent[ticket])
			}
			if seen[ticket]++; once && seen[ticket] > 1 {
				t.Fatalf("record %d twice in %v: %v", ticket, tp, m.log)
			}
			if seen[ticket] > 1 {
				continue // sent again, and its first time is what counts
			}
			if ordered && ticket < last {
				t.Fatalf("record %d comes after %d in %v at %d: %v", ticket, last, tp, off, m.log)
			}
			last = ticket
		}
	}
	for ticket := int64(1); ticket <= w.next; ticket++ {
		r, ended := w.ended[ticket]
		switch {
		case !ended:
			t.Fatalf("record %d has no end", ticket)
		case r.TP != w.sent[ticket]:
			t.Fatalf("record %d ended in %v, was sent to %v", ticket, r.TP, w.sent[ticket])
		case r.Outcome == Rejected && seen[ticket] > 0:
			t.Fatalf("record %d was rejected (%s) and is in the log", ticket, r.Why)
		case r.Outcome == Acked && s.Acks != 0 && seen[ticket] == 0:
			t.Fatalf("record %d was acknowledged and is not in the log", ticket)
		case r.Base >= 0 && w.models[r.TP.Partition].log[r.Base] != ticket:
			t.Fatalf("record %d was acknowledged at %d of %v", ticket, r.Base, w.models[r.TP.Partition].log)
		}
	}
}
