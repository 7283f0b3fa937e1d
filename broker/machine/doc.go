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
//	machine.go   what a machine is, its inputs, its files
//	effects.go   what it wants done
//	draw.go      randomness by identity
//	bytes.go     the rope; cursor.go reads it from the front
//	source.go    what makes bytes; filler.go the simplest
//	crc.go       checksums of what is not made; digest.go hashes
package machine
