package replica

import (
	"fmt"
	"math"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Isolation is how far somebody may read (Kafka's FetchIsolation).
type Isolation uint8

const (
	Uncommitted Isolation = iota // up to the high watermark: what no failure can take back
	Committed                    // up to the last stable offset: nothing of an open transaction (KIP-98)
	ToLogEnd                     // all there is: a follower
)

// Reader is who reads.
type Reader struct {
	Isolation    Isolation
	From         int64
	LastEpoch    int32 // leader epoch of the record before From; -1: not said
	CurrentEpoch int32 // the leader epoch that the reader believes in; -1: not said
}

// Read is what a reader gets.
type Read struct {
	Code    int16
	Records machine.Bytes
	// Aborted are the aborted transactions that have anything among the records, for who
	// reads what is committed; it is good until the next Read.
	Aborted []storage.AbortedTxn
	// Diverges says that the reader's log is not a beginning of this one, with
	// the largest epoch of this log that is not above the reader's, and where it
	// ends.
	Diverges      bool
	DivergeEpoch  int32
	DivergeOffset int64
}

// CheckEpoch is Kafka's error for a request that believes in another leader, or
// 0. A replica that does not lead refuses whoever is not behind the times.
func (r *Replica) CheckEpoch(current int32) int16 {
	switch {
	case current >= 0 && current < r.state.LeaderEpoch:
		return wire.FencedLeaderEpoch
	case current > r.state.LeaderEpoch:
		return wire.UnknownLeaderEpoch
	case r.role != leading:
		return wire.NotLeaderOrFollower
	}
	return 0
}

// Read reads whole batches as the leader: all of the log for a follower, what is
// committed for others.
func (r *Replica) Read(who Reader, maxBytes int32, atLeastOne bool) Read {
	if code := r.CheckEpoch(who.CurrentEpoch); code != 0 {
		return Read{Code: code}
	}
	if who.From < r.log.Start() {
		return Read{Code: wire.OffsetOutOfRange}
	}
	if who.LastEpoch >= 0 {
		epoch, end := r.EndOfEpoch(who.LastEpoch)
		switch {
		case epoch == unknown:
			return Read{Code: wire.OffsetOutOfRange}
		case epoch < who.LastEpoch || end < who.From:
			return Read{Diverges: true, DivergeEpoch: epoch, DivergeOffset: end}
		}
	}
	if who.From > r.log.End() {
		return Read{Code: wire.OffsetOutOfRange}
	}
	if r.quirk(failpoint.ShortRead, uint64(who.From)) {
		maxBytes = min(maxBytes, 1) // one batch, if one is due at all
	}
	b, err := r.log.Read(who.From, r.limit(who.Isolation), maxBytes, atLeastOne)
	if err != nil {
		return Read{Code: wire.KafkaStorageError}
	}
	read := Read{Records: b}
	if who.Isolation == Committed && b.Len() > 0 {
		read.Aborted = r.abortedAmong(b, who.From)
	}
	return read
}

// abortedAmong are the aborted transactions that have anything among some batches, of which
// the first holds an offset (LocalLog.addAbortedTransactions).
func (r *Replica) abortedAmong(batches machine.Bytes, from int64) []storage.AbortedTxn {
	r.aborted = r.log.CollectAborted(r.aborted[:0], from, r.LastStable())
	if len(r.aborted) == 0 {
		return nil // as mostly: where the batches end need not be looked for
	}
	upTo := from
	for h := range wire.SplitBatches(batches) {
		upTo = h.NextOffset()
	}
	if r.cfg.Failpoints.On(failpoint.T11SearchShort, uint64(upTo)) {
		upTo--
	}
	r.aborted = r.log.CollectAborted(r.aborted[:0], from, upTo)
	return r.aborted
}

func (r *Replica) limit(who Isolation) int64 {
	if who == ToLogEnd || r.cfg.Failpoints.On(failpoint.R18ReadToLogEnd, uint64(r.log.End())) {
		return r.log.End()
	}
	return r.readable(who)
}

// readable is the end of what a consumer may read.
func (r *Replica) readable(who Isolation) int64 {
	if who == Committed && !r.cfg.Failpoints.On(failpoint.T10ReadUnstable, uint64(r.highWatermark)) {
		return r.LastStable()
	}
	return r.highWatermark
}

// Available reports whether there is anything to read from an offset on.
func (r *Replica) Available(who Isolation, from int64) bool { return from < r.limit(who) }

// Latest is the end of what consumers may read with an isolation. A leader whose high watermark has
// not passed the start of its epoch does not know it yet and says
// OFFSET_NOT_AVAILABLE, for it could seem to go back (KIP-207).
func (r *Replica) Latest(who Isolation) (offset int64, code int16) {
	if r.highWatermark < r.epochStart && !r.cfg.Failpoints.On(failpoint.R17LatestBeforeEpochStart, uint64(r.state.LeaderEpoch)) {
		return 0, wire.OffsetNotAvailable
	}
	return r.readable(who), 0
}

// Settled reports whether a leader's high watermark has passed the start of its epoch: before
// that, what was committed under others may lie above it.
func (r *Replica) Settled() bool { return r.role == leading && r.highWatermark >= r.epochStart }

// FirstEpoch is the leader epoch of the first record, or of the leader who would
// write it; -1 if nobody has led yet.
func (r *Replica) FirstEpoch() int32 {
	if len(r.epochs.list) == 0 {
		return unknown
	}
	return r.epochs.list[0].Epoch
}

// OffsetForTime finds the first record that a consumer may read whose timestamp is at least
// the one given, in ms; -1 if there is none. The time index tells where to look.
func (r *Replica) OffsetForTime(timestamp int64, who Isolation) (offset, found int64, epoch int32, code int16) {
	from, ok := r.log.SearchTime(timestamp)
	if !ok {
		return unknown, unknown, unknown, 0
	}
	end := r.readable(who)
	for h, err := range r.log.Batches(from) {
		switch {
		case err != nil:
			return unknown, unknown, unknown, wire.KafkaStorageError
		case h.BaseOffset >= end:
			return unknown, unknown, unknown, 0
		case h.MaxTimestamp < timestamp, h.Count == 0: // of which compaction has left the header
			continue
		}
		offset, found, epoch, code = r.recordForTime(wire.Batch(h), timestamp)
		if offset == unknown && code == 0 {
			continue // DeleteRecords has cut it off
		}
		return offset, found, epoch, code
	}
	return unknown, unknown, unknown, 0
}

// MaxTimestamp finds the first record that a consumer may read with the largest timestamp
// (KIP-734), -1 if there is none. It reads every header of the log.
func (r *Replica) MaxTimestamp(who Isolation) (offset, found int64, epoch int32, code int16) {
	end := r.readable(who)
	var latest wire.Batch
	latest.MaxTimestamp = unknown
	for h, err := range r.log.Batches(r.log.Start()) {
		if err != nil {
			return unknown, unknown, unknown, wire.KafkaStorageError
		}
		if h.BaseOffset >= end {
			break
		}
		b := wire.Batch(h)
		if h.BaseOffset < r.log.Start() {
			if b.MaxTimestamp, err = r.largestLeft(&b); err != nil {
				return unknown, unknown, unknown, wire.KafkaStorageError
			}
		}
		if b.MaxTimestamp > latest.MaxTimestamp && b.Count > 0 {
			latest = b
		}
	}
	if latest.MaxTimestamp < 0 {
		return unknown, unknown, unknown, 0
	}
	return r.recordForTime(latest, latest.MaxTimestamp)
}

// largestLeft is the largest timestamp of what DeleteRecords has left of a batch.
func (r *Replica) largestLeft(h *wire.Batch) (largest int64, err error) {
	if h.IsLogAppendTime() {
		return h.MaxTimestamp, nil
	}
	b, err := r.log.Read(r.log.Start(), h.NextOffset(), int32(h.Size()), true)
	if err != nil {
		return unknown, err
	}
	largest = unknown
	err = wire.EachRecord(b, func(x *wire.Record) error {
		if h.BaseOffset+int64(x.OffsetDelta) >= r.log.Start() {
			largest = max(largest, h.BaseTimestamp+x.TimestampDelta)
		}
		return nil
	})
	return largest, err
}

func (r *Replica) recordForTime(h wire.Batch, timestamp int64) (offset, found int64, epoch int32, code int16) {
	start := max(h.BaseOffset, r.log.Start()) // which may be within the batch
	if h.IsLogAppendTime() {
		return start, h.MaxTimestamp, h.LeaderEpoch, 0 // that of all records
	}
	b, err := r.log.Read(start, h.NextOffset(), int32(h.Size()), true)
	if err != nil {
		return unknown, unknown, unknown, wire.KafkaStorageError
	}
	offset = unknown
	err = wire.EachRecord(b, func(x *wire.Record) error {
		t, at := h.BaseTimestamp+x.TimestampDelta, h.BaseOffset+int64(x.OffsetDelta)
		if offset < 0 && t >= timestamp && at >= start {
			offset, found = at, t
		}
		return nil
	})
	switch {
	case err != nil, offset < 0 && start == h.BaseOffset:
		return start, h.BaseTimestamp, h.LeaderEpoch, 0 // records that lie about their times
	case offset < 0:
		return unknown, unknown, unknown, 0
	}
	return offset, found, h.LeaderEpoch, 0
}

// Durable is the log end that the replica has had made durable: what is above it
// may be lost with the power, though the disk may have written it by itself.
func (r *Replica) Durable() int64 { return min(r.flush.done, r.log.End()) }

// Each calls f for every record from the batch on that holds an offset, committed
// or not, until f returns an error. It is for those who look on: nobody is served by it.
// A log that gives out an offset twice, as a broken one may, is an error where it does.
func (r *Replica) Each(from int64, f func(b *wire.Batch, x *wire.Record) error) error {
	if from >= r.log.End() {
		return nil
	}
	for from = max(from, r.log.Start()); from < r.log.End(); {
		began := from
		all, err := r.log.Read(from, r.log.End(), math.MaxInt32, true) // of one segment
		if err != nil {
			return err
		}
		for h, batch := range wire.SplitBatches(all) {
			if err := wire.EachRecord(batch, func(x *wire.Record) error { return f(&h, x) }); err != nil {
				return err
			}
			from = h.NextOffset()
		}
		if from <= began {
			return fmt.Errorf("%s: nothing follows offset %d, and the log ends at %d", Dir(r.TP()), began, r.log.End())
		}
	}
	return nil
}
