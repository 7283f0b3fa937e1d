package replica

import (
	"sort"

	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// epochs is where each leader epoch begins in the log (KIP-101).
type epochs struct {
	list  []storage.EpochStart
	dirty bool // it is not written down
}

// begin notes that an epoch begins at an offset, or goes on there. What was noted
// before and does not fit is wrong and goes: an epoch that never wrote anything,
// such as that of a leader who lost to one of an earlier epoch's batches
// (LeaderEpochFileCache.maybeTruncateNonMonotonicEntries). When the epoch that
// goes on is the one below, its own beginning stays: Kafka has cut the empty epoch
// off before, for there a follower asks with it and is told to truncate.
func (e *epochs) begin(epoch int32, offset int64) {
	n := len(e.list)
	if n > 0 && e.list[n-1].Epoch == epoch && e.list[n-1].Start < offset {
		return
	}
	e.dirty = true
	for n > 0 && (e.list[n-1].Epoch > epoch || e.list[n-1].Start >= offset) {
		n--
	}
	e.list = e.list[:n]
	if n == 0 || e.list[n-1].Epoch != epoch {
		e.list = append(e.list, storage.EpochStart{Epoch: epoch, Start: offset})
	}
}

// startAt forgets what lies below the log start offset
// (LeaderEpochFileCache.truncateFromStart).
func (e *epochs) startAt(offset int64) {
	n := sort.Search(len(e.list), func(i int) bool { return e.list[i].Start > offset })
	if n == 0 {
		return
	}
	e.dirty = true
	e.list = append(e.list[:0], e.list[n-1:]...)
	e.list[0].Start = offset
}

// endAt forgets what begins at or behind the log end
// (LeaderEpochFileCache.truncateFromEnd).
func (e *epochs) endAt(offset int64) {
	n := sort.Search(len(e.list), func(i int) bool { return e.list[i].Start >= offset })
	e.dirty = e.dirty || n < len(e.list)
	e.list = e.list[:n]
}

// unknown is an epoch or offset that the log tells nothing about.
const unknown = -1

// endOf is the largest epoch of the log that is not above the one asked about,
// and where it ends (LeaderEpochFileCache.endOffsetFor, KIP-279): unknown and
// unknown if the epoch is above all others. logEnd is the end of the last.
func (e *epochs) endOf(epoch int32, logEnd int64) (int32, int64) {
	n := len(e.list)
	if n == 0 || epoch == unknown || epoch > e.list[n-1].Epoch {
		return unknown, unknown
	}
	if epoch == e.list[n-1].Epoch {
		return epoch, logEnd
	}
	above := sort.Search(n, func(i int) bool { return e.list[i].Epoch > epoch })
	if above == 0 {
		return epoch, e.list[0].Start
	}
	return e.list[above-1].Epoch, e.list[above].Start
}

// EndOfEpoch answers OffsetForLeaderEpoch, and a Fetch that names the last epoch of
// its reader's log: see [epochs.endOf].
func (r *Replica) EndOfEpoch(epoch int32) (found int32, end int64) {
	if r.cfg.Failpoints.On(failpoint.R02EpochEndIsLogEnd, uint64(epoch)) {
		return epoch, r.log.End()
	}
	found, end = r.epochs.endOf(epoch, r.log.End())
	if found != unknown && r.cfg.Failpoints.On(failpoint.R03EchoEpoch, uint64(epoch)) {
		found = epoch
	}
	return found, end
}
