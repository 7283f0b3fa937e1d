package failpoint

// The steps.
const (
	// StepAppend is a leader that has appended what a producer sent.
	StepAppend = firstStep + iota
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

	firstStyleBug
)
