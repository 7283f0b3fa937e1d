package storage

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"brokersim/broker/machine"
)

// segment is one file of a log, with its indexes. Positions are counted over all segments.
type segment struct {
	file    string
	base    int64 // the offset of its first record, in its name
	at      int64 // the position at which it begins
	first   int64 // ms: the largest timestamp of its first batch; -1: it has none
	least   int64 // ms: the least of the largest timestamps of its batches, as far as known; -1: none
	last    int64 // ms: the largest timestamp it has; -1: none
	lastAt  int64 // the last offset of the first batch that has it
	offsets offsetIndex
	times   timeIndex
	aborted txnIndex
	reread  bool // Open has read it again, and has not looked at what its aborted says
}

// took notes a batch that stands in the segment at a position in its file now, and has
// the indexes tell of it if they have not told anything for index.interval.bytes
// (LogSegment.append).
func (s *segment) took(h Header, at int64, o *Options) {
	if s.first < 0 {
		s.first, s.least = h.MaxTimestamp, h.MaxTimestamp
	}
	s.least = min(s.least, h.MaxTimestamp)
	last := h.NextOffset() - 1
	if h.MaxTimestamp > s.last {
		s.last, s.lastAt = h.MaxTimestamp, last
	}
	if at-s.offsets.lastPosition() > o.IndexInterval && at <= math.MaxInt32 && last-s.base <= math.MaxInt32 {
		s.offsets.entries = append(s.offsets.entries, offsetEntry{int32(last - s.base), int32(at)})
		if o.Flaws.RawStamps {
			s.times.entries = append(s.times.entries, timeEntry{h.MaxTimestamp, int32(last - s.base)})
			return
		}
		s.times.add(s.last, s.lastAt-s.base)
	}
}

// sealed has the time index tell of the largest timestamp: nothing will come after it.
func (s *segment) sealed() {
	if s.last >= 0 {
		s.times.add(s.last, s.lastAt-s.base)
	}
}

func (l *Log) active() *segment { return &l.segments[len(l.segments)-1] }

// The ends of the names of a segment's files.
const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	txnIndexSuffix  = ".txnindex"
	deletedSuffix   = ".deleted"
	newSuffix       = ".tmp"
	cleanedSuffix   = ".cleaned" // of a segment that is being written again
	swapSuffix      = ".swap"    // of one that is about to take the place of others
)

func newSegment(dir string, base, at int64) segment {
	name := fmt.Sprintf("%s/%020d", dir, base)
	return segment{
		file: name + logSuffix, base: base, at: at, first: -1, least: -1, last: -1, lastAt: base,
		offsets: offsetIndex{indexFile: indexFile{file: name + indexSuffix}},
		times:   timeIndex{indexFile: indexFile{file: name + timeIndexSuffix}},
		aborted: txnIndex{indexFile: indexFile{file: name + txnIndexSuffix}},
	}
}

// startAt makes the log empty, with its first record to come at an offset.
func (l *Log) startAt(base int64) {
	l.begin(placed{next: base, epoch: -1})
	l.start = base
	l.segments = append(l.segments[:0], newSegment(l.dir, base, 0))
}

// addSegment has what follows stand in a file of its own.
func (l *Log) addSegment() {
	l.segments = append(l.segments, newSegment(l.dir, l.tail.next, l.tail.end))
}

// segmentAt is the index of the segment that has a position.
func (l *Log) segmentAt(position int64) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].at > position }) - 1
}

// segmentOf is the index of the segment that has an offset.
func (l *Log) segmentOf(offset int64) int {
	return max(sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > offset })-1, 0)
}

// endOf is the position at which a segment ends.
func (l *Log) endOf(i int) int64 {
	if i+1 < len(l.segments) {
		return l.segments[i+1].at
	}
	return l.tail.end
}

// namesIn are the names of the files in a directory, sorted.
func namesIn(files machine.Files, dir string) []string {
	names := files.List()
	from, _ := slices.BinarySearch(names, dir+"/")
	to, _ := slices.BinarySearch(names, dir+"0") // the character after the slash
	return names[from:to]
}

// segmentsIn are the offsets at which the segments of a directory begin, in order; 0
// alone if there are none.
func segmentsIn(names []string, dir string) []int64 {
	bases := offsetsIn(names, dir, logSuffix)
	if len(bases) == 0 {
		return []int64{0}
	}
	return bases
}

// offsetsIn are the offsets by which the files of a kind in a directory are named, in
// order.
func offsetsIn(names []string, dir, suffix string) []int64 {
	var list []int64
	for _, name := range names {
		digits, isOne := strings.CutSuffix(name[len(dir)+1:], suffix)
		n, err := strconv.ParseInt(digits, 10, 64)
		if isOne && len(digits) == 20 && err == nil && n >= 0 {
			list = append(list, n)
		}
	}
	return list
}

// Limits are when a log rolls: Kafka's segment.bytes, segment.ms and segment.jitter.ms.
type Limits struct {
	Bytes, Millis, JitterMillis int64
}

// Roll begins a new segment for a batch, if the active one has no room for it, spans more
// than so many ms with it, or an index is full (LogSegment.shouldRoll). An empty one is
// not rolled. It reports whether it did; then everything before must be made durable.
// An error is one of the disk.
func (l *Log) Roll(h Header, max Limits) (bool, error) {
	s, used := l.active(), l.tail.end-l.active().at
	if used == 0 || l.holdRoll {
		return false, nil
	}
	late := h.MaxTimestamp-s.first > max.Millis-s.jitter(max)
	if !late && used+h.Size() <= min(max.Bytes, math.MaxInt32) && h.NextOffset()-1-s.base <= math.MaxInt32 && !s.indexesFull(l.opt.IndexBytes) {
		return false, nil
	}
	s.sealed()
	if err := l.writeIndexes(s); err != nil && !isFull(err) {
		return false, err
	}
	l.addSegment()
	return true, nil
}

// RollEmpty begins a new segment though nothing is to be written, so that the active one may
// be deleted. Its file, which is empty, tells where the log goes on: unless bare says that
// there is to be none. An error is one of the disk.
func (l *Log) RollEmpty(bare bool) error {
	s := l.active()
	s.sealed()
	if err := l.writeIndexes(s); err != nil && !isFull(err) {
		return err
	}
	l.addSegment()
	if bare {
		return nil
	}
	if err := l.files.Append(l.File(), machine.Bytes{}); err != nil {
		return fmt.Errorf("append to %s: %w", l.File(), err)
	}
	return nil
}

// jitter is by how much sooner than others a segment rolls by time, so that those of
// many partitions do not roll at once. It is a segment's own, whenever it is asked.
func (s *segment) jitter(l Limits) int64 {
	if l.JitterMillis <= 0 {
		return 0
	}
	return int64(machine.Draw(jitterDraw).Of(s.file).N(uint64(min(l.JitterMillis, l.Millis))))
}

const jitterDraw = 0x6a09e667f3bcc909

func (s *segment) indexesFull(bytes int64) bool {
	return int64(len(s.offsets.entries)) >= max(bytes/offsetEntrySize, 1) || int64(len(s.times.entries)) >= max(bytes/timeEntrySize-1, 1)
}
