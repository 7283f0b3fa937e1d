package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// What ListOffsets takes for a timestamp.
const (
	latestTimestamp   = -1
	earliestTimestamp = -2
	maxTimestamp      = -3 // KIP-734, from version 7 on
)

func (b *Broker) listOffsets(version int16, body *kmsg.ListOffsetsRequest) *kmsg.ListOffsetsResponse {
	resp := kmsg.NewPtrListOffsetsResponse()
	resp.Topics = make([]kmsg.ListOffsetsResponseTopic, len(body.Topics))
	for i := range body.Topics {
		t, answer := &body.Topics[i], &resp.Topics[i]
		*answer = kmsg.NewListOffsetsResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.ListOffsetsResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			x := &answer.Partitions[j]
			*x = kmsg.NewListOffsetsResponseTopicPartition()
			x.Partition, x.Offset, x.Timestamp, x.LeaderEpoch = t.Partitions[j].Partition, -1, -1, -1
			b.listPartition(version, t.Topic, body.ReplicaID, &t.Partitions[j], x)
		}
	}
	return resp
}

func (b *Broker) listPartition(version int16, topic string, replicaID int32, want *kmsg.ListOffsetsRequestTopicPartition, x *kmsg.ListOffsetsResponseTopicPartition) {
	p, code := b.lookup(topic, want.Partition)
	if code == 0 {
		code = p.CheckEpoch(want.CurrentLeaderEpoch)
	}
	if code != 0 {
		x.ErrorCode = code
		return
	}
	switch want.Timestamp {
	case latestTimestamp:
		offset, code := latest(p, version)
		if replicaID >= 0 {
			offset, code = p.LogEnd(), 0
		}
		if x.ErrorCode = code; code == 0 {
			x.Offset, x.LeaderEpoch = offset, p.State().LeaderEpoch
		}
	case earliestTimestamp:
		x.Offset, x.LeaderEpoch = p.LogStart(), p.FirstEpoch()
	case maxTimestamp:
		if version < 7 {
			x.ErrorCode = wire.UnsupportedVersion
			return
		}
		x.Offset, x.Timestamp, x.LeaderEpoch, x.ErrorCode = p.MaxTimestamp()
	default:
		if want.Timestamp < 0 {
			x.ErrorCode = wire.UnsupportedVersion
			return
		}
		x.Offset, x.Timestamp, x.LeaderEpoch, x.ErrorCode = p.OffsetForTime(want.Timestamp)
		if x.Offset < 0 && x.ErrorCode == 0 {
			// It may be where this leader cannot look yet.
			_, x.ErrorCode = latest(p, version)
		}
	}
}

// latest is the end of what consumers may read, or an error that the version has.
func latest(p *partition, version int16) (offset int64, code int16) {
	offset, code = p.Latest()
	if code == wire.OffsetNotAvailable && version < 5 {
		code = wire.LeaderNotAvailable // what clients knew before KIP-207
	}
	return offset, code
}

func (b *Broker) offsetForLeaderEpoch(body *kmsg.OffsetForLeaderEpochRequest) *kmsg.OffsetForLeaderEpochResponse {
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	resp.Topics = make([]kmsg.OffsetForLeaderEpochResponseTopic, len(body.Topics))
	for i := range body.Topics {
		t, answer := &body.Topics[i], &resp.Topics[i]
		*answer = kmsg.NewOffsetForLeaderEpochResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.OffsetForLeaderEpochResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			want, x := &t.Partitions[j], &answer.Partitions[j]
			*x = kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			x.Partition, x.LeaderEpoch, x.EndOffset = want.Partition, -1, -1
			p, code := b.lookup(t.Topic, want.Partition)
			if code == 0 {
				code = p.CheckEpoch(want.CurrentLeaderEpoch)
			}
			if x.ErrorCode = code; code == 0 {
				x.LeaderEpoch, x.EndOffset = p.EndOfEpoch(want.LeaderEpoch)
			}
		}
	}
	return resp
}
