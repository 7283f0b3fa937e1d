package replica

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// transaction is a transaction in this log (Kafka's TxnMetadata, CompletedTxn).
type transaction struct {
	producer int64
	first    int64 // the offset of its first batch
	last     int64 // that of its marker; -1: it is open
}

// transactions are those of which the outcome is not known to everybody.
type transactions struct {
	open []transaction // have no marker yet; by first offset
	// decided have a marker that was not below the high watermark yet: another leader may
	// know nothing of it. By the offset of the marker.
	decided []transaction
}

// begin notes the first batch of a transaction, which is behind all there are.
func (t *transactions) begin(producer, first int64) {
	t.open = append(t.open, transaction{producer, first, -1})
}

// end notes a marker, and returns the transaction that it ends; ok is false if none was open.
func (t *transactions) end(producer, at int64) (ended transaction, ok bool) {
	i := slices.IndexFunc(t.open, func(x transaction) bool { return x.producer == producer })
	if i < 0 {
		return ended, false
	}
	ended = t.open[i]
	ended.last = at
	t.open = slices.Delete(t.open, i, i+1)
	t.decided = append(t.decided, ended)
	return ended, true
}

// aborted is what the index of a segment says of a transaction that has just been aborted.
// Its last stable offset is where the first open transaction begins, or behind the marker.
func (t *transactions) aborted(ended transaction) storage.AbortedTxn {
	stable := ended.last + 1
	if len(t.open) > 0 {
		stable = t.open[0].first
	}
	return storage.AbortedTxn{ProducerID: ended.producer, FirstOffset: ended.first, LastOffset: ended.last, LastStableOffset: stable}
}

// settle forgets what was decided below an offset.
func (t *transactions) settle(below int64) {
	n := 0
	for n < len(t.decided) && t.decided[n].last < below {
		n++
	}
	if n > 0 {
		t.decided = slices.Delete(t.decided, 0, n)
	}
}

// firstUnstable is the offset of the first batch whose outcome is not known to everybody;
// none if it is of all.
func (t *transactions) firstUnstable() (offset int64, some bool) {
	if len(t.open) > 0 {
		offset, some = t.open[0].first, true
	}
	for i := range t.decided {
		if x := &t.decided[i]; !some || x.first < offset {
			offset, some = x.first, true
		}
	}
	return offset, some
}

// restore knows the open transactions of a snapshot, and nothing else.
func (t *transactions) restore(list []storage.ProducerEntry) {
	t.open, t.decided = t.open[:0], t.decided[:0]
	for i := range list {
		if e := &list[i]; e.TxnFirstOffset >= 0 {
			t.open = append(t.open, transaction{e.ProducerID, e.TxnFirstOffset, -1})
		}
	}
	slices.SortStableFunc(t.open, func(a, b transaction) int { return int(a.first - b.first) })
}

// LastStable is the last stable offset (LSO): below it nothing is of a transaction whose
// outcome is open, or could still be lost. It is not above the high watermark, nor below
// the log start offset.
func (r *Replica) LastStable() int64 {
	if first, some := r.producers.txns.firstUnstable(); some {
		return min(max(first, r.log.Start()), r.highWatermark)
	}
	return r.highWatermark
}

// took notes a batch that is in the log now, whoever has written it. A control batch that is
// no marker, or of which compaction has left the header, tells of nobody.
func (r *Replica) took(h *wire.Batch, batch machine.Bytes) error {
	if !h.IsControl() {
		r.producers.appended(h)
		return nil
	}
	if aborted, ok := r.producers.markedBy(h, batch); ok {
		return r.log.AppendAborted(aborted)
	}
	return nil
}

// markedBy notes a control batch. It returns the transaction that it has aborted, if it has.
func (p *producers) markedBy(h *wire.Batch, batch machine.Bytes) (t storage.AbortedTxn, ok bool) {
	m, ok, err := wire.ReadMarker(batch)
	if err != nil || !ok || h.ProducerID < 0 {
		return t, false
	}
	ended, ok := p.marked(h, m)
	if !ok || m.Commit {
		return t, false
	}
	return p.txns.aborted(ended), true
}

// replay notes a batch that stands in a log, as when it was appended, and returns the
// transaction that it has aborted, if it has.
func (p *producers) replay(log *storage.Log, h *wire.Batch) (t storage.AbortedTxn, ok bool, err error) {
	if !h.IsControl() {
		p.appended(h)
		return t, false, nil
	}
	b, err := log.ReadStored(h.BaseOffset, h.NextOffset(), h.Size())
	if err != nil {
		return t, false, err
	}
	t, ok = p.markedBy(h, b)
	return t, ok, nil
}

// markersThere reports whether the markers are there of all transactions of which the
// segments that were not read again tell. An index may be of a log that was cut and has grown
// again, if its removal has come undone.
func (r *Replica) markersThere() bool {
	for _, t := range r.log.Aborted() {
		b, err := r.log.ReadStored(t.LastOffset, t.LastOffset+1, 1)
		if err != nil {
			return false
		}
		h, err := wire.ReadBatch(b)
		if err != nil || !h.IsControl() || h.ProducerID != t.ProducerID || h.BaseOffset != t.LastOffset {
			return false
		}
		if m, ok, err := wire.ReadMarker(b); err != nil || ok && m.Commit {
			return false
		}
	}
	return true
}

// relearnTransactions learns once more what producers have sent, from an offset on below which
// all is certain: which transactions are open, which were decided above the high watermark, and
// which were aborted in the segments that were read again, whose indexes are made again. What
// there was where that begins the snapshot there tells, or one before it.
func (r *Replica) relearnTransactions(certain int64, recovery *storage.Recovery) error {
	since, entries := r.log.SnapshotBelow(certain)
	r.producers.restore(entries)
	var list []storage.AbortedTxn
	for h, err := range r.log.Batches(since) {
		if err != nil {
			return err
		}
		b := wire.Batch(h)
		if b.BaseOffset < since || r.cfg.Failpoints.On(failpoint.S18ForgetAtStart, uint64(b.BaseOffset)) {
			continue
		}
		t, ok, err := r.producers.replay(r.log, &b)
		if err != nil {
			return err
		}
		if ok && t.LastOffset >= recovery.Reread {
			list = append(list, t)
		}
	}
	if err := r.log.DropSnapshots(recovery.Reread); err != nil {
		return err
	}
	return r.log.PutAborted(list, recovery)
}

// Producers is what is known of the producers in the log, by producer id.
func (r *Replica) Producers() []storage.ProducerEntry { return r.producers.entries() }
