package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/machine"
)

// Recovery says what Open has found that was not as it should be.
type Recovery struct {
	TornBytes int64  // 0: the log was whole
	Reason    string // why the log ends where it ends; empty if it was whole
	// Scanned is the offset from which on batches were read again; the log end if none
	// were.
	Scanned int64
	// Reread is where the first segment begins that was read again; the log end if none was.
	// What the owner knows of transactions goes to those by [Log.PutAborted].
	Reread int64
	// Repaired are files beside the log that were absent or corrupt, each with why, and
	// were made again from it.
	Repaired []string
	// IndexesMade is how many of them are indexes.
	IndexesMade int
	// Cleaned says that compaction was cut short while it wrote a segment again, which was
	// given up; Swapped that it was while that took the place of others, which was finished.
	Cleaned, Swapped bool
}

// String is one line for an operator, "" if everything was as it should be.
func (r Recovery) String() string {
	var list []string
	if r.Reason != "" {
		list = append(list, fmt.Sprintf("cut %d bytes: %s", r.TornBytes, r.Reason))
	}
	return strings.Join(append(list, r.Repaired...), "; ")
}

// scanBytes is how much is read at a time.
const scanBytes = 1 << 20

// Open opens the log in a directory with Kafka's defaults, and reads all of it again: see
// [OpenWith].
func Open(files machine.Files, dir string) (*Log, Recovery, error) {
	return OpenWith(files, dir, Defaults())
}

// OpenWith opens the log in a directory. Without a file it is empty: the first Append
// creates the file, so that a full disk is noticed by who writes, not by who
// opens. The files are segments, each named by the offset of its first record; the log
// starts where the first does, or later. Of them Open keeps the longest beginning that is whole
// batches with matching checksums, consecutive offsets and epochs that do not fall, and
// cuts off the rest; the cut is durable when the owner has synced. What was durable is
// not read again, see [Options], unless what is around it tells that it should be. It may read what is
// not resident. An error is one of the files; there is none for what a file holds.
func OpenWith(files machine.Files, dir string, opt Options) (*Log, Recovery, error) {
	if opt.IndexBytes <= 0 {
		opt.IndexBytes = Defaults().IndexBytes
	}
	l := &Log{files: files, dir: dir, opt: opt}
	var r Recovery
	names, err := l.finishSwaps(namesIn(files, dir), &r)
	if err == nil {
		err = l.clear(names)
	}
	if err != nil {
		return nil, Recovery{}, err
	}
	bases := segmentsIn(names, dir)
	l.snapshots = offsetsIn(names, dir, snapshotSuffix)
	if !opt.Clean {
		l.doubtBeside(names)
	}
	l.startAt(bases[0])
	if err := l.recoverAll(bases, &r); err != nil {
		return nil, Recovery{}, fmt.Errorf("recover %s: %w", l.File(), err)
	}
	l.start = max(min(opt.Start, l.End()), l.start)
	r.Scanned, l.read, r.Reread = l.origin.next, l.origin, l.End()
	if i := slices.IndexFunc(l.segments, func(s segment) bool { return s.reread }); i >= 0 {
		r.Reread = l.segments[i].base
	}
	if opt.Flaws.TrustIndex {
		l.trustIndexes()
	}
	l.forget()
	return l, r, nil
}

// clear removes what an earlier life has deleted and not removed, what it has begun
// to write and not finished, and indexes of no log.
func (l *Log) clear(names []string) error {
	for _, name := range names {
		gone := strings.HasSuffix(name, deletedSuffix) || strings.HasSuffix(name, newSuffix)
		for _, suffix := range []string{indexSuffix, timeIndexSuffix, txnIndexSuffix} {
			if of, ok := strings.CutSuffix(name, suffix); ok {
				_, found := slices.BinarySearch(names, of+logSuffix)
				gone = gone || !found
			}
		}
		if !gone {
			continue
		}
		if err := l.files.Remove(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		if strings.HasSuffix(name, txnIndexSuffix) {
			l.change(name) // nor may it come back, and be believed
		}
	}
	return nil
}

// doubtBeside has the files beside the segments be made durable with the log: a crash of the
// process alone makes nothing durable.
func (l *Log) doubtBeside(names []string) {
	for _, name := range names {
		if file := name[len(l.dir)+1:]; file == epochsFile || file == partitionMetadataFile || strings.HasSuffix(file, snapshotSuffix) {
			l.change(name)
		}
	}
}

// recoverAll recovers the segments that begin at some offsets.
func (l *Log) recoverAll(bases []int64, r *Recovery) error {
	trust := true // as long as what was durable is there
	for i, base := range bases {
		if i > 0 && base < l.End() && slices.Contains(bases[i:], l.End()) {
			// Compaction has written it into the segment before, and its deletion has come
			// undone.
			if err := l.leftOver(base); err != nil {
				return err
			}
			r.Swapped = true
			continue
		}
		if i > 0 && base != l.End() && len(l.batches) == 0 && l.tail.end > l.active().at {
			// A hole behind what was not read again: it was not durable after all.
			if err := l.recoverAgain(r); err != nil {
				return err
			}
		}
		if i > 0 && (r.TornBytes > 0 || base != l.End()) {
			return l.orphans(bases[i:], r)
		}
		if i > 0 {
			l.addSegment()
		}
		trust = trust && (l.opt.Clean || i+1 < len(bases) && bases[i+1] <= l.opt.RecoveryPoint)
		if err := l.recover(trust, i+1 == len(bases), r); err != nil {
			return err
		}
		trust = trust && len(l.batches) == 0
	}
	return nil
}

// leftOver removes a segment that is part of the one before it.
func (l *Log) leftOver(base int64) error {
	s := newSegment(l.dir, base, 0)
	return l.discard(l.filesOf(&s, "")...)
}

// recoverAgain reads the last segment, of which only the index was read.
func (l *Log) recoverAgain(r *Recovery) error {
	s := l.active()
	before, err := l.boundary(s.base)
	if err != nil {
		return err
	}
	before.end = s.at
	l.begin(before)
	*s = newSegment(l.dir, s.base, s.at)
	return l.recover(false, false, r)
}

// recover reads the last segment so far, and cuts off what is wrong in it. If it is to be
// trusted the index is enough.
func (l *Log) recover(trust, last bool, r *Recovery) error {
	s := l.active()
	size, ok := l.files.Size(s.file)
	if !ok {
		return nil
	}
	if trust && size > 0 {
		why := l.trust(s, size)
		if why == nil {
			return nil
		}
		r.Repaired = append(r.Repaired, why.Error())
		*s = newSegment(l.dir, s.base, s.at)
	}
	s.reread = true
	wrong, err := l.scan(size)
	if err != nil {
		return err
	}
	if end := l.tail.end - s.at; end < size {
		r.TornBytes, r.Reason = size-end, fmt.Sprintf("offset %d, byte %d: %v", l.End(), end, wrong)
		if err := l.files.Truncate(s.file, end); err != nil {
			return err
		}
	}
	if !last {
		s.sealed()
	}
	if l.opt.Flaws.TrustIndex {
		return nil
	}
	return l.repairIndexes(s, r)
}

// trust takes over the indexes of the last segment, which has so many bytes, and finds its
// end with them. An error is why they cannot be right.
func (l *Log) trust(s *segment, size int64) error {
	if err := l.loadIndexes(s, size); err != nil {
		return err
	}
	end := placed{next: s.base, end: s.at, epoch: l.tail.epoch}
	at, last := s.offsets.entry(len(s.offsets.entries))
	for first := true; at < size; first = false {
		h, err := l.headerAt(s, at)
		switch {
		case err != nil:
			return err
		case first && last >= 0 && h.NextOffset()-1 != s.base+last:
			return fmt.Errorf("%s: offset %d is not at byte %d", s.offsets.file, s.base+last, at)
		case h.Size() > size-at:
			return fmt.Errorf("%s, byte %d: %w", s.file, at, ErrShort)
		case h.LeaderEpoch < end.epoch:
			return fmt.Errorf("%s, byte %d: %w", s.file, at, ErrEpoch)
		}
		at += h.Size()
		end = placed{next: h.NextOffset(), end: s.at + at, epoch: h.LeaderEpoch}
	}
	if err := l.learnTimes(s, size); err != nil {
		return err
	}
	if err := l.loadAborted(s, end.next); err != nil {
		return err
	}
	l.begin(end)
	return nil
}

// trustIndexes goes by the indexes as they are, for all that there is: a planted bug.
func (l *Log) trustIndexes() {
	for i := range l.segments {
		s := &l.segments[i]
		b, err := l.load(s.offsets.file)
		s.offsets.entries = s.offsets.entries[:0]
		for ; len(b) >= offsetEntrySize; b = b[offsetEntrySize:] {
			s.offsets.entries = append(s.offsets.entries, offsetEntry{int32(binary.BigEndian.Uint32(b)), int32(binary.BigEndian.Uint32(b[4:]))})
		}
		s.offsets.made, s.offsets.written = err == nil, len(s.offsets.entries)
		_, exists := l.files.Size(s.times.file)
		s.times.made, s.times.written = exists, len(s.times.entries)
	}
	l.begin(placed{next: l.tail.next, end: l.tail.end, epoch: l.tail.epoch})
}

// loadIndexes reads the indexes of a segment that has so many bytes.
func (l *Log) loadIndexes(s *segment, size int64) (err error) {
	b, err := l.load(s.offsets.file)
	if err == nil {
		s.offsets.entries, err = parseOffsetIndex(b, size)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.offsets.file, err)
	}
	b, err = l.load(s.times.file)
	if err == nil {
		s.times.entries, err = parseTimeIndex(b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.times.file, err)
	}
	s.offsets.made, s.offsets.written = true, len(s.offsets.entries)
	s.times.made, s.times.written = true, len(s.times.entries)
	return nil
}

// load is all that a file holds.
func (l *Log) load(file string) ([]byte, error) {
	size, ok := l.files.Size(file)
	if !ok {
		return nil, ErrAbsent
	}
	b, err := l.files.ReadAt(file, 0, size)
	if err != nil {
		return nil, err
	}
	return b.Contiguous(), nil
}

// repairIndexes has the index files of the last segment say what was found in it. What
// there is no room for is written when there is.
func (l *Log) repairIndexes(s *segment, r *Recovery) error {
	if s.at == l.tail.end { // nothing is left in it
		return l.removeIndexes(s)
	}
	var want []byte
	for _, e := range s.offsets.entries {
		want = e.appendTo(want)
	}
	if err := l.repair(&s.offsets.indexFile, want, offsetEntrySize, r); err != nil {
		return err
	}
	want = want[:0]
	for _, e := range s.times.entries {
		want = e.appendTo(want)
	}
	if err := l.repair(&s.times.indexFile, want, timeEntrySize, r); err != nil {
		return err
	}
	if err := l.writeIndexes(s); err != nil && !isFull(err) {
		return err
	}
	return nil
}

// repair cuts off what is wrong in an index file, and says so if it is not as wanted.
func (l *Log) repair(f *indexFile, want []byte, size int, r *Recovery) error {
	have, err := l.load(f.file)
	same := 0
	for same < min(len(have), len(want)) && have[same] == want[same] {
		same++
	}
	same -= same % size
	f.made, f.written = err != ErrAbsent, same/size
	f.dirty = f.made // a crash of the process alone makes nothing durable
	switch {
	case f.made && same == len(have) && same == len(want):
		return nil
	case err == nil:
		err = fmt.Errorf("of its %d bytes %d are right, and %d there should be", len(have), same, len(want))
	}
	r.Repaired = append(r.Repaired, fmt.Sprintf("%s made again: %v", f.file, err))
	r.IndexesMade++
	if f.dirty = true; f.made {
		return l.cut(f.file, int64(same))
	}
	return nil
}

// ErrAbsent is why a file beside a log tells nothing: it does not exist.
var ErrAbsent = errors.New("absent")

// removeIndexes removes the indexes of a segment that has nothing in it.
func (l *Log) removeIndexes(s *segment) error {
	for _, file := range []string{s.offsets.file, s.times.file} {
		if err := l.files.Remove(file); err != nil {
			return err
		}
	}
	if _, ok := l.files.Size(s.aborted.file); !ok {
		return nil
	}
	return l.discard(s.aborted.file) // or it could come back, and be believed
}

// orphans removes the segments behind a hole: what is in them continues nothing
// (LogLoader.recoverLog). The latest goes first, so that a crash leaves no other hole.
func (l *Log) orphans(bases []int64, r *Recovery) error {
	for _, base := range slices.Backward(bases) {
		s := newSegment(l.dir, base, 0)
		size, _ := l.files.Size(s.file)
		r.TornBytes += size
		if err := l.files.Remove(s.file); err != nil {
			return fmt.Errorf("recover %s: %w", s.file, err)
		}
		if err := l.removeIndexes(&s); err != nil {
			return err
		}
		l.removed = append(l.removed, s.file)
	}
	if r.Reason == "" {
		r.Reason = fmt.Sprintf("offset %d: the next segment begins at offset %d", l.End(), bases[0])
	}
	return nil
}

// scan notes the batches of the last segment until its end, or until one is wrong: it
// returns in what way.
func (l *Log) scan(size int64) (wrong, err error) {
	var chunk machine.Bytes
	at := int64(0) // of the chunk, in the file
	file, begins := l.File(), l.active().at
	for {
		done := l.tail.end - begins
		if done >= size {
			return nil, nil
		}
		pos := done - at
		h, wrong := readHeader(chunk, pos, &l.raw)
		if wrong == ErrShort || wrong == nil && h.Size() > chunk.Len()-pos {
			want := int64(scanBytes)
			if wrong == nil {
				want = max(want, h.Size())
			}
			if want = min(want, size-done); pos == 0 && chunk.Len() == want {
				return ErrShort, nil
			}
			if at = done; wrong == nil && h.Size() > size-at {
				return ErrShort, nil
			}
			if chunk, err = l.files.ReadAt(file, at, want); err != nil {
				return nil, err
			}
			if chunk.Len() != want {
				return nil, fmt.Errorf("%d bytes at %d, want %d: %w", chunk.Len(), at, want, ErrShort)
			}
			continue
		}
		if wrong != nil {
			return wrong, nil
		}
		if !l.opt.Flaws.SkipChecksums && chunk.RangeCRC32C(pos+atAttributes, pos+h.Size()) != h.CRC {
			return ErrCRC, nil
		}
		if wrong := l.add(h); wrong != nil {
			return wrong, nil
		}
	}
}
