package config

import (
	"math"
	"time"
)

// DefaultBroker is Kafka's.
func DefaultBroker() Broker {
	return Broker{
		BrokerSessionTimeout: 9 * time.Second, BrokerHeartbeatInterval: 2 * time.Second,
		ReplicaLagTimeMax: 30 * time.Second, ReplicaFetchWaitMax: 500 * time.Millisecond, ReplicaFetchBackoff: time.Second,
		ReplicaSocketTimeout: 30 * time.Second, ReplicaHighWatermarkCheckpointInterval: 5 * time.Second,
		ReplicaFetchMaxBytes: 1 << 20, ReplicaFetchResponseMaxBytes: 10 << 20, ReplicaFetchMinBytes: 1,
		FetchMaxBytes: 55 << 20, SocketRequestMaxBytes: 100 << 20, MessageMaxBytes: 1048588,
		MinInsyncReplicas: 1, DefaultReplicationFactor: 1, NumPartitions: 1, AutoCreateTopics: true,
		LogFlushIntervalMessages:       math.MaxInt64,
		ControllerQuorumRequestTimeout: 2 * time.Second, ControllerQuorumFetchTimeout: 2 * time.Second,
		ProducerIDExpiration: 24 * time.Hour,
	}
}

// DefaultTopic is Kafka's.
func DefaultTopic() Topic {
	return Topic{MinInsyncReplicas: 1, MaxMessageBytes: 1048588, FlushMessages: math.MaxInt64}
}

// DefaultProducer is Kafka's.
func DefaultProducer() Producer {
	return Producer{
		Acks: -1, BatchSize: 16384, Linger: 5 * time.Millisecond, BufferMemory: 32 << 20, EnableIdempotence: true,
		MaxInFlight: 5, Retries: math.MaxInt32, RequestTimeout: 30 * time.Second, DeliveryTimeout: 2 * time.Minute,
		RetryBackoff: 100 * time.Millisecond, RetryBackoffMax: time.Second, MetadataMaxAge: 5 * time.Minute, MaxRequestSize: 1 << 20,
		ConnectionSetupTimeout: 10 * time.Second, ConnectionSetupTimeoutMax: 30 * time.Second,
		ReconnectBackoff: 50 * time.Millisecond, ReconnectBackoffMax: time.Second,
	}
}

// DefaultConsumer is Kafka's.
func DefaultConsumer() Consumer {
	return Consumer{
		AutoOffsetReset: "latest", FetchMinBytes: 1, FetchMaxWait: 500 * time.Millisecond, FetchMaxBytes: 50 << 20,
		MaxPartitionFetchBytes: 1 << 20, MaxPollRecords: 500, RequestTimeout: 30 * time.Second,
		RetryBackoff: 100 * time.Millisecond, RetryBackoffMax: time.Second, MetadataMaxAge: 5 * time.Minute,
		ConnectionSetupTimeout: 10 * time.Second, ConnectionSetupTimeoutMax: 30 * time.Second,
		ReconnectBackoff: 50 * time.Millisecond, ReconnectBackoffMax: time.Second,
		IsolationLevel: "read_uncommitted", CheckCRCs: true,
	}
}
