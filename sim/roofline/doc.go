// Package roofline says what no run can exceed, and what published rules of thumb
// would have said: for each resource of a cluster the records a second at which it
// is busy all the time, as a sentence with its numbers and its source.
//
// Everything here decides which shapes are rejected, so it is exact: integers and
// fractions, no floating point. A roof is optimistic on purpose (nothing waits,
// fetches are so large that a request of theirs costs nothing), so that a
// simulation above it is wrong, and one far below it has to be explained.
//
//	number.go    fractions and how they are written
//	cluster.go   what a roof is asked about
//	resource.go  the roofs of network, disk, CPU, fsync
//	producer.go  the roof of the clients that send
//	reader.go    and of those that read
//	rules.go     AWS, Netflix, Confluent: for comparison, they bound nothing
//	batch.go     how many records a batch gets under Poisson arrivals, and their wait
//	disk.go      retention, page cache, partitions
package roofline
