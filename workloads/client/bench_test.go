package client

import (
	"fmt"
	"testing"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// One record from Send to its acknowledgement: the broker's answer is made
// beforehand and only its correlation id changes.
func BenchmarkProducerSendToAcked(b *testing.B) {
	for _, perBatch := range []int{1, 5, 100} {
		b.Run(fmt.Sprintf("batch=%d", perBatch), func(b *testing.B) { sendToAcked(b, perBatch, Record{Value: make([]byte, 256)}) })
		b.Run(fmt.Sprintf("filler,batch=%d", perBatch), func(b *testing.B) { sendToAcked(b, perBatch, Record{Filler: 1024}) })
	}
}

func sendToAcked(b *testing.B, perBatch int, record Record) {
	d := newDouble(b, 1)
	d.topic("t", 1)
	s := config.DefaultProducer()
	s.Linger, s.BatchSize = 0, 1<<20
	p := NewProducer(ProducerConfig{Name: "p", Seed: 1, Bootstrap: d.addrs(), Settings: s})
	d.client = p
	p.Watch("t")
	d.run()
	out := &machine.Effects{}
	p.Send(machine.Now{}, "t", record)
	d.run()
	a := d.held[0]
	d.judge(a, func(int, wire.TP, wire.Records) verdict { return verdict{base: 7} })
	resp := d.queue[0].Frame.AppendTo(nil)
	d.settle()
	p.Forget()
	correlation := a.Correlation

	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += perBatch {
		for range perBatch {
			p.Send(machine.Now{}, "t", record)
		}
		p.Run(machine.Now{}, out)
		correlation++
		frame := answerTo(resp, correlation)
		p.Step(machine.Now{}, &machine.Input{Kind: machine.Received, Conn: a.conn, Frame: machine.Literal(frame)}, out)
		p.Run(machine.Now{}, out)
		if len(p.Results()) != 1 || p.Results()[0].Outcome != Acked {
			b.Fatal("not acknowledged")
		}
		p.Forget()
		out.Reset()
	}
}

// answerTo is an answer with another correlation id.
func answerTo(frame []byte, correlation int32) []byte {
	copied := append([]byte(nil), frame...)
	copied[4], copied[5], copied[6], copied[7] = byte(correlation>>24), byte(correlation>>16), byte(correlation>>8), byte(correlation)
	return copied
}

// One record from the leaving of its fetch to its being handed over; the making of
// the broker's answer counts too.
func BenchmarkConsumerFetchToPoll(b *testing.B) {
	for _, perBatch := range []int{1, 5, 100} {
		b.Run(fmt.Sprintf("batch=%d", perBatch), func(b *testing.B) { fetchToPoll(b, perBatch, false) })
		b.Run(fmt.Sprintf("bulk,batch=%d", perBatch), func(b *testing.B) { fetchToPoll(b, perBatch, true) })
	}
}

func fetchToPoll(b *testing.B, perBatch int, bulk bool) {
	d := newDouble(b, 1)
	d.topic("t", 1)
	c := NewConsumer(ConsumerConfig{Name: "k", Seed: 1, Bootstrap: d.addrs(), Settings: config.DefaultConsumer(), Bulk: bulk})
	d.client = c
	c.Assign(Assignment{TP: wire.TP{Topic: "t"}, Offset: 0, Epoch: -1})
	d.run()
	w := wire.NewBuilder(-1, -1, -1)
	for i := range int64(perBatch) {
		if bulk {
			w.AppendFiller(i, nil, 1024, uint64(i))
		} else {
			w.Append(i, nil, make([]byte, 256), nil)
		}
	}
	batch := w.Bytes()
	a := d.held[0]
	out := &machine.Effects{}
	offset := int64(0)

	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += perBatch {
		resp := kmsg.NewPtrFetchResponse()
		t := kmsg.NewFetchResponseTopic()
		t.Topic = "t"
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark = offset + int64(perBatch)
		t.Partitions = append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
		frame := wire.EncodeResponse(&a.Request, resp, []wire.Records{wire.Stamp(batch, offset, 1)})
		a.Correlation++
		offset += int64(perBatch)

		c.Step(machine.Now{}, &machine.Input{Kind: machine.Received, Conn: a.conn, Frame: frame}, out)
		c.Forget()
		if got := c.Poll(int32(perBatch)); len(got) != 1 || got[0].count() != int32(perBatch) {
			b.Fatal("not handed over")
		}
		c.Run(machine.Now{}, out)
		out.Reset()
	}
}
