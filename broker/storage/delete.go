package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"brokersim/broker/machine"
)

// Oldest is what may be deleted next: the first segment, if it is not the active one.
type Oldest struct {
	Next  int64 // the offset at which the segment after it begins
	Bytes int64
	// Least is the least timestamp that a batch of it has for its largest, Last the largest,
	// in ms; -1: it has none. Of what was not read again in this life Least tells nothing.
	Least, Last int64
}

// Oldest is the first segment; ok is false if there is no other.
func (l *Log) Oldest() (o Oldest, ok bool) {
	if len(l.segments) < 2 {
		return o, false
	}
	s, next := &l.segments[0], &l.segments[1]
	return Oldest{Next: next.base, Bytes: next.at - s.at, Least: s.least, Last: s.last}, true
}

// Active is the same of the active segment, as if another one began behind it.
func (l *Log) Active() Oldest {
	s := l.active()
	return Oldest{Next: l.End(), Bytes: l.tail.end - s.at, Least: s.least, Last: s.last}
}

// HoldRoll has Roll begin no new segment, or lets it again: while a truncation has cut what
// a recovery point that is written down says is durable. The last segment is read again
// whatever that says.
func (l *Log) HoldRoll(on bool) { l.holdRoll = on }

// DeleteOldest deletes the first segment, of which there must be another: the log
// starts with the next from then on. What is in that one must be durable, or a loss of
// power may leave nothing that tells where the log starts.
func (l *Log) DeleteOldest() error {
	next := l.segments[1].base
	if err := l.disturb(l.segments[0].base); err != nil {
		return err
	}
	if err := l.remove(0); err != nil {
		return err
	}
	l.start = max(l.start, next)
	if n := l.holding(next); n > 0 {
		l.dropFirst(n)
		l.origin.epoch = -1
	}
	return nil
}

// AdvanceStart moves the log start offset up to an offset that is not above the log end.
// What is below it is given out no more, and may be deleted in whole segments
// (UnifiedLog.maybeIncrementLogStartOffset). It reports whether it moved.
func (l *Log) AdvanceStart(offset int64) bool {
	if offset <= l.start || offset > l.End() {
		return false
	}
	l.start = offset
	return true
}

// StartAt deletes everything, and has the log go on at an offset: so does a follower of
// which the leader has no beginning any more (UnifiedLog.truncateFullyAndStartAt).
func (l *Log) StartAt(offset int64) error {
	if err := l.disturb(0); err != nil {
		return err
	}
	for len(l.segments) > 0 {
		if err := l.remove(len(l.segments) - 1); err != nil {
			return err
		}
	}
	l.startAt(offset)
	return nil
}

// remove deletes a segment: its files get other names, under which they are Doomed.
func (l *Log) remove(i int) error {
	s := &l.segments[i]
	for _, file := range l.filesOf(s, "") {
		if err := l.doom(file); err != nil {
			return err
		}
	}
	l.removed = append(l.removed, s.file)
	if s.aborted.made {
		l.removed = append(l.removed, s.aborted.file)
	}
	l.segments = slices.Delete(l.segments, i, i+1)
	return nil
}

func (l *Log) doom(file string) error {
	err := l.files.Rename(file, file+deletedSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist): // nothing was ever in it
		return nil
	case err != nil:
		return fmt.Errorf("delete %s: %w", file, err)
	}
	l.doomed = append(l.doomed, file+deletedSuffix)
	return nil
}

// Doomed are files of what was deleted since the last call, which are to be removed when
// nobody can read them any more: after file.delete.delay.ms. [Open] removes what is left.
func (l *Log) Doomed() []string {
	list := l.doomed
	l.doomed = nil
	return list
}

// truncateIndexes has the indexes of the last segment tell of nothing behind its end.
func (l *Log) truncateIndexes(s *segment) error {
	size := l.tail.end - s.at
	x, t := &s.offsets, &s.times
	for n := len(x.entries); n > 0 && int64(x.entries[n-1].position) >= size; n-- {
		x.entries = x.entries[:n-1]
	}
	_, last := x.entry(len(x.entries))
	for n := len(t.entries); n > 0 && int64(t.entries[n-1].offset) > last; n-- {
		t.entries = t.entries[:n-1]
	}
	if err := l.cutIndex(&x.indexFile, len(x.entries), offsetEntrySize); err != nil {
		return err
	}
	if err := l.cutIndex(&t.indexFile, len(t.entries), timeEntrySize); err != nil {
		return err
	}
	if err := l.truncateAborted(s); err != nil {
		return err
	}
	return l.learnTimes(s, size)
}

func (l *Log) cutIndex(f *indexFile, entries, size int) error {
	if f.written <= entries {
		return nil
	}
	f.written, f.dirty = entries, true
	return l.cut(f.file, int64(entries*size))
}

// isFull reports whether a disk had no room.
func isFull(err error) bool { return errors.Is(err, machine.ErrNoSpace) }
