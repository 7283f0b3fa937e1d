package log

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
)

func findRequest(kind int8, id string) *kmsg.FindCoordinatorRequest {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, id, []string{id}
	return req
}

// coordinated is the broker that a broker says coordinates an id, in the oldest and the
// newest version; all must agree.
func (l *lab) coordinatorOf(kind int8, id string) int32 {
	l.t.Helper()
	found := int32(-1)
	for _, n := range l.brokers {
		if n.machine == nil {
			continue
		}
		c := l.client(n)
		old := ask[*kmsg.FindCoordinatorResponse](c, findRequest(kind, id), 1)
		found = old.NodeID
		x := ask[*kmsg.FindCoordinatorResponse](c, findRequest(kind, id), 6).Coordinators[0]
		if x.NodeID != found || x.ErrorCode != old.ErrorCode || x.Host != old.Host || x.Port != old.Port {
			l.t.Fatalf("%s says of %s: %+v, and %+v", n.name, id, old, x)
		}
		c.hangUp()
	}
	return found
}

// The internal topics are made when somebody looks for a coordinator, with Kafka's settings;
// then the leader of the partition of the id is it, whoever is asked, and another one after it.
func TestFindCoordinator(t *testing.T) {
	l := newAdministered(t, 3, nil)
	c := l.client(l.brokers[2])
	for version := range int16(7) {
		a := ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofGroup, "g"), version)
		if version >= 4 {
			a.ErrorCode, a.NodeID = a.Coordinators[0].ErrorCode, a.Coordinators[0].NodeID
		}
		if version == 0 && (a.ErrorCode != wire.CoordinatorNotAvailable || a.NodeID != -1) {
			t.Errorf("before there is a topic: %+v", a)
		}
	}
	ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofTransaction, "t"), 1)
	l.advance(time.Second)
	for kind, topic := range []string{coordinator.Offsets, coordinator.Transactions} {
		for _, id := range []string{"", "g", "another", "\u00e9"} {
			info := l.broker(1).Image().Partition(topic, coordinator.PartitionFor(id, 5))
			if found := l.coordinatorOf(int8(kind), id); found != info.Leader {
				t.Errorf("%d coordinates %q, and %d leads its partition", found, id, info.Leader)
			}
		}
	}
	if a := ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofShares, "s"), 6).Coordinators[0]; a.ErrorCode != wire.InvalidRequest {
		t.Errorf("of a share group: %+v", a)
	}
	topics := l.broker(1).Image().Topics
	if got := topics[coordinator.Offsets].Configs; got["cleanup.policy"] != "compact" || got["segment.bytes"] != "104857600" {
		t.Errorf("%s has %v", coordinator.Offsets, got)
	}
	if got := topics[coordinator.Transactions].Configs; got["min.insync.replicas"] != "2" || got["unclean.leader.election.enable"] != "false" {
		t.Errorf("%s has %v", coordinator.Transactions, got)
	}
	before := l.coordinatorOf(ofGroup, "g")
	l.crash(l.brokers[before-1])
	l.advance(20 * time.Second)
	if after := l.coordinatorOf(ofGroup, "g"); after == before || after < 0 {
		t.Errorf("%d coordinates after %d has crashed", after, before)
	}
}

// Internal topics are said to be internal; nobody but Kafka's own tools may write to them, and
// nobody deletes their records. They may be deleted, as in Kafka.
func TestInternalTopics(t *testing.T) {
	l := newAdministered(t, 1, nil)
	c := l.client(l.brokers[0])
	ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofGroup, "g"), 1)
	l.create("orders", nil, 1)
	for _, topic := range ask[*kmsg.MetadataResponse](c, kmsg.NewPtrMetadataRequest(), 9).Topics {
		if topic.IsInternal != (*topic.Topic == coordinator.Offsets) {
			t.Errorf("%s is internal: %t", *topic.Topic, topic.IsInternal)
		}
	}
	b := wire.NewBuilder(-1, -1, -1)
	b.Append(1, []byte("k"), []byte("v"), nil)
	req := produceRequest(coordinator.Offsets, -1, time.Second, b.Bytes().Contiguous())
	if code := ask[*kmsg.ProduceResponse](c, req, 9).Topics[0].Partitions[0].ErrorCode; code != wire.InvalidTopicException {
		t.Errorf("a record of a client: %s", wire.ErrorName(code))
	}
	c.format = kmsg.NewRequestFormatter(kmsg.FormatterClientID(adminClient))
	if code := ask[*kmsg.ProduceResponse](c, req, 9).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Errorf("a record of a tool: %s", wire.ErrorName(code))
	}
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic, topic.Partitions = coordinator.Offsets, append(topic.Partitions, p)
	del := kmsg.NewPtrDeleteRecordsRequest()
	del.Topics = append(del.Topics, topic)
	if code := ask[*kmsg.DeleteRecordsResponse](c, del, 2).Topics[0].Partitions[0].ErrorCode; code != wire.InvalidTopicException {
		t.Errorf("records are deleted: %s", wire.ErrorName(code))
	}
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.TimeoutMillis, gone.TopicNames = 1000, []string{coordinator.Offsets}
	if code := ask[*kmsg.DeleteTopicsResponse](c, gone, 1).Topics[0].ErrorCode; code != 0 {
		t.Errorf("the topic is deleted: %s", wire.ErrorName(code))
	}
}

// An operator is told once that there are fewer brokers than the topic of coordinators is to
// have replicas, and clients that there is no coordinator yet.
func TestTooFewBrokersForCoordinators(t *testing.T) {
	l := newAdministered(t, 1, func(b *config.Broker) { b.OffsetsTopicReplicationFactor = 3 })
	c := l.client(l.brokers[0])
	for range 3 {
		if a := ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofGroup, "g"), 1); a.ErrorCode != wire.CoordinatorNotAvailable {
			t.Errorf("%s", wire.ErrorName(a.ErrorCode))
		}
		l.advance(time.Second)
	}
	want := []string{"__consumer_offsets cannot be created: INVALID_REPLICATION_FACTOR: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered."}
	if found := l.broker(1).Found(); !slices.Equal(found, want) {
		t.Errorf("an operator is told %q", found)
	}
}
