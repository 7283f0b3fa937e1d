package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func kgoTests(*env) ([]test, error) {
	list := []test{{"ping", kgoPing}, {"describe-cluster", kgoDescribeCluster}}
	for i, codec := range codecs {
		list = append(list, test{"codec-" + codec, func(ctx context.Context, e *env) error { return kgoCodec(ctx, e, codec, int8(i)) }})
	}
	return append(list,
		test{"acks", kgoAcks}, test{"idempotent-order", kgoOrder}, test{"list-offsets", kgoListOffsets},
		test{"topics", kgoTopics}, test{"topic-refusals", kgoRefusals}, test{"recreate", kgoRecreate},
		test{"delete-by-id", kgoDeleteByID},
		test{"create-partitions", kgoCreatePartitions}, test{"configs", kgoConfigs}, test{"config-refusals", kgoConfigRefusals},
		test{"broker-configs", kgoBrokerConfigs}, test{"log-dirs", kgoLogDirs}, test{"delete-records", kgoDeleteRecords},
		test{"out-of-range", kgoOutOfRange}, test{"too-large", kgoTooLarge}, test{"not-enough-replicas", kgoNotEnough},
		test{"auto-create", kgoAutoCreate}, test{"delete-under-way", kgoDeleteUnderWay},
		test{"many-partitions", kgoManyPartitions}, test{"log-append-time", kgoLogAppendTime}), nil
}

// client is a client that ends with its context.
func client(ctx context.Context, e *env, opts ...kgo.Opt) (*kgo.Client, *kadm.Client, error) {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(e.servers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(20 * time.Millisecond)}, opts...)...)
	if err != nil {
		return nil, nil, err
	}
	context.AfterFunc(ctx, c.Close)
	return c, kadm.NewClient(c), nil
}

func want[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: %v, want %v", what, got, want)
	}
	return nil
}

// first is the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// isError is nil if err is an error of Kafka's with a code.
func isError(what string, err error, code *kerr.Error) error {
	if !errors.Is(err, code) {
		return fmt.Errorf("%s: %w, want %v", what, orNone(err), code)
	}
	return nil
}

func orNone(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// newTopic creates a topic and waits until every broker has heard of it.
func newTopic(ctx context.Context, e *env, a *kadm.Client, topic string, partitions int32, configs ...string) error {
	set := make(map[string]*string)
	for i := 0; i+1 < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	if _, err := a.CreateTopic(ctx, partitions, 3, set, topic); err != nil {
		return err
	}
	return heard(ctx, e, topic)
}

// heard waits until every broker knows a topic, and its leaders.
func heard(ctx context.Context, e *env, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 7
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	for _, addr := range e.servers {
		p, err := connectTo(ctx, addr)
		if err != nil {
			return err
		}
		defer p.Close()
		for {
			resp, err := p.ask(req)
			if err != nil {
				return err
			}
			if led(&resp.(*kmsg.MetadataResponse).Topics[0]) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s has not heard of %s", addr, topic)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return nil
}

func led(t *kmsg.MetadataResponseTopic) bool {
	return t.ErrorCode == 0 && !slices.ContainsFunc(t.Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return p.ErrorCode != 0 })
}

func send(ctx context.Context, c *kgo.Client, topic string, partition int32, values ...string) error {
	var list []*kgo.Record
	for _, v := range values {
		list = append(list, &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)})
	}
	return c.ProduceSync(ctx, list...).FirstErr()
}

// readFrom reads n records of a partition, from an offset on.
func readFrom(ctx context.Context, e *env, topic string, partition int32, offset int64, n int) ([]*kgo.Record, error) {
	c, _, err := client(ctx, e, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(offset)}}))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var list []*kgo.Record
	for len(list) < n {
		f := c.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return list, err
		}
		list = append(list, f.Records()...)
	}
	return list, nil
}

func kgoPing(ctx context.Context, e *env) error {
	c, _, err := client(ctx, e)
	if err != nil {
		return err
	}
	return c.Ping(ctx)
}

func kgoDescribeCluster(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	m, err := a.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	resp, err := kmsg.NewPtrDescribeClusterRequest().RequestWith(ctx, c)
	if err != nil {
		return err
	}
	return first(kerr.ErrorForCode(resp.ErrorCode), want("brokers", len(resp.Brokers), len(m.Brokers)), want("brokers", len(m.Brokers), 3), want("cluster", resp.ClusterID, m.Cluster))
}

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

func kgoTopics(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	if err := newTopic(ctx, e, a, "kgo-topic", 5, "retention.ms", "12345"); err != nil {
		return err
	}
	t, err := awaitTopic(ctx, a, "kgo-topic", 5)
	if err := first(err, want("partitions", len(t.Partitions), 5), want("replicas", len(t.Partitions[0].Replicas), 3), want("isr", len(t.Partitions[0].ISR), 3)); err != nil {
		return err
	}
	if _, err := a.DeleteTopic(ctx, "kgo-topic"); err != nil {
		return err
	}
	return gone(ctx, a, "kgo-topic")
}

// awaitTopic waits until a topic has so many partitions, as the broker that is asked has
// heard: metadata take a moment to get around.
func awaitTopic(ctx context.Context, a *kadm.Client, topic string, partitions int) (kadm.TopicDetail, error) {
	for {
		list, err := a.ListTopics(ctx, topic)
		t := list[topic]
		if err != nil || t.Err == nil && len(t.Partitions) == partitions {
			return t, err
		}
		select {
		case <-ctx.Done():
			return t, fmt.Errorf("%d partitions, %w", len(t.Partitions), orNone(t.Err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// gone waits until no broker knows a topic: metadata take a moment to get around.
func gone(ctx context.Context, a *kadm.Client, topic string) error {
	for {
		list, err := a.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		if errors.Is(list[topic].Err, kerr.UnknownTopicOrPartition) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is still there", topic)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func kgoRefusals(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	create := func(topic string, partitions int32, replicas int16) error {
		_, err := a.CreateTopic(ctx, partitions, replicas, nil, topic)
		return err
	}
	if err := create("kgo-there", 1, 1); err != nil {
		return err
	}
	_, unknown := a.DeleteTopic(ctx, "kgo-nowhere")
	value := "soon"
	_, config := a.CreateTopic(ctx, 1, 1, map[string]*string{"retention.ms": &value}, "kgo-config")
	return first(
		isError("create again", create("kgo-there", 1, 1), kerr.TopicAlreadyExists),
		isError("create one that collides", first(create("kgo.a", 1, 1), create("kgo_a", 1, 1)), kerr.InvalidTopicException),
		isError("create a/b", create("a/b", 1, 1), kerr.InvalidTopicException),
		isError("create with 0 partitions", create("kgo-zero", 0, 1), kerr.InvalidPartitions),
		isError("create with 4 replicas", create("kgo-four", 1, 4), kerr.InvalidReplicationFactor),
		isError("delete what is not there", unknown, kerr.UnknownTopicOrPartition),
		isError("create with a bad setting", config, kerr.InvalidConfig),
	)
}

// kgoRecreate deletes a topic and creates it again: nothing of the old one is left.
func kgoRecreate(ctx context.Context, e *env) error {
	const topic = "kgo-again"
	var ids []kadm.TopicID
	for round := range 3 {
		c, a, err := client(ctx, e)
		if err != nil {
			return err
		}
		if err := newTopic(ctx, e, a, topic, 1); err != nil {
			return err
		}
		value := fmt.Sprint("round ", round)
		if err := send(ctx, c, topic, 0, value); err != nil {
			return err
		}
		list, err := readFrom(ctx, e, topic, 0, 0, 1)
		if err := first(err, want("value", string(list[0].Value), value), want("records", len(list), 1)); err != nil {
			return err
		}
		t, err := awaitTopic(ctx, a, topic, 1)
		if err != nil {
			return err
		}
		ids = append(ids, t.ID)
		if _, err := a.DeleteTopic(ctx, topic); err != nil {
			return err
		}
		if err := gone(ctx, a, topic); err != nil {
			return err
		}
		c.Close()
	}
	if ids[0] == ids[1] || ids[1] == ids[2] {
		return fmt.Errorf("topic ids %v", ids)
	}
	return nil
}

func kgoDeleteByID(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	if err := newTopic(ctx, e, a, "kgo-by-id", 1); err != nil {
		return err
	}
	topic, err := awaitTopic(ctx, a, "kgo-by-id", 1)
	if err != nil {
		return err
	}
	remove := func(id [16]byte) (int16, error) {
		req := kmsg.NewPtrDeleteTopicsRequest()
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.TopicID = id
		req.Topics, req.TimeoutMillis = append(req.Topics, t), 10_000
		resp, err := req.RequestWith(ctx, c)
		if err != nil {
			return 0, err
		}
		return resp.Topics[0].ErrorCode, nil
	}
	one, err := remove(topic.ID)
	two, err2 := remove(topic.ID)
	return first(err, err2, want("error", one, 0), want("error of the second", two, kerr.UnknownTopicID.Code), gone(ctx, a, "kgo-by-id"))
}

func kgoCreatePartitions(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "kgo-more"
	if err := newTopic(ctx, e, a, topic, 1); err != nil {
		return err
	}
	grow := func(n int) error {
		r, err := a.UpdatePartitions(ctx, n, topic)
		if err != nil {
			return err
		}
		return r.Error()
	}
	if err := grow(4); err != nil {
		return err
	}
	if _, err := awaitTopic(ctx, a, topic, 4); err != nil {
		return err
	}
	if err := send(ctx, c, topic, 3, "x"); err != nil {
		return err
	}
	_, err = readFrom(ctx, e, topic, 3, 0, 1)
	return first(err, isError("as many as there are", grow(4), kerr.InvalidPartitions), isError("fewer", grow(2), kerr.InvalidPartitions))
}

// config is the value of a topic's setting and where it comes from.
func configOf(ctx context.Context, a *kadm.Client, topic, key string) (string, kmsg.ConfigSource, error) {
	list, err := a.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return "", 0, err
	}
	r, err := list.On(topic, nil)
	if err = first(err, r.Err); err != nil {
		return "", 0, err
	}
	for _, c := range r.Configs {
		if c.Key == key {
			return c.MaybeValue(), c.Source, nil
		}
	}
	return "", 0, fmt.Errorf("no %s among %d settings", key, len(r.Configs))
}

// awaitConfig waits until a setting is what it was set to: it takes a moment to get
// around.
func awaitConfig(ctx context.Context, a *kadm.Client, topic, key, value string, source kmsg.ConfigSource) error {
	for {
		got, from, err := configOf(ctx, a, topic, key)
		if err != nil || got == value && from == source {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is %q from %v, want %q from %v", key, got, from, value, source)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func kgoConfigs(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "kgo-configs"
	const own, preset = kmsg.ConfigSourceDynamicTopicConfig, kmsg.ConfigSourceDefaultConfig
	if err := newTopic(ctx, e, a, topic, 1, "retention.ms", "1000"); err != nil {
		return err
	}
	alter := func(ops ...kadm.AlterConfig) error {
		r, err := a.AlterTopicConfigs(ctx, ops, topic)
		if err != nil {
			return err
		}
		x, err := r.On(topic, nil)
		return first(err, x.Err)
	}
	text := func(s string) *string { return &s }
	if err := first(
		awaitConfig(ctx, a, topic, "retention.ms", "1000", own),
		awaitConfig(ctx, a, topic, "cleanup.policy", "delete", preset),
		alter(kadm.AlterConfig{Op: kadm.SetConfig, Name: "retention.ms", Value: text("2000")}, kadm.AlterConfig{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: text("compact")}),
		awaitConfig(ctx, a, topic, "retention.ms", "2000", own),
		awaitConfig(ctx, a, topic, "cleanup.policy", "delete,compact", own),
		alter(kadm.AlterConfig{Op: kadm.DeleteConfig, Name: "retention.ms"}, kadm.AlterConfig{Op: kadm.SubtractConfig, Name: "cleanup.policy", Value: text("compact")}),
		awaitConfig(ctx, a, topic, "retention.ms", "604800000", preset),
		awaitConfig(ctx, a, topic, "cleanup.policy", "delete", own),
	); err != nil {
		return err
	}
	r, err := a.AlterTopicConfigsState(ctx, []kadm.AlterConfig{{Name: "segment.bytes", Value: text("2000000")}}, topic)
	if err != nil {
		return err
	}
	x, err := r.On(topic, nil)
	return first(err, x.Err,
		awaitConfig(ctx, a, topic, "segment.bytes", "2000000", own),
		awaitConfig(ctx, a, topic, "cleanup.policy", "delete", preset)) // all others are gone
}

func kgoConfigRefusals(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "kgo-bad-configs"
	if err := newTopic(ctx, e, a, topic, 1); err != nil {
		return err
	}
	alter := func(topic string, op kadm.IncrementalOp, name, value string) error {
		r, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: op, Name: name, Value: &value}}, topic)
		if err != nil {
			return err
		}
		x, err := r.On(topic, nil)
		return first(err, x.Err)
	}
	_, _, unknown := configOf(ctx, a, "kgo-nowhere", "retention.ms")
	return first(
		isError("a bad value", alter(topic, kadm.SetConfig, "retention.ms", "soon"), kerr.InvalidConfig),
		isError("an unknown name", alter(topic, kadm.SetConfig, "retention", "1"), kerr.InvalidConfig),
		isError("append to a number", alter(topic, kadm.AppendConfig, "retention.ms", "1"), kerr.InvalidConfig),
		isError("alter an unknown topic", alter("kgo-nowhere", kadm.SetConfig, "retention.ms", "1"), kerr.UnknownTopicOrPartition),
		isError("describe an unknown topic", unknown, kerr.UnknownTopicOrPartition),
	)
}

func kgoBrokerConfigs(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	list, err := a.DescribeBrokerConfigs(ctx, 1, 2, 3)
	if err != nil {
		return err
	}
	if err := want("resources", len(list), 3); err != nil {
		return err
	}
	for _, r := range list {
		found := false
		for _, c := range r.Configs {
			if c.Key == "node.id" {
				found = c.MaybeValue() == r.Name
			}
		}
		if r.Err != nil || !found {
			return fmt.Errorf("broker %s: %w, its id is there: %t", r.Name, orNone(r.Err), found)
		}
	}
	return nil
}

func kgoLogDirs(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	if err := first(newTopic(ctx, e, a, "kgo-dirs", 2), send(ctx, c, "kgo-dirs", 1, strings.Repeat("x", 1000))); err != nil {
		return err
	}
	dirs, err := a.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return err
	}
	var sized, all int
	for _, broker := range dirs {
		if err := broker.Error(); err != nil {
			return err
		}
		broker.EachPartition(func(p kadm.DescribedLogDirPartition) {
			if p.Topic == "kgo-dirs" {
				all++
				if p.Size >= 1000 {
					sized++
				}
			}
		})
	}
	return first(want("replicas", all, 6), want("of partition 1, with the record", sized, 3))
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

func kgoAutoCreate(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(20))
	if err != nil {
		return err
	}
	if err := send(ctx, c, "kgo-auto", 0, "x"); err != nil {
		return err
	}
	_, err = awaitTopic(ctx, a, "kgo-auto", 1)
	return err
}

// kgoDeleteUnderWay deletes a topic that is produced to and read: nobody hangs.
func kgoDeleteUnderWay(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.UnknownTopicRetries(1), kgo.RecordDeliveryTimeout(5*time.Second))
	if err != nil {
		return err
	}
	const topic = "kgo-under-way"
	if err := newTopic(ctx, e, a, topic, 3); err != nil {
		return err
	}
	reader, _, err := client(ctx, e, kgo.ConsumeTopics(topic))
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	var n int
	for i := range 1_000_000 {
		if i == 1000 {
			if _, err := a.DeleteTopic(ctx, topic); err != nil {
				return err
			}
		}
		c.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(i % 3), Value: []byte("x")}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
		select {
		case err := <-failed:
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			n = reader.PollFetches(short).NumRecords()
			_ = n // it may have read, or not
			if ctx.Err() != nil {
				return err
			}
			return gone(ctx, a, topic)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if i > 1000 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	return errors.New("a million records were produced to a topic that is no more")
}

func kgoManyPartitions(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const n = 100
	if err := newTopic(ctx, e, a, "kgo-many", n); err != nil {
		return err
	}
	for p := range int32(n) {
		c.Produce(ctx, &kgo.Record{Topic: "kgo-many", Partition: p, Value: fmt.Append(nil, p)}, nil)
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	reader, _, err := client(ctx, e, kgo.ConsumeTopics("kgo-many"))
	if err != nil {
		return err
	}
	seen := make(map[int32]bool)
	for len(seen) < n {
		f := reader.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return fmt.Errorf("after %d partitions: %w", len(seen), err)
		}
		for _, r := range f.Records() {
			seen[r.Partition] = true
		}
	}
	_, err = a.DeleteTopic(ctx, "kgo-many")
	return err
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
