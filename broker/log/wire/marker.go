package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"brokersim/broker/machine"
)

// Marker is the end of a transaction in a partition (KIP-98): the only record of a control
// batch that has the producer's id and epoch.
type Marker struct {
	Commit bool // else the transaction is aborted
	// CoordinatorEpoch is the leader epoch of the coordinator that has written it.
	CoordinatorEpoch int32
}

// The key of a control record: a version and what it is. The value of a marker: a version and
// the coordinator's epoch (ControlRecordType, EndTransactionMarker).
const (
	controlKeySize  = 2 + 2
	markerValueSize = 2 + 4

	controlAbort, controlCommit int16 = 0, 1
)

// ErrMarker is a control batch that is no end of a transaction.
var ErrMarker = errors.New("not a transaction marker")

// Batch is the marker as a batch of its own, for the log, with a timestamp in ms.
func (m Marker) Batch(timestamp, producerID int64, producerEpoch int16) machine.Bytes {
	return m.BatchAt(timestamp, producerID, producerEpoch, 0, -1)
}

// BatchAt is that at its place in the log of its leader.
func (m Marker) BatchAt(timestamp, producerID int64, producerEpoch int16, baseOffset int64, leaderEpoch int32) machine.Bytes {
	be := binary.BigEndian
	kind := controlAbort
	if m.Commit {
		kind = controlCommit
	}
	var key [controlKeySize]byte
	var value [markerValueSize]byte
	be.PutUint16(key[2:], uint16(kind))
	be.PutUint32(value[2:], uint32(m.CoordinatorEpoch))
	b := NewBuilder(producerID, producerEpoch, -1)
	b.Place(baseOffset, leaderEpoch)
	b.Transactional()
	b.Control()
	b.Append(timestamp, key[:], value[:], nil)
	return b.Bytes()
}

// MarkerOf is the marker that a key and a value of a control record are; an error says why
// they are none. Later versions are read as the first, as in Kafka.
func MarkerOf(key, value []byte) (m Marker, err error) {
	be := binary.BigEndian
	if len(key) < controlKeySize {
		return m, fmt.Errorf("%w: a key of %d bytes", ErrMarker, len(key))
	}
	switch version, kind := int16(be.Uint16(key)), int16(be.Uint16(key[2:])); {
	case version < 0:
		return m, fmt.Errorf("%w: version %d of its key", ErrMarker, version)
	case kind == controlCommit:
		m.Commit = true
	case kind != controlAbort:
		return m, fmt.Errorf("%w: a control record of type %d", ErrMarker, kind)
	}
	if len(value) < markerValueSize {
		return m, fmt.Errorf("%w: a value of %d bytes", ErrMarker, len(value))
	}
	if version := int16(be.Uint16(value)); version < 0 {
		return m, fmt.Errorf("%w: version %d of its value", ErrMarker, version)
	}
	m.CoordinatorEpoch = int32(be.Uint32(value[2:]))
	return m, nil
}

// ReadMarker reads the marker of a whole control batch. ok is false if compaction has left
// nothing of it but the header.
func ReadMarker(batch machine.Bytes) (m Marker, ok bool, err error) {
	err = EachRecord(batch, func(r *Record) (err error) {
		if !ok {
			m, err = MarkerOf(r.Key, r.Value)
			ok = err == nil
		}
		return err
	})
	return m, ok, err
}
