package config

import (
	"math"
	"strings"
	"time"
)

// Broker is what a broker or controller is configured with. Each field names
// its Kafka property; the ones in ms are durations here.
type Broker struct {
	BrokerSessionTimeout    time.Duration // broker.session.timeout.ms
	BrokerHeartbeatInterval time.Duration // broker.heartbeat.interval.ms

	ReplicaLagTimeMax                      time.Duration // replica.lag.time.max.ms
	ReplicaFetchWaitMax                    time.Duration // replica.fetch.wait.max.ms
	ReplicaFetchBackoff                    time.Duration // replica.fetch.backoff.ms
	ReplicaSocketTimeout                   time.Duration // replica.socket.timeout.ms
	ReplicaHighWatermarkCheckpointInterval time.Duration // replica.high.watermark.checkpoint.interval.ms
	ReplicaFetchMaxBytes                   int32         // replica.fetch.max.bytes
	ReplicaFetchResponseMaxBytes           int32         // replica.fetch.response.max.bytes
	ReplicaFetchMinBytes                   int32         // replica.fetch.min.bytes
	NumReplicaFetchers                     int32         // num.replica.fetchers, of each leader

	FetchMaxBytes int32 // fetch.max.bytes
	// MaxIncrementalFetchSessionCacheSlots is max.incremental.fetch.session.cache.slots.
	MaxIncrementalFetchSessionCacheSlots int32
	SocketRequestMaxBytes                int32 // socket.request.max.bytes
	MessageMaxBytes                      int32 // message.max.bytes

	SASLEnabledMechanisms    string // sasl.enabled.mechanisms: with commas; GSSAPI is not served
	SASLServerMaxReceiveSize int32  // sasl.server.max.receive.size: of a frame before the client is known
	// AuthorizerClassName is authorizer.class.name: StandardAuthorizer's, or empty for none.
	AuthorizerClassName       string
	SuperUsers                string // super.users: with semicolons
	AllowEveryoneIfNoACLFound bool   // allow.everyone.if.no.acl.found

	ConnectionsMaxReauth time.Duration // connections.max.reauth.ms; 0: an authentication is good for ever

	MinInsyncReplicas        int32 // min.insync.replicas
	DefaultReplicationFactor int16 // default.replication.factor
	NumPartitions            int32 // num.partitions
	UncleanLeaderElection    bool  // unclean.leader.election.enable
	AutoCreateTopics         bool  // auto.create.topics.enable

	ControlledShutdown           bool          // controlled.shutdown.enable
	AutoLeaderRebalance          bool          // auto.leader.rebalance.enable
	LeaderImbalanceCheckInterval time.Duration // leader.imbalance.check.interval.seconds

	UncleanLeaderElectionInterval time.Duration // unclean.leader.election.interval.ms

	// LogFlushIntervalMessages is log.flush.interval.messages: 1 means that
	// the log is synced before a produce request is answered.
	LogFlushIntervalMessages int64
	LogFlushIntervalMillis   int64 // log.flush.interval.ms; or Unset: as the scheduler's

	LogFlushSchedulerMillis               int64         // log.flush.scheduler.interval.ms
	LogFlushOffsetCheckpointInterval      time.Duration // log.flush.offset.checkpoint.interval.ms
	LogFlushStartOffsetCheckpointInterval time.Duration // log.flush.start.offset.checkpoint.interval.ms

	LogRetentionCheckInterval time.Duration // log.retention.check.interval.ms
	LogRetentionHours         int64         // log.retention.hours; -1: for ever
	LogRetentionMinutes       int64         // log.retention.minutes, above hours; or Unset
	LogRetentionMillis        int64         // log.retention.ms, above both; or Unset
	LogRetentionBytes         int64         // log.retention.bytes; -1: without a limit
	LogRollHours              int64         // log.roll.hours
	LogRollMillis             int64         // log.roll.ms, above hours; or Unset
	LogRollJitterHours        int64         // log.roll.jitter.hours
	LogRollJitterMillis       int64         // log.roll.jitter.ms, above hours; or Unset
	LogSegmentBytes           int64         // log.segment.bytes
	LogSegmentDeleteDelay     int64         // log.segment.delete.delay.ms
	LogIndexIntervalBytes     int64         // log.index.interval.bytes
	LogIndexSizeMaxBytes      int64         // log.index.size.max.bytes

	LogCleanupPolicy              Policy        // log.cleanup.policy
	LogCleanerEnable              bool          // log.cleaner.enable
	LogCleanerBackoff             time.Duration // log.cleaner.backoff.ms
	LogCleanerDedupeBufferSize    int64         // log.cleaner.dedupe.buffer.size, in bytes
	LogCleanerIOBufferLoadFactor  int64         // log.cleaner.io.buffer.load.factor, in millionths
	LogCleanerIOBufferSize        int64         // log.cleaner.io.buffer.size, in bytes
	LogCleanerIOMaxBytesPerSecond int64         // log.cleaner.io.max.bytes.per.second
	LogCleanerMinCleanableRatio   int64         // log.cleaner.min.cleanable.ratio, in millionths
	LogCleanerDeleteRetention     int64         // log.cleaner.delete.retention.ms
	LogCleanerMinCompactionLag    int64         // log.cleaner.min.compaction.lag.ms
	LogCleanerMaxCompactionLag    int64         // log.cleaner.max.compaction.lag.ms

	LogMessageTimestampType      string // log.message.timestamp.type
	LogMessageTimestampBeforeMax int64  // log.message.timestamp.before.max.ms
	LogMessageTimestampAfterMax  int64  // log.message.timestamp.after.max.ms

	ControllerQuorumRequestTimeout time.Duration // controller.quorum.request.timeout.ms
	ControllerQuorumFetchTimeout   time.Duration // controller.quorum.fetch.timeout.ms

	ControllerQuorumElectionTimeout    time.Duration // controller.quorum.election.timeout.ms
	ControllerQuorumElectionBackoffMax time.Duration // controller.quorum.election.backoff.max.ms
	ControllerQuorumRetryBackoff       time.Duration // controller.quorum.retry.backoff.ms

	// MetadataLogMaxRecordBytesBetweenSnapshots is
	// metadata.log.max.record.bytes.between.snapshots: how much is appended to the
	// metadata log before a controller makes a snapshot and lets the beginning go.
	MetadataLogMaxRecordBytesBetweenSnapshots int64

	ProducerIDExpiration              time.Duration // producer.id.expiration.ms
	ProducerIDExpirationCheckInterval time.Duration // producer.id.expiration.check.interval.ms

	TransactionMaxTimeout            time.Duration // transaction.max.timeout.ms
	TransactionalIDExpiration        time.Duration // transactional.id.expiration.ms
	TransactionAbortTimedOutInterval time.Duration // transaction.abort.timed.out.transaction.cleanup.interval.ms
	TransactionRemoveExpiredInterval time.Duration // transaction.remove.expired.transaction.cleanup.interval.ms
	AddPartitionsRetryBackoff        time.Duration // add.partitions.to.txn.retry.backoff.ms
	AddPartitionsRetryBackoffMax     time.Duration // add.partitions.to.txn.retry.backoff.max.ms
	TransactionPartitionVerification bool          // transaction.partition.verification.enable (KIP-890)
	TransactionLogNumPartitions      int32         // transaction.state.log.num.partitions
	TransactionLogReplicationFactor  int16         // transaction.state.log.replication.factor
	TransactionLogMinISR             int32         // transaction.state.log.min.isr
	TransactionLogSegmentBytes       int64         // transaction.state.log.segment.bytes
	TransactionLogLoadBufferSize     int64         // transaction.state.log.load.buffer.size, in bytes

	OffsetsTopicNumPartitions     int32         // offsets.topic.num.partitions
	OffsetsTopicReplicationFactor int16         // offsets.topic.replication.factor
	OffsetsTopicSegmentBytes      int64         // offsets.topic.segment.bytes
	OffsetsTopicCompressionCodec  int8          // offsets.topic.compression.codec
	OffsetsLoadBufferSize         int64         // offsets.load.buffer.size, in bytes
	OffsetsCommitTimeout          time.Duration // offsets.commit.timeout.ms
	OffsetsRetention              time.Duration // offsets.retention.minutes
	OffsetsRetentionCheckInterval time.Duration // offsets.retention.check.interval.ms
	OffsetMetadataMaxBytes        int32         // offset.metadata.max.bytes

	GroupInitialRebalanceDelay time.Duration // group.initial.rebalance.delay.ms
	GroupMinSessionTimeout     time.Duration // group.min.session.timeout.ms
	GroupMaxSessionTimeout     time.Duration // group.max.session.timeout.ms
	GroupMaxSize               int32         // group.max.size

	GroupConsumerProtocol          bool          // group.coordinator.rebalance.protocols has consumer (KIP-848)
	GroupConsumerSessionTimeout    time.Duration // group.consumer.session.timeout.ms
	GroupConsumerHeartbeatInterval time.Duration // group.consumer.heartbeat.interval.ms
	GroupConsumerMaxSize           int32         // group.consumer.max.size
	GroupConsumerAssignors         string        // group.consumer.assignors: uniform, range; the first is the default
	GroupConsumerMigrationPolicy   string        // group.consumer.migration.policy, in lower case

	GroupShareSessionTimeout       time.Duration // group.share.session.timeout.ms (KIP-932)
	GroupShareMinSessionTimeout    time.Duration // group.share.min.session.timeout.ms
	GroupShareMaxSessionTimeout    time.Duration // group.share.max.session.timeout.ms
	GroupShareHeartbeatInterval    time.Duration // group.share.heartbeat.interval.ms
	GroupShareMinHeartbeatInterval time.Duration // group.share.min.heartbeat.interval.ms
	GroupShareMaxHeartbeatInterval time.Duration // group.share.max.heartbeat.interval.ms
	GroupShareMaxSize              int32         // group.share.max.size
	GroupShareMaxSessions          int32         // group.share.max.share.sessions
	GroupShareDeliveryCountLimit   int16         // group.share.delivery.count.limit
	GroupShareMaxRecordLocks       int32         // group.share.partition.max.record.locks
	GroupShareRecordLock           time.Duration // group.share.record.lock.duration.ms
	GroupShareMinRecordLock        time.Duration // group.share.min.record.lock.duration.ms
	GroupShareMaxRecordLock        time.Duration // group.share.max.record.lock.duration.ms

	ShareStateTopicNumPartitions     int32         // share.coordinator.state.topic.num.partitions
	ShareStateTopicReplicationFactor int16         // share.coordinator.state.topic.replication.factor
	ShareStateTopicMinISR            int16         // share.coordinator.state.topic.min.isr
	ShareStateTopicSegmentBytes      int64         // share.coordinator.state.topic.segment.bytes
	ShareStateTopicPruneInterval     time.Duration // share.coordinator.state.topic.prune.interval.ms
	ShareStateLoadBufferSize         int64         // share.coordinator.load.buffer.size, in bytes
	ShareStateWriteTimeout           time.Duration // share.coordinator.write.timeout.ms
	ShareUpdatesPerSnapshot          int32         // share.coordinator.snapshot.update.records.per.snapshot
	ShareColdSnapshotInterval        time.Duration // share.coordinator.cold.partition.snapshot.interval.ms
}

// Unset is a number that Kafka has no default for, and nobody has set.
const Unset int64 = math.MinInt64

// Topic is the configuration of one topic.
type Topic struct {
	MinInsyncReplicas     int32 // min.insync.replicas
	MaxMessageBytes       int32 // max.message.bytes
	UncleanLeaderElection bool  // unclean.leader.election.enable
	FlushMessages         int64 // flush.messages
	FlushMillis           int64 // flush.ms
	RetentionMillis       int64 // retention.ms; -1: for ever
	RetentionBytes        int64 // retention.bytes; -1: without a limit
	SegmentMillis         int64 // segment.ms
	SegmentJitterMillis   int64 // segment.jitter.ms
	SegmentBytes          int64 // segment.bytes
	SegmentIndexBytes     int64 // segment.index.bytes
	IndexIntervalBytes    int64 // index.interval.bytes
	FileDeleteDelayMillis int64 // file.delete.delay.ms

	CleanupPolicy            Policy // cleanup.policy
	MinCleanableDirtyRatio   int64  // min.cleanable.dirty.ratio, in millionths
	DeleteRetentionMillis    int64  // delete.retention.ms, of tombstones
	MinCompactionLagMillis   int64  // min.compaction.lag.ms
	MaxCompactionLagMillis   int64  // max.compaction.lag.ms
	LogAppendTime            bool   // message.timestamp.type
	TimestampBeforeMaxMillis int64  // message.timestamp.before.max.ms
	TimestampAfterMaxMillis  int64  // message.timestamp.after.max.ms
}

// Policy is what becomes of the old part of a log: cleanup.policy. It may be both, or
// neither.
type Policy struct{ Compact, Delete bool }

// Producer is the configuration of a producing client.
type Producer struct {
	Acks              int16         // acks: -1 is all
	BatchSize         int32         // batch.size
	Linger            time.Duration // linger.ms
	BufferMemory      int64         // buffer.memory
	EnableIdempotence bool          // enable.idempotence
	MaxInFlight       int32         // max.in.flight.requests.per.connection
	Retries           int32         // retries
	RequestTimeout    time.Duration // request.timeout.ms
	DeliveryTimeout   time.Duration // delivery.timeout.ms
	RetryBackoff      time.Duration // retry.backoff.ms
	RetryBackoffMax   time.Duration // retry.backoff.max.ms
	MetadataMaxAge    time.Duration // metadata.max.age.ms
	MaxRequestSize    int32         // max.request.size

	ConnectionSetupTimeout    time.Duration // socket.connection.setup.timeout.ms
	ConnectionSetupTimeoutMax time.Duration // socket.connection.setup.timeout.max.ms
	ReconnectBackoff          time.Duration // reconnect.backoff.ms
	ReconnectBackoffMax       time.Duration // reconnect.backoff.max.ms

	ClientID              string // client.id
	PartitionerIgnoreKeys bool   // partitioner.ignore.keys
	PartitionerClass      string // partitioner.class: empty or one of the Partitioner constants

	MaxBlock time.Duration // max.block.ms

	TransactionalID    string        // transactional.id; empty: no transactions
	TransactionTimeout time.Duration // transaction.timeout.ms
}

// The classes that partitioner.class may name; none is Kafka's built-in logic
// (KIP-794). Kafka 4.0 has removed the last two (KIP-480).
const (
	PartitionerRoundRobin    = "org.apache.kafka.clients.producer.RoundRobinPartitioner"
	PartitionerUniformSticky = "org.apache.kafka.clients.producer.UniformStickyPartitioner"
	PartitionerSticky        = "org.apache.kafka.clients.producer.internals.DefaultPartitioner"
)

// Consumer is the configuration of a consuming client.
type Consumer struct {
	AutoOffsetReset        string        // auto.offset.reset
	FetchMinBytes          int32         // fetch.min.bytes
	FetchMaxWait           time.Duration // fetch.max.wait.ms
	FetchMaxBytes          int32         // fetch.max.bytes
	MaxPartitionFetchBytes int32         // max.partition.fetch.bytes
	MaxPollRecords         int32         // max.poll.records
	RequestTimeout         time.Duration // request.timeout.ms
	RetryBackoff           time.Duration // retry.backoff.ms
	RetryBackoffMax        time.Duration // retry.backoff.max.ms
	MetadataMaxAge         time.Duration // metadata.max.age.ms

	ConnectionSetupTimeout    time.Duration // socket.connection.setup.timeout.ms
	ConnectionSetupTimeoutMax time.Duration // socket.connection.setup.timeout.max.ms
	ReconnectBackoff          time.Duration // reconnect.backoff.ms
	ReconnectBackoffMax       time.Duration // reconnect.backoff.max.ms

	IsolationLevel string // isolation.level: read_uncommitted or read_committed
	CheckCRCs      bool   // check.crcs
	ClientID       string // client.id

	DefaultAPITimeout time.Duration // default.api.timeout.ms

	// GroupID is group.id: empty is no member of any group, and then none of the following
	// matters.
	GroupID             string
	GroupInstanceID     string        // group.instance.id, of a static member (KIP-345); or empty
	GroupProtocol       string        // group.protocol: classic or consumer (KIP-848), in lower case
	GroupRemoteAssignor string        // group.remote.assignor, of the consumer protocol; empty: the broker's first
	SessionTimeout      time.Duration // session.timeout.ms
	HeartbeatInterval   time.Duration // heartbeat.interval.ms
	MaxPollInterval     time.Duration // max.poll.interval.ms
	// PartitionAssignmentStrategy is partition.assignment.strategy: classes of the Assignor
	// constants with commas between them, the preferred first.
	PartitionAssignmentStrategy string
	EnableAutoCommit            bool          // enable.auto.commit
	AutoCommitInterval          time.Duration // auto.commit.interval.ms
}

// The classes that partition.assignment.strategy may name.
const (
	AssignorRange             = "org.apache.kafka.clients.consumer.RangeAssignor"
	AssignorRoundRobin        = "org.apache.kafka.clients.consumer.RoundRobinAssignor"
	AssignorSticky            = "org.apache.kafka.clients.consumer.StickyAssignor"
	AssignorCooperativeSticky = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
)

// Assignors are the classes of partition.assignment.strategy, in their order.
func (c *Consumer) Assignors() []string {
	list := items(c.PartitionAssignmentStrategy)
	for i := range list {
		list[i] = strings.TrimPrefix(list[i], "class ") // as Kafka prints its own default
	}
	return list
}
