package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// TxnState is where a transactional producer stands (TransactionManager.State).
type TxnState uint8

// The states. Of an AbortableError nothing comes but [Producer.AbortTransaction]; of a
// FatalError nothing at all.
const (
	Uninitialized TxnState = iota
	Initializing           // InitTransactions was called, or the epoch is being bumped
	Ready
	InTransaction
	Committing
	Aborting
	AbortableError
	FatalError
)

// String returns the state as Kafka writes it.
func (s TxnState) String() string {
	return [...]string{"UNINITIALIZED", "INITIALIZING", "READY", "IN_TRANSACTION", "COMMITTING_TRANSACTION", "ABORTING_TRANSACTION", "ABORTABLE_ERROR", "FATAL_ERROR"}[s]
}

// GroupMetadata is who commits the offsets of a transaction (KIP-447): a member of a
// generation, so that one which was left behind cannot.
type GroupMetadata struct {
	Group      string
	Generation int32  // -1 unless a member
	Member     string // empty unless a member
	Instance   string // group.instance.id, or empty
}

// TxnOffset is a position that is to be committed with a transaction.
type TxnOffset struct {
	TP       wire.TP
	Offset   int64 // of the next record to be read
	Epoch    int32 // the leader epoch of the record before; -1 if not known
	Metadata string
}

// transaction is what a producer with a transactional.id is beside an idempotent one:
// Java's TransactionManager. One request about it is under way at a time, and meanwhile
// no records leave, as in Java's Sender.
type transaction struct {
	id    string // transactional.id; empty: the producer has no transactions
	state TxnState
	why   string // the error of AbortableError and FatalError

	// v2 says that this transaction is one of transaction.version=2 (KIP-890): partitions
	// join it by Produce and TxnOffsetCommit, and its end begins a new epoch.
	v2      bool
	started bool // the coordinator knows of it, or with v2 may
	bump    bool // a new epoch has to be asked for when it has ended
	unknown bool // the coordinator does not know the producer id: there is nothing to end
	fresh   []*accumulated
	adding  []*accumulated // being added, or to be asked about again
	added   []*accumulated

	offsets  []TxnOffset // that are not committed yet
	group    GroupMetadata
	joined   bool // the coordinator knows of the group
	commits  bool // the end that was asked for is a commit
	endMaybe bool // an attempt at it may have been obeyed

	flying       *call           // the request under way
	coordinators [2]finder       // of the group and of the transactional.id, by their kinds
	retryAt      machine.Instant // when to ask what is to be asked again
	echoes       []failpoint.Site
}

// partState is how a partition stands to the transaction.
type partState uint8

const (
	outside partState = iota
	joining
	inside
)

// completing reports whether the transaction is being ended: nothing waits for linger.ms.
func (t *transaction) completing() bool { return t.state == Committing || t.state == Aborting }

// State is where the transactions of the producer stand.
func (p *Producer) State() TxnState { return p.txn.state }

// Why is the error of AbortableError and FatalError, as Kafka calls it.
func (p *Producer) Why() string { return p.txn.why }

// Identity is the producer's id and epoch; -1 while there is none.
func (p *Producer) Identity() (id int64, epoch int16) { return p.id.pid, p.id.epoch }

// V2 reports whether the transaction is one of transaction.version=2.
func (p *Producer) V2() bool { return p.txn.v2 }

// Uncertain reports whether a commit that has come to an error may have taken place all
// the same: an attempt at it was lost.
func (p *Producer) Uncertain() bool { return p.txn.endMaybe }

// InitTransactions asks for the producer's id. Whoever had the transactional.id before is
// fenced, and what it has left open is ended. The state is Ready then.
func (p *Producer) InitTransactions() {
	p.txn.from("initTransactions", Uninitialized)
	p.txn.state = Initializing
}

// BeginTransaction begins one.
func (p *Producer) BeginTransaction() {
	t := &p.txn
	t.from("beginTransaction", Ready)
	t.state, t.started, t.endMaybe = InTransaction, false, false
	t.v2 = p.net.features.Level(transactionVersion) >= 2
	p.fail.Hit(failpoint.StepBegun)
}

// transactionVersion is the feature that says how transactions go (KIP-890).
const transactionVersion = "transaction.version"

// SendOffsets has positions be committed with the transaction; SendingOffsets says when
// they are part of it.
func (p *Producer) SendOffsets(offsets []TxnOffset, g GroupMetadata) {
	t := &p.txn
	t.from("sendOffsetsToTransaction", InTransaction)
	t.offsets = append(t.offsets, offsets...)
	slices.SortStableFunc(t.offsets, func(a, b TxnOffset) int { return a.TP.Compare(b.TP) })
	t.group, t.joined = g, false
}

// SendingOffsets reports whether positions are still to become part of the transaction.
func (p *Producer) SendingOffsets() bool { return len(p.txn.offsets) > 0 }

// CommitTransaction sends what waits and commits. The state is Ready when it is done.
func (p *Producer) CommitTransaction() {
	p.txn.from("commitTransaction", InTransaction)
	p.txn.state, p.txn.commits = Committing, true
}

// AbortTransaction aborts, after an error too. What waits is not sent. The state is Ready
// when it is done.
func (p *Producer) AbortTransaction() {
	t := &p.txn
	if t.state != AbortableError {
		t.from("abortTransaction", InTransaction)
	}
	if t.commits && p.fail.On(failpoint.F09AbortNothing, uint64(p.id.pid)) {
		p.txnOver()
		t.state = Ready
		return
	}
	t.state, t.commits = Aborting, false
	t.leave(&t.fresh)
	t.offsets = nil
}

// from panics unless the state is the one that a call is for: Kafka throws
// IllegalStateException at such an application.
func (t *transaction) from(call string, want TxnState) {
	if t.id == "" || t.state != want {
		panic("client: " + call + " of " + t.id + " in " + t.state.String())
	}
}

// leave has partitions be outside of the transaction.
func (t *transaction) leave(list *[]*accumulated) {
	for _, a := range *list {
		a.txn = outside
	}
	clear(*list)
	*list = (*list)[:0]
}

// takePart has a partition that is written to be part of the transaction
// (TransactionManager.maybeAddPartition).
func (p *Producer) takePart(a *accumulated) {
	t := &p.txn
	switch {
	case t.id == "" || a.txn != outside:
	case t.v2:
		a.txn, t.started = inside, true
		t.added = append(t.added, a)
	default:
		a.txn = joining
		t.fresh = append(t.fresh, a)
	}
}

// abortable has the transaction be one that can only be aborted. What is not asked yet is
// not asked any more.
func (p *Producer) abortable(why string) {
	t := &p.txn
	switch t.state {
	case InTransaction, Committing, Initializing:
		t.state, t.why = AbortableError, why
	default:
		return // it has failed before, or is being aborted
	}
	t.leave(&t.fresh)
	t.leave(&t.adding)
	t.offsets = nil
}

// fatal ends the producer: nothing of it is sent any more.
func (p *Producer) fatal(why string) {
	t := &p.txn
	if t.state == FatalError {
		return
	}
	if why == wire.ErrorName(wire.ProducerFenced) {
		p.fail.Hit(failpoint.ProducerFencedOut)
	}
	t.state, t.why = FatalError, why
	for _, l := range p.net.links {
		for _, c := range l.calls {
			for _, b := range c.batches {
				if !b.done {
					b.maybe = true
					p.fails(b, why)
				}
			}
		}
	}
	for _, a := range p.waiting {
		for len(a.queue) > 0 {
			p.fails(a.pop(), why)
		}
	}
}

// txnFailed takes that a batch of the transaction has ended without success
// (TransactionManager.maybeTransitionToErrorState). Its sequence may be used or not, and
// only a new epoch can go on: with TV2 the end of the transaction begins one.
func (p *Producer) txnFailed(b *batch, why string) {
	t := &p.txn
	if t.id == "" || t.state == FatalError {
		return
	}
	switch why {
	case wire.ErrorName(wire.ProducerFenced), wire.ErrorName(wire.UnsupportedVersion), wire.ErrorName(wire.TransactionalIDAuthorizationFailed):
		p.fatal(why)
		return
	}
	t.bump = t.bump || !t.v2 && b.numbered()
	p.abortable(why)
}

// dropUndrained ends the batches that have never been sent of a transaction that cannot be
// committed any more (RecordAccumulator.abortUndrainedBatches). Those that have been
// are sent until they have ended.
func (p *Producer) dropUndrained() {
	why := p.txn.why
	if p.txn.state == Aborting {
		why = "the transaction was aborted"
	}
	for _, a := range p.waiting {
		a.queue = slices.DeleteFunc(a.queue, func(b *batch) bool {
			if b.numbered() {
				return false
			}
			p.finish(b, Rejected, -1, why)
			return true
		})
	}
}

// txnEnded goes on after the end of a transaction: to the next, or to a new epoch.
func (p *Producer) txnEnded() {
	t := &p.txn
	if t.bump || t.unknown {
		t.state = Initializing // with the id and epoch that it has
		return
	}
	p.txnOver()
	t.state = Ready
}

// txnOver forgets the transaction.
func (p *Producer) txnOver() {
	t := &p.txn
	t.leave(&t.fresh)
	t.leave(&t.adding)
	t.leave(&t.added)
	t.started, t.bump, t.unknown, t.commits, t.offsets, t.why = false, false, false, false, nil, ""
}

// begins has the sequences of all partitions begin anew, in another epoch.
func (p *Producer) begins(id int64, epoch int16) {
	p.id.pid, p.id.epoch = id, epoch
	for _, a := range p.parts {
		a.seqs.unresolved, a.seqs.rewrite = false, false
	}
	p.doubts = false
}
