package replica

import (
	"fmt"
	"maps"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/storage"
)

// scanned is what a log says of one producer's transactions, read from its start on.
type scanned struct {
	open               bool
	first              int64
	epoch, coordinator int32 // the highest of its batches, and of its markers; -1: none
}

// CheckTransactions reads the log from its start and reports, for audits, what this replica
// says otherwise of transactions:
//
//   - those are open here that have no marker;
//   - the indexes tell of every transaction that was aborted, from its first batch on, and of
//     none that was not.
//
// What cannot be read is left alone: a disk may have lost it. Where compaction has taken out
// batches or markers, or the log starts later, the replica may know of more.
func (r *Replica) CheckTransactions() error { return r.checkTransactions(nil) }

// CheckMarkers does so, and reports what no partition may say:
//
//   - the epoch of a producer's transactional batches and markers does not fall, nor that of
//     the coordinators of its markers;
//   - a marker that ends a transaction is of its epoch or a later one; a later one if bumps
//     says that producers begin a new epoch with each transaction, for one of the same epoch
//     was of the transaction before (KIP-890).
//
// Of a log that was just recovered it says nothing: it may have come back, in part, to what it
// was before it was cut.
func (r *Replica) CheckMarkers(bumps bool) error {
	return r.checkTransactions(func(h *wire.Batch, m *wire.Marker, s *scanned) error {
		switch epoch := int32(h.ProducerEpoch); {
		case epoch < s.epoch:
			return fmt.Errorf("offset %d of producer %d is of epoch %d, after %d", h.BaseOffset, h.ProducerID, epoch, s.epoch)
		case m != nil && m.CoordinatorEpoch < s.coordinator:
			return fmt.Errorf("the marker at offset %d of producer %d is of coordinator epoch %d, after %d", h.BaseOffset, h.ProducerID, m.CoordinatorEpoch, s.coordinator)
		case m != nil && s.open && bumps && epoch == s.epoch:
			return fmt.Errorf("the marker at offset %d of producer %d, epoch %d, ends a transaction of that epoch, which began at offset %d: it is of the one before", h.BaseOffset, h.ProducerID, epoch, s.first)
		}
		return nil
	})
}

// checkTransactions holds a scan of the log against what the replica says. also, unless nil,
// looks at each batch and marker before it counts.
func (r *Replica) checkTransactions(also func(h *wire.Batch, m *wire.Marker, s *scanned) error) error {
	byID := map[int64]*scanned{}
	var aborted []transaction
	commits := map[int64]bool{} // the offsets of markers that commit
	for h, err := range r.log.Batches(r.log.Start()) {
		if err != nil {
			return nil
		}
		b := wire.Batch(h)
		if !b.IsTransactional() || b.ProducerID < 0 {
			continue
		}
		s := byID[b.ProducerID]
		if s == nil {
			s = &scanned{epoch: -1, coordinator: -1}
			byID[b.ProducerID] = s
		}
		var m *wire.Marker
		if b.IsControl() {
			if m, err = r.markerAt(&b); err != nil {
				return nil
			}
			if m == nil {
				continue
			}
		}
		if also != nil {
			if err := also(&b, m, s); err != nil {
				return err
			}
		}
		switch {
		case m == nil && !s.open:
			s.open, s.first = true, b.BaseOffset
		case m == nil:
		case m.Commit:
			commits[b.BaseOffset] = true
		case s.open:
			aborted = append(aborted, transaction{b.ProducerID, s.first, b.BaseOffset})
		}
		if m != nil {
			s.open, s.coordinator = false, m.CoordinatorEpoch
		}
		s.epoch = int32(b.ProducerEpoch)
	}
	if err := r.checkOpen(byID); err != nil {
		return err
	}
	return r.checkAborted(aborted, commits)
}

// markerAt is the marker of a control batch; nil if it is none.
func (r *Replica) markerAt(h *wire.Batch) (*wire.Marker, error) {
	b, err := r.log.ReadStored(h.BaseOffset, h.NextOffset(), h.Size())
	if err != nil {
		return nil, err
	}
	if m, ok, err := wire.ReadMarker(b); ok && err == nil {
		return &m, nil
	}
	return nil, nil
}

// checkOpen holds which transactions are open against a scan.
func (r *Replica) checkOpen(byID map[int64]*scanned) error {
	for _, t := range r.producers.txns.open {
		if s := byID[t.producer]; t.first >= r.log.Start() && (s == nil || !s.open || s.first < t.first) {
			return fmt.Errorf("the transaction of producer %d that begins at offset %d is said to be open, and the log does not say so", t.producer, t.first)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		s := byID[id]
		if s.open && !slices.ContainsFunc(r.producers.txns.open, func(t transaction) bool { return t.producer == id && t.first <= s.first }) {
			return fmt.Errorf("the transaction of producer %d that begins at offset %d has no marker, and is not said to be open", id, s.first)
		}
	}
	return nil
}

// checkAborted holds the indexes of aborted transactions against a scan.
func (r *Replica) checkAborted(aborted []transaction, commits map[int64]bool) error {
	index := r.log.Aborted()
	for _, t := range aborted {
		if !slices.ContainsFunc(index, func(x storage.AbortedTxn) bool {
			return x.ProducerID == t.producer && x.LastOffset == t.last && x.FirstOffset <= t.first
		}) {
			return fmt.Errorf("the transaction of producer %d from offset %d to %d was aborted, and no index says so", t.producer, t.first, t.last)
		}
	}
	for _, x := range index {
		if commits[x.LastOffset] {
			return fmt.Errorf("an index says that the transaction of producer %d from offset %d to %d was aborted, and it was committed", x.ProducerID, x.FirstOffset, x.LastOffset)
		}
	}
	return nil
}
