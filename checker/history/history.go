package history

import "strings"

// Version is the format that this package reads and writes.
const Version = 1

// Header is the first line of a history.
type Header struct {
	Seed    uint64
	Unique  bool // every sent value is different
	Topics  []Topic
	Promise Promise
	Set     Settings
	From    string // sim, live or jepsen

	// TPs names the partitions: a TP is an index into it. It grows as a
	// reader meets partitions that the header did not announce.
	TPs []string

	// Names holds values and keys that are no integers, as JSON: the value
	// Named+i stands for Names[i]. It grows as a reader meets them.
	Names []string
}

// Named is the first value that stands for a name: see [Header.Names].
const Named int64 = -1 << 62

// Topic is what the header says of a topic.
type Topic struct {
	Name    string
	Parts   int
	RF      int
	Cleanup string // delete or compact
	// DeleteRetention is, if it is compacted, for how many ms at least a reader finds a
	// tombstone (delete.retention.ms). A tombstone is a record that [Deletes] its key.
	DeleteRetention int64
	// Retention is for how many ms at least a record is kept (retention.ms); 0 is not said.
	Retention int64
}

// Compacted reports whether only the last record of each key is kept for certain.
func (t *Topic) Compacted() bool { return strings.Contains(t.Cleanup, "compact") }

// Deletes reports whether a record, by its value, deletes its key: one in ten does.
func Deletes(value int64) bool { return Scrambled(value)%10 == 0 }

// Scrambled is a number that looks like nothing and is a value's own.
func Scrambled(value int64) uint64 {
	x := uint64(value) * 0x9e3779b97f4a7c15
	return (x ^ x>>32) * 0xd6e8feb86659fd93 >> 16
}

// Promise is what the run is held to.
type Promise struct {
	From       string // derived (from the configuration) or stated (by the scenario)
	Properties []string
	// What isolation and lateness go by; 0, or nobody, is not said, and then they cannot
	// be decided.
	Prompt  []int32 // readers that isolation is promised to
	Within  int64   // ns in which 99 of 100 records of theirs are finished with
	Grace   int64   // ns for which a window waits, behind its end, for what is late
	MayLate int64   // thousandths of a reader's records that may be later
	// Settle, of liveness, is in how many ns without a fault or a change of a group all that
	// was begun has ended and every partition has an owner.
	Settle int64
}

// Settings are the client settings that decide what counts as an error.
type Settings struct {
	Acks   string // all, 1 or 0
	Idem   bool
	Iso    string // ru or rc
	Sub    string // assign or subscribe
	Reset  string // earliest or latest
	MinISR int
	Flush  string // page-cache or fsync
	// Unclean says that unclean.leader.election.enable was on.
	Unclean bool
	// Retries says that a send may be tried again below the caller.
	Retries bool
	// InFlight is max.in.flight.requests.per.connection.
	InFlight int

	// Keeps is how long a broker keeps what it has taken: empty is a log, which keeps it
	// for its time, under offsets; or until-settled, or nothing, where records have no
	// offsets and what reached whom is all that there is to see.
	Keeps string
	// Settle, of until-settled, is who settles a record: its reader, or the broker as
	// soon as it has sent it (auto). Of a log it is empty, unless readers make their
	// position durable before they process what lies below it (before).
	Settle string
	// Durable, of until-settled, says that what was taken outlives the broker.
	Durable bool
	// Prefetch, of until-settled, is how many records a reader may have and not have
	// finished with; 0 is without bound.
	Prefetch int
	// Window is how long the application's windows of event time are, in ns, and Types how
	// many types of events it tells apart: for those who are promised sums or counts.
	// Event time is when a record was sent. 0 is not said, and then they cannot be decided.
	Window, Types int64
	// Compacted says that some topic is compacted.
	Compacted bool
	// Wall is what wall clocks show in ms when the run begins; for those who are promised
	// retention.
	Wall int64
	// Protocol is how groups rebalance: eager, cooperative or consumer (KIP-848).
	Protocol string
	// AutoCommit is enable.auto.commit.
	AutoCommit bool
	// Txn says that producers are transactional; TxnTimeout is their
	// transaction.timeout.ms if it is the same of all, 0 is not said.
	Txn        bool
	TxnTimeout int64
	// OffsetsKept is offsets.retention.minutes, in ns: for so long what a group has
	// committed outlives its last member (KIP-211). 0 is for longer than the run.
	OffsetsKept int64
	// Competing says that several readers of a group take records from each other.
	Competing bool
}

// SettleBefore is a [Settings.Settle] of a log.
const SettleBefore = "before"

// Acknowledges reports whether the end of a send can say that a broker has the record.
// With acks=0, and of a queue without confirms, no broker has said anything: a send that
// ended well was sent, and that is all.
func (s *Settings) Acknowledges() bool { return s.Acks != "0" }

// What [Settings.Keeps] may be.
const (
	KeepsUntilSettled = "until-settled"
	KeepsNothing      = "nothing"
)

// TP is a topic partition: an index into [Header.TPs].
type TP int32

// Kind is what an event says.
type Kind uint8

// The kinds of event.
const (
	Inv Kind = iota
	OK
	Fail
	Info
	Note // no operation but something that happened: "ev" on disk
)

// Func is the operation, or what a Note is about.
type Func uint8

// Operations come first, then notes. Their names on disk are those of CHECKS.
const (
	Send Func = iota
	Poll      // invoked when its fetch leaves, not when the application asks: a claim belongs between the two
	Assign
	Offsets // ListOffsets
	Dump    // the final read of a partition from its start

	OffsetCommit // Group, Gen, Member, Offs
	OffsetFetch  // Group, TPs; Spec is stable if it waits for transactions that are under way (KIP-447)
	Join         // Group, Member, Instance; completed with Gen, Member and Leads
	Sync         // Group, Gen, Member, Given if it leads; completed with TPs
	Heartbeat    // Group, Gen, Member
	Leave        // Group, Member
	InitProducer // TxID; completed with PID and Epoch
	TxnBegin     // X, TxID, PID, Epoch: of the client alone, so that it may be one event, a Note
	TxnCommit    // X, TxID, PID, Epoch
	TxnAbort     // X, TxID, PID, Epoch
	TxnOffsets   // X, TxID, PID, Epoch, Group, Gen, Member, Offs: they take effect when X commits
	DeleteGroup  // Group: an operator has it deleted, with all that it has committed

	Process // a reader has finished with the records of a poll: one event, a Note or an OK
	Crash   // a client process died; its operations stay unknown: one event, a Note

	Leader  // TP, Broker, Epoch: noted no later than the first answer of that epoch
	ISR     // TP, Broker
	HW      // TP, Broker, Offset, Epoch
	Fault   // Why: the applied step
	Heal    // Why
	Restart // Broker
	NoCopy  // TP, Offset, Until: the log bytes of [Offset, Until) are on no disk any more; or Group: what it had committed; or TxID: what its coordinator knew
	Skipped // TP, P, Offset, Until: a reader moved over [Offset, Until) by auto.offset.reset; or back, with Why Truncated
	MayLose // TP, Offset, Until, Why: somebody leads without [Offset, Until), and the settings allow it; or Group, or TxID: of their coordinator

	Coordinator // Group or TxID, Broker, Epoch: who coordinates from here on, and knows what was decided, by the epoch of the partition of the internal topic
	Subscribe   // P, Group, Member, Instance, TPs: P takes part in Group, for all the partitions of its topics
	Unsubscribe // P, Group: it does not any more
	Assigned    // P, Group, Gen, Member, TPs: from here on P owns TPs, beside what it has; before its first poll of them
	Revoked     // P, Group, Gen, Member, TPs: P has finished with TPs; after its last poll, process and commit of them
	Lost        // P, Group, Gen, Member, TPs: P has found that it does not own TPs any more
	Seek        // P, Group, TP, Offset: the application moves P, forth or back

	Deliver  // P, Runs, Again: records came to a reader that did not ask for them one by one
	Listen   // P, TPs, Spec: from here on what comes to TPs is sent to P, of the group Spec
	Unlisten // P: that has ended
)

// Truncated is the Why of a Skipped that moves a reader back to where its log and that of the
// partition part: what follows there are other records.
const Truncated = "log truncation"

// None is the offset, key, epoch or claim that is not known.
const None = -1

// Event is one line of a history. Sinks must not keep its slices: the writer
// reuses them.
type Event struct {
	I  int64 // position in the history, from 0: this is the real-time order
	T  int64 // the run's clock in ns; for latency and plots only
	E  Kind
	F  Func
	ID int64 // ties a completion to its invocation
	P  int32 // process: 1001 for p1001

	// Sends are the records of a Send: without offsets when invoked, each
	// with its own outcome when completed, in the same order. In an OK a
	// record without Err is acknowledged, one with Err certainly failed. In an
	// Info a record with an offset and no Err is acknowledged, any other
	// unknown. In a Fail all certainly failed.
	Sends []Sent
	// Runs are the records of a Poll, Dump, Deliver or Process, one or more runs a partition.
	Runs []Run
	// At are the end claims of a Poll, Dump or Offsets.
	At []Claim
	// TPs are the partitions of an Assign, Offsets, Dump or OffsetFetch, of a subscription
	// and of what is assigned.
	TPs []TP

	Group    string // group.id
	Gen      int32  // generation, or member epoch (KIP-848); None where there is none yet
	Member   string // member id
	Instance string // group.instance.id (KIP-345)
	Leads    bool   // of a completed Join: this member is the leader, who assigns
	Given    []Share
	// Offs are the offsets of an OffsetCommit, OffsetFetch or TxnOffsets.
	Offs []Committed

	// X is the transaction that a Send, Poll, Process, TxnOffsets or end is part of: a
	// number of the run's own for each that is begun, from 1; 0 is none.
	X    int64
	TxID string // transactional.id
	// Iso is the isolation.level of a Poll or Dump: rc or ru. Empty is that of the header
	// for a Poll, and for a Dump always ru.
	Iso string
	// Batches are, of a Dump that ends the run, all batches that have a producer id.
	Batches []Batch

	Due   int64  // ns; when a Send should have begun: latency counts from here
	PID   int64  // producer id, or None
	Epoch int32  // producer epoch of a Send, leader epoch of a note; without offsets, the connection of a Send
	Spec  string // of Offsets: earliest or latest; of OffsetFetch: stable or nothing
	Reset bool   // of Assign: the position was not known and auto.offset.reset decided
	Fin   bool   // of Dump, and of OffsetFetch: this is the read that ends the run
	Again bool   // of Deliver: the broker says that it may have delivered these before
	Why   string

	// Synced, of NoCopy and MayLose: a disk has lost what it had synced, as by rot or
	// an exchange. Where an acknowledgement says that the bytes are on a disk, only
	// such a note can excuse their loss.
	Synced bool

	TP     TP
	Broker string
	Offset int64
	Until  int64
}

// Sent is one record of a Send.
type Sent struct {
	TP     TP
	Value  int64 // unique in the run
	Key    int64 // None if the record has no key
	Offset int64 // None until acknowledged with an offset
	Seq    int32 // None without idempotence
	Err    string
	// Of is the value of the record that this one was made of, by who reads, processes
	// and writes; 0 is none. Of one record there is at most one in each topic.
	Of int64
}

// Share is what the leader of a group has assigned to one member.
type Share struct {
	Member string
	TPs    []TP
}

// Committed is one offset that was or is to be committed.
type Committed struct {
	TP     TP
	Offset int64 // of the next record to be read; None: nothing is committed
	// Tag is unique to a commit of one partition in the whole run: it travels as the
	// commit's metadata, and tells a fetch which commit it has read. None if not known.
	Tag int64
	Err string // of a completion: why this one failed, or is unknown
}

// Batch is what the final read shows of a batch of a producer: [Base, Last] in the log.
type Batch struct {
	TP         TP
	Base, Last int64
	PID        int64
	Epoch      int32 // of the producer
	Seq        int32 // of its first record; None of a marker
	Kind       BatchKind
}

// BatchKind is what a batch is for.
type BatchKind uint8

// The kinds of batches.
const (
	Data         BatchKind = iota // idempotent, of no transaction
	TxnData                       // of a transaction
	CommitMarker                  // a control record that commits
	AbortMarker                   // a control record that aborts
)

// Run is a run of records of one partition as a reader saw them.
type Run struct {
	TP      TP
	Records []Record
}

// Record is one record as a reader saw it.
type Record struct {
	Offset, Value, Key int64 // Offset is None where a broker has none
	// Time is the record's timestamp in ms.
	Time int64
}

// Claim is what a broker said of the end of a partition.
type Claim struct {
	TP     TP
	From   int64 // the offset asked for
	Pos    int64 // the reader's position after it, which records that it was not shown may have moved; 0 is not said
	End    int64 // high watermark, or None
	LSO    int64
	Start  int64
	Epoch  int32 // leader epoch of the answer, or None
	Broker string
	// Limited says that the answer was cut short, so that its last record
	// proves nothing of the end.
	Limited bool
}

// Sink takes the events of a run in order.
type Sink interface{ Event(*Event) }
