package failpoint

// The situations. Those that only some runs come to stand together: see [Site.OfGroups] and the
// like.
const (
	// LeaderChange is a partition that was given another leader.
	LeaderChange = firstSituation + iota
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

	firstQuirk
)
