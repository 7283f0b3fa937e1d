package share

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

var uuidText = base64.RawURLEncoding

// Config is what a machine is made with.
type Config struct {
	// Broker has the settings share.coordinator.*. It is read with every decision.
	Broker *config.Broker
	// Exists says whether the cluster has a partition.
	Exists func(topic [16]byte, partition int32) bool
}

// TopicsDeleted is the command that tells a machine of topics that are no more: what it keeps
// of them goes. It has no answer.
type TopicsDeleted struct{ IDs [][16]byte }

// Machine is the coordinator of the share partitions of one partition of __share_group_state: it
// keeps what their leaders have it write down (ShareCoordinatorShard).
type Machine struct {
	cfg   Config
	known map[Key]*kept

	pruneAt machine.Instant
	now     machine.Now
	out     coordinator.Outcome
}

// kept is what is kept of a share partition.
type kept struct {
	snapshot    int32 // the epoch of the last snapshot
	stateEpoch  int32
	leaderEpoch int32
	start       int64 // uninitialized: whoever leads the partition is to choose
	created     int64 // ms of the wall clock
	written     int64
	batches     []Batch

	at      int64 // the offset of the snapshot
	updates int32 // records since
	done    int32 // deliveryCompleteCount as the leader has said it last; -1: it has not. Not in the log.
}

// uninitialized is the start of a share partition that nobody has read yet.
const uninitialized int64 = -1

var _ coordinator.Machine = (*Machine)(nil)

// NewMachine returns a machine that has replayed nothing.
func NewMachine(cfg Config) *Machine {
	return &Machine{cfg: cfg, known: map[Key]*kept{}, pruneAt: machine.Never}
}

// Request implements [coordinator.Machine].
func (m *Machine) Request(now machine.Now, from coordinator.Caller, command any) coordinator.Outcome {
	m.now, m.out = now, coordinator.Outcome{}
	switch req := command.(type) {
	case TopicsDeleted:
		m.topicsDeleted(req)
	case kmsg.Request:
		r := m.decide(req)
		if from.Token != 0 {
			m.out.Answers = append(m.out.Answers, coordinator.Answer{To: from.Token, Body: r})
		}
	default:
		panic("share: not a command of a share coordinator")
	}
	return m.out
}

// decide decides about each share partition of a request by itself.
func (m *Machine) decide(req kmsg.Request) kmsg.Response {
	seen := map[Key]bool{}
	return Response(req.Key(), over[Topic[Answer]](Calls(req), func(_ [16]byte, c *Call) Answer {
		a := Answer{Partition: c.Key.Partition, Start: uninitialized, Done: -1}
		code, text := m.check(c.Key)
		if code == 0 {
			code, text = m.decideOne(c, seen[c.Key], &a)
		}
		seen[c.Key] = true
		if a.Code = code; text != "" {
			a.Message = &text
		}
		return a
	}))
}

// decideOne is about one that there is. again says that the request has named it before.
func (m *Machine) decideOne(c *Call, again bool, a *Answer) (code int16, text string) {
	switch c.API {
	case wire.InitializeShareState:
		return m.initialize(c, again)
	case wire.ReadShareState:
		return m.read(c, again, a)
	case wire.WriteShareState:
		return m.write(c, again)
	case wire.DeleteShareState:
		m.delete(c)
	case wire.SummarizeShareState:
		m.summarize(c, a)
	}
	return 0, ""
}

func (m *Machine) record(r coordinator.Record) { m.out.Records = append(m.out.Records, r) }

// wall is the time that is put into records, in ms.
func (m *Machine) wall() int64 { return m.now.Wall.Millis() }

// check is Kafka's error of any request about a share partition, and what it says.
func (m *Machine) check(k Key) (code int16, text string) {
	switch {
	case k.Group == "":
		return wire.InvalidRequest, "The group id cannot be null or empty."
	case len(k.Group) > mostGroup:
		return wire.InvalidRequest, "The group id is too long."
	case k.Partition < 0:
		return wire.InvalidRequest, "The partition id cannot be a negative number."
	case !m.cfg.Exists(k.Topic, k.Partition):
		return wire.UnknownTopicOrPartition, "This server does not host this topic-partition."
	}
	return 0, ""
}

// mostGroup is how long a group's id may be in a key.
const mostGroup = 1<<15 - 1

const (
	fencedState  = "The share coordinator rejected the request because the share-group state epoch did not match."
	fencedLeader = "The leader epoch in the request is older than the epoch on the broker."
	neverBegun   = "operation on uninitialized share partition not allowed."
)

func (m *Machine) initialize(c *Call, again bool) (code int16, text string) {
	s := m.known[c.Key]
	switch {
	case again || c.Start < uninitialized || c.StateEpoch < 0: // which no log may have: see Replay
		return wire.InvalidRequest, "The start offset or the state epoch is invalid, or the partition is named twice."
	case s != nil && s.stateEpoch > c.StateEpoch:
		return wire.FencedStateEpoch, fencedState
	}
	next := kept{stateEpoch: c.StateEpoch, start: c.Start, created: m.wall(), written: m.wall()}
	if s != nil {
		next.snapshot = s.snapshot + 1
	}
	m.record(snapshotRecord(c.Key, &next))
	return 0, ""
}

// read is a leader that begins: it is told all, and from now on nobody of an earlier epoch is
// heard.
func (m *Machine) read(c *Call, again bool, a *Answer) (code int16, text string) {
	s := m.known[c.Key]
	switch {
	case s == nil:
		return wire.InvalidRequest, "Read " + neverBegun
	case s.leaderEpoch > c.LeaderEpoch:
		return wire.FencedLeaderEpoch, fencedLeader
	}
	if c.LeaderEpoch > s.leaderEpoch && !again {
		m.update(c.Key, s, &change{leaderEpoch: c.LeaderEpoch, start: uninitialized})
	}
	a.StateEpoch, a.Start, a.Batches = s.stateEpoch, s.start, s.batches
	return 0, ""
}

// update puts a change into a record: of all that is known, if there were many changes since
// that was last done (share.coordinator.snapshot.update.records.per.snapshot).
func (m *Machine) update(k Key, s *kept, c *change) {
	c.snapshot = s.snapshot
	if s.updates < m.cfg.Broker.ShareUpdatesPerSnapshot {
		m.record(updateRecord(k, c))
		return
	}
	next := s.after(c)
	next.snapshot++
	next.written = m.wall()
	m.record(snapshotRecord(k, &next))
}

// after is what is kept after a change.
func (s *kept) after(c *change) kept {
	next := *s
	if c.leaderEpoch >= 0 {
		next.leaderEpoch = c.leaderEpoch
	}
	if c.start >= 0 {
		next.start = max(next.start, c.start)
	}
	next.batches = Combine(s.batches, c.batches, max(next.start, 0))
	return next
}

func (m *Machine) write(c *Call, again bool) (code int16, text string) {
	s := m.known[c.Key]
	switch {
	case s == nil:
		return wire.InvalidRequest, "Write " + neverBegun
	case s.leaderEpoch > c.LeaderEpoch:
		return wire.FencedLeaderEpoch, fencedLeader
	case s.stateEpoch > c.StateEpoch:
		return wire.FencedStateEpoch, fencedState
	case again || slices.ContainsFunc(c.Batches, unsound) || c.Start < uninitialized:
		return wire.InvalidRequest, "The batches are no state, or the partition is named twice."
	}
	m.update(c.Key, s, &change{leaderEpoch: c.LeaderEpoch, start: c.Start, batches: Combine(nil, c.Batches, max(c.Start, 0))})
	s.done = c.Done
	return 0, ""
}

// unsound says that a batch is no state that may be kept.
func unsound(b Batch) bool {
	return b.First < 0 || b.Last < b.First || b.Last == math.MaxInt64 || b.Count < 0 || b.State != Available && !b.State.final()
}

func (m *Machine) delete(c *Call) {
	if m.known[c.Key] != nil { // what is not there is as it is to be
		m.record(coordinator.Record{Key: appendKey(shareSnapshot, c.Key)})
	}
}

// summarize is for who wants to know how far a group is, and leads nothing.
func (m *Machine) summarize(c *Call, a *Answer) {
	if s := m.known[c.Key]; s != nil {
		a.StateEpoch, a.LeaderEpoch, a.Start, a.Done = s.stateEpoch, s.leaderEpoch, s.start, s.done
	}
}

func (m *Machine) topicsDeleted(c TopicsDeleted) {
	for _, k := range m.keys() {
		if slices.Contains(c.IDs, k.Topic) {
			m.record(coordinator.Record{Key: appendKey(shareSnapshot, k)})
		}
	}
}

// keys are the share partitions that are known, in an order.
func (m *Machine) keys() []Key {
	// total: keys are distinct
	return slices.SortedFunc(maps.Keys(m.known), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), slices.Compare(a.Topic[:], b.Topic[:]), cmp.Compare(a.Partition, b.Partition))
	})
}

// coldBatch bounds how many snapshots go into one batch.
const coldBatch = 500

// Tick implements [coordinator.Machine]: what was not written for long is written anew, so that
// the log need not be kept for its sake.
func (m *Machine) Tick(now machine.Now) coordinator.Outcome {
	m.now, m.out = now, coordinator.Outcome{}
	if now.Mono < m.pruneAt {
		return m.out
	}
	m.pruneAt = now.Mono.Add(m.cfg.Broker.ShareColdSnapshotInterval)
	old := m.wall() - m.cfg.Broker.ShareColdSnapshotInterval.Milliseconds()
	for _, k := range m.keys() {
		if s := m.known[k]; s.written <= old {
			next := *s
			next.snapshot++
			next.written = m.wall()
			m.record(snapshotRecord(k, &next))
		}
		if len(m.out.Records) == coldBatch {
			m.pruneAt = now.Mono // there may be more
			break
		}
	}
	return m.out
}

// Deadline implements [coordinator.Machine].
func (m *Machine) Deadline() machine.Instant { return m.pruneAt }

// Loaded implements [coordinator.Machine].
func (m *Machine) Loaded(now machine.Now) coordinator.Outcome {
	m.now, m.out = now, coordinator.Outcome{}
	m.pruneAt = now.Mono.Add(m.cfg.Broker.ShareColdSnapshotInterval)
	return m.out
}

// Needed is the first offset of the log of which anything is needed still; end is where the log
// ends (ShareCoordinatorOffsetsManager).
func (m *Machine) Needed(end int64) int64 {
	// unordered: the least
	for _, s := range m.known {
		end = min(end, s.at)
	}
	return end
}

// Replay implements [coordinator.Machine].
func (m *Machine) Replay(at coordinator.Position, key, value []byte) error {
	kind, k, err := readKey(key)
	if err != nil {
		return bad(at, "key: %v", err)
	}
	switch {
	case kind > shareUpdate:
		return bad(at, "key of unknown type %d", kind)
	case value == nil && kind == shareSnapshot:
		delete(m.known, k)
		return nil
	case value == nil:
		return nil
	case kind == shareSnapshot:
		s, err := readSnapshot(value)
		if err != nil {
			return bad(at, "snapshot of %s: %v", k.Coordinator(), err)
		}
		if s.start < uninitialized || s.leaderEpoch < 0 || s.stateEpoch < 0 {
			return bad(at, "snapshot of %s from offset %d on, leader epoch %d, state epoch %d", k.Coordinator(), s.start, s.leaderEpoch, s.stateEpoch)
		}
		s.at, s.done = at.Offset, -1
		if old := m.known[k]; old != nil && old.stateEpoch == s.stateEpoch {
			s.done = old.done
		}
		m.known[k] = s
		return nil
	}
	c, err := readUpdate(value)
	if err != nil {
		return bad(at, "update of %s: %v", k.Coordinator(), err)
	}
	s := m.known[k]
	if s == nil {
		return nil // of what was deleted, or the log begins behind its snapshot
	}
	*s = s.after(c)
	s.updates++
	s.written = at.Timestamp
	return nil
}

func bad(at coordinator.Position, format string, args ...any) error {
	return fmt.Errorf("offset %d: %s", at.Offset, fmt.Sprintf(format, args...))
}

// Marker implements [coordinator.Machine]: there are no transactions here.
func (m *Machine) Marker(int64, int16, bool) {}

// Gone implements [coordinator.Machine].
func (m *Machine) Gone(coordinator.Token) {}

// Dropped implements [coordinator.Machine].
func (m *Machine) Dropped(_ machine.Now, o coordinator.Outcome, code int16) coordinator.Outcome {
	code = wire.CoordinatorError(code)
	out := coordinator.Outcome{}
	for _, a := range o.Answers {
		a.Body, a.AtOnce = spoiled(a.Body, code), true
		out.Answers = append(out.Answers, a)
	}
	return out
}

// Durable is what the log says, a line each.
func (m *Machine) Durable() string {
	var b strings.Builder
	for _, k := range m.keys() {
		s := m.known[k]
		fmt.Fprintf(&b, "%s: state epoch %d, leader epoch %d, from %d on %v\n", k.Coordinator(), s.stateEpoch, s.leaderEpoch, s.start, s.batches)
	}
	return b.String()
}
