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
// opens. Of a file Open keeps the longest beginning that is whole batches with
// matching checksums, consecutive offsets and epochs that do not fall, and cuts
// off the rest; the cut is durable when the owner has synced. It may read what is
// not resident. An error is one of the files; there is none for what a file holds.
func Open(files machine.Files, dir string) (*Log, Recovery, error) { return open(files, dir, true) }

// OpenUnchecked is Open without the checksums: what looks like a batch is one. No
// broker may do so; it is what a planted bug does.
func OpenUnchecked(files machine.Files, dir string) (*Log, Recovery, error) {
	return open(files, dir, false)
}

func open(files machine.Files, dir string, checked bool) (*Log, Recovery, error) {
	l := &Log{tail: nothing, files: files, file: fmt.Sprintf("%s/%020d.log", dir, 0)}
	size, ok := files.Size(l.file)
	if !ok {
		return l, Recovery{}, nil
	}
	wrong, err := l.scan(size, checked)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("recover %s: %w", l.file, err)
	}
	end := l.Size()
	if end == size {
		return l, Recovery{}, nil
	}
	if err := files.Truncate(l.file, end); err != nil {
		return nil, Recovery{}, fmt.Errorf("recover %s: %w", l.file, err)
	}
	return l, Recovery{size - end, fmt.Sprintf("offset %d, byte %d: %v", l.End(), end, wrong)}, nil
}

// scan notes the batches of the file until its end, or until one is wrong: it
// returns in what way.
func (l *Log) scan(size int64, checked bool) (wrong, err error) {
	var chunk machine.Bytes
	at := int64(0) // of the chunk, in the file
	for l.Size() < size {
		pos := l.Size() - at
		h, wrong := readHeader(chunk, pos, &l.raw)
		if wrong == ErrShort || wrong == nil && h.Size() > chunk.Len()-pos {
			want := int64(scanBytes)
			if wrong == nil {
				want = max(want, h.Size())
			}
			if want = min(want, size-l.Size()); pos == 0 && chunk.Len() == want {
				return ErrShort, nil
			}
			if at = l.Size(); wrong == nil && h.Size() > size-at {
				return ErrShort, nil
			}
			if chunk, err = l.files.ReadAt(l.file, at, want); err != nil {
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
	return nil, nil
}
