package quorum

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// maxWait is how long a leader may let a follower wait for more
// (KafkaRaftClient.MAX_FETCH_WAIT_MS), if the time-out leaves room for it.
const maxWait = 500 * time.Millisecond

// fetching is what a follower asks of its leader, one request at a time.
type fetching struct {
	asked   bool
	retryAt machine.Instant
}

func (f *fetching) begin(now machine.Instant) { f.retryAt = now }

// FetchAt is when there is something to fetch from the leader; Never: not before
// something else happens. A follower asks for what is behind its log end only when that
// is durable: the leader takes the question for the word that it is.
func (q *Quorum) FetchAt() machine.Instant {
	if q.replacing() || q.role != following || q.fetch.asked || !q.state.isDurable() || q.syncing != none || q.synced < q.log.End() {
		return machine.Never
	}
	return q.fetch.retryAt
}

// WantsFetch reports whether AskFetch has something to ask now, and of whom.
func (q *Quorum) WantsFetch(now machine.Now) (leader int32, ok bool) {
	return q.leader, now.Mono >= q.FetchAt()
}

// AskFetch is the next Fetch of the leader's log, when WantsFetch has said that it may
// be sent. One of Fetched or FetchLost must follow.
func (q *Quorum) AskFetch() kmsg.Request {
	q.fetch.asked = true
	if q.making.step == fetchingPart {
		return q.askSnapshot()
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.CurrentLeaderEpoch, p.FetchOffset, p.LastFetchedEpoch = q.epoch, q.log.End(), q.lastEpoch()
	p.LogStartOffset, p.PartitionMaxBytes = q.log.Start(), maxFetchBytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.Partitions = Topic, []kmsg.FetchRequestTopicPartition{p}
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = q.cfg.ID, int32(min(maxWait, q.cfg.FetchTimeout/2)/time.Millisecond), 1, maxFetchBytes
	req.Topics = []kmsg.FetchRequestTopic{t}
	req.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{}
	return req
}

// FetchLost says that the Fetch under way will not be answered.
func (q *Quorum) FetchLost(now machine.Now) {
	q.fetch.asked, q.fetch.retryAt = false, now.Mono.Add(q.cfg.RetryBackoff)
}

// Fetched takes the answer to a Fetch. What was asked of an earlier leader is worth no
// more than what it says of epochs.
func (q *Quorum) Fetched(now machine.Now, req *kmsg.FetchRequest, resp *kmsg.FetchResponse, records []wire.Records, out *machine.Effects) {
	q.FetchLost(now) // unless it is good
	if q.role == failed || resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || len(records) != 1 {
		return
	}
	p, asked := &resp.Topics[0].Partitions[0], &req.Topics[0].Partitions[0]
	q.learn(now, p.CurrentLeader.LeaderEpoch, p.CurrentLeader.LeaderID, out)
	if q.role != following || asked.CurrentLeaderEpoch != q.epoch || asked.FetchOffset != q.log.End() || p.ErrorCode != 0 {
		return
	}
	q.heard, q.timer = true, now.Mono.Add(q.cfg.FetchTimeout)
	if id := p.SnapshotID; id.EndOffset >= 0 {
		// One that this voter makes of its own is finished first. The high watermark says
		// nothing of a log that may have gone another way.
		if id.EndOffset > q.log.Start() && q.making.step == notMaking {
			q.making = making{id: SnapshotID{id.EndOffset, id.Epoch}, step: fetchingPart, fetched: true}
			q.fetch.retryAt = now.Mono
		}
		return
	}
	q.fetch.retryAt = now.Mono
	if p.DivergingEpoch.EndOffset >= 0 {
		q.diverged(p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset, out)
		return
	}
	if err := q.copy(now, records[0], out); err != nil {
		q.fail(err)
		return
	}
	q.highWatermark = max(q.highWatermark, min(p.HighWatermark, q.log.End()))
}

// diverged cuts what the leader has not: up to where the largest epoch that both have
// ends in the shorter of the two logs.
func (q *Quorum) diverged(epoch int32, end int64, out *machine.Effects) {
	if _, mine := q.endOf(epoch); mine < end {
		end = mine
	}
	if end < q.log.End() {
		q.cfg.Failpoints.Hit(failpoint.MetadataTruncation)
	}
	if err := q.truncate(end); err != nil {
		q.fail(err)
	}
	q.syncLog(out)
}

// copy appends what the leader has sent.
func (q *Quorum) copy(now machine.Now, b wire.Records, out *machine.Effects) error {
	if b.Len() == 0 {
		return nil
	}
	for h, batch := range wire.SplitBatches(b) {
		if _, err := wire.CheckBatch(batch); err != nil || h.BaseOffset != q.log.End() || h.LeaderEpoch > q.epoch {
			q.fetch.retryAt = now.Mono.Add(q.cfg.RetryBackoff) // damaged on its way
			break
		}
		if err := q.store(batch); err != nil {
			return err
		}
		q.note(h.LeaderEpoch, h.BaseOffset)
	}
	q.cfg.Failpoints.Hit(failpoint.StepMetadataFetched)
	q.syncLog(out)
	return nil
}
