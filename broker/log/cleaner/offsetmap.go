package cleaner

import (
	"crypto/md5"
	"encoding/binary"
)

// offsetMap knows the latest offset of each key, by a hash of it, in memory that is bounded
// (Kafka's SkimpyOffsetMap). Two keys of one hash are taken for one: of MD5, which is
// Kafka's, nobody has met two by chance.
type offsetMap struct {
	slots  []slot
	n      int
	most   int   // entries
	latest int64 // the last offset that was taken into account; -1: none was
	limit  int   // slots
}

// slot is one entry. It is free if its offset is 0: they are kept one higher.
type slot struct {
	hash   [md5.Size]byte
	offset int64
}

const (
	slotBytes  = md5.Size + 8
	firstSlots = 1 << 8
	million    = 1_000_000
)

// newOffsetMap makes a map of at most so many bytes, of which load millionths are filled.
func newOffsetMap(bytes, load int64) *offsetMap {
	limit := max(bytes/slotBytes, 1)
	return &offsetMap{limit: int(limit), most: int(max(limit/million*load+limit%million*load/million, 1)), latest: -1}
}

// find is the slot of a hash, or the free one where it belongs. There is a free one.
func (m *offsetMap) find(hash *[md5.Size]byte) *slot {
	n := uint64(len(m.slots))
	for i := binary.LittleEndian.Uint64(hash[:]) % n; ; i = (i + 1) % n {
		if s := &m.slots[i]; s.offset == 0 || s.hash == *hash {
			return s
		}
	}
}

// put notes an offset of a key, which is above all before. It reports whether there was
// room.
func (m *offsetMap) put(key []byte, offset int64) bool {
	hash := md5.Sum(key)
	if len(m.slots) > 0 {
		if s := m.find(&hash); s.offset != 0 {
			s.offset = offset + 1
			return true
		}
	}
	if m.n == m.most {
		return false
	}
	if m.n >= len(m.slots)/2 {
		m.grow()
	}
	*m.find(&hash) = slot{hash, offset + 1}
	m.n++
	return true
}

// grow makes room for one more: a map that needs little takes little.
func (m *offsetMap) grow() {
	old := m.slots
	m.slots = make([]slot, min(max(2*len(old), firstSlots), max(m.limit, m.most+1)))
	if len(m.slots) == len(old) {
		m.slots = old
		return
	}
	for i := range old {
		if old[i].offset != 0 {
			*m.find(&old[i].hash) = old[i]
		}
	}
}

// get is the latest offset of a key, -1 if it was never put.
func (m *offsetMap) get(key []byte) int64 {
	if m.n == 0 {
		return -1
	}
	hash := md5.Sum(key)
	return m.find(&hash).offset - 1
}
