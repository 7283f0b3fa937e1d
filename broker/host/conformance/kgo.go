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
		test{"reassign", kgoReassign}, test{"alter-brokers", kgoAlterBrokers}, test{"auto-create", kgoAutoCreate}, test{"delete-under-way", kgoDeleteUnderWay},
		test{"many-partitions", kgoManyPartitions}, test{"log-append-time", kgoLogAppendTime},
		test{"group-resumes", kgoGroupResumes}, test{"group-rebalances", kgoGroupRebalances}, test{"group-admin", kgoGroupAdmin}), nil
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
