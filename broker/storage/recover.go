package storage

import (
	"fmt"

	"brokersim/broker/machine"
)

// Recovery says what Open had to cut off.
type Recovery struct {
	TornBytes int64  // 0: the log was whole
	Reason    string // why the log ends where it ends; empty if it was whole
}

// scanBytes is how much is read at a time.
const scanBytes = 64 << 10

// Open opens the log in a directory. Without a file it is empty: the first Append
// creates the file, so that a full disk is noticed by who writes, not by who
// opens. The files are segments, each named by the offset of its first record; the log
// starts where the first does. Of them Open keeps the longest beginning that is whole
// batches with matching checksums, consecutive offsets and epochs that do not fall, and
// cuts off the rest; the cut is durable when the owner has synced. It may read what is
// not resident. An error is one of the files; there is none for what a file holds.
func Open(files machine.Files, dir string) (*Log, Recovery, error) { return open(files, dir, true) }

// OpenUnchecked is Open without the checksums: what looks like a batch is one. No
// broker may do so; it is what a planted bug does.
func OpenUnchecked(files machine.Files, dir string) (*Log, Recovery, error) {
	return open(files, dir, false)
}

func open(files machine.Files, dir string, checked bool) (*Log, Recovery, error) {
	l := &Log{files: files, dir: dir}
	bases := segmentsIn(files, dir)
	l.startAt(bases[0])
	var cut Recovery
	for i, base := range bases {
		if i > 0 && (cut.TornBytes > 0 || base != l.End()) {
			err := l.orphans(bases[i:], &cut)
			return l, cut, err
		}
		if i > 0 {
			l.addSegment()
		}
		if err := l.recover(checked, &cut); err != nil {
			return nil, Recovery{}, fmt.Errorf("recover %s: %w", l.File(), err)
		}
	}
	return l, cut, nil
}

// recover reads the last segment, and cuts off what is wrong in it.
func (l *Log) recover(checked bool, cut *Recovery) error {
	size, ok := l.files.Size(l.File())
	if !ok {
		return nil
	}
	wrong, err := l.scan(size, checked)
	if err != nil {
		return err
	}
	end := l.tail.end - l.active().at
	if end == size {
		return nil
	}
	*cut = Recovery{size - end, fmt.Sprintf("offset %d, byte %d: %v", l.End(), end, wrong)}
	return l.files.Truncate(l.File(), end)
}

// orphans removes the segments behind a hole: what is in them continues nothing
// (LogLoader.recoverLog). The latest goes first, so that a crash leaves no other hole.
func (l *Log) orphans(bases []int64, cut *Recovery) error {
	for i := len(bases) - 1; i >= 0; i-- {
		file := l.fileOf(bases[i])
		size, _ := l.files.Size(file)
		cut.TornBytes += size
		if err := l.files.Remove(file); err != nil {
			return fmt.Errorf("recover %s: %w", file, err)
		}
		l.removed = append(l.removed, file)
	}
	if cut.Reason == "" {
		cut.Reason = fmt.Sprintf("offset %d: the next segment begins at offset %d", l.End(), bases[0])
	}
	return nil
}

// scan notes the batches of the last segment until its end, or until one is wrong: it
// returns in what way.
func (l *Log) scan(size int64, checked bool) (wrong, err error) {
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
		if checked && chunk.RangeCRC32C(pos+atAttributes, pos+h.Size()) != h.CRC {
			return ErrCRC, nil
		}
		if wrong := l.add(h); wrong != nil {
			return wrong, nil
		}
	}
}
