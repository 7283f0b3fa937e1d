package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"brokersim/broker/machine"
)

// ErrRecord means that the records of a batch are malformed.
var ErrRecord = errors.New("record is malformed")

// Record is one record of a batch. Key and Value are nil if they are null, and
// must not be changed: they are the batch's own bytes.
type Record struct {
	OffsetDelta    int32
	TimestampDelta int64 // ms
	Key, Value     []byte
	Headers        []Header
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte // nil if null
}

// EachRecord calls f for every record of one batch, in order, until f returns
// an error, which it then returns. Every length is checked. What is compressed is
// decompressed; compaction may have taken records out.
func EachRecord(batch machine.Bytes, f func(*Record) error) error {
	h, err := ReadBatch(batch)
	if err != nil {
		return err
	}
	flat := batch.Slice(BatchHeaderSize, h.Size()).Contiguous()
	if h.Compression() != 0 && h.Count > 0 { // compaction leaves nothing at all of no records
		if flat, err = decompress(h.Compression(), flat); err != nil {
			return err
		}
	}
	in := fields{b: flat}
	var r Record
	last := int64(-1)
	for i := range h.Count {
		rec := fields{b: in.bytes(in.varint())}
		rec.take(1) // attributes: none are used
		r.TimestampDelta = rec.varint()
		delta := rec.varint()
		r.Key = rec.bytes(rec.varint())
		r.Value = rec.bytes(rec.varint())
		r.Headers = r.Headers[:0]
		n := rec.varint()
		rec.bad = rec.bad || n < 0
		for ; n > 0 && !rec.bad; n-- {
			key := rec.bytes(rec.varint())
			rec.bad = rec.bad || key == nil
			r.Headers = append(r.Headers, Header{string(key), rec.bytes(rec.varint())})
		}
		if in.bad || rec.bad || len(rec.b) > 0 || delta <= last || delta > int64(h.LastOffsetDelta) {
			return fmt.Errorf("%w: record %d of %d", ErrRecord, i, h.Count)
		}
		last = delta
		r.OffsetDelta = int32(delta)
		if err := f(&r); err != nil {
			return err
		}
	}
	if len(in.b) > 0 {
		return fmt.Errorf("%w: %d bytes after the last", ErrRecord, len(in.b))
	}
	return nil
}

// fields reads the zigzag varints and byte strings of records.
type fields struct {
	b   []byte
	bad bool
}

func (r *fields) varint() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *fields) take(n int64) []byte {
	if n < 0 || n > int64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

// bytes takes n bytes; -1 is null.
func (r *fields) bytes(n int64) []byte {
	if n == -1 {
		return nil
	}
	return r.take(n)
}
