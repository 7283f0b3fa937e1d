package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kgoReassign has a partition be moved while a producer goes on: what was acknowledged is there.
func kgoReassign(ctx context.Context, e *env) error {
	c, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "kgo-moved"
	if _, err := a.CreateTopic(ctx, 1, 2, nil, topic); err != nil {
		return err
	}
	t, err := awaitTopic(ctx, a, topic, 1)
	if err != nil {
		return err
	}
	sent := 0
	produce := func(n int) error {
		for range n {
			r := &kgo.Record{Topic: topic, Value: fmt.Append(nil, sent)}
			if err := c.ProduceSync(ctx, r).FirstErr(); err != nil {
				return err
			}
			sent++
		}
		return nil
	}
	if err := produce(20); err != nil {
		return err
	}
	here := t.Partitions[0].Replicas
	other := int32(6) - here[0] - here[1] // the third of 1, 2 and 3
	var move kadm.AlterPartitionAssignmentsReq
	move.Assign(topic, 0, []int32{other, here[1]})
	moved, err := a.AlterPartitionAssignments(ctx, move)
	if err := first(err, moved[topic][0].Err); err != nil {
		return err
	}
	for {
		if err := produce(5); err != nil {
			return err
		}
		t, err := awaitTopic(ctx, a, topic, 1)
		if err != nil {
			return err
		}
		if p := t.Partitions[0]; slices.Equal(p.Replicas, []int32{other, here[1]}) && len(p.ISR) == 2 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	var set kadm.TopicsSet
	set.Add(topic, 0)
	listed, err := a.ListPartitionReassignments(ctx, set)
	if err := first(err, want("reassignments under way", len(listed[topic]), 0)); err != nil {
		return err
	}
	elected, err := a.ElectLeaders(ctx, kadm.ElectPreferredReplica, set)
	if r := elected[topic][0].Err; err != nil || r != nil && !errors.Is(r, kerr.ElectionNotNeeded) {
		return fmt.Errorf("elect: %w, %w", orNone(err), orNone(r))
	}
	var cancel kadm.AlterPartitionAssignmentsReq
	cancel.CancelAssign(topic, 0)
	cancelled, err := a.AlterPartitionAssignments(ctx, cancel)
	if err := first(err, isError("calling off what is done", cancelled[topic][0].Err, kerr.NoReassignmentInProgress)); err != nil {
		return err
	}
	if err := produce(5); err != nil {
		return err
	}
	reader, _, err := client(ctx, e, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return err
	}
	for at := 0; at < sent; {
		f := reader.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return err
		}
		for _, r := range f.Records() {
			if err := want("record", string(r.Value), fmt.Sprint(at)); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// kgoAlterBrokers changes a setting of all brokers, and of one, while they run.
func kgoAlterBrokers(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const key = "log.retention.bytes"
	value := func(v string) *string { return &v }
	all, err := a.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Name: key, Value: value("1000000000")}})
	if err := first(err, all[0].Err); err != nil {
		return err
	}
	one, err := a.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Name: key, Value: value("2000000000")}}, 2)
	if err := first(err, one[0].Err); err != nil {
		return err
	}
	fixed, err := a.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Name: "broker.session.timeout.ms", Value: value("7")}}, 1)
	if err := first(err, isError("what cannot be changed", fixed[0].Err, kerr.InvalidRequest)); err != nil {
		return err
	}
	for {
		list, err := a.DescribeBrokerConfigs(ctx, 1, 2)
		if err != nil {
			return err
		}
		got := map[string]kmsg.ConfigSource{}
		for _, r := range list {
			for _, c := range r.Configs {
				if c.Key == key {
					got[r.Name+"="+c.MaybeValue()] = c.Source
				}
			}
		}
		if got["1=1000000000"] == kmsg.ConfigSourceDynamicDefaultBrokerConfig && got["2=2000000000"] == kmsg.ConfigSourceDynamicBrokerConfig {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %v", key, got)
		case <-time.After(20 * time.Millisecond):
		}
	}
	drop := []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: key}}
	_, err = a.AlterBrokerConfigs(ctx, drop)
	_, again := a.AlterBrokerConfigs(ctx, drop, 2)
	return first(err, again)
}
