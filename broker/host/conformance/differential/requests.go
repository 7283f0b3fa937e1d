package differential

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// part is one partition that is produced to, or read.
type part struct {
	topic string
	n     int32

	records []byte // Produce

	offset      int64 // Fetch
	leaderEpoch int32 // plus one: 0 is none
	lastEpoch   int32 // plus one
	maxBytes    int32 // 0 is 1 MiB
	logStart    int64

	time int64 // ListOffsets
}

// byTopic groups partitions that follow each other by topic.
func byTopic(parts []part, f func(topic string, parts []part)) {
	for len(parts) > 0 {
		n := 1
		for n < len(parts) && parts[n].topic == parts[0].topic {
			n++
		}
		f(parts[0].topic, parts[:n])
		parts = parts[n:]
	}
}

func produce(acks int16, parts ...part) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, 5000
	byTopic(parts, func(topic string, parts []part) {
		t := kmsg.NewProduceRequestTopic()
		t.Topic = topic
		for _, p := range parts {
			x := kmsg.NewProduceRequestTopicPartition()
			x.Partition, x.Records = p.n, p.records
			t.Partitions = append(t.Partitions, x)
		}
		req.Topics = append(req.Topics, t)
	})
	return req
}

func fetch(s *side, version int16, parts ...part) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID = version, -1
	req.SessionEpoch, req.MaxBytes, req.MinBytes, req.MaxWaitMillis = -1, 50<<20, 1, 50
	byTopic(parts, func(topic string, parts []part) {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = topic, s.id(topic)
		if version >= 13 && t.TopicID == ([16]byte{}) && topic != "" {
			t.TopicID = [16]byte{1, 2, 3}
		}
		for _, p := range parts {
			x := kmsg.NewFetchRequestTopicPartition()
			x.Partition, x.FetchOffset, x.CurrentLeaderEpoch, x.LastFetchedEpoch = p.n, p.offset, p.leaderEpoch-1, p.lastEpoch-1
			if x.PartitionMaxBytes = p.maxBytes; p.maxBytes == 0 {
				x.PartitionMaxBytes = 1 << 20
			}
			x.LogStartOffset = p.logStart - 1
			t.Partitions = append(t.Partitions, x)
		}
		req.Topics = append(req.Topics, t)
	})
	return req
}

func listOffsets(parts ...part) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	byTopic(parts, func(topic string, parts []part) {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, p := range parts {
			x := kmsg.NewListOffsetsRequestTopicPartition()
			x.Partition, x.CurrentLeaderEpoch, x.Timestamp = p.n, p.leaderEpoch-1, p.time
			t.Partitions = append(t.Partitions, x)
		}
		req.Topics = append(req.Topics, t)
	})
	return req
}

// newTopic is a topic to be created; configs are names and values in turn.
func newTopic(name string, partitions int32, factor int16, configs ...string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, factor
	for i := 0; i+1 < len(configs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		t.Configs = append(t.Configs, c)
	}
	return t
}

// assigned is a topic whose partitions have the replicas that are listed.
func assigned(name string, replicas ...[]int32) kmsg.CreateTopicsRequestTopic {
	t := newTopic(name, -1, -1)
	for i, list := range replicas {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), list
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	return t
}

func createTopics(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 5000, topics
	return req
}

// long is a name of n letters.
func long(n int) string { return strings.Repeat("x", n) }

// inOrder is a map in the order of its keys.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
