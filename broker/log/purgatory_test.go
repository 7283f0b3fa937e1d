package log

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Requests of one connection are served one after the other, answered or not.
func TestRequestsInOrder(t *testing.T) {
	l, c := newAlone(t, nil)
	c.send(fetchRequest("orders", 0, 1, time.Second), 12)
	c.send(kmsg.NewPtrMetadataRequest(), 9)
	c.send(produceRequest("orders", 0, time.Second, batch("a")), 9)
	c.send(fetchRequest("orders", 0, 1, 0), 12)
	c.waits("what stands behind a long poll")
	l.advance(time.Second)
	if p := c.answer().(*kmsg.FetchResponse).Topics[0].Partitions[0]; len(p.RecordBatches) > 0 {
		t.Error("the first fetch sees what was asked for after it")
	}
	_ = c.answer().(*kmsg.MetadataResponse)
	if p := c.answer().(*kmsg.FetchResponse).Topics[0].Partitions[0]; !slices.Equal(values(t, p.RecordBatches), []string{"a"}) {
		t.Errorf("fetched %+v", p)
	}
	if c.n.ends[c.conn].peer.stopped {
		t.Error("the connection is not read again")
	}
}

// A request that names a partition twice is parked there once, and answered once.
func TestPartitionNamedTwice(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	l.create("other", nil, 1, 2)
	c, reader := l.client(l.brokers[0]), l.client(l.brokers[0])
	twice := fetchRequest("orders", 0, 1, time.Minute) // as fetchers of Kafka's never do
	twice.Topics = append(twice.Topics, fetchRequest("other", 0, 1, 0).Topics[0], twice.Topics[0])
	reader.send(twice, 12)
	l.pause(l.brokers[1])
	req := produceRequest("orders", -1, time.Minute, batch("a"), batch("b"))
	req.Topics = append(req.Topics, produceRequest("other", -1, time.Minute, batch("c")).Topics[0])
	c.send(req, 9)
	c.waits("the follower")
	b := l.broker(1)
	for _, p := range b.partitions {
		if len(p.produces) != 1 || len(p.fetches) != 1 {
			t.Errorf("%v: %d produces and %d fetches are parked", p.TP(), len(p.produces), len(p.fetches))
		}
	}
	l.resume(l.brokers[1])
	l.advance(time.Second)
	a := c.answer().(*kmsg.ProduceResponse).Topics
	if p := a[0].Partitions; len(p) != 1 || p[0].ErrorCode != 0 || p[0].BaseOffset != 0 || a[1].Partitions[0].ErrorCode != 0 {
		t.Errorf("answered %+v", a)
	}
	f := reader.answer().(*kmsg.FetchResponse).Topics
	if len(f) != 3 || !slices.Equal(values(t, f[0].Partitions[0].RecordBatches), []string{"b"}) {
		t.Errorf("answered %+v; what comes last is what is appended", f)
	}
	nothingParked(t, b, 1) // the follower's
	reader.waits("a second answer")
}

// Topics without partitions are left out of a Produce, and all but the last records for a
// partition, wherever they stand.
func TestOnlyLast(t *testing.T) {
	part := func(list ...int32) (parts []kmsg.ProduceRequestTopicPartition) {
		for _, n := range list {
			parts = append(parts, kmsg.ProduceRequestTopicPartition{Partition: n})
		}
		return parts
	}
	body := &kmsg.ProduceRequest{Topics: []kmsg.ProduceRequestTopic{
		{Topic: "a", Partitions: part(1, 0, 1)}, {Topic: "none"}, {Topic: "b", Partitions: part(0)}, {Topic: "a", Partitions: part(0, 2)},
	}}
	var records []wire.Records
	for i := range 6 {
		records = append(records, machine.Literal([]byte{byte(i)}))
	}
	if plain(body) {
		t.Error("it is plain")
	}
	var got []string
	kept := onlyLast(body, records)
	for _, topic := range body.Topics {
		for _, p := range topic.Partitions {
			got = append(got, fmt.Sprintf("%s-%d=%d", topic.Topic, p.Partition, kept[len(got)].Contiguous()[0]))
		}
	}
	if want := []string{"a-1=2", "b-0=3", "a-0=4", "a-2=5"}; !slices.Equal(got, want) || !plain(&kmsg.ProduceRequest{Topics: []kmsg.ProduceRequestTopic{{Topic: "a", Partitions: part(0, 2)}, {Topic: "b", Partitions: part(0)}}}) {
		t.Errorf("%q, want %q", got, want)
	}
}

// nothingParked checks that no client's request is parked, and n followers' are.
func nothingParked(t *testing.T, b *Broker, n int) {
	t.Helper()
	if len(b.parked.produces) > 0 || len(b.parked.fetches) != n {
		t.Errorf("%d produces, %d fetches are parked", len(b.parked.produces), len(b.parked.fetches))
	}
	for _, p := range b.partitions {
		if len(p.produces) > 0 || len(p.fetches) != n {
			t.Errorf("%v: %d produces, %d fetches are parked", p.TP(), len(p.produces), len(p.fetches))
		}
	}
}

// Whoever has gone leaves nothing behind.
func TestClosedWhileParked(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	b := l.broker(1)
	l.advance(100 * time.Millisecond)
	l.pause(l.brokers[1])
	producer, reader := l.client(l.brokers[0]), l.client(l.brokers[0])
	reader.send(fetchRequest("orders", 0, 1, time.Minute), 12)
	fetches := len(b.parked.fetches)
	producer.send(produceRequest("orders", -1, time.Minute, batch("a")), 9)
	if fetches != 2 || len(b.parked.produces) != 1 {
		t.Fatalf("%d fetches, %d produces are parked", fetches, len(b.parked.produces))
	}
	reader.hangUp()
	producer.hangUp()
	nothingParked(t, b, 0) // the follower's was answered when the record came
	l.resume(l.brokers[1])
	nothingParked(t, b, 1)
	if r := b.Replicas()[0]; r.HighWatermark() != 1 {
		t.Errorf("high watermark %d", r.HighWatermark())
	}
	l.advance(2 * time.Minute)
}

// A time-out that is over already is no reason to wait.
func TestNoTimeToWait(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	l.pause(l.brokers[1])
	c := l.client(l.brokers[0])
	for _, timeout := range []time.Duration{0, -time.Second} {
		c.send(produceRequest("orders", -1, timeout, batch("a")), 9)
		l.advance(0)
		if p := c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != wire.RequestTimedOut {
			t.Errorf("%v: %s", timeout, wire.ErrorName(p.ErrorCode))
		}
		ask[*kmsg.FetchResponse](c, fetchRequest("orders", 0, 1, timeout), 12)
	}
	// Among several who wait, those whose time has come are told.
	b, other := l.client(l.brokers[0]), l.client(l.brokers[0])
	c.send(produceRequest("orders", -1, 3*time.Second, batch("a")), 9)
	b.send(produceRequest("orders", -1, time.Second, batch("a")), 9)
	other.send(fetchRequest("orders", 0, 1, 2*time.Second), 12)
	l.advance(time.Second)
	b.answer()
	c.waits("3 s")
	other.waits("2 s")
	l.advance(time.Second)
	other.answer()
	c.waits("3 s")
	l.advance(time.Second)
	c.answer()
}
