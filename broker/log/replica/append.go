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
	return r.AppendVerified(now, batch, acks, 0)
}

// AppendVerified is Append for a batch that may be transactional, with the guard of its
// verification, if it has one: see [Replica.Verify].
func (r *Replica) AppendVerified(now machine.Now, batch machine.Bytes, acks int16, g Guard) (at Appended, code int16, err error) {
	at.AppendTime = -1
	if code := r.mayAppend(acks); code != 0 {
		return at, code, nil
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
		if code := r.checkProducer(&h, g, true); code != 0 {
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
	code, err = r.write(now.Mono, &h, batch, &at)
	return at, code, err
}

// AppendOwn appends a batch of a coordinator on this broker, with acks=all: what it
// remembers, or the offsets of a transaction, which has the id and the epoch of a producer
// and no sequence (AppendOrigin.COORDINATOR). Of a transaction that is not open here it needs
// the guard of its verification. The results are as of Append.
func (r *Replica) AppendOwn(now machine.Now, batch machine.Bytes, g Guard) (at Appended, code int16, err error) {
	at.AppendTime = -1
	if code := r.mayAppend(-1); code != 0 {
		return at, code, nil
	}
	h, err := wire.CheckBatch(batch)
	switch {
	case err != nil, h.IsControl():
		return at, wire.InvalidRecord, nil
	case h.Size() > int64(r.cfg.Topic.MaxMessageBytes):
		return at, wire.MessageTooLarge, nil
	case h.Size() > r.cfg.Topic.SegmentBytes:
		return at, wire.RecordListTooLarge, nil
	}
	if h.ProducerID >= 0 {
		if code := r.checkProducer(&h, g, false); code != 0 {
			return at, code, nil
		}
	}
	code, err = r.appendStamped(now, &h, batch, &at)
	return at, code, err
}

// AppendMarker appends the end of a producer's transaction, with acks=all. One that has no
// open transaction here ends nothing, and stands there all the same. version is that of the
// transaction (KIP-890): from 2 on a marker has an epoch above that of the transaction, so
// that one that comes late cannot end the next. The results are as of Append.
func (r *Replica) AppendMarker(now machine.Now, producerID int64, epoch int16, m wire.Marker, version int16) (at Appended, code int16, err error) {
	at.AppendTime = -1
	if code := r.mayAppend(-1); code != 0 {
		return at, code, nil
	}
	batch := m.BatchAt(now.Wall.Millis(), producerID, epoch, r.log.End(), r.state.LeaderEpoch)
	h, err := wire.CheckBatch(batch)
	if err != nil {
		return at, wire.InvalidRecord, nil
	}
	if code := r.checkMarker(&h, m, version); code != 0 {
		return at, code, nil
	}
	code, err = r.appendStamped(now, &h, batch, &at)
	return at, code, err
}

// mayAppend is Kafka's error for any append, whatever it is.
func (r *Replica) mayAppend(acks int16) (code int16) {
	if r.role != leading {
		return wire.NotLeaderOrFollower
	}
	if acks == -1 && len(r.state.ISR) < r.minISR() {
		r.cfg.Failpoints.Hit(failpoint.NotEnoughReplicas)
		return wire.NotEnoughReplicas
	}
	return 0
}

// checkProducer is Kafka's error for a batch of data of an idempotent or transactional
// producer that does not continue what that has in the log. Those of coordinators have no
// sequences.
func (r *Replica) checkProducer(h *wire.Batch, g Guard, client bool) (code int16) {
	if h.IsTransactional() && !r.verified(h, g) {
		return wire.InvalidTxnState
	}
	if code := r.producers.checkEpoch(h); code != 0 {
		if !r.cfg.Failpoints.On(failpoint.T06OldEpoch, sequence(h)) {
			return code
		}
	} else if client {
		if code := r.producers.checkSequence(h); code != 0 && !r.cfg.Failpoints.On(failpoint.T25AnySequence, sequence(h)) {
			return code
		}
	}
	return r.producers.checkTransaction(h)
}

// checkMarker is Kafka's error for a marker of an epoch that its producer has left behind, or
// of a coordinator that others have followed (ProducerAppendInfo.appendEndTxnMarker).
func (r *Replica) checkMarker(h *wire.Batch, m wire.Marker, version int16) (code int16) {
	if code := r.producers.checkEpoch(h); code != 0 {
		return code
	}
	s := r.producers.byID[h.ProducerID]
	switch {
	case s == nil:
		return 0
	case version >= bumping && s.txnFirst >= 0 && h.ProducerEpoch <= s.epoch:
		return wire.InvalidProducerEpoch
	case m.CoordinatorEpoch < s.coordinator && !r.cfg.Failpoints.On(failpoint.T14OldCoordinator, sequence(h)):
		r.cfg.Failpoints.Hit(failpoint.MarkerRefused)
		return wire.TransactionCoordinatorFenced
	}
	return 0
}

// bumping is the transaction version from which on each transaction has an epoch of its own
// (KIP-890).
const bumping int16 = 2

// appendStamped appends a batch that the broker has made, with the topic's kind of timestamps.
func (r *Replica) appendStamped(now machine.Now, h *wire.Batch, batch machine.Bytes, at *Appended) (code int16, err error) {
	if r.cfg.Topic.LogAppendTime {
		at.AppendTime = now.Wall.Millis()
		batch = wire.StampAppendTime(batch, at.AppendTime)
		h.MaxTimestamp = at.AppendTime
	}
	return r.write(now.Mono, h, batch, at)
}

// write has a batch stand at the end of the log.
func (r *Replica) write(now machine.Instant, h *wire.Batch, batch machine.Bytes, at *Appended) (code int16, err error) {
	stamped := batch // already, if this broker has made it
	if base, epoch := r.log.End(), r.state.LeaderEpoch; h.BaseOffset != base || h.LeaderEpoch != epoch {
		h.BaseOffset, h.LeaderEpoch = base, epoch
		stamped = wire.Stamp(batch, base, epoch)
	}
	if err := r.roll(h); err != nil {
		return wire.KafkaStorageError, err
	}
	if err := r.log.Append(stamped); err != nil {
		if errors.Is(err, storage.ErrIndex) && r.cfg.Failpoints.On(failpoint.S04EndAfterIndex, uint64(h.BaseOffset)) {
			err = nil // it goes on
		}
		return wire.KafkaStorageError, err
	}
	r.cfg.Failpoints.Hit(failpoint.StepAppend)
	if err := r.took(h, batch); err != nil {
		return wire.KafkaStorageError, err
	}
	r.flush.appended(h.NextOffset())
	r.advance(now)
	at.Base, at.End = h.BaseOffset, h.NextOffset()
	return 0, nil
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
