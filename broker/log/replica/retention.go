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
	limits := storage.Limits{Bytes: t.SegmentBytes, Millis: t.SegmentMillis, JitterMillis: t.SegmentJitterMillis}
	if t.CleanupPolicy.Compact { // what is in the active segment is not cleaned (KIP-354)
		limits.Millis = min(limits.Millis, t.MaxCompactionLagMillis)
	}
	rolled, err := r.log.Roll(storage.Header(*h), limits)
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

// Expire deletes the oldest segment if its topic's retention.ms or retention.bytes says so,
// or if the log starts behind it: a whole segment, of which everything is committed. The
// active segment is rolled first when all of it may go. nowMillis is the wall clock.
// It reports whether to ask again when what Flush asks for is done. What comes next in the
// log must be durable first, or a loss of power would leave nothing that tells where the
// log starts; then that is what Flush asks for.
func (r *Replica) Expire(nowMillis int64) (more bool, err error) {
	if o, ok := r.log.Oldest(); ok {
		if !r.expired(&o, nowMillis) {
			return false, nil
		}
		return r.deleteOldest(o.Next)
	}
	o := r.log.Active()
	if o.Bytes == 0 || o.Next > r.highWatermark || !r.expired(&o, nowMillis) {
		return false, nil
	}
	return true, r.rollActive()
}

// expired reports whether a segment may go as far as the topic's configuration says.
func (r *Replica) expired(o *storage.Oldest, nowMillis int64) bool {
	t := &r.cfg.Topic
	if o.Next <= r.log.Start() {
		return true
	}
	newest := o.Last
	if r.cfg.Failpoints.On(failpoint.S09OldestTimestamp, uint64(o.Next)) {
		newest = o.Least
	}
	byTime := t.RetentionMillis >= 0 && nowMillis-newest > t.RetentionMillis
	bySize := t.RetentionBytes >= 0 && r.log.Size()-o.Bytes >= t.RetentionBytes
	return t.CleanupPolicy.Delete && (byTime || bySize)
}

// rollActive begins another segment behind the active one, which has expired.
func (r *Replica) rollActive() error {
	if err := r.log.RollEmpty(r.cfg.Failpoints.On(failpoint.S08DeleteActive, uint64(r.log.End()))); err != nil {
		if errors.Is(err, machine.ErrNoSpace) {
			return nil
		}
		return err
	}
	r.flush.wanted = math.MaxInt64
	err := r.log.PutSnapshot(r.log.End(), r.producers.entries())
	if errors.Is(err, machine.ErrNoSpace) {
		return nil
	}
	return err
}

// Ages reports whether anything of the log may expire by itself.
func (r *Replica) Ages() bool {
	t := &r.cfg.Topic
	return r.log.Size() > 0 && (t.CleanupPolicy.Delete && t.RetentionMillis >= 0 || r.log.Start() > r.log.Base())
}

// LeaderStart tells a follower where its leader's log starts: it has no more use for
// what comes before (UnifiedLog.maybeIncrementLogStartOffset). What is below is not given
// out any more, and whole segments of it go.
func (r *Replica) LeaderStart(offset int64) error {
	if err := r.advanceStart(min(offset, r.highWatermark)); err != nil {
		return err
	}
	if o, ok := r.log.Oldest(); ok && o.Next <= r.log.Start() {
		_, err := r.deleteOldest(o.Next)
		return err
	}
	return nil
}

// DeleteRecords has the leader's log start at an offset; -1 is the high watermark. code is
// Kafka's error (KIP-107).
func (r *Replica) DeleteRecords(offset int64) (at int64, code int16, err error) {
	switch {
	case r.role != leading:
		return 0, wire.NotLeaderOrFollower, nil
	case !r.cfg.Topic.CleanupPolicy.Delete:
		return 0, wire.PolicyViolation, nil
	}
	if offset == -1 {
		offset = r.highWatermark
	}
	if offset < 0 || offset > r.highWatermark {
		return 0, wire.OffsetOutOfRange, nil
	}
	return offset, 0, r.advanceStart(offset)
}

// advanceStart has the log start at an offset, if it does not start there or behind it.
func (r *Replica) advanceStart(offset int64) error {
	if !r.log.AdvanceStart(offset) {
		return nil
	}
	r.producers.txns.settle(offset)
	r.epochs.startAt(offset)
	return r.save()
}

// LowWatermark is where the log starts with every replica that is alive, as far as the
// leader knows (Partition.lowWatermarkIfLeader).
func (r *Replica) LowWatermark() int64 {
	low := r.log.Start()
	for i := range r.followers {
		if f := &r.followers[i]; r.cfg.Eligible(f.id) {
			low = min(low, f.logStart)
		}
	}
	return low
}

// FollowerStart notes where a follower's log starts. It reports whether the low watermark
// may have risen.
func (r *Replica) FollowerStart(id int32, offset int64) (rose bool) {
	f := r.follower(id)
	if f == nil {
		return false
	}
	rose = offset > f.logStart
	f.logStart = offset
	return rose
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
	case f.wanted > f.end && next == r.log.ActiveBase() && r.log.Active().Bytes == 0:
		return true, nil // the file that tells where the log goes on is not durable yet
	case f.done < r.log.End() && f.done <= next:
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
	return r.relearn(r.log.End(), &storage.Recovery{Reread: r.log.End()})
}
