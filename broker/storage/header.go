package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"brokersim/broker/machine"
)

// HeaderSize is the number of bytes before the records of a batch.
const HeaderSize = 61

// Where the fields stand that storage goes by.
const (
	atLength     = 8
	atAttributes = 21 // the checksum covers from here on
	overhead     = 12 // bytes that Length does not count
)

// Header is the header of a record batch of magic 2 (KIP-98). It has the fields
// of the protocol package's own, so that one converts to the other.
type Header struct {
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
func (h Header) Size() int64 { return int64(h.Length) + overhead }

// NextOffset is the offset after the batch's last record.
func (h Header) NextOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) + 1 }

// cleaned reports whether compaction has looked at the batch, and may have taken records
// out of it.
func (h Header) cleaned() bool {
	return h.Count != h.LastOffsetDelta+1 || h.Attributes&deleteHorizon != 0
}

// transactional is the attribute of a batch of a transaction (KIP-98).
const transactional = 0x10

// deleteHorizon is the attribute of a batch that says when its tombstones may go (KIP-534).
const deleteHorizon = 0x40

// What keeps bytes from being a batch that may stand at a place.
var (
	ErrShort  = errors.New("batch ends early")
	ErrFormat = errors.New("not a batch of magic 2")
	ErrCRC    = errors.New("batch does not match its CRC-32C")
	ErrOffset = errors.New("batch does not begin at the log end offset")
	ErrEpoch  = errors.New("leader epoch falls")
	// ErrSegmentFull means that positions or offsets would not fit into an index: the
	// owner has not rolled.
	ErrSegmentFull = errors.New("segment has no room for the batch")
)

type headerBytes [HeaderSize]byte

// readHeader reads the header that stands at an offset of b.
func readHeader(b machine.Bytes, at int64, raw *headerBytes) (Header, error) {
	if b.Len()-at < HeaderSize {
		return Header{}, ErrShort
	}
	b.CopyTo(raw[:], at)
	be := binary.BigEndian
	h := Header{
		BaseOffset:      int64(be.Uint64(raw[0:])),
		Length:          int32(be.Uint32(raw[atLength:])),
		LeaderEpoch:     int32(be.Uint32(raw[12:])),
		Magic:           int8(raw[16]),
		CRC:             be.Uint32(raw[17:]),
		Attributes:      int16(be.Uint16(raw[atAttributes:])),
		LastOffsetDelta: int32(be.Uint32(raw[23:])),
		BaseTimestamp:   int64(be.Uint64(raw[27:])),
		MaxTimestamp:    int64(be.Uint64(raw[35:])),
		ProducerID:      int64(be.Uint64(raw[43:])),
		ProducerEpoch:   int16(be.Uint16(raw[51:])),
		BaseSequence:    int32(be.Uint32(raw[53:])),
		Count:           int32(be.Uint32(raw[57:])),
	}
	if h.Magic != 2 || h.Length < HeaderSize-overhead || h.LastOffsetDelta < 0 {
		return h, fmt.Errorf("%w: magic %d, length %d, last offset delta %d", ErrFormat, h.Magic, h.Length, h.LastOffsetDelta)
	}
	return h, nil
}

// follows checks that a batch may stand at the end of a log, behind a hole if holes may be.
func (h Header) follows(end int64, epoch int32, holes bool) error {
	switch {
	case h.BaseOffset < end, h.BaseOffset > end && !holes:
		return fmt.Errorf("%w: base offset %d, log end offset %d", ErrOffset, h.BaseOffset, end)
	case h.LeaderEpoch < epoch:
		return fmt.Errorf("%w: %d after %d", ErrEpoch, h.LeaderEpoch, epoch)
	}
	return nil
}
