package log

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

// newUnverified is a lab of three brokers that take transactional batches without asking
// anybody, with a topic on all of them, led by the first.
func newUnverified(t testing.TB) (*lab, *labClient) {
	l := newAdministered(t, 3, func(b *config.Broker) {
		b.TransactionPartitionVerification = false
		b.ReplicaLagTimeMax, b.BrokerSessionTimeout = 10*time.Minute, 10*time.Minute // who is silent stays in sync
	})
	l.create("orders", nil, 1, 2, 3)
	return l, l.client(l.brokers[0])
}

// inTransaction produces one record of a transaction.
func inTransaction(c *labClient, topic string, pid int64, epoch int16, seq int32, acks int16) int16 {
	c.l.t.Helper()
	b := wire.NewBuilder(pid, epoch, seq)
	b.Transactional()
	b.Append(1000, nil, []byte(fmt.Sprint(pid, ":", seq)), nil)
	req := produceRequest(topic, acks, time.Second, b.Bytes().Contiguous())
	req.TransactionID = kmsg.StringPtr("tx")
	return ask[*kmsg.ProduceResponse](c, req, 11).Topics[0].Partitions[0].ErrorCode
}

func markerRequest(topic string, pid int64, epoch int16, commit bool, coordinator int32) *kmsg.WriteTxnMarkersRequest {
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch, m.Committed, m.CoordinatorEpoch = pid, epoch, commit, coordinator
	m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: topic, Partitions: []int32{0}}}
	req.Markers = append(req.Markers, m)
	return req
}

func markerCode(a kmsg.Response) string {
	return wire.ErrorName(a.(*kmsg.WriteTxnMarkersResponse).Markers[0].Topics[0].Partitions[0].ErrorCode)
}

// latest is the end of what may be read with an isolation level.
func (c *labClient) latest(level int8) int64 {
	req := listRequest("orders", latestTimestamp)
	req.IsolationLevel = level
	return ask[*kmsg.ListOffsetsResponse](c, req, 7).Topics[0].Partitions[0].Offset
}

// A fetch with read_committed waits for what is stable, and is told what was aborted as of when
// it is answered.
func TestReadCommittedWaits(t *testing.T) {
	l, c := newUnverified(t)
	committed := fetchRequest("orders", 0, 1, time.Minute)
	committed.IsolationLevel = readCommitted
	reader := l.client(l.brokers[0])
	reader.send(committed, 12)
	wantCode(t, "produce", inTransaction(c, "orders", 7, 0, 0, -1), 0)
	reader.waits("with an open transaction")
	p := ask[*kmsg.FetchResponse](c, fetchRequest("orders", 0, 1, time.Minute), 12).Topics[0].Partitions[0]
	if got := values(t, p.RecordBatches); fmt.Sprint(got) != "[7:0]" || p.LastStableOffset != 0 || p.HighWatermark != 1 || len(p.AbortedTransactions) != 0 {
		t.Errorf("read_uncommitted has %v: %+v", got, p)
	}
	if a, b := c.latest(readUncommitted), c.latest(readCommitted); a != 1 || b != 0 {
		t.Errorf("latest are %d and %d", a, b)
	}
	for _, follower := range l.brokers[1:] {
		l.pause(follower)
	}
	coordinator := l.client(l.brokers[0])
	coordinator.send(markerRequest("orders", 7, 0, false, 3), 1)
	coordinator.waits("a marker that nobody else has")
	reader.waits("with such a marker")
	for _, follower := range l.brokers[1:] {
		l.resume(follower)
	}
	if got := markerCode(coordinator.answer()); got != "NONE" {
		t.Errorf("the marker: %s", got)
	}
	p = reader.answer().(*kmsg.FetchResponse).Topics[0].Partitions[0]
	if len(p.AbortedTransactions) != 1 || p.AbortedTransactions[0].ProducerID != 7 || p.AbortedTransactions[0].FirstOffset != 0 || p.LastStableOffset != 2 {
		t.Errorf("read_committed has %+v", p)
	}
	if a, b := c.latest(readUncommitted), c.latest(readCommitted); a != 2 || b != 2 {
		t.Errorf("latest are %d and %d", a, b)
	}
	// The memory of the answer is used again.
	if p = ask[*kmsg.FetchResponse](c, fetchRequest("orders", 0, 1, 0), 12).Topics[0].Partitions[0]; len(p.AbortedTransactions) != 0 {
		t.Errorf("read_uncommitted has %+v", p)
	}
	// Wall time says where a consumer may begin, and it may not where nothing is stable.
	wantCode(t, "produce", inTransaction(c, "orders", 7, 0, 1, -1), 0)
	for level, want := range map[int8]int64{readUncommitted: 0, readCommitted: 0} {
		req := listRequest("orders", 1000)
		req.IsolationLevel = level
		if got := ask[*kmsg.ListOffsetsResponse](c, req, 7).Topics[0].Partitions[0].Offset; got != want {
			t.Errorf("isolation level %d: offset %d, want %d", level, got, want)
		}
	}
}

// What comes of markers, one by one.
func TestWriteTxnMarkers(t *testing.T) {
	l, c := newUnverified(t)
	wantCode(t, "produce", inTransaction(c, "orders", 7, 4, 0, -1), 0)
	check := func(what string, to *labClient, req *kmsg.WriteTxnMarkersRequest, want string) {
		t.Helper()
		if got := markerCode(ask[*kmsg.WriteTxnMarkersResponse](to, req, 1)); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	end := func() int64 { return l.broker(1).Replica(wire.TP{Topic: "orders"}).LogEnd() }
	check("of a topic that nobody knows", c, markerRequest("other", 7, 4, true, 3), "UNKNOWN_TOPIC_OR_PARTITION")
	check("to a follower", l.client(l.brokers[1]), markerRequest("orders", 7, 4, true, 3), "NOT_LEADER_OR_FOLLOWER")
	check("of an epoch before", c, markerRequest("orders", 7, 3, true, 3), "INVALID_PRODUCER_EPOCH")
	check("the end", c, markerRequest("orders", 7, 4, true, 3), "NONE")
	check("the end again", c, markerRequest("orders", 7, 4, true, 3), "NONE")
	check("of a coordinator before", c, markerRequest("orders", 7, 4, true, 2), "TRANSACTION_COORDINATOR_FENCED")
	check("of a producer that has sent nothing", c, markerRequest("orders", 9, 0, false, 0), "NONE")
	if end() != 4 {
		t.Errorf("the log ends at %d", end())
	}
	for _, follower := range l.brokers[1:] {
		l.pause(follower)
	}
	c.send(markerRequest("orders", 7, 5, false, 3), 1)
	c.waits("a marker that nobody else has")
	l.advance(markersTimeout)
	if got := markerCode(c.answer()); got != "REQUEST_TIMED_OUT" || end() != 5 {
		t.Errorf("without followers: %s, and the log ends at %d", got, end())
	}
}

// What an operator is told of producers (KIP-664).
func TestDescribeProducers(t *testing.T) {
	l, c := newUnverified(t)
	wantCode(t, "produce", inTransaction(c, "orders", 7, 4, 0, -1), 0)
	ask[*kmsg.WriteTxnMarkersResponse](c, markerRequest("orders", 7, 4, true, 3), 1)
	wantCode(t, "produce", inTransaction(c, "orders", 7, 4, 1, -1), 0)
	req := kmsg.NewPtrDescribeProducersRequest()
	req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "orders", Partitions: []int32{0, 1}}, {Topic: "not/one", Partitions: []int32{0}}}
	for _, n := range l.brokers[:2] { // a follower knows as much
		a := ask[*kmsg.DescribeProducersResponse](l.client(n), req, 0)
		p := a.Topics[0].Partitions
		if len(p) != 2 || len(p[0].ActiveProducers) != 1 || p[1].ErrorCode != wire.UnknownTopicOrPartition || a.Topics[1].Partitions[0].ErrorCode != wire.InvalidTopicException {
			t.Fatalf("%s: %+v", n.name, a)
		}
		x := p[0].ActiveProducers[0]
		if got := fmt.Sprint(x.ProducerID, x.ProducerEpoch, x.LastSequence, x.LastTimestamp, x.CoordinatorEpoch, x.CurrentTxnStartOffset); got != "7 4 1 1000 3 2" {
			t.Errorf("%s: %s", n.name, got)
		}
	}
}
