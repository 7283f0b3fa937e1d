package replica

import (
	"errors"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Appended says where a batch stands in the log.
type Appended struct {
	Base, End int64 // its first offset, and the one after its last
	Duplicate bool  // it was there already
	// Refused are the records that the batch was refused for, where it was for some of its
	// records (KIP-467).
	Refused []Refused
	// AppendTime is the timestamp in ms that all records have with LogAppendTime; -1 with
	// CreateTime; of a duplicate the largest of the batch, as Kafka says.
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
	h, code := r.validate(&batch)
	times := batchTimes{h.MaxTimestamp, h.IsLogAppendTime()}
	if code == 0 {
		at.Refused, code = r.validateRecords(&h, batch, now.Wall.Millis(), &times)
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
	} else if h.MaxTimestamp != times.largest || times.stamped {
		batch = wire.StampCreateTime(batch, times.largest)
		h.MaxTimestamp = times.largest
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
