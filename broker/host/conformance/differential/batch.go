package differential

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// begin is the timestamp of most records, in ms.
const begin = 1_700_000_000_000

// record is one record of a batch.
type record struct {
	key, value []byte
	at         int64 // ms after the first of the batch
	headers    []kmsg.Header
}

// batch is a record batch (magic 2), honest or not. What is nil or zero is what an honest
// producer says.
type batch struct {
	records []record
	first   int64 // the timestamp of the first record; 0 is begin
	codec   int16
	attrs   int16 // beside the codec

	pid       int64 // producer id plus one: 0 is none
	epoch     int16
	seq       int32
	base      int64
	magic     int8 // 0 is 2
	count     *int32
	lastDelta *int32
	maxTime   *int64
	leader    int32
	badCRC    bool
	badLength int32 // is added to the length
	plain     bool  // the codec is named, and the records are not compressed
	deltas    func(i int) int32
	raw       []byte // instead of the records
}

// values is a batch of records without keys.
func values(list ...string) batch {
	var b batch
	for i, v := range list {
		b.records = append(b.records, record{value: []byte(v), at: int64(i)})
	}
	return b
}

// keyed is a batch of records of the given key and value, one after the other.
func keyed(pairs ...string) batch {
	var b batch
	for i := 0; i+1 < len(pairs); i += 2 {
		b.records = append(b.records, record{key: []byte(pairs[i]), value: []byte(pairs[i+1]), at: int64(i)})
	}
	return b
}

func (b batch) with(change func(*batch)) batch {
	change(&b)
	return b
}

var codecs = []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}

func (b batch) bytes() []byte {
	first := b.first
	if first == 0 {
		first = begin
	}
	maxTime := first
	var body []byte
	for i, r := range b.records {
		maxTime = max(maxTime, first+r.at)
		k := kmsg.Record{TimestampDelta64: r.at, OffsetDelta: int32(i), Key: r.key, Value: r.value, Headers: r.headers}
		if b.deltas != nil {
			k.OffsetDelta = b.deltas(i)
		}
		k.Length = int32(len(k.AppendTo(nil)) - 1) // a length of 0 takes one byte
		body = k.AppendTo(body)
	}
	if b.raw != nil {
		body = b.raw
	}
	if b.codec > 0 && int(b.codec) < len(codecs) && !b.plain {
		c, err := kgo.DefaultCompressor(codecs[b.codec])
		if err != nil {
			panic(err)
		}
		body, _ = c.Compress(&bytes.Buffer{}, body)
	}
	out := make([]byte, 61, 61+len(body))
	be := binary.BigEndian
	put := func(at int, n int, v int64) {
		switch n {
		case 1:
			out[at] = byte(v)
		case 2:
			be.PutUint16(out[at:], uint16(v))
		case 4:
			be.PutUint32(out[at:], uint32(v))
		case 8:
			be.PutUint64(out[at:], uint64(v))
		}
	}
	magic := b.magic
	if magic == 0 {
		magic = 2
	}
	count, lastDelta := int32(len(b.records)), int32(len(b.records))-1
	if b.count != nil {
		count = *b.count
	}
	if b.lastDelta != nil {
		lastDelta = *b.lastDelta
	}
	if b.maxTime != nil {
		maxTime = *b.maxTime
	}
	pid, epoch, seq := b.pid-1, b.epoch, b.seq
	if b.pid == 0 {
		epoch, seq = -1, -1
	}
	put(0, 8, b.base)
	put(8, 4, int64(49+len(body))+int64(b.badLength))
	put(12, 4, int64(b.leader))
	put(16, 1, int64(magic))
	put(21, 2, int64(b.attrs|b.codec))
	put(23, 4, int64(lastDelta))
	put(27, 8, first)
	put(35, 8, maxTime)
	put(43, 8, pid)
	put(51, 2, int64(epoch))
	put(53, 4, int64(seq))
	put(57, 4, int64(count))
	out = append(out, body...)
	crc := crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli))
	if b.badCRC {
		crc++
	}
	put(17, 4, int64(crc))
	return out
}

func ptr[T any](v T) *T { return &v }
