package quorum

import (
	"time"

	"brokersim/faults/failpoint"
)

// Config is what a voter is started with. The durations are the properties of that
// name under controller.quorum; a quorum of one needs none of them.
type Config struct {
	ID     int32
	Voters []int32 // all of them, ID among them, in any order; empty: ID alone
	Seed   uint64  // of the jitter of elections

	ElectionTimeout    time.Duration // election.timeout.ms: without a leader, before an election
	ElectionBackoffMax time.Duration // election.backoff.max.ms: after one that was lost
	FetchTimeout       time.Duration // fetch.timeout.ms: without a word of the leader
	RetryBackoff       time.Duration // retry.backoff.ms: before a request is sent again

	Failpoints *failpoint.Set // nil: off
}

// majority is how many voters must agree.
func (q *Quorum) majority() int { return (len(q.peers)+1)/2 + 1 }

// alone reports whether there is no other voter.
func (q *Quorum) alone() bool { return len(q.peers) == 0 }
