package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kgoCodec produces with a codec to several partitions and reads back, and looks at how
// the batches are stored.
func kgoCodec(ctx context.Context, e *env, codec string, attribute int8) error {
	all := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	c, a, err := client(ctx, e, kgo.ProducerBatchCompression(all[attribute]))
	if err != nil {
		return err
	}
	topic := "kgo-codec-" + codec
	if err := newTopic(ctx, e, a, topic, 3); err != nil {
		return err
	}
	const n = 3000
	pad := strings.Repeat("pad", 50)
	for i := range n {
		c.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(i % 3), Key: []byte{byte(i)}, Value: fmt.Appendf(nil, "%d %s", i, pad),
			Headers: []kgo.RecordHeader{{Key: "i", Value: fmt.Append(nil, i)}}}, nil)
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	for p := range int32(3) {
		list, err := readFrom(ctx, e, topic, p, 0, n/3)
		if err != nil {
			return err
		}
		for k, r := range list {
			i := k*3 + int(p)
			if err := first(want("value", string(r.Value), fmt.Sprintf("%d %s", i, pad)), want("offset", r.Offset, int64(k)), want("header", string(r.Headers[0].Value), fmt.Sprint(i)),
				want("codec", r.Attrs.CompressionType(), uint8(attribute))); err != nil {
				return err
			}
		}
	}
	return nil
}

func kgoAcks(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	if err := newTopic(ctx, e, a, "kgo-acks", 1); err != nil {
		return err
	}
	for _, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		c, _, err := client(ctx, e, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
		if err != nil {
			return err
		}
		if err := send(ctx, c, "kgo-acks", 0, "x"); err != nil {
			return err
		}
		c.Close()
	}
	_, err = readFrom(ctx, e, "kgo-acks", 0, 0, 3)
	return err
}

// kgoOrder produces from many goroutines, idempotently, in many requests.
func kgoOrder(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(2000))
	if err != nil {
		return err
	}
	if err := newTopic(ctx, e, a, "kgo-order", 1); err != nil {
		return err
	}
	const n = 20_000
	for i := range n {
		c.Produce(ctx, &kgo.Record{Topic: "kgo-order", Value: fmt.Append(nil, i)}, nil)
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	list, err := readFrom(ctx, e, "kgo-order", 0, 0, n)
	if err != nil {
		return err
	}
	for i, r := range list {
		if err := want("value", string(r.Value), fmt.Sprint(i)); err != nil {
			return err
		}
	}
	return want("records", len(list), n)
}

func kgoListOffsets(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "kgo-times"
	if err := newTopic(ctx, e, a, topic, 1); err != nil {
		return err
	}
	base := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	for i, minute := range []int{0, 10, 30, 20} {
		r := &kgo.Record{Topic: topic, Value: fmt.Append(nil, i), Timestamp: base.Add(time.Duration(minute) * time.Minute)}
		if err := c.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
	}
	start, err := a.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	end, err := a.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	after := func(minute int) (int64, error) {
		l, err := a.ListOffsetsAfterMilli(ctx, base.Add(time.Duration(minute)*time.Minute).UnixMilli(), topic)
		if err != nil {
			return 0, err
		}
		o, _ := l.Lookup(topic, 0)
		return o.Offset, o.Err
	}
	largest, err := a.ListMaxTimestampOffsets(ctx, topic)
	if err != nil {
		return err
	}
	s, _ := start.Lookup(topic, 0)
	x, _ := end.Lookup(topic, 0)
	l, _ := largest.Lookup(topic, 0)
	if err := first(want("start", s.Offset, 0), want("end", x.Offset, 4), want("largest timestamp at", l.Offset, 2), want("largest timestamp", l.Timestamp, base.Add(30*time.Minute).UnixMilli())); err != nil {
		return err
	}
	for minute, offset := range map[int]int64{0: 0, 5: 1, 10: 1, 11: 2, 30: 2, 31: 4} {
		got, err := after(minute)
		if err := first(err, want(fmt.Sprintf("after %d minutes", minute), got, offset)); err != nil {
			return err
		}
	}
	return nil
}

func kgoDeleteRecords(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "kgo-shorter"
	if err := newTopic(ctx, e, a, topic, 1); err != nil {
		return err
	}
	for i := range 10 {
		if err := send(ctx, c, topic, 0, fmt.Sprint(i)); err != nil {
			return err
		}
	}
	var to kadm.Offsets
	to.AddOffset(topic, 0, 4, -1)
	r, err := a.DeleteRecords(ctx, to)
	if err != nil {
		return err
	}
	x, _ := r.Lookup(topic, 0)
	start, err := a.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	s, _ := start.Lookup(topic, 0)
	if err := first(x.Err, want("low watermark", x.LowWatermark, 4), want("start", s.Offset, 4)); err != nil {
		return err
	}
	list, err := readFrom(ctx, e, topic, 0, 4, 6)
	return first(err, want("first value", string(list[0].Value), "4"))
}

func kgoOutOfRange(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	if err := first(newTopic(ctx, e, a, "kgo-range", 1), send(ctx, c, "kgo-range", 0, "x")); err != nil {
		return err
	}
	reader, _, err := client(ctx, e, kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"kgo-range": {0: kgo.NewOffset().At(100)}}))
	if err != nil {
		return err
	}
	return isError("fetch at 100", reader.PollFetches(ctx).Err(), kerr.OffsetOutOfRange)
}

func kgoTooLarge(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.ProducerBatchMaxBytes(10<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	if err := newTopic(ctx, e, a, "kgo-large", 1, "max.message.bytes", "1000"); err != nil {
		return err
	}
	return first(
		isError("2000 bytes", send(ctx, c, "kgo-large", 0, strings.Repeat("x", 2000)), kerr.MessageTooLarge),
		send(ctx, c, "kgo-large", 0, strings.Repeat("x", 500)))
}

func kgoNotEnough(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.RecordRetries(0), kgo.RequestRetries(0), kgo.DisableIdempotentWrite())
	if err != nil {
		return err
	}
	value := "2"
	if _, err := a.CreateTopic(ctx, 1, 1, map[string]*string{"min.insync.replicas": &value}, "kgo-one"); err != nil {
		return err
	}
	if err := heard(ctx, e, "kgo-one"); err != nil {
		return err
	}
	// As in Kafka, min.insync.replicas counts no further than there are replicas.
	return send(ctx, c, "kgo-one", 0, "x")
}

func kgoLogAppendTime(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	if err := newTopic(ctx, e, a, "kgo-append-time", 1, "message.timestamp.type", "LogAppendTime"); err != nil {
		return err
	}
	old := time.Now().Add(-time.Hour)
	if err := c.ProduceSync(ctx, &kgo.Record{Topic: "kgo-append-time", Value: []byte("x"), Timestamp: old}).FirstErr(); err != nil {
		return err
	}
	list, err := readFrom(ctx, e, "kgo-append-time", 0, 0, 1)
	if err != nil {
		return err
	}
	if time.Since(list[0].Timestamp) > 10*time.Minute {
		return fmt.Errorf("the record has the producer's time, %v ago", time.Since(list[0].Timestamp).Round(time.Minute))
	}
	return nil
}
