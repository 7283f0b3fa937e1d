package quorum

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// lead begins the epoch with a batch that says so.
func (q *Quorum) lead(now machine.Now, out *machine.Effects) {
	change := kmsg.NewLeaderChangeMessage()
	change.LeaderID = q.cfg.ID
	voter := func(id int32) kmsg.LeaderChangeMessageVoter {
		v := kmsg.NewLeaderChangeMessageVoter()
		v.VoterID = id
		return v
	}
	change.Voters = append(change.Voters, voter(q.cfg.ID))
	change.GrantingVoters = append(change.GrantingVoters, voter(q.cfg.ID))
	for i := range q.peers {
		change.Voters = append(change.Voters, voter(q.peers[i].id))
		if q.peers[i].granted {
			change.GrantingVoters = append(change.GrantingVoters, voter(q.peers[i].id))
		}
	}
	q.leader = q.cfg.ID
	q.become(leading, machine.Never)
	for i := range q.peers {
		q.peers[i].end, q.peers[i].fetched = none, now.Mono
	}
	q.remember(out)
	q.began = q.log.End()
	b := wire.NewBuilder(-1, -1, -1)
	b.Control()
	b.Append(now.Wall.Millis(), leaderChangeKey, change.AppendTo(nil), nil)
	q.append(b.Bytes(), out)
}

// leaderChangeKey is the key of a control record: version 0, type 2.
var leaderChangeKey = []byte{0, 0, 0, 2}

// advance moves the high watermark to what a majority has made durable. What is of an
// earlier epoch is committed by an entry of this one behind it (Raft, section 5.4.2;
// KAFKA-12619): a majority that has the earlier one alone may still be overruled.
func (q *Quorum) advance() {
	ends := make([]int64, 0, 8)
	ends = append(ends, q.synced)
	for i := range q.peers {
		ends = append(ends, q.peers[i].end)
	}
	slices.Sort(ends)
	to := ends[len(ends)-q.majority()]
	if to <= q.began {
		return // no majority has anything of its own epoch
	}
	if to > q.log.End() || q.alone() && to < q.highWatermark {
		panic(fmt.Sprintf("quorum: a majority has the log up to %d, with high watermark %d and log end %d", to, q.highWatermark, q.log.End()))
	}
	q.highWatermark = max(q.highWatermark, to)
}

// Overdue reports whether the voter leads though it should have resigned by now.
func (q *Quorum) Overdue(now machine.Now) bool {
	return q.role == leading && now.Mono >= q.checkQuorumAt()
}

// checkQuorumAt is when a leader resigns, unless more voters fetch: one that a majority
// has not heard of for so long commits nothing, and the others have another
// (KAFKA-15489).
func (q *Quorum) checkQuorumAt() machine.Instant {
	if q.alone() {
		return machine.Never
	}
	fetched := make([]machine.Instant, 0, 8)
	for i := range q.peers {
		fetched = append(fetched, q.peers[i].fetched)
	}
	slices.Sort(fetched)
	return fetched[len(fetched)-(q.majority()-1)].Add(q.cfg.FetchTimeout * 3 / 2)
}
