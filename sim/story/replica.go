package story

import (
	"fmt"
	"slices"

	"brokersim/broker/log"
	logreplica "brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
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

	leads bool
	state logreplica.State
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

// started notes that a node's replicas are what its disk has left of them when they
// are seen next.
func (r *recorder) started(node string) {
	for at := range r.replicas { // unordered: each by itself
		if at.node == node {
			r.unseen[at] = true
		}
	}
}

// brokerChanges compares a broker with what it was.
func (r *recorder) brokerChanges(node string, b *log.Broker) (list []change) {
	r.metadata.learn(b.Image())
	for _, x := range b.Replicas() {
		at := place{node, x.TP()}
		was, start := r.replicas[at], r.unseen[at]
		delete(r.unseen, at)
		is := look(x, was)
		if is == was {
			continue
		}
		r.replicas[at] = is
		if was == nil {
			was = &replica{state: logreplica.State{Leader: logreplica.NoLeader, LeaderEpoch: -1}}
		}
		list = append(list, compare(at.tp, was, is, start)...)
	}
	if err := b.Err(); err != nil {
		list = append(list, change{kind: gaveUp, text: err.Error()})
	}
	return list
}

// look is a replica as it is; was itself if nothing has changed.
func look(x *logreplica.Replica, was *replica) *replica {
	is := &replica{
		start: x.LogStart(), end: x.LogEnd(), hw: x.HighWatermark(), durable: x.Durable(), digest: x.Digest(x.LogEnd()),
		leads: x.Leads(), state: x.State(),
	}
	same := was != nil && was.end <= is.end && was.start == is.start && x.Digest(was.end) == was.digest
	switch {
	case !same:
		is.entries = read(x, is.start, nil)
	case was.end < is.end:
		is.entries = read(x, was.end, was.entries)
	default:
		is.entries = was.entries
	}
	if same && was.end == is.end && was.hw == is.hw && was.durable == is.durable && was.leads == is.leads && sameState(was.state, is.state) {
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
func read(x *logreplica.Replica, from int64, before []entry) []entry {
	list := slices.Clip(before)
	_ = x.Each(from, func(b *wire.Batch, rec *wire.Record) error { // all there is
		e := entry{offset: b.BaseOffset + int64(rec.OffsetDelta), epoch: b.LeaderEpoch, producer: b.ProducerID, pepoch: b.ProducerEpoch, sequence: -1}
		if b.BaseSequence >= 0 {
			e.sequence = b.BaseSequence + rec.OffsetDelta
		}
		e.record, _ = workloads.RecordID(rec.Value)
		if e.offset >= from {
			list = append(list, e)
		}
		return nil
	})
	return list
}

// compare says what has become of a replica.
func compare(tp wire.TP, was, is *replica, start bool) (list []change) {
	add := func(c change) {
		c.tp, c.was, c.is = tp, was, is
		list = append(list, c)
	}
	common := was.common(is)
	if common < was.end {
		c := change{kind: truncated, from: common, until: was.end}
		if start {
			c.kind = vanished
		}
		add(c)
	}
	if common < is.end && !start {
		add(change{kind: appended, from: common, until: is.end})
	}
	switch {
	case is.leads && (!was.leads || was.state.LeaderEpoch != is.state.LeaderEpoch):
		add(change{kind: began, epoch: is.state.LeaderEpoch, leader: is.state.Leader, isr: is.state.ISR})
	case was.leads && !is.leads && !start:
		add(change{kind: ceased, epoch: is.state.LeaderEpoch, leader: is.state.Leader})
	}
	if was.hw < is.hw && !start {
		add(change{kind: committed, from: was.hw, until: is.hw})
	}
	if len(list) == 0 {
		add(change{kind: updated})
	}
	return list
}

// common is the offset below which two states of a log hold the same records.
func (a *replica) common(b *replica) int64 {
	for i := range min(len(a.entries), len(b.entries)) {
		if a.entries[i] != b.entries[i] {
			return a.entries[i].offset
		}
	}
	return min(a.end, b.end)
}

// at is the record at an offset; not ok if the log has none there.
func (a *replica) at(offset int64) (entry, bool) {
	i, ok := slices.BinarySearchFunc(a.entries, offset, func(e entry, o int64) int { return int(e.offset - o) })
	if !ok {
		return entry{}, false
	}
	return a.entries[i], true
}

// holds reports whether the log has a record anywhere.
func (a *replica) holds(record int64) bool {
	return slices.ContainsFunc(a.entries, func(e entry) bool { return e.record == record })
}

func brokerName(id int32) string { return fmt.Sprintf("b%d", id) }
