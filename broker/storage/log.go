package storage

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"brokersim/broker/machine"
)

// ErrOutOfRange means an offset below the log start or above the log end.
var ErrOutOfRange = errors.New("offset out of range")

// Log is one append-only log. Its methods do not ask for syncs: see File and Unsynced.
type Log struct {
	files     machine.Files
	dir       string
	opt       Options
	segments  []segment // at least one; the last is the active one
	start     int64     // the log start offset, in the first segment
	table               // of the batches at the end, which are asked for most
	read      placed    // what Open has not read itself is before this
	removed   []string  // names whose removal nobody has made durable
	changed   []string  // small files that nobody has made durable
	snapshots []int64   // of producers: their offsets, in order
	doomed    []string  // what was deleted and is still there under another name
	holdRoll  bool      // see HoldRoll
	rewrite   *Rewrite  // what is being written again; nil: nothing
	cuts      int       // see Cuts
	raw       headerBytes
	scratch   []byte // what is left of the memory for entries of indexes
}

// Options are what a log is opened with. Kafka's properties are named.
type Options struct {
	IndexInterval int64 // index.interval.bytes
	IndexBytes    int64 // segment.index.bytes: the most that an index file holds

	// Start is the log start offset that was written down; what is below it is not
	// given out. 0: the log starts where its first file does.
	Start int64
	// RecoveryPoint is the offset below which everything was durable when that was
	// written down: a segment that lies wholly below it is not read again.
	RecoveryPoint int64
	// Clean says that the node was shut down cleanly: nothing is read again.
	Clean bool

	// Holes says that there may be holes between batches, where compaction has taken some
	// out, here or on the leader. Where there can be none, one is a sign of damage.
	Holes bool

	// Remember is how many of the last batches are known by offset and position; of
	// those before them the indexes tell. 0 is all of them.
	Remember int
	// Flaws are what no broker may do; planted bugs do.
	Flaws Flaws
}

// Flaws are ways to be wrong.
type Flaws struct {
	SkipChecksums bool // what looks like a batch is one
	TrustIndex    bool // what an index says is so
	EndAfterIndex bool // the log end moves when the index has been written
	RawStamps     bool // the time index has the timestamp of each batch, not the largest so far
}

// Defaults are Kafka's.
func Defaults() Options { return Options{IndexInterval: 4096, IndexBytes: 10 << 20} }

// SetIndexes changes index.interval.bytes and segment.index.bytes.
func (l *Log) SetIndexes(interval, bytes int64) {
	l.opt.IndexInterval, l.opt.IndexBytes = interval, bytes
}

// Holes reports whether there may be holes between batches.
func (l *Log) Holes() bool { return l.opt.Holes }

// AllowHoles says that from now on there may be holes between batches. The next life must
// know, or it takes them for damage.
func (l *Log) AllowHoles() { l.opt.Holes = true }

// File is the name of the file that is appended to: a sync makes durable what is in it.
func (l *Log) File() string { return l.active().file }

// Start is the log start offset.
func (l *Log) Start() int64 { return l.start }

// Base is the offset of the first record that is there, which may be below Start.
func (l *Log) Base() int64 { return l.segments[0].base }

// End is the log end offset: that of the next record.
func (l *Log) End() int64 { return l.tail.next }

// Size is the number of bytes of all batches.
func (l *Log) Size() int64 { return l.tail.end - l.segments[0].at }

// LastEpoch is the leader epoch of the last batch, -1 if there is none.
func (l *Log) LastEpoch() int32 { return l.tail.epoch }

// Append adds one or more whole batches, which must follow the log end without a
// hole, unless there may be some, and whose leader epochs must not fall. Checksums are the caller's matter.
// On an error that is machine.ErrNoSpace nothing was appended, and the log may be used
// when there is room again; after any other error of the disk it must not be. What an
// index has no room for is written later.
func (l *Log) Append(b machine.Bytes) error {
	kept, was := l.table, *l.active()
	err := l.place(b)
	if err == nil {
		err = l.files.Append(l.File(), b)
	}
	if err != nil {
		l.table = kept
		*l.active() = was
		return fmt.Errorf("append to %s: %w", l.File(), err)
	}
	if err := l.writeIndexes(l.active()); err != nil {
		if l.opt.Flaws.EndAfterIndex {
			l.table = kept
			*l.active() = was
		} else if isFull(err) {
			return nil
		}
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	l.forget()
	return nil
}

// ErrIndex is an append that has failed only when the index was written.
var ErrIndex = errors.New("the batch is in the log and not in its index")

// place notes where the batches of b will stand.
func (l *Log) place(b machine.Bytes) error {
	for at := int64(0); at < b.Len(); {
		h, err := readHeader(b, at, &l.raw)
		if err != nil {
			return err
		}
		if h.Size() > b.Len()-at {
			return ErrShort
		}
		if s := l.active(); h.NextOffset()-1-s.base > math.MaxInt32 || l.tail.end-s.at+h.Size() > math.MaxInt32 {
			return ErrSegmentFull
		}
		if err := l.add(h); err != nil {
			return err
		}
		at += h.Size()
	}
	return nil
}

// add notes where the batch will stand whose header is in l.raw.
func (l *Log) add(h Header) error {
	if err := h.follows(l.tail.next, l.tail.epoch, l.opt.Holes); err != nil {
		return err
	}
	s := l.active()
	at, from := l.tail.end-s.at, l.tail.next
	l.push(h, &l.raw)
	s.took(h, at, &l.opt)
	if h.BaseOffset > from || h.cleaned() {
		l.dropFirst(len(l.batches)) // another replica has this otherwise
	}
	return nil
}

// Read returns whole batches, as they stand in the file, beginning with the one
// that holds from. None of their records has an offset at or above maxOffset.
// They are of one segment, as in Kafka, and at most maxBytes long, but if atLeastOne is
// set the first is given whatever its size, so that a reader can always go on (KIP-74). Nothing to read
// is no error; from below Start or above End is ErrOutOfRange.
func (l *Log) Read(from, maxOffset int64, maxBytes int32, atLeastOne bool) (machine.Bytes, error) {
	if from < l.Start() || from > l.End() {
		return machine.Bytes{}, fmt.Errorf("read %s: %w: %d is not in [%d, %d]", l.dir, ErrOutOfRange, from, l.Start(), l.End())
	}
	if from == l.End() || from >= maxOffset { // as most reads of followers
		return machine.Bytes{}, nil
	}
	if from < l.origin.next {
		return l.readOld(from, maxOffset, int64(maxBytes), atLeastOne)
	}
	first := l.holding(from)
	limit := l.holding(maxOffset) // batches from here on end above maxOffset
	if first >= limit {
		return machine.Bytes{}, nil
	}
	at := l.before(first).end
	in := l.segmentAt(at)
	room := min(at+int64(max(maxBytes, 0)), l.endOf(in))
	n := sort.Search(limit-first, func(i int) bool { return l.batches[first+i].end > room })
	if n == 0 && atLeastOne {
		n = 1
	}
	if n == 0 {
		return machine.Bytes{}, nil
	}
	return l.bytes(&l.segments[in], at-l.segments[in].at, l.batches[first+n-1].end-at)
}

// bytes is a range of a segment's file.
func (l *Log) bytes(s *segment, at, n int64) (machine.Bytes, error) {
	b, err := l.files.ReadAt(s.file, at, n)
	switch {
	case err != nil:
		return machine.Bytes{}, fmt.Errorf("read %s: %w", s.file, err)
	case b.Len() != n:
		return machine.Bytes{}, fmt.Errorf("read %s: %d bytes at %d, want %d: %w", s.file, b.Len(), at, n, ErrShort)
	}
	return b, nil
}

// TruncateTo removes every batch that has a record at or above an offset, so
// that End is at most that offset: less if a batch straddles it.
func (l *Log) TruncateTo(offset int64) error {
	if offset >= l.End() {
		return nil
	}
	end, err := l.boundary(offset)
	if err != nil {
		return err
	}
	if end.next == l.End() {
		return nil
	}
	if err := l.disturb(end.next); err != nil {
		return err
	}
	for len(l.segments) > 1 && l.active().at >= end.end { // the latest first: a crash leaves no hole
		if err := l.remove(len(l.segments) - 1); err != nil {
			return err
		}
	}
	s := l.active()
	if err := l.cut(s.file, end.end-s.at); err != nil {
		return err
	}
	l.keepTo(end)
	l.start = min(l.start, l.End())
	return l.truncateIndexes(s)
}

// cut truncates a file.
func (l *Log) cut(file string, size int64) error {
	if err := l.files.Truncate(file, size); err != nil {
		return fmt.Errorf("truncate %s: %w", file, err)
	}
	return nil
}

// boundary is the end of the last batch that lies wholly below an offset, which is below
// the log end.
func (l *Log) boundary(offset int64) (placed, error) {
	if offset >= l.origin.next {
		return l.before(l.holding(offset)), nil
	}
	first := &l.segments[0]
	end := placed{next: first.base, end: first.at, epoch: -1}
	if offset <= first.base {
		return end, nil
	}
	p, err := l.lastBelow(offset)
	if err == nil && p.h.Size() > overhead {
		end = placed{next: p.h.NextOffset(), end: l.segments[p.segment].at + p.at + p.h.Size(), epoch: p.h.LeaderEpoch}
	}
	return end, err
}

// Unsynced are the files that must be synced for everything from an offset on to be
// durable, and for what was deleted to stay so: the last is that of File. All but the
// .log files are named once.
func (l *Log) Unsynced(from int64) []string {
	list := slices.DeleteFunc(l.removed, func(name string) bool {
		return slices.ContainsFunc(l.segments, func(s segment) bool { return s.file == name })
	})
	list = append(list, l.changed...)
	l.removed, l.changed = nil, nil
	for i := range l.segments {
		s := &l.segments[i]
		list = s.offsets.unsynced(list)
		list = s.times.unsynced(list)
		list = s.aborted.unsynced(list)
		if i+1 == len(l.segments) || l.segments[i+1].base > from {
			list = append(list, s.file)
		}
	}
	return list
}

// All may be given to Read as maxOffset when nothing is held back.
const All int64 = math.MaxInt64
