package wire

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"brokersim/broker/machine"
)

// withRecords is a batch of a codec that says to hold n records, which these bytes are.
func withRecords(codec int16, n int32, records []byte) machine.Bytes {
	b := NewBuilder(-1, -1, -1)
	b.Append(1000, nil, nil, nil)
	flat := slices.Concat(b.Bytes().Contiguous()[:BatchHeaderSize], records)
	binary.BigEndian.PutUint32(flat[batchLength:], uint32(len(flat)-batchOverhead))
	binary.BigEndian.PutUint16(flat[batchAttributes:], uint16(codec))
	binary.BigEndian.PutUint32(flat[batchLastDelta:], uint32(n-1))
	binary.BigEndian.PutUint32(flat[batchCount:], uint32(n))
	binary.BigEndian.PutUint32(flat[batchCRC:], crc32.Checksum(flat[batchAttributes:], castagnoli))
	return machine.Literal(flat)
}

// What Apache Kafka 3.9.1 says of the same records.
func TestCheckRecords(t *testing.T) {
	good := []byte{12, 0, 0, 0, 1, 1, 0, 12, 0, 2, 2, 1, 1, 0} // without key and value
	for _, c := range []struct {
		what    string
		codec   int16
		n       int32
		records []byte
		want    int16
		keys    int
	}{
		{"two records", 0, 2, good, 0, 0},
		{"an empty key", 0, 1, []byte{12, 0, 0, 0, 0, 1, 0}, 0, 1},
		{"a key of a length below null", 0, 1, []byte{12, 0, 0, 0, 3, 1, 0}, 0, 0},
		{"offsets that are any", 0, 2, []byte{12, 0, 0, 8, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0}, 0, 0},
		{"fewer than are counted", 0, 3, good, InvalidRecord, 0},
		{"more than are counted", 0, 1, good, InvalidRecord, 0},
		{"a byte too many", 0, 2, append(slices.Clone(good), 0), InvalidRecord, 0},
		{"cut", 0, 1, []byte{16, 0, 0, 0}, InvalidRecord, 0},
		{"a key that is longer than all", 0, 1, []byte{14, 0, 0, 0, 0xfe, 0xff, 0x7f, 1, 0}, InvalidRecord, 0},
		{"headers that are fewer", 0, 1, []byte{12, 0, 0, 0, 1, 1, 2}, InvalidRecord, 0},
		{"headers that are more", 0, 1, []byte{14, 0, 0, 0, 1, 1, 0, 0}, InvalidRecord, 0},
		{"a negative number of headers", 0, 1, []byte{12, 0, 0, 0, 1, 1, 1}, InvalidRecord, 0},
		{"a header without a key", 0, 1, []byte{16, 0, 0, 0, 1, 1, 2, 1, 1}, InvalidRecord, 0},
		{"a negative size", 0, 1, []byte{1}, InvalidRecord, 0},
		{"a size that is no number", 0, 1, []byte{255, 255, 255, 255, 255, 255}, UnknownServerError, 0},
		{"not compressed", 1, 2, good, UnknownServerError, 0},
		{"a codec that nobody knows", 5, 2, good, UnknownServerError, 0},
	} {
		batch := withRecords(c.codec, c.n, c.records)
		h, err := ReadBatch(batch)
		if err != nil {
			t.Fatal(err)
		}
		keys, n := 0, 0
		code := CheckRecords(&h, batch, func(r RecordHead) {
			if n++; r.HasKey {
				keys++
			}
		})
		if code != c.want || keys != c.keys || code == 0 && n != int(c.n) {
			t.Errorf("%s: %s, %d of %d records have keys; want %s, %d", c.what, ErrorName(code), keys, n, ErrorName(c.want), c.keys)
		}
	}
}

// Garbage is refused, and what is taken can be read by others if its offsets count.
func FuzzCheckRecords(f *testing.F) {
	f.Add(int16(0), int32(2), []byte{12, 0, 0, 0, 1, 1, 0, 12, 0, 2, 2, 1, 1, 0})
	f.Add(int16(1), int32(1), []byte{31, 139, 8, 0})
	f.Add(int16(2), int32(1), []byte{7, 24, 12, 0, 0, 0, 1, 1, 0})
	f.Add(int16(0), int32(1), []byte{16, 0, 0, 0, 1, 1, 2, 0, 0})
	f.Fuzz(func(t *testing.T, codec int16, n int32, records []byte) {
		batch := withRecords(codec&7, n, records)
		h, err := ReadBatch(batch)
		if err != nil {
			t.Skip()
		}
		count := int32(0)
		code := CheckRecords(&h, batch, func(RecordHead) { count++ })
		if code == 0 && count != max(n, 0) {
			t.Errorf("%d records, and %d are counted", count, n)
		}
		bad := EachRecord(batch, func(*Record) error { return nil })
		if bad == nil && n > 0 && code != 0 && codec&7 == 0 {
			t.Errorf("%s, and others read it", ErrorName(code))
		}
	})
}
