package workloads

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"brokersim/broker/log/wire"
	"brokersim/workloads/client"
)

// What a record's value holds: its unique id, its key, zeros up to the size, and
// a checksum of all that. A reader can tell a record that was changed, and a
// value that stands under another key.
const (
	valueID  = 0
	valueKey = 8

	// MinValue is the least size of a value in bytes.
	MinValue = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// noKey is the key of a record that has none.
const noKey int64 = -1

var errValue = errors.New("record was changed on its way")

// putValue writes a value into b, which is all zeros and at least MinValue long.
func putValue(b []byte, id, key int64) {
	binary.BigEndian.PutUint64(b[valueID:], uint64(id))
	binary.BigEndian.PutUint64(b[valueKey:], uint64(key))
	n := len(b) - 4
	binary.BigEndian.PutUint32(b[n:], checksum(b[:n]))
}

// readValue takes a value apart and checks it, and that it stands under its key.
func readValue(value, key []byte) (id, k int64, err error) {
	id, ok := RecordID(value)
	if !ok {
		return 0, 0, errValue
	}
	k = int64(binary.BigEndian.Uint64(value[valueKey:]))
	switch {
	case k == noKey && key == nil, len(key) == 8 && int64(binary.BigEndian.Uint64(key)) == k:
		return id, k, nil
	}
	return 0, 0, errValue
}

// valueAlone takes a value apart that has come without its key, and checks it.
func valueAlone(value []byte) (id, key int64, err error) {
	id, ok := RecordID(value)
	if !ok {
		return 0, 0, errValue
	}
	return id, int64(binary.BigEndian.Uint64(value[valueKey:])), nil
}

// IDOf is the unique id of a record of these workloads, be it a tombstone.
func IDOf(r *wire.Record) (id int64, ok bool) { return RecordID(client.ValueOf(r)) }

// RecordID is the unique id that a value of these workloads holds; not ok if it is
// none, or was changed.
func RecordID(value []byte) (id int64, ok bool) {
	n := len(value) - 4
	if len(value) < MinValue || binary.BigEndian.Uint32(value[n:]) != checksum(value[:n]) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(value[valueID:])), true
}
