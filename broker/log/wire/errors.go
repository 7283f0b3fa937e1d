package wire

import "strconv"

// Kafka's error codes, as in the protocol guide.
const (
	UnknownServerError                 int16 = -1
	None                               int16 = 0
	OffsetOutOfRange                   int16 = 1
	CorruptMessage                     int16 = 2
	UnknownTopicOrPartition            int16 = 3
	InvalidFetchSize                   int16 = 4
	LeaderNotAvailable                 int16 = 5
	NotLeaderOrFollower                int16 = 6
	RequestTimedOut                    int16 = 7
	BrokerNotAvailable                 int16 = 8
	ReplicaNotAvailable                int16 = 9
	MessageTooLarge                    int16 = 10
	NetworkException                   int16 = 13
	CoordinatorLoadInProgress          int16 = 14
	CoordinatorNotAvailable            int16 = 15
	InvalidTopicException              int16 = 17
	RecordListTooLarge                 int16 = 18
	NotEnoughReplicas                  int16 = 19
	NotEnoughReplicasAfterAppend       int16 = 20
	InvalidRequiredAcks                int16 = 21
	InvalidTimestamp                   int16 = 32
	UnsupportedVersion                 int16 = 35
	TopicAlreadyExists                 int16 = 36
	InvalidPartitions                  int16 = 37
	InvalidReplicationFactor           int16 = 38
	InvalidReplicaAssignment           int16 = 39
	InvalidConfig                      int16 = 40
	NotController                      int16 = 41
	InvalidRequest                     int16 = 42
	UnsupportedForMessageFormat        int16 = 43
	PolicyViolation                    int16 = 44
	TopicAuthorizationFailed           int16 = 29
	OutOfOrderSequenceNumber           int16 = 45
	DuplicateSequenceNumber            int16 = 46
	InvalidProducerEpoch               int16 = 47
	KafkaStorageError                  int16 = 56
	UnknownProducerID                  int16 = 59
	FetchSessionIDNotFound             int16 = 70
	InvalidFetchSessionEpoch           int16 = 71
	FencedLeaderEpoch                  int16 = 74
	PreferredLeaderNotAvailable        int16 = 80
	EligibleLeadersNotAvailable        int16 = 83
	ElectionNotNeeded                  int16 = 84
	NoReassignmentInProgress           int16 = 85
	UnknownLeaderEpoch                 int16 = 75
	UnsupportedCompressionType         int16 = 76
	StaleBrokerEpoch                   int16 = 77
	OffsetNotAvailable                 int16 = 78
	InvalidRecord                      int16 = 87
	ProducerFenced                     int16 = 90
	InvalidUpdateVersion               int16 = 95
	UnknownTopicID                     int16 = 100
	DuplicateBrokerRegistration        int16 = 101
	BrokerIDNotRegistered              int16 = 102
	InconsistentTopicID                int16 = 103
	InconsistentClusterID              int16 = 104
	InconsistentVoterSet               int16 = 94
	FetchSessionTopicIDError           int16 = 106
	SnapshotNotFound                   int16 = 98
	PositionOutOfRange                 int16 = 99
	IneligibleReplica                  int16 = 107
	InvalidRegistration                int16 = 119
	MismatchedEndpointType             int16 = 114
	NewLeaderElected                   int16 = 108
	UnsupportedEndpointType            int16 = 115
	TransactionalIDAuthorizationFailed int16 = 53

	// Those of groups and transactions.
	OffsetMetadataTooLarge       int16 = 12
	NotCoordinator               int16 = 16
	IllegalGeneration            int16 = 22
	InconsistentGroupProtocol    int16 = 23
	InvalidGroupID               int16 = 24
	UnknownMemberID              int16 = 25
	InvalidSessionTimeout        int16 = 26
	RebalanceInProgress          int16 = 27
	InvalidCommitOffsetSize      int16 = 28
	GroupAuthorizationFailed     int16 = 30
	ClusterAuthorizationFailed   int16 = 31
	InvalidTxnState              int16 = 48
	InvalidProducerIDMapping     int16 = 49
	InvalidTransactionTimeout    int16 = 50
	ConcurrentTransactions       int16 = 51
	TransactionCoordinatorFenced int16 = 52
	OperationNotAttempted        int16 = 55
	NonEmptyGroup                int16 = 68
	GroupIDNotFound              int16 = 69
	MemberIDRequired             int16 = 79
	GroupMaxSizeReached          int16 = 81
	FencedInstanceID             int16 = 82
	GroupSubscribedToTopic       int16 = 86
	UnstableOffsetCommit         int16 = 88
	TransactionalIDNotFound      int16 = 105
	FencedMemberEpoch            int16 = 110
	UnreleasedInstanceID         int16 = 111
	UnsupportedAssignor          int16 = 112
	StaleMemberEpoch             int16 = 113
	TransactionAbortable         int16 = 120
	InvalidRegularExpression     int16 = 128
	InvalidRecordState           int16 = 121
	ShareSessionNotFound         int16 = 122
	InvalidShareSessionEpoch     int16 = 123
	FencedStateEpoch             int16 = 124
	ShareSessionLimitReached     int16 = 133

	// Those of who somebody is, and what he may.
	UnsupportedSASLMechanism int16 = 33
	IllegalSASLState         int16 = 34
	SecurityDisabled         int16 = 54
	SASLAuthenticationFailed int16 = 58
	ListenerNotFound         int16 = 72
	ResourceNotFound         int16 = 91
	DuplicateResource        int16 = 92
	UnacceptableCredential   int16 = 93
)

// CoordinatorError is what clients of coordinators of groups and of share partitions are told of the
// reason why records could not be appended (Kafka's CoordinatorOperationExceptionHelper).
func CoordinatorError(code int16) int16 {
	switch code {
	case UnknownTopicOrPartition, NotEnoughReplicas, NotEnoughReplicasAfterAppend, RequestTimedOut:
		return CoordinatorNotAvailable
	case NotLeaderOrFollower, KafkaStorageError:
		return NotCoordinator
	case MessageTooLarge, RecordListTooLarge, InvalidFetchSize:
		return UnknownServerError
	}
	return code
}

// ErrorName returns a code's name as Kafka writes it.
func ErrorName(code int16) string {
	switch code {
	case UnknownServerError:
		return "UNKNOWN_SERVER_ERROR"
	case None:
		return "NONE"
	case OffsetOutOfRange:
		return "OFFSET_OUT_OF_RANGE"
	case CorruptMessage:
		return "CORRUPT_MESSAGE"
	case UnknownTopicOrPartition:
		return "UNKNOWN_TOPIC_OR_PARTITION"
	case InvalidFetchSize:
		return "INVALID_FETCH_SIZE"
	case LeaderNotAvailable:
		return "LEADER_NOT_AVAILABLE"
	case NotLeaderOrFollower:
		return "NOT_LEADER_OR_FOLLOWER"
	case RequestTimedOut:
		return "REQUEST_TIMED_OUT"
	case BrokerNotAvailable:
		return "BROKER_NOT_AVAILABLE"
	case ReplicaNotAvailable:
		return "REPLICA_NOT_AVAILABLE"
	case MessageTooLarge:
		return "MESSAGE_TOO_LARGE"
	case NetworkException:
		return "NETWORK_EXCEPTION"
	case CoordinatorLoadInProgress:
		return "COORDINATOR_LOAD_IN_PROGRESS"
	case CoordinatorNotAvailable:
		return "COORDINATOR_NOT_AVAILABLE"
	case InvalidTopicException:
		return "INVALID_TOPIC_EXCEPTION"
	case RecordListTooLarge:
		return "RECORD_LIST_TOO_LARGE"
	case NotEnoughReplicas:
		return "NOT_ENOUGH_REPLICAS"
	case NotEnoughReplicasAfterAppend:
		return "NOT_ENOUGH_REPLICAS_AFTER_APPEND"
	case InvalidRequiredAcks:
		return "INVALID_REQUIRED_ACKS"
	case InvalidTimestamp:
		return "INVALID_TIMESTAMP"
	case UnsupportedVersion:
		return "UNSUPPORTED_VERSION"
	case TopicAlreadyExists:
		return "TOPIC_ALREADY_EXISTS"
	case InvalidPartitions:
		return "INVALID_PARTITIONS"
	case InvalidReplicationFactor:
		return "INVALID_REPLICATION_FACTOR"
	case InvalidReplicaAssignment:
		return "INVALID_REPLICA_ASSIGNMENT"
	case InvalidConfig:
		return "INVALID_CONFIG"
	case NotController:
		return "NOT_CONTROLLER"
	case InvalidRequest:
		return "INVALID_REQUEST"
	case UnsupportedSASLMechanism:
		return "UNSUPPORTED_SASL_MECHANISM"
	case IllegalSASLState:
		return "ILLEGAL_SASL_STATE"
	case SecurityDisabled:
		return "SECURITY_DISABLED"
	case SASLAuthenticationFailed:
		return "SASL_AUTHENTICATION_FAILED"
	case ListenerNotFound:
		return "LISTENER_NOT_FOUND"
	case ResourceNotFound:
		return "RESOURCE_NOT_FOUND"
	case DuplicateResource:
		return "DUPLICATE_RESOURCE"
	case UnacceptableCredential:
		return "UNACCEPTABLE_CREDENTIAL"
	case UnsupportedForMessageFormat:
		return "UNSUPPORTED_FOR_MESSAGE_FORMAT"
	case PolicyViolation:
		return "POLICY_VIOLATION"
	case OutOfOrderSequenceNumber:
		return "OUT_OF_ORDER_SEQUENCE_NUMBER"
	case DuplicateSequenceNumber:
		return "DUPLICATE_SEQUENCE_NUMBER"
	case InvalidProducerEpoch:
		return "INVALID_PRODUCER_EPOCH"
	case KafkaStorageError:
		return "KAFKA_STORAGE_ERROR"
	case UnknownProducerID:
		return "UNKNOWN_PRODUCER_ID"
	case FetchSessionIDNotFound:
		return "FETCH_SESSION_ID_NOT_FOUND"
	case InvalidFetchSessionEpoch:
		return "INVALID_FETCH_SESSION_EPOCH"
	case FencedLeaderEpoch:
		return "FENCED_LEADER_EPOCH"
	case UnknownLeaderEpoch:
		return "UNKNOWN_LEADER_EPOCH"
	case PreferredLeaderNotAvailable:
		return "PREFERRED_LEADER_NOT_AVAILABLE"
	case EligibleLeadersNotAvailable:
		return "ELIGIBLE_LEADERS_NOT_AVAILABLE"
	case ElectionNotNeeded:
		return "ELECTION_NOT_NEEDED"
	case NoReassignmentInProgress:
		return "NO_REASSIGNMENT_IN_PROGRESS"
	case FetchSessionTopicIDError:
		return "FETCH_SESSION_TOPIC_ID_ERROR"
	case UnsupportedCompressionType:
		return "UNSUPPORTED_COMPRESSION_TYPE"
	case StaleBrokerEpoch:
		return "STALE_BROKER_EPOCH"
	case OffsetNotAvailable:
		return "OFFSET_NOT_AVAILABLE"
	case InvalidRecord:
		return "INVALID_RECORD"
	case ProducerFenced:
		return "PRODUCER_FENCED"
	case InvalidUpdateVersion:
		return "INVALID_UPDATE_VERSION"
	case UnknownTopicID:
		return "UNKNOWN_TOPIC_ID"
	case DuplicateBrokerRegistration:
		return "DUPLICATE_BROKER_REGISTRATION"
	case BrokerIDNotRegistered:
		return "BROKER_ID_NOT_REGISTERED"
	case InconsistentTopicID:
		return "INCONSISTENT_TOPIC_ID"
	case InconsistentClusterID:
		return "INCONSISTENT_CLUSTER_ID"
	case SnapshotNotFound:
		return "SNAPSHOT_NOT_FOUND"
	case PositionOutOfRange:
		return "POSITION_OUT_OF_RANGE"
	case InconsistentVoterSet:
		return "INCONSISTENT_VOTER_SET"
	case IneligibleReplica:
		return "INELIGIBLE_REPLICA"
	case InvalidRegistration:
		return "INVALID_REGISTRATION"
	case TopicAuthorizationFailed:
		return "TOPIC_AUTHORIZATION_FAILED"
	case MismatchedEndpointType:
		return "MISMATCHED_ENDPOINT_TYPE"
	case TransactionalIDAuthorizationFailed:
		return "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
	case UnsupportedEndpointType:
		return "UNSUPPORTED_ENDPOINT_TYPE"
	case NewLeaderElected:
		return "NEW_LEADER_ELECTED"
	case OffsetMetadataTooLarge:
		return "OFFSET_METADATA_TOO_LARGE"
	case NotCoordinator:
		return "NOT_COORDINATOR"
	case IllegalGeneration:
		return "ILLEGAL_GENERATION"
	case InconsistentGroupProtocol:
		return "INCONSISTENT_GROUP_PROTOCOL"
	case InvalidGroupID:
		return "INVALID_GROUP_ID"
	case UnknownMemberID:
		return "UNKNOWN_MEMBER_ID"
	case InvalidSessionTimeout:
		return "INVALID_SESSION_TIMEOUT"
	case RebalanceInProgress:
		return "REBALANCE_IN_PROGRESS"
	case InvalidCommitOffsetSize:
		return "INVALID_COMMIT_OFFSET_SIZE"
	case GroupAuthorizationFailed:
		return "GROUP_AUTHORIZATION_FAILED"
	case ClusterAuthorizationFailed:
		return "CLUSTER_AUTHORIZATION_FAILED"
	case InvalidTxnState:
		return "INVALID_TXN_STATE"
	case InvalidProducerIDMapping:
		return "INVALID_PRODUCER_ID_MAPPING"
	case InvalidTransactionTimeout:
		return "INVALID_TRANSACTION_TIMEOUT"
	case ConcurrentTransactions:
		return "CONCURRENT_TRANSACTIONS"
	case TransactionCoordinatorFenced:
		return "TRANSACTION_COORDINATOR_FENCED"
	case OperationNotAttempted:
		return "OPERATION_NOT_ATTEMPTED"
	case NonEmptyGroup:
		return "NON_EMPTY_GROUP"
	case GroupIDNotFound:
		return "GROUP_ID_NOT_FOUND"
	case MemberIDRequired:
		return "MEMBER_ID_REQUIRED"
	case GroupMaxSizeReached:
		return "GROUP_MAX_SIZE_REACHED"
	case FencedInstanceID:
		return "FENCED_INSTANCE_ID"
	case GroupSubscribedToTopic:
		return "GROUP_SUBSCRIBED_TO_TOPIC"
	case UnstableOffsetCommit:
		return "UNSTABLE_OFFSET_COMMIT"
	case TransactionalIDNotFound:
		return "TRANSACTIONAL_ID_NOT_FOUND"
	case FencedMemberEpoch:
		return "FENCED_MEMBER_EPOCH"
	case UnreleasedInstanceID:
		return "UNRELEASED_INSTANCE_ID"
	case UnsupportedAssignor:
		return "UNSUPPORTED_ASSIGNOR"
	case StaleMemberEpoch:
		return "STALE_MEMBER_EPOCH"
	case TransactionAbortable:
		return "TRANSACTION_ABORTABLE"
	case InvalidRegularExpression:
		return "INVALID_REGULAR_EXPRESSION"
	case InvalidRecordState:
		return "INVALID_RECORD_STATE"
	case ShareSessionNotFound:
		return "SHARE_SESSION_NOT_FOUND"
	case InvalidShareSessionEpoch:
		return "INVALID_SHARE_SESSION_EPOCH"
	case FencedStateEpoch:
		return "FENCED_STATE_EPOCH"
	case ShareSessionLimitReached:
		return "SHARE_SESSION_LIMIT_REACHED"
	}
	return "error " + strconv.Itoa(int(code))
}
