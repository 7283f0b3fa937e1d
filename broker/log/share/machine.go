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
	var r kmsg.Response
	switch req := command.(type) {
	case *kmsg.InitializeShareGroupStateRequest:
		r = m.initialize(req)
	case *kmsg.ReadShareGroupStateRequest:
		r = m.read(req)
	case *kmsg.WriteShareGroupStateRequest:
		r = m.write(req)
	case *kmsg.DeleteShareGroupStateRequest:
		r = m.delete(req)
	case *kmsg.ReadShareGroupStateSummaryRequest:
		r = m.summary(req)
	case TopicsDeleted:
		m.topicsDeleted(req)
	default:
		panic("share: not a command of a share coordinator")
	}
	if from.Token != 0 && r != nil {
		m.out.Answers = append(m.out.Answers, coordinator.Answer{To: from.Token, Body: r})
	}
	return m.out
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

func why(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (m *Machine) initialize(req *kmsg.InitializeShareGroupStateRequest) kmsg.Response {
	r := kmsg.NewPtrInitializeShareGroupStateResponse()
	r.Topics = []kmsg.InitializeShareGroupStateResponseTopic{}
	seen := map[Key]bool{}
	for i := range req.Topics {
		t := kmsg.NewInitializeShareGroupStateResponseTopic()
		t.TopicID, t.Partitions = req.Topics[i].TopicID, []kmsg.InitializeShareGroupStateResponseTopicPartition{}
		for _, p := range req.Topics[i].Partitions {
			x := kmsg.NewInitializeShareGroupStateResponseTopicPartition()
			k := Key{req.GroupID, t.TopicID, p.Partition}
			code, text := m.check(k)
			s := m.known[k]
			switch {
			case code != 0:
			case seen[k] || p.StartOffset < uninitialized || p.StateEpoch < 0: // which no log may have: see Replay
				code, text = wire.InvalidRequest, "The start offset or the state epoch is invalid, or the partition is named twice."
			case s != nil && s.stateEpoch > p.StateEpoch:
				code, text = wire.FencedStateEpoch, fencedState
			default:
				next := kept{stateEpoch: p.StateEpoch, start: p.StartOffset, created: m.wall(), written: m.wall()}
				if s != nil {
					next.snapshot = s.snapshot + 1
				}
				m.record(snapshotRecord(k, &next))
			}
			seen[k] = true
			x.Partition, x.ErrorCode, x.ErrorMessage = p.Partition, code, why(text)
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

const (
	fencedState  = "The share coordinator rejected the request because the share-group state epoch did not match."
	fencedLeader = "The leader epoch in the request is older than the epoch on the broker."
	neverBegun   = "operation on uninitialized share partition not allowed."
)

// read is a leader that begins: it is told all, and from now on nobody of an earlier epoch is
// heard.
func (m *Machine) read(req *kmsg.ReadShareGroupStateRequest) kmsg.Response {
	r := kmsg.NewPtrReadShareGroupStateResponse()
	r.Topics = []kmsg.ReadShareGroupStateResponseTopic{}
	seen := map[Key]bool{}
	for i := range req.Topics {
		t := kmsg.NewReadShareGroupStateResponseTopic()
		t.TopicID, t.Partitions = req.Topics[i].TopicID, []kmsg.ReadShareGroupStateResponseTopicPartition{}
		for _, p := range req.Topics[i].Partitions {
			x := kmsg.NewReadShareGroupStateResponseTopicPartition()
			x.StateBatches, x.StartOffset = []kmsg.ReadShareGroupStateResponseTopicPartitionStateBatch{}, uninitialized
			k := Key{req.GroupID, t.TopicID, p.Partition}
			code, text := m.check(k)
			s := m.known[k]
			switch {
			case code != 0:
			case s == nil:
				code, text = wire.InvalidRequest, "Read "+neverBegun
			case s.leaderEpoch > p.LeaderEpoch:
				code, text = wire.FencedLeaderEpoch, fencedLeader
			default:
				if p.LeaderEpoch > s.leaderEpoch && !seen[k] {
					m.update(k, s, &change{leaderEpoch: p.LeaderEpoch, start: uninitialized})
				}
				x.StateEpoch, x.StartOffset = s.stateEpoch, s.start
				for _, b := range s.batches {
					x.StateBatches = append(x.StateBatches, kmsg.ReadShareGroupStateResponseTopicPartitionStateBatch{
						FirstOffset: b.First, LastOffset: b.Last, DeliveryState: int8(b.State), DeliveryCount: b.Count})
				}
			}
			seen[k] = true
			x.Partition, x.ErrorCode, x.ErrorMessage = p.Partition, code, why(text)
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
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

func (m *Machine) write(req *kmsg.WriteShareGroupStateRequest) kmsg.Response {
	r := kmsg.NewPtrWriteShareGroupStateResponse()
	r.Topics = []kmsg.WriteShareGroupStateResponseTopic{}
	seen := map[Key]bool{}
	for i := range req.Topics {
		t := kmsg.NewWriteShareGroupStateResponseTopic()
		t.TopicID, t.Partitions = req.Topics[i].TopicID, []kmsg.WriteShareGroupStateResponseTopicPartition{}
		for j := range req.Topics[i].Partitions {
			p := &req.Topics[i].Partitions[j]
			x := kmsg.NewWriteShareGroupStateResponseTopicPartition()
			k := Key{req.GroupID, t.TopicID, p.Partition}
			code, text := m.check(k)
			s := m.known[k]
			batches, sound := written(p.StateBatches)
			switch {
			case code != 0:
			case s == nil:
				code, text = wire.InvalidRequest, "Write "+neverBegun
			case s.leaderEpoch > p.LeaderEpoch:
				code, text = wire.FencedLeaderEpoch, fencedLeader
			case s.stateEpoch > p.StateEpoch:
				code, text = wire.FencedStateEpoch, fencedState
			case seen[k] || !sound || p.StartOffset < uninitialized:
				code, text = wire.InvalidRequest, "The batches are no state, or the partition is named twice."
			default:
				m.update(k, s, &change{leaderEpoch: p.LeaderEpoch, start: p.StartOffset, batches: Combine(nil, batches, max(p.StartOffset, 0))})
				s.done = p.DeliveryCompleteCount
			}
			seen[k] = true
			x.Partition, x.ErrorCode, x.ErrorMessage = p.Partition, code, why(text)
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

func written(list []kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch) (batches []Batch, sound bool) {
	for _, b := range list {
		x := Batch{Range{b.FirstOffset, b.LastOffset}, State(b.DeliveryState), b.DeliveryCount}
		if x.First < 0 || x.Last < x.First || x.Last == math.MaxInt64 || x.Count < 0 || x.State != Available && !x.State.final() {
			return nil, false
		}
		batches = append(batches, x)
	}
	return batches, true
}

func (m *Machine) delete(req *kmsg.DeleteShareGroupStateRequest) kmsg.Response {
	r := kmsg.NewPtrDeleteShareGroupStateResponse()
	r.Topics = []kmsg.DeleteShareGroupStateResponseTopic{}
	for i := range req.Topics {
		t := kmsg.NewDeleteShareGroupStateResponseTopic()
		t.TopicID, t.Partitions = req.Topics[i].TopicID, []kmsg.DeleteShareGroupStateResponseTopicPartition{}
		for _, p := range req.Topics[i].Partitions {
			x := kmsg.NewDeleteShareGroupStateResponseTopicPartition()
			k := Key{req.GroupID, t.TopicID, p.Partition}
			code, text := m.check(k)
			if code == 0 && m.known[k] != nil { // what is not there is as it is to be
				m.record(coordinator.Record{Key: appendKey(shareSnapshot, k)})
			}
			x.Partition, x.ErrorCode, x.ErrorMessage = p.Partition, code, why(text)
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

// summary is for who wants to know how far a group is, and leads nothing.
func (m *Machine) summary(req *kmsg.ReadShareGroupStateSummaryRequest) kmsg.Response {
	r := kmsg.NewPtrReadShareGroupStateSummaryResponse()
	r.Topics = []kmsg.ReadShareGroupStateSummaryResponseTopic{}
	for i := range req.Topics {
		t := kmsg.NewReadShareGroupStateSummaryResponseTopic()
		t.TopicID, t.Partitions = req.Topics[i].TopicID, []kmsg.ReadShareGroupStateSummaryResponseTopicPartition{}
		for _, p := range req.Topics[i].Partitions {
			x := kmsg.NewReadShareGroupStateSummaryResponseTopicPartition()
			k := Key{req.GroupID, t.TopicID, p.Partition}
			code, text := m.check(k)
			x.StartOffset, x.DeliveryCompleteCount = uninitialized, -1
			if s := m.known[k]; code == 0 && s != nil {
				x.StateEpoch, x.LeaderEpoch, x.StartOffset, x.DeliveryCompleteCount = s.stateEpoch, s.leaderEpoch, s.start, s.done
			}
			x.Partition, x.ErrorCode, x.ErrorMessage = p.Partition, code, why(text)
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
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
	switch code {
	case wire.UnknownTopicOrPartition, wire.NotEnoughReplicas, wire.NotEnoughReplicasAfterAppend, wire.RequestTimedOut:
		code = wire.CoordinatorNotAvailable
	case wire.NotLeaderOrFollower, wire.KafkaStorageError:
		code = wire.NotCoordinator
	case wire.MessageTooLarge, wire.RecordListTooLarge, wire.InvalidFetchSize:
		code = wire.UnknownServerError
	}
	out := coordinator.Outcome{}
	for _, a := range o.Answers {
		spoil(a.Body, code)
		a.AtOnce = true
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
