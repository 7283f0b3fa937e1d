package log

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
)

// isInternal reports whether a topic is one of those in which coordinators keep what they
// know: only they append to it, and operators by a client whose id says so.
func isInternal(topic string) bool {
	return topic == coordinator.Offsets || topic == coordinator.Transactions || topic == coordinator.ShareState
}

// adminClient is the client id of Kafka's own tools (AdminUtils.ADMIN_CLIENT_ID), who may
// produce to internal topics.
const adminClient = "__admin_client"

// creatable is what a topic that is created because somebody has asked about it is to be
// (AutoTopicCreationManager.creatableTopic).
func (b *Broker) creatable(topic string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	s := &b.cfg.Settings
	if !b.cfg.Coordinators {
		return t
	}
	switch topic {
	case coordinator.Offsets:
		t.NumPartitions, t.ReplicationFactor = s.OffsetsTopicNumPartitions, s.OffsetsTopicReplicationFactor
		t.Configs = topicConfigs("cleanup.policy", "compact", "compression.type", "producer",
			"segment.bytes", strconv.FormatInt(s.OffsetsTopicSegmentBytes, 10))
	case coordinator.Transactions:
		t.NumPartitions, t.ReplicationFactor = s.TransactionLogNumPartitions, s.TransactionLogReplicationFactor
		t.Configs = topicConfigs("cleanup.policy", "compact", "compression.type", "uncompressed",
			"min.insync.replicas", strconv.Itoa(int(s.TransactionLogMinISR)),
			"segment.bytes", strconv.FormatInt(s.TransactionLogSegmentBytes, 10), "unclean.leader.election.enable", "false")
	case coordinator.ShareState: // an update builds on those before it: it is cut off, not compacted
		t.NumPartitions, t.ReplicationFactor = s.ShareStateTopicNumPartitions, s.ShareStateTopicReplicationFactor
		t.Configs = topicConfigs("cleanup.policy", "delete", "compression.type", "producer",
			"min.insync.replicas", strconv.Itoa(int(s.ShareStateTopicMinISR)), "retention.ms", "-1",
			"segment.bytes", strconv.FormatInt(s.ShareStateTopicSegmentBytes, 10))
	}
	return t
}

// topicConfigs are settings and their values, in turn.
func topicConfigs(pairs ...string) (list []kmsg.CreateTopicsRequestTopicConfig) {
	for i := 0; i < len(pairs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = pairs[i], &pairs[i+1]
		list = append(list, c)
	}
	return list
}

// notCreated tells an operator once why there are no coordinators: a topic of theirs cannot be
// created, mostly because it is to have more replicas than there are brokers.
func (b *Broker) notCreated(resp *kmsg.CreateTopicsResponse) {
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if !isInternal(t.Topic) || t.ErrorCode == 0 || t.ErrorCode == wire.TopicAlreadyExists {
			continue
		}
		why := ""
		if t.ErrorMessage != nil {
			why = *t.ErrorMessage
		}
		if err := fmt.Errorf("%s cannot be created: %s: %s", t.Topic, wire.ErrorName(t.ErrorCode), why); !slices.Contains(b.found, err.Error()) {
			b.note(err)
		}
	}
}
