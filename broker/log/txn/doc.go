// Package txn coordinates transactions: a [Machine] knows the transactional ids of one
// partition of __transaction_state, which producer has each, and how far its transaction is
// (KIP-98).
//
// # The journey of a transaction
//
// InitProducerId gives a producer its id and epoch, and fences whoever had the transactional
// id before. AddPartitionsToTxn, by the producer itself or by the leader of a partition that
// it writes to (KIP-890), begins a transaction and makes it larger: a partition is in the log
// of the coordinator before there is a record in it that somebody would have to decide about.
// EndTxn writes PrepareCommit or PrepareAbort, and that is the decision. When it cannot be
// lost the producer is answered, and [coordinator.Outcome.Markers] go to all partitions; the
// command [MarkersWritten] completes the transaction. A coordinator that takes over has the
// markers of what it finds prepared written again: they say the same.
//
// # Files
//
//	machine.go         the machine: commands in, Replay
//	state.go           the states of a transactional id, and how one comes from another
//	record.go          what is in the log, in Kafka's format
//	own.go             that read at once, of what this program has written
//	initproducerid.go  InitProducerId
//	addpartitions.go   AddPartitionsToTxn, AddOffsetsToTxn; verification
//	endtxn.go          EndTxn, markers
//	time.go            what comes with time, with taking over, and of an append that failed
//	describe.go        DescribeTransactions, ListTransactions
//	answers.go         errors in the words of a version; requests that are not let in
//	partitions.go      sorted lists of partitions
//
// # What must hold
//
//   - While a transaction is being ended everything about it is CONCURRENT_TRANSACTIONS,
//     whatever id and epoch are said: the producer has been told its next ones, and they hold
//     only when the transaction is complete (KAFKA-18464, KAFKA-18660).
//   - The last epoch, 32767, is never given to a producer. It is there to fence the one that
//     has 32766, and its transaction ends with another producer id (KIP-360, KAFKA-20090).
//   - The coordinator's own abort is not the producer's. A commit that comes behind it is
//     fenced, though with the epoch raised by one it looks like a retry (KAFKA-20785).
//   - A producer has its transaction.timeout.ms by the node's own clock, and all of it again
//     when another broker takes over. The stamps in the records are the wall clock's, which
//     only the expiry of ids goes by.
//
// # What differs from Kafka
//
//   - A decision is in force when it is appended, and its answer waits. Kafka puts it into
//     force when it is committed and has whoever asks meanwhile come again
//     (CONCURRENT_TRANSACTIONS). So a retry of AddPartitionsToTxn that comes in between is
//     answered with the first.
//   - An append that fails leaves no trace: Kafka remembers that it had fenced.
//   - DescribeTransactions shows all partitions until the last has its marker.
//   - Records are of version 1 at each level of transaction.version, and have the last epoch
//     in a tagged field of their own.
//   - There are no transactions of two phases (KIP-939).
package txn
