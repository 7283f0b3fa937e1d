package story

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/log"
	logreplica "brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/sim"
	"brokersim/sim/scenario"
	"brokersim/workloads"
)

// replica is what a replica was after a step. It is never changed: the next state
// is another one.
type replica struct {
	entries []entry // the log, a record each
	start   int64
	end     int64
	hw      int64
	durable int64
	digest  uint64

	grown  bool // from the state before, nothing of which was cut
	closed bool // its node has started and not opened it yet
	leads  bool
	state  logreplica.State
}

// entry is a record in a log.
type entry struct {
	offset   int64
	record   int64 // its unique id; 0: not one of a workload
	epoch    int32 // of the leader that appended it
	producer int64
	pepoch   int16
	sequence int32
}

// change is what a step has changed that others can come to depend on.
type change struct {
	kind changeKind
	tp   wire.TP
	was  *replica // before and after, of a replica's changes
	is   *replica

	from, until int64 // offsets

	leader int32 // of elected and inSync; the broker of fenced and unfenced
	epoch  int32
	isr    []int32
	text   string // of gaveUp
}

type changeKind uint8

const (
	updated   changeKind = iota // nothing that is told: only the state
	appended                    // [from, until)
	truncated                   // [from, until) is gone: a leader said so
	vanished                    // [from, until) is gone: a start has not found it
	committed                   // the high watermark went from from to until
	began                       // to lead, in an epoch
	ceased                      // to lead
	gaveUp                      // the broker, for its disk

	elected  // by the controller
	inSync   // the controller has another ISR
	fenced   // a broker
	unfenced // a broker
)

// start is a start of a node, before which its replicas were seen last.
type start struct {
	moment int
	torn   bool // its disk has lost something of the replica
}

// started notes that a node's replicas are what its disk has left of them when they
// are seen next.
func (r *recorder) started(m *scenario.Moment, now int) {
	node := m.Event.Node
	for at := range r.replicas { // unordered: each by itself
		if at.node != node {
			continue
		}
		x, before := r.unseen[at]
		if !before {
			x.moment = now
		}
		x.torn = x.torn || torn(m.Losses(), at, r.alive[node])
		r.unseen[at] = x
	}
	r.alive[node], r.failed[node] = m.Event.At, false
}

// torn reports whether a disk has lost something of a replica since.
func torn(losses []sim.Loss, at place, since machine.Instant) bool {
	return slices.ContainsFunc(losses, func(l sim.Loss) bool {
		return l.Node == at.node && l.At >= since && strings.HasPrefix(l.File, logreplica.Dir(at.tp)+"/")
	})
}

// brokerChanges compares a broker with what it was.
func (r *recorder) brokerChanges(node string, b *log.Broker) (list []change) {
	r.metadata.learn(b.Image())
	for _, x := range b.Replicas() {
		at := place{node, x.TP()}
		was := r.replicas[at]
		is := look(x, was)
		if begin, ok := r.unseen[at]; ok {
			delete(r.unseen, at)
			was = r.reopened(at, begin, is)
		}
		if is == was {
			continue
		}
		r.replicas[at] = is
		if was == nil {
			was = &replica{state: noState}
		}
		list = append(list, compare(at.tp, was, is)...)
	}
	if err := b.Err(); err != nil && !r.failed[node] {
		r.failed[node] = true
		list = append(list, change{kind: gaveUp, text: err.Error()})
	}
	return list
}

var noState = logreplica.State{Leader: logreplica.NoLeader, LeaderEpoch: -1}

// reopened says what a disk had left of a replica when its node started, now that it
// is seen for the first time since: all that it had, or if the disk has lost
// something, no more than it has now. What is missing beyond that was cut since.
func (r *recorder) reopened(at place, begin start, is *replica) *replica {
	was := r.replicas[at]
	c := change{kind: updated, tp: at.tp, was: was, is: &replica{
		entries: was.entries, start: was.start, end: was.end, durable: was.end, digest: was.digest, state: noState, closed: true,
	}}
	if common := was.common(is); begin.torn && common < was.end {
		c.kind, c.from, c.until = vanished, common, was.end
		c.is.end, c.is.durable, c.is.digest = common, common, 0
		c.is.entries = was.span(was.start, common)
	}
	m := &r.moments[begin.moment]
	m.changes = append(m.changes, c)
	return c.is
}

// look is a replica as it is; was itself if nothing has changed.
func look(x *logreplica.Replica, was *replica) *replica {
	is := &replica{
		start: x.LogStart(), end: x.LogEnd(), hw: x.HighWatermark(), durable: x.Durable(), digest: x.Digest(x.LogEnd()),
		leads: x.Leads(), state: x.State(),
	}
	is.grown = was != nil && was.end <= is.end && was.start == is.start && x.Digest(was.end) == was.digest
	switch {
	case !is.grown:
		is.entries = read(x, is.start, nil)
	case was.end < is.end:
		is.entries = read(x, was.end, was.entries)
	default:
		is.entries = was.entries
	}
	if is.grown && !was.closed && was.end == is.end && was.hw == is.hw && was.durable == is.durable && was.leads == is.leads && sameState(was.state, is.state) {
		return was
	}
	is.state.ISR, is.state.Replicas = slices.Clone(is.state.ISR), slices.Clone(is.state.Replicas)
	return is
}

func sameState(a, b logreplica.State) bool {
	return a.Leader == b.Leader && a.LeaderEpoch == b.LeaderEpoch && a.PartitionEpoch == b.PartitionEpoch &&
		a.Recovering == b.Recovering && slices.Equal(a.ISR, b.ISR)
}

// read adds the records of a log from an offset on. What cannot be read is left out.
// The states of a replica share memory: only the newest is added to, and never
// changed otherwise.
func read(x *logreplica.Replica, from int64, before []entry) []entry {
	list := before
	_ = x.Each(from, func(b *wire.Batch, rec *wire.Record) error { // all there is
		e := entry{offset: b.BaseOffset + int64(rec.OffsetDelta), epoch: b.LeaderEpoch, producer: b.ProducerID, pepoch: b.ProducerEpoch, sequence: -1}
		if b.BaseSequence >= 0 {
			e.sequence = b.BaseSequence + rec.OffsetDelta
		}
		e.record, _ = workloads.IDOf(rec)
		if e.offset >= from {
			list = append(list, e)
		}
		return nil
	})
	return list
}

// compare says what has become of a replica in a life.
func compare(tp wire.TP, was, is *replica) (list []change) {
	add := func(c change) {
		c.tp, c.was, c.is = tp, was, is
		list = append(list, c)
	}
	common := was.common(is)
	if common < was.end {
		add(change{kind: truncated, from: common, until: was.end})
	}
	if common < is.end {
		add(change{kind: appended, from: common, until: is.end})
	}
	switch {
	case is.leads && (!was.leads || was.state.LeaderEpoch != is.state.LeaderEpoch):
		add(change{kind: began, epoch: is.state.LeaderEpoch, leader: is.state.Leader, isr: is.state.ISR})
	case was.leads && !is.leads:
		add(change{kind: ceased, epoch: is.state.LeaderEpoch, leader: is.state.Leader})
	}
	if was.hw < is.hw && !was.closed {
		add(change{kind: committed, from: was.hw, until: is.hw})
	}
	if len(list) == 0 {
		add(change{kind: updated})
	}
	return list
}

// common is the offset below which two states of a log, the second the later, hold
// the same records.
func (a *replica) common(b *replica) int64 {
	if b.grown {
		return min(a.end, b.end)
	}
	for i := range min(len(a.entries), len(b.entries)) {
		if a.entries[i] != b.entries[i] {
			return a.entries[i].offset
		}
	}
	return min(a.end, b.end)
}

// span are the records of [from, until).
func (a *replica) span(from, until int64) []entry {
	byOffset := func(e entry, o int64) int { return cmp.Compare(e.offset, o) }
	i, _ := slices.BinarySearchFunc(a.entries, from, byOffset)
	k, _ := slices.BinarySearchFunc(a.entries, max(from, until), byOffset)
	return a.entries[i:k:k]
}

// at is the record at an offset; not ok if the log has none there.
func (a *replica) at(offset int64) (entry, bool) {
	if at := a.span(offset, offset+1); len(at) > 0 {
		return at[0], true
	}
	return entry{}, false
}

// holds reports whether the log has a record anywhere.
func (a *replica) holds(record int64) bool {
	return slices.ContainsFunc(a.entries, func(e entry) bool { return e.record == record })
}

func brokerName(id int32) string { return fmt.Sprintf("b%d", id) }

// brokerID is the id of a broker by its name.
func brokerID(node string) int32 {
	id, _ := strconv.ParseInt(strings.TrimPrefix(node, "b"), 10, 32)
	return int32(id)
}
