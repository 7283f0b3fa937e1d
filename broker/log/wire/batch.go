package wire

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"strconv"

	"brokersim/broker/machine"
)

// TP is a partition of a topic.
type TP struct {
	Topic     string
	Partition int32
}

// String is Kafka's form, such as "orders-0".
func (t TP) String() string { return t.Topic + "-" + strconv.Itoa(int(t.Partition)) }

// Compare orders by topic, then by partition.
func (t TP) Compare(u TP) int {
	return cmp.Or(cmp.Compare(t.Topic, u.Topic), cmp.Compare(t.Partition, u.Partition))
}

// BatchHeaderSize is the size of the header of a record batch of magic 2.
const BatchHeaderSize = 61

// Where the fields of a batch stand. What stands before batchAttributes is not
// under the checksum, so that a broker may assign offset and epoch.
const (
	batchLength     = 8
	batchEpoch      = 12
	batchMagic      = 16
	batchCRC        = 17
	batchAttributes = 21
	batchLastDelta  = 23
	batchTimes      = 27 // the base, and the largest
	batchProducer   = 43
	batchCount      = 57
	batchOverhead   = 12 // what batchLength does not count
)

// Attributes of a batch.
const (
	attrCompression   = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
)

// What is wrong with a batch.
var (
	ErrBatchShort = errors.New("record batch ends early")
	ErrBatchMagic = errors.New("record batch is not of magic 2")
	ErrBatchCRC   = errors.New("record batch does not match its CRC-32C")
	ErrBatchCount = errors.New("record batch counts its records wrongly")
)

// Batch is the header of a record batch of magic 2 (KIP-98).
type Batch struct {
	BaseOffset      int64
	Length          int32 // bytes after this field
	LeaderEpoch     int32
	Magic           int8
	CRC             uint32 // CRC-32C of everything after this field
	Attributes      int16
	LastOffsetDelta int32
	BaseTimestamp   int64 // ms
	MaxTimestamp    int64 // ms
	ProducerID      int64 // -1: none
	ProducerEpoch   int16
	BaseSequence    int32 // -1: none
	Count           int32
}

// Size is the number of bytes of the whole batch.
func (h *Batch) Size() int64 { return int64(h.Length) + batchOverhead }

// LastOffset is the offset of the last record.
func (h *Batch) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// NextOffset is the offset after the last record.
func (h *Batch) NextOffset() int64 { return h.LastOffset() + 1 }

// Compression is the codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
func (h *Batch) Compression() int8 { return int8(h.Attributes & attrCompression) }

// IsControl reports whether the batch holds markers, not a client's records.
func (h *Batch) IsControl() bool { return h.Attributes&attrControl != 0 }

// IsTransactional reports whether the batch belongs to a transaction.
func (h *Batch) IsTransactional() bool { return h.Attributes&attrTransactional != 0 }

// IsLogAppendTime reports whether the timestamps of the batch are the broker's.
func (h *Batch) IsLogAppendTime() bool { return h.Attributes&attrLogAppendTime != 0 }

// DeleteHorizon is the time in ms from which on the batch's tombstones may go (KIP-534):
// it stands in the place of the base timestamp. There is none before the batch has been
// cleaned once.
func (h *Batch) DeleteHorizon() (millis int64, ok bool) {
	return h.BaseTimestamp, h.Attributes&attrDeleteHorizon != 0
}

// LastSequence is the sequence of the last record; sequences wrap at 2^31.
func (h *Batch) LastSequence() int32 {
	return int32((int64(h.BaseSequence) + int64(h.LastOffsetDelta)) & 0x7fffffff)
}

// ReadBatch reads the header of the first batch in b. It checks that b holds
// the whole batch and that the magic is 2, not the checksum.
func ReadBatch(b machine.Bytes) (Batch, error) {
	if b.Len() < BatchHeaderSize {
		return Batch{}, ErrBatchShort
	}
	var head [BatchHeaderSize]byte
	n := 0
	for literal, source := range b.Parts {
		if s, ok := source.(*sparse); ok {
			literal = s.head[:]
		} else if source != nil {
			literal = source.AppendRange(nil, 0, min(source.Len(), BatchHeaderSize))
		}
		if n += copy(head[n:], literal); n == BatchHeaderSize {
			break
		}
	}
	h := header(&head)
	switch {
	case h.Magic != 2:
		return h, fmt.Errorf("%w: %d", ErrBatchMagic, h.Magic)
	case h.Length < BatchHeaderSize-batchOverhead || h.Size() > b.Len():
		return h, ErrBatchShort
	}
	return h, nil
}

// header reads the fields, without looking at what they say.
func header(head *[BatchHeaderSize]byte) Batch {
	be := binary.BigEndian
	return Batch{
		BaseOffset:      int64(be.Uint64(head[0:])),
		Length:          int32(be.Uint32(head[batchLength:])),
		LeaderEpoch:     int32(be.Uint32(head[batchEpoch:])),
		Magic:           int8(head[batchMagic]),
		CRC:             be.Uint32(head[batchCRC:]),
		Attributes:      int16(be.Uint16(head[batchAttributes:])),
		LastOffsetDelta: int32(be.Uint32(head[23:])),
		BaseTimestamp:   int64(be.Uint64(head[27:])),
		MaxTimestamp:    int64(be.Uint64(head[35:])),
		ProducerID:      int64(be.Uint64(head[43:])),
		ProducerEpoch:   int16(be.Uint16(head[51:])),
		BaseSequence:    int32(be.Uint32(head[53:])),
		Count:           int32(be.Uint32(head[57:])),
	}
}

// Produced is the one batch that a producer has sent for a partition, or Kafka's error for
// what is none, with what it says of it: not one whole batch of magic 2, or another after it
// (ProduceRequest.validateRecords). A part of one that comes after it is left out. It looks
// at nothing but the sizes and the magic.
func Produced(b machine.Bytes) (h Batch, batch machine.Bytes, code int16, why string) {
	if h, err := ReadBatch(b); err == nil && h.Size() == b.Len() {
		return h, b, 0, ""
	}
	raw := b.Contiguous()
	size, magic, code, why := firstBatch(raw)
	switch {
	case code != 0:
		return h, b, code, why
	case size == 0, magic != 2:
		return h, b, InvalidRecord, ""
	case size < BatchHeaderSize:
		return h, b, CorruptMessage, ""
	}
	if next, _, code, why := firstBatch(raw[size:]); code != 0 {
		return h, b, code, why
	} else if next > 0 {
		return h, b, InvalidRecord, ""
	}
	batch = b.Slice(0, size)
	if h, err := ReadBatch(batch); err == nil {
		return h, batch, 0, ""
	}
	return h, b, CorruptMessage, ""
}

// firstBatch is the size of the first batch, of any magic, in b: 0 if there is no whole one
// (ByteBufferLogInputStream.nextBatchSize).
func firstBatch(b []byte) (size int64, magic int8, code int16, why string) {
	const least = 14 // of a message of magic 0
	if len(b) < batchOverhead {
		return 0, 0, 0, ""
	}
	length := int32(binary.BigEndian.Uint32(b[batchLength:]))
	if length < least {
		return 0, 0, CorruptMessage, fmt.Sprintf("Record size %d is less than the minimum record overhead (%d)", length, least)
	}
	if len(b) <= batchMagic {
		return 0, 0, 0, ""
	}
	if magic = int8(b[batchMagic]); magic < 0 || magic > 2 {
		return 0, magic, CorruptMessage, fmt.Sprintf("Invalid magic found in record: %d", magic)
	}
	if size = int64(length) + batchOverhead; size > int64(len(b)) {
		return 0, magic, 0, ""
	}
	return size, magic, 0, ""
}

// CheckBatch checks that b is exactly one batch: its header, its checksum, and
// that it counts its records as offsets do. It does not look into the records.
func CheckBatch(b machine.Bytes) (Batch, error) {
	h, err := CheckStored(b)
	if err == nil && (h.Count == 0 || h.LastOffsetDelta != h.Count-1) {
		err = ErrBatchCount
	}
	return h, err
}

// CheckStored checks that b is exactly one batch as it may stand in a log: that of a
// producer, or what compaction has left of one, perhaps nothing but the header.
func CheckStored(b machine.Bytes) (Batch, error) {
	h, err := ReadBatch(b)
	switch {
	case err != nil:
		return h, err
	case h.Size() != b.Len():
		return h, ErrTrailing
	case !h.Intact(b):
		return h, ErrBatchCRC
	case h.Count < 0 || h.LastOffsetDelta < 0 || h.LastOffsetDelta < h.Count-1 || h.BaseOffset < 0:
		return h, ErrBatchCount
	}
	return h, nil
}

// Intact reports whether the checksum of a whole batch is right; h is its header.
func (h *Batch) Intact(b machine.Bytes) bool { return b.RangeCRC32C(batchAttributes, b.Len()) == h.CRC }

// SplitBatches yields the whole batches of b in order. A last one that was cut,
// as fetches may do, is left out; so is everything from the first that is no
// batch on.
func SplitBatches(b machine.Bytes) iter.Seq2[Batch, machine.Bytes] {
	return func(yield func(Batch, machine.Bytes) bool) {
		for b.Len() > 0 {
			h, err := ReadBatch(b)
			if err != nil || !yield(h, b.Slice(0, h.Size())) {
				return
			}
			b = b.Slice(h.Size(), b.Len())
		}
	}
}

// Stamp gives a batch its place in the log: a new base offset and leader epoch,
// everything else shared. The checksum does not cover them.
func Stamp(b machine.Bytes, baseOffset int64, leaderEpoch int32) machine.Bytes {
	var head [batchMagic]byte
	b.CopyTo(head[:], 0)
	binary.BigEndian.PutUint64(head[:], uint64(baseOffset))
	binary.BigEndian.PutUint32(head[batchEpoch:], uint32(leaderEpoch))
	if s, ok := b.Source().(*sparse); ok {
		return machine.Made(s.stamped(head[:]))
	}
	return machine.Concat(machine.Literal(head[:]), b.Slice(batchMagic, b.Len()))
}

// Renumber gives a batch another place in a producer's sequence. It is as new, with
// base offset 0.
func Renumber(b machine.Bytes, producerID int64, producerEpoch int16, baseSequence int32) machine.Bytes {
	if s, ok := b.Source().(*sparse); ok {
		return machine.Made(s.renumbered(producerID, producerEpoch, baseSequence))
	}
	flat := b.AppendTo(make([]byte, 0, b.Len()))
	putProducer(flat, producerID, producerEpoch, baseSequence)
	binary.BigEndian.PutUint32(flat[batchCRC:], crc32.Checksum(flat[batchAttributes:], castagnoli))
	return machine.Literal(flat)
}
