package wire

import (
	"encoding/binary"
	"hash/crc32"

	"brokersim/broker/machine"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Builder makes one uncompressed record batch of magic 2.
type Builder struct {
	h   Batch
	buf []byte // header and records so far
}

// NewBuilder begins a batch. A producer id of -1 means that the producer is not
// idempotent; its epoch and sequence are -1 then too.
func NewBuilder(producerID int64, producerEpoch int16, baseSequence int32) *Builder {
	return &Builder{
		h:   Batch{Magic: 2, LeaderEpoch: -1, ProducerID: producerID, ProducerEpoch: producerEpoch, BaseSequence: baseSequence},
		buf: make([]byte, BatchHeaderSize, BatchHeaderSize+64),
	}
}

// Grow makes room for a batch of n bytes.
func (b *Builder) Grow(n int) {
	if n > cap(b.buf) {
		b.buf = append(make([]byte, 0, n), b.buf...)
	}
}

// Control makes the batch one of markers.
func (b *Builder) Control() { b.h.Attributes |= attrControl }

// Append adds a record with a timestamp in ms. Key and value may be nil: null.
func (b *Builder) Append(timestamp int64, key, value []byte, headers []Header) {
	if b.h.Count == 0 {
		b.h.BaseTimestamp, b.h.MaxTimestamp = timestamp, timestamp
	}
	b.h.MaxTimestamp = max(b.h.MaxTimestamp, timestamp)
	delta := timestamp - b.h.BaseTimestamp
	n := 1 + varintSize(delta) + varintSize(int64(b.h.Count)) + bytesSize(key) + bytesSize(value) + varintSize(int64(len(headers)))
	for i := range headers {
		n += varintSize(int64(len(headers[i].Key))) + len(headers[i].Key) + bytesSize(headers[i].Value)
	}
	buf := binary.AppendVarint(b.buf, int64(n))
	buf = append(buf, 0) // attributes
	buf = binary.AppendVarint(buf, delta)
	buf = binary.AppendVarint(buf, int64(b.h.Count))
	buf = appendBytes(buf, key)
	buf = appendBytes(buf, value)
	buf = binary.AppendVarint(buf, int64(len(headers)))
	for i := range headers {
		buf = binary.AppendVarint(buf, int64(len(headers[i].Key)))
		buf = append(buf, headers[i].Key...)
		buf = appendBytes(buf, headers[i].Value)
	}
	b.buf = buf
	b.h.Count++
}

// Count is the number of records so far.
func (b *Builder) Count() int { return int(b.h.Count) }

// Size is the size of the batch so far, in bytes.
func (b *Builder) Size() int { return len(b.buf) }

// Bytes ends the batch with base offset 0. The builder must not be used
// afterwards.
func (b *Builder) Bytes() machine.Bytes {
	be := binary.BigEndian
	head := b.buf[:BatchHeaderSize]
	be.PutUint32(head[batchLength:], uint32(len(b.buf)-batchOverhead))
	be.PutUint32(head[batchEpoch:], uint32(b.h.LeaderEpoch))
	head[batchMagic] = byte(b.h.Magic)
	be.PutUint16(head[batchAttributes:], uint16(b.h.Attributes))
	be.PutUint32(head[23:], uint32(b.h.Count-1))
	be.PutUint64(head[27:], uint64(b.h.BaseTimestamp))
	be.PutUint64(head[35:], uint64(b.h.MaxTimestamp))
	be.PutUint64(head[43:], uint64(b.h.ProducerID))
	be.PutUint16(head[51:], uint16(b.h.ProducerEpoch))
	be.PutUint32(head[53:], uint32(b.h.BaseSequence))
	be.PutUint32(head[57:], uint32(b.h.Count))
	be.PutUint32(head[batchCRC:], crc32.Checksum(b.buf[batchAttributes:], castagnoli))
	return machine.Literal(b.buf)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

// varintSize is the number of bytes of a zigzag varint.
func varintSize(x int64) int {
	u := uint64(x)<<1 ^ uint64(x>>63)
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
