// Package storage is an append-only log of record batches on a node's files, in Kafka's
// format: Apache Kafka's DumpLogSegments reads them (broker/log, kafka_test.go).
//
// The journey of a batch. [Log.Append] looks at the headers of what it is given, adds the
// bytes to the .log file as they are, notes where each batch stands and, some
// index.interval.bytes apart, adds an entry to the .index and the .timeindex. [Log.Read]
// finds the first batch in the table of the last batches, or below it with the index and
// from header to header, and gives out the file's own bytes: nothing is decoded, nothing
// copied. After a crash [Open] walks over what may not have been durable, checks every
// checksum, cuts the file where the whole batches end and makes the indexes again if they
// say anything else.
//
//	log.go         append, read, truncate, what must be synced
//	table.go       where the last batches stand; digest, compare
//	segment.go     the files of a log, and when a new one begins
//	index.go       the offset and the time index
//	txnindex.go    the index of aborted transactions, and its format
//	old.go         what the table does not have: found by index and headers; timestamps
//	delete.go      deletion from the front, from the back, of everything
//	rewrite.go     segments that compaction writes again: the swap, and what a crash leaves of it
//	recover.go     what Open does with what a crash has left
//	header.go      the 61 bytes before the records of a batch
//	beside.go      the small files of a log: leader epochs, topic id, snapshots
//	checkpoint.go  the formats of the checkpoints and markers
//	meta.go        the format of meta.properties
//	snapshot.go    the format of a snapshot of producers
//	check.go       what no log may be, for audits
//
// # What is on the disk
//
// In the directory of a log, "orders-0", where N is an offset of 20 digits:
//
//	N.log                    batches, from offset N on
//	N.index                  last offset less N, position: 4 and 4 bytes
//	N.timeindex              largest timestamp up to an offset less N: 8 and 4 bytes
//	N.txnindex               aborted transactions whose markers are in N.log: version,
//	                         producer id, first offset, offset of the marker, last stable
//	                         offset: 2 and 4 times 8 bytes; absent without any
//	N.snapshot               what the log below N says of producers (version 1)
//	leader-epoch-checkpoint  where each leader epoch begins (version 0)
//	partition.metadata       the topic id
//	*.deleted, *.tmp         what Open removes
//	*.cleaned                what is being written again; Open removes it
//	*.swap                   what is to take the place of others; Open finishes that
//
// In the directory of all
// logs stand recovery-point-offset-checkpoint, replication-offset-checkpoint,
// log-start-offset-checkpoint, cleaner-offset-checkpoint and .kafka_cleanshutdown; their
// owner is the node.
//
// # What must hold
//
//   - Storage asks for no syncs. What was appended is visible at once and durable when
//     its owner has synced [Log.File], for the rest [Log.Unsynced]; what was read stays
//     as it was even if the log is truncated afterwards, for [machine.Bytes] do not change.
//   - A sync of a file makes its name durable too, and that of a name that means nothing
//     makes it durable that there is none: [machine.Files] has no sync of a directory, and
//     a host does that with the file's. A rename is atomic and not durable.
//   - A checksum does not cover the base offset and the leader epoch, so that a leader can
//     assign them. A garbled offset is found by its not being the one that must follow,
//     and no checksum tells a file that ends between two batches from one that was always
//     so short: that is what syncs are for.
//   - An index follows from its log and index.interval.bytes alone, so that it is compared,
//     not believed, where the log is read again. Where it is not read again an index that is
//     absent, or not in order, or does not lead to the last batches, has its segment read
//     again; one that is wrong in between is found out when it leads to no batch.
//   - Which transactions were aborted no batch tells by itself: where segments are read again
//     their owner makes those indexes again ([Log.PutAborted]), elsewhere they are believed.
//   - What is durable is never cut. Segments are not read again if the next begins at or
//     below the recovery point; a hole behind one of those means that the recovery point
//     lies, and it is read again. The last segment always is, unless the node was shut down
//     cleanly. What follows a hole goes, since deletions from the back go latest first, and
//     one from the front waits until the one before it is durable.
//   - Batches follow each other without a hole, so that a garbled offset is found, unless the
//     owner says that compaction may have left some ([Options].Holes). Segments always do:
//     of the last batch of those that are written again something stays. Table and digests
//     begin behind what compaction has touched, which no two replicas have alike.
//   - A log is one file until its owner rolls it. Its start is the name of its first file,
//     or the log start offset that its owner has written down.
//   - The table has 32 bytes a batch, of all of them unless [Options].Remember says how many
//     of the last. Audits compare what both logs have in it.
package storage
