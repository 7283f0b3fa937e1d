package wire

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// benchRecords are n batches of 1 KiB, one a partition.
func benchRecords(n int) []Records {
	b := NewBuilder(7, 0, 0)
	for range 4 {
		b.Append(1_700_000_000_000, []byte("key"), make([]byte, 240), nil)
	}
	records := make([]Records, n)
	for i := range records {
		records[i] = b.Bytes()
	}
	return records
}

func benchProduce(n int) (*kmsg.ProduceRequest, []Records) {
	req := kmsg.NewPtrProduceRequest()
	req.Acks = -1
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "orders"
	for i := range n {
		t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: int32(i)})
	}
	req.Topics = append(req.Topics, t)
	return req, benchRecords(n)
}

func benchFetch(n int) (*kmsg.FetchResponse, []Records) {
	resp := kmsg.NewPtrFetchResponse()
	t := kmsg.NewFetchResponseTopic()
	t.Topic = "orders"
	for i := range n {
		p := kmsg.NewFetchResponseTopicPartition()
		p.Partition, p.HighWatermark = int32(i), 1000
		t.Partitions = append(t.Partitions, p)
	}
	resp.Topics = append(resp.Topics, t)
	return resp, benchRecords(n)
}

func BenchmarkProduce(b *testing.B) {
	table := BrokerTable()
	for _, n := range []int{1, 30} {
		req, records := benchProduce(n)
		l := dial(b, "producer", table, table)
		l.peer.Send(&l.out, req, records, nil)
		frame := l.sent(b)
		b.Run(fmt.Sprintf("encode/batches=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.peer.flight = l.peer.flight[:0]
				l.out.Reset()
				l.peer.Send(&l.out, req, records, nil)
			}
		})
		b.Run(fmt.Sprintf("decode/batches=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeRequest(frame, table); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFetch(b *testing.B) {
	table := BrokerTable()
	for _, n := range []int{1, 30} {
		resp, records := benchFetch(n)
		l := dial(b, "consumer", table, table)
		l.peer.Send(&l.out, kmsg.NewPtrFetchRequest(), nil, nil)
		r, err := DecodeRequest(l.sent(b), table)
		if err != nil {
			b.Fatal(err)
		}
		frame := EncodeResponse(&r, resp, records)
		b.Run(fmt.Sprintf("encode/batches=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				EncodeResponse(&r, resp, records)
			}
		})
		asked := l.peer.flight[0]
		b.Run(fmt.Sprintf("decode/batches=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.peer.flight = append(l.peer.flight[:0], asked)
				if _, ok, err := l.peer.Received(frame, &l.out); !ok {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBatch(b *testing.B) {
	batch := benchRecords(1)[0]
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := CheckBatch(batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stamp", func(b *testing.B) {
		b.ReportAllocs()
		var out machine.Bytes
		for b.Loop() {
			out = Stamp(batch, 5, 6)
		}
		_ = out
	})
	b.Run("each-record", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := EachRecord(batch, func(*Record) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
