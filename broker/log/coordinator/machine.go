package coordinator

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// Machine is a coordinator of the groups, or the transactional ids, that are of one partition
// of its topic.
type Machine interface {
	// Request decides about a command: a request of the Kafka protocol (a pointer to a kmsg
	// struct, read and not kept) or one of the machine's own package. Its answer, now or in a
	// later Outcome, is to the caller's token.
	Request(now machine.Now, from Caller, command any) Outcome
	// Tick decides what time has brought. It must be called at Deadline, and may be earlier.
	// A decision may need what the one before it has put into records: then there are two
	// Outcomes, and a Deadline that has passed still asks for the second.
	Tick(now machine.Now) Outcome
	Deadline() machine.Instant
	// Replay applies one record at its offset, key and value as they are in the log: value is
	// nil for a tombstone. An error is a record that no coordinator has written: it says
	// where and why, and nothing has changed.
	Replay(at Position, key, value []byte) error
	// Marker ends a producer's transaction: what its transactional batches have brought is
	// so from now on, or never was.
	Marker(producerID int64, epoch int16, commit bool)
	// Loaded says that all of the log is replayed and requests begin: timers start, and what
	// was left half done is resumed.
	Loaded(now machine.Now) Outcome
	// Dropped says that the records of an outcome could not be appended, for Kafka's reason:
	// none of them are, none of its answers were sent. What comes back has the answers
	// that are to be sent instead, and no records. It is of the last Outcome, before anything
	// else is decided.
	Dropped(now machine.Now, o Outcome, code int16) Outcome
	// Gone says that nobody waits for the answer to a token any more: its connection is
	// closed.
	Gone(from Token)
	// Refuse is the answer to a command that is not let in: because of Kafka's code (not the
	// coordinator, still loading), nothing has been decided.
	Refuse(command any, code int16) kmsg.Response
}

// Durable is a machine that can say what it knows of what is in its log, in words, a line
// each: two that have replayed the same say the same. It is for audits.
type Durable interface{ Durable() string }

// Token is who waits for an answer. The runner chooses it, never the same twice in a life;
// 0 is nobody.
type Token uint64

// Caller is who sends a command.
type Caller struct {
	Token    Token
	ClientID string // of the request's header; empty for none
	Host     string // the client's address, as Kafka shows it: "/127.0.0.1"
}

// Position is where a record stands.
type Position struct {
	Offset    int64
	Timestamp int64 // ms of the wall clock, as appended
	// ProducerID and Epoch are those of a record that is of a transaction; ProducerID is -1
	// otherwise.
	ProducerID int64
	Epoch      int16
}

// Record is one record that is to be appended.
type Record struct {
	Key   []byte
	Value []byte // nil: a tombstone
}

// Outcome is what a decision comes to.
type Outcome struct {
	// Records are appended as one batch, and replayed at once.
	Records []Record
	// Producer, unless nil, has the batch be part of its transaction (TxnOffsetCommit).
	Producer *Producer
	// Answers leave when Records, and all that was decided before, cannot be lost.
	Answers []Answer
	// Markers are to be written when Records cannot be lost.
	Markers []Marker
}

// Producer is an instance of a transactional producer.
type Producer struct {
	TransactionalID string
	ID              int64
	Epoch           int16
}

// Answer is the answer to a token.
type Answer struct {
	To   Token
	Body kmsg.Response
	// AtOnce has it leave without waiting for anything: it says nothing that could be lost,
	// as an answer to a heartbeat.
	AtOnce bool
}

// Marker is the end of one transaction, which is to be written to all partitions that it has
// touched (WriteTxnMarkers). When it is, the machine is told so by a command of its package.
type Marker struct {
	Producer         // as it is to be in the marker
	CoordinatorEpoch int32
	Commit           bool
	Partitions       []TopicPartitions
	// Version is the transaction version that the transaction was begun with (KIP-890).
	Version int16
}

// TopicPartitions are partitions of one topic.
type TopicPartitions struct {
	Topic      string
	Partitions []int32
}
