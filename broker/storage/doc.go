// Package storage is an append-only log of record batches on a node's files,
// in the format of Kafka's .log files.
//
// The journey of a batch. [Log.Append] looks at the headers of what it is given,
// adds the bytes to the file as they are and notes where each batch stands.
// [Log.Read] finds the first batch by binary search and gives out the file's own
// bytes: nothing is decoded, nothing copied. After a crash [Open] walks over the
// file, checks every checksum and cuts the file where the whole batches end.
//
//	log.go      append, read, truncate, digest, compare
//	segment.go  the files of a log: rolled, deleted from the front
//	recover.go  what Open does with what a crash has left
//	header.go   the 61 bytes before the records of a batch
//
// Storage asks for no syncs. What was appended is visible at once and durable
// when its owner has synced [Log.File]; what was read stays as it was even if
// the log is truncated afterwards, for [machine.Bytes] do not change.
//
// Non-obvious: a checksum does not cover the base offset and the leader epoch,
// so that a leader can assign them. A garbled offset is found by its not being
// the one that must follow, and no checksum tells a file that ends between two
// batches from one that was always so short: that is what syncs are for.
//
// A log is one file until its owner rolls it. Its start is the name of its first file,
// so that what follows in the log must be durable before the first file goes, and one
// deletion must be before the next: else a loss of power leaves a hole, or nothing that
// tells where the log starts. There is no index file: positions are in memory, 32 bytes
// a batch. One will not change what a caller sees.
package storage
