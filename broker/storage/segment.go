package storage

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"brokersim/broker/machine"
)

// segment is one file of a log. Positions are counted over all segments.
type segment struct {
	file  string
	base  int64 // the offset of its first record, in its name
	at    int64 // the position at which it begins
	first int64 // ms: the largest timestamp of its first batch; -1: it has none
	last  int64 // ms: the largest timestamp it ever had; -1: none
}

// took notes a batch that is in the segment now.
func (s *segment) took(h Header) {
	if s.first < 0 {
		s.first = h.MaxTimestamp
	}
	s.last = max(s.last, h.MaxTimestamp)
}

func (l *Log) active() *segment { return &l.segments[len(l.segments)-1] }

func (l *Log) fileOf(base int64) string { return fmt.Sprintf("%s/%020d.log", l.dir, base) }

// startAt makes the log empty, with its first record to come at an offset.
func (l *Log) startAt(base int64) {
	l.origin = placed{next: base, epoch: -1}
	l.keep(0)
	l.segments = append(l.segments[:0], segment{file: l.fileOf(base), base: base, first: -1, last: -1})
}

// addSegment has what follows stand in a file of its own.
func (l *Log) addSegment() {
	end := l.tail
	l.segments = append(l.segments, segment{file: l.fileOf(end.next), base: end.next, at: end.end, first: -1, last: -1})
}

// segmentAt is the index of the segment that has a position.
func (l *Log) segmentAt(position int64) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].at > position }) - 1
}

// endOf is the position at which a segment ends.
func (l *Log) endOf(i int) int64 {
	if i+1 < len(l.segments) {
		return l.segments[i+1].at
	}
	return l.tail.end
}

// segmentsIn are the offsets at which the segments of a directory begin, in order; 0
// alone if there are none.
func segmentsIn(files machine.Files, dir string) []int64 {
	var bases []int64
	for _, name := range files.List() {
		rest, ok := strings.CutPrefix(name, dir+"/")
		digits, isLog := strings.CutSuffix(rest, ".log")
		base, err := strconv.ParseInt(digits, 10, 64)
		if ok && isLog && len(digits) == 20 && err == nil && base >= 0 {
			bases = append(bases, base)
		}
	}
	if len(bases) == 0 {
		return []int64{0}
	}
	slices.Sort(bases)
	return bases
}

// Roll begins a new segment for a batch of a size and with a largest timestamp in ms, if
// the active one is full with it or spans more than so many ms (LogSegment.shouldRoll).
// An empty one is not rolled. It reports whether it did.
func (l *Log) Roll(size, timestamp, maxBytes, maxMillis int64) bool {
	s, used := l.active(), l.tail.end-l.active().at
	if used == 0 || used+size <= maxBytes && timestamp-s.first <= maxMillis {
		return false
	}
	l.addSegment()
	return true
}

// Oldest is what may be deleted next: the first segment, if it is not the active one.
type Oldest struct {
	Next  int64 // the offset at which the segment after it begins
	Bytes int64
	// Last is the largest timestamp in it, in ms.
	Last int64
}

// Oldest is the first segment; ok is false if there is no other.
func (l *Log) Oldest() (o Oldest, ok bool) {
	if len(l.segments) < 2 {
		return o, false
	}
	s, next := &l.segments[0], &l.segments[1]
	return Oldest{Next: next.base, Bytes: next.at - s.at, Last: s.last}, true
}

// DeleteOldest deletes the first segment, of which there must be another: the log
// starts with the next from then on. What is in that one must be durable, or a loss of
// power may leave nothing that tells where the log starts.
func (l *Log) DeleteOldest() error {
	n := l.holding(l.segments[1].base)
	origin := l.before(n)
	if err := l.remove(0); err != nil {
		return err
	}
	l.origin = placed{next: origin.next, end: origin.end, digest: origin.digest, epoch: -1}
	l.batches = slices.Delete(l.batches, 0, n)
	l.keep(len(l.batches))
	return nil
}

// StartAt deletes everything, and has the log go on at an offset: so does a follower of
// which the leader has no beginning any more (UnifiedLog.truncateFullyAndStartAt).
func (l *Log) StartAt(offset int64) error {
	for len(l.segments) > 0 {
		if err := l.remove(len(l.segments) - 1); err != nil {
			return err
		}
	}
	l.startAt(offset)
	return nil
}

func (l *Log) remove(i int) error {
	file := l.segments[i].file
	if err := l.files.Remove(file); err != nil {
		return fmt.Errorf("delete %s: %w", file, err)
	}
	l.removed = append(l.removed, file)
	l.segments = slices.Delete(l.segments, i, i+1)
	return nil
}

// Unsynced are the files that must be synced for everything from an offset on to be
// durable, and for what was deleted to stay so: the last is that of File. Deleted files
// are named once.
func (l *Log) Unsynced(from int64) []string {
	list := slices.DeleteFunc(l.removed, func(name string) bool {
		return slices.ContainsFunc(l.segments, func(s segment) bool { return s.file == name })
	})
	l.removed = nil
	for i := range l.segments {
		if i+1 == len(l.segments) || l.segments[i+1].base > from {
			list = append(list, l.segments[i].file)
		}
	}
	return list
}
