package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ProducerEntry is what a producer-state snapshot says of one producer: its last batch.
type ProducerEntry struct {
	ProducerID   int64
	Epoch        int16
	LastSequence int32
	LastOffset   int64
	OffsetDelta  int32 // of the last batch: its number of records less one
	Timestamp    int64 // ms
	// CoordinatorEpoch is that of the last transaction marker, -1 if there is none.
	CoordinatorEpoch int32
	// TxnFirstOffset is where the open transaction begins, -1 if there is none.
	TxnFirstOffset int64
}

// The layout of a snapshot, schema version 1 (ProducerStateManager): the version, a
// CRC-32C of what follows it, the number of entries, the entries.
const (
	snapshotVersion   = 1
	snapshotHead      = 2 + 4
	snapshotEntrySize = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errSnapshotCRC is a snapshot of which something is not as it was written.
var errSnapshotCRC = errors.New("snapshot does not match its CRC-32C")

func formatSnapshot(list []ProducerEntry) []byte {
	be := binary.BigEndian
	b := make([]byte, snapshotHead, snapshotHead+4+len(list)*snapshotEntrySize)
	b = be.AppendUint32(b, uint32(len(list)))
	for i := range list {
		e := &list[i]
		b = be.AppendUint64(b, uint64(e.ProducerID))
		b = be.AppendUint16(b, uint16(e.Epoch))
		b = be.AppendUint32(b, uint32(e.LastSequence))
		b = be.AppendUint64(b, uint64(e.LastOffset))
		b = be.AppendUint32(b, uint32(e.OffsetDelta))
		b = be.AppendUint64(b, uint64(e.Timestamp))
		b = be.AppendUint32(b, uint32(e.CoordinatorEpoch))
		b = be.AppendUint64(b, uint64(e.TxnFirstOffset))
	}
	be.PutUint16(b, snapshotVersion)
	be.PutUint32(b[2:], crc32.Checksum(b[snapshotHead:], castagnoli))
	return b
}

func parseSnapshot(b []byte) ([]ProducerEntry, error) {
	be := binary.BigEndian
	switch {
	case len(b) < snapshotHead+4:
		return nil, fmt.Errorf("%d bytes are no snapshot", len(b))
	case be.Uint16(b) != snapshotVersion:
		return nil, fmt.Errorf("version %d, not %d", be.Uint16(b), snapshotVersion)
	case be.Uint32(b[2:]) != crc32.Checksum(b[snapshotHead:], castagnoli):
		return nil, errSnapshotCRC
	}
	n := int64(int32(be.Uint32(b[snapshotHead:])))
	b = b[snapshotHead+4:]
	if n*snapshotEntrySize != int64(len(b)) {
		return nil, fmt.Errorf("%d bytes are not %d entries", len(b), n)
	}
	list := make([]ProducerEntry, 0, n)
	for ; len(b) > 0; b = b[snapshotEntrySize:] {
		list = append(list, ProducerEntry{
			ProducerID:       int64(be.Uint64(b)),
			Epoch:            int16(be.Uint16(b[8:])),
			LastSequence:     int32(be.Uint32(b[10:])),
			LastOffset:       int64(be.Uint64(b[14:])),
			OffsetDelta:      int32(be.Uint32(b[22:])),
			Timestamp:        int64(be.Uint64(b[26:])),
			CoordinatorEpoch: int32(be.Uint32(b[34:])),
			TxnFirstOffset:   int64(be.Uint64(b[38:])),
		})
	}
	return list, nil
}
