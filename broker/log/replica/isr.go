package replica

import (
	"slices"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// question is what a leader asks the controller about the ISR: one replica
// more, or some less. The zero value is none.
type question struct {
	isr    []int32 // as it should be
	joins  int32   // the one who is not in it yet, or -1
	sent   bool
	closed bool // the controller will not agree: the metadata must tell what is true
}

func (q *question) open() bool { return q.isr != nil }

// counts reports whether a replica is in the maximal ISR: in the one that the
// controller has agreed to, or the one that is asked for. A replica that is
// asked out still counts (KIP-497).
func (q *question) counts(isr []int32, id int32) bool {
	return slices.Contains(isr, id) || q.open() && q.joins == id
}

// waitsFor reports whether the high watermark has to wait for a replica's word.
func (r *Replica) waitsFor(id int32) bool {
	if r.cfg.Failpoints.On(failpoint.R06ForgetPendingISR, uint64(r.state.PartitionEpoch)) {
		return slices.Contains(r.state.ISR, id)
	}
	return r.asked.counts(r.state.ISR, id)
}

func (q *question) maximal(isr []int32) []int32 {
	if q.open() && q.joins >= 0 {
		return q.isr
	}
	return isr
}

// maybeExpand asks for a follower to be in sync again, when it has what every
// possible leader must have: all below the high watermark, which may lag, and all
// from before this leader's epoch.
func (r *Replica) maybeExpand(f *follower) {
	if r.asked.open() || slices.Contains(r.state.ISR, f.id) || f.logEnd < r.highWatermark || !r.cfg.Eligible(f.id) {
		return
	}
	if f.logEnd < r.epochStart && !r.cfg.Failpoints.On(failpoint.R07JoinBelowEpochStart, uint64(f.id)) {
		return
	}
	r.asked = question{isr: append(slices.Clone(r.state.ISR), f.id), joins: f.id}
}

// Shrink asks for those to be out of sync who have lagged for longer than
// replica.lag.time.max.ms. Kafka looks every half of that time.
func (r *Replica) Shrink(now machine.Instant) {
	if r.role != leading || r.asked.open() {
		return
	}
	isr := slices.DeleteFunc(slices.Clone(r.state.ISR), func(id int32) bool {
		f := r.follower(id)
		return f != nil && !f.keepsUp(now, r.log.End(), r.lagTimeMax(id))
	})
	if len(isr) < len(r.state.ISR) {
		r.asked = question{isr: isr, joins: -1}
		if r.cfg.Failpoints.On(failpoint.R05ShrinkBeforeAnswer, uint64(r.state.PartitionEpoch)) {
			r.state.ISR = isr
		}
	}
}

// lagTimeMax is how long a follower may lag before it is asked out: no longer than
// replica.lag.time.max.ms, and the same in all of a leader epoch: who was asked out for
// it is not waited for by the high watermark any more.
func (r *Replica) lagTimeMax(id int32) time.Duration {
	if r.quirk(failpoint.EarlyShrink, uint64(id)<<32|uint64(uint32(r.state.LeaderEpoch))) {
		return r.cfg.LagTimeMax / 4
	}
	return r.cfg.LagTimeMax
}

// Asking reports whether Ask has something to say.
func (r *Replica) Asking() bool { return r.asked.open() && !r.asked.sent && !r.asked.closed }

// Ask returns the ISR that the controller must be asked for now, once.
func (r *Replica) Ask() (isr []int32, ok bool) {
	if !r.Asking() {
		return nil, false
	}
	r.asked.sent = true
	r.cfg.Failpoints.Hit(failpoint.StepAskISR)
	return r.asked.isr, true
}

// Answer is the controller's answer to a question about the ISR: a state, or
// Kafka's error.
type Answer struct {
	LeaderEpoch    int32 // of the question
	PartitionEpoch int32 // of the question
	Code           int16
	State          State // of the answer, without Replicas
}

// Answered takes the answer to Ask. It reports whether the high watermark has
// moved.
func (r *Replica) Answered(now machine.Instant, a Answer) (moved bool) {
	if r.role != leading || !r.asked.sent || a.LeaderEpoch != r.state.LeaderEpoch || a.PartitionEpoch != r.state.PartitionEpoch {
		return false // the metadata was faster
	}
	r.cfg.Failpoints.Hit(failpoint.StepISRAgreed)
	switch a.Code {
	case wire.None:
		if a.State.LeaderEpoch != r.state.LeaderEpoch {
			r.asked.closed = true // somebody else was elected: the metadata will say so
			return false
		}
		if a.State.PartitionEpoch < r.state.PartitionEpoch {
			r.asked.closed = true // that is from before the question
			return false
		}
		r.asked = question{}
		r.state.ISR, r.state.PartitionEpoch, r.state.Recovering = a.State.ISR, a.State.PartitionEpoch, a.State.Recovering
		return r.advance(now)
	case wire.IneligibleReplica:
		r.asked = question{} // back to what was agreed; the next fetch may ask again
		return r.advance(now)
	case wire.UnknownTopicOrPartition, wire.UnknownTopicID, wire.FencedLeaderEpoch, wire.InvalidUpdateVersion, wire.InvalidRequest, wire.NewLeaderElected:
		r.asked.closed = true // what is true is on its way
	default:
		r.asked.sent = false // ask again
	}
	return false
}
