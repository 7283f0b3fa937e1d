package quorum

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// maxFetchBytes is the most that one answer holds, unless its first batch alone
// is larger: KRaft's limit.
const maxFetchBytes = 8 << 20

// Fetch answers a request for the metadata log. Records stand beside the answer,
// one entry a partition, in order. If wait is true there is nothing to say yet
// and the request asks to wait for it: ask again when the high watermark has
// moved, and give the answer as it is when the request's time is over.
//
// A voter gets whole batches up to the log end, and by asking it says that it has what
// comes before on its disk. Any other reader gets what is below the high watermark. What it has not got right
// is answered with Kafka's error in the partition: OFFSET_OUT_OF_RANGE above the
// log end, FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER
// while nobody leads, or the diverging epoch of KIP-595.
func (q *Quorum) Fetch(req *kmsg.FetchRequest) (resp *kmsg.FetchResponse, records []wire.Records, wait bool) {
	resp = kmsg.NewPtrFetchResponse()
	resp.Topics = make([]kmsg.FetchResponseTopic, 0, len(req.Topics))
	wait = req.MaxWaitMillis > 0 && req.MinBytes > 0
	for i := range req.Topics {
		t := &req.Topics[i]
		answer := kmsg.NewFetchResponseTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		known := t.Topic == Topic || t.Topic == "" && t.TopicID == topicID
		for j := range t.Partitions {
			p, b := q.answerFetch(req, &t.Partitions[j], known)
			if p.ErrorCode != 0 || b.Len() > 0 || p.SnapshotID.EndOffset >= 0 || p.DivergingEpoch.EndOffset >= 0 {
				wait = false
			}
			answer.Partitions = append(answer.Partitions, p)
			records = append(records, b)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return resp, records, wait && len(records) > 0
}

func (q *Quorum) answerFetch(req *kmsg.FetchRequest, want *kmsg.FetchRequestTopicPartition, known bool) (kmsg.FetchResponseTopicPartition, machine.Bytes) {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.HighWatermark = want.Partition, -1
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	if !known || want.Partition != 0 {
		p.ErrorCode = wire.UnknownTopicOrPartition
		return p, machine.Bytes{}
	}
	voter := q.peer(req.ReplicaID)
	if q.role != leading || voter == nil && !q.Leading() {
		p.ErrorCode = wire.NotLeaderOrFollower
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = q.known()
		return p, machine.Bytes{}
	}
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = q.cfg.ID, q.epoch
	p.HighWatermark, p.LastStableOffset, p.LogStartOffset = q.highWatermark, q.highWatermark, q.log.Start()
	switch {
	case want.CurrentLeaderEpoch >= 0 && want.CurrentLeaderEpoch < q.epoch:
		p.ErrorCode = wire.FencedLeaderEpoch
		return p, machine.Bytes{}
	case want.CurrentLeaderEpoch > q.epoch:
		p.ErrorCode = wire.UnknownLeaderEpoch
		return p, machine.Bytes{}
	}
	if q.needsSnapshot(want) {
		p.SnapshotID.EndOffset, p.SnapshotID.Epoch = q.snapshot.EndOffset, q.snapshot.Epoch
		return p, machine.Bytes{}
	}
	if epoch, end, ok := q.diverges(want); ok {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = epoch, end
		return p, machine.Bytes{}
	}
	if want.FetchOffset < q.log.Start() || want.FetchOffset > q.log.End() {
		p.ErrorCode = wire.OffsetOutOfRange
		return p, machine.Bytes{}
	}
	upTo := q.highWatermark
	if voter != nil {
		upTo = q.log.End()
	}
	if want.FetchOffset >= upTo {
		return p, machine.Bytes{}
	}
	limit := min(req.MaxBytes, want.PartitionMaxBytes, maxFetchBytes)
	b, err := q.log.Read(want.FetchOffset, upTo, max(limit, 0), true)
	if err != nil {
		p.ErrorCode = wire.KafkaStorageError
		return p, machine.Bytes{}
	}
	return p, b
}

// needsSnapshot reports whether the log does not go back as far as a reader needs it.
func (q *Quorum) needsSnapshot(want *kmsg.FetchRequestTopicPartition) bool {
	start, last := q.log.Start(), want.LastFetchedEpoch
	if q.snapshot.EndOffset == 0 || want.FetchOffset < 0 {
		return false
	}
	return want.FetchOffset < start || last >= 0 && (last < q.snapshot.Epoch || want.FetchOffset == start && last != q.snapshot.Epoch)
}

// diverges reports whether a reader has gone another way, and where this log has left
// the epoch of its last batch, or the largest before it.
func (q *Quorum) diverges(want *kmsg.FetchRequestTopicPartition) (epoch int32, end int64, ok bool) {
	if want.LastFetchedEpoch < 0 || want.FetchOffset <= q.log.Start() || q.cfg.Failpoints.On(failpoint.C12KeepDiverged, uint64(q.epoch)) {
		return 0, 0, false
	}
	epoch, end = q.endOf(want.LastFetchedEpoch)
	return epoch, end, epoch != want.LastFetchedEpoch || end < want.FetchOffset
}

// Arrived notes that a Fetch has come, before it is answered with [Quorum.Fetch]: a voter
// that asks for what is behind an offset has what is before it on its disk. The high
// watermark may move by that.
func (q *Quorum) Arrived(now machine.Now, req *kmsg.FetchRequest) {
	voter := q.peer(req.ReplicaID)
	if voter == nil || q.role != leading || len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
		return
	}
	want := &req.Topics[0].Partitions[0]
	if want.CurrentLeaderEpoch != q.epoch {
		return
	}
	voter.fetched = now.Mono
	if _, _, other := q.diverges(want); !other && !q.needsSnapshot(want) && want.FetchOffset >= q.log.Start() && want.FetchOffset <= q.log.End() {
		voter.end = want.FetchOffset
		q.advance()
	}
}

// known is who leads in which epoch, for somebody who looks for the leader: what is
// durable of it. The only voter there is leads as soon as it has begun to.
func (q *Quorum) known() (leader, epoch int32) {
	if q.alone() {
		return nobody, q.epoch
	}
	return q.state.durable.LeaderID, q.state.durable.LeaderEpoch
}
