package workloads

import (
	"slices"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// MemberConfig is what a service is made of that reads as a member of a consumer group.
type MemberConfig struct {
	ID         int32  // its process in the history: 1002 for k1002, the same in every life
	Name       string // of the node; names the draws
	Life       uint32 // how often the node has been started before
	Seed       uint64
	Bootstrap  []string // "b1:9092"
	Settings   config.Consumer
	Topics     []string  // that it subscribes to
	Partitions []wire.TP // of those
	// Work is for one record, until its effect is there; what is left to do then takes Settle.
	Work, Settle time.Duration
	Commit       MemberCommit
	// Workers, if there are any, are given what was polled, and work on it beside the poll
	// loop, each on a record at a time.
	Workers int
	// From is when the first life joins; at Until, if it is not 0, the member leaves for good.
	From, Until machine.Instant
	// Stuck is when it is busy with something else, and does not poll.
	Stuck struct{ From, Until machine.Instant }

	Recorder   *history.Recorder
	TPs        func(wire.TP) history.TP
	Failpoints *failpoint.Set // nil is off
	// Progress is that of the group, which outlives its members.
	Progress *Progress
}

// MemberCommit is when a member commits.
type MemberCommit uint8

// The ways to commit.
const (
	// MemberCommitAuto leaves it to enable.auto.commit: each poll commits, once
	// auto.commit.interval.ms is over, what those before it gave. Whoever processes
	// that before polling again loses nothing.
	MemberCommitAuto MemberCommit = iota
	// MemberCommitAfter is commitSync behind each poll's records, processed.
	MemberCommitAfter
	// MemberCommitBefore is commitSync before they are.
	MemberCommitBefore
	// MemberCommitAsync is commitAsync behind each poll's records, and commitSync when
	// partitions are revoked.
	MemberCommitAsync
	// MemberCommitAsyncOnly is commitAsync behind each poll's records, and that is all.
	MemberCommitAsyncOnly
	// MemberCommitNever never commits: whoever comes next begins again.
	MemberCommitNever
)

// Progress is how far a group has come: the offset below which some member has processed
// each partition, in the order of Partitions.
type Progress struct{ worked map[wire.TP]int64 }

// NewProgress is that of a group that has done nothing.
func NewProgress() *Progress { return &Progress{map[wire.TP]int64{}} }

// Worked is the offset below which a partition has been processed.
func (p *Progress) Worked(tp wire.TP) int64 { return p.worked[tp] }

func (p *Progress) reached(tp wire.TP, offset int64) { p.worked[tp] = max(p.worked[tp], offset) }

// Member is a service that reads as a member of a consumer group. Its position is what the
// group has committed.
type Member struct {
	cfg     MemberConfig
	client  *client.GroupConsumer
	scribe  scribe
	begun   bool
	closing bool
	over    bool // it has left for good, or was told that it is out

	state     work
	chunk     []client.Polled
	nth       int
	effected  bool
	busyUntil machine.Instant
	commit    *client.Commit       // that the loop waits for
	last      *client.Commit       // that the listener waits for
	done      []client.GroupOffset // behind what was processed, by partition; to be committed
	revoked   []client.GroupEvent  // told when the listener returns

	queue   []queued // given to the workers, in their order
	paused  bool
	due     machine.Instant
	records int64
}

// queued is a record that waits for a worker, or is with one.
type queued struct {
	run   client.Polled // of one record
	next  int64         // the position after it
	until machine.Instant
}

// mostQueued is how many records may wait for each worker before the partitions are paused.
const mostQueued = 5

// firstTag keeps the tags of one life of a member from those of all others.
func firstTag(id int32, life uint32) int64 { return int64(id)<<36 | int64(life)<<26 | 1 }

// NewMember returns one life of the service.
func NewMember(cfg MemberConfig) *Member {
	cfg.Settings.MaxPollRecords = max(cfg.Settings.MaxPollRecords, 1)
	m := &Member{cfg: cfg}
	m.client = client.NewGroupConsumer(client.GroupConfig{
		ConsumerConfig: client.ConsumerConfig{Name: cfg.Name, Life: cfg.Life, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings, Failpoints: cfg.Failpoints},
		Topics:         cfg.Topics, Listens: true, FirstTag: firstTag(cfg.ID, cfg.Life),
	})
	m.scribe = scribe{rec: cfg.Recorder, tps: cfg.TPs, process: cfg.ID, read: history.Poll, committed: cfg.Settings.IsolationLevel == "read_committed"}
	return m
}

// Step is one step of the machine.
func (m *Member) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if !m.begun {
		if now.Mono < m.cfg.From {
			m.due = m.cfg.From
			return
		}
		m.begun = true
		m.start()
	}
	if m.over {
		m.due = machine.Never
		return
	}
	m.client.Step(now, in, out)
	m.record(now, out)
	m.work(now)
	m.client.Run(now, out)
	m.record(now, out)
	m.scribe.left(m.client.Consumer)
	for m.work(now) { // what a poll gave may be done at once, and a rebalance go on
		m.client.Run(now, out)
		m.record(now, out)
		m.scribe.left(m.client.Consumer)
	}
	if m.end(now) {
		m.client.Run(now, out)
		m.record(now, out)
		m.scribe.left(m.client.Consumer)
		m.end(now)
	}
	m.due = m.deadline(now.Mono)
}

// start is the beginning of a life.
func (m *Member) start() {
	if m.cfg.Life > 0 {
		m.scribe.write(history.Event{E: history.Note, F: history.Crash})
	}
	var tps []history.TP
	for _, tp := range m.cfg.Partitions {
		tps = append(tps, m.cfg.TPs(tp))
	}
	m.scribe.write(history.Event{E: history.Note, F: history.Subscribe, Group: m.cfg.Settings.GroupID, Instance: m.client.Instance(), Gen: history.None, TPs: tps})
}

// end is the end of one that leaves, or is out: a consumer that was fenced throws, and its
// application closes it. It reports whether that has just begun.
func (m *Member) end(now machine.Now) (begins bool) {
	if !m.closing && (m.client.Fatal() != 0 || m.cfg.Until > 0 && now.Mono >= m.cfg.Until && m.state == idle && len(m.queue) == 0) {
		m.closing, begins = true, true
		m.client.Close(now)
	}
	if m.client.Closed() && !m.over {
		m.over = true
		m.scribe.write(history.Event{E: history.Note, F: history.Unsubscribe, Group: m.cfg.Settings.GroupID, Gen: history.None})
	}
	return begins
}

func (m *Member) deadline(now machine.Instant) machine.Instant {
	at := m.client.Deadline()
	switch {
	case m.state == working:
		at = min(at, m.busyUntil)
	case m.stuck(now):
		at = min(at, m.cfg.Stuck.Until)
	case m.state == idle && now < m.cfg.Stuck.From:
		at = min(at, m.cfg.Stuck.From)
	}
	for i := range m.queue[:min(len(m.queue), m.cfg.Workers)] {
		at = min(at, m.queue[i].until)
	}
	if m.cfg.Until > now {
		at = min(at, m.cfg.Until)
	}
	if m.over {
		return machine.Never
	}
	return at
}

// Deadline is when the machine next wants a Tick.
func (m *Member) Deadline() machine.Instant { return m.due }

// Over reports whether the member is none any more and will not be one again: it has left,
// or was fenced.
func (m *Member) Over() bool { return m.over }

// Begun reports whether the member takes part.
func (m *Member) Begun() bool { return m.begun }

// Settled reports whether nothing of a rebalance is under way, and all that was polled is
// processed and committed.
func (m *Member) Settled() bool {
	return m.begun && !m.over && !m.client.Rebalancing() && m.state == idle && len(m.queue) == 0
}

// Through reports whether the member has a partition, and nothing left to do in it below an
// offset.
func (m *Member) Through(tp wire.TP, offset int64) bool {
	at, _ := m.client.Position(tp)
	return m.Settled() && at >= offset
}

// Owned are the partitions that the member has.
func (m *Member) Owned() []wire.TP { return m.client.Owned() }

// Processed is how many records this life has processed.
func (m *Member) Processed() int64 { return m.records }

func (m *Member) stuck(now machine.Instant) bool {
	return now >= m.cfg.Stuck.From && now < m.cfg.Stuck.Until
}

// record writes down what the client has done.
func (m *Member) record(now machine.Now, out *machine.Effects) {
	for again := true; again; {
		for _, e := range m.client.Events() {
			m.tell(now, &e)
		}
		for _, f := range m.client.Fetches() {
			m.scribe.fetched(f)
		}
		for _, l := range m.client.Listings() {
			m.scribe.listed(l)
		}
		moves := m.client.Moves()
		for i := range moves {
			m.scribe.moved(&moves[i])
			if x := &moves[i]; x.From < 0 || !x.Truncated {
				m.cfg.Progress.reached(x.TP, x.To)
			}
		}
		m.client.Forget()
		if again = m.returns(now); again {
			m.client.Run(now, out) // the rebalance goes on behind the listener
			m.scribe.left(m.client.Consumer)
		}
	}
}

// tell writes an event down, and takes a rebalance.
func (m *Member) tell(now machine.Now, e *client.GroupEvent) {
	switch e.What {
	case client.GroupRevoked:
		m.revoked = append(m.revoked, *e)
		if m.cfg.Commit == MemberCommitAsync {
			m.last = m.client.CommitSync(now, m.take())
		}
	case client.GroupLost:
		m.done = nil
		m.scribe.group(e, m.cfg.Settings.GroupID, m.client.Instance())
		m.revoked = append(m.revoked, client.GroupEvent{})
	case client.GroupAssigned:
		m.scribe.group(e, m.cfg.Settings.GroupID, m.client.Instance())
		m.revoked = append(m.revoked, client.GroupEvent{})
		if m.paused {
			for _, tp := range e.TPs {
				m.client.Pause(tp)
			}
		}
	default:
		m.scribe.group(e, m.cfg.Settings.GroupID, m.client.Instance())
	}
}

// returns has the listener return once it has committed what it wanted to, and reports
// whether it has.
func (m *Member) returns(machine.Now) bool {
	if len(m.revoked) == 0 || m.last != nil && !m.last.Ended() {
		return false
	}
	m.last = nil
	for i := range m.revoked {
		if e := &m.revoked[i]; len(e.TPs) > 0 {
			m.scribe.group(e, m.cfg.Settings.GroupID, m.client.Instance())
			m.done = slices.DeleteFunc(m.done, func(o client.GroupOffset) bool { return slices.Contains(e.TPs, o.TP) })
		}
	}
	m.revoked = m.revoked[:0]
	m.client.Return()
	return true
}

// take takes what is to be committed.
func (m *Member) take() []client.GroupOffset {
	list := m.done
	m.done = nil
	return list
}

// work goes on with the records in hand, and polls when there are none. It reports whether
// a step of the client may now do more.
func (m *Member) work(now machine.Now) (more bool) {
	m.workers(now.Mono)
	for {
		switch {
		case m.over || m.closing || m.client.Fatal() != 0:
			return more
		case m.state == working && now.Mono >= m.busyUntil:
			m.workOn(now)
			more = true
		case m.state == syncing && m.commit != nil && m.commit.Ended():
			m.commit = nil
			if m.cfg.Commit == MemberCommitBefore && m.chunk != nil {
				m.state, m.busyUntil = working, now.Mono.Add(m.cfg.Work)
			} else {
				m.state = idle
			}
			more = true
		case m.state == idle && m.stuck(now.Mono):
			m.client.Away()
			return more
		case m.state == idle && m.poll(now):
			more = true
		default:
			return more
		}
	}
}

// poll takes what a poll has, if there is anything.
func (m *Member) poll(now machine.Now) bool {
	list := m.client.Poll(now, m.cfg.Settings.MaxPollRecords)
	if recordsOf(list) == 0 {
		return false
	}
	if m.cfg.Workers > 0 {
		m.give(list)
		m.workers(now.Mono)
		return true
	}
	m.chunk, m.nth, m.effected = slices.Clone(list), 0, false
	m.state, m.busyUntil = working, now.Mono.Add(m.cfg.Work)
	if m.cfg.Commit == MemberCommitBefore {
		m.behind()
		m.state, m.commit = syncing, m.client.CommitSync(now, m.take())
	}
	return true
}

// behind notes what is to be committed of the records in hand.
func (m *Member) behind() {
	for i := range m.chunk {
		x := &m.chunk[i]
		o := client.GroupOffset{TP: x.TP, Offset: x.Next, Epoch: x.Epoch}
		if m.cfg.Failpoints.On(failpoint.F01SaveFetched, uint64(x.TP.Partition)) {
			o.Offset, o.Epoch = m.client.Fetched(x.TP)
		}
		m.done = slices.DeleteFunc(m.done, func(o client.GroupOffset) bool { return o.TP == x.TP })
		m.done = append(m.done, o)
	}
	slices.SortStableFunc(m.done, func(a, b client.GroupOffset) int { return a.TP.Compare(b.TP) })
}

// workOn ends a stretch of work: the effect of a record, or what was left to do for it.
func (m *Member) workOn(now machine.Now) {
	if !m.effected {
		m.effect()
		m.effected, m.busyUntil = true, now.Mono.Add(m.cfg.Settle)
		return
	}
	m.nth, m.effected, m.busyUntil = m.nth+1, false, now.Mono.Add(m.cfg.Work)
	if m.nth < recordsOf(m.chunk) {
		return
	}
	for i := range m.chunk {
		m.cfg.Progress.reached(m.chunk[i].TP, m.chunk[i].Next)
	}
	m.state = idle
	switch m.cfg.Commit {
	case MemberCommitAfter:
		m.behind()
		m.state, m.commit = syncing, m.client.CommitSync(now, m.take())
	case MemberCommitAsync, MemberCommitAsyncOnly:
		m.behind()
		m.client.CommitAsync(now, slices.Clone(m.done))
	}
	m.chunk = nil
}

// effect is the moment at which what was to be done for a record is done.
func (m *Member) effect() {
	n := m.nth
	for i := range m.chunk {
		x := &m.chunk[i]
		if n < len(x.Records) {
			m.processed(x, n, n+1)
			return
		}
		n -= len(x.Records)
	}
}

// processed writes down that records of a run have been processed.
func (m *Member) processed(x *client.Polled, from, to int) {
	s := &m.scribe
	s.runs, s.records = s.runs[:0], s.records[:0]
	if to-from > cap(s.records) {
		s.records = make([]history.Record, 0, 2*(to-from))
	}
	s.run(m.cfg.TPs(x.TP), x.Records[from:to], false)
	id, gen := m.client.Member()
	s.write(history.Event{E: history.OK, F: history.Process, ID: m.cfg.Recorder.Op(), Runs: s.runs, Group: m.cfg.Settings.GroupID, Gen: gen, Member: id})
	m.records += int64(to - from)
	m.cfg.Progress.reached(x.TP, x.Records[to-1].Offset+1)
}

// give gives what was polled to the workers. When they have enough the partitions are
// paused, so that the poll loop goes on and the member stays one.
func (m *Member) give(list []client.Polled) {
	for i := range list {
		x := &list[i]
		for j := range x.Records {
			q := queued{run: client.Polled{TP: x.TP, Records: x.Records[j : j+1]}, next: x.Records[j].Offset + 1}
			if j == len(x.Records)-1 {
				q.next = x.Next
			}
			m.queue = append(m.queue, q)
		}
	}
	if len(m.queue) >= m.cfg.Workers*mostQueued && !m.paused {
		m.paused = true
		for _, tp := range m.client.Owned() {
			m.client.Pause(tp)
		}
	}
}

// workers lets the workers work: those at the head of the queue are with one.
func (m *Member) workers(now machine.Instant) {
	for {
		busy := m.queue[:min(len(m.queue), m.cfg.Workers)]
		done := -1
		for i := range busy {
			q := &busy[i]
			if q.until == 0 {
				q.until = now.Add(max(m.cfg.Work+m.cfg.Settle, 1))
			}
			if q.until <= now && done < 0 {
				done = i
			}
		}
		if done < 0 {
			break
		}
		m.processed(&busy[done].run, 0, 1)
		m.cfg.Progress.reached(busy[done].run.TP, busy[done].next)
		m.queue = slices.Delete(m.queue, done, done+1)
	}
	if m.paused && len(m.queue) < m.cfg.Workers*mostQueued/2 {
		m.paused = false
		for _, tp := range m.client.Owned() {
			m.client.Resume(tp)
		}
	}
}
