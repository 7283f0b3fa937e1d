package failpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Site is a place in the code. Sites are the same in every build. Their names are
// part of what a seed means, and their numbers are not.
type Site uint16

// The sites: planted bugs of the log first, then situations, quirks and steps, and the
// planted bugs of brokers of other styles.
const (
	// R24AckBeforeISR lets a leader acknowledge acks=all once it has appended
	// itself, without waiting for the high watermark.
	R24AckBeforeISR Site = iota
	// T01ForgetSequence lets a partition forget the sequences of idempotent
	// producers, so that a retry is appended twice (KIP-98).
	T01ForgetSequence
	// R01TruncateToHighWatermark lets a follower that changes leaders truncate
	// to its own high watermark, as Kafka did before KIP-101.
	R01TruncateToHighWatermark
	// R02EpochEndIsLogEnd has a leader answer the end of its log, whatever leader
	// epoch it is asked about, so that logs that part are never cut (KIP-101).
	R02EpochEndIsLogEnd
	// R03EchoEpoch has a leader that does not know an epoch answer in its name, with
	// the end of an earlier one (KIP-279).
	R03EchoEpoch
	// R05ShrinkBeforeAnswer lets a leader act on a smaller ISR before the controller
	// has agreed.
	R05ShrinkBeforeAnswer
	// R06ForgetPendingISR lets the high watermark pass a replica that the leader has
	// asked to be in sync, and that the controller may have agreed to (KIP-497).
	R06ForgetPendingISR
	// R11UncleanElection lets the controller elect a replica that is not in sync.
	R11UncleanElection
	// R12IgnoreMinISR lets a leader go on with fewer in sync than
	// min.insync.replicas.
	R12IgnoreMinISR
	// R17LatestBeforeEpochStart lets a new leader name its lagging high watermark as
	// the latest offset (KIP-207).
	R17LatestBeforeEpochStart
	// R18ReadToLogEnd lets consumers read what is not committed (KAFKA-9835).
	R18ReadToLogEnd
	// S01SkipChecksums has recovery believe the last batches of a log whatever their
	// checksums.
	S01SkipChecksums
	// C01AnswerBeforeDurable has the controller answer before its records are on its
	// disk.
	C01AnswerBeforeDurable
	// T22IDsBeforeDurable has the controller give out producer ids before that is on
	// its disk, so that it may give them out again.
	T22IDsBeforeDurable
	// T02RememberOneBatch lets a partition remember an idempotent producer's last
	// batch only, not the last five (KAFKA-5494).
	T02RememberOneBatch
	// T25AnySequence lets a partition take whatever sequence an idempotent producer
	// sends, so that a batch may overtake one before it.
	T25AnySequence
	// F05RequeueAtTail has a producer send again behind what waits.
	F05RequeueAtTail
	// F06RestartSequence has a producer number from 0 again when a partition has
	// lost its leader, without a new epoch.
	F06RestartSequence
	// F07RenumberUnknown has a producer take a lost answer for a lost request, and
	// give the batch another sequence.
	F07RenumberUnknown
	// F13ZeroForUnknown has a consumer take offset 0 for what ListOffsets cannot
	// tell.
	F13ZeroForUnknown
	// R07JoinBelowEpochStart lets a replica be in sync that lacks what is below the
	// start of the leader's epoch and above its high watermark, which lags.
	R07JoinBelowEpochStart
	// R13CommitBelowMinISR lets the high watermark rise while fewer are in sync than
	// min.insync.replicas (KAFKA-15583).
	R13CommitBelowMinISR
	// R16FencedInSync lets the controller agree to an ISR with a broker that is fenced
	// (KIP-841).
	R16FencedInSync
	// R22OneIsEnough lets a reassignment be completed when one of the replicas that it adds
	// is in sync, and not all (KIP-455).
	R22OneIsEnough
	// R19FollowerStamps has a follower stamp what it fetches with its own log end and
	// leader epoch, as a leader does.
	R19FollowerStamps
	// R20KeepTruncated has a follower keep what it knows about records that it has
	// truncated: their epochs and sequences.
	R20KeepTruncated
	// S03IgnoreSyncError has a broker take a sync that failed for one that is done.
	S03IgnoreSyncError
	// S04EndAfterIndex has the log end move when the index has been written, so that after
	// an index that could not be the offsets are given out again (KAFKA-7866).
	S04EndAfterIndex
	// S05TrustIndex has recovery take the indexes as it finds them.
	S05TrustIndex
	// S18ForgetAtStart has a replica forget the sequences of producers when it reads
	// its log again (KAFKA-12520).
	S18ForgetAtStart
	// L01WaitOut has a consumer's fetch that waits be answered only when its time is over,
	// by a clock that ticks once a second.
	L01WaitOut
	// L02RestartLinger has linger.ms count from the last record of a batch.
	L02RestartLinger
	// T04ForgetWrap lets a partition take sequence 0 behind the largest int32 for one
	// that it has (KAFKA-7692).
	T04ForgetWrap
	// T06OldEpoch lets a partition take a batch of an epoch that its producer has left
	// behind (KIP-98).
	T06OldEpoch
	// T23ExpireByFirst has the state of a producer expire by the age of its first
	// batch, not of its newest (KAFKA-7190).
	T23ExpireByFirst
	// C08SameIncarnation has the controller take a broker that has started again for
	// the life before (KIP-631).
	C08SameIncarnation
	// F01SaveFetched has a reader save the position of what it has fetched, not of what
	// it has processed.
	F01SaveFetched
	// F08RetryWithoutSequence has an idempotent producer send a batch again without its
	// sequence.
	F08RetryWithoutSequence
	// C01VoteBeforeDurable has a controller answer a request for its vote before the vote
	// is on its disk (Raft).
	C01VoteBeforeDurable
	// C04NeverResign has the leader of a quorum that reaches no majority go on
	// (KAFKA-15489).
	C04NeverResign
	// C07CutBelowHighWatermark has a voter that follows another leader cut the last epoch
	// of its log, committed or not (KAFKA-12460).
	C07CutBelowHighWatermark
	// C09AnswerDeposed has a controller that is not active any more answer what waits as
	// if it had been committed (KAFKA-15100).
	C09AnswerDeposed
	// C10ForgetVote has a voter that starts again forget for whom it has voted (Raft).
	C10ForgetVote
	// C11VoteTwice has a voter vote for every candidate of an epoch (Raft).
	C11VoteTwice
	// R04FetchUnfenced has a leader serve a follower that believes in another leader epoch,
	// and count it, without looking at what either epoch of its Fetch says (KAFKA-7395).
	R04FetchUnfenced
	// R23IgnoreLogStart has a follower not listen to where its leader's log starts
	// (KIP-107).
	R23IgnoreLogStart
	// R25GoByName has a broker go on in the log of a topic that was deleted when another
	// has its name (KIP-516).
	R25GoByName
	// C05SnapshotOffByOne has a controller name a snapshot by the last offset that it
	// contains instead of the one behind it, so that the record there is replayed twice
	// (KAFKA-14618).
	C05SnapshotOffByOne
	// C12KeepDiverged has the leader of a quorum not tell a voter where their logs part
	// (KIP-595).
	C12KeepDiverged

	// S02KeepMarker has a broker not take back that the life before has ended in good order,
	// so that the next crash is taken for no crash (KAFKA-15375).
	S02KeepMarker
	// S08DeleteActive has retention delete the active segment without a file that tells
	// where the log goes on (KAFKA-12875).
	S08DeleteActive
	// S09OldestTimestamp has retention go by the oldest timestamp of a segment (KIP-32).
	S09OldestTimestamp
	// S10KeepOldest has the log cleaner keep the first record of a key, not the last.
	S10KeepOldest
	// S11OldHorizon has the time after which a tombstone may go count from when it was
	// written, not from the first pass that has kept it (KAFKA-4529, KIP-534).
	S11OldHorizon
	// S17RawStamps has the time index tell of each batch's own timestamp, not of the largest
	// so far, so that what is searched as if it rose does not.
	S17RawStamps
	// G04AnswerAtAppend has a coordinator answer a commit when it is appended.
	G04AnswerAtAppend
	// G05LoadedEarly has a coordinator serve when it has read the first batch of its log
	// (KAFKA-5600).
	G05LoadedEarly
	// G14OtherHash has FindCoordinator go by another hash than coordinators do.
	G14OtherHash
	// G03ForgetRevocation has a coordinator of groups take a partition for free whose owner
	// has not yet given it back, when it is assigned anew (KAFKA-16147).
	G03ForgetRevocation
	// G06ExpireLive has the offsets of a group expire that has members (KAFKA-13636).
	G06ExpireLive
	// G10GiveAtOnce has the leader of a cooperative group give a partition to its next owner
	// before the last has given it up (KAFKA-14639).
	G10GiveAtOnce
	// F11RewindOnResume has a consumer that resumes a partition read it again from where its
	// last fetch began (librdkafka #4637).
	F11RewindOnResume
	// G01ZombieCommit has a coordinator of groups take the offsets of a member of an old
	// generation.
	G01ZombieCommit
	// G08DeadMember has a member stay that was not heard of for a whole session.
	G08DeadMember
	// G09NoInstanceFence has two with one group.instance.id both go on (KIP-345).
	G09NoInstanceFence
	// G11SkipFollowUp has a member not be told that what it waits for has become free
	// (KAFKA-16198).
	G11SkipFollowUp
	// G16NoBarrier has a rebalance end before the members that are known have joined.
	G16NoBarrier
	// G12IgnoreTombstone has a coordinator that loads its log read past what was deleted.
	G12IgnoreTombstone
	// G13StrictEpoch has a coordinator of groups refuse the last commit of a member whose epoch was raised while
	// it gives partitions back (KIP-1251).
	G13StrictEpoch
	// F12StaleIsNone has a consumer take STALE_MEMBER_EPOCH for the answer that nothing is
	// committed.
	F12StaleIsNone
	// F04ResetUnvalidated has a consumer not hold its position against the log of another
	// leader, and let auto.offset.reset decide at once when that refuses it, as before KIP-320.
	F04ResetUnvalidated
	// S13MarkerKeys has the log cleaner take the keys of markers for those of a user (KAFKA-14055).
	S13MarkerKeys
	// T10ReadUnstable has read_committed end at the high watermark.
	T10ReadUnstable
	// T11SearchShort has a leader look for aborted transactions up to the last offset of what
	// it gives out, and not including it (KAFKA-5376).
	T11SearchShort
	// T07AnyEndTxn has a coordinator of transactions end one for a producer of another epoch (KAFKA-9600).
	T07AnyEndTxn
	// T08KeepEpoch has it leave the epoch as it is at the end of a transaction (KIP-890).
	T08KeepEpoch
	// T13ForgetPrepared has it not go on with what was to be committed or aborted when it
	// began (KAFKA-16352).
	T13ForgetPrepared
	// T18RefuseRetry has it refuse an EndTxn that it has carried out already.
	T18RefuseRetry
	// T24CompleteTwice has the end of a transaction be written again when it is written
	// (KAFKA-10080).
	T24CompleteTwice
	// T05NoRotation has a coordinator of transactions go on with a producer id whose epochs
	// are used up (KAFKA-18660).
	T05NoRotation
	// F09AbortNothing has a transactional producer whose commit has failed abort nothing: it
	// has forgotten that it is in a transaction (franz-go up to 1.21.1).
	F09AbortNothing
	// S12CleanUnstable has the log cleaner work above the last stable offset and the high
	// watermark (KAFKA-13194).
	S12CleanUnstable
	// T09SkipVerification has a leader append what is of a transaction without its
	// coordinator's word, and be content with that (KIP-890).
	T09SkipVerification
	// T19FatalRace has a coordinator of transactions tell a producer whose commit comes after
	// its time that the transaction is in the wrong state, not that the producer is fenced
	// (KAFKA-20785).
	T19FatalRace
	// T20WallTimeout has transactions time out by the clock on the wall.
	T20WallTimeout
	// T27EpochBeforePending has an abort of nothing right behind a commit be fenced by that
	// commit (KAFKA-18464).
	T27EpochBeforePending
	// T16IgnorePending has OffsetFetch not look at offsets of open transactions (KIP-447).
	T16IgnorePending
	// T14OldCoordinator has a partition take a marker of a coordinator that another has
	// followed.
	T14OldCoordinator

	// The planted bugs from here to the situations are in the code, and no scenario shows
	// them yet: see [Unshown].

	// S14ForgetTransactions has it forget which transactions it is in where it begins another
	// segment (KAFKA-8351).
	S14ForgetTransactions

	// LeaderChange is a partition that was given another leader.
	LeaderChange
	// ISRShrink is a replica that left the in-sync replicas.
	ISRShrink
	// ISRExpand is a replica that joined them again.
	ISRExpand
	// Truncation is a follower that cut records which its new leader lacks.
	Truncation
	// DuplicateSequence is a retry that was recognised and not appended again.
	DuplicateSequence
	// NotEnoughReplicas is an acks=all produce refused for min.insync.replicas.
	NotEnoughReplicas
	// UncleanRestart is a recovery that cut a torn tail.
	UncleanRestart
	// IndexRebuild is an index that was absent or wrong at a start, and was made again.
	IndexRebuild
	// LogDirOffline is a broker that has given up because its disk has failed: it has one
	// log directory.
	LogDirOffline
	// DiskFull is a write that was refused because a disk had no room.
	DiskFull
	// ProducerEpochBump is an idempotent producer that began a new epoch.
	ProducerEpochBump
	// ControllerChange is a controller that became active where another had been.
	ControllerChange
	// ControllerDeposed is one that is not active any more and lives.
	ControllerDeposed
	// MetadataTruncation is a controller that cut what its new leader lacks.
	MetadataTruncation
	// TopicInFailOver is a request to create a topic that a controller had in hand when it
	// was lost or deposed.
	TopicInFailOver
	// MetadataSnapshot is a controller that has made a snapshot and let the beginning of
	// its log go.
	MetadataSnapshot
	// SnapshotFetched is a controller, or a broker, that has fetched a snapshot.
	SnapshotFetched
	// Reassigned is a reassignment that was completed.
	Reassigned
	// ReassignmentCalledOff is one that was called off while it was under way.
	ReassignmentCalledOff
	// LostInReassignment is a broker that was fenced while a partition was being moved to it
	// or away from it.
	LostInReassignment
	// Compaction is a log that was cleaned.
	Compaction
	// TombstoneRemoved is a tombstone that was removed because its time was over.
	TombstoneRemoved
	// CleaningCutShort is a start that has found a segment which was being cleaned, and has
	// removed it.
	CleaningCutShort
	// SwapFinished is a start that has found a cleaned segment which was taking the place of
	// others, and has finished that.
	SwapFinished
	// StartMoved is a follower that was behind the start of its leader's log, and has begun
	// anew there.
	StartMoved
	// CleanShutdown is a broker that has ended in good order, with others leading what it had
	// led: only a schedule that stops one comes to it.
	CleanShutdown
	// ProducerFencedOut is a transactional producer that was told that another has its
	// transactional.id.
	ProducerFencedOut
	// RebalanceInTransaction is a processor whose group was rebalanced while it had a
	// transaction open.
	RebalanceInTransaction
	// TransactionAborted is a transaction that its producer has aborted.
	TransactionAborted
	// EndConfirmed is a transaction whose end was asked for again, since an answer was lost,
	// and confirmed.
	EndConfirmed
	// PreparedFailOver is a coordinator that began with a transaction which the one before had
	// decided to commit or to abort, and had not completed.
	PreparedFailOver
	// TransactionTimedOut is a transaction that its coordinator has aborted since its time was
	// over.
	TransactionTimedOut
	// ProduceUnverified is a Produce that a leader has refused, since the coordinator knows
	// nothing of its transaction (KIP-890).
	ProduceUnverified
	// LateCommit is a commit that was refused because its transaction's time was over and its
	// coordinator had aborted it.
	LateCommit
	// ClocksDisagree is an open transaction whose time is over by the clock on the wall, and
	// not by the one that its coordinator goes by.
	ClocksDisagree
	// AbortBehindCommit is an abort that came while the commit of the transaction before was
	// still being written.
	AbortBehindCommit
	// OffsetsPending is a member that was told to wait for what an open transaction has to say
	// of where the group has got to (KIP-447).
	OffsetsPending
	// MarkerRefused is a marker that a partition has refused, since another coordinator has
	// written one there after the one that sent it.
	MarkerRefused
	// Rebalance is a member of a group that was told what it is to have.
	Rebalance
	// CooperativeRevoke is a member that gave up some of what it had and kept the rest, for
	// others to get it in the next rebalance.
	CooperativeRevoke
	// StaticRejoin is a static member that has come again within its session (KIP-345).
	StaticRejoin
	// OffsetsLoaded is a coordinator of groups that has read its log after another had led it.
	OffsetsLoaded
	// OffsetsCompacted is one whose log had been cleaned before.
	OffsetsCompacted
	// MemberExpired is a member that was told that it is none any more: its session was over.
	MemberExpired
	// PollIntervalExceeded is one that has left its group since its application did not poll
	// for max.poll.interval.ms.
	PollIntervalExceeded
	// MemberFenced is one that was fenced: by another of its group.instance.id, or since its
	// member epoch was not the group's.
	MemberFenced
	// DeletionLoaded is a coordinator that has read in its log that a group was deleted of which
	// it had read there.
	DeletionLoaded
	// StaleFetch is a member of a consumer group whose OffsetFetch was answered
	// STALE_MEMBER_EPOCH: its epoch was raised behind its back.
	StaleFetch
	// StaleCommit is a coordinator that has taken offsets of a member in the epoch before.
	StaleCommit

	// EarlyShrink has a leader take a follower that lags out of the ISR after a
	// quarter of replica.lag.time.max.ms.
	EarlyShrink
	// EarlyFlush has a replica sync its log before flush.messages asks for it.
	EarlyFlush
	// ShortRead has a leader give out one batch where more may be asked for.
	ShortRead
	// ShortFetch has a leader answer a Fetch with the records of one partition.
	ShortFetch
	// SkipCheckpoint has a broker not write down its high watermarks this time.
	SkipCheckpoint
	// LateMetadata has a broker wait before it asks for more of the metadata.
	LateMetadata
	// TimeOutAppended has a leader answer REQUEST_TIMED_OUT at once for what it has
	// appended: with acks=all nobody can tell it from replication that took too long.
	TimeOutAppended
	// HangUpAfterAppend has a broker close a producer's connection instead of an
	// answer.
	HangUpAfterAppend
	// SmallBatch has a producer send a batch that is neither full nor due.
	SmallBatch
	// RefreshMetadata has a producer ask for metadata that it has.
	RefreshMetadata
	// RetryAtOnce has a producer try again without a back-off.
	RetryAtOnce
	// HangUpAfterAnswer has a producer close a connection that is well, with what is
	// in flight on it.
	HangUpAfterAnswer

	// StepAppend is a leader that has appended what a producer sent.
	StepAppend
	// StepAppendFetched is a follower that has appended what it fetched.
	StepAppendFetched
	// StepTruncate is a follower that has truncated its log.
	StepTruncate
	// StepFlushed is a replica whose log has been synced.
	StepFlushed
	// StepLead is a replica that begins to lead.
	StepLead
	// StepAskISR is a leader that has asked the controller for another ISR.
	StepAskISR
	// StepISRAgreed is a leader that has the controller's answer.
	StepISRAgreed
	// StepCheckpoint is a broker that has written its high watermarks to a new file,
	// which is not synced yet and has not taken the place of the old one.
	StepCheckpoint
	// StepMetadataAppend is a controller that has appended to the metadata log.
	StepMetadataAppend
	// StepVote is a controller that has written down a vote, or an epoch.
	StepVote
	// StepMetadataFetched is a controller that has appended what it fetched from its
	// leader.
	StepMetadataFetched

	// StepCleaned is a log cleaner that has written a segment, which is not durable yet.
	StepCleaned
	// StepSwap is a log cleaner that has a segment which is ready to take the place of others.
	StepSwap
	// StepSwapped is a log cleaner that has just put a segment in the place of others.
	StepSwapped

	// StepPrepared is a coordinator of transactions that has decided to commit or abort one, and
	// has told nobody.
	StepPrepared
	// StepMarkers is one whose decision cannot be lost any more, and whose markers have not
	// left.
	StepMarkers
	// StepCompleted is one that has written down that the markers are written.
	StepCompleted
	// StepJoined is a processor whose group has given it partitions.
	StepJoined
	// StepPolled is one that has taken records.
	StepPolled
	// StepBegun is a transactional producer that has begun a transaction.
	StepBegun
	// StepPartitionsAdded is one whose partitions were added to it (AddPartitionsToTxn).
	StepPartitionsAdded
	// StepProduceSent is one whose records are on their way.
	StepProduceSent
	// StepAcked is one whose records were acknowledged.
	StepAcked
	// StepOffsetsAdded is one whose group was added to the transaction (AddOffsetsToTxn).
	StepOffsetsAdded
	// StepOffsetsSent is one whose positions are part of it (TxnOffsetCommit).
	StepOffsetsSent
	// StepEndSent is one whose request to commit or to abort is on its way.
	StepEndSent
	// StepEnded is one that was told that the transaction is committed or aborted.
	StepEnded

	// P01SkipOverflow has a pub/sub broker leave out what does not fit into a subscriber's
	// output buffer, and keep the connection.
	P01SkipOverflow
	// P02NewestFirst has it send what it held back for a slow subscriber newest first.
	P02NewestFirst
	// P03Retain has it keep a channel's last message and send it to whoever begins to
	// listen, who may have had it before.
	P03Retain
	// P04ShortCopy has it lose the last byte of a message that it holds back.
	P04ShortCopy
	// Q01ConfirmBeforeSync lets a work queue confirm a persistent message before it is
	// on the disk.
	Q01ConfirmBeforeSync
	// Q02SettleOnDelivery lets a work queue write a message off when it is delivered, so
	// that a crash loses what was not acknowledged.
	Q02SettleOnDelivery
	// Q03RequeueAtTail has a work queue put what it gets back behind everything else.
	Q03RequeueAtTail
	// Q04TwoActiveConsumers lets a queue with a single active consumer deliver to all.
	Q04TwoActiveConsumers
	// Q05DropRequeued lets a work queue lose what it gets back.
	Q05DropRequeued
	// Q06IgnorePrefetch lets a work queue deliver more than basic.qos allows.
	Q06IgnorePrefetch
	// Q07ForgetRedelivered has a work queue deliver again as if for the first time.
	Q07ForgetRedelivered
	// Q08LoseDeadLetters lets a work queue drop what it should dead-letter.
	Q08LoseDeadLetters

	numSites
)

const (
	firstUnshown         = S14ForgetTransactions
	firstSituation       = LeaderChange
	firstQuorumSituation = ControllerChange
	firstMoveSituation   = Reassigned
	firstCleaning        = Compaction // of the situations
	firstGroupSituation  = Rebalance
	firstQuirk           = EarlyShrink
	firstStep            = StepAppend
	firstTxnStep         = StepPrepared
	firstStyleBug        = P01SkipOverflow
)

var names = [numSites]string{
	R24AckBeforeISR:            "R24-ack-before-isr",
	T01ForgetSequence:          "T01-forget-sequence",
	R01TruncateToHighWatermark: "R01-truncate-to-high-watermark",
	R02EpochEndIsLogEnd:        "R02-epoch-end-is-log-end",
	R03EchoEpoch:               "R03-echo-epoch",
	R05ShrinkBeforeAnswer:      "R05-shrink-before-answer",
	R06ForgetPendingISR:        "R06-forget-pending-isr",
	R11UncleanElection:         "R11-unclean-election",
	R12IgnoreMinISR:            "R12-ignore-min-isr",
	R17LatestBeforeEpochStart:  "R17-latest-before-epoch-start",
	R18ReadToLogEnd:            "R18-read-to-log-end",
	S01SkipChecksums:           "S01-skip-checksums",
	C01AnswerBeforeDurable:     "C01-answer-before-durable",
	T22IDsBeforeDurable:        "T22-ids-before-durable",
	T02RememberOneBatch:        "T02-remember-one-batch",
	T25AnySequence:             "T25-any-sequence",
	F05RequeueAtTail:           "F05-requeue-at-tail",
	F04ResetUnvalidated:        "F04-reset-unvalidated",
	F06RestartSequence:         "F06-restart-sequence",
	F07RenumberUnknown:         "F07-renumber-unknown",
	F13ZeroForUnknown:          "F13-zero-for-unknown",
	R07JoinBelowEpochStart:     "R07-join-below-epoch-start",
	R13CommitBelowMinISR:       "R13-commit-below-min-isr",
	R16FencedInSync:            "R16-fenced-in-sync",
	R22OneIsEnough:             "R22-one-is-enough",
	R19FollowerStamps:          "R19-follower-stamps",
	R20KeepTruncated:           "R20-keep-truncated",
	S03IgnoreSyncError:         "S03-ignore-sync-error",
	S04EndAfterIndex:           "S04-end-after-index",
	S05TrustIndex:              "S05-trust-index",
	S18ForgetAtStart:           "S18-forget-at-start",
	L01WaitOut:                 "L01-wait-out",
	L02RestartLinger:           "L02-restart-linger",
	T04ForgetWrap:              "T04-forget-wrap",
	T06OldEpoch:                "T06-old-epoch",
	T23ExpireByFirst:           "T23-expire-by-first",
	C08SameIncarnation:         "C08-same-incarnation",
	F01SaveFetched:             "F01-save-fetched",
	F08RetryWithoutSequence:    "F08-retry-without-sequence",
	C01VoteBeforeDurable:       "C01-vote-before-durable",
	C04NeverResign:             "C04-never-resign",
	C07CutBelowHighWatermark:   "C07-cut-below-high-watermark",
	C09AnswerDeposed:           "C09-answer-deposed",
	C10ForgetVote:              "C10-forget-vote",
	C11VoteTwice:               "C11-vote-twice",
	R04FetchUnfenced:           "R04-fetch-unfenced",
	R23IgnoreLogStart:          "R23-ignore-log-start",
	R25GoByName:                "R25-go-by-name",
	C05SnapshotOffByOne:        "C05-snapshot-off-by-one",
	C12KeepDiverged:            "C12-keep-diverged",
	S02KeepMarker:              "S02-keep-marker",
	S08DeleteActive:            "S08-delete-active",
	S09OldestTimestamp:         "S09-oldest-timestamp",
	S10KeepOldest:              "S10-keep-oldest",
	S11OldHorizon:              "S11-old-horizon",
	S17RawStamps:               "S17-raw-stamps",
	T05NoRotation:              "T05-no-rotation",
	T07AnyEndTxn:               "T07-any-end-txn",
	T08KeepEpoch:               "T08-keep-epoch",
	T13ForgetPrepared:          "T13-forget-prepared",
	T18RefuseRetry:             "T18-refuse-retry",
	T19FatalRace:               "T19-fatal-race",
	T20WallTimeout:             "T20-wall-timeout",
	T24CompleteTwice:           "T24-complete-twice",
	T27EpochBeforePending:      "T27-epoch-before-pending",
	G01ZombieCommit:            "G01-zombie-commit",
	G03ForgetRevocation:        "G03-forget-revocation",
	G04AnswerAtAppend:          "G04-answer-at-append",
	G05LoadedEarly:             "G05-loaded-early",
	G06ExpireLive:              "G06-expire-live",
	G08DeadMember:              "G08-dead-member",
	G09NoInstanceFence:         "G09-no-instance-fence",
	G11SkipFollowUp:            "G11-skip-follow-up",
	G12IgnoreTombstone:         "G12-ignore-tombstone",
	G13StrictEpoch:             "G13-strict-epoch",
	G14OtherHash:               "G14-other-hash",
	G16NoBarrier:               "G16-no-barrier",
	S12CleanUnstable:           "S12-clean-unstable",
	S13MarkerKeys:              "S13-marker-keys",
	S14ForgetTransactions:      "S14-forget-transactions",
	T09SkipVerification:        "T09-skip-verification",
	T10ReadUnstable:            "T10-read-unstable",
	T11SearchShort:             "T11-search-short",
	T14OldCoordinator:          "T14-old-coordinator",
	G10GiveAtOnce:              "G10-give-at-once",
	F11RewindOnResume:          "F11-rewind-on-resume",
	F12StaleIsNone:             "F12-stale-is-none",
	T16IgnorePending:           "T16-ignore-pending",
	F09AbortNothing:            "F09-abort-nothing",
	LeaderChange:               "leader-change",
	ISRShrink:                  "isr-shrink",
	ISRExpand:                  "isr-expand",
	Truncation:                 "truncation",
	DuplicateSequence:          "duplicate-sequence",
	NotEnoughReplicas:          "not-enough-replicas",
	UncleanRestart:             "unclean-restart",
	IndexRebuild:               "index-rebuild",
	LogDirOffline:              "log-dir-offline",
	DiskFull:                   "disk-full",
	ProducerEpochBump:          "producer-epoch-bump",
	ControllerChange:           "controller-change",
	ControllerDeposed:          "controller-deposed",
	MetadataTruncation:         "metadata-truncation",
	TopicInFailOver:            "topic-in-fail-over",
	MetadataSnapshot:           "metadata-snapshot",
	SnapshotFetched:            "snapshot-fetched",
	Reassigned:                 "reassigned",
	ReassignmentCalledOff:      "reassignment-called-off",
	LostInReassignment:         "lost-in-reassignment",
	Compaction:                 "compaction",
	TombstoneRemoved:           "tombstone-removed",
	CleaningCutShort:           "cleaning-cut-short",
	SwapFinished:               "swap-finished",
	CleanShutdown:              "clean-shutdown",
	ProducerFencedOut:          "producer-fenced",
	RebalanceInTransaction:     "rebalance-in-transaction",
	TransactionAborted:         "transaction-aborted",
	EndConfirmed:               "end-confirmed",
	PreparedFailOver:           "prepared-fail-over",
	TransactionTimedOut:        "transaction-timed-out",
	ProduceUnverified:          "produce-unverified",
	LateCommit:                 "late-commit",
	ClocksDisagree:             "clocks-disagree",
	AbortBehindCommit:          "abort-behind-commit",
	OffsetsPending:             "offsets-pending",
	MarkerRefused:              "marker-refused",
	StartMoved:                 "start-moved",
	Rebalance:                  "rebalance",
	CooperativeRevoke:          "cooperative-revoke",
	StaticRejoin:               "static-rejoin",
	OffsetsLoaded:              "offsets-loaded",
	OffsetsCompacted:           "offsets-compacted",
	MemberExpired:              "member-expired",
	PollIntervalExceeded:       "poll-interval-exceeded",
	MemberFenced:               "member-fenced",
	DeletionLoaded:             "deletion-loaded",
	StaleFetch:                 "stale-fetch",
	StaleCommit:                "stale-commit",
	EarlyShrink:                "early-shrink",
	EarlyFlush:                 "early-flush",
	ShortRead:                  "short-read",
	ShortFetch:                 "short-fetch",
	SkipCheckpoint:             "skip-checkpoint",
	LateMetadata:               "late-metadata",
	TimeOutAppended:            "time-out-appended",
	HangUpAfterAppend:          "hang-up-after-append",
	SmallBatch:                 "small-batch",
	RefreshMetadata:            "refresh-metadata",
	RetryAtOnce:                "retry-at-once",
	HangUpAfterAnswer:          "hang-up-after-answer",
	StepAppend:                 "append",
	StepAppendFetched:          "append-fetched",
	StepTruncate:               "truncate",
	StepFlushed:                "flushed",
	StepLead:                   "lead",
	StepAskISR:                 "ask-isr",
	StepISRAgreed:              "isr-agreed",
	StepCheckpoint:             "checkpoint",
	StepMetadataAppend:         "append-metadata",
	StepVote:                   "vote",
	StepMetadataFetched:        "append-fetched-metadata",
	StepCleaned:                "cleaned",
	StepSwap:                   "swap",
	StepSwapped:                "swapped",
	StepPrepared:               "prepared",
	StepMarkers:                "markers",
	StepCompleted:              "completed",
	StepJoined:                 "joined",
	StepPolled:                 "polled",
	StepBegun:                  "begun",
	StepPartitionsAdded:        "partitions-added",
	StepProduceSent:            "produce-sent",
	StepAcked:                  "acked",
	StepOffsetsAdded:           "offsets-added",
	StepOffsetsSent:            "offsets-sent",
	StepEndSent:                "end-sent",
	StepEnded:                  "ended",
	P01SkipOverflow:            "P01-skip-overflow",
	P02NewestFirst:             "P02-newest-first",
	P03Retain:                  "P03-retain",
	P04ShortCopy:               "P04-short-copy",
	Q01ConfirmBeforeSync:       "Q01-confirm-before-sync",
	Q02SettleOnDelivery:        "Q02-settle-on-delivery",
	Q03RequeueAtTail:           "Q03-requeue-at-tail",
	Q04TwoActiveConsumers:      "Q04-two-active-consumers",
	Q05DropRequeued:            "Q05-drop-requeued",
	Q06IgnorePrefetch:          "Q06-ignore-prefetch",
	Q07ForgetRedelivered:       "Q07-forget-redelivered",
	Q08LoseDeadLetters:         "Q08-lose-dead-letters",
}

// String returns the site's name, such as "isr-shrink".
func (s Site) String() string {
	if s < numSites {
		return names[s]
	}
	return fmt.Sprintf("site(%d)", uint16(s))
}

// Bugs returns the planted bugs of the log in the order of their numbers.
func Bugs() []Site { return between(0, firstUnshown) }

// Unshown returns the planted bugs of the log that no scenario shows yet: tests of their
// packages show that they bite, and the gate has no manifests of them.
func Unshown() []Site { return between(firstUnshown, firstSituation) }

// Situations returns the situations in the order of their numbers.
func Situations() []Site { return between(firstSituation, firstQuirk) }

// OfQuorum reports whether a site is a situation that only several controllers come to.
func (s Site) OfQuorum() bool { return s >= firstQuorumSituation && s < firstMoveSituation }

// OfMoves reports whether a site is a situation to which only runs come that move replicas.
func (s Site) OfMoves() bool { return s >= firstMoveSituation && s < firstCleaning }

// OfGroups reports whether a site is a situation to which only runs come that have consumer
// groups.
func (s Site) OfGroups() bool { return s >= firstGroupSituation && s < firstQuirk }

// OfCleaner reports whether a site is a situation, or a step, that only topics come to which
// are compacted, or expire.
func (s Site) OfCleaner() bool {
	return s >= firstCleaning && s < CleanShutdown || s >= StepCleaned && s < firstTxnStep
}

// OfTransactions reports whether a site is a situation to which only runs come that have
// transactions.
func (s Site) OfTransactions() bool { return s >= ProducerFencedOut && s < firstGroupSituation }

// OfTxnStep reports whether a site is a step of those who have transactions, or coordinate
// them.
func (s Site) OfTxnStep() bool { return s >= firstTxnStep && s < firstStyleBug }

// OfController reports whether a site is a step of controllers.
func (s Site) OfController() bool {
	return s == StepMetadataAppend || s == StepVote || s == StepMetadataFetched
}

// Quirks returns the places where a correct node may do what is rare and legal, in
// the order of their numbers.
func Quirks() []Site { return between(firstQuirk, firstStep) }

// Steps returns the named steps after which a node may be ended, in the order of
// their numbers.
func Steps() []Site { return between(firstStep, firstStyleBug) }

// StyleBugs returns the planted bugs of brokers of other styles than the log, in the
// order of their numbers. They are shown by runs of such brokers alone.
func StyleBugs() []Site { return between(firstStyleBug, numSites) }

// ParseStep returns the step of that name. The error is as in [ParseBug].
func ParseStep(name string) (Site, error) { return parse("step", name, Steps()) }

func between(from, to Site) []Site {
	sites := make([]Site, 0, to-from)
	for s := from; s < to; s++ {
		sites = append(sites, s)
	}
	return sites
}

// ParseBug returns the planted bug of that name. The error names the nearest
// bug, or all of them when none is near.
func ParseBug(name string) (Site, error) {
	return parse("planted bug", name, slices.Concat(Bugs(), Unshown(), StyleBugs()))
}

// ParseSituation returns the situation of that name. The error is as in
// [ParseBug].
func ParseSituation(name string) (Site, error) { return parse("situation", name, Situations()) }

func parse(what, name string, among []Site) (Site, error) {
	best, distance := among[0], int(^uint(0)>>1)
	all := make([]string, len(among))
	for i, s := range among {
		if s.String() == name {
			return s, nil
		}
		all[i] = s.String()
		if d := distanceTo(s.String(), name); d < distance {
			best, distance = s, d
		}
	}
	if distance <= max(2, len(name)/3) {
		return 0, fmt.Errorf("unknown %s %q; did you mean %q?", what, name, best)
	}
	return 0, fmt.Errorf("unknown %s %q; there are %s", what, name, strings.Join(all, ", "))
}

// distanceTo is 1 for the beginning of a name, since people write "R24".
func distanceTo(name, typed string) int {
	name, typed = strings.ToLower(name), strings.ToLower(typed)
	if len(typed) >= 2 && strings.HasPrefix(name, typed) {
		return 1
	}
	return levenshtein.ComputeDistance(name, typed)
}
