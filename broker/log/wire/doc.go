// Package wire is Kafka's protocol as bytes: frames, request and response
// headers, the versions that a listener serves, both ends of a connection, and
// record batches. Message bodies are kmsg's; what is here is what kmsg leaves
// out, and the one thing that it would do at a price: it copies records.
//
// The journey of a produce request. The producer gives [Peer.Send] the request
// with its Records fields empty and the batches beside it. kmsg encodes the
// body; a walker that knows where the records stand in a body ([walker]) splices
// the batches in as pieces of the frame, so that the frame has Kafka's bytes
// and the batch is still the producer's own slice. The connection carries the
// frame. [DecodeRequest] walks the same path and cuts the batches out again: the
// broker's log appends the producer's slice. A fetch response goes the same way.
//
//	frame.go    size prefix, request and response headers, splitting a stream
//	walker.go   where the records stand in a Produce request and a Fetch response
//	table.go    which versions are served: ApiVersions is answered from the same table
//	request.go  the answering end: decode a request, encode its response
//	conn.go     the answering end: one request of a connection at a time
//	peer.go     the requesting end: correlation ids, versions, requests in flight
//	ident.go    what a frame is about, for faults and draws
//	batch.go    record batches v2, in place; builder.go makes them; record.go reads records;
//	            compact.go takes records out of them; compress.go has the codecs
//	plain.go    frames that are as most are, read and written without kmsg
//	marker.go   the end of a transaction, in a control batch
//	sparse.go   a batch of filler that is not held in memory
//	checkrecords.go  what a broker refuses in a producer's records (LogValidator)
//	errors.go   Kafka's error codes by name
//
// Non-obvious: the response header of ApiVersions is always version 0 (KIP-511),
// for a client must read it before it knows what the broker speaks. Arrays are
// sent empty, never null: a nil slice of kmsg would become null on the wire and
// break Java clients.
package wire
