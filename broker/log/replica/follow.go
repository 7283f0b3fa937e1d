package replica

import (
	"errors"
	"fmt"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Position is where a follower goes on: its log end, and the leader epoch of the
// last batch before it, -1 if there is none.
func (r *Replica) Position() (offset int64, lastEpoch int32) { return r.log.End(), r.log.LastEpoch() }

// ErrCorrupt means that what a leader has sent is no continuation of the log.
var ErrCorrupt = errors.New("fetched batches do not continue the log")

// errHole is a hole that compaction has left in the leader's log. The follower takes it
// when it has been written down that its log may have some.
var errHole = errors.New("there is a hole, and it is not written down yet that there may be")

// AppendFetched appends what a follower has fetched from its log end on, and
// takes over the leader's high watermark as far as its own log reaches. With an
// [ErrCorrupt] the batches before the bad one are in the log; any other error is
// one of the disk.
func (r *Replica) AppendFetched(batches machine.Bytes, leaderHighWatermark int64) error {
	for rest := batches; rest.Len() > 0; {
		h, err := wire.ReadBatch(rest)
		if err == nil {
			batch := rest.Slice(0, h.Size())
			rest = rest.Slice(h.Size(), rest.Len())
			h, err = wire.CheckStored(batch)
			if err == nil && r.cfg.Failpoints.On(failpoint.R19FollowerStamps, uint64(h.BaseOffset)) {
				batch = wire.Stamp(batch, r.log.End(), r.state.LeaderEpoch)
				h, err = wire.CheckStored(batch)
			}
			// The checksum covers neither of the two. An epoch that is later than the
			// one followed in would outlive what the leader knows (KAFKA-18723).
			if err == nil && h.BaseOffset > r.log.End() && !r.log.Holes() {
				r.wantsHoles = true
				err = errHole
			}
			if err == nil && (h.BaseOffset < r.log.End() || h.LeaderEpoch < max(r.log.LastEpoch(), 0) || h.LeaderEpoch > r.state.LeaderEpoch) {
				err = fmt.Errorf("batch at offset %d of epoch %d", h.BaseOffset, h.LeaderEpoch)
			}
			if err == nil {
				if err := r.roll(&h); err != nil {
					return err
				}
				if err := r.log.Append(batch); err != nil {
					return err
				}
				r.cfg.Failpoints.Hit(failpoint.StepAppendFetched)
				r.epochs.begin(h.LeaderEpoch, h.BaseOffset)
				if err := r.save(); err != nil {
					return err
				}
				if !r.cfg.Failpoints.On(failpoint.T01ForgetSequence, uint64(h.BaseOffset)) {
					if err := r.took(&h, batch); err != nil {
						return err
					}
				}
				r.flush.appended(h.NextOffset())
				continue
			}
		}
		return fmt.Errorf("%w of %v at %d: %w", ErrCorrupt, r.cfg.TP, r.log.End(), err)
	}
	r.highWatermark = max(min(leaderHighWatermark, r.log.End()), r.log.Start())
	r.producers.txns.settle(r.highWatermark)
	return nil
}

// Diverged truncates a follower's log where its leader says that they part: epoch
// is the largest epoch of the leader's log that is not above the follower's last,
// and end where it ends there. If this log has no records of that epoch the point
// is not final, and the next fetch asks again with an earlier one (KIP-279,
// AbstractFetcherThread.getOffsetTruncationState).
func (r *Replica) Diverged(epoch int32, end int64) error {
	to := end
	if found, mine := r.epochs.endOf(epoch, r.log.End()); found != unknown {
		if to = mine; found == epoch {
			to = min(mine, end)
		}
	}
	return r.truncate(min(to, r.log.End()))
}

func (r *Replica) truncate(to int64) error {
	if to >= r.log.End() {
		return nil
	}
	if to < r.log.Start() {
		return r.StartAt(to)
	}
	if err := r.log.TruncateTo(to); err != nil {
		return err
	}
	r.cfg.Failpoints.Hit(failpoint.Truncation)
	r.cfg.Failpoints.Hit(failpoint.StepTruncate)
	r.highWatermark = min(r.highWatermark, r.log.End())
	r.flush.truncated(r.log.End())
	r.recoveryPoint = min(r.recoveryPoint, r.log.End())
	r.log.HoldRoll(r.RecoveryPointFell())
	if r.cfg.Failpoints.On(failpoint.R20KeepTruncated, uint64(to)) {
		return nil
	}
	r.epochs.endAt(r.log.End())
	if err := r.log.TrimSnapshots(); err != nil {
		return err
	}
	return r.relearn(r.log.End(), &storage.Recovery{Reread: r.log.End()})
}
