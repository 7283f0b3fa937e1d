package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

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
