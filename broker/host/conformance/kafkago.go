package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
)

func kafkaGoTests(*env) ([]test, error) {
	list := []test{{"dial", kafkaGoDial}}
	for i, codec := range codecs {
		list = append(list, test{"codec-" + codec, func(ctx context.Context, e *env) error {
			return kafkaGoCodec(ctx, e, codec, compress.Compression(i))
		}})
	}
	return append(list, test{"conn", kafkaGoConn}, test{"admin", kafkaGoAdmin}, test{"offsets", kafkaGoOffsets}, test{"configs", kafkaGoConfigs}), nil
}

func kafkaGoClient(e *env) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(e.servers...), Timeout: 10 * time.Second}
}

func kafkaGoDial(ctx context.Context, e *env) error {
	c, err := kafka.DialContext(ctx, "tcp", e.servers[0])
	if err != nil {
		return err
	}
	defer c.Close()
	brokers, err := c.Brokers()
	if err != nil {
		return err
	}
	controller, err := c.Controller()
	return first(err, want("brokers", len(brokers), 3), want("a controller", controller.Port > 0, true))
}

func kafkaGoCreate(ctx context.Context, e *env, topic string, partitions int) error {
	resp, err := kafkaGoClient(e).CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 3}}})
	if err != nil {
		return err
	}
	return first(resp.Errors[topic], heard(ctx, e, topic))
}

func kafkaGoCodec(ctx context.Context, e *env, codec string, c compress.Compression) error {
	topic := "kafka-go-" + codec
	if err := kafkaGoCreate(ctx, e, topic, 1); err != nil {
		return err
	}
	w := &kafka.Writer{Addr: kafka.TCP(e.servers...), Topic: topic, Compression: c, RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond}
	defer w.Close()
	const n = 500
	var list []kafka.Message
	for i := range n {
		list = append(list, kafka.Message{Key: fmt.Append(nil, i), Value: fmt.Appendf(nil, "value %d", i)})
	}
	if err := w.WriteMessages(ctx, list...); err != nil {
		return err
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: e.servers, Topic: topic, Partition: 0, MaxWait: 100 * time.Millisecond})
	defer r.Close()
	for i := range n {
		m, err := r.ReadMessage(ctx)
		if err := first(err, want("value", string(m.Value), fmt.Sprintf("value %d", i)), want("offset", m.Offset, int64(i))); err != nil {
			return err
		}
	}
	return nil
}

func kafkaGoConn(ctx context.Context, e *env) error {
	const topic = "kafka-go-conn"
	if err := kafkaGoCreate(ctx, e, topic, 1); err != nil {
		return err
	}
	c, err := kafka.DialLeader(ctx, "tcp", e.servers[0], topic, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.WriteMessages(kafka.Message{Value: []byte("a")}, kafka.Message{Value: []byte("b")}, kafka.Message{Value: []byte("c")}); err != nil {
		return err
	}
	lo, hi, err := c.ReadOffsets()
	if err := first(err, want("first", lo, 0), want("last", hi, 3)); err != nil {
		return err
	}
	if _, err := c.Seek(1, kafka.SeekAbsolute); err != nil {
		return err
	}
	m, err := c.ReadMessage(100)
	return first(err, want("at 1", string(m.Value), "b"))
}

func kafkaGoAdmin(ctx context.Context, e *env) error {
	const topic = "kafka-go-admin"
	k := kafkaGoClient(e)
	if err := kafkaGoCreate(ctx, e, topic, 2); err != nil {
		return err
	}
	more, err := k.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 4}}})
	if err := first(err, more.Errors[topic]); err != nil {
		return err
	}
	again, err := k.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 2, ReplicationFactor: 3}}})
	if err != nil {
		return err
	}
	if !errors.Is(again.Errors[topic], kafka.TopicAlreadyExists) {
		return fmt.Errorf("created again: %w", orNone(again.Errors[topic]))
	}
	gone, err := k.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	return first(err, gone.Errors[topic])
}

func kafkaGoOffsets(ctx context.Context, e *env) error {
	const topic = "kafka-go-offsets"
	if err := kafkaGoCreate(ctx, e, topic, 1); err != nil {
		return err
	}
	w := &kafka.Writer{Addr: kafka.TCP(e.servers...), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond}
	defer w.Close()
	if err := w.WriteMessages(ctx, kafka.Message{Value: []byte("x")}, kafka.Message{Value: []byte("y")}); err != nil {
		return err
	}
	resp, err := kafkaGoClient(e).ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})
	if err != nil {
		return err
	}
	p := resp.Topics[topic][0]
	return first(p.Error, want("first", p.FirstOffset, 0), want("last", p.LastOffset, 2))
}

func kafkaGoConfigs(ctx context.Context, e *env) error {
	const topic = "kafka-go-configs"
	k := kafkaGoClient(e)
	if err := kafkaGoCreate(ctx, e, topic, 1); err != nil {
		return err
	}
	altered, err := k.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: "7000", ConfigOperation: kafka.ConfigOperationSet}},
	}}})
	if err := first(err, altered.Resources[0].Error); err != nil {
		return err
	}
	for {
		d, err := k.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}}}})
		if err := first(err, d.Resources[0].Error, want("settings", len(d.Resources[0].ConfigEntries), 1)); err != nil {
			return err
		}
		if d.Resources[0].ConfigEntries[0].ConfigValue == "7000" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("retention.ms is %s", d.Resources[0].ConfigEntries[0].ConfigValue)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
