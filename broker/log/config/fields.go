package config

import (
	"math"
	"slices"
	"strings"
)

// field ties a name to the field of a T that obeys it. What is in one of these
// lists is modelled, and nothing else is.
type field[T any] struct {
	name  string
	set   func(*T, value)
	least int64    // where Kafka has no bound
	words []string // of a class, or a list of them: those that are modelled
}

// build makes a T of the values that of answers with, Kafka's defaults where it
// has none.
func build[T any](s Scope, fields []field[T], of func(*Name) (value, bool)) T {
	var t T
	for i := range fields {
		n := known.byName[s][fields[i].name]
		v, ok := of(n)
		if !ok {
			v = n.preset()
		}
		fields[i].set(&t, v)
	}
	return t
}

func unset(*Name) (value, bool) { return value{}, false }

// DefaultBroker is what Kafka has when nothing is configured.
func DefaultBroker() Broker { return build(BrokerScope, brokerFields, unset) }

// DefaultTopic is what Kafka has when nothing is configured.
func DefaultTopic() Topic { return build(TopicScope, topicFields, unset) }

// DefaultProducer is what Kafka has when nothing is configured.
func DefaultProducer() Producer { return build(ProducerScope, producerFields, unset) }

// DefaultConsumer is what Kafka has when nothing is configured.
func DefaultConsumer() Consumer { return build(ConsumerScope, consumerFields, unset) }

// int32 bounds a number to what an int32 holds.
func (v value) int32() int32 { return int32(min(max(v.n, math.MinInt32), math.MaxInt32)) }

// int16 bounds a number to what an int16 holds.
func (v value) int16() int16 { return int16(min(max(v.n, math.MinInt16), math.MaxInt16)) }

var brokerFields = []field[Broker]{
	{name: "broker.session.timeout.ms", set: func(b *Broker, v value) { b.BrokerSessionTimeout = v.ms() }, least: 1},
	{name: "broker.heartbeat.interval.ms", set: func(b *Broker, v value) { b.BrokerHeartbeatInterval = v.ms() }, least: 1},
	{name: "replica.lag.time.max.ms", set: func(b *Broker, v value) { b.ReplicaLagTimeMax = v.ms() }, least: 1},
	{name: "replica.fetch.wait.max.ms", set: func(b *Broker, v value) { b.ReplicaFetchWaitMax = v.ms() }},
	{name: "replica.fetch.backoff.ms", set: func(b *Broker, v value) { b.ReplicaFetchBackoff = v.ms() }},
	{name: "replica.socket.timeout.ms", set: func(b *Broker, v value) { b.ReplicaSocketTimeout = v.ms() }, least: 1},
	{name: "replica.high.watermark.checkpoint.interval.ms", set: func(b *Broker, v value) { b.ReplicaHighWatermarkCheckpointInterval = v.ms() }, least: 1},
	{name: "replica.fetch.max.bytes", set: func(b *Broker, v value) { b.ReplicaFetchMaxBytes = v.int32() }},
	{name: "replica.fetch.response.max.bytes", set: func(b *Broker, v value) { b.ReplicaFetchResponseMaxBytes = v.int32() }},
	{name: "replica.fetch.min.bytes", set: func(b *Broker, v value) { b.ReplicaFetchMinBytes = v.int32() }},
	{name: "num.replica.fetchers", set: func(b *Broker, v value) { b.NumReplicaFetchers = v.int32() }, least: 1},
	{name: "fetch.max.bytes", set: func(b *Broker, v value) { b.FetchMaxBytes = v.int32() }},
	{name: "max.incremental.fetch.session.cache.slots", set: func(b *Broker, v value) { b.MaxIncrementalFetchSessionCacheSlots = v.int32() }},
	{name: "socket.request.max.bytes", set: func(b *Broker, v value) { b.SocketRequestMaxBytes = v.int32() }},
	{name: "sasl.enabled.mechanisms", set: func(b *Broker, v value) { b.SASLEnabledMechanisms = v.text },
		words: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"}},
	{name: "authorizer.class.name", set: func(b *Broker, v value) { b.AuthorizerClassName = v.text }},
	{name: "super.users", set: func(b *Broker, v value) { b.SuperUsers = v.text }},
	{name: "allow.everyone.if.no.acl.found", set: func(b *Broker, v value) { b.AllowEveryoneIfNoACLFound = v.on }},
	{name: "sasl.server.max.receive.size", set: func(b *Broker, v value) { b.SASLServerMaxReceiveSize = v.int32() }, least: 1},
	{name: "connections.max.reauth.ms", set: func(b *Broker, v value) { b.ConnectionsMaxReauth = v.ms() }},
	{name: "message.max.bytes", set: func(b *Broker, v value) { b.MessageMaxBytes = v.int32() }},
	{name: "min.insync.replicas", set: func(b *Broker, v value) { b.MinInsyncReplicas = v.int32() }},
	{name: "default.replication.factor", set: func(b *Broker, v value) { b.DefaultReplicationFactor = v.int16() }, least: 1},
	{name: "num.partitions", set: func(b *Broker, v value) { b.NumPartitions = v.int32() }},
	{name: "unclean.leader.election.enable", set: func(b *Broker, v value) { b.UncleanLeaderElection = v.on }},
	{name: "unclean.leader.election.interval.ms", set: func(b *Broker, v value) { b.UncleanLeaderElectionInterval = v.ms() }},
	{name: "auto.create.topics.enable", set: func(b *Broker, v value) { b.AutoCreateTopics = v.on }},
	{name: "controlled.shutdown.enable", set: func(b *Broker, v value) { b.ControlledShutdown = v.on }},
	{name: "auto.leader.rebalance.enable", set: func(b *Broker, v value) { b.AutoLeaderRebalance = v.on }},
	{name: "leader.imbalance.check.interval.seconds", set: func(b *Broker, v value) { b.LeaderImbalanceCheckInterval = v.seconds() }},
	{name: "log.flush.interval.messages", set: func(b *Broker, v value) { b.LogFlushIntervalMessages = v.n }},
	{name: "log.flush.interval.ms", set: func(b *Broker, v value) { b.LogFlushIntervalMillis = v.orUnset() }, least: 0},
	{name: "log.flush.scheduler.interval.ms", set: func(b *Broker, v value) { b.LogFlushSchedulerMillis = v.n }, least: 1},
	{name: "log.flush.offset.checkpoint.interval.ms", set: func(b *Broker, v value) { b.LogFlushOffsetCheckpointInterval = v.ms() }, least: 1},
	{name: "log.flush.start.offset.checkpoint.interval.ms", set: func(b *Broker, v value) { b.LogFlushStartOffsetCheckpointInterval = v.ms() }, least: 1},
	{name: "log.retention.check.interval.ms", set: func(b *Broker, v value) { b.LogRetentionCheckInterval = v.ms() }, least: 1},
	{name: "log.retention.hours", set: func(b *Broker, v value) { b.LogRetentionHours = v.n }, least: -1},
	{name: "log.retention.minutes", set: func(b *Broker, v value) { b.LogRetentionMinutes = v.orUnset() }, least: -1},
	{name: "log.retention.ms", set: func(b *Broker, v value) { b.LogRetentionMillis = v.orUnset() }, least: -1},
	{name: "log.retention.bytes", set: func(b *Broker, v value) { b.LogRetentionBytes = v.n }, least: -1},
	{name: "log.roll.hours", set: func(b *Broker, v value) { b.LogRollHours = v.n }},
	{name: "log.roll.ms", set: func(b *Broker, v value) { b.LogRollMillis = v.orUnset() }, least: 1},
	{name: "log.roll.jitter.hours", set: func(b *Broker, v value) { b.LogRollJitterHours = v.n }},
	{name: "log.roll.jitter.ms", set: func(b *Broker, v value) { b.LogRollJitterMillis = v.orUnset() }},
	{name: "log.segment.delete.delay.ms", set: func(b *Broker, v value) { b.LogSegmentDeleteDelay = v.n }},
	{name: "log.index.interval.bytes", set: func(b *Broker, v value) { b.LogIndexIntervalBytes = v.n }},
	{name: "log.index.size.max.bytes", set: func(b *Broker, v value) { b.LogIndexSizeMaxBytes = v.n }},
	{name: "log.cleanup.policy", set: func(b *Broker, v value) { b.LogCleanupPolicy = policy(v.text) }},
	{name: "log.cleaner.enable", set: func(b *Broker, v value) { b.LogCleanerEnable = v.on }},
	{name: "log.cleaner.backoff.ms", set: func(b *Broker, v value) { b.LogCleanerBackoff = v.ms() }},
	{name: "log.cleaner.dedupe.buffer.size", set: func(b *Broker, v value) { b.LogCleanerDedupeBufferSize = v.n }, least: 1},
	{name: "log.cleaner.io.buffer.load.factor", set: func(b *Broker, v value) { b.LogCleanerIOBufferLoadFactor = v.times(million) }},
	{name: "log.cleaner.io.buffer.size", set: func(b *Broker, v value) { b.LogCleanerIOBufferSize = v.n }},
	{name: "log.cleaner.io.max.bytes.per.second", set: func(b *Broker, v value) { b.LogCleanerIOMaxBytesPerSecond = v.times(1) }},
	{name: "log.cleaner.min.cleanable.ratio", set: func(b *Broker, v value) { b.LogCleanerMinCleanableRatio = v.times(million) }},
	{name: "log.cleaner.delete.retention.ms", set: func(b *Broker, v value) { b.LogCleanerDeleteRetention = v.n }},
	{name: "log.cleaner.min.compaction.lag.ms", set: func(b *Broker, v value) { b.LogCleanerMinCompactionLag = v.n }},
	{name: "log.cleaner.max.compaction.lag.ms", set: func(b *Broker, v value) { b.LogCleanerMaxCompactionLag = v.n }},
	{name: "log.message.timestamp.type", set: func(b *Broker, v value) { b.LogMessageTimestampType = v.text }},
	{name: "log.message.timestamp.before.max.ms", set: func(b *Broker, v value) { b.LogMessageTimestampBeforeMax = v.n }},
	{name: "log.message.timestamp.after.max.ms", set: func(b *Broker, v value) { b.LogMessageTimestampAfterMax = v.n }},
	{name: "log.segment.bytes", set: func(b *Broker, v value) { b.LogSegmentBytes = v.n }},
	{name: "controller.quorum.request.timeout.ms", set: func(b *Broker, v value) { b.ControllerQuorumRequestTimeout = v.ms() }},
	{name: "controller.quorum.fetch.timeout.ms", set: func(b *Broker, v value) { b.ControllerQuorumFetchTimeout = v.ms() }},
	{name: "controller.quorum.election.timeout.ms", set: func(b *Broker, v value) { b.ControllerQuorumElectionTimeout = v.ms() }, least: 1},
	{name: "controller.quorum.election.backoff.max.ms", set: func(b *Broker, v value) { b.ControllerQuorumElectionBackoffMax = v.ms() }},
	{name: "controller.quorum.retry.backoff.ms", set: func(b *Broker, v value) { b.ControllerQuorumRetryBackoff = v.ms() }, least: 1},
	{name: "metadata.log.max.record.bytes.between.snapshots", set: func(b *Broker, v value) { b.MetadataLogMaxRecordBytesBetweenSnapshots = v.n }},
	{name: "producer.id.expiration.ms", set: func(b *Broker, v value) { b.ProducerIDExpiration = v.ms() }},
	{name: "producer.id.expiration.check.interval.ms", set: func(b *Broker, v value) { b.ProducerIDExpirationCheckInterval = v.ms() }},
	{name: "transaction.max.timeout.ms", set: func(b *Broker, v value) { b.TransactionMaxTimeout = v.ms() }},
	{name: "transactional.id.expiration.ms", set: func(b *Broker, v value) { b.TransactionalIDExpiration = v.ms() }},
	{name: "transaction.abort.timed.out.transaction.cleanup.interval.ms", set: func(b *Broker, v value) { b.TransactionAbortTimedOutInterval = v.ms() }},
	{name: "transaction.remove.expired.transaction.cleanup.interval.ms", set: func(b *Broker, v value) { b.TransactionRemoveExpiredInterval = v.ms() }},
	{name: "add.partitions.to.txn.retry.backoff.ms", set: func(b *Broker, v value) { b.AddPartitionsRetryBackoff = v.ms() }},
	{name: "add.partitions.to.txn.retry.backoff.max.ms", set: func(b *Broker, v value) { b.AddPartitionsRetryBackoffMax = v.ms() }},
	{name: "transaction.partition.verification.enable", set: func(b *Broker, v value) { b.TransactionPartitionVerification = v.on }},
	{name: "transaction.state.log.num.partitions", set: func(b *Broker, v value) { b.TransactionLogNumPartitions = v.int32() }},
	{name: "transaction.state.log.replication.factor", set: func(b *Broker, v value) { b.TransactionLogReplicationFactor = v.int16() }},
	{name: "transaction.state.log.min.isr", set: func(b *Broker, v value) { b.TransactionLogMinISR = v.int32() }},
	{name: "transaction.state.log.segment.bytes", set: func(b *Broker, v value) { b.TransactionLogSegmentBytes = v.n }},
	{name: "offsets.topic.num.partitions", set: func(b *Broker, v value) { b.OffsetsTopicNumPartitions = v.int32() }},
	{name: "offsets.topic.replication.factor", set: func(b *Broker, v value) { b.OffsetsTopicReplicationFactor = v.int16() }},
	{name: "offsets.topic.segment.bytes", set: func(b *Broker, v value) { b.OffsetsTopicSegmentBytes = v.n }},
	{name: "offsets.retention.minutes", set: func(b *Broker, v value) { b.OffsetsRetention = v.minutes() }},
	{name: "offsets.retention.check.interval.ms", set: func(b *Broker, v value) { b.OffsetsRetentionCheckInterval = v.ms() }},
	{name: "offset.metadata.max.bytes", set: func(b *Broker, v value) { b.OffsetMetadataMaxBytes = v.int32() }, least: 0},
	{name: "group.initial.rebalance.delay.ms", set: func(b *Broker, v value) { b.GroupInitialRebalanceDelay = v.ms() }, least: 0},
	{name: "group.min.session.timeout.ms", set: func(b *Broker, v value) { b.GroupMinSessionTimeout = v.ms() }, least: 0},
	{name: "group.max.session.timeout.ms", set: func(b *Broker, v value) { b.GroupMaxSessionTimeout = v.ms() }, least: 0},
	{name: "group.max.size", set: func(b *Broker, v value) { b.GroupMaxSize = v.int32() }},
	{name: "group.coordinator.rebalance.protocols", set: func(b *Broker, v value) { b.GroupConsumerProtocol = slices.Contains(items(v.text), "consumer") },
		words: []string{"classic", "consumer", "streams", "share"}},
	{name: "group.consumer.session.timeout.ms", set: func(b *Broker, v value) { b.GroupConsumerSessionTimeout = v.ms() }},
	{name: "group.consumer.heartbeat.interval.ms", set: func(b *Broker, v value) { b.GroupConsumerHeartbeatInterval = v.ms() }},
	{name: "group.consumer.max.size", set: func(b *Broker, v value) { b.GroupConsumerMaxSize = v.int32() }},
	{name: "group.consumer.assignors", set: func(b *Broker, v value) { b.GroupConsumerAssignors = v.text },
		words: []string{"uniform", "range"}},
	{name: "group.consumer.migration.policy", set: func(b *Broker, v value) { b.GroupConsumerMigrationPolicy = strings.ToLower(v.text) }},
	{name: "group.share.session.timeout.ms", set: func(b *Broker, v value) { b.GroupShareSessionTimeout = v.ms() }},
	{name: "group.share.min.session.timeout.ms", set: func(b *Broker, v value) { b.GroupShareMinSessionTimeout = v.ms() }},
	{name: "group.share.max.session.timeout.ms", set: func(b *Broker, v value) { b.GroupShareMaxSessionTimeout = v.ms() }},
	{name: "group.share.heartbeat.interval.ms", set: func(b *Broker, v value) { b.GroupShareHeartbeatInterval = v.ms() }},
	{name: "group.share.min.heartbeat.interval.ms", set: func(b *Broker, v value) { b.GroupShareMinHeartbeatInterval = v.ms() }},
	{name: "group.share.max.heartbeat.interval.ms", set: func(b *Broker, v value) { b.GroupShareMaxHeartbeatInterval = v.ms() }},
	{name: "group.share.max.size", set: func(b *Broker, v value) { b.GroupShareMaxSize = v.int32() }},
	{name: "group.share.max.share.sessions", set: func(b *Broker, v value) { b.GroupShareMaxSessions = v.int32() }},
	{name: "group.share.delivery.count.limit", set: func(b *Broker, v value) { b.GroupShareDeliveryCountLimit = v.int16() }},
	{name: "group.share.partition.max.record.locks", set: func(b *Broker, v value) { b.GroupShareMaxRecordLocks = v.int32() }},
	{name: "group.share.record.lock.duration.ms", set: func(b *Broker, v value) { b.GroupShareRecordLock = v.ms() }},
	{name: "group.share.min.record.lock.duration.ms", set: func(b *Broker, v value) { b.GroupShareMinRecordLock = v.ms() }},
	{name: "group.share.max.record.lock.duration.ms", set: func(b *Broker, v value) { b.GroupShareMaxRecordLock = v.ms() }},
	{name: "share.coordinator.state.topic.num.partitions", set: func(b *Broker, v value) { b.ShareStateTopicNumPartitions = v.int32() }},
	{name: "share.coordinator.state.topic.replication.factor", set: func(b *Broker, v value) { b.ShareStateTopicReplicationFactor = v.int16() }},
	{name: "share.coordinator.state.topic.min.isr", set: func(b *Broker, v value) { b.ShareStateTopicMinISR = v.int16() }},
	{name: "share.coordinator.state.topic.segment.bytes", set: func(b *Broker, v value) { b.ShareStateTopicSegmentBytes = v.n }},
	{name: "share.coordinator.state.topic.prune.interval.ms", set: func(b *Broker, v value) { b.ShareStateTopicPruneInterval = v.ms() }},
	{name: "share.coordinator.load.buffer.size", set: func(b *Broker, v value) { b.ShareStateLoadBufferSize = v.n }},
	{name: "share.coordinator.write.timeout.ms", set: func(b *Broker, v value) { b.ShareStateWriteTimeout = v.ms() }},
	{name: "share.coordinator.snapshot.update.records.per.snapshot", set: func(b *Broker, v value) { b.ShareUpdatesPerSnapshot = v.int32() }},
	{name: "share.coordinator.cold.partition.snapshot.interval.ms", set: func(b *Broker, v value) { b.ShareColdSnapshotInterval = v.ms() }},
	{name: "offsets.topic.compression.codec", set: func(b *Broker, v value) { b.OffsetsTopicCompressionCodec = int8(min(max(v.n, 0), 4)) }},
	{name: "offsets.load.buffer.size", set: func(b *Broker, v value) { b.OffsetsLoadBufferSize = v.n }},
	{name: "offsets.commit.timeout.ms", set: func(b *Broker, v value) { b.OffsetsCommitTimeout = v.ms() }},
	{name: "transaction.state.log.load.buffer.size", set: func(b *Broker, v value) { b.TransactionLogLoadBufferSize = v.n }},
}

var topicFields = []field[Topic]{
	{name: "min.insync.replicas", set: func(t *Topic, v value) { t.MinInsyncReplicas = v.int32() }},
	{name: "max.message.bytes", set: func(t *Topic, v value) { t.MaxMessageBytes = v.int32() }},
	{name: "unclean.leader.election.enable", set: func(t *Topic, v value) { t.UncleanLeaderElection = v.on }},
	{name: "flush.messages", set: func(t *Topic, v value) { t.FlushMessages = v.n }},
	{name: "flush.ms", set: func(t *Topic, v value) { t.FlushMillis = v.n }},
	{name: "retention.ms", set: func(t *Topic, v value) { t.RetentionMillis = v.n }},
	{name: "retention.bytes", set: func(t *Topic, v value) { t.RetentionBytes = v.n }, least: -1},
	{name: "segment.ms", set: func(t *Topic, v value) { t.SegmentMillis = v.n }},
	{name: "segment.jitter.ms", set: func(t *Topic, v value) { t.SegmentJitterMillis = v.n }},
	{name: "segment.bytes", set: func(t *Topic, v value) { t.SegmentBytes = v.n }},
	{name: "segment.index.bytes", set: func(t *Topic, v value) { t.SegmentIndexBytes = v.n }},
	{name: "index.interval.bytes", set: func(t *Topic, v value) { t.IndexIntervalBytes = v.n }},
	{name: "file.delete.delay.ms", set: func(t *Topic, v value) { t.FileDeleteDelayMillis = v.n }},
	{name: "cleanup.policy", set: func(t *Topic, v value) { t.CleanupPolicy = policy(v.text) }},
	{name: "min.cleanable.dirty.ratio", set: func(t *Topic, v value) { t.MinCleanableDirtyRatio = v.times(million) }},
	{name: "delete.retention.ms", set: func(t *Topic, v value) { t.DeleteRetentionMillis = v.n }},
	{name: "min.compaction.lag.ms", set: func(t *Topic, v value) { t.MinCompactionLagMillis = v.n }},
	{name: "max.compaction.lag.ms", set: func(t *Topic, v value) { t.MaxCompactionLagMillis = v.n }},
	{name: "message.timestamp.type", set: func(t *Topic, v value) { t.LogAppendTime = v.text == logAppendTime }},
	{name: "message.timestamp.before.max.ms", set: func(t *Topic, v value) { t.TimestampBeforeMaxMillis = v.n }},
	{name: "message.timestamp.after.max.ms", set: func(t *Topic, v value) { t.TimestampAfterMaxMillis = v.n }},
}

const logAppendTime = "LogAppendTime"

// policy is what a cleanup.policy asks for.
func policy(text string) Policy {
	list := items(text)
	return Policy{Compact: slices.Contains(list, "compact"), Delete: slices.Contains(list, "delete")}
}

// orUnset is a number, or Unset if Kafka has no default and nobody has set one.
func (v value) orUnset() int64 {
	if v.text == "" {
		return Unset
	}
	return v.n
}

var producerFields = []field[Producer]{
	{name: "acks", set: func(p *Producer, v value) { p.Acks = acks(v) }},
	{name: "batch.size", set: func(p *Producer, v value) { p.BatchSize = v.int32() }},
	{name: "linger.ms", set: func(p *Producer, v value) { p.Linger = v.ms() }},
	{name: "buffer.memory", set: func(p *Producer, v value) { p.BufferMemory = v.n }},
	{name: "enable.idempotence", set: func(p *Producer, v value) { p.EnableIdempotence = v.on }},
	{name: "max.in.flight.requests.per.connection", set: func(p *Producer, v value) { p.MaxInFlight = v.int32() }},
	{name: "retries", set: func(p *Producer, v value) { p.Retries = v.int32() }},
	{name: "request.timeout.ms", set: func(p *Producer, v value) { p.RequestTimeout = v.ms() }},
	{name: "delivery.timeout.ms", set: func(p *Producer, v value) { p.DeliveryTimeout = v.ms() }},
	{name: "retry.backoff.ms", set: func(p *Producer, v value) { p.RetryBackoff = v.ms() }},
	{name: "retry.backoff.max.ms", set: func(p *Producer, v value) { p.RetryBackoffMax = v.ms() }},
	{name: "metadata.max.age.ms", set: func(p *Producer, v value) { p.MetadataMaxAge = v.ms() }},
	{name: "max.request.size", set: func(p *Producer, v value) { p.MaxRequestSize = v.int32() }},
	{name: "socket.connection.setup.timeout.ms", set: func(p *Producer, v value) { p.ConnectionSetupTimeout = v.ms() }},
	{name: "socket.connection.setup.timeout.max.ms", set: func(p *Producer, v value) { p.ConnectionSetupTimeoutMax = v.ms() }},
	{name: "reconnect.backoff.ms", set: func(p *Producer, v value) { p.ReconnectBackoff = v.ms() }},
	{name: "reconnect.backoff.max.ms", set: func(p *Producer, v value) { p.ReconnectBackoffMax = v.ms() }},
	{name: "client.id", set: func(p *Producer, v value) { p.ClientID = v.text }},
	{name: "partitioner.ignore.keys", set: func(p *Producer, v value) { p.PartitionerIgnoreKeys = v.on }},
	{name: "partitioner.class", set: func(p *Producer, v value) { p.PartitionerClass = v.text },
		words: []string{PartitionerRoundRobin, PartitionerUniformSticky, PartitionerSticky}},
	{name: "max.block.ms", set: func(p *Producer, v value) { p.MaxBlock = v.ms() }},
	{name: "transactional.id", set: func(p *Producer, v value) { p.TransactionalID = v.text }},
	{name: "transaction.timeout.ms", set: func(p *Producer, v value) { p.TransactionTimeout = v.ms() }, least: 1},
}

// acks is -1 for all.
func acks(v value) int16 {
	switch v.text {
	case "0":
		return 0
	case "1":
		return 1
	}
	return -1
}

var consumerFields = []field[Consumer]{
	{name: "auto.offset.reset", set: func(c *Consumer, v value) { c.AutoOffsetReset = v.text }},
	{name: "fetch.min.bytes", set: func(c *Consumer, v value) { c.FetchMinBytes = v.int32() }},
	{name: "fetch.max.wait.ms", set: func(c *Consumer, v value) { c.FetchMaxWait = v.ms() }},
	{name: "fetch.max.bytes", set: func(c *Consumer, v value) { c.FetchMaxBytes = v.int32() }},
	{name: "max.partition.fetch.bytes", set: func(c *Consumer, v value) { c.MaxPartitionFetchBytes = v.int32() }},
	{name: "max.poll.records", set: func(c *Consumer, v value) { c.MaxPollRecords = v.int32() }},
	{name: "request.timeout.ms", set: func(c *Consumer, v value) { c.RequestTimeout = v.ms() }},
	{name: "retry.backoff.ms", set: func(c *Consumer, v value) { c.RetryBackoff = v.ms() }},
	{name: "retry.backoff.max.ms", set: func(c *Consumer, v value) { c.RetryBackoffMax = v.ms() }},
	{name: "metadata.max.age.ms", set: func(c *Consumer, v value) { c.MetadataMaxAge = v.ms() }},
	{name: "socket.connection.setup.timeout.ms", set: func(c *Consumer, v value) { c.ConnectionSetupTimeout = v.ms() }},
	{name: "socket.connection.setup.timeout.max.ms", set: func(c *Consumer, v value) { c.ConnectionSetupTimeoutMax = v.ms() }},
	{name: "reconnect.backoff.ms", set: func(c *Consumer, v value) { c.ReconnectBackoff = v.ms() }},
	{name: "reconnect.backoff.max.ms", set: func(c *Consumer, v value) { c.ReconnectBackoffMax = v.ms() }},
	{name: "isolation.level", set: func(c *Consumer, v value) { c.IsolationLevel = v.text }},
	{name: "check.crcs", set: func(c *Consumer, v value) { c.CheckCRCs = v.on }},
	{name: "client.id", set: func(c *Consumer, v value) { c.ClientID = v.text }},
	{name: "default.api.timeout.ms", set: func(c *Consumer, v value) { c.DefaultAPITimeout = v.ms() }},
	{name: "group.id", set: func(c *Consumer, v value) { c.GroupID = v.text }},
	{name: "group.instance.id", set: func(c *Consumer, v value) { c.GroupInstanceID = v.text }},
	{name: "group.protocol", set: func(c *Consumer, v value) { c.GroupProtocol = strings.ToLower(v.text) }},
	{name: "group.remote.assignor", set: func(c *Consumer, v value) { c.GroupRemoteAssignor = v.text }},
	{name: "session.timeout.ms", set: func(c *Consumer, v value) { c.SessionTimeout = v.ms() }, least: 1},
	{name: "heartbeat.interval.ms", set: func(c *Consumer, v value) { c.HeartbeatInterval = v.ms() }, least: 1},
	{name: "max.poll.interval.ms", set: func(c *Consumer, v value) { c.MaxPollInterval = v.ms() }},
	{name: "partition.assignment.strategy", set: func(c *Consumer, v value) { c.PartitionAssignmentStrategy = v.text },
		words: []string{AssignorRange, AssignorRoundRobin, AssignorSticky, AssignorCooperativeSticky}},
	{name: "enable.auto.commit", set: func(c *Consumer, v value) { c.EnableAutoCommit = v.on }},
	{name: "auto.commit.interval.ms", set: func(c *Consumer, v value) { c.AutoCommitInterval = v.ms() }},
}
