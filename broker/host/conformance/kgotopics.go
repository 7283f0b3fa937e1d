package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

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
