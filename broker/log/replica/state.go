package replica

import (
	"fmt"
	"slices"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// NoLeader is the leader of a partition that has none.
const NoLeader int32 = -1

// State is what the controller says of a partition.
type State struct {
	Replicas       []int32
	ISR            []int32
	Leader         int32 // or NoLeader
	LeaderEpoch    int32
	PartitionEpoch int32
	Recovering     bool // the leader was elected uncleanly and has not said that it has recovered (KIP-704)
}

// State is what the controller has said last.
func (r *Replica) State() State { return r.state }

// LeaderEpoch is that of the state.
func (r *Replica) LeaderEpoch() int32 { return r.state.LeaderEpoch }

// Leads reports whether this replica is the leader, as far as it has heard.
func (r *Replica) Leads() bool { return r.role == leading }

// Follows reports whether it has a leader to follow.
func (r *Replica) Follows() bool { return r.role == following }

// Apply takes over what the controller says. It reports whether that is a new
// leader epoch: whoever waits for something of the old one must be told.
func (r *Replica) Apply(now machine.Instant, s State) (newEpoch bool, err error) {
	if s.PartitionEpoch <= r.state.PartitionEpoch {
		return false, nil // this replica has heard so from the controller itself
	}
	if s.LeaderEpoch < r.state.LeaderEpoch {
		panic(fmt.Sprintf("replica %v: leader epoch %d after %d", r.cfg.TP, s.LeaderEpoch, r.state.LeaderEpoch))
	}
	newEpoch = s.LeaderEpoch > r.state.LeaderEpoch
	r.state = s
	r.asked = question{}
	switch {
	case !newEpoch && r.role == leading:
		r.reassigned(now)
		r.advance(now)
	case !newEpoch:
	case s.Leader == r.cfg.Self:
		err = r.lead(now)
	default:
		err = r.follow()
	}
	return newEpoch, err
}

// lead begins a leader epoch.
func (r *Replica) lead(now machine.Instant) error {
	r.role = leading
	r.cfg.Failpoints.Hit(failpoint.StepLead)
	r.epochStart = r.log.End()
	r.epochs.begin(r.state.LeaderEpoch, r.epochStart)
	if err := r.save(); err != nil {
		return err
	}
	r.followers = r.followers[:0]
	for _, id := range r.state.Replicas {
		if id != r.cfg.Self {
			r.followers = append(r.followers, newFollower(id, now, slices.Contains(r.state.ISR, id)))
		}
	}
	r.advance(now)
	return nil
}

// reassigned takes over who has replicas, which a reassignment may have changed within the
// leader epoch: one that is new has nothing yet.
func (r *Replica) reassigned(now machine.Instant) {
	r.followers = slices.DeleteFunc(r.followers, func(f follower) bool { return !slices.Contains(r.state.Replicas, f.id) })
	for _, id := range r.state.Replicas {
		if id != r.cfg.Self && r.follower(id) == nil {
			r.followers = append(r.followers, newFollower(id, now, false))
		}
	}
}

// follow begins to follow a leader, or nobody. Where the logs part is found out
// by the first fetch (KIP-595's diverging epoch), not here.
func (r *Replica) follow() error {
	r.role = following
	if r.state.Leader == NoLeader {
		r.role = idle
	}
	r.followers = r.followers[:0]
	if r.cfg.Failpoints.On(failpoint.R01TruncateToHighWatermark, uint64(r.state.LeaderEpoch)) {
		return r.truncate(r.highWatermark)
	}
	return nil
}

// Retire ends all that the replica does: its partition is no more, or no more here.
// Its files are the caller's matter.
func (r *Replica) Retire() {
	r.role, r.asked, r.followers = idle, question{}, r.followers[:0]
}
