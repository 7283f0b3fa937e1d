package config

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What Kafka 4.1.1 has when nothing is configured, written out: the data file
// and the fields tied to it must come to this.
func TestDefaults(t *testing.T) {
	const ms, sec = time.Millisecond, time.Second
	for _, row := range []struct{ got, want any }{
		{DefaultBroker(), Broker{
			BrokerSessionTimeout: 9 * sec, BrokerHeartbeatInterval: 2 * sec,
			ReplicaLagTimeMax: 30 * sec, ReplicaFetchWaitMax: 500 * ms, ReplicaFetchBackoff: sec,
			ReplicaSocketTimeout: 30 * sec, ReplicaHighWatermarkCheckpointInterval: 5 * sec,
			ReplicaFetchMaxBytes: 1 << 20, ReplicaFetchResponseMaxBytes: 10 << 20, ReplicaFetchMinBytes: 1, NumReplicaFetchers: 1,
			FetchMaxBytes: 55 << 20, SocketRequestMaxBytes: 100 << 20, MessageMaxBytes: 1048588,
			SASLEnabledMechanisms: "GSSAPI", SASLServerMaxReceiveSize: 524288,
			MinInsyncReplicas: 1, DefaultReplicationFactor: 1, NumPartitions: 1, AutoCreateTopics: true,
			MaxIncrementalFetchSessionCacheSlots: 1000,
			ControlledShutdown:                   true, AutoLeaderRebalance: true, LeaderImbalanceCheckInterval: 300 * sec,
			UncleanLeaderElectionInterval: 5 * time.Minute,
			LogFlushIntervalMessages:      math.MaxInt64, LogFlushIntervalMillis: Unset, LogFlushSchedulerMillis: math.MaxInt64,
			LogFlushOffsetCheckpointInterval: time.Minute, LogFlushStartOffsetCheckpointInterval: time.Minute,
			LogRetentionCheckInterval: 5 * time.Minute, LogRetentionHours: 168, LogRetentionMinutes: Unset, LogRetentionMillis: Unset,
			LogRetentionBytes: -1, LogRollHours: 168, LogRollMillis: Unset, LogRollJitterMillis: Unset, LogSegmentBytes: 1 << 30,
			LogSegmentDeleteDelay: 60_000, LogIndexIntervalBytes: 4096, LogIndexSizeMaxBytes: 10 << 20,
			LogCleanupPolicy: Policy{Delete: true}, LogCleanerEnable: true, LogCleanerBackoff: 15 * sec, LogCleanerDedupeBufferSize: 128 << 20,
			LogCleanerIOBufferLoadFactor: 900_000, LogCleanerIOBufferSize: 512 << 10, LogCleanerIOMaxBytesPerSecond: math.MaxInt64,
			LogCleanerMinCleanableRatio: 500_000, LogCleanerDeleteRetention: 24 * 3_600_000, LogCleanerMaxCompactionLag: math.MaxInt64,
			LogMessageTimestampType: "CreateTime", LogMessageTimestampBeforeMax: math.MaxInt64, LogMessageTimestampAfterMax: 3_600_000,
			ControllerQuorumRequestTimeout: 2 * sec, ControllerQuorumFetchTimeout: 2 * sec,
			ControllerQuorumElectionTimeout: sec, ControllerQuorumElectionBackoffMax: sec, ControllerQuorumRetryBackoff: 20 * ms,
			MetadataLogMaxRecordBytesBetweenSnapshots: 20 << 20,
			ProducerIDExpiration:                      24 * time.Hour, ProducerIDExpirationCheckInterval: 10 * time.Minute,
			TransactionMaxTimeout: 15 * time.Minute, TransactionalIDExpiration: 7 * 24 * time.Hour,
			TransactionAbortTimedOutInterval: 10 * time.Second, TransactionRemoveExpiredInterval: time.Hour,
			AddPartitionsRetryBackoff: 20 * time.Millisecond, AddPartitionsRetryBackoffMax: 100 * time.Millisecond,
			TransactionPartitionVerification: true, TransactionLogNumPartitions: 50, TransactionLogReplicationFactor: 3,
			TransactionLogMinISR: 2, TransactionLogSegmentBytes: 100 << 20,
			OffsetsTopicNumPartitions: 50, OffsetsTopicReplicationFactor: 3, OffsetsTopicSegmentBytes: 100 << 20,
			OffsetsRetention: 7 * 24 * time.Hour, OffsetsRetentionCheckInterval: 10 * time.Minute, OffsetMetadataMaxBytes: 4096,
			GroupInitialRebalanceDelay: 3 * sec, GroupMinSessionTimeout: 6 * sec, GroupMaxSessionTimeout: 30 * time.Minute,
			GroupMaxSize: math.MaxInt32, GroupConsumerProtocol: true, GroupConsumerSessionTimeout: 45 * sec,
			GroupConsumerHeartbeatInterval: 5 * sec, GroupConsumerMaxSize: math.MaxInt32, GroupConsumerAssignors: "uniform,range",
			GroupConsumerMigrationPolicy: "bidirectional",
			OffsetsLoadBufferSize:        5 << 20, OffsetsCommitTimeout: 5 * sec, TransactionLogLoadBufferSize: 5 << 20,
			GroupShareSessionTimeout: 45 * sec, GroupShareMinSessionTimeout: 45 * sec, GroupShareMaxSessionTimeout: 60 * sec,
			GroupShareHeartbeatInterval: 5 * sec, GroupShareMinHeartbeatInterval: 5 * sec, GroupShareMaxHeartbeatInterval: 15 * sec,
			GroupShareMaxSize: 200, GroupShareMaxSessions: 2000, GroupShareDeliveryCountLimit: 5, GroupShareMaxRecordLocks: 2000,
			GroupShareRecordLock: 30 * sec, GroupShareMinRecordLock: 15 * sec, GroupShareMaxRecordLock: 60 * sec,
			ShareStateTopicNumPartitions: 50, ShareStateTopicReplicationFactor: 3, ShareStateTopicMinISR: 2, ShareStateTopicSegmentBytes: 100 << 20,
			ShareStateTopicPruneInterval: 5 * time.Minute, ShareStateLoadBufferSize: 5 << 20, ShareStateWriteTimeout: 5 * sec,
			ShareUpdatesPerSnapshot: 500, ShareColdSnapshotInterval: 5 * time.Minute,
		}},
		{DefaultTopic(), Topic{MinInsyncReplicas: 1, MaxMessageBytes: 1048588, FlushMessages: math.MaxInt64,
			FlushMillis: math.MaxInt64, RetentionMillis: 7 * 24 * 3_600_000, RetentionBytes: -1, SegmentMillis: 7 * 24 * 3_600_000, SegmentBytes: 1 << 30,
			SegmentIndexBytes: 10 << 20, IndexIntervalBytes: 4096, FileDeleteDelayMillis: 60_000,
			CleanupPolicy: Policy{Delete: true}, MinCleanableDirtyRatio: 500_000, DeleteRetentionMillis: 24 * 3_600_000, MaxCompactionLagMillis: math.MaxInt64,
			TimestampBeforeMaxMillis: math.MaxInt64, TimestampAfterMaxMillis: 3_600_000}},
		{DefaultProducer(), Producer{
			Acks: -1, BatchSize: 16384, Linger: 5 * ms, BufferMemory: 32 << 20, EnableIdempotence: true,
			MaxInFlight: 5, Retries: math.MaxInt32, RequestTimeout: 30 * sec, DeliveryTimeout: 2 * time.Minute,
			RetryBackoff: 100 * ms, RetryBackoffMax: sec, MetadataMaxAge: 5 * time.Minute, MaxRequestSize: 1 << 20,
			ConnectionSetupTimeout: 10 * sec, ConnectionSetupTimeoutMax: 30 * sec, ReconnectBackoff: 50 * ms, ReconnectBackoffMax: sec,
			MaxBlock: time.Minute, TransactionTimeout: time.Minute,
		}},
		{DefaultConsumer(), Consumer{
			AutoOffsetReset: "latest", FetchMinBytes: 1, FetchMaxWait: 500 * ms, FetchMaxBytes: 50 << 20,
			MaxPartitionFetchBytes: 1 << 20, MaxPollRecords: 500, RequestTimeout: 30 * sec,
			RetryBackoff: 100 * ms, RetryBackoffMax: sec, MetadataMaxAge: 5 * time.Minute,
			ConnectionSetupTimeout: 10 * sec, ConnectionSetupTimeoutMax: 30 * sec, ReconnectBackoff: 50 * ms, ReconnectBackoffMax: sec,
			IsolationLevel: "read_uncommitted", CheckCRCs: true, DefaultAPITimeout: time.Minute,
			GroupProtocol: "classic", SessionTimeout: 45 * sec, HeartbeatInterval: 3 * sec, MaxPollInterval: 5 * time.Minute,
			PartitionAssignmentStrategy: "class " + AssignorRange + ",class " + AssignorCooperativeSticky,
			EnableAutoCommit:            true, AutoCommitInterval: 5 * sec,
		}},
	} {
		if row.got != row.want {
			t.Errorf("\n got %+v\nwant %+v", row.got, row.want)
		}
	}
}

// Every field obeys exactly one name: setting the name to another value changes
// that field and no other.
func TestEveryFieldIsTied(t *testing.T) {
	check := func(scope Scope, base func(*Settings) any, names []string) {
		tied := map[int]string{}
		for _, name := range names {
			n := known.byName[scope][name]
			val := "7"
			switch {
			case n.Type == "boolean":
				val = map[string]string{"true": "false", "false": "true"}[n.Default]
			case n.Type == "class" || len(n.words) > 0:
				val = n.words[0]
			case name == "group.consumer.migration.policy":
				val = "upgrade"
			case name == "group.protocol":
				val = "consumer"
			case n.Type == "double":
				val = "0.25"
			case strings.HasSuffix(name, "cleanup.policy"):
				val = "compact"
			case strings.HasSuffix(name, "message.timestamp.type"):
				val = "LogAppendTime"
			case name == "acks":
				val = "0"
			case name == "auto.offset.reset":
				val = "none"
			case name == "isolation.level":
				val = "read_committed"
			case strings.Contains(n.Valid, "1048576"):
				val = "2000000"
			case name == "group.share.max.record.lock.duration.ms":
				val = "40000"
			case name == "group.share.partition.max.record.locks", strings.HasSuffix(name, "record.lock.duration.ms"):
				val = "2500"
			case strings.Contains(n.Valid, "1024"):
				val = "2000"
			}
			s := newSettings(Targets{})
			if err := s.add(&Layer{Entries: []Entry{{Key: scope.String() + "." + name, Value: val}}}); err != nil {
				t.Fatal(err)
			}
			was, is := reflect.ValueOf(base(newSettings(Targets{}))), reflect.ValueOf(base(s))
			var moved []int
			for i := range was.NumField() {
				if was.Field(i).Interface() != is.Field(i).Interface() {
					moved = append(moved, i)
				}
			}
			if len(moved) != 1 || tied[moved[0]] != "" {
				t.Errorf("%v.%s=%s moves fields %v (%v)", scope, name, val, moved, tied)
				continue
			}
			tied[moved[0]] = name
		}
		if typ := reflect.TypeOf(base(newSettings(Targets{}))); len(tied) != typ.NumField() {
			t.Errorf("%v: %d of %d fields obey a name: %v", typ, len(tied), typ.NumField(), tied)
		}
	}
	check(BrokerScope, func(s *Settings) any { return s.Broker() }, fieldNames(brokerFields))
	check(TopicScope, func(s *Settings) any { return s.Topic("") }, fieldNames(topicFields))
	check(ProducerScope, func(s *Settings) any { return build(ProducerScope, producerFields, s.source("")) }, fieldNames(producerFields))
	check(ConsumerScope, func(s *Settings) any { return s.Consumer("") }, fieldNames(consumerFields))
}

func fieldNames[T any](fields []field[T]) (list []string) {
	for _, f := range fields {
		list = append(list, f.name)
	}
	return list
}

// The data file is whole: Kafka's own defaults are valid for every name that it
// has, modelled or not.
func TestDataFile(t *testing.T) {
	counts := map[Scope]int{}
	for s := range known.list {
		for i, n := range known.list[s] {
			counts[Scope(s)]++
			if i > 0 && known.list[s][i-1].Name >= n.Name {
				t.Errorf("%v.%s is out of order", Scope(s), n.Name)
			}
			if n.Default == Null || n.Default == Required {
				continue
			}
			if _, err := n.parse(n.Default); err != nil {
				t.Errorf("%v: %v", Scope(s), err)
			}
		}
	}
	for s, least := range map[Scope]int{BrokerScope: 336, TopicScope: 34, ProducerScope: 112, ConsumerScope: 115} {
		if counts[s] < least {
			t.Errorf("%v has %d names, Kafka 4.1.1 has %d", s, counts[s], least)
		}
	}
	if !known.byName[BrokerScope]["zookeeper.connect"].Removed() || known.byName[BrokerScope]["log.dirs"].Removed() {
		t.Error("which names were removed is wrong")
	}
}

// A class that nobody models is refused, with the nearest that somebody does.
func TestUnknownClass(t *testing.T) {
	_, err := Resolve(Targets{}, Layer{Entries: []Entry{{Key: "producer.partitioner.class", Value: "org.apache.kafka.clients.producer.RoundRobinPartitoner"}}})
	if err == nil || !strings.Contains(err.Error(), `did you mean "`+PartitionerRoundRobin+`"?`) {
		t.Errorf("%v", err)
	}
}
