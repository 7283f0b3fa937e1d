package quorum

import (
	"sort"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// maxFetchBytes is the most that one answer holds, unless its first batch alone
// is larger: KRaft's limit.
const maxFetchBytes = 8 << 20

// Fetch answers a request for the metadata log. Records stand beside the answer,
// one entry a partition, in order. If wait is true there is nothing to say yet
// and the request asks to wait for it: ask again when the high watermark has
// moved, and give the answer as it is when the request's time is over.
//
// A reader gets whole batches below the high watermark. What it has not got right
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
			p, b := q.fetch(req, &t.Partitions[j], known)
			if p.ErrorCode != 0 || b.Len() > 0 || p.DivergingEpoch.EndOffset >= 0 {
				wait = false
			}
			answer.Partitions = append(answer.Partitions, p)
			records = append(records, b)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return resp, records, wait && len(records) > 0
}

func (q *Quorum) fetch(req *kmsg.FetchRequest, want *kmsg.FetchRequestTopicPartition, known bool) (kmsg.FetchResponseTopicPartition, machine.Bytes) {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.HighWatermark = want.Partition, -1
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	if !known || want.Partition != 0 {
		p.ErrorCode = wire.UnknownTopicOrPartition
		return p, machine.Bytes{}
	}
	p.CurrentLeader.LeaderEpoch = q.epoch
	if !q.Leading() {
		p.ErrorCode = wire.NotLeaderOrFollower
		return p, machine.Bytes{}
	}
	p.CurrentLeader.LeaderID = q.id
	p.HighWatermark, p.LastStableOffset, p.LogStartOffset = q.highWatermark, q.highWatermark, q.log.Start()
	switch {
	case want.CurrentLeaderEpoch >= 0 && want.CurrentLeaderEpoch < q.epoch:
		p.ErrorCode = wire.FencedLeaderEpoch
		return p, machine.Bytes{}
	case want.CurrentLeaderEpoch > q.epoch:
		p.ErrorCode = wire.UnknownLeaderEpoch
		return p, machine.Bytes{}
	}
	if want.LastFetchedEpoch >= 0 && want.FetchOffset > q.log.Start() {
		if epoch, end := q.endOf(want.LastFetchedEpoch); epoch != want.LastFetchedEpoch || end < want.FetchOffset {
			p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = epoch, end
			return p, machine.Bytes{}
		}
	}
	if want.FetchOffset < q.log.Start() || want.FetchOffset > q.log.End() {
		p.ErrorCode = wire.OffsetOutOfRange
		return p, machine.Bytes{}
	}
	if want.FetchOffset >= q.highWatermark {
		return p, machine.Bytes{}
	}
	limit := min(req.MaxBytes, want.PartitionMaxBytes, maxFetchBytes)
	b, err := q.log.Read(want.FetchOffset, q.highWatermark, max(limit, 0), true)
	if err != nil {
		p.ErrorCode = wire.KafkaStorageError
		return p, machine.Bytes{}
	}
	return p, b
}

// endOf is the largest epoch of the log that is not above an epoch, and the
// offset where it ends; epoch 0 and the log start if there is none.
func (q *Quorum) endOf(epoch int32) (int32, int64) {
	n := sort.Search(len(q.epochs), func(i int) bool { return q.epochs[i].epoch > epoch })
	switch {
	case n == 0:
		return 0, q.log.Start()
	case n == len(q.epochs):
		return q.epochs[n-1].epoch, q.log.End()
	}
	return q.epochs[n-1].epoch, q.epochs[n].start
}
