package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
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
	times := make(map[wire.TP]int)
	for i := range body.Topics {
		for j := range body.Topics[i].Partitions {
			times[wire.TP{Topic: body.Topics[i].Topic, Partition: body.Topics[i].Partitions[j].Partition}]++
		}
	}
	for i := range body.Topics {
		t, answer := &body.Topics[i], &resp.Topics[i]
		*answer = kmsg.NewListOffsetsResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.ListOffsetsResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			x := &answer.Partitions[j]
			*x = kmsg.NewListOffsetsResponseTopicPartition()
			x.Partition, x.Offset, x.Timestamp, x.LeaderEpoch = t.Partitions[j].Partition, -1, -1, -1
			if times[wire.TP{Topic: t.Topic, Partition: x.Partition}] > 1 {
				x.ErrorCode = wire.InvalidRequest
				continue
			}
			b.listPartition(version, t.Topic, body, &t.Partitions[j], x)
		}
	}
	return resp
}

func (b *Broker) listPartition(version int16, topic string, body *kmsg.ListOffsetsRequest, want *kmsg.ListOffsetsRequestTopicPartition, x *kmsg.ListOffsetsResponseTopicPartition) {
	p, code := b.lookup(topic, want.Partition)
	if code == 0 {
		code = checkEpoch(p, want.CurrentLeaderEpoch)
	}
	if code != 0 {
		x.ErrorCode = code
		return
	}
	if body.ReplicaID < 0 && !isolationLevel(body.IsolationLevel) && want.Timestamp != earliestTimestamp {
		x.ErrorCode = wire.UnknownServerError // as an exception that Kafka does not expect
		return
	}
	who := isolationOf(body.IsolationLevel)
	switch want.Timestamp {
	case latestTimestamp:
		offset, code := latest(p, version, who)
		if body.ReplicaID >= 0 {
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
		x.Offset, x.Timestamp, x.LeaderEpoch, x.ErrorCode = p.MaxTimestamp(who)
	default:
		if want.Timestamp < 0 {
			x.ErrorCode = wire.UnsupportedVersion
			return
		}
		x.Offset, x.Timestamp, x.LeaderEpoch, x.ErrorCode = p.OffsetForTime(want.Timestamp, who)
		if x.Offset < 0 && x.ErrorCode == 0 {
			// It may be where this leader cannot look yet.
			_, x.ErrorCode = latest(p, version, who)
		}
	}
}

// checkEpoch is CheckEpoch for requests in which -1 alone says nothing about the epoch; in a
// Fetch every negative one does.
func checkEpoch(p *partition, current int32) int16 {
	if current < -1 {
		return wire.FencedLeaderEpoch
	}
	return p.CheckEpoch(current)
}

// isolationLevel reports whether there is such an isolation level.
func isolationLevel(n int8) bool { return n == readUncommitted || n == readCommitted }

// The isolation levels of Fetch and ListOffsets.
const readUncommitted, readCommitted int8 = 0, 1

// isolationOf is how far a consumer may read.
func isolationOf(level int8) replica.Isolation {
	if level == readCommitted {
		return replica.Committed
	}
	return replica.Uncommitted
}

// latest is the end of what consumers may read, or an error that the version has.
func latest(p *partition, version int16, who replica.Isolation) (offset int64, code int16) {
	offset, code = p.Latest(who)
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
				code = checkEpoch(p, want.CurrentLeaderEpoch)
			}
			if x.ErrorCode = code; code == 0 {
				x.LeaderEpoch, x.EndOffset = p.EndOfEpoch(want.LeaderEpoch)
			}
		}
	}
	return resp
}
