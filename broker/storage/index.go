package storage

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"brokersim/broker/machine"
)

// The sizes of entries in the files, which are Kafka's: an offset relative to that of
// the segment and a position, and a timestamp and such an offset.
const (
	offsetEntrySize = 8
	timeEntrySize   = 12
)

// offsetIndex is the .index file of a segment: of some batches, some index.interval.bytes
// apart, the last offset and where they begin. All of it is in memory.
type offsetIndex struct {
	indexFile
	entries []offsetEntry
}

type offsetEntry struct{ offset, position int32 }

// timeIndex is the .timeindex file of a segment: the largest timestamp up to some
// offset, which rises from entry to entry. All of it is in memory.
type timeIndex struct {
	indexFile
	entries []timeEntry
}

type timeEntry struct {
	timestamp int64 // ms
	offset    int32
}

// indexFile is how much of an index is in its file.
type indexFile struct {
	file    string
	made    bool // the file exists
	dirty   bool // the file is not durable
	written int  // entries that are in the file
}

// unsynced adds the file's name to a list if it is not durable, and takes it for durable
// from then on.
func (f *indexFile) unsynced(list []string) []string {
	if f.dirty {
		f.dirty = false
		list = append(list, f.file)
	}
	return list
}

// floor is the position of the last indexed batch that ends at or before an offset
// relative to the segment's, and that offset; 0 and -1 if there is none.
func (x *offsetIndex) floor(offset int64) (position int64, last int64) {
	n := sort.Search(len(x.entries), func(i int) bool { return int64(x.entries[i].offset) > offset })
	return x.entry(n)
}

// floorAt is the last indexed batch that begins at or before a position.
func (x *offsetIndex) floorAt(position int64) (at int64, last int64) {
	n := sort.Search(len(x.entries), func(i int) bool { return int64(x.entries[i].position) > position })
	return x.entry(n)
}

// entry is what the n-th entry says, counted from 1.
func (x *offsetIndex) entry(n int) (position int64, last int64) {
	if n == 0 {
		return 0, -1
	}
	return int64(x.entries[n-1].position), int64(x.entries[n-1].offset)
}

// lastPosition is where the last indexed batch begins.
func (x *offsetIndex) lastPosition() int64 {
	at, _ := x.entry(len(x.entries))
	return at
}

// floor is an offset relative to the segment's up to which no timestamp is above the one
// given; 0 if the index does not tell (TimeIndex.lookup).
func (x *timeIndex) floor(timestamp int64) int64 {
	n := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].timestamp > timestamp })
	if n == 0 {
		return 0
	}
	return int64(x.entries[n-1].offset)
}

// add notes the largest timestamp so far, if it has risen (TimeIndex.maybeAppend).
func (x *timeIndex) add(timestamp, offset int64) {
	n := len(x.entries)
	if timestamp < 0 || offset > math.MaxInt32 || n > 0 && x.entries[n-1].timestamp >= timestamp {
		return
	}
	x.entries = append(x.entries, timeEntry{timestamp, int32(offset)})
}

// writeIndexes writes what is in memory and not in the files of a segment yet.
func (l *Log) writeIndexes(s *segment) error {
	if s.offsets.made && s.times.made && s.offsets.written == len(s.offsets.entries) && s.times.written == len(s.times.entries) {
		return l.writeAborted(s) // nothing, as nearly always
	}
	var b []byte
	for _, e := range s.offsets.entries[s.offsets.written:] {
		b = e.appendTo(l.room(b, offsetEntrySize))
	}
	if err := l.appendIndex(&s.offsets.indexFile, b, len(s.offsets.entries)); err != nil {
		return err
	}
	b = nil
	for _, e := range s.times.entries[s.times.written:] {
		b = e.appendTo(l.room(b, timeEntrySize))
	}
	if err := l.appendIndex(&s.times.indexFile, b, len(s.times.entries)); err != nil {
		return err
	}
	return l.writeAborted(s)
}

func (l *Log) appendIndex(f *indexFile, b []byte, entries int) error {
	if f.made && len(b) == 0 {
		return nil
	}
	if err := l.files.Append(f.file, machine.Literal(b)); err != nil {
		return fmt.Errorf("append to %s: %w", f.file, err)
	}
	f.made, f.dirty, f.written = true, true, entries
	return nil
}

// room gives b room for n bytes more, from memory that is taken in larger pieces.
func (l *Log) room(b []byte, n int) []byte {
	switch {
	case cap(b)-len(b) >= n:
		return b
	case b != nil:
		return append(make([]byte, 0, 4*cap(b)), b...)
	case len(l.scratch) < n:
		l.scratch = make([]byte, scratchBytes)
	}
	b = l.scratch[:0:n]
	l.scratch = l.scratch[n:]
	return b
}

const scratchBytes = 4080 // whole entries of both kinds

func (e offsetEntry) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.offset))
	return binary.BigEndian.AppendUint32(b, uint32(e.position))
}

func (e timeEntry) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(e.timestamp))
	return binary.BigEndian.AppendUint32(b, uint32(e.offset))
}

// parseOffsetIndex reads an .index file of a segment that has so many bytes. What it
// says of single batches is not checked.
func parseOffsetIndex(b []byte, size int64) ([]offsetEntry, error) {
	if len(b)%offsetEntrySize != 0 {
		return nil, fmt.Errorf("%d bytes are no whole entries of %d", len(b), offsetEntrySize)
	}
	list := make([]offsetEntry, 0, len(b)/offsetEntrySize)
	last := offsetEntry{-1, -1}
	for ; len(b) > 0; b = b[offsetEntrySize:] {
		e := offsetEntry{int32(binary.BigEndian.Uint32(b)), int32(binary.BigEndian.Uint32(b[4:]))}
		if e.offset <= last.offset || e.position <= last.position || int64(e.position) >= size {
			return nil, fmt.Errorf("entry %d: offset %d at %d after offset %d at %d, in %d bytes", len(list), e.offset, e.position, last.offset, last.position, size)
		}
		list = append(list, e)
		last = e
	}
	return list, nil
}

// parseTimeIndex reads a .timeindex file of a segment.
func parseTimeIndex(b []byte) ([]timeEntry, error) {
	if len(b)%timeEntrySize != 0 {
		return nil, fmt.Errorf("%d bytes are no whole entries of %d", len(b), timeEntrySize)
	}
	list := make([]timeEntry, 0, len(b)/timeEntrySize)
	last := timeEntry{-1, -1}
	for ; len(b) > 0; b = b[timeEntrySize:] {
		e := timeEntry{int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))}
		if e.timestamp <= last.timestamp || e.offset < last.offset || e.offset < 0 {
			return nil, fmt.Errorf("entry %d: timestamp %d of offset %d after timestamp %d of offset %d", len(list), e.timestamp, e.offset, last.timestamp, last.offset)
		}
		list = append(list, e)
		last = e
	}
	return list, nil
}
