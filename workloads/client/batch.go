package client

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Record is what a producer is asked to send.
type Record struct {
	Key, Value []byte // nil is null; neither may change while the record is under way
	// Filler, if it is not 0, is how many bytes the value has, which is then filler of
	// this identity: [machine.Filler]. Value is not looked at.
	Filler   int32
	Identity uint64
	// Tombstone has the record's value be null, and what stands in Value be in a header:
	// what deletes a key has an identity, too.
	Tombstone bool
	// Ticket is the caller's: it comes back with the result.
	Ticket int64
	// Time is the record's timestamp in ms (CreateTime).
	Time int64
}

// recordOverhead is Kafka's DefaultRecord.MAX_RECORD_OVERHEAD: the length, the
// attributes, the deltas of timestamp and offset at their longest.
const recordOverhead = 21

// sizeAtMost is how many bytes a record takes in a batch, at most
// (DefaultRecord.recordSizeUpperBound): what max.request.size and buffer.memory
// go by.
func (r *Record) sizeAtMost() int64 {
	return recordOverhead + r.content()
}

// content is the size of key, value and headers, of which only a tombstone has one.
func (r *Record) content() int64 {
	if r.Filler != 0 {
		return bytesSize(r.Key) + varintSize(int64(r.Filler)) + int64(r.Filler) + 1
	}
	if r.Tombstone {
		return bytesSize(r.Key) + 1 + 1 + bytesSize([]byte(tombstoneHeader)) + bytesSize(r.Value)
	}
	return bytesSize(r.Key) + bytesSize(r.Value) + 1
}

// tombstoneHeader is the key of the header in which a tombstone has what would be its value.
const tombstoneHeader = "value"

// ValueOf is the value of a record, or what a tombstone has instead.
func ValueOf(r *wire.Record) []byte {
	if r.Value == nil && len(r.Headers) == 1 && r.Headers[0].Key == tombstoneHeader {
		return r.Headers[0].Value
	}
	return r.Value
}

// sizeAfter is how many bytes a record takes after those of a batch.
func (r *Record) sizeAfter(records []Record) int64 {
	delta := int64(0)
	if len(records) > 0 {
		delta = r.Time - records[0].Time
	}
	n := 1 + varintSize(delta) + varintSize(int64(len(records))) + r.content()
	return varintSize(n) + n
}

// bytesSize is the size of a byte string with its length before it; null takes
// as much as an empty one.
func bytesSize(b []byte) int64 { return varintSize(int64(len(b))) + int64(len(b)) }

// varintSize is the number of bytes of a zigzag varint.
func varintSize(x int64) int64 {
	n := int64(1)
	for v := uint64(x)<<1 ^ uint64(x>>63); v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// spare is the memory of records whose results have been seen.
type spare [][]Record

// take returns room for some records, and more if there are more.
func (s *spare) take(usual int) []Record {
	if n := len(*s); n > 0 {
		records := (*s)[n-1]
		*s = (*s)[:n-1]
		return records
	}
	return make([]Record, 0, max(usual, 1))
}

// give takes records back that nobody looks at any more.
func (s *spare) give(records []Record) {
	const most = 64
	if len(*s) < most {
		clear(records)
		*s = append(*s, records[:0])
	}
}

// noSequence is the base sequence of a batch that has none yet.
const noSequence int32 = -1

// batch is records of one partition that are sent, and fail, together.
type batch struct {
	part    *accumulated
	number  uint64 // of the partition's batches: names the draws about it
	records []Record
	size    int64 // of the encoded batch in bytes
	buffer  int64 // what it holds of buffer.memory

	created  machine.Instant
	attempts uint32          // that have ended without a result
	retryAt  machine.Instant // the back-off after the last of them
	epochAt  int32           // the leader epoch of the last attempt

	pid     int64
	epoch   int16
	baseSeq int32
	reset   bool // the sequence was given anew after an epoch bump
	encoded wire.Records

	closed bool // takes no more records: it has been sent, or the next one did not fit
	maybe  bool // an attempt ended without anybody knowing whether it was appended
	done   bool // the caller has its result; an answer that comes later says nothing
}

// hasRoom decides by exact sizes, as MemoryRecordsBuilder.hasRoomFor does, so
// that no batch is larger than batch.size unless a single record is.
func (b *batch) hasRoom(r *Record, batchSize int64) bool {
	return !b.full(batchSize) && (len(b.records) == 0 || b.size+r.sizeAfter(b.records) <= batchSize)
}

func (b *batch) full(batchSize int64) bool { return b.closed || b.size >= batchSize }

func (b *batch) add(r *Record) {
	b.size += r.sizeAfter(b.records)
	b.records = append(b.records, *r)
}

func (b *batch) lastSeq() int32 { return addSeq(b.baseSeq, int32(len(b.records))-1) }

// addSeq is a+n in Kafka's sequence numbers, which go from 0 to the largest
// int32 and then begin again (DefaultRecordBatch.incrementSequence).
func addSeq(a, n int32) int32 {
	if a > 1<<31-1-n {
		return int32(int64(a) + int64(n) - 1<<31)
	}
	return a + n
}

// seqBefore reports whether a comes before b, allowing for the wrap: sequences
// in flight are never half the numbers apart.
func seqBefore(a, b int32) bool {
	d := (int64(b) - int64(a)) & (1<<31 - 1)
	return d != 0 && d < 1<<30
}

// encode makes the batch's bytes for its producer id, epoch and sequence.
func (b *batch) encode(w *wire.Builder) wire.Records {
	if b.encoded.Len() > 0 {
		return b.encoded
	}
	b.encoded = b.encodeAs(w, b.pid, b.epoch, b.baseSeq)
	return b.encoded
}

// literal is how many bytes of the batch are not filler, or more.
func (b *batch) literal() int64 {
	n := b.size
	for i := range b.records {
		n -= max(int64(b.records[i].Filler)-machine.FillerIdentity, 0)
	}
	return n
}

func (b *batch) encodeAs(w *wire.Builder, pid int64, epoch int16, seq int32) wire.Records {
	w.Reset(pid, epoch, seq)
	w.Grow(int(b.literal()))
	if b.part.transactional {
		w.Transactional()
	}
	for i := range b.records {
		r := &b.records[i]
		if r.Filler != 0 {
			w.AppendFiller(r.Time, r.Key, int(r.Filler), r.Identity)
		} else if r.Tombstone {
			w.Append(r.Time, r.Key, nil, []wire.Header{{Key: tombstoneHeader, Value: r.Value}})
		} else {
			w.Append(r.Time, r.Key, r.Value, nil)
		}
	}
	return w.Bytes()
}

// setSequence gives the batch its place in the producer's sequence.
func (b *batch) setSequence(pid int64, epoch int16, seq int32) {
	b.pid, b.epoch, b.baseSeq = pid, epoch, seq
	b.encoded = wire.Records{}
}

func (b *batch) numbered() bool { return b.baseSeq != noSequence }

// expired reports whether delivery.timeout.ms has passed.
func (b *batch) expired(now machine.Instant, p *Producer) bool {
	return now >= b.created.Add(p.set.DeliveryTimeout)
}
