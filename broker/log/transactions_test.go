package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// newTransacted is a lab of three brokers that coordinate transactions of a version, with a
// topic led by each: "b1", "b2" and "b3".
func newTransacted(t testing.TB, version int16, set func(*config.Broker)) *lab {
	l := newAdministered(t, 3, set)
	for _, n := range l.brokers {
		boot := n.boot
		n.boot = func() machine.Machine {
			cfg := boot().(*Broker).cfg
			cfg.TransactionVersion = version
			return NewBroker(cfg)
		}
		l.crash(n)
	}
	l.advance(20 * time.Second)
	for _, n := range l.brokers {
		l.start(n)
	}
	l.advance(20 * time.Second)
	for _, kind := range []int8{ofGroup, ofTransaction} {
		c := l.client(l.brokers[0])
		ask[*kmsg.FindCoordinatorResponse](c, findRequest(kind, "any"), 1)
		c.hangUp()
		l.advance(2 * time.Second)
	}
	for i := range int32(3) {
		l.create(fmt.Sprint("b", i+1), nil, i+1, (i+1)%3+1, (i+2)%3+1)
	}
	return l
}

// labProducer is a transactional producer that does one thing after the other, and does it
// again when it is told to.
type labProducer struct {
	l         *lab
	id        string
	version   int16 // of transactions
	pid       int64
	epoch     int16
	sequences map[string]int32
	added     map[string]bool
	key       []byte // of its records
}

func (l *lab) producer(id string, version int16) *labProducer {
	l.t.Helper()
	p := &labProducer{l: l, id: id, version: version}
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &id, 60_000, -1, -1
	p.insist(func() int16 {
		a := askHome[*kmsg.InitProducerIDResponse](p, req, 4)
		p.pid, p.epoch = a.ProducerID, a.ProducerEpoch
		return a.ErrorCode
	})
	p.begin()
	return p
}

func (p *labProducer) begin() { p.sequences, p.added = map[string]int32{}, map[string]bool{} }

// askHome asks the coordinator of a producer.
func askHome[R kmsg.Response](p *labProducer, req kmsg.Request, version int16) R {
	p.l.t.Helper()
	id := p.l.coordinatorOf(ofTransaction, p.id)
	for range 100 {
		if id >= 0 {
			break
		}
		p.l.advance(time.Second)
		id = p.l.coordinatorOf(ofTransaction, p.id)
	}
	c := p.l.client(p.l.brokers[id-1])
	defer c.hangUp()
	c.send(req, version)
	for range 100 {
		if len(c.answers) > 0 {
			break
		}
		p.l.advance(100 * time.Millisecond)
	}
	return c.answer().(R)
}

// insist does something until it is done, or has failed for good.
func (p *labProducer) insist(do func() int16) int16 {
	p.l.t.Helper()
	for range 200 {
		switch code := do(); code {
		case wire.CoordinatorLoadInProgress, wire.CoordinatorNotAvailable, wire.NotCoordinator, wire.ConcurrentTransactions, wire.NotEnoughReplicas, wire.NotLeaderOrFollower:
			p.l.advance(100 * time.Millisecond)
		default:
			return code
		}
	}
	p.l.t.Fatalf("%s: no end of errors that pass", p.id)
	return 0
}

// add adds partition 0 of a topic to the transaction.
func (p *labProducer) add(topic string) int16 {
	p.l.t.Helper()
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.id, p.pid, p.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	return p.insist(func() int16 {
		return askHome[*kmsg.AddPartitionsToTxnResponse](p, req, 3).Topics[0].Partitions[0].ErrorCode
	})
}

// produce produces to partition 0 of a topic as part of the transaction.
func (p *labProducer) produce(topic string, values ...string) int16 {
	p.l.t.Helper()
	version := int16(11)
	switch {
	case p.version >= 2:
		version = 12
	case !p.added[topic]:
		if code := p.add(topic); code != 0 {
			return code
		}
	}
	p.added[topic] = true
	b := wire.NewBuilder(p.pid, p.epoch, p.sequences[topic])
	b.Transactional()
	for _, v := range values {
		b.Append(1000, p.key, []byte(v), nil)
	}
	code := p.insist(func() int16 {
		leader := p.l.leader(topic)
		if leader == nil {
			return wire.NotLeaderOrFollower
		}
		c := p.l.client(leader)
		defer c.hangUp()
		req := produceRequest(topic, -1, 30*time.Second, b.Bytes().Contiguous())
		req.TransactionID = &p.id
		c.send(req, version)
		for i := 0; i < 100 && len(c.answers) == 0 && c.closed == nil; i++ {
			p.l.advance(100 * time.Millisecond)
		}
		return c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
	})
	if code == 0 {
		p.sequences[topic] += int32(len(values))
	}
	return code
}

// leader is the process that leads partition 0 of a topic, if one does.
func (l *lab) leader(topic string) *labNode {
	info := l.controller.machine.(*ControllerNode).Image().Partition(topic, 0)
	if info.Leader < 0 || l.brokers[info.Leader-1].machine == nil {
		return nil
	}
	return l.brokers[info.Leader-1]
}

func (p *labProducer) end(commit bool) int16 {
	p.l.t.Helper()
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.id, p.pid, p.epoch, commit
	version := int16(4)
	if p.version >= 2 {
		version = 5
	}
	code := p.insist(func() int16 {
		a := askHome[*kmsg.EndTxnResponse](p, req, version)
		if a.ErrorCode == 0 && version == 5 {
			p.pid, p.epoch = a.ProducerID, a.ProducerEpoch
		}
		return a.ErrorCode
	})
	if p.version >= 2 {
		p.begin()
	} else {
		p.added = map[string]bool{}
	}
	return code
}

// committed is what a read_committed consumer has of partition 0 of a topic.
func (l *lab) committed(topic string) string {
	l.t.Helper()
	c := l.client(l.leader(topic))
	defer c.hangUp()
	var got []string
	aborted := map[int64][]int64{} // first offsets by producer
	for offset := int64(0); ; {
		req := fetchRequest(topic, offset, 0, 0)
		req.IsolationLevel = 1
		a := ask[*kmsg.FetchResponse](c, req, 12).Topics[0].Partitions[0]
		if a.ErrorCode != 0 {
			l.t.Fatalf("fetch %s: %s", topic, wire.ErrorName(a.ErrorCode))
		}
		for _, x := range a.AbortedTransactions {
			if !slices.Contains(aborted[x.ProducerID], x.FirstOffset) {
				aborted[x.ProducerID] = append(aborted[x.ProducerID], x.FirstOffset)
			}
		}
		from := offset
		for h, b := range wire.SplitBatches(machine.Literal(a.RecordBatches)) {
			offset = h.NextOffset()
			first := aborted[h.ProducerID]
			hidden := len(first) > 0 && first[0] <= h.BaseOffset
			switch {
			case h.IsControl() && hidden:
				aborted[h.ProducerID] = first[1:]
			case h.IsControl(), h.IsTransactional() && hidden:
			default:
				if err := wire.EachRecord(b, func(r *wire.Record) error {
					got = append(got, string(r.Value))
					return nil
				}); err != nil {
					l.t.Fatal(err)
				}
			}
		}
		if offset == from {
			return strings.Join(got, " ")
		}
	}
}

func (l *lab) wantCommitted(want string) {
	l.t.Helper()
	if got := fmt.Sprintf("%s | %s | %s", l.committed("b1"), l.committed("b2"), l.committed("b3")); got != want {
		l.t.Errorf("committed are %s, want %s", got, want)
	}
}

func wantCode(t testing.TB, what string, got, want int16) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %s, want %s", what, wire.ErrorName(got), wire.ErrorName(want))
	}
}

// Whole transactions over partitions of several brokers are committed or aborted, in each
// version, and nothing of an open one is read.
func TestTransactions(t *testing.T) {
	for _, version := range []int16{0, 1, 2} {
		l := newTransacted(t, version, nil)
		p := l.producer("tx", version)
		for i := range 4 {
			for _, topic := range []string{"b1", "b2", "b3"} {
				wantCode(t, "produce", p.produce(topic, fmt.Sprint("v", i)), 0)
				wantCode(t, "produce", p.produce(topic, fmt.Sprint("w", i)), 0)
			}
			if i == 3 {
				break
			}
			wantCode(t, "end", p.end(i%2 == 0), 0)
		}
		l.wantCommitted("v0 w0 v2 w2 | v0 w0 v2 w2 | v0 w0 v2 w2")
		wantCode(t, "end", p.end(true), 0)
		l.advance(time.Second)
		l.wantCommitted("v0 w0 v2 w2 v3 w3 | v0 w0 v2 w2 v3 w3 | v0 w0 v2 w2 v3 w3")
	}
}

// A second producer fences the first, whose open transaction is aborted.
func TestSecondProducerFences(t *testing.T) {
	for _, version := range []int16{1, 2} {
		l := newTransacted(t, version, nil)
		p := l.producer("tx", version)
		wantCode(t, "produce", p.produce("b1", "zombie"), 0)
		q := l.producer("tx", version)
		wantCode(t, "produce", q.produce("b1", "heir"), 0)
		wantCode(t, "produce of the first", p.produce("b1", "more"), wire.InvalidProducerEpoch)
		wantCode(t, "commit of the first", p.end(true), wire.ProducerFenced)
		wantCode(t, "commit", q.end(true), 0)
		l.advance(time.Second)
		l.wantCommitted("heir |  | ")
	}
}

// A transaction whose time is over is aborted, and what comes late of it begins no other: its
// partitions are verified.
func TestTimedOutTransaction(t *testing.T) {
	for _, version := range []int16{1, 2} {
		l := newTransacted(t, version, nil)
		p := l.producer("tx", version)
		wantCode(t, "produce", p.produce("b1", "a"), 0)
		wantCode(t, "produce", p.produce("b2", "a"), 0)
		l.advance(80 * time.Second)
		wantCode(t, "late produce", p.produce("b1", "b"), wire.InvalidProducerEpoch)
		wantCode(t, "commit", p.end(true), wire.ProducerFenced)
		l.wantCommitted(" |  | ")
		q := l.producer("tx", version)
		wantCode(t, "produce", q.produce("b1", "c"), 0)
		wantCode(t, "commit", q.end(true), 0)
		l.advance(time.Second)
		l.wantCommitted("c |  | ")
	}
}

// The coordinator is gone between the decision and its markers: who takes over has them
// written.
func TestCoordinatorFailsOverWhileCommitting(t *testing.T) {
	for _, version := range []int16{1, 2} {
		l := newTransacted(t, version, nil)
		p := l.producer("tx", version)
		for _, topic := range []string{"b1", "b2", "b3"} {
			wantCode(t, "produce", p.produce(topic, "v"), 0)
		}
		home := l.brokers[l.coordinatorOf(ofTransaction, "tx")-1]
		for _, n := range l.brokers {
			if n != home {
				l.takesNoMarkers(n)
			}
		}
		wantCode(t, "commit", p.end(true), 0)
		l.advance(time.Second)
		if s := l.describeTxn("tx"); s != "PrepareCommit" {
			t.Errorf("it is %s", s)
		}
		for _, n := range l.brokers {
			if n != home {
				l.takesMarkers(n)
			}
		}
		l.crash(home)
		l.advance(30 * time.Second)
		if s := l.describeTxn("tx"); s != "CompleteCommit" {
			t.Errorf("it is %s", s)
		}
		l.wantCommitted("v | v | v")
		l.start(home)
		l.advance(20 * time.Second)
		wantCode(t, "produce", p.produce("b1", "w"), 0)
		wantCode(t, "commit", p.end(true), 0)
		l.advance(time.Second)
		l.wantCommitted("v w | v | v")
	}
}

// A producer that begins its next transaction before the markers of the last one are written
// is held up until they are, and its batch is appended behind them.
func TestNextTransactionWaitsForMarkers(t *testing.T) {
	l := newTransacted(t, 2, func(s *config.Broker) { s.AddPartitionsRetryBackoffMax = time.Second })
	p := l.producer("tx", 2)
	home := l.coordinatorOf(ofTransaction, "tx")
	leader := l.brokers[home%3]
	wantCode(t, "produce", p.produce(leader.name, "a"), 0)
	l.takesNoMarkers(leader)
	wantCode(t, "commit", p.end(true), 0)
	l.advance(50 * time.Millisecond)
	b := wire.NewBuilder(p.pid, p.epoch, 0)
	b.Transactional()
	b.Append(1000, nil, []byte("b"), nil)
	req := produceRequest(leader.name, -1, 30*time.Second, b.Bytes().Contiguous())
	req.TransactionID = &p.id
	c := l.client(leader)
	c.send(req, 12)
	c.waits("the next transaction")
	l.takesMarkers(leader)
	l.advance(time.Second)
	wantCode(t, "produce", c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, 0)
	p.sequences[leader.name] = 1
	wantCode(t, "abort", p.end(false), 0)
	l.advance(time.Second)
	if s := l.committed(leader.name); s != "a" {
		t.Errorf("committed are %s", s)
	}
}

// A marker that is written while the coordinator's word about the next transaction is under
// way takes the guard away; the batch is verified anew. Where there is no time for that its
// producer is told to try again: the transaction is as it should be.
func TestMarkerOvertakesVerification(t *testing.T) {
	t.Run("again", func(t *testing.T) { testOvertaken(t, time.Second, wire.None) })
	t.Run("no time", func(t *testing.T) { testOvertaken(t, 0, wire.ConcurrentTransactions) })
}

func testOvertaken(t *testing.T, backoffMax time.Duration, want int16) {
	l := newTransacted(t, 2, func(s *config.Broker) { s.AddPartitionsRetryBackoffMax = backoffMax })
	p := l.producer("tx", 2)
	at := l.coordinatorOf(ofTransaction, "tx")
	home, leader := l.brokers[at-1], l.brokers[at%3]
	wantCode(t, "produce", p.produce(leader.name, "a"), 0)
	l.takesNoMarkers(leader)
	wantCode(t, "commit", p.end(true), 0)
	handlers := &home.machine.(*Broker).handlers
	verify, versions := handlers[wire.AddPartitionsToTxn], handlers[wire.ApiVersions]
	var late func(machine.Now, *machine.Effects)
	handlers[wire.AddPartitionsToTxn] = func(b *Broker, _ machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		late = func(now machine.Now, out *machine.Effects) { verify(b, now, c, req, out) }
	}
	handlers[wire.ApiVersions] = func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		handlers[wire.AddPartitionsToTxn], handlers[wire.ApiVersions] = verify, versions
		late(now, out)
		versions(b, now, c, req, out)
	}
	b := wire.NewBuilder(p.pid, p.epoch, 0)
	b.Transactional()
	b.Append(1000, nil, []byte("b"), nil)
	req := produceRequest(leader.name, -1, 30*time.Second, b.Bytes().Contiguous())
	req.TransactionID = &p.id
	c := l.client(leader)
	c.send(req, 12)
	c.waits("the coordinator's word")
	l.takesMarkers(leader)
	l.advance(5 * time.Second) // the marker is written, and the last transaction complete
	letGo := l.client(home)
	ask[*kmsg.ApiVersionsResponse](letGo, kmsg.NewPtrApiVersionsRequest(), 3)
	l.advance(time.Second)
	wantCode(t, "produce", c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, want)
	if want != wire.None {
		c.send(req, 12)
		l.advance(time.Second)
		wantCode(t, "produce again", c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, wire.None)
	}
	p.sequences[leader.name] = 1
	wantCode(t, "commit", p.end(true), 0)
	l.advance(time.Second)
	if s := l.committed(leader.name); s != "a b" {
		t.Errorf("committed are %s", s)
	}
}

// takesNoMarkers has a broker hang up on who wants markers written.
func (l *lab) takesNoMarkers(n *labNode) {
	n.machine.(*Broker).handlers[wire.WriteTxnMarkers] = func(b *Broker, _ machine.Now, c *conn, _ wire.Request, out *machine.Effects) { b.hangUp(c, out) }
}

// takesMarkers has it take them again.
func (l *lab) takesMarkers(n *labNode) {
	b := n.machine.(*Broker)
	b.handlers = handlers(&b.cfg)
}

// describeTxn is the state of a transactional id.
func (l *lab) describeTxn(id string) string {
	l.t.Helper()
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{id}
	p := &labProducer{l: l, id: id}
	a := askHome[*kmsg.DescribeTransactionsResponse](p, req, 0).TransactionStates[0]
	if a.ErrorCode != 0 {
		return wire.ErrorName(a.ErrorCode)
	}
	return a.State
}

// A leader of a partition is gone when its marker is to be written, and the topic of another
// is deleted meanwhile.
func TestMarkersFindTheirPartitions(t *testing.T) {
	l := newTransacted(t, 2, nil)
	p := l.producer("tx", 2)
	for _, topic := range []string{"b1", "b2", "b3"} {
		wantCode(t, "produce", p.produce(topic, "v"), 0)
	}
	home := l.coordinatorOf(ofTransaction, "tx")
	down, gone := l.brokers[home%3], l.brokers[(home+1)%3]
	l.takesNoMarkers(down)
	l.takesNoMarkers(gone)
	wantCode(t, "commit", p.end(true), 0)
	l.advance(time.Second)
	c := l.client(l.brokers[home-1])
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.TopicNames, del.TimeoutMillis = []string{gone.name}, 1000
	ask[*kmsg.DeleteTopicsResponse](c, del, 5)
	l.takesMarkers(gone)
	l.crash(down)
	l.advance(30 * time.Second)
	if s := l.describeTxn("tx"); s != "CompleteCommit" {
		t.Errorf("it is %s", s)
	}
	if s := l.committed(down.name); s != "v" {
		t.Errorf("%s has %q", down.name, s)
	}
}

// Offsets are part of a transaction: nothing of them is to be seen before it is committed,
// and nothing at all if it is not.
func TestOffsetsOfTransactions(t *testing.T) {
	for _, version := range []int16{1, 2} {
		l := newTransacted(t, version, nil)
		p := l.producer("tx", version)
		for i, commit := range []bool{false, true} {
			if version < 2 {
				req := kmsg.NewPtrAddOffsetsToTxnRequest()
				req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = "tx", p.pid, p.epoch, "g"
				wantCode(t, "add offsets", p.insist(func() int16 { return askHome[*kmsg.AddOffsetsToTxnResponse](p, req, 3).ErrorCode }), 0)
			}
			req := kmsg.NewPtrTxnOffsetCommitRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = "tx", p.pid, p.epoch, "g", -1
			part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			part.Offset, part.Metadata = int64(7+i), kmsg.StringPtr("")
			req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "b1", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{part}}}
			wantCode(t, "commit offsets", p.insist(func() int16 {
				n := l.brokers[l.coordinatorOf(ofGroup, "g")-1]
				c := l.client(n)
				defer c.hangUp()
				c.send(req, 3+2*(version-1))
				for len(c.answers) == 0 {
					l.advance(100 * time.Millisecond)
				}
				return c.answer().(*kmsg.TxnOffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
			}), 0)
			fetched := func() string {
				c := l.client(l.brokers[l.coordinatorOf(ofGroup, "g")-1])
				defer c.hangUp()
				return fetchedOffset(ask[*kmsg.OffsetFetchResponse](c, fetchOffsetRequest("g", "b1"), 7))
			}
			if s := fetched(); s != "-1" {
				t.Errorf("version %d: of an open transaction %s is committed", version, s)
			}
			wantCode(t, "end", p.end(commit), 0)
			l.advance(time.Second)
			want := "-1"
			if commit {
				want = "8"
			}
			if s := fetched(); s != want {
				t.Errorf("version %d: offset %s is committed, want %s", version, s, want)
			}
		}
	}
}

// With transaction.partition.verification.enable off, what comes late of a transaction that
// was aborted begins one that nobody ends; with it on it does not.
func TestVerificationKeepsLateProduceOut(t *testing.T) {
	for _, on := range []bool{true, false} {
		l := newTransacted(t, 1, func(s *config.Broker) { s.TransactionPartitionVerification = on })
		p := l.producer("tx", 1)
		wantCode(t, "produce", p.produce("b1", "a"), 0)
		wantCode(t, "abort", p.end(false), 0)
		l.advance(time.Second)
		p.added["b1"] = true // it has been on its way
		code := p.produce("b1", "late")
		if want := map[bool]int16{true: wire.TransactionAbortable, false: 0}[on]; code != want {
			t.Errorf("verification %t: the late produce is %s", on, wire.ErrorName(code))
		}
		l.advance(10 * time.Minute)
		open := l.brokers[0].machine.(*Broker).Replica(wire.TP{Topic: "b1"})
		if hangs := open.LastStable() < open.HighWatermark(); hangs == on {
			t.Errorf("verification %t: the last stable offset is %d, the high watermark %d", on, open.LastStable(), open.HighWatermark())
		}
	}
}

// Marks twice: the end of a transaction is written again, into the next (T24).
func TestCompleteTwiceBites(t *testing.T) {
	for _, planted := range []bool{false, true} {
		l := newTransacted(t, 1, nil)
		if planted {
			for _, n := range l.brokers {
				if err := n.machine.(*Broker).cfg.Failpoints.Arm(failpoint.T24CompleteTwice, failpoint.Always, "return(true)"); err != nil {
					t.Fatal(err)
				}
			}
		}
		p := l.producer("tx", 1)
		wantCode(t, "produce", p.produce("b1", "a"), 0)
		wantCode(t, "commit", p.end(true), 0)
		wantCode(t, "produce", p.produce("b1", "b"), 0)
		l.advance(time.Second)
		want := "a"
		if planted {
			want = "a b" // which nobody has committed
		}
		if s := l.committed("b1"); s != want {
			t.Errorf("planted %t: committed are %s, want %s", planted, s, want)
		}
	}
}

// BenchmarkTransactions is one transaction of version 2 over three partitions on three brokers,
// replicated to all, from the first Produce to the last marker.
func BenchmarkTransactions(b *testing.B) {
	l := newTransacted(b, 2, nil)
	l.auditor = nil
	p := l.producer("tx", 2)
	home := l.client(l.brokers[l.coordinatorOf(ofTransaction, "tx")-1])
	var leaders []*labClient
	for _, n := range l.brokers {
		leaders = append(leaders, l.client(n))
	}
	value := []byte(strings.Repeat("v", 100))
	b.ReportAllocs()
	for b.Loop() {
		for i, c := range leaders {
			batch := wire.NewBuilder(p.pid, p.epoch, 0)
			batch.Transactional()
			batch.Append(1000, nil, value, nil)
			req := produceRequest(l.brokers[i].name, -1, 30*time.Second, batch.Bytes().Contiguous())
			req.TransactionID = &p.id
			wantCode(b, "produce", ask[*kmsg.ProduceResponse](c, req, 12).Topics[0].Partitions[0].ErrorCode, 0)
		}
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.id, p.pid, p.epoch, true
		a := ask[*kmsg.EndTxnResponse](home, req, 5)
		wantCode(b, "commit", a.ErrorCode, 0)
		p.pid, p.epoch = a.ProducerID, a.ProducerEpoch
		if n := len(home.n.ends); n != 1 {
			b.Fatal(n)
		}
	}
}
