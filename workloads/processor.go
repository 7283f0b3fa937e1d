package workloads

import (
	"encoding/binary"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// ProcessorConfig is what a service is made of that reads, processes and writes.
type ProcessorConfig struct {
	ID   int32  // its process in the history: 1003 for p1003
	Name string // of the node; names the draws
	// Life is how often the node has been started before: see [ProducerConfig].
	Life      uint32
	Seed      uint64
	Bootstrap []string // "b1:9092"
	Consumer  config.Consumer
	Producer  config.Producer

	Topics []string      // that it reads, as a member of a group
	Input  []wire.TP     // all their partitions
	Output string        // the topic that it writes to
	Work   time.Duration // for one record
	// Hold is for how long a transaction is open at least: its positions have long been sent
	// when it ends.
	Hold time.Duration
	From machine.Instant
	// Uncommitted is as in [ReaderConfig].
	Uncommitted bool
	// Alone is as in [WriterConfig].
	Alone bool

	Recorder   *history.Recorder
	TPs        func(wire.TP) history.TP
	Failpoints *failpoint.Set // nil is off
}

// Processor is a service that makes of each record of some topics one of another, and commits
// what it writes and how far it has read in one transaction for each poll (KIP-129, KIP-447).
// After an abort it goes back to where the transaction began.
type Processor struct {
	cfg  ProcessorConfig
	ends revivals
	in   *client.GroupConsumer
	tx   transactor
	read scribe

	begun     bool
	chunk     []client.Polled      // of the transaction
	nth       int                  // of its records: which is to be sent next
	member    client.GroupMetadata // of the group, as the transaction began
	offered   bool                 // the positions were given to the producer
	disturbed bool                 // the group has been rebalanced since
	busyUntil machine.Instant      // at work
	holdUntil machine.Instant      // no commit before
	head      client.Record
	made      int64 // records, by this process
	done      int64 // records of committed transactions, by this life
	due       machine.Instant
}

// NewProcessor returns one life of the service.
func NewProcessor(cfg ProcessorConfig) *Processor {
	cfg.Consumer.MaxPollRecords = max(cfg.Consumer.MaxPollRecords, 1)
	return &Processor{cfg: cfg, ends: revivals{life: cfg.Life, at: machine.Never}}
}

// connect makes the clients of a process, which begins.
func (p *Processor) connect() {
	cfg := &p.cfg
	process := p.ends.process(cfg.ID)
	life := p.ends.life*revivalsOfLife + p.ends.number
	p.in = client.NewGroupConsumer(client.GroupConfig{
		ConsumerConfig: client.ConsumerConfig{Name: cfg.Name, Life: life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Consumer, Failpoints: cfg.Failpoints, Tags: tagsOf(2 * p.ends.number)},
		Topics:         cfg.Topics,
	})
	out := client.NewProducer(client.ProducerConfig{Name: cfg.Name, Life: life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Producer, Failpoints: cfg.Failpoints, Tags: tagsOf(2*p.ends.number + 1)})
	out.Watch(cfg.Output)
	p.tx = newTransactor(out, cfg.Recorder, cfg.TPs, cfg.Producer.TransactionalID, process)
	p.read = scribe{rec: cfg.Recorder, tps: cfg.TPs, process: process, read: history.Poll, committed: cfg.Consumer.IsolationLevel == "read_committed", uncommitted: cfg.Uncommitted}
	p.member = client.GroupMetadata{Group: cfg.Consumer.GroupID, Generation: -1}
	p.chunk, p.nth, p.offered, p.head, p.made = nil, 0, false, client.Record{}, 0
	if before, was := p.ends.before(cfg.ID); was {
		p.tx.crashed(before)
	}
	p.read.write(history.Event{E: history.Note, F: history.Subscribe, Group: cfg.Consumer.GroupID, Instance: p.in.Instance(), Gen: history.None, TPs: p.read.partsOf(cfg.Input)})
	p.tx.start()
}

// Step is one step of the machine.
func (p *Processor) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch {
	case p.ends.over:
		p.due = machine.Never
		return
	case !p.begun && now.Mono < p.cfg.From:
		p.due = p.cfg.From
		return
	case !p.begun:
		p.begun = true
		p.connect()
	case now.Mono >= p.ends.at:
		p.ends.number++
		p.ends.at = machine.Never
		p.in.Abandon(out)
		p.tx.client.Abandon(out)
		p.connect()
	}
	p.in.Step(now, in, out)
	p.tx.client.Step(now, in, out)
	p.look()
	p.goOn(now)
	p.in.Run(now, out)
	p.tx.client.Run(now, out)
	p.read.left(p.in.Consumer)
	p.look()
	p.due = min(p.in.Deadline(), p.tx.client.Deadline(), p.ends.at)
	if p.goOn(now) {
		p.due = now.Mono // what was asked for just now leaves in another step
	}
	for _, at := range []machine.Instant{p.busyUntil, p.holdUntil} {
		if at > now.Mono {
			p.due = min(p.due, at)
		}
	}
}

// look writes down what has happened.
func (p *Processor) look() {
	for _, f := range p.in.Fetches() {
		p.read.fetched(f)
	}
	for _, l := range p.in.Listings() {
		p.read.listed(l)
	}
	moves := p.in.Moves()
	for i := range moves {
		p.read.moved(&moves[i])
	}
	events := p.in.Events()
	for i := range events {
		p.read.group(&events[i], p.cfg.Consumer.GroupID, p.in.Instance())
		if events[i].What == client.GroupAssigned && len(events[i].TPs) > 0 {
			p.cfg.Failpoints.Hit(failpoint.StepJoined)
		}
	}
	p.in.Forget()
	p.tx.results()
	p.tx.observe()
}

// goOn does what the application does next, and reports whether it has done anything.
func (p *Processor) goOn(now machine.Now) (did bool) {
	for {
		switch state := p.tx.state; {
		case (state == client.FatalError || p.in.Fatal() != 0) && p.ends.at == machine.Never && !p.ends.over:
			p.ends.fail(now.Mono, p.cfg.Alone || state != client.FatalError)
		case p.ends.at != machine.Never || p.ends.over:
			return did
		case state == client.Ready && p.chunk != nil:
			p.back()
		case state == client.Ready:
			if !p.poll(now) {
				return did
			}
		case state == client.AbortableError:
			p.tx.abort()
		case state == client.InTransaction:
			if !p.work(now) {
				return did
			}
		default:
			return did
		}
		did = true
	}
}

// poll takes records, and begins a transaction for them.
func (p *Processor) poll(now machine.Now) bool {
	p.chunk = p.in.Poll(now, p.cfg.Consumer.MaxPollRecords)
	n := recordsOf(p.chunk)
	if n == 0 {
		p.chunk = nil
		return false
	}
	p.cfg.Failpoints.Hit(failpoint.StepPolled)
	p.member = p.present()
	p.nth, p.offered, p.disturbed, p.busyUntil = 0, false, false, now.Mono.Add(time.Duration(n)*p.cfg.Work)
	p.holdUntil = now.Mono.Add(p.cfg.Hold)
	p.tx.begin()
	return true
}

// work goes on with the transaction, and reports whether there was anything to do.
func (p *Processor) work(now machine.Now) bool {
	if !p.disturbed && (p.present() != p.member || p.in.Rebalancing()) {
		p.disturbed = true
		p.cfg.Failpoints.Hit(failpoint.RebalanceInTransaction)
	}
	switch {
	case now.Mono < p.busyUntil:
		return false
	case p.nth == 0 && p.head.Value == nil:
		p.processed()
		p.make()
	case p.nth < recordsOf(p.chunk):
		return p.send(now)
	case !p.offered:
		p.offered = true
		p.tx.sendOffsets(p.positions(), p.present())
	case p.tx.client.SendingOffsets(), now.Mono < p.holdUntil:
		return false
	default:
		p.tx.commit()
	}
	return true
}

// record is the n-th record that was polled, and its partition.
func (p *Processor) record(n int) (*client.Fetched, wire.TP) {
	for i := range p.chunk {
		x := &p.chunk[i]
		if n < len(x.Records) {
			return &x.Records[n], x.TP
		}
		n -= len(x.Records)
	}
	panic("workloads: a record beyond those that were polled")
}

// processedSize is the size of what a record is made into.
const processedSize = 32

// valueOf is where in it the id of the record stands that it was made of.
const valueOf = 16

// make makes the next record that is to be sent: of the same key, and with the id of the one
// that it is made of.
func (p *Processor) make() {
	from, _ := p.record(p.nth)
	of, _ := RecordID(from.Value)
	key := noKey
	if len(from.Key) == 8 {
		key = int64(binary.BigEndian.Uint64(from.Key))
	}
	value := make([]byte, processedSize)
	binary.BigEndian.PutUint64(value[valueOf:], uint64(of))
	putValue(value, int64(p.tx.process)*valuesOfProcess+p.made, key)
	p.made++
	p.head = client.Record{Key: from.Key, Value: value, Ticket: p.cfg.Recorder.Op()}
}

// send sends the next record, unless send() blocks.
func (p *Processor) send(now machine.Now) bool {
	from, _ := p.record(p.nth)
	of, _ := RecordID(from.Value)
	p.head.Time = now.Wall.Millis()
	tp, sent := p.tx.client.Send(now, p.cfg.Output, p.head)
	switch sent {
	case client.Blocked:
		return false
	case client.Taken:
		p.tx.invoke(&p.head, tp, now.Mono, of)
	default:
		// Kafka's send() throws at the application, which aborts.
		p.tx.refused(&p.head, p.cfg.Output, now.Mono, of, sent)
		p.head = client.Record{}
		p.tx.abort()
		return true
	}
	p.nth++
	p.head = client.Record{}
	if p.nth < recordsOf(p.chunk) {
		p.make()
	}
	return true
}

// processed writes down that the records of the poll are done with, if the transaction
// commits.
func (p *Processor) processed() {
	s := &p.read
	s.runs, s.records = s.runs[:0], s.records[:0]
	if n := recordsOf(p.chunk); n > cap(s.records) {
		s.records = make([]history.Record, 0, 2*n) // before runs point into it
	}
	for i := range p.chunk {
		s.run(p.cfg.TPs(p.chunk[i].TP), p.chunk[i].Records, false)
	}
	s.write(history.Event{E: history.OK, F: history.Process, ID: p.cfg.Recorder.Op(), Runs: s.runs, X: p.tx.x, Group: p.cfg.Consumer.GroupID, Gen: p.member.Generation, Member: p.member.Member})
}

// positions are what is to be committed with the transaction.
func (p *Processor) positions() (list []client.TxnOffset) {
	for i := range p.chunk {
		list = append(list, client.TxnOffset{TP: p.chunk[i].TP, Offset: p.chunk[i].Next, Epoch: p.chunk[i].Epoch})
	}
	return list
}

// present is the member as the group knew it when it last had a generation: who is none any
// more must not commit as somebody without a group, as Kafka's groupMetadata() sees to.
func (p *Processor) present() client.GroupMetadata {
	id, generation := p.in.Member()
	if generation < 0 && p.member.Generation >= 0 {
		return p.member
	}
	return client.GroupMetadata{Group: p.cfg.Consumer.GroupID, Member: id, Generation: generation, Instance: p.in.Instance()}
}

// back ends a transaction: after a commit the next poll may come, after an abort what was
// polled is polled again, of the partitions that the member still has.
func (p *Processor) back() {
	if p.tx.ends == history.TxnCommit {
		p.done += int64(recordsOf(p.chunk))
		p.chunk = nil
		return
	}
	for i := range p.chunk {
		x := &p.chunk[i]
		if at, _ := p.in.Position(x.TP); at == x.Next {
			p.in.Unassign(x.TP)
			p.in.Assign(client.Assignment{TP: x.TP, Offset: x.Records[0].Offset, Epoch: -1})
		}
	}
	p.chunk, p.head = nil, client.Record{}
}

// tagsOf is below the tags of the n-th client of a life of a node.
func tagsOf(n uint32) machine.Tag { return machine.Tag(n) << 32 }

// Deadline is when the machine next wants a Tick.
func (p *Processor) Deadline() machine.Instant { return p.due }

// Processed is how many records this life of the node has processed in transactions that it
// has committed.
func (p *Processor) Processed() int64 { return p.done }

// Over reports whether the service has ended because another has its transactional.id.
func (p *Processor) Over() bool { return p.ends.over }

// Through reports whether the processor has a partition and nothing left to do below an
// offset.
func (p *Processor) Through(tp wire.TP, offset int64) bool {
	if p.in == nil || p.ends.over || p.chunk != nil || p.tx.state != client.Ready {
		return false
	}
	at, _ := p.in.Position(tp)
	return at >= offset
}
