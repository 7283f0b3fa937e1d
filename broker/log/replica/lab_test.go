package replica

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

// tester is a test or a property of rapid.
type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// lab is one partition: its replicas, each with a disk, and what a controller
// holds to be true of it. Nobody hears of anything unless a test says so.
type lab struct {
	t      tester
	topic  config.Topic
	lag    time.Duration
	now    machine.Instant
	truth  State
	fenced []int32
	nodes  []*node
}

// node is a broker. Its replica is nil while it is down.
type node struct {
	*Replica
	id       int32
	disk     *storagetest.Disk
	points   *failpoint.Set
	flushing []string // the files of a flush that was asked for
	about    *int32   // which question about the ISR it has: where that is in memory
	joining  *Replica // the life that this asks to be in sync
}

func newLab(t tester, n int32, topic config.Topic) *lab {
	topic.TimestampBeforeMaxMillis, topic.TimestampAfterMaxMillis = math.MaxInt64, math.MaxInt64
	l := &lab{t: t, topic: topic, lag: 10 * time.Second, truth: State{Leader: NoLeader, LeaderEpoch: -1, PartitionEpoch: -1}}
	for id := int32(1); id <= n; id++ {
		l.nodes = append(l.nodes, &node{id: id, disk: storagetest.New(), points: failpoint.New(1, uint32(id))})
		l.truth.Replicas = append(l.truth.Replicas, id)
	}
	l.truth.ISR = slices.Clone(l.truth.Replicas)
	for _, b := range l.nodes {
		l.open(b, 0)
	}
	return l
}

// both is a time on both of a node's clocks.
func both(t machine.Instant) machine.Now { return machine.Now{Mono: t, Wall: t} }

func (l *lab) node(id int32) *node { return l.nodes[id-1] }

func (l *lab) eligible(id int32) bool { return !slices.Contains(l.fenced, id) }

// plant lets a bug be in every broker from now on.
func (l *lab) plant(name string) {
	site, err := failpoint.ParseBug(name)
	for _, b := range l.nodes {
		if err == nil {
			err = b.points.Arm(site, failpoint.Always, "return(true)")
		}
	}
	if err != nil {
		l.t.Fatalf("%v", err)
	}
}

// open begins a life of a broker on what its disk holds, and says what was torn.
func (l *lab) open(b *node, checkpoint int64) (torn string) {
	l.t.Helper()
	r, recovery, err := Open(b.disk, Config{
		TP: wire.TP{Topic: "orders"}, Self: b.id, Topic: l.topic, LagTimeMax: l.lag, Eligible: l.eligible, Failpoints: b.points,
	}, Saved{HighWatermark: checkpoint})
	if err != nil {
		l.t.Fatalf("open the log of broker %d: %v", b.id, err)
	}
	b.Replica, b.flushing = r, nil
	return recovery.Reason
}

// elect has the controller name a leader, or none, in a new epoch.
func (l *lab) elect(leader int32, isr []int32) {
	l.truth.LeaderEpoch++
	l.truth.Leader = leader
	l.setISR(isr)
}

func (l *lab) setISR(isr []int32) {
	l.truth.PartitionEpoch++
	l.truth.ISR = isr
}

// tell lets a broker hear what the controller holds to be true.
func (l *lab) tell(b *node) (newEpoch bool) {
	l.t.Helper()
	s := l.truth
	s.Replicas, s.ISR = slices.Clone(s.Replicas), slices.Clone(s.ISR)
	newEpoch, err := b.Apply(l.now, s)
	if err != nil {
		l.t.Fatalf("broker %d applies %+v: %v", b.id, l.truth, err)
	}
	return newEpoch
}

// asking is a question of a leader about the ISR, on its way.
type asking struct {
	from   int32
	isr    []int32
	answer Answer
	life   *Replica // that joins; nil: not said
}

func (l *lab) ask(b *node) (q asking, ok bool) {
	s := b.State()
	isr, ok := b.Ask()
	return asking{b.id, slices.Clone(isr), Answer{LeaderEpoch: s.LeaderEpoch, PartitionEpoch: s.PartitionEpoch}, b.joining}, ok
}

// decide has the controller decide upon a question, as ReplicationControlManager
// does, and returns its answer.
func (l *lab) decide(q asking) Answer {
	a := q.answer
	switch {
	case a.LeaderEpoch < l.truth.LeaderEpoch:
		a.Code = wire.FencedLeaderEpoch
	case a.PartitionEpoch < l.truth.PartitionEpoch:
		a.Code = wire.InvalidUpdateVersion
	case !slices.ContainsFunc(q.isr, func(id int32) bool { return !l.eligible(id) || l.former(q, id) }):
		l.truth.ISR = q.isr
		l.truth.PartitionEpoch++
		a.State = l.truth
		a.State.Replicas, a.State.ISR = nil, slices.Clone(q.isr)
	default:
		a.Code = wire.IneligibleReplica
	}
	return a
}

// former reports whether the life of a broker that a question wants in sync is over: the
// leader names the broker epoch that it has heard of when the question arose (KIP-903).
func (l *lab) former(q asking, id int32) bool {
	return q.life != nil && !slices.Contains(l.truth.ISR, id) && l.node(id).Replica != q.life
}

// fetch is a follower's Fetch, on its way to a leader; fetched is the answer.
type fetch struct {
	from, to    int32
	life        *Replica // of the follower
	leaderEpoch int32
	offset      int64
	lastEpoch   int32
}

type fetched struct {
	fetch
	Read
	highWatermark int64
}

func (l *lab) fetch(f *node) (q fetch, ok bool) {
	if !f.Follows() || f.Flushing() {
		return q, false
	}
	q = fetch{from: f.id, to: f.State().Leader, life: f.Replica, leaderEpoch: f.State().LeaderEpoch}
	q.offset, q.lastEpoch = f.Position()
	return q, true
}

// serve has a leader answer a follower, in the order in which Kafka does.
func (l *lab) serve(b *node, q fetch, maxBytes int32) fetched {
	a := fetched{fetch: q, highWatermark: -1}
	if a.Code = b.CheckEpoch(q.leaderEpoch); a.Code != 0 {
		return a
	}
	a.Read = b.Read(Reader{Isolation: ToLogEnd, From: q.offset, LastEpoch: q.lastEpoch, CurrentEpoch: q.leaderEpoch}, maxBytes, true)
	if a.Code == 0 {
		a.highWatermark = b.HighWatermark()
		if !a.Diverges {
			b.Fetched(l.now, q.from, q.offset)
		}
	}
	return a
}

// take gives a follower an answer that is not too late.
func (l *lab) take(f *node, a fetched) {
	l.t.Helper()
	if f.Replica != a.life || !f.Follows() || f.State().LeaderEpoch != a.leaderEpoch || f.LogEnd() != a.offset || a.Code != 0 {
		return
	}
	var err error
	if a.Diverges {
		err = f.Diverged(a.DivergeEpoch, a.DivergeOffset)
	} else {
		err = f.AppendFetched(a.Records, a.highWatermark)
	}
	if err != nil {
		l.t.Fatalf("broker %d takes %+v: %v", f.id, a, err)
	}
}

// flush asks for a flush where one is due. It is done when the test says so.
func (l *lab) flush(b *node) bool {
	files := b.Flush()
	if len(files) > 0 {
		b.flushing = files
	}
	return len(files) > 0
}

// synced ends a flush.
func (l *lab) synced(b *node) (moved bool) {
	for _, file := range b.flushing {
		b.disk.Sync(file)
		moved = b.Flushed(l.now)
	}
	b.flushing = nil
	return moved
}

// batch is a producer's batch with a record for each value, a millisecond apart.
func batch(pid int64, epoch int16, seq int32, timestamp int64, values ...string) machine.Bytes {
	w := wire.NewBuilder(pid, epoch, seq)
	for i, v := range values {
		w.Append(timestamp+int64(i), nil, []byte(v), nil)
	}
	return w.Bytes()
}

// inLog is one record as it stands in a log.
type inLog struct {
	offset int64
	epoch  int32
	value  string
}

func (l *lab) records(r *Replica, from int64) (list []inLog) {
	l.t.Helper()
	err := r.Each(from, func(h *wire.Batch, rec *wire.Record) error {
		list = append(list, inLog{h.BaseOffset + int64(rec.OffsetDelta), h.LeaderEpoch, string(rec.Value)})
		return nil
	})
	if err != nil {
		l.t.Fatalf("records: %v", err)
	}
	return list
}

// describe is a replica on one line.
func (b *node) describe() string {
	if b.Replica == nil {
		return fmt.Sprintf("b%d down", b.id)
	}
	var s strings.Builder
	state := b.State()
	fmt.Fprintf(&s, "b%d ", b.id)
	switch {
	case b.Leads():
		fmt.Fprintf(&s, "leads epoch %d", state.LeaderEpoch)
	case b.Follows():
		fmt.Fprintf(&s, "follows b%d in epoch %d", state.Leader, state.LeaderEpoch)
	default:
		s.WriteString("idle")
	}
	fmt.Fprintf(&s, ": high watermark %d of %d", b.HighWatermark(), b.LogEnd())
	if b.Flushing() {
		fmt.Fprintf(&s, ", counted to %d", b.flush.counted)
	}
	s.WriteString(", epochs")
	for _, e := range b.epochs.list {
		fmt.Fprintf(&s, " %d@%d", e.Epoch, e.Start)
	}
	if b.Leads() {
		fmt.Fprintf(&s, "\n   ISR %d at partition epoch %d", state.ISR, state.PartitionEpoch)
		if q := &b.asked; q.open() {
			fmt.Fprintf(&s, ", wants %d", q.isr)
			switch {
			case q.closed:
				s.WriteString(" and waits for the metadata")
			case q.sent:
				s.WriteString(" and has asked")
			}
		}
		s.WriteString("; followers")
		for _, f := range b.followers {
			fmt.Fprintf(&s, " b%d:%d", f.id, f.logEnd)
		}
	}
	return s.String()
}
