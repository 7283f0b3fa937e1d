package quorum

import (
	"fmt"
	"sort"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

type epochStart struct {
	epoch int32
	start int64
}

// note records that a batch of an epoch stands at an offset.
func (q *Quorum) note(epoch int32, offset int64) {
	if n := len(q.epochs); n == 0 || q.epochs[n-1].epoch < epoch {
		q.epochs = append(q.epochs, epochStart{epoch, offset})
	}
}

// batches calls f with all batches from an offset to another.
func (q *Quorum) batches(from, to int64, f func(wire.Batch, machine.Bytes) error) error {
	for from < to {
		b, err := q.log.Read(from, to, maxFetchBytes, true)
		if err != nil {
			return err
		}
		before := from
		for h, batch := range wire.SplitBatches(b) {
			if err := f(h, batch); err != nil {
				return err
			}
			from = h.NextOffset()
		}
		if from <= before {
			return fmt.Errorf("no batch at offset %d below %d", from, to)
		}
	}
	return nil
}

// Records calls f with every record from an offset to another, which is at most the
// log end, committed or not, until f returns an error. A control record is the
// quorum's own and says nothing about the metadata.
func (q *Quorum) Records(from, to int64, f func(offset int64, value []byte, control bool) error) error {
	return q.batches(from, to, func(h wire.Batch, b machine.Bytes) error {
		return wire.EachRecord(b, func(r *wire.Record) error {
			if offset := h.BaseOffset + int64(r.OffsetDelta); offset >= from {
				return f(offset, r.Value, h.IsControl())
			}
			return nil
		})
	})
}

// Append appends one batch of records with these values and returns the offset of
// the first. Nothing that depends on it may leave before the high watermark is
// above its last. It is an error of the caller's to append nothing, or when not
// Leading. On an error nothing was appended, and the quorum has failed.
func (q *Quorum) Append(now machine.Now, values [][]byte, out *machine.Effects) (int64, error) {
	if q.role != leading || len(values) == 0 {
		panic(fmt.Sprintf("quorum: append of %d records as %v", len(values), q.role))
	}
	base := q.log.End()
	b := wire.NewBuilder(-1, -1, -1)
	for _, v := range values {
		b.Append(now.Wall.Millis(), nil, v, nil)
	}
	q.append(b.Bytes(), out)
	return base, q.err
}

func (q *Quorum) append(batch machine.Bytes, out *machine.Effects) {
	base := q.log.End()
	if err := q.store(wire.Stamp(batch, base, q.epoch)); err != nil {
		q.fail(err)
		return
	}
	q.note(q.epoch, base)
	q.syncLog(out)
}

func (q *Quorum) store(batch machine.Bytes) error {
	err := q.roll(batch)
	if err == nil {
		err = q.log.Append(batch)
	}
	if err != nil {
		return fmt.Errorf("append to the metadata log: %w", err)
	}
	q.grown += batch.Len()
	return nil
}

// syncLog asks for a sync if something needs one and none is under way: what is
// appended meanwhile goes together with the next.
func (q *Quorum) syncLog(out *machine.Effects) {
	if q.syncing != none || q.synced >= q.log.End() {
		return
	}
	q.syncing = q.log.End()
	for _, file := range q.log.Unsynced(q.synced) {
		q.syncs++
		out.Sync(file, TagLog)
	}
}

// logSynced takes the answer to a sync of the log.
func (q *Quorum) logSynced(now machine.Now, out *machine.Effects) {
	if q.syncs--; q.syncs > 0 {
		return
	}
	q.synced, q.syncing = q.syncing, none
	if err := q.trim(); err != nil {
		q.fail(err)
		return
	}
	q.place(out)
	if q.role == leading {
		q.advance()
	}
	q.syncLog(out)
}

// truncate cuts what another leader has not: no batch from an offset on stays. What is
// below the high watermark is committed and is never cut; that somebody asks for it
// means that the quorum has broken its promise (KAFKA-12460).
func (q *Quorum) truncate(offset int64) error {
	if offset < q.highWatermark {
		return fmt.Errorf("asked to cut the metadata log at offset %d, below the high watermark %d", offset, q.highWatermark)
	}
	return q.cut(offset)
}

func (q *Quorum) cut(offset int64) error {
	if err := q.log.TruncateTo(offset); err != nil {
		return fmt.Errorf("cut the metadata log: %w", err)
	}
	end := q.log.End()
	q.synced = min(q.synced, end)
	if q.syncing != none { // what is appended from here on is not in the sync under way
		q.syncing = min(q.syncing, end)
	}
	n := sort.Search(len(q.epochs), func(i int) bool { return q.epochs[i].start >= end })
	q.epochs = q.epochs[:n]
	return nil
}

// lastEpoch is the epoch of the last batch; 0 if there is none.
func (q *Quorum) lastEpoch() int32 {
	if n := len(q.epochs); n > 0 {
		return q.epochs[n-1].epoch
	}
	return q.snapshot.Epoch
}

// last is the end of the log and the epoch of its last batch, or of the snapshot that is
// about to take its place.
func (q *Quorum) last() (epoch int32, end int64) {
	if m := &q.making; q.replacing() && (m.id.Epoch > q.lastEpoch() || m.id.EndOffset > q.log.End()) {
		return m.id.Epoch, m.id.EndOffset
	}
	return q.lastEpoch(), q.log.End()
}

// endOf is the largest epoch of the log that is not above an epoch, and the
// offset where it ends; that of the log start if there is none.
func (q *Quorum) endOf(epoch int32) (int32, int64) {
	n := sort.Search(len(q.epochs), func(i int) bool { return q.epochs[i].epoch > epoch })
	switch {
	case n == 0:
		return q.snapshot.Epoch, q.log.Start()
	case n == len(q.epochs):
		return q.epochs[n-1].epoch, q.log.End()
	}
	return q.epochs[n-1].epoch, q.epochs[n].start
}
