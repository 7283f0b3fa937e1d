package log

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

// What only a Fetch may get wrong, and what bounds it.
func TestFetchLimits(t *testing.T) {
	l, c := newAlone(t, func(b *config.Broker) { b.FetchMaxBytes = 150 })
	for _, v := range []string{"a", "b", "c"} {
		ask[*kmsg.ProduceResponse](c, produceRequest("orders", 1, time.Second, batch(v)), 9)
	}
	size := int32(len(batch("a")))
	for _, tt := range []struct {
		name                 string
		minBytes, most, part int32
		want                 int
		wait                 bool
	}{
		{"all that the broker gives", 1, 1 << 20, 1 << 20, 2, false},
		{"min bytes above what it gives", 1 << 20, 1 << 20, 1 << 20, 2, true},
		{"min bytes above max bytes", 1000, size, 1 << 20, 1, false},
		{"the first batch is always given", 1, 1, 1, 1, false},
		{"a limit of the partition", 1, 1 << 20, size, 1, false},
		{"a negative minimum", -1, 1 << 20, 1 << 20, 2, false},
	} {
		req := fetchRequest("orders", 0, tt.minBytes, time.Second)
		req.MaxBytes, req.Topics[0].Partitions[0].PartitionMaxBytes = tt.most, tt.part
		c.send(req, 12)
		if tt.wait {
			c.waits(tt.name)
			l.advance(time.Second)
		}
		if got := values(t, c.answer().(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches); len(got) != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	l.create("more", nil, 1)
	ask[*kmsg.ProduceResponse](c, produceRequest("more", 1, time.Second, batch("x")), 9)
	both := fetchRequest("orders", 0, 1, time.Second)
	both.Topics, both.MaxBytes = append(both.Topics, fetchRequest("more", 0, 1, 0).Topics[0]), size
	if a := ask[*kmsg.FetchResponse](c, both, 12).Topics; len(a[0].Partitions[0].RecordBatches) != int(size) || len(a[1].Partitions[0].RecordBatches) != 0 {
		t.Errorf("a partition beyond max bytes: %+v", a)
	}
	for _, offset := range []int64{-1, 4} {
		if p := ask[*kmsg.FetchResponse](c, fetchRequest("orders", offset, 1, time.Minute), 12).Topics[0].Partitions[0]; p.ErrorCode != wire.OffsetOutOfRange || p.HighWatermark != -1 {
			t.Errorf("offset %d: %+v", offset, p)
		}
	}
	for _, epoch := range []int32{1, -2} {
		req := fetchRequest("orders", 0, 1, time.Minute)
		req.SessionID, req.SessionEpoch = 5, epoch
		if a := ask[*kmsg.FetchResponse](c, req, 12); a.ErrorCode != wire.FetchSessionIDNotFound || len(a.Topics) != 0 {
			t.Errorf("session epoch %d: %+v", epoch, a)
		}
	}
	none := kmsg.NewPtrFetchRequest()
	none.ReplicaID, none.MaxWaitMillis, none.MinBytes = -1, 60_000, 1
	if a := ask[*kmsg.FetchResponse](c, none, 12); len(a.Topics) != 0 {
		t.Errorf("nothing was asked for: %+v", a)
	}
}

// Who reads as a follower must be one.
func TestFetchAsStranger(t *testing.T) {
	l, c := newElsewhere(t)
	for epoch, want := range map[int32]int16{-1: wire.NotLeaderOrFollower, 2: wire.UnknownLeaderEpoch, 1: wire.FencedLeaderEpoch} { // unordered: independent rows
		req := fetchRequest("here", 0, 1, time.Minute)
		req.ReplicaID, req.Topics[0].Partitions[0].CurrentLeaderEpoch = 3, epoch
		if p := ask[*kmsg.FetchResponse](c, req, 12).Topics[0].Partitions[0]; p.ErrorCode != want {
			t.Errorf("epoch %d: %s, want %s", epoch, wire.ErrorName(p.ErrorCode), wire.ErrorName(want))
		}
	}
	if hw := l.broker(1).Replica(wire.TP{Topic: "here"}).HighWatermark(); hw != 0 {
		t.Errorf("high watermark %d", hw)
	}
}

// A topic that goes by its id must be known, and be the one that the log is of
// (KIP-516). The others of the request do not suffer by it.
func TestFetchByTopicID(t *testing.T) {
	l, c := newAlone(t, nil)
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	req := fetchRequest("orders", 0, 1, time.Minute)
	req.Topics = append(req.Topics, req.Topics[0])
	req.Topics[0].TopicID, req.Topics[1].TopicID = [16]byte{99}, l.broker(1).Image().Topics["orders"].ID
	a := ask[*kmsg.FetchResponse](c, req, 13).Topics
	if a[0].TopicID != req.Topics[0].TopicID || a[0].Partitions[0].ErrorCode != wire.UnknownTopicID {
		t.Errorf("an id that nobody knows: %+v", a[0])
	}
	if p := a[1].Partitions[0]; a[1].TopicID != req.Topics[1].TopicID || p.ErrorCode != 0 || !slices.Equal(values(t, p.RecordBatches), []string{"a"}) {
		t.Errorf("one that is known: %+v", a[1])
	}
	l.broker(1).partition("orders", 0).topicID = [16]byte{98}
	if a = ask[*kmsg.FetchResponse](c, req, 13).Topics; a[1].Partitions[0].ErrorCode != wire.InconsistentTopicID {
		t.Errorf("a log of another topic of that name: %+v", a[1])
	}
	if a = ask[*kmsg.FetchResponse](c, req, 12).Topics; a[1].Partitions[0].ErrorCode != 0 {
		t.Errorf("by name the id does not matter: %+v", a[1])
	}
}

// Logs that part are said at once (KIP-595), and tell nothing of how far the
// follower has got.
func TestFetchDiverging(t *testing.T) {
	l, _, follower := newLeading(t, 1, 2)
	ask[*kmsg.ProduceResponse](follower, produceRequest("orders", 1, time.Second, batch("a")), 9)
	req := followerFetch(2, 5)
	req.MaxWaitMillis, req.Topics[0].Partitions[0].LastFetchedEpoch = 60_000, 0
	p := ask[*kmsg.FetchResponse](follower, req, 12).Topics[0].Partitions[0]
	if p.ErrorCode != 0 || p.DivergingEpoch.Epoch != 0 || p.DivergingEpoch.EndOffset != 1 || len(p.RecordBatches) > 0 {
		t.Errorf("a diverging follower: %+v", p)
	}
	if hw := l.broker(1).Replicas()[0].HighWatermark(); hw != 0 {
		t.Errorf("high watermark %d", hw)
	}
}
