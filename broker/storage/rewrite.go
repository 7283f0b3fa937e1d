package storage

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/machine"
)

// Rewrite is what compaction leaves of some neighbouring segments, written into one that
// is to take their place (LogCleaner.cleanSegments, LocalLog.replaceSegments). Its owner
// goes through four steps and has to sync in between, so that no crash leaves less than
// the old segments or the new one:
//
//	[Rewrite.Append]   the new one is written under the names N.log.cleaned, N.index.cleaned,
//	                   N.timeindex.cleaned. What a crash leaves of those is removed.
//	[Rewrite.Ready]    they are renamed to N.log.swap and so on. From when those names are
//	                   durable on, what a crash leaves is completed by [Open].
//	[Rewrite.Replace]  the old ones are deleted, and the new one gets its name.
//
// The new segment must end where the old ones did: with what is left of their last batch,
// even if that is no record. Kafka's may end sooner; here a segment that does has lost its
// end. A log that is cut, or deleted from the front, where it is being written again gives
// the rewrite up.
type Rewrite struct {
	log        *Log
	base, next int64 // the old segments have the offsets from base up to next
	seg        segment
	size, end  int64 // of the new one: bytes, and the offset after its last batch
	suffix     string
	given      bool // it was given up, or is done
	raw        headerBytes
}

// Rewrite begins to write the segments again that have the offsets from base up to next,
// where segments begin. There must be no other rewrite of the log, and it must be allowed
// to have holes.
func (l *Log) Rewrite(base, next int64) *Rewrite {
	if !l.opt.Holes || l.rewrite != nil {
		panic("storage: " + l.dir + " may not have holes, or is being written again")
	}
	w := &Rewrite{log: l, base: base, next: next, seg: newSegment(l.dir, base, 0), suffix: cleanedSuffix}
	w.end = base
	l.rewrite = w
	return w
}

// Rewriting reports whether segments are being written again.
func (l *Log) Rewriting() bool { return l.rewrite != nil }

// Segment is what may be told of a segment that is not the active one.
type Segment struct {
	Base, Next int64 // its offsets, the second of the segment behind it
	Bytes      int64
	IndexBytes int64 // of the larger of its indexes
	First      int64 // ms: the largest timestamp of its first batch; -1: it has none
	Last       int64 // ms: the largest there is; -1: none
}

// Cuts is how often the log has been truncated, or deleted from, in this life.
func (l *Log) Cuts() int { return l.cuts }

// Inactive yields all segments but the active one, in order.
func (l *Log) Inactive() []Segment {
	list := make([]Segment, 0, len(l.segments)-1)
	for i := range len(l.segments) - 1 {
		s, next := &l.segments[i], &l.segments[i+1]
		index := max(len(s.offsets.entries)*offsetEntrySize, len(s.times.entries)*timeEntrySize)
		list = append(list, Segment{s.base, next.base, next.at - s.at, int64(index), s.first, s.last})
	}
	return list
}

// ActiveBase is the offset at which the active segment begins.
func (l *Log) ActiveBase() int64 { return l.active().base }

// ReadStored reads whole batches of one segment, also below the log start offset: those
// from the one that holds an offset on, or the first behind it, in so many bytes, but one
// at least, if it ends at or below an offset.
func (l *Log) ReadStored(from, maxOffset, maxBytes int64) (machine.Bytes, error) {
	if from >= min(maxOffset, l.End()) {
		return machine.Bytes{}, nil
	}
	return l.readOld(from, maxOffset, maxBytes, true)
}

// Append adds a batch to the new segment. An error is one of the disk, or says that the
// batch may not stand there.
func (w *Rewrite) Append(b machine.Bytes) error {
	h, err := readHeader(b, 0, &w.raw)
	if err != nil {
		return err
	}
	if h.BaseOffset < w.end || h.NextOffset() > w.next {
		return fmt.Errorf("%w: base offset %d in the segment from %d to %d, which ends at %d", ErrOffset, h.BaseOffset, w.base, w.next, w.end)
	}
	if err := w.log.files.Append(w.seg.file+w.suffix, b); err != nil {
		return fmt.Errorf("append to %s: %w", w.seg.file+w.suffix, err)
	}
	w.seg.took(h, w.size, &w.log.opt)
	w.size += h.Size()
	w.end = h.NextOffset()
	return nil
}

// Given reports whether the rewrite was given up.
func (w *Rewrite) Given() bool { return w.given }

// files are those of the new segment, without what marks them.
func (w *Rewrite) files() []string {
	list := []string{w.seg.file, w.seg.offsets.file, w.seg.times.file}
	if len(w.seg.aborted.entries) > 0 {
		list = append(list, w.seg.aborted.file)
	}
	return list
}

// Finish writes the indexes of the new segment, and returns the files that must be durable
// before [Rewrite.Ready].
func (w *Rewrite) Finish() ([]string, error) {
	if w.end != w.next {
		return nil, fmt.Errorf("%s: ends at offset %d and not at %d", w.seg.file+w.suffix, w.end, w.next)
	}
	w.seg.sealed()
	var b []byte
	for _, e := range w.seg.offsets.entries {
		b = e.appendTo(b)
	}
	if err := w.log.files.Append(w.seg.offsets.file+w.suffix, machine.Literal(b)); err != nil {
		return nil, fmt.Errorf("append to %s: %w", w.seg.offsets.file+w.suffix, err)
	}
	b = nil
	for _, e := range w.seg.times.entries {
		b = e.appendTo(b)
	}
	if err := w.log.files.Append(w.seg.times.file+w.suffix, machine.Literal(b)); err != nil {
		return nil, fmt.Errorf("append to %s: %w", w.seg.times.file+w.suffix, err)
	}
	if err := w.finishAborted(); err != nil {
		return nil, err
	}
	return w.named(), nil
}

func (w *Rewrite) named() []string {
	list := w.files()
	for i := range list {
		list[i] += w.suffix
	}
	return list
}

// Ready says that the new segment is durable. It returns the files whose names must be
// before [Rewrite.Replace].
func (w *Rewrite) Ready() ([]string, error) {
	for _, file := range w.files() {
		if err := w.log.files.Rename(file+w.suffix, file+swapSuffix); err != nil {
			return nil, fmt.Errorf("rename %s: %w", file+w.suffix, err)
		}
	}
	w.suffix = swapSuffix
	return w.named(), nil
}

// Replace has the new segment take the place of the old ones, which are deleted. It returns
// the files that must be synced for that to be durable; a crash before leaves the one or
// the other.
func (w *Rewrite) Replace() (sync []string, err error) {
	l := w.log
	from := slices.IndexFunc(l.segments, func(s segment) bool { return s.base == w.base })
	to := slices.IndexFunc(l.segments, func(s segment) bool { return s.base == w.next })
	if from < 0 || to <= from {
		panic(fmt.Sprintf("storage: %s has no segments from offset %d to %d", l.dir, w.base, w.next))
	}
	for _, s := range l.segments[from:to] {
		for _, file := range l.filesOf(&s, "") {
			if err := l.doom(file); err != nil {
				return nil, err
			}
			sync = append(sync, file)
		}
	}
	for _, file := range w.files() {
		if err := l.files.Rename(file+w.suffix, file); err != nil {
			return nil, fmt.Errorf("rename %s: %w", file+w.suffix, err)
		}
	}
	w.seg.offsets.made, w.seg.offsets.written = true, len(w.seg.offsets.entries)
	w.seg.times.made, w.seg.times.written = true, len(w.seg.times.entries)
	w.seg.aborted.made, w.seg.aborted.written = len(w.seg.aborted.entries) > 0, len(w.seg.aborted.entries)
	// Positions are counted over all segments: those before the new one begin later now.
	saved := l.segments[to].at - l.segments[from].at - w.size
	for i := range from {
		l.segments[i].at += saved
	}
	w.seg.at = l.segments[to].at - w.size
	l.segments = slices.Replace(l.segments, from, to, w.seg)
	if n := l.holding(w.next); n > 0 {
		l.dropFirst(n)
	}
	low, _ := slices.BinarySearch(l.snapshots, w.base+1)
	high, _ := slices.BinarySearch(l.snapshots, w.next)
	l.rewrite, w.given = nil, true
	return sync, l.dropSnapshots(low, high)
}

// GiveUp removes what was written.
func (w *Rewrite) GiveUp() error {
	if w.given {
		return nil
	}
	w.given, w.log.rewrite = true, nil
	for _, name := range w.named() {
		if err := w.log.files.Remove(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		if w.suffix == swapSuffix { // a crash could have it come back, and be completed
			w.log.change(name)
		}
	}
	return nil
}

// disturb gives up what is being written again, if it has anything behind an offset: that
// is about to go.
func (l *Log) disturb(from int64) error {
	l.cuts++
	if w := l.rewrite; w != nil && from < w.next {
		return w.GiveUp()
	}
	return nil
}

// finishSwaps does with the files of a rewrite that a crash has cut short what is left to
// do: what was being written is removed, what was about to take the place of others does
// (LogLoader.removeTempFilesAndCollectSwapFiles, KAFKA-6264). It returns the names that
// there are then.
func (l *Log) finishSwaps(names []string, r *Recovery) ([]string, error) {
	if !slices.ContainsFunc(names, func(name string) bool {
		return strings.HasSuffix(name, cleanedSuffix) || strings.HasSuffix(name, swapSuffix)
	}) {
		return names, nil
	}
	cleaned := slices.Concat(offsetsIn(names, l.dir, logSuffix+cleanedSuffix), offsetsIn(names, l.dir, indexSuffix+cleanedSuffix), offsetsIn(names, l.dir, timeIndexSuffix+cleanedSuffix), offsetsIn(names, l.dir, txnIndexSuffix+cleanedSuffix))
	for _, base := range cleaned {
		// Some of its files may have the names already that are for what is ready.
		s := newSegment(l.dir, base, 0)
		for _, file := range []string{s.file, s.offsets.file, s.times.file, s.aborted.file} {
			if _, ok := l.files.Size(file + cleanedSuffix); !ok && file == s.aborted.file {
				if _, ok := l.files.Size(file + swapSuffix); !ok {
					continue // it had none
				}
			}
			if err := l.discard(file+cleanedSuffix, file+swapSuffix); err != nil {
				return nil, err
			}
		}
		r.Cleaned = true
	}
	for _, base := range offsetsIn(namesIn(l.files, l.dir), l.dir, logSuffix+swapSuffix) {
		if err := l.finishSwap(base, r); err != nil {
			return nil, err
		}
	}
	for _, name := range namesIn(l.files, l.dir) { // an index whose segment has its name
		if to, ok := strings.CutSuffix(name, swapSuffix); ok {
			r.Swapped = true
			if err := l.adopt(name, to); err != nil {
				return nil, err
			}
		}
	}
	return namesIn(l.files, l.dir), nil
}

// finishSwap has the segment of a .swap file take the place of those that it was made of,
// as far as they are still there. One that is not whole cannot be ready: it goes.
func (l *Log) finishSwap(base int64, r *Recovery) error {
	s := newSegment(l.dir, base, 0)
	size, _ := l.files.Size(s.file + swapSuffix)
	end, err := l.endOfSwap(s.file+swapSuffix, base, size)
	if err != nil {
		r.Repaired = append(r.Repaired, fmt.Sprintf("%s removed: %v", s.file+swapSuffix, err))
		return l.discard(l.filesOf(&s, swapSuffix)...)
	}
	for _, name := range namesIn(l.files, l.dir) {
		for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
			if of := offsetsIn([]string{name}, l.dir, suffix); len(of) == 1 && of[0] >= base && of[0] < end {
				if err := l.discard(name); err != nil {
					return err
				}
			}
		}
	}
	for _, file := range []string{s.file, s.offsets.file, s.times.file, s.aborted.file} {
		if _, ok := l.files.Size(file + swapSuffix); ok {
			if err := l.adopt(file+swapSuffix, file); err != nil {
				return err
			}
		}
	}
	r.Swapped = true
	return nil
}

// endOfSwap is the offset after the last batch of a segment of so many bytes, all of whose
// checksums are right.
func (l *Log) endOfSwap(file string, base, size int64) (end int64, err error) {
	end = base
	b, err := l.files.ReadAt(file, 0, size)
	for at := int64(0); err == nil && at < b.Len(); {
		var h Header
		h, err = readHeader(b, at, &l.raw)
		switch {
		case err != nil:
		case h.Size() > b.Len()-at:
			err = ErrShort
		case h.BaseOffset < end:
			err = ErrOffset
		case b.RangeCRC32C(at+atAttributes, at+h.Size()) != h.CRC:
			err = ErrCRC
		}
		at, end = at+h.Size(), h.NextOffset()
	}
	if err == nil && end == base {
		err = ErrShort
	}
	return end, err
}

// adopt gives a file its name.
func (l *Log) adopt(from, to string) error {
	if err := l.files.Rename(from, to); err != nil {
		return fmt.Errorf("rename %s: %w", from, err)
	}
	l.change(to)
	return nil
}

// discard removes files, so that no crash has them come back.
func (l *Log) discard(names ...string) error {
	for _, name := range names {
		if err := l.files.Remove(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		l.change(name)
	}
	return nil
}
