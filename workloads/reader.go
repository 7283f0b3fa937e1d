package workloads

import (
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// ReaderConfig is what a reading service is made of.
type ReaderConfig struct {
	ID   int32  // its process in the history: 1002 for k1002, the same in every life
	Name string // of the node; names the draws
	// Life is how often the node has been started before.
	Life       uint32
	Seed       uint64
	Bootstrap  []string // "b1:9092"
	Settings   config.Consumer
	Partitions []wire.TP     // to read
	Work       time.Duration // for one record
	// From is when the first life begins to read. Until then there is no reader.
	From machine.Instant
	// Paused is when it does not ask for more; Replay, if it is not 0, is when it goes
	// back to the start of all its partitions, once.
	Paused struct{ From, Until machine.Instant }
	Replay machine.Instant

	Recorder   *history.Recorder
	TPs        func(wire.TP) history.TP
	Failpoints *failpoint.Set // nil is off
}

// Reader is a service that reads partitions on its own and keeps its position in
// its own file. It counts a record as processed when the position after it is
// durable: after a crash it processes again what it had not got so far, and
// passes over nothing.
type Reader struct {
	cfg    ReaderConfig
	client *client.Consumer
	scribe scribe

	files    machine.Files
	pos      []position // by the order of Partitions
	begun    bool
	replayed bool

	chunk     []client.Polled // under way
	state     work
	busyUntil machine.Instant // of working
	saving    uint64          // number of the position file that is being written
	older     []uint64        // numbers of the files that go when that one is durable
	unsaved   bool            // no position file is known to have become durable
	tag       machine.Tag
	processed int64
	due       machine.Instant
}

type work uint8

const (
	idle    work = iota
	working      // until busyUntil
	syncing      // waits for its position to be durable
)

// saveAgain is how long a reader waits after its disk has failed it.
const saveAgain = 100 * time.Millisecond

// NewReader returns one life of the service.
func NewReader(cfg ReaderConfig) *Reader {
	cfg.Settings.MaxPollRecords = max(cfg.Settings.MaxPollRecords, 1)
	r := &Reader{cfg: cfg, due: 0}
	r.client = client.NewConsumer(client.ConsumerConfig{
		Name: cfg.Name, Life: cfg.Life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings, Failpoints: cfg.Failpoints,
	})
	r.scribe = scribe{rec: cfg.Recorder, tps: cfg.TPs, process: cfg.ID, read: history.Poll}
	return r
}

// Step is one step of the machine.
func (r *Reader) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		r.files = in.Files
	case machine.DiskDone:
		r.synced(now.Mono, in)
	}
	if !r.begun {
		if now.Mono < r.cfg.From {
			r.due = r.cfg.From
			return
		}
		r.begun, r.replayed = true, r.cfg.Replay == 0 || r.cfg.Replay < now.Mono
		r.start(r.files)
	}
	if !r.replayed && now.Mono >= r.cfg.Replay && r.state == idle {
		r.replay()
	}
	r.client.Step(now, in, out)
	r.record()
	r.work(now.Mono, out)
	r.client.Run(now, out)
	r.record()
	r.scribe.left(r.client)
	r.work(now.Mono, out)

	r.due = r.client.Deadline()
	switch {
	case r.state == working:
		r.due = min(r.due, r.busyUntil)
	case r.paused(now.Mono):
		r.due = min(r.due, r.cfg.Paused.Until)
	}
	if !r.replayed && r.state == idle {
		r.due = min(r.due, max(r.cfg.Replay, now.Mono))
	}
}

// paused reports whether the reader asks for no more at a time. What it has asked for
// comes, and waits.
func (r *Reader) paused(now machine.Instant) bool {
	return now >= r.cfg.Paused.From && now < r.cfg.Paused.Until
}

// replay goes back to the start of all partitions.
func (r *Reader) replay() {
	r.replayed = true
	var tps []history.TP
	for i := range r.pos {
		p := &r.pos[i]
		if p.done.offset < 0 {
			continue // it has read nothing that could be read again
		}
		p.done, p.next = place{0, -1}, place{0, -1}
		r.client.Unassign(p.tp)
		r.client.Assign(client.Assignment{TP: p.tp, Offset: 0, Epoch: -1})
		tps = append(tps, r.cfg.TPs(p.tp))
	}
	if len(tps) > 0 {
		r.scribe.write(history.Event{E: history.Note, F: history.Assign, TPs: tps})
	}
}

// Deadline is when the machine next wants a Tick.
func (r *Reader) Deadline() machine.Instant { return r.due }

// Processed is how many records this life has processed.
func (r *Reader) Processed() int64 { return r.processed }

// Position is the offset below which the reader has processed a partition; -1
// while there is none.
func (r *Reader) Position(tp wire.TP) int64 {
	if p := r.position(tp); p != nil {
		return p.done.offset
	}
	return -1
}

// Through reports whether the reader has nothing left to do below an offset: it has
// processed what comes before, or auto.offset.reset has moved it there, where it has
// nothing in hand.
func (r *Reader) Through(tp wire.TP, offset int64) bool {
	p := r.position(tp)
	return p != nil && (p.done.offset >= offset || r.state == idle && p.passed >= offset)
}

func (r *Reader) position(tp wire.TP) *position {
	for i := range r.pos {
		if r.pos[i].tp == tp {
			return &r.pos[i]
		}
	}
	return nil
}

// start takes up where the last life's position file ends.
func (r *Reader) start(files machine.Files) {
	if r.cfg.Life > 0 {
		r.scribe.write(history.Event{E: history.Note, F: history.Crash})
	}
	var saved []position
	saved, r.saving, r.unsaved = loadPositions(files)
	for _, name := range files.List() {
		if n, is := positionNumber(name); is {
			r.older = append(r.older, n)
		}
	}
	var known, unknown []history.TP
	for _, tp := range r.cfg.Partitions {
		p := position{tp: tp, done: nowhere, next: nowhere}
		for _, s := range saved {
			if s.tp == tp {
				p = s
			}
		}
		r.pos = append(r.pos, p)
		r.client.Assign(client.Assignment{TP: tp, Offset: p.done.offset, Epoch: p.done.epoch})
		if p.done.offset >= 0 {
			known = append(known, r.cfg.TPs(tp))
		} else {
			unknown = append(unknown, r.cfg.TPs(tp))
		}
	}
	if len(known) > 0 {
		r.scribe.write(history.Event{E: history.Note, F: history.Assign, TPs: known})
	}
	if len(unknown) > 0 {
		r.scribe.write(history.Event{E: history.Note, F: history.Assign, TPs: unknown, Reset: true})
	}
}

func (r *Reader) record() {
	for _, f := range r.client.Fetches() {
		r.scribe.fetched(f)
	}
	for _, l := range r.client.Listings() {
		r.scribe.listed(l)
	}
	moves := r.client.Moves()
	for i := range moves {
		r.scribe.moved(&moves[i])
		if p := r.position(moves[i].TP); p != nil && !moves[i].Truncated {
			p.passed = moves[i].To
		}
	}
	r.client.Forget()
}

// work goes on with the records in hand: process, save the position, and only
// then take more.
func (r *Reader) work(now machine.Instant, out *machine.Effects) {
	if r.state == idle {
		if r.paused(now) {
			return
		}
		r.chunk = r.client.Poll(r.cfg.Settings.MaxPollRecords)
		n := 0
		for i := range r.chunk {
			n += len(r.chunk[i].Records)
		}
		if n == 0 {
			return
		}
		r.state, r.busyUntil = working, now.Add(time.Duration(n)*r.cfg.Work)
	}
	if r.state == working && now >= r.busyUntil {
		r.save(now, out)
	}
}

// save writes the position after the records in hand.
func (r *Reader) save(now machine.Instant, out *machine.Effects) {
	for i := range r.chunk {
		x := &r.chunk[i]
		p := r.position(x.TP)
		if p.done.offset < 0 {
			p.done = place{x.Records[0].Offset, -1} // where auto.offset.reset began
		}
		p.next = place{x.Next, x.Epoch}
		if r.cfg.Failpoints.On(failpoint.F01SaveFetched, uint64(x.TP.Partition)) {
			p.next.offset, p.next.epoch = r.client.Fetched(x.TP)
		}
	}
	r.saving++
	name := positionFile(r.saving)
	if err := r.files.Append(name, machine.Literal(encodePositions(r.pos, r.unsaved))); err != nil {
		r.busyUntil = now.Add(saveAgain)
		return
	}
	r.state = syncing
	r.tag++
	out.Sync(name, r.tag)
}

// synced ends the processing of the records in hand, or saves again under
// another name: what a file holds after a failed sync is not known.
func (r *Reader) synced(now machine.Instant, in *machine.Input) {
	if r.state != syncing || in.Tag != r.tag {
		return
	}
	if in.Err != nil {
		r.older = append(r.older, r.saving)
		r.state, r.busyUntil = working, now.Add(saveAgain)
		return
	}
	for _, n := range r.older {
		_ = r.files.Remove(positionFile(n)) // one that stays costs no more than the last records once again
	}
	r.older = append(r.older[:0], r.saving)
	r.unsaved = false
	for i := range r.pos {
		r.pos[i].done = r.pos[i].next
	}
	s := &r.scribe
	s.runs, s.records = s.runs[:0], s.records[:0]
	n := 0
	for i := range r.chunk {
		n += len(r.chunk[i].Records)
	}
	if n > cap(s.records) {
		s.records = make([]history.Record, 0, 2*n)
	}
	for i := range r.chunk {
		s.run(r.cfg.TPs(r.chunk[i].TP), r.chunk[i].Records, false)
	}
	s.write(history.Event{E: history.OK, F: history.Process, ID: r.cfg.Recorder.Op(), Runs: s.runs})
	r.processed += int64(n)
	r.state, r.chunk = idle, nil
}
