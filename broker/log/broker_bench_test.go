package log

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// A produce request with acks=all, all the way through three brokers: append,
// both followers' fetches, their appends and next fetches, and the answer.
func BenchmarkProduceAcksAll(b *testing.B) {
	for _, bench := range []struct {
		name   string
		topics int
	}{{"1 partition", 1}, {"16 partitions", 16}} {
		b.Run(bench.name, func(b *testing.B) {
			l := newCluster(b, 3, nil)
			l.auditor = nil
			l.create("orders", nil, 1, 2, 3)
			for i := range bench.topics - 1 {
				l.create("idle-"+string(rune('a'+i)), nil, 1, 2, 3)
			}
			c := l.client(l.brokers[0])
			quiet := quietClient{}
			req := produceRequest("orders", -1, 30*time.Second, batch("0123456789012345678901234567890123456789"))
			req.SetVersion(9)
			frame := machine.Literal(c.format.AppendRequest(nil, req, 1))
			c.n.machine = &quiet
			steps := 0
			b.ReportAllocs()
			for b.Loop() {
				l.perform(c.n, &machine.Effect{Kind: machine.DoSend, Conn: c.conn, Frame: frame})
				l.run()
				steps++
			}
			if quiet.received != steps {
				b.Fatalf("%d answers to %d requests", quiet.received, steps)
			}
		})
	}
}

// Fetches of a consumer that has something to read.
func BenchmarkFetch(b *testing.B) {
	l, c := newAlone(b, nil)
	l.auditor = nil
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", 1, time.Second, batch("0123456789012345678901234567890123456789")), 9)
	req := fetchRequest("orders", 0, 1, time.Second)
	req.SetVersion(12)
	in := machine.Input{Kind: machine.Received, Conn: c.n.ends[c.conn].peer.id, Frame: machine.Literal(c.format.AppendRequest(nil, req, 1))}
	broker := l.broker(1)
	b.ReportAllocs()
	for b.Loop() {
		l.out.Reset()
		broker.Step(l.now, &in, &l.out)
	}
	if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoSend {
		b.Fatalf("answered with %v", &l.out)
	}
}

// quietClient counts what it receives.
type quietClient struct{ received int }

func (c *quietClient) Step(_ machine.Now, in *machine.Input, _ *machine.Effects) {
	if in.Kind == machine.Received {
		c.received++
	}
}

func (c *quietClient) Deadline() machine.Instant { return machine.Never }

// A commit of the offsets of six partitions by nobody in particular, and a heartbeat: one
// broker with 50 coordinators.
func BenchmarkCoordinator(b *testing.B) {
	l := newCoordinated(b, 1, 50, nil)
	l.auditor = nil
	_, c := l.home("g")
	beat := c.member("h")
	beat.SetVersion(4)
	commit := commitRequest("g", 7, "orders")
	parts := commit.Topics[0].Partitions
	l.create("six", nil, 1)
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.TimeoutMillis = 1000
	grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "six", Count: 6}}
	ask[*kmsg.CreatePartitionsResponse](l.client(l.brokers[0]), grow, 1)
	l.advance(time.Second)
	commit.Topics[0].Topic, commit.Topics[0].Partitions = "six", nil
	for i := range int32(6) {
		p := parts[0]
		p.Partition = i
		commit.Topics[0].Partitions = append(commit.Topics[0].Partitions, p)
	}
	commit.SetVersion(8)
	broker := l.broker(1)
	for _, req := range []kmsg.Request{commit, beat} {
		b.Run(kmsg.NameForKey(req.Key()), func(b *testing.B) {
			in := machine.Input{Kind: machine.Received, Conn: c.n.ends[c.conn].peer.id, Frame: machine.Literal(c.format.AppendRequest(nil, req, 1))}
			b.ReportAllocs()
			for b.Loop() {
				l.out.Reset()
				broker.Step(l.now, &in, &l.out)
			}
			if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoSend {
				b.Fatalf("answered with %v", &l.out)
			}
		})
	}
}

// A transaction of version 2 with a record in each of three partitions of one broker, which
// coordinates it too: the steps of its Produce and of its EndTxn, with six batches of its
// own. What the producer does is not counted.
func BenchmarkTransaction(b *testing.B) {
	l := newAdministered(b, 1, nil)
	boot := l.brokers[0].boot
	l.brokers[0].boot = func() machine.Machine {
		cfg := boot().(*Broker).cfg
		cfg.TransactionVersion = 2
		return NewBroker(cfg)
	}
	l.crash(l.brokers[0])
	l.advance(20 * time.Second)
	l.start(l.brokers[0])
	l.advance(20 * time.Second)
	c := l.client(l.brokers[0])
	ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofTransaction, "tx"), 1)
	l.advance(2 * time.Second)
	var topics []string
	for i := range 3 {
		topics = append(topics, "orders-"+string(rune('a'+i)))
		l.create(topics[i], nil, 1)
	}
	l.auditor = nil
	p := l.producer("tx", 2)
	broker, conn := l.broker(1), c.n.ends[c.conn].peer.id
	step := func(req kmsg.Request, version int16) {
		b.StopTimer()
		req.SetVersion(version)
		in := machine.Input{Kind: machine.Received, Conn: conn, Frame: machine.Literal(c.format.AppendRequest(nil, req, 1))}
		l.out.Reset()
		b.StartTimer()
		broker.Step(l.now, &in, &l.out)
		if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoSend {
			b.Fatalf("answered with %v", &l.out)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		produce := kmsg.NewPtrProduceRequest()
		produce.TransactionID, produce.Acks, produce.TimeoutMillis = &p.id, -1, 30_000
		for _, topic := range topics {
			batch := wire.NewBuilder(p.pid, p.epoch, 0)
			batch.Transactional()
			batch.Append(l.now.Wall.Millis(), nil, []byte("value"), nil)
			t := kmsg.NewProduceRequestTopic()
			t.Topic, t.Partitions = topic, []kmsg.ProduceRequestTopicPartition{{Records: batch.Bytes().Contiguous()}}
			produce.Topics = append(produce.Topics, t)
		}
		step(produce, 12)
		end := kmsg.NewPtrEndTxnRequest()
		end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = p.id, p.pid, p.epoch, true
		step(end, 5)
		b.StopTimer()
		state := ask[*kmsg.DescribeTransactionsResponse](c, describeTransaction("tx"), 0).TransactionStates[0]
		if p.pid, p.epoch = state.ProducerID, state.ProducerEpoch; state.State != "CompleteCommit" {
			b.Fatalf("%+v", state)
		}
	}
}

func describeTransaction(id string) *kmsg.DescribeTransactionsRequest {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{id}
	return req
}
