package client

import (
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A record costs a producer once, when it is taken; its bytes cost with every attempt.
func TestWorkOfProducer(t *testing.T) {
	d := newDouble(t, 1)
	d.topic("t", 1)
	s := config.DefaultProducer()
	s.Linger = 0
	p := NewProducer(ProducerConfig{Name: "p", Seed: 1, Bootstrap: d.addrs(), Settings: s})
	d.client = p
	p.Watch("t")
	d.run()
	d.worked = machine.Work{}
	for range 3 {
		p.Send(machine.Now{}, "t", Record{Filler: 100})
	}
	d.run()
	size := int64(0)
	d.judge(d.held[0], func(_ int, _ wire.TP, records wire.Records) verdict {
		size = records.Len()
		return verdict{code: wire.NotEnoughReplicas, base: -1}
	})
	d.advance(machine.Instant(time.Second))
	if want := (machine.Work{Requests: 3, Bytes: 2 * size, Records: 3, Partitions: 2}); d.worked != want || size == 0 {
		t.Errorf("metadata and two attempts with 3 records have cost %+v, want %+v", d.worked, want)
	}
}

// A consumer's bytes cost when they come, its records when they are handed over.
func TestWorkOfConsumer(t *testing.T) {
	d := newDouble(t, 1)
	d.topic("t", 2)
	c := NewConsumer(ConsumerConfig{Name: "k", Seed: 1, Bootstrap: d.addrs(), Settings: config.DefaultConsumer(), Bulk: true})
	d.client = c
	for n := range int32(2) {
		c.Assign(Assignment{TP: wire.TP{Topic: "t", Partition: n}, Offset: 0, Epoch: -1})
	}
	d.run()
	w := wire.NewBuilder(-1, -1, -1)
	for range 5 {
		w.AppendFiller(0, nil, 100, 1)
	}
	batch := w.Bytes()
	d.worked = machine.Work{}
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = []kmsg.FetchResponseTopic{{Topic: "t", Partitions: []kmsg.FetchResponseTopicPartition{
		kmsg.NewFetchResponseTopicPartition(), kmsg.NewFetchResponseTopicPartition()}}}
	resp.Topics[0].Partitions[1].Partition = 1
	d.answer(d.held[0], resp, []wire.Records{wire.Stamp(batch, 0, 1), {}})
	d.settle()
	if want := (machine.Work{Requests: 1, Bytes: batch.Len(), Partitions: 1}); d.worked != want { // the request is the next fetch
		t.Errorf("an answer and the next fetch have cost %+v, want %+v", d.worked, want)
	}
	d.worked = machine.Work{}
	c.Poll(3)
	d.run()
	if want := (machine.Work{Records: 3}); d.worked != want {
		t.Errorf("a poll of 3 records has cost %+v, want %+v", d.worked, want)
	}
}
