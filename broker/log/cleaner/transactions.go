package cleaner

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
)

// transactions are those that a walk over the log is in (Kafka's CleanedTransactionMetadata).
// They are carried from segment to segment and from group to group: a transaction begins in
// one and ends in another (KAFKA-8351).
type transactions struct {
	ahead     []storage.AbortedTxn    // those that were aborted and begin further on, the nearest first
	aborted   map[int64]*abortedSoFar // by producer
	committed map[int64]bool          // of which a batch was met
}

// abortedSoFar is a transaction that was aborted, whose marker is further on.
type abortedSoFar struct {
	storage.AbortedTxn
	met bool // something of it is there
}

// newTransactions begins a walk from an offset up to another.
func newTransactions(log *storage.Log, from, upTo int64) *transactions {
	t := &transactions{ahead: log.CollectAborted(nil, from, upTo), aborted: map[int64]*abortedSoFar{}, committed: map[int64]bool{}}
	slices.SortStableFunc(t.ahead, func(a, b storage.AbortedTxn) int { return int(a.FirstOffset - b.FirstOffset) })
	return t
}

// reach takes note of the aborted transactions that begin up to an offset.
func (t *transactions) reach(offset int64) {
	for len(t.ahead) > 0 && t.ahead[0].FirstOffset <= offset {
		if x := t.ahead[0]; t.aborted[x.ProducerID] == nil {
			t.aborted[x.ProducerID] = &abortedSoFar{AbortedTxn: x}
		}
		t.ahead = t.ahead[1:]
	}
}

// data meets a batch of records. It reports whether its transaction was aborted.
func (t *transactions) data(h *wire.Batch) (aborted bool) {
	t.reach(h.LastOffset())
	if !h.IsTransactional() {
		return false
	}
	if x := t.aborted[h.ProducerID]; x != nil {
		x.met = true
		return true
	}
	t.committed[h.ProducerID] = true
	return false
}

// control meets a control batch. It reports whether nothing is left of the transaction that it
// ends; of one that was aborted and has something left, ended says which.
func (t *transactions) control(h *wire.Batch, batch machine.Bytes) (empty bool, ended *storage.AbortedTxn) {
	t.reach(h.LastOffset())
	m, ok, err := wire.ReadMarker(batch)
	switch {
	case err != nil:
		return false, nil // another kind of control record
	case !ok:
		return true, nil // it has been cleaned already
	case m.Commit:
		met := t.committed[h.ProducerID]
		delete(t.committed, h.ProducerID)
		return !met, nil
	}
	x := t.aborted[h.ProducerID]
	delete(t.aborted, h.ProducerID)
	if x == nil || !x.met {
		return true, nil
	}
	return false, &x.AbortedTxn
}
