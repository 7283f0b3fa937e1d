// Package machine says what it means to run.
//
// Everything that runs (a broker, a controller, a client) is a [Machine]: it is
// told what happened and answers with what should be done about it. It owns no
// goroutine, clock or socket, so the same machine runs in the simulator and,
// unchanged, on TCP, files and the wall clock.
//
// Two of the usual ports are missing on purpose. Time is an argument of Step.
// Randomness is a seed given at construction, drawn from by identity: see [Draw].
//
// # Bytes that nobody reads
//
// Most bytes of a run with load are the values of records, which brokers carry and
// never read. [Bytes] are a rope: a piece is literal or is what a [Source] makes, and
// of what it makes length, checksum and digest are known without making it. [Filler]
// is the simplest source. A piece each for header, key and value of every record would
// be two pieces a record at every hop (128 bytes for a record in each frame, and as
// much again in each page cache); so the protocol package has one source for a whole
// record batch, which holds what is literal in it (some 17 bytes a record) and is one
// piece of 40 bytes wherever the batch is: in frames, in the extents of files and in
// what is read from them. Build, two brokers' checks, stamp, consumer's check and walk
// over 16 records of 1 KiB cost 2.2 us together and 8 allocations; all else that
// carries the batch shares it.
//
// The checksum comes from linear algebra: appending n bytes multiplies a checksum by
// x^8n, so that what is appended needs to be known by its own checksum only. Filler is
// its identity, eight bytes, and then noise which is the same in all filler: one
// multiplication a value (36 ns), however long it is.
//
// # Who shares bytes, and until when
//
// Bytes never change once they are anybody's, so whoever has them keeps them by the rope
// that names them, and the garbage collector lets go of what no rope names. A batch is
// made once, when its producer sends it, and nothing but its header is made again: by the
// leader, which stamps offset and epoch (some 110 bytes), and by a producer that
// renumbers it. The records are the same for all of these:
//
//	the producer's batch     until it has its outcome: a retry sends the same
//	a frame under way        until the step that it was delivered to is over
//	the files of brokers     until a log is truncated below it, or its segment is
//	                         deleted or compacted away, in the cache and on the disk: what
//	                         is not resident in virtual time is still in this memory
//	what a reader has polled until it has done with the records: the next poll
//
// A Fetch answer reads the leader's extents and the follower appends what it got, so one
// batch stands in the files of three brokers and is there once. What it costs for each
// broker is an extent of its file, a digest for audits and at times an entry of an index:
// some 200 bytes a batch. Literal bytes go the same way, whole frames of small
// requests with them: an append copies what is smaller than 8 KiB, so that a file does not
// hold the frames that its batches came in.
//
// Of a load of 200,000 records a second of 1 KiB in batches of 54 (BenchmarkBulk of
// package scenario) 36 bytes a record are held: 17 are the records, 7 the extents of three
// brokers, 4 each what the audits know of logs and how often identities were drawn, 2 each
// headers, small files and indexes. That grows with what the logs keep and with nothing
// else: see checker/bulk for what is known of a record that has been read.
//
//	machine.go   what a machine is, its inputs, its files
//	effects.go   what it wants done
//	draw.go      randomness by identity
//	bytes.go     the rope; cursor.go reads it from the front
//	source.go    what makes bytes; filler.go the simplest
//	crc.go       checksums of what is not made; digest.go hashes
package machine
