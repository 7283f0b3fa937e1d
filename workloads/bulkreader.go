package workloads

import (
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// BulkReaderConfig is what a member of a group that reads a bulk load is made of.
type BulkReaderConfig struct {
	Group      int    // its place among the groups of the load
	Name       string // of the node; names the draws
	Life       uint32
	Seed       uint64
	Bootstrap  []string
	Settings   config.Consumer
	Partitions []wire.TP     // its share of those of the group: they stay its own
	Work       time.Duration // for one record
	Wake       time.Duration // of its thread, before that, if the poll had to wait

	Witness    Witness
	Failpoints *failpoint.Set
}

// BulkReader reads partitions that were assigned to it for good, polls, works on what
// it polled, and polls again.
type BulkReader struct {
	cfg       BulkReaderConfig
	client    *client.Consumer
	chunk     []client.Polled
	busyUntil machine.Instant
	working   bool
	due       machine.Instant
}

// NewBulkReader returns one life of the service, which begins at the positions where
// the one before has ended; nil is from the start.
func NewBulkReader(cfg BulkReaderConfig, before *BulkReader) *BulkReader {
	cfg.Settings.MaxPollRecords = max(cfg.Settings.MaxPollRecords, 1)
	r := &BulkReader{cfg: cfg}
	r.client = client.NewConsumer(client.ConsumerConfig{
		Name: cfg.Name, Life: cfg.Life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings, Failpoints: cfg.Failpoints,
		Bulk: true,
	})
	for _, tp := range cfg.Partitions {
		a := client.Assignment{TP: tp, Offset: -1, Epoch: -1}
		if before != nil {
			a.Offset, a.Epoch = before.client.Position(tp)
		}
		r.client.Assign(a)
	}
	return r
}

// Step is one step of the machine. Kafka's consumer sends within a poll alone, before
// it returns: while the application works nothing is asked for.
func (r *BulkReader) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	r.client.Step(now, in, out)
	if polled := r.work(now.Mono); polled || !r.working {
		r.client.Run(now, out)
	}
	r.client.Forget()
	r.due = r.client.Deadline()
	if r.working {
		r.due = r.busyUntil
	}
}

// Deadline is when the machine next wants a Tick.
func (r *BulkReader) Deadline() machine.Instant { return r.due }

// Position is the offset below which the reader has done with a partition; -1 while
// there is none.
func (r *BulkReader) Position(tp wire.TP) int64 {
	for i := range r.chunk {
		if x := &r.chunk[i]; x.TP == tp && len(x.Stretches) > 0 {
			return x.Stretches[0].From
		}
	}
	at, _ := r.client.Position(tp)
	return at
}

// work goes on with the records in hand, and takes more when it has done with them. It
// reports whether there was a poll that has returned any.
func (r *BulkReader) work(now machine.Instant) (polled bool) {
	for !r.working || now >= r.busyUntil {
		waited := !r.working
		if r.working {
			r.done(now)
		}
		r.chunk = r.client.Poll(r.cfg.Settings.MaxPollRecords)
		n := 0
		for i := range r.chunk {
			for j := range r.chunk[i].Stretches {
				n += int(r.chunk[i].Stretches[j].Count())
			}
		}
		if r.working = n > 0; !r.working {
			return polled
		}
		polled = true
		r.busyUntil = now.Add(time.Duration(n) * r.cfg.Work)
		if waited {
			r.busyUntil = r.busyUntil.Add(r.cfg.Wake)
		}
	}
	return polled
}

func (r *BulkReader) done(now machine.Instant) {
	for i := range r.chunk {
		x := &r.chunk[i]
		for j := range x.Stretches {
			err := x.Stretches[j].Each(func(offset, _ int64, o *wire.Outline) {
				by, number := readBulk(o.Size, o.Identity)
				r.cfg.Witness.Read(r.cfg.Group, now, x.TP, offset, by, number)
			})
			if err != nil {
				panic(err) // the checksum was right
			}
		}
	}
	r.chunk, r.working = r.chunk[:0], false
}
