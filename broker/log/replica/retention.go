package replica

import (
	"errors"
	"math"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// roll begins a new segment before a batch, if its topic's configuration asks for one.
// What is in the old one is flushed then, whatever flush.messages says (UnifiedLog.roll).
func (r *Replica) roll(h *wire.Batch) error {
	t := &r.cfg.Topic
	rolled, err := r.log.Roll(storage.Header(*h), storage.Limits{Bytes: t.SegmentBytes, Millis: t.SegmentMillis, JitterMillis: t.SegmentJitterMillis})
	if err != nil || !rolled {
		return err
	}
	r.flush.wanted = r.log.End()
	err = r.log.PutSnapshot(r.log.End(), r.producers.entries())
	if errors.Is(err, machine.ErrNoSpace) {
		return nil // an earlier one will do
	}
	return err
}

// Doomed are files of what was deleted since the last call, and how long they must stay
// for whoever may read them: file.delete.delay.ms.
func (r *Replica) Doomed() (files []string, stay time.Duration) {
	return r.log.Doomed(), time.Duration(r.cfg.Topic.FileDeleteDelayMillis) * time.Millisecond
}

// Rolled reports whether the log has a segment beside the active one: only those can
// ever be deleted.
func (r *Replica) Rolled() bool {
	_, ok := r.log.Oldest()
	return ok
}

// Expire deletes the oldest segment if its topic's retention.ms or retention.bytes says
// so: a whole segment, of which everything is committed, and never the active one.
// Kafka rolls the active segment, too, when all of it has expired. nowMillis is the wall
// clock. It reports whether to ask again when what Flush asks for is done. What comes next in the log must be durable first, or a loss of power
// would leave nothing that tells where the log starts; then that is what Flush asks for.
func (r *Replica) Expire(nowMillis int64) (more bool, err error) {
	o, ok := r.log.Oldest()
	t := &r.cfg.Topic
	byTime := t.RetentionMillis >= 0 && nowMillis-o.Last > t.RetentionMillis
	bySize := t.RetentionBytes >= 0 && r.log.Size()-o.Bytes >= t.RetentionBytes
	if !ok || !byTime && !bySize {
		return false, nil
	}
	return r.deleteOldest(o.Next)
}

// LeaderStart tells a follower where its leader's log starts: it has no more use for
// what comes before (UnifiedLog.maybeIncrementLogStartOffset). As with [Replica.Expire]
// only whole segments go.
func (r *Replica) LeaderStart(offset int64) error {
	if o, ok := r.log.Oldest(); ok && o.Next <= offset {
		_, err := r.deleteOldest(o.Next)
		return err
	}
	return nil
}

// deleteOldest deletes the oldest segment, which ends at an offset, or sees to it that
// it can be deleted.
func (r *Replica) deleteOldest(next int64) (more bool, err error) {
	f := &r.flush
	switch {
	case next > r.highWatermark:
		return false, nil
	case f.asked >= 0:
		return true, nil
	case f.done <= next:
		f.wanted = f.end
		return true, nil
	}
	if err := r.log.DeleteOldest(); err != nil {
		return false, err
	}
	r.epochs.startAt(next)
	if err := r.save(); err != nil {
		return false, err
	}
	if err := r.log.TrimSnapshots(); err != nil {
		return false, err
	}
	f.wanted = math.MaxInt64 // though all is durable: the deletion must be, too
	return true, nil
}

// StartAt has a follower drop all that it has, and go on where its leader's log starts:
// the leader has no more of what the follower needs next
// (ReplicaFetcherThread.truncateFullyAndStartAt).
func (r *Replica) StartAt(offset int64) error {
	if err := r.log.StartAt(offset); err != nil {
		return err
	}
	r.cfg.Failpoints.Hit(failpoint.Truncation)
	r.highWatermark = offset
	r.flush.begin(r.cfg.Topic.FlushMessages, offset, 0)
	r.recoveryPoint = 0
	r.log.HoldRoll(r.RecoveryPointFell())
	r.epochs.endAt(r.log.Base())
	if err := r.log.TrimSnapshots(); err != nil {
		return err
	}
	return r.relearn(r.log.End(), &storage.Recovery{})
}
