package replica

import (
	"errors"
	"math"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Appended says where a batch stands in the log.
type Appended struct {
	Base, End int64 // its first offset, and the one after its last
	Duplicate bool  // it was there already
	// Refused are the records that the batch was refused for, by their number in it, where
	// it was for some of its records (KIP-467).
	Refused []int32
	// AppendTime is the timestamp in ms that all records have with LogAppendTime; -1 with
	// CreateTime.
	AppendTime int64
}

// Append appends a producer's batch as the leader. code is Kafka's error, 0 if
// the batch is in the log now. It is not acknowledged by that, unless acks are 0
// or 1: see [Replica.Acknowledge]. An error is one of the disk.
func (r *Replica) Append(now machine.Now, batch machine.Bytes, acks int16) (at Appended, code int16, err error) {
	at.AppendTime = -1
	if r.role != leading {
		return at, wire.NotLeaderOrFollower, nil
	}
	if acks == -1 && len(r.state.ISR) < r.minISR() {
		r.cfg.Failpoints.Hit(failpoint.NotEnoughReplicas)
		return at, wire.NotEnoughReplicas, nil
	}
	h, code := r.validate(batch)
	if code == 0 {
		at.Refused, code = r.validateRecords(&h, batch, now.Wall.Millis())
	}
	if code != 0 {
		return at, code, nil
	}
	if h.ProducerID >= 0 {
		remembered := window
		if r.cfg.Failpoints.On(failpoint.T02RememberOneBatch, sequence(&h)) {
			remembered = 1
		}
		if at, ok := r.producers.duplicate(&h, remembered); ok {
			r.cfg.Failpoints.Hit(failpoint.DuplicateSequence)
			r.advance(now.Mono) // as after any append (Partition.appendRecordsToLeader)
			return at, 0, nil
		}
		if h.BaseSequence == 0 && r.producers.behind(&h) && r.cfg.Failpoints.On(failpoint.T04ForgetWrap, sequence(&h)) {
			return at, wire.DuplicateSequenceNumber, nil
		}
		code := r.producers.check(&h)
		if code == wire.InvalidProducerEpoch && r.cfg.Failpoints.On(failpoint.T06OldEpoch, sequence(&h)) {
			code = 0
		}
		if code != 0 && !r.cfg.Failpoints.On(failpoint.T25AnySequence, sequence(&h)) {
			return at, code, nil
		}
	}
	if r.cfg.Topic.LogAppendTime {
		at.AppendTime = now.Wall.Millis()
		batch = wire.StampAppendTime(batch, at.AppendTime)
		h.MaxTimestamp = at.AppendTime
	}
	h.BaseOffset, h.LeaderEpoch = r.log.End(), r.state.LeaderEpoch
	if err := r.roll(&h); err != nil {
		return at, wire.KafkaStorageError, err
	}
	if err := r.log.Append(wire.Stamp(batch, h.BaseOffset, h.LeaderEpoch)); err != nil {
		if errors.Is(err, storage.ErrIndex) && r.cfg.Failpoints.On(failpoint.S04EndAfterIndex, uint64(h.BaseOffset)) {
			err = nil // it goes on
		}
		return at, wire.KafkaStorageError, err
	}
	r.cfg.Failpoints.Hit(failpoint.StepAppend)
	r.producers.appended(&h)
	r.flush.appended(h.NextOffset())
	r.advance(now.Mono)
	at.Base, at.End = h.BaseOffset, h.NextOffset()
	return at, 0, nil
}

// logAppendTime is the attribute of a batch whose timestamps are the broker's.
const logAppendTime = 0x08

// validate checks a producer's batch as Kafka's LogValidator does, without
// looking into its records.
func (r *Replica) validate(batch machine.Bytes) (wire.Batch, int16) {
	if batch.Len() > int64(r.cfg.Topic.MaxMessageBytes) {
		if h, err := wire.ReadBatch(batch); err == nil && h.Size() == batch.Len() {
			return h, wire.MessageTooLarge
		}
	}
	h, err := wire.CheckBatch(batch)
	switch {
	case batch.Len() == 0:
		return h, wire.InvalidRecord
	case errors.Is(err, wire.ErrBatchMagic):
		return h, wire.UnsupportedForMessageFormat
	case errors.Is(err, wire.ErrTrailing), errors.Is(err, wire.ErrBatchCount):
		return h, wire.InvalidRecord // one batch a partition, its offsets counted from 0
	case err != nil:
		return h, wire.CorruptMessage
	case h.BaseOffset != 0, h.IsControl(), h.IsTransactional(), h.ProducerID >= 0 && h.BaseSequence < 0, h.ProducerID >= 0 && h.ProducerEpoch < 0:
		return h, wire.InvalidRecord
	case h.Attributes&logAppendTime != 0:
		return h, wire.InvalidTimestamp
	case h.Compression() > 4:
		return h, wire.UnsupportedCompressionType
	}
	return h, 0
}

// validateRecords looks into the records of a batch where the topic's configuration has
// something to say about them, and so has a compressed one decompressed there alone: on a
// compacted topic each must have a key, and none may be too old. Whether one is too far
// ahead the header tells. wall is in ms.
func (r *Replica) validateRecords(h *wire.Batch, batch machine.Bytes, wall int64) (refused []int32, code int16) {
	t := &r.cfg.Topic
	if !t.LogAppendTime && h.MaxTimestamp-wall > t.TimestampAfterMaxMillis {
		return nil, wire.InvalidTimestamp
	}
	oldest := int64(math.MinInt64)
	if !t.LogAppendTime && t.TimestampBeforeMaxMillis < wall {
		oldest = wall - t.TimestampBeforeMaxMillis
	}
	if !t.CleanupPolicy.Compact && oldest == math.MinInt64 {
		return nil, 0
	}
	err := wire.EachRecord(batch, func(x *wire.Record) error {
		timestamp := h.BaseTimestamp + x.TimestampDelta
		switch {
		case t.CleanupPolicy.Compact && x.Key == nil:
			code = wire.InvalidRecord
		case timestamp < oldest && timestamp >= 0:
			code = max(code, wire.InvalidTimestamp)
		default:
			return nil
		}
		refused = append(refused, x.OffsetDelta)
		return nil
	})
	if err != nil {
		return nil, wire.CorruptMessage
	}
	return refused, code
}

// minISR is min.insync.replicas, but never more than there are replicas
// (Partition.effectiveMinIsr).
func (r *Replica) minISR() int {
	if r.cfg.Failpoints.On(failpoint.R12IgnoreMinISR, uint64(r.state.LeaderEpoch)) {
		return 1
	}
	return min(int(r.cfg.Topic.MinInsyncReplicas), len(r.state.Replicas))
}

// Acknowledge reports whether an append of this leader up to end may be answered
// now, and with which of Kafka's errors.
func (r *Replica) Acknowledge(end int64, acks int16) (code int16, done bool) {
	switch {
	case r.role != leading:
		return wire.NotLeaderOrFollower, true
	case acks != -1:
		return 0, end <= r.flush.counted
	case r.cfg.Failpoints.On(failpoint.R24AckBeforeISR, uint64(end)):
		return 0, true
	case r.highWatermark < end:
		return 0, false
	case len(r.asked.maximal(r.state.ISR)) < r.minISR():
		// The ISR has shrunk since the append was let in.
		return wire.NotEnoughReplicasAfterAppend, true
	}
	return 0, true
}
