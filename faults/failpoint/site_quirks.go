package failpoint

// The quirks.
const (
	// EarlyShrink has a leader take a follower that lags out of the ISR after a
	// quarter of replica.lag.time.max.ms.
	EarlyShrink = firstQuirk + iota
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

	firstStep
)
