package wire

import (
	"encoding/binary"
	"math"

	"brokersim/broker/machine"
)

// RecordHead is what a broker looks at in a producer's record.
type RecordHead struct {
	Index          int32 // in its batch
	TimestampDelta int64 // ms
	HasKey         bool
}

// CheckRecords reads the records of a producer's whole batch as Kafka's broker does, calls f
// for each, and returns Kafka's error if it cannot read them: INVALID_RECORD, or
// UNKNOWN_SERVER_ERROR where Kafka runs into an exception that it does not expect, as when
// they cannot be decompressed. The offsets of records that are not compressed may be
// anything, as there (LogValidator, DefaultRecordBatch).
func CheckRecords(h *Batch, batch machine.Bytes, f func(RecordHead)) (code int16) {
	flat := batch.Slice(BatchHeaderSize, h.Size()).Contiguous()
	compressed := h.Compression() != 0
	if compressed {
		var err error
		if flat, err = decompress(h.Compression(), flat); err != nil {
			return UnknownServerError
		}
	}
	for i := range h.Count {
		size, n := varint32(flat)
		switch {
		case n < 0:
			return UnknownServerError
		case n == 0, size < 0, int64(size) > int64(len(flat)-n):
			return InvalidRecord
		}
		r := RecordHead{Index: i}
		delta, ok := r.read(flat[n : n+int(size)])
		if !ok {
			return InvalidRecord
		}
		if compressed && delta != int64(i) {
			return UnknownServerError
		}
		f(r)
		flat = flat[n+int(size):]
	}
	if len(flat) > 0 {
		return InvalidRecord
	}
	return 0
}

// read reads the body of a record, all of which it must be.
func (r *RecordHead) read(b []byte) (offsetDelta int64, ok bool) {
	in := fields{b: b}
	in.take(1) // attributes: none are used
	r.TimestampDelta = in.varint()
	offsetDelta = in.varint()
	if n := in.varint(); n >= 0 {
		r.HasKey = true
		in.take(n)
	}
	if n := in.varint(); n >= 0 {
		in.take(n)
	}
	headers := in.varint()
	in.bad = in.bad || headers < 0
	for ; headers > 0 && !in.bad; headers-- {
		in.take(in.varint()) // a key is never null
		if n := in.varint(); n >= 0 {
			in.take(n)
		}
	}
	return offsetDelta, !in.bad && len(in.b) == 0
}

// varint32 is a varint as Kafka reads one of 32 bits: n is 0 if b ends in it, and negative
// if it is longer than five bytes.
func varint32(b []byte) (x int32, n int) {
	const most = 5
	v, n := binary.Varint(b[:min(len(b), most)])
	switch {
	case n == 0 && len(b) >= most, n < 0, v < math.MinInt32, v > math.MaxInt32:
		return 0, -1
	}
	return int32(v), n
}
