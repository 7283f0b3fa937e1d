package failpoint

// The planted bugs of brokers of other styles than the log.
const (
	// P01SkipOverflow has a pub/sub broker leave out what does not fit into a subscriber's
	// output buffer, and keep the connection.
	P01SkipOverflow = firstStyleBug + iota
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
