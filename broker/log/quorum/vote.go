package quorum

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// wants reports whether there is something to ask of another voter.
func (q *Quorum) wants(p *peer) bool {
	switch q.role {
	case prospective, candidate, leading, resigned:
		return !p.done
	}
	return false
}

// AskAt is when there is something to ask of a voter; Never: not before something else
// happens. Nothing is said before what it rests on is durable.
func (q *Quorum) AskAt(id int32) machine.Instant {
	p := q.peer(id)
	if p == nil || p.asked || !q.wants(p) || !q.state.isDurable() {
		return machine.Never
	}
	return p.retryAt
}

// Wants reports whether Ask has something to ask of a voter now.
func (q *Quorum) Wants(now machine.Now, id int32) bool { return now.Mono >= q.AskAt(id) }

// Ask is what there is to ask of a voter, when Wants has said that there is something.
// One of Answered or Lost must follow.
func (q *Quorum) Ask(id int32) kmsg.Request {
	p := q.peer(id)
	p.asked = true
	switch q.role {
	case leading:
		return q.beginEpoch(id)
	case resigned:
		return q.endEpoch()
	}
	return q.voteRequest(id)
}

// Answered takes the answer to what Ask has asked.
func (q *Quorum) Answered(now machine.Now, id int32, req kmsg.Request, resp kmsg.Response, out *machine.Effects) {
	p := q.peer(id)
	if p == nil || q.role == failed {
		return
	}
	p.asked = false
	p.retryAt = now.Mono.Add(q.cfg.RetryBackoff) // unless it is done
	switch resp := resp.(type) {
	case *kmsg.VoteResponse:
		q.voteAnswered(now, p, req.(*kmsg.VoteRequest), resp, out)
	case *kmsg.BeginQuorumEpochResponse:
		q.beginAnswered(now, p, req.(*kmsg.BeginQuorumEpochRequest), resp, out)
	case *kmsg.EndQuorumEpochResponse:
		p.done = q.role == resigned
	}
}

// Lost says that what Ask has asked will not be answered.
func (q *Quorum) Lost(now machine.Now, id int32) {
	if p := q.peer(id); p != nil {
		p.asked, p.retryAt = false, now.Mono.Add(q.cfg.RetryBackoff)
	}
}

func (q *Quorum) voteRequest(of int32) *kmsg.VoteRequest {
	p := kmsg.NewVoteRequestTopicPartition()
	p.CandidateEpoch, p.CandidateID, p.PreVote = q.epoch, q.cfg.ID, q.role == prospective
	p.LastOffsetEpoch, p.LastOffset = q.last()
	t := kmsg.NewVoteRequestTopic()
	t.Topic, t.Partitions = Topic, []kmsg.VoteRequestTopicPartition{p}
	req := kmsg.NewPtrVoteRequest()
	req.VoterID, req.Topics = of, []kmsg.VoteRequestTopic{t}
	return req
}

// Vote answers a request for a vote, or for what the vote would be (KIP-996). The answer
// may leave when [Quorum.Version] of then is Spoken: a vote is durable before anybody
// counts it.
func (q *Quorum) Vote(now machine.Now, req *kmsg.VoteRequest, out *machine.Effects) *kmsg.VoteResponse {
	resp := kmsg.NewPtrVoteResponse()
	resp.Topics = []kmsg.VoteResponseTopic{}
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.Topics[0].Topic != Topic || q.role == failed {
		resp.ErrorCode = wire.InvalidRequest
		return resp
	}
	want := &req.Topics[0].Partitions[0]
	a := kmsg.NewVoteResponseTopicPartition()
	switch {
	case q.peer(want.CandidateID) == nil || want.CandidateEpoch < 0:
		a.ErrorCode = wire.InconsistentVoterSet
	case want.CandidateEpoch < q.epoch:
		a.ErrorCode = wire.FencedLeaderEpoch
	default:
		a.VoteGranted = q.vote(now, want, out)
	}
	a.LeaderID, a.LeaderEpoch = q.leader, q.epoch
	t := kmsg.NewVoteResponseTopic()
	t.Topic, t.Partitions = Topic, []kmsg.VoteResponseTopicPartition{a}
	resp.Topics = append(resp.Topics, t)
	return resp
}

func (q *Quorum) vote(now machine.Now, want *kmsg.VoteRequestTopicPartition, out *machine.Effects) bool {
	if want.CandidateEpoch > q.epoch {
		q.enter(now, want.CandidateEpoch, out)
	}
	if !q.grants(want) {
		return false
	}
	if !want.PreVote && q.voted != want.CandidateID {
		q.voted = want.CandidateID
		q.become(unattached, now.Mono.Add(q.jittered(q.cfg.ElectionTimeout)))
		q.remember(out)
	}
	return q.role != failed
}

// grants reports whether a candidate gets the vote. Its log must be as far as this one,
// so that it has all that is committed, and nobody else may have had the vote. A
// pre-vote binds to nothing: it is refused while there is a leader who answers.
func (q *Quorum) grants(want *kmsg.VoteRequestTopicPartition) bool {
	last, end := q.last()
	switch {
	case want.LastOffsetEpoch < last || want.LastOffsetEpoch == last && want.LastOffset < end:
		return false
	case q.role == leading:
		return false
	case want.PreVote:
		return q.role != following || !q.heard
	case q.leader != nobody:
		return false
	case q.voted == nobody, q.cfg.Failpoints.On(failpoint.C11VoteTwice, uint64(q.epoch)):
		return true
	}
	return q.voted == want.CandidateID
}

// voteAnswered counts a vote.
func (q *Quorum) voteAnswered(now machine.Now, p *peer, req *kmsg.VoteRequest, resp *kmsg.VoteResponse, out *machine.Effects) {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return
	}
	a := &resp.Topics[0].Partitions[0]
	q.learn(now, a.LeaderEpoch, a.LeaderID, out)
	asked := &req.Topics[0].Partitions[0]
	asking := q.role == prospective && asked.PreVote || q.role == candidate && !asked.PreVote
	if !asking || asked.CandidateEpoch != q.epoch || a.ErrorCode != 0 {
		return
	}
	p.done, p.granted = true, a.VoteGranted
	q.won(now, out)
}

// won goes on when a majority has granted its votes, or cannot any more.
func (q *Quorum) won(now machine.Now, out *machine.Effects) {
	granted, refused := 1, 0
	for i := range q.peers {
		switch p := &q.peers[i]; {
		case p.done && p.granted:
			granted++
		case p.done:
			refused++
		}
	}
	switch {
	case granted >= q.majority() && q.role == prospective:
		q.stand(now, out)
	case granted >= q.majority():
		q.lead(now, out)
	case refused > len(q.peers)+1-q.majority():
		q.lost(now, out)
	}
}
