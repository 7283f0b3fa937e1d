package log

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

func deleteRequest(topic string, timeout time.Duration, offsets ...int64) *kmsg.DeleteRecordsRequest {
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = topic
	for i, offset := range offsets {
		p := kmsg.NewDeleteRecordsRequestTopicPartition()
		p.Partition, p.Offset = int32(i), offset
		t.Partitions = append(t.Partitions, p)
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis, req.Topics = int32(timeout/time.Millisecond), append(req.Topics, t)
	return req
}

// What is deleted is gone with every replica before it is said to be, and stays gone when
// another leads or the broker has started again (KIP-107).
func TestDeleteRecords(t *testing.T) {
	l := newAdministered(t, 2, func(s *config.Broker) { s.LogFlushStartOffsetCheckpointInterval = time.Second })
	l.create("orders", nil, 1, 2)
	c := l.client(l.brokers[0])
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a", "b", "c")), 9)
	l.advance(time.Second)
	for _, tt := range []struct {
		offset, low int64
		code        int16
		topic       string
	}{
		{offset: 2, low: 2, topic: "orders"},
		{offset: 1, low: 2, topic: "orders"}, // it was deleted before
		{offset: 5, low: -1, code: wire.OffsetOutOfRange, topic: "orders"},
		{offset: -2, low: -1, code: wire.OffsetOutOfRange, topic: "orders"},
		{offset: 0, low: -1, code: wire.UnknownTopicOrPartition, topic: "bills"},
	} {
		c.send(deleteRequest(tt.topic, 10*time.Second, tt.offset), 2)
		l.advance(2 * time.Second)
		p := c.answer().(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0]
		if p.ErrorCode != tt.code || p.LowWatermark != tt.low {
			t.Errorf("%s up to %d: %s, low watermark %d", tt.topic, tt.offset, wire.ErrorName(p.ErrorCode), p.LowWatermark)
		}
	}
	for i := range l.brokers {
		if r := l.broker(int32(i + 1)).Replicas()[0]; r.LogStart() != 2 || r.LogEnd() != 3 {
			t.Errorf("broker %d has the log from %d to %d", i+1, r.LogStart(), r.LogEnd())
		}
	}
	// A replica that is away holds it up until it is fenced; the time is over before.
	l.crash(l.brokers[1])
	c.send(deleteRequest("orders", time.Second, -1), 2)
	c.waits("for the follower")
	l.advance(2 * time.Second)
	if p := c.answer().(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0]; p.ErrorCode != wire.RequestTimedOut || p.LowWatermark != -1 {
		t.Errorf("without the follower: %s, low watermark %d", wire.ErrorName(p.ErrorCode), p.LowWatermark)
	}
	end := l.broker(1).Replicas()[0].LogEnd()
	l.advance(20 * time.Second)
	l.crash(l.brokers[0])
	l.start(l.brokers[0])
	l.advance(20 * time.Second)
	if r := l.broker(1).Replicas()[0]; r.LogStart() != end || r.LogEnd() != end {
		t.Errorf("after a restart the log is from %d to %d, and ended at %d", r.LogStart(), r.LogEnd(), end)
	}
}

// Where a log begins within a batch, ListOffsets by time passes over what is deleted.
func TestTimesAfterDeleteRecords(t *testing.T) {
	l := newAdministered(t, 1, nil)
	l.create("orders", nil, 1)
	c := l.client(l.brokers[0])
	for _, times := range [][]int64{{1000, 3000, 2000}, {500, 2500}} {
		b := wire.NewBuilder(-1, -1, -1)
		for _, at := range times {
			b.Append(at, nil, []byte("v"), nil)
		}
		ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, b.Bytes().Contiguous()), 9)
	}
	for _, tt := range []struct{ start, at, offset, found int64 }{
		{0, 1500, 1, 3000}, {0, -3, 1, 3000},
		{1, 900, 1, 3000},
		{2, 900, 2, 2000}, {2, 2100, 4, 2500}, {2, -3, 4, 2500}, // the largest that is left, and not what Kafka remembers
		{4, 100, 4, 2500}, {4, 2600, -1, -1},
	} {
		ask[*kmsg.DeleteRecordsResponse](c, deleteRequest("orders", time.Second, tt.start), 2)
		p := ask[*kmsg.ListOffsetsResponse](c, listRequest("orders", tt.at), 7).Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.Offset != tt.offset || p.Timestamp != tt.found {
			t.Errorf("from %d, at %d: %s, offset %d of %d; want %d of %d", tt.start, tt.at, wire.ErrorName(p.ErrorCode), p.Offset, p.Timestamp, tt.offset, tt.found)
		}
	}
}
