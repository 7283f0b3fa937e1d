package workloads

import (
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// DumperConfig is what the final read is made of.
type DumperConfig struct {
	ID         int32
	Name       string
	Seed       uint64
	Bootstrap  []string
	Settings   config.Consumer // where to begin, isolation and waiting are the dumper's own
	Partitions []wire.TP
	From       machine.Instant // when to begin
	// Batches has the history be told of every batch of a producer.
	Batches bool

	Recorder *history.Recorder
	TPs      func(wire.TP) history.TP
}

// Dumper reads every partition from its log start offset to the end, once: the
// read after which every record whose outcome is unknown is in the log or not.
// The end is what the leader answers to ListOffsets after From, or a later high
// watermark.
type Dumper struct {
	cfg    DumperConfig
	client *client.Consumer
	scribe scribe
	begun  bool
	parts  []dumped
	read   int64
	due    machine.Instant
}

type dumped struct {
	tp   wire.TP
	end  int64 // -1 until known
	at   int64 // how far it was read
	done bool
}

// dumpWait is fetch.max.wait.ms of the final read: there is nothing to wait for.
const dumpWait = 20 * time.Millisecond

// NewDumper returns the final read.
func NewDumper(cfg DumperConfig) *Dumper {
	s := &cfg.Settings
	s.AutoOffsetReset, s.IsolationLevel, s.FetchMinBytes, s.FetchMaxWait = "earliest", "read_uncommitted", 1, dumpWait
	d := &Dumper{cfg: cfg}
	d.client = client.NewConsumer(client.ConsumerConfig{Name: cfg.Name, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings, Batches: cfg.Batches})
	d.scribe = scribe{rec: cfg.Recorder, tps: cfg.TPs, process: cfg.ID, read: history.Dump, fin: true}
	for _, tp := range cfg.Partitions {
		d.parts = append(d.parts, dumped{tp: tp, end: -1})
	}
	return d
}

// Step is one step of the machine.
func (d *Dumper) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if now.Mono < d.cfg.From {
		d.due = d.cfg.From
		return
	}
	if !d.begun {
		d.begun = true
		for i := range d.parts {
			d.client.Assign(client.Assignment{TP: d.parts[i].tp, Offset: -1, Epoch: -1})
			d.client.List(d.parts[i].tp)
		}
	}
	d.client.Step(now, in, out)
	d.record()
	d.client.Run(now, out)
	d.record()
	d.scribe.left(d.client)
	d.due = d.client.Deadline()
}

// Deadline is when the machine next wants a Tick.
func (d *Dumper) Deadline() machine.Instant { return d.due }

// Done reports whether every partition has been read to its end.
func (d *Dumper) Done() bool { return d.begun && len(d.Remaining()) == 0 }

// Remaining are the partitions that have not been read to their end.
func (d *Dumper) Remaining() []wire.TP {
	var list []wire.TP
	for i := range d.parts {
		if !d.parts[i].done {
			list = append(list, d.parts[i].tp)
		}
	}
	return list
}

// Read is how many records have been read.
func (d *Dumper) Read() int64 { return d.read }

// End is the offset up to which a partition has been read.
func (d *Dumper) End(tp wire.TP) int64 { return d.part(tp).at }

func (d *Dumper) record() {
	for _, l := range d.client.Listings() {
		d.scribe.listed(l)
		for i := range l.Parts {
			if x := d.part(l.Parts[i].TP); l.Spec == "latest" && !l.Lost && l.Parts[i].Code == 0 {
				x.end = l.Parts[i].Offset
			}
		}
	}
	for _, f := range d.client.Fetches() {
		d.scribe.fetched(f)
		for i := range f.Parts {
			p := &f.Parts[i]
			if p.Code != 0 || p.Stale {
				continue
			}
			d.read += int64(len(p.Records))
			x := d.part(p.TP)
			x.at = p.Next
			if x.end >= 0 && p.Next >= x.end && p.Next >= p.HighWatermark {
				x.done = true
				d.client.Unassign(p.TP)
			}
		}
	}
	moves := d.client.Moves()
	for i := range moves {
		d.scribe.moved(&moves[i])
	}
	d.client.Forget()
	for len(d.client.Poll(1<<31-1)) > 0 { // what was read is in the history
	}
}

func (d *Dumper) part(tp wire.TP) *dumped {
	for i := range d.parts {
		if d.parts[i].tp == tp {
			return &d.parts[i]
		}
	}
	panic("workloads: an answer for " + tp.String() + ", which was not asked for")
}
