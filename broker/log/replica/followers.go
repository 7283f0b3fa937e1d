package replica

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// follower is what a leader knows of a follower, in this leader epoch.
type follower struct {
	id     int32
	logEnd int64 // it has everything below; -1 until it was heard of

	logStart int64 // its log starts there; -1 until it was heard of

	// When it was last known to have the whole log, whatever was appended since:
	// Kafka's rule for who lags (replica.lag.time.max.ms).
	caughtUp machine.Instant
	// Of its last fetch: when, and where the leader's log ended.
	fetchedAt  machine.Instant
	fetchedEnd int64
}

// longAgo is a time before every other.
const longAgo machine.Instant = -1 << 62

func newFollower(id int32, now machine.Instant, inSync bool) follower {
	f := follower{id: id, logEnd: -1, logStart: -1, caughtUp: longAgo, fetchedAt: longAgo}
	if inSync {
		f.caughtUp = now
	}
	return f
}

// fetched notes a fetch from an offset (Replica.updateFetchStateOrThrow): a
// follower that asks for the end of the log has caught up now; one that asks for
// where the log ended at its last fetch had caught up then.
func (f *follower) fetched(now machine.Instant, offset, leaderEnd int64) {
	switch {
	case offset >= leaderEnd:
		f.caughtUp = max(f.caughtUp, now)
	case offset >= f.fetchedEnd:
		f.caughtUp = max(f.caughtUp, f.fetchedAt)
	}
	f.logEnd, f.fetchedAt, f.fetchedEnd = offset, now, leaderEnd
}

// keepsUp reports whether it has the whole log, or had it within the lag time.
func (f *follower) keepsUp(now machine.Instant, leaderEnd int64, lag time.Duration) bool {
	return f.logEnd == leaderEnd || now.Sub(f.caughtUp) <= lag
}

func (r *Replica) follower(id int32) *follower {
	for i := range r.followers {
		if r.followers[i].id == id {
			return &r.followers[i]
		}
	}
	return nil
}

// Assigned reports whether a broker has a replica of the partition.
func (r *Replica) Assigned(id int32) bool { return r.follower(id) != nil }

// Fetched notes that a follower asks its leader for the records from an offset
// on. It reports whether the high watermark has moved.
func (r *Replica) Fetched(now machine.Instant, id int32, offset int64) (moved bool) {
	f := r.follower(id)
	if f == nil || r.role != leading {
		return false
	}
	f.fetched(now, offset, r.log.End())
	r.maybeExpand(f)
	// Also when it asks for the same again: somebody who was waited for may have
	// ceased to keep up, and no other event would tell.
	return r.advance(now)
}

// advance moves the high watermark to the lowest log end of the maximal ISR and
// of those who are about to join (Partition.maybeIncrementLeaderHW). Under min ISR
// it stays: what an ISR that is too small has is not committed.
func (r *Replica) advance(now machine.Instant) (moved bool) {
	if len(r.state.ISR) < r.minISR() && !r.cfg.Failpoints.On(failpoint.R13CommitBelowMinISR, uint64(r.state.PartitionEpoch)) {
		return false
	}
	lowest := r.held(now)
	if lowest <= r.highWatermark {
		return false
	}
	r.highWatermark = lowest
	r.producers.txns.settle(lowest)
	r.check()
	return true
}

// held is the offset below which everybody whom the high watermark waits for has the
// log.
func (r *Replica) held(now machine.Instant) int64 {
	lowest, end := r.flush.counted, r.log.End()
	for i := range r.followers {
		f := &r.followers[i]
		if f.logEnd >= lowest {
			continue
		}
		if r.waitsFor(f.id) || f.keepsUp(now, end, r.lagTimeMax(f.id)) && r.cfg.Eligible(f.id) {
			lowest = f.logEnd
		}
	}
	return lowest
}

// Held is where a leader's high watermark would be if it looked when all who lag have
// lagged for long. Kafka looks when somebody fetches or appends and when the ISR
// changes, and not when the time in which a follower may join again is over.
func (r *Replica) Held() int64 { return r.held(machine.Never) }
