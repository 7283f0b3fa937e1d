package workloads

import (
	"math"
	"slices"
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
	Work       time.Duration // for one record, until its effect is there
	// Commit says when the position is made durable, and CommitEvery how often where that
	// goes by time. Unless position and effect are one, what is left to do for a record
	// after its effect takes Settle.
	Commit      Commit
	CommitEvery time.Duration
	Settle      time.Duration
	// From is when the first life begins to read. Until then there is no reader.
	From machine.Instant
	// Paused is when it does not ask for more; Replay, if it is not 0, is when it goes
	// back to the start of all its partitions, once.
	Paused struct{ From, Until machine.Instant }
	Replay machine.Instant
	// Uncommitted has the history be told that polls are of all records.
	Uncommitted bool

	Recorder   *history.Recorder
	TPs        func(wire.TP) history.TP
	Failpoints *failpoint.Set // nil is off
}

// Commit is when a reader makes its position durable.
type Commit uint8

// The ways to commit. All but the first leave a moment in which a crash parts the effect of
// a record from the position after it.
const (
	// CommitTogether keeps the position in one with the effect, as who stores both in one
	// transaction of a database: a record is processed when the position after it is durable.
	CommitTogether Commit = iota
	// CommitAfter commits when all records of a poll have been processed: commitSync at the
	// end of the loop. A crash before it has them processed again.
	CommitAfter
	// CommitBefore commits what a poll gave before it is processed. A crash loses the rest.
	CommitBefore
	// CommitAuto commits with the first poll after CommitEvery what earlier polls gave, as
	// enable.auto.commit does. A crash has all since then processed again.
	CommitAuto
)

// Reader is a service that reads partitions on its own and keeps its position in
// its own file. After a crash it goes on where that says; what this makes of the records
// that it had in hand is up to [Commit].
type Reader struct {
	cfg    ReaderConfig
	client *client.Consumer
	scribe scribe

	files    machine.Files
	pos      []position // by the order of Partitions
	begun    bool
	replayed bool

	chunk     []client.Polled // under way
	nth       int             // of its records: which is being worked on
	effected  bool            // ... and its effect is there
	state     work
	busyUntil machine.Instant // of working and saving
	commitAt  machine.Instant // of CommitAuto: not before
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
	working      // on a record, or on all of them, until busyUntil
	saves        // its position, at busyUntil
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
	r.scribe = scribe{rec: cfg.Recorder, tps: cfg.TPs, process: cfg.ID, read: history.Poll, committed: cfg.Settings.IsolationLevel == "read_committed", uncommitted: cfg.Uncommitted}
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
		r.commitAt = now.Mono.Add(r.cfg.CommitEvery)
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
	case r.state == working || r.state == saves:
		r.due = min(r.due, r.busyUntil)
	case r.paused(now.Mono):
		r.due = min(r.due, r.cfg.Paused.Until)
	}
	if !r.replayed && r.state == idle {
		r.due = min(r.due, max(r.cfg.Replay, now.Mono))
	}
	if r.state == idle && r.cfg.Commit == CommitAuto && r.uncommitted() {
		r.due = min(r.due, r.commitAt)
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
		p.done, p.next, p.worked = place{0, -1}, place{0, -1}, 0
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
		return p.worked
	}
	return -1
}

// Through reports whether the reader has nothing left to do below an offset: it has
// processed what comes before; or it has nothing in hand and is there, since
// auto.offset.reset has moved it there, or what comes before is not for applications.
func (r *Reader) Through(tp wire.TP, offset int64) bool {
	p := r.position(tp)
	if p == nil || p.worked >= offset {
		return p != nil
	}
	at, _ := r.client.Position(tp)
	return r.state == idle && (p.passed >= offset || at >= offset)
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
	saved, r.saving, r.unsaved = loadPositions(files, r.cfg.Commit != CommitTogether)
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
		p.worked = p.done.offset
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

// work goes on with the records in hand, and only then takes more.
func (r *Reader) work(now machine.Instant, out *machine.Effects) {
	for {
		switch {
		case r.state == idle && r.take(now):
		case r.state == working && now >= r.busyUntil:
			r.workOn(now)
		case r.state == saves && now >= r.busyUntil:
			r.save(now, out)
			return
		default:
			return
		}
	}
}

// take takes what a poll has, if there is anything and the reader asks for it.
func (r *Reader) take(now machine.Instant) bool {
	if r.cfg.Commit == CommitAuto && now >= r.commitAt && r.uncommitted() {
		r.commitAt = now.Add(r.cfg.CommitEvery)
		r.state, r.busyUntil = saves, now
		return true
	}
	if r.paused(now) {
		return false
	}
	r.chunk = r.client.Poll(r.cfg.Settings.MaxPollRecords)
	n := recordsOf(r.chunk)
	if n == 0 {
		return false
	}
	r.nth, r.effected = 0, false
	r.state, r.busyUntil = working, now.Add(r.cfg.Work)
	switch r.cfg.Commit {
	case CommitTogether:
		r.busyUntil = now.Add(time.Duration(n) * r.cfg.Work)
	case CommitBefore:
		r.advance()
		r.state, r.busyUntil = saves, now
	}
	return true
}

func recordsOf(chunk []client.Polled) (n int) {
	for i := range chunk {
		n += len(chunk[i].Records)
	}
	return n
}

// workOn ends a stretch of work: the effect of a record, what was left to do for it, or all
// of it together.
func (r *Reader) workOn(now machine.Instant) {
	switch {
	case r.cfg.Commit == CommitTogether:
		r.advance()
		r.state = saves
		return
	case !r.effected:
		r.effect()
		r.effected, r.busyUntil = true, now.Add(r.cfg.Settle)
		return
	}
	r.nth, r.effected, r.busyUntil = r.nth+1, false, now.Add(r.cfg.Work)
	if r.nth < recordsOf(r.chunk) {
		return
	}
	if r.cfg.Commit != CommitBefore {
		r.advance()
	}
	r.worked()
	r.chunk, r.state = nil, idle
	if r.cfg.Commit == CommitAfter {
		r.state, r.busyUntil = saves, now
	}
}

// effect is the moment at which what was to be done for a record is done.
func (r *Reader) effect() {
	n := r.nth
	for i := range r.chunk {
		x := &r.chunk[i]
		if n < len(x.Records) {
			r.processes(r.chunk[i:i+1], n, n+1)
			r.position(x.TP).worked = x.Records[n].Offset + 1
			return
		}
		n -= len(x.Records)
	}
}

// worked has the reader be done with what it had in hand.
func (r *Reader) worked() {
	for i := range r.chunk {
		r.position(r.chunk[i].TP).worked = r.chunk[i].Next
	}
}

// advance is where the reader will go on when its position is durable: after the records in
// hand.
func (r *Reader) advance() {
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
}

// uncommitted reports whether the reader has got further than its durable position.
func (r *Reader) uncommitted() bool {
	return slices.ContainsFunc(r.pos, func(p position) bool { return p.next != p.done })
}

// save writes the position.
func (r *Reader) save(now machine.Instant, out *machine.Effects) {
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

// synced ends a save, or saves again under another name: what a file holds after a failed
// sync is not known.
func (r *Reader) synced(now machine.Instant, in *machine.Input) {
	if r.state != syncing || in.Tag != r.tag {
		return
	}
	if in.Err != nil {
		r.older = append(r.older, r.saving)
		r.state, r.busyUntil = saves, now.Add(saveAgain)
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
	switch r.cfg.Commit {
	case CommitTogether:
		for i := range r.pos {
			r.pos[i].worked = r.pos[i].done.offset
		}
		r.processes(r.chunk, 0, math.MaxInt)
		r.chunk, r.state = nil, idle
	case CommitBefore:
		r.state, r.busyUntil = working, now.Add(r.cfg.Work)
	default:
		r.state = idle
	}
}

// processes writes down that the reader has processed records: of each run, those from one
// place to another.
func (r *Reader) processes(chunk []client.Polled, from, to int) {
	s := &r.scribe
	s.runs, s.records = s.runs[:0], s.records[:0]
	n := 0
	for i := range chunk {
		n += min(to, len(chunk[i].Records)) - from
	}
	if n > cap(s.records) {
		s.records = make([]history.Record, 0, 2*n)
	}
	for i := range chunk {
		s.run(r.cfg.TPs(chunk[i].TP), chunk[i].Records[from:min(to, len(chunk[i].Records))], false)
	}
	s.write(history.Event{E: history.OK, F: history.Process, ID: r.cfg.Recorder.Op(), Runs: s.runs})
	r.processed += int64(n)
}
