package wire

import (
	"encoding/binary"
	"hash/crc32"

	"brokersim/broker/machine"
)

// NoHorizon is a delete horizon that a batch does not have.
const NoHorizon int64 = -1

// Retain is what compaction leaves of a batch: the records of which keep says so, with
// their offsets, under the header that they had. What stands there of offsets, epochs and
// sequences stays, and so does the codec. With a delete horizon, in ms, the batch says
// when its tombstones may go (KIP-534); with [NoHorizon] it says what it said. Of no
// records at all the header alone is left (MemoryRecords.filterTo).
func Retain(batch machine.Bytes, horizon int64, keep func(*Record) bool) (machine.Bytes, error) {
	h, err := ReadBatch(batch)
	if err != nil {
		return machine.Bytes{}, err
	}
	base, latest := h.BaseTimestamp, NoHorizon
	if horizon != NoHorizon {
		h.BaseTimestamp = horizon
		h.Attributes |= attrDeleteHorizon
	}
	records, count := []byte(nil), int32(0)
	err = EachRecord(batch, func(r *Record) error {
		if keep(r) {
			count++
			latest = max(latest, base+r.TimestampDelta)
			records = appendRecord(records, r, base+r.TimestampDelta-h.BaseTimestamp)
		}
		return nil
	})
	if err != nil {
		return machine.Bytes{}, err
	}
	switch {
	case count == 0:
		h.BaseTimestamp = -1
		h.Attributes &^= attrCompression | attrDeleteHorizon
	case !h.IsLogAppendTime():
		h.MaxTimestamp = latest
	}
	if count > 0 {
		if records, err = compress(h.Compression(), records); err != nil {
			return machine.Bytes{}, err
		}
	}
	h.Count = count
	return h.with(records), nil
}

// Compress is a batch of no codec with its records in one.
func Compress(batch machine.Bytes, codec int8) (machine.Bytes, error) {
	h, err := ReadBatch(batch)
	if err != nil {
		return machine.Bytes{}, err
	}
	records, err := compress(codec, batch.Slice(BatchHeaderSize, h.Size()).Contiguous())
	if err != nil {
		return machine.Bytes{}, err
	}
	h.Attributes = h.Attributes&^attrCompression | int16(codec)
	return h.with(records), nil
}

// with is the batch of a header and its records, with the length and the checksum that
// those make.
func (h Batch) with(records []byte) machine.Bytes {
	b := make([]byte, BatchHeaderSize, BatchHeaderSize+len(records))
	be := binary.BigEndian
	be.PutUint64(b, uint64(h.BaseOffset))
	be.PutUint32(b[batchLength:], uint32(BatchHeaderSize-batchOverhead+len(records)))
	be.PutUint32(b[batchEpoch:], uint32(h.LeaderEpoch))
	b[batchMagic] = byte(h.Magic)
	be.PutUint16(b[batchAttributes:], uint16(h.Attributes))
	be.PutUint32(b[batchLastDelta:], uint32(h.LastOffsetDelta))
	be.PutUint64(b[batchTimes:], uint64(h.BaseTimestamp))
	be.PutUint64(b[batchTimes+8:], uint64(h.MaxTimestamp))
	putProducer(b, h.ProducerID, h.ProducerEpoch, h.BaseSequence)
	be.PutUint32(b[batchCount:], uint32(h.Count))
	b = append(b, records...)
	be.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttributes:], castagnoli))
	return machine.Literal(b)
}

// appendRecord adds a record with its own offset delta, and a timestamp delta in ms.
func appendRecord(b []byte, r *Record, timestamp int64) []byte {
	n := 1 + varintSize(timestamp) + varintSize(int64(r.OffsetDelta)) + bytesSize(r.Key) + bytesSize(r.Value) + headersSize(r.Headers)
	b = binary.AppendVarint(b, int64(n))
	b = append(b, 0) // attributes
	b = binary.AppendVarint(b, timestamp)
	b = binary.AppendVarint(b, int64(r.OffsetDelta))
	b = appendBytes(b, r.Key)
	b = appendBytes(b, r.Value)
	return appendHeaders(b, r.Headers)
}

func headersSize(headers []Header) int {
	n := varintSize(int64(len(headers)))
	for i := range headers {
		n += varintSize(int64(len(headers[i].Key))) + len(headers[i].Key) + bytesSize(headers[i].Value)
	}
	return n
}

func appendHeaders(b []byte, headers []Header) []byte {
	b = binary.AppendVarint(b, int64(len(headers)))
	for i := range headers {
		b = binary.AppendVarint(b, int64(len(headers[i].Key)))
		b = append(b, headers[i].Key...)
		b = appendBytes(b, headers[i].Value)
	}
	return b
}

// StampCreateTime has the timestamps of a batch be the producer's, of which the largest is
// millis. The checksum covers it.
func StampCreateTime(b machine.Bytes, millis int64) machine.Bytes {
	flat := b.AppendTo(make([]byte, 0, b.Len()))
	be := binary.BigEndian
	be.PutUint16(flat[batchAttributes:], be.Uint16(flat[batchAttributes:])&^attrLogAppendTime)
	be.PutUint64(flat[batchTimes+8:], uint64(millis))
	be.PutUint32(flat[batchCRC:], crc32.Checksum(flat[batchAttributes:], castagnoli))
	return machine.Literal(flat)
}

// StampAppendTime has the timestamps of a batch be the broker's, in ms: those of the
// records count no more (message.timestamp.type=LogAppendTime). The checksum covers it.
func StampAppendTime(b machine.Bytes, millis int64) machine.Bytes {
	flat := b.AppendTo(make([]byte, 0, b.Len()))
	be := binary.BigEndian
	be.PutUint16(flat[batchAttributes:], be.Uint16(flat[batchAttributes:])|attrLogAppendTime)
	be.PutUint64(flat[batchTimes+8:], uint64(millis))
	be.PutUint32(flat[batchCRC:], crc32.Checksum(flat[batchAttributes:], castagnoli))
	return machine.Literal(flat)
}
