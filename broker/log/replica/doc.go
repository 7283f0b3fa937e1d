// Package replica is one replica of one partition: its log, its part as leader
// or follower, the in-sync replicas, the high watermark, and what is known of
// idempotent producers. It decides and writes its log; the node around it sends,
// waits and asks for syncs.
//
// # The journey of a batch
//
// The leader checks a producer's batch ([Replica.Append]), recognises one that is
// in the log already, stamps it with offset and leader epoch and appends the
// producer's own bytes. A follower asks for what comes after its log end
// ([Replica.Position]); the leader takes that as the word that it has everything
// below ([Replica.Fetched]) and gives it the batch ([Replica.Read]), which the
// follower appends as it is ([Replica.AppendFetched]). When every replica that is
// in sync, or may be as far as the leader can know, has asked for what comes
// after the batch, the high watermark passes it: the producer that wanted acks=all
// may be told ([Replica.Acknowledge]) and consumers may read it.
//
// # Files
//
//	replica.go    what a replica is; opening one; its position
//	state.go      what the controller says of the partition, and what follows
//	append.go     appending as leader
//	validate.go   what of a producer's batch is refused (LogValidator)
//	producers.go  the sequences of idempotent producers, their epochs and markers (KIP-98)
//	transactions.go  what is open, what is decided, the last stable offset
//	verify.go     the guard of a transaction that has not begun here (KIP-890)
//	follow.go     appending as follower, truncation
//	epochs.go     where each leader epoch begins in the log (KIP-101, KIP-279)
//	followers.go  what a leader knows of its followers, the high watermark
//	isr.go        who should be in sync, asked of the controller (KIP-497)
//	read.go       what may be read, by whom
//	check.go      what no replica may be, for audits
//	checktransactions.go  what no log may say of transactions, for audits
//	compaction.go what of a log there is to clean
//	retention.go  segment.ms, retention.ms and their kind
//	flush.go      flush.messages, flush.ms, the recovery point
//
// # What must hold
//
//   - The high watermark counts the maximal ISR: those that are in it and the one
//     that is asked to be, for the controller may have agreed already. A member
//     that is asked to leave counts until the controller has agreed.
//   - There is one question about the ISR at a time, and its answer is what the
//     metadata or the controller say with a later partition epoch, nothing else.
//   - A follower may join only from its own log end, at or above the high
//     watermark and the start of the leader's epoch: a new leader's high watermark
//     may lag behind what was committed before it (KIP-320's model, rule 4).
//   - Followers begin unknown in each leader epoch (offset -1), so that the high
//     watermark stays until each has been heard of.
//   - A follower takes over its leader's high watermark, bounded by its own log
//     end, even when it is lower: a leader that has just been elected has a
//     lagging one. It decides nothing from it.
//   - What is said of producers follows from the log alone, so that a replica that
//     begins to lead knows what its predecessor knew. At start and after a truncation
//     it is learnt from the last snapshot, which a roll and a shutdown write, and the
//     log behind it. A snapshot has a producer's last batch alone, as Kafka's has.
//   - A transaction is open from its first batch to its marker, and unstable until the marker
//     is below the high watermark: the next leader may have the one and not the other. The
//     last stable offset is where the first of those begins, or the high watermark.
//   - A control batch that is no marker of a transaction says nothing, to any replica.
//   - A segment that is not read again tells of aborted transactions by its index alone, so
//     that index is whole before the recovery point passes it.
//   - Below the recovery point everything is durable: the log, its indexes, where
//     leader epochs begin. It moves when a flush of all of them is done, and it is
//     written down later. After a truncation the one that is written down may lie
//     above what is durable: until it has been written down again no segment is begun,
//     for the last segment is read again at a start whatever the recovery point says.
//   - A follower has one fetch under way, on one connection. What tells a late
//     answer is the log end and the leader epoch, and a log that was cut and has
//     grown again may end where it did: an earlier "our logs part" would cut what
//     has come since.
//   - An epoch begins where it began: a log may go on with an epoch below one in
//     which this replica has led and written nothing.
//   - With a flush interval, what a leader has not flushed counts for nothing and a
//     follower does not ask for more before its flush is done: the word that it
//     has something is then a word about the disk.
package replica
