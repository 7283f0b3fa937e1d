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
	buf []byte // header and records so far, as in a sparse batch if it is one

	sparse bool
	noise  int64  // of filler values: bytes of the batch that are not in buf
	crc    uint32 // if sparse, of the records in buf up to summed and their noise
	summed int
}

// NewBuilder begins a batch. A producer id of -1 means that the producer is not
// idempotent; its epoch and sequence are -1 then too.
func NewBuilder(producerID int64, producerEpoch int16, baseSequence int32) *Builder {
	b := new(Builder)
	b.Reset(producerID, producerEpoch, baseSequence)
	return b
}

// Reset begins another batch, in the memory of the last one if that is free.
func (b *Builder) Reset(producerID int64, producerEpoch int16, baseSequence int32) {
	buf := b.buf
	if buf == nil {
		buf = make([]byte, BatchHeaderSize, BatchHeaderSize+64)
	}
	*b = Builder{
		h:   Batch{Magic: 2, LeaderEpoch: -1, ProducerID: producerID, ProducerEpoch: producerEpoch, BaseSequence: baseSequence},
		buf: buf[:BatchHeaderSize],
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

// Transactional makes the batch part of its producer's transaction.
func (b *Builder) Transactional() { b.h.Attributes |= attrTransactional }

// Place gives the batch its place in the log of its leader, who makes it: it need not be
// stamped then.
func (b *Builder) Place(baseOffset int64, leaderEpoch int32) {
	b.h.BaseOffset, b.h.LeaderEpoch = baseOffset, leaderEpoch
}

// Append adds a record with a timestamp in ms. Key and value may be nil: null.
func (b *Builder) Append(timestamp int64, key, value []byte, headers []Header) {
	delta := b.delta(timestamp)
	r := Record{OffsetDelta: b.h.Count, Key: key, Value: value, Headers: headers}
	b.buf = appendRecord(b.buf, &r, delta)
	b.h.Count++
}

// delta takes the timestamp of the next record.
func (b *Builder) delta(timestamp int64) int64 {
	if b.h.Count == 0 {
		b.h.BaseTimestamp, b.h.MaxTimestamp = timestamp, timestamp
	}
	b.h.MaxTimestamp = max(b.h.MaxTimestamp, timestamp)
	return timestamp - b.h.BaseTimestamp
}

// AppendFiller adds a record without headers, whose value is filler of a size in
// bytes: [machine.Filler]. Nothing of it but the identity takes memory.
func (b *Builder) AppendFiller(timestamp int64, key []byte, size int, identity uint64) {
	if !b.sparse {
		b.sparse, b.summed = true, BatchHeaderSize
	}
	delta := b.delta(timestamp)
	n := 2 + varintSize(delta) + varintSize(int64(b.h.Count)) + bytesSize(key) + varintSize(int64(size)) + size
	buf := binary.AppendVarint(b.buf, int64(n))
	attributes := len(buf)
	buf = append(buf, 0)
	buf = binary.AppendVarint(buf, delta)
	buf = binary.AppendVarint(buf, int64(b.h.Count))
	buf = appendBytes(buf, key)
	buf = binary.AppendVarint(buf, int64(size))
	there := min(size, machine.FillerIdentity)
	buf = binary.LittleEndian.AppendUint64(buf, identity)[:len(buf)+there]
	b.crc = machine.UpdateNoiseCRC32C(crc32.Update(b.crc, castagnoli, buf[b.summed:]), int64(there), int64(size))
	b.summed = len(buf)
	buf[attributes] = markFiller
	b.buf = append(buf, 0) // headers
	b.noise += int64(size - there)
	b.h.Count++
}

// Count is the number of records so far.
func (b *Builder) Count() int { return int(b.h.Count) }

// Size is the size of the batch so far, in bytes.
func (b *Builder) Size() int { return len(b.buf) + int(b.noise) }

// Bytes ends the batch, with base offset 0 unless it has a place. The builder can be used again after a
// Reset.
func (b *Builder) Bytes() machine.Bytes {
	be := binary.BigEndian
	head := b.buf[:BatchHeaderSize]
	be.PutUint64(head, uint64(b.h.BaseOffset))
	be.PutUint32(head[batchLength:], uint32(b.Size()-batchOverhead))
	be.PutUint32(head[batchEpoch:], uint32(b.h.LeaderEpoch))
	head[batchMagic] = byte(b.h.Magic)
	be.PutUint16(head[batchAttributes:], uint16(b.h.Attributes))
	be.PutUint32(head[batchLastDelta:], uint32(b.h.Count-1))
	be.PutUint64(head[batchTimes:], uint64(b.h.BaseTimestamp))
	be.PutUint64(head[batchTimes+8:], uint64(b.h.MaxTimestamp))
	putProducer(head, b.h.ProducerID, b.h.ProducerEpoch, b.h.BaseSequence)
	be.PutUint32(head[batchCount:], uint32(b.h.Count))
	if b.sparse {
		return machine.Made(b.made())
	}
	be.PutUint32(head[batchCRC:], crc32.Checksum(b.buf[batchAttributes:], castagnoli))
	out := machine.Literal(b.buf)
	b.buf = nil
	return out
}

func putProducer(head []byte, id int64, epoch int16, sequence int32) {
	be := binary.BigEndian
	be.PutUint64(head[batchProducer:], uint64(id))
	be.PutUint16(head[51:], uint16(epoch))
	be.PutUint32(head[53:], uint32(sequence))
}

// made is the batch as it leaves out noise. Its records are a copy of their own size.
func (b *Builder) made() *sparse {
	s := &sparse{n: int64(b.Size()), records: append([]byte(nil), b.buf[BatchHeaderSize:]...)}
	copy(s.head[:], b.buf)
	s.seal(crc32.Update(b.crc, castagnoli, b.buf[b.summed:]))
	return s
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
