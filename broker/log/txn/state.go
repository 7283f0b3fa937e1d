package txn

import (
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"
)

// State is what a transactional id is in. Dead and PrepareEpochFence, which Kafka has too,
// are no states here: an id is dead when its tombstone is replayed, and a producer is fenced
// by the same record that begins to abort its transaction.
type State int8

// The states, by their numbers in the log.
const (
	Empty          State = 0
	Ongoing        State = 1
	PrepareCommit  State = 2
	PrepareAbort   State = 3
	CompleteCommit State = 4
	CompleteAbort  State = 5
)

// String is the state's name as Kafka shows it to operators.
func (s State) String() string { return kmsg.TransactionState(s).String() }

// ended reports whether there is no transaction, or one that nothing is left to be done of.
func (s State) ended() bool { return s == Empty || s == CompleteCommit || s == CompleteAbort }

// ending reports whether markers are still to be written.
func (s State) ending() bool { return s == PrepareCommit || s == PrepareAbort }

// follows reports whether a state may come right after another
// (TransactionState.validPreviousStates).
func (s State) follows(before State) bool {
	switch s {
	case Ongoing:
		return before == Ongoing || before.ended()
	case PrepareCommit:
		return before == Ongoing
	case PrepareAbort: // of nothing, too, from transaction version 2 on
		return before == Ongoing || before.ended()
	case CompleteCommit:
		return before == PrepareCommit
	case CompleteAbort:
		return before == PrepareAbort
	}
	return s == Empty && before.ended()
}

// none is no producer id, and no epoch.
const none = -1

// lastEpoch is the last epoch that a producer is given: the one above it is kept for fencing
// it (TransactionMetadata.isEpochExhausted).
const lastEpoch = math.MaxInt16 - 1

// epochBump is the transaction version from which on the epoch of a producer is raised at
// the end of each of its transactions (KIP-890).
const epochBump = 2

func (r *record) exhausted() bool { return r.epoch >= lastEpoch }

// transaction is a transactional id.
type transaction struct {
	id string
	record
	// since is when the transaction began, by the node's own clock, or when this coordinator
	// did, if that was later.
	since machine.Instant
	// written says that all markers are written, and that the word of it could not be appended.
	written bool
}

// to is a record of a later state. Everything that a decision may not do to a record is
// checked here.
func (r record) to(s State, wall int64) record {
	if !s.follows(r.state) {
		panic(fmt.Sprintf("txn: %v after %v", s, r.state))
	}
	r.state, r.updated, r.previous = s, wall, r.producer
	return r
}

// begun is a record with more partitions in its transaction.
func (r record) begun(wall int64, more []coordinator.TopicPartitions, version int16) record {
	if r.state.ended() {
		r.started = wall
	}
	r = r.to(Ongoing, wall)
	r.version, r.partitions = version, union(r.partitions, more)
	return r
}

// completed is a record whose markers are all written.
func (r record) completed(wall int64) record {
	if r.state == PrepareCommit {
		r = r.to(CompleteCommit, wall)
	} else {
		r = r.to(CompleteAbort, wall)
	}
	if r.next != none && r.version >= epochBump {
		r.producer, r.epoch = r.next, 0
	}
	r.next, r.partitions = none, nil
	return r
}

// initialized is a record of a producer that begins, or begins anew.
func (r record) initialized(wall int64) record {
	r = r.to(Empty, wall)
	r.started, r.next, r.version, r.partitions = none, none, 0, nil
	return r
}
