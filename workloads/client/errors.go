package client

import "brokersim/broker/log/wire"

// certainlyRefused reports whether a Produce error says that the batch was not
// appended by this attempt. Anything not listed may have been appended:
// NOT_LEADER_OR_FOLLOWER and UNKNOWN_TOPIC_OR_PARTITION too, since a leader that
// is deposed while acks=all waits answers so, and its followers may have the
// batch.
func certainlyRefused(code int16) bool {
	switch code {
	case wire.CorruptMessage, wire.MessageTooLarge, wire.InvalidTopicException, wire.RecordListTooLarge,
		wire.NotEnoughReplicas, wire.InvalidRequiredAcks, wire.TopicAuthorizationFailed, wire.InvalidTimestamp,
		wire.UnsupportedVersion, wire.UnsupportedForMessageFormat, wire.PolicyViolation,
		wire.OutOfOrderSequenceNumber, wire.InvalidProducerEpoch, wire.UnknownProducerID,
		wire.UnsupportedCompressionType, wire.InvalidRecord, wire.ProducerFenced,
		wire.InvalidTxnState, wire.TransactionAbortable, wire.ConcurrentTransactions, wire.InvalidProducerIDMapping:
		return true
	}
	return false
}

// retriableCode are the RetriableExceptions of Kafka that a client can meet.
func retriableCode(code int16) bool {
	switch code {
	case wire.CorruptMessage, wire.UnknownTopicOrPartition, wire.LeaderNotAvailable, wire.NotLeaderOrFollower,
		wire.RequestTimedOut, wire.NetworkException, wire.NotEnoughReplicas, wire.NotEnoughReplicasAfterAppend, wire.NotController,
		wire.KafkaStorageError, wire.FencedLeaderEpoch, wire.UnknownLeaderEpoch, wire.OffsetNotAvailable,
		wire.UnknownTopicID, wire.ReplicaNotAvailable,
		wire.CoordinatorLoadInProgress, wire.CoordinatorNotAvailable, wire.NotCoordinator, wire.ConcurrentTransactions, wire.UnstableOffsetCommit:
		return true
	}
	return false
}

// invalidMetadata are Kafka's InvalidMetadataExceptions: the client's idea of
// the cluster is out of date.
func invalidMetadata(code int16) bool {
	switch code {
	case wire.UnknownTopicOrPartition, wire.LeaderNotAvailable, wire.NotLeaderOrFollower, wire.ReplicaNotAvailable,
		wire.NetworkException, wire.KafkaStorageError, wire.FencedLeaderEpoch, wire.UnknownLeaderEpoch, wire.UnknownTopicID:
		return true
	}
	return false
}
