// Package bulk checks a load that is too large for a history: every record is known
// by its producer and its number, which costs a few bits for as long as something
// may still become of it, and nothing afterwards. The same run that is measured is
// judged by it.
//
// The records of a producer lie in blocks of 4096 numbers. A block is dropped when
// all of its records have been sent, have an outcome, and those that were
// acknowledged have been read by every group; what it came to has been counted by
// then. So memory is bounded by what is under way and by how far the slowest group
// is behind.
//
//	ledger.go   what happens to records, told by the clients
//	finish.go   what it came to: columns of the ledger, findings
package bulk
