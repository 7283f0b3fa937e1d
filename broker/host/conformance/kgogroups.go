package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// inGroup is a member of a group that commits only when it is told to.
func inGroup(ctx context.Context, e *env, group, topic string, opts ...kgo.Opt) (*kgo.Client, error) {
	c, _, err := client(ctx, e, append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100 * time.Millisecond)}, opts...)...)
	return c, err
}

// take reads n records, or what comes until a context ends.
func take(ctx context.Context, c *kgo.Client, n int) (list []string, err error) {
	for len(list) < n {
		f := c.PollFetches(ctx)
		if ctx.Err() != nil {
			return list, nil
		}
		if err := f.Err(); err != nil {
			return list, err
		}
		f.EachRecord(func(r *kgo.Record) { list = append(list, string(r.Value)) })
	}
	return list, nil
}

// kgoGroupResumes: the next member of a group goes on where the last one has committed, with
// each of franz-go's protocols.
func kgoGroupResumes(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	for _, balancer := range []kgo.GroupBalancer{kgo.RangeBalancer(), kgo.CooperativeStickyBalancer(), kgo.StickyBalancer(), kgo.RoundRobinBalancer()} {
		topic := "resumes-" + balancer.ProtocolName()
		if err := newTopic(ctx, e, a, topic, 1); err != nil {
			return err
		}
		p, _, err := client(ctx, e)
		if err != nil {
			return err
		}
		for round := range 3 {
			value := fmt.Sprint(round)
			if err := send(ctx, p, topic, 0, value); err != nil {
				return err
			}
			c, err := inGroup(ctx, e, topic, topic, kgo.Balancers(balancer))
			if err != nil {
				return err
			}
			got, err := take(ctx, c, 1)
			if err := first(err, want("records", fmt.Sprint(got), fmt.Sprint([]string{value})), c.CommitUncommittedOffsets(ctx)); err != nil {
				return fmt.Errorf("%s, round %d: %w", balancer.ProtocolName(), round, err)
			}
			c.Close() // leaves
		}
	}
	return nil
}

// kgoGroupRebalances: two members share six partitions, and when one has left, the other has
// them all.
func kgoGroupRebalances(ctx context.Context, e *env) error {
	p, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic, partitions = "rebalances", 6
	if err := newTopic(ctx, e, a, topic, partitions); err != nil {
		return err
	}
	one, err := inGroup(ctx, e, topic, topic)
	if err != nil {
		return err
	}
	two, err := inGroup(ctx, e, topic, topic)
	if err != nil {
		return err
	}
	polls, stop := context.WithCancel(ctx)
	defer stop()
	for _, c := range []*kgo.Client{one, two} {
		go func() {
			for polls.Err() == nil {
				c.PollFetches(polls)
			}
		}()
	}
	shared := func(members int) error {
		for {
			g, err := a.DescribeGroups(ctx, topic)
			if err == nil && g[topic].State == "Stable" && len(g[topic].Members) == members {
				described := g[topic]
				all := described.AssignedPartitions()[topic]
				return want("assigned", len(all), partitions)
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%d members: the group is %+v: %w", members, g[topic], ctx.Err())
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	if err := shared(2); err != nil {
		return err
	}
	two.Close()
	if err := shared(1); err != nil {
		return err
	}
	stop()
	for i := range int32(partitions) {
		if err := send(ctx, p, topic, i, fmt.Sprint(i)); err != nil {
			return err
		}
	}
	got, err := take(ctx, one, partitions)
	return first(err, want("records", len(got), partitions))
}

// kgoGroupAdmin is what operators do with groups in which there is nobody.
func kgoGroupAdmin(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	const topic = "group-admin"
	if err := newTopic(ctx, e, a, topic, 2); err != nil {
		return err
	}
	var groups []string
	for i := range 8 { // several coordinators
		group := fmt.Sprint("admin-", i)
		groups = append(groups, group)
		offsets := make(kadm.Offsets)
		offsets.AddOffset(topic, 0, int64(i), -1)
		offsets.AddOffset(topic, 1, 100, -1)
		if err := a.CommitAllOffsets(ctx, group, offsets); err != nil {
			return err
		}
	}
	for i, group := range groups {
		o, err := a.FetchOffsets(ctx, group)
		if err != nil {
			return err
		}
		at, _ := o.Lookup(topic, 0)
		if err := first(o.Error(), want("offset of "+group, at.At, int64(i))); err != nil {
			return err
		}
	}
	list, err := a.ListGroups(ctx)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if list[group].State != "Empty" {
			return fmt.Errorf("%s is listed as %+v", group, list[group])
		}
	}
	described, err := a.DescribeGroups(ctx, groups...)
	if err := first(err, described.Error(), want("described", len(described), len(groups))); err != nil {
		return err
	}
	set := make(kadm.TopicsSet)
	set.Add(topic, 1)
	if gone, err := a.DeleteOffsets(ctx, groups[0], set); first(err, gone.Error()) != nil {
		return first(err, gone.Error())
	}
	o, err := a.FetchOffsets(ctx, groups[0])
	if _, still := o.Lookup(topic, 1); err != nil || still {
		return fmt.Errorf("an offset is still there: %w", orNone(err))
	}
	deleted, err := a.DeleteGroups(ctx, groups...)
	if err := first(err, deleted.Error()); err != nil {
		return err
	}
	again, err := a.DeleteGroups(ctx, groups[0])
	if err != nil {
		return err
	}
	return isError("a group that is no more", again[groups[0]].Err, kerr.GroupIDNotFound)
}
