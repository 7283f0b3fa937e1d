package failpoint

// The planted bugs of the log.
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
	// S14ForgetTransactions has the log cleaner forget which transactions it is in where it
	// begins another segment (KAFKA-8351).
	S14ForgetTransactions

	firstSituation
)
