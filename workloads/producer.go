package workloads

import (
	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// ProducerConfig is what a producing service is made of.
type ProducerConfig struct {
	ID   int32  // its process in the history: 1001 for p1001
	Name string // of the node; names the draws
	// Life is how often the node has been started before. A later life is
	// another process, ID + 10000 for each, as Jepsen has it: what the one
	// before had under way stays unknown.
	Life      uint32
	Seed      uint64
	Bootstrap []string // "b1:9092"
	Settings  config.Producer

	Topic    string
	Parts    int32 // of the topic
	Arrivals Arrivals
	Keys     Keys
	Sizes    Sizes // of values; what is below MinValue is as large as that
	From     machine.Instant
	Until    machine.Instant // nothing is due from then on
	// ForkAt, if it is not 0, has what is due after a record that was due then or
	// later drawn from ForkSeed: another future of the same past.
	ForkAt   machine.Instant
	ForkSeed uint64

	Recorder   *history.Recorder
	TPs        func(wire.TP) history.TP
	Failpoints *failpoint.Set // nil is off
	// Tombstones has records with a key that delete it ([history.Deletes]) be tombstones: their
	// topic is compacted.
	Tombstones bool
	// FirstSequence is that of the client.
	FirstSequence int32
}

// Producer is a service that publishes to one topic, open loop: records are due
// when they are due, and one that cannot be sent yet waits, its latency counting.
type Producer struct {
	source
	cfg    ProducerConfig
	client *client.Producer

	head  client.Record // the oldest that waits, once it was tried
	event history.Event
	sends []history.Sent
	due   machine.Instant
}

// valuesOfProcess is what the process number is multiplied with in a record's id,
// so that people can read it: 10010000000498 is record 498 of p1001.
const valuesOfProcess = 10_000_000_000

// lifeStep is what a life adds to the process number.
const lifeStep = 10_000

// NewProducer returns one life of the service.
func NewProducer(cfg ProducerConfig) *Producer {
	p := &Producer{cfg: cfg, source: newSource(Load{
		ID: cfg.ID, Name: cfg.Name, Life: cfg.Life, Seed: cfg.Seed, Arrivals: cfg.Arrivals, Keys: cfg.Keys, Sizes: cfg.Sizes,
		From: cfg.From, Until: cfg.Until, ForkAt: cfg.ForkAt, ForkSeed: cfg.ForkSeed,
	})}
	p.client = client.NewProducer(client.ProducerConfig{
		Name: cfg.Name, Life: cfg.Life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings, Failpoints: cfg.Failpoints, FirstSequence: cfg.FirstSequence,
	})
	p.client.Watch(cfg.Topic)
	p.sends = make([]history.Sent, 0, 1)
	return p
}

// Step is one step of the machine.
func (p *Producer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start {
		p.start(now.Mono)
	}
	p.client.Step(now, in, out)
	p.results(now.Mono)
	p.pass(now.Mono)
	p.send(now)
	p.client.Run(now, out)
	freed := p.results(now.Mono)

	p.due = p.client.Deadline()
	if next := p.next(); next < p.cfg.Until {
		p.due = min(p.due, next)
	}
	if due, some := p.waiting.first(); some {
		p.due = min(p.due, due.Add(p.cfg.Settings.DeliveryTimeout))
		if freed {
			p.due = now.Mono // buffer.memory has become free: try again at once
		}
	}
}

// Deadline is when the machine next wants a Tick.
func (p *Producer) Deadline() machine.Instant { return p.due }

// Pending is how many records are due and have no outcome yet.
func (p *Producer) Pending() int64 { return p.client.Pending() + int64(p.waiting.len()) }

// Done reports whether nothing will be due any more and everything has its
// outcome.
func (p *Producer) Done() bool {
	return p.ended() && p.Pending() == 0
}

func (p *Producer) start(now machine.Instant) {
	p.source.start(now)
	if p.cfg.Life > 0 {
		p.event = history.Event{E: history.Note, F: history.Crash, P: p.process - lifeStep}
		p.cfg.Recorder.Event(&p.event)
	}
}

// send gives the client what waits, in order, as an application does that is
// blocked in send(). What waits longer than max.block.ms there, or than
// delivery.timeout.ms since it was due, is dropped.
func (p *Producer) send(now machine.Now) {
	for due, some := p.waiting.first(); some; due, some = p.waiting.first() {
		r := p.record(now)
		tp, sent := p.client.Send(now, p.cfg.Topic, *r)
		why := ""
		switch {
		case sent == client.TooLarge:
			why = wire.ErrorName(wire.RecordListTooLarge)
		case sent == client.TimedOut:
			why = "send() blocked for max.block.ms"
		case sent == client.Blocked && now.Mono >= due.Add(p.cfg.Settings.DeliveryTimeout):
			why = "send() blocked for delivery.timeout.ms"
		}
		if sent == client.Blocked && why == "" {
			return
		}
		p.drop()
		if why != "" {
			tp = p.wouldGo(r.Key)
		}
		p.invoke(r, tp, due)
		if why != "" {
			p.complete(r, &client.Result{TP: tp, Outcome: client.Rejected, Base: -1, Why: why, PID: -1, Epoch: -1, Seq: -1}, 0)
			p.arrivals.Ended(now.Mono)
		}
		p.head = client.Record{}
	}
}

// record is the next record to be sent, made once however often it is tried.
func (p *Producer) record(now machine.Now) *client.Record {
	if p.head.Value == nil {
		p.head.Key, p.head.Value = p.make()
		p.head.Ticket = p.cfg.Recorder.Op()
		if p.cfg.Tombstones && p.head.Key != nil {
			id, _ := RecordID(p.head.Value)
			p.head.Tombstone = history.Deletes(id)
		}
	}
	p.head.Time = now.Wall.Millis()
	return &p.head
}

// wouldGo names a partition for a record that never got one.
func (p *Producer) wouldGo(key []byte) wire.TP {
	tp := wire.TP{Topic: p.cfg.Topic}
	if key != nil {
		tp.Partition = client.KeyPartition(key, p.cfg.Parts)
	}
	return tp
}

// sent begins the event's only record. Capacity runs will have one event a batch:
// the event has room for it and the client's results come by the batch.
func (p *Producer) sent(r *client.Record, tp wire.TP) *history.Sent {
	id, key, err := readValue(r.Value, r.Key)
	if err != nil {
		panic("workloads: a producer cannot read its own record")
	}
	p.sends = append(p.sends[:0], history.Sent{TP: p.cfg.TPs(tp), Value: id, Key: key, Offset: history.None, Seq: history.None})
	return &p.sends[0]
}

func (p *Producer) invoke(r *client.Record, tp wire.TP, due machine.Instant) {
	p.sent(r, tp)
	p.event = history.Event{E: history.Inv, F: history.Send, ID: r.Ticket, P: p.process, Sends: p.sends, Due: int64(due),
		PID: history.None, Epoch: history.None}
	p.cfg.Recorder.Event(&p.event)
}

// results writes what the client has decided into the history and reports
// whether there was anything.
func (p *Producer) results(now machine.Instant) bool {
	results := p.client.Results()
	for i := range results {
		for j := range results[i].Records {
			p.complete(&results[i].Records[j], &results[i], j)
			p.arrivals.Ended(now)
		}
	}
	p.client.Forget()
	return len(results) > 0
}

// complete writes the outcome of the n-th record of a result. Unknown is Info,
// never Fail: the record may be in the log.
func (p *Producer) complete(r *client.Record, of *client.Result, n int) {
	s := p.sent(r, of.TP)
	kind := history.OK
	switch of.Outcome {
	case client.Rejected:
		kind, s.Err = history.Fail, of.Why
	case client.Unknown:
		kind, s.Err = history.Info, of.Why
	}
	if of.Base >= 0 {
		s.Offset = of.Base + int64(n)
	}
	if of.Seq >= 0 {
		s.Seq = int32((int64(of.Seq) + int64(n)) & (1<<31 - 1))
	}
	p.event = history.Event{E: kind, F: history.Send, ID: r.Ticket, P: p.process, Sends: p.sends, PID: of.PID, Epoch: int32(of.Epoch), Why: of.Why}
	p.cfg.Recorder.Event(&p.event)
}
