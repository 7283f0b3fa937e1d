package quorum

import (
	"cmp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

func (q *Quorum) beginEpoch(of int32) *kmsg.BeginQuorumEpochRequest {
	p := kmsg.NewBeginQuorumEpochRequestTopicPartition()
	p.LeaderID, p.LeaderEpoch = q.cfg.ID, q.epoch
	t := kmsg.NewBeginQuorumEpochRequestTopic()
	t.Topic, t.Partitions = Topic, []kmsg.BeginQuorumEpochRequestTopicPartition{p}
	req := kmsg.NewPtrBeginQuorumEpochRequest()
	req.VoterID, req.Topics = of, []kmsg.BeginQuorumEpochRequestTopic{t}
	return req
}

// BeginEpoch answers a leader that says that its epoch has begun. The answer may leave
// when [Quorum.Version] of then is Spoken.
func (q *Quorum) BeginEpoch(now machine.Now, req *kmsg.BeginQuorumEpochRequest, out *machine.Effects) *kmsg.BeginQuorumEpochResponse {
	resp := kmsg.NewPtrBeginQuorumEpochResponse()
	resp.Topics = []kmsg.BeginQuorumEpochResponseTopic{}
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.Topics[0].Topic != Topic || q.role == failed {
		resp.ErrorCode = wire.InvalidRequest
		return resp
	}
	said := &req.Topics[0].Partitions[0]
	a := kmsg.NewBeginQuorumEpochResponseTopicPartition()
	a.ErrorCode = q.check(said.LeaderID, said.LeaderEpoch)
	if a.ErrorCode == 0 {
		q.learn(now, said.LeaderEpoch, said.LeaderID, out)
	}
	a.LeaderID, a.LeaderEpoch = q.leader, q.epoch
	t := kmsg.NewBeginQuorumEpochResponseTopic()
	t.Topic, t.Partitions = Topic, []kmsg.BeginQuorumEpochResponseTopicPartition{a}
	resp.Topics = append(resp.Topics, t)
	return resp
}

// check is the error of somebody who says that a voter leads, or has led, an epoch.
func (q *Quorum) check(leader, epoch int32) int16 {
	switch {
	case q.peer(leader) == nil:
		return wire.InconsistentVoterSet
	case epoch < q.epoch:
		return wire.FencedLeaderEpoch
	}
	return 0
}

func (q *Quorum) beginAnswered(now machine.Now, p *peer, req *kmsg.BeginQuorumEpochRequest, resp *kmsg.BeginQuorumEpochResponse, out *machine.Effects) {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return
	}
	a := &resp.Topics[0].Partitions[0]
	q.learn(now, a.LeaderEpoch, a.LeaderID, out)
	if q.role == leading && a.ErrorCode == 0 && req.Topics[0].Partitions[0].LeaderEpoch == q.epoch {
		p.done = true
	}
}

// endEpoch names who should lead next: those who have most of the log first.
func (q *Quorum) endEpoch() *kmsg.EndQuorumEpochRequest {
	next := slices.Clone(q.peers)
	slices.SortStableFunc(next, func(a, b peer) int { return cmp.Compare(b.end, a.end) })
	p := kmsg.NewEndQuorumEpochRequestTopicPartition()
	p.LeaderID, p.LeaderEpoch = q.cfg.ID, q.epoch
	for _, x := range next {
		p.PreferredSuccessors = append(p.PreferredSuccessors, x.id)
		c := kmsg.NewEndQuorumEpochRequestTopicPartitionPreferredCandidate()
		c.CandidateID = x.id
		p.PreferredCandidates = append(p.PreferredCandidates, c)
	}
	t := kmsg.NewEndQuorumEpochRequestTopic()
	t.Topic, t.Partitions = Topic, []kmsg.EndQuorumEpochRequestTopicPartition{p}
	req := kmsg.NewPtrEndQuorumEpochRequest()
	req.Topics = []kmsg.EndQuorumEpochRequestTopic{t}
	req.LeaderEndpoints = []kmsg.EndQuorumEpochRequestLeaderEndpoint{}
	return req
}

// EndEpoch answers a leader that has resigned: its followers need not wait for the
// timeout, the first in its list not at all.
func (q *Quorum) EndEpoch(now machine.Now, req *kmsg.EndQuorumEpochRequest, out *machine.Effects) *kmsg.EndQuorumEpochResponse {
	resp := kmsg.NewPtrEndQuorumEpochResponse()
	resp.Topics = []kmsg.EndQuorumEpochResponseTopic{}
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.Topics[0].Topic != Topic || q.role == failed {
		resp.ErrorCode = wire.InvalidRequest
		return resp
	}
	said := &req.Topics[0].Partitions[0]
	a := kmsg.NewEndQuorumEpochResponseTopicPartition()
	a.ErrorCode = q.check(said.LeaderID, said.LeaderEpoch)
	if a.ErrorCode == 0 {
		q.learn(now, said.LeaderEpoch, said.LeaderID, out)
		if q.role == following && q.leader == said.LeaderID && q.epoch == said.LeaderEpoch {
			q.heard = false
			q.timer = min(q.timer, now.Mono.Add(q.succession(said)))
		}
	}
	a.LeaderID, a.LeaderEpoch = q.leader, q.epoch
	t := kmsg.NewEndQuorumEpochResponseTopic()
	t.Topic, t.Partitions = Topic, []kmsg.EndQuorumEpochResponseTopicPartition{a}
	resp.Topics = append(resp.Topics, t)
	return resp
}

// succession is how long this voter waits for those before it in the list.
func (q *Quorum) succession(said *kmsg.EndQuorumEpochRequestTopicPartition) time.Duration {
	order := said.PreferredSuccessors // up to version 0
	for _, c := range said.PreferredCandidates {
		order = append(order, c.CandidateID)
	}
	i := slices.Index(order, q.cfg.ID)
	if i == 0 {
		return 0
	}
	if i < 0 {
		i = len(order)
	}
	return min(q.cfg.ElectionBackoffMax, q.cfg.RetryBackoff<<min(i, 10))
}
