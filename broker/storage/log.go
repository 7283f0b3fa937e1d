package storage

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"brokersim/broker/machine"
)

// ErrOutOfRange means an offset below the log start or above the log end.
var ErrOutOfRange = errors.New("offset out of range")

// Log is one append-only log. Its methods do not ask for syncs: see File.
type Log struct {
	files   machine.Files
	file    string
	batches []placed
	tail    placed      // the last of them, which is asked for most
	raw     headerBytes // scratch
}

// placed says where a batch ends, in offsets and in bytes; the one before it
// says where it begins.
type placed struct {
	next   int64  // the offset after the batch
	end    int64  // the position after the batch
	digest uint64 // of this batch and all before it
	epoch  int32
}

// nothing is what stands before the first batch.
var nothing = placed{epoch: -1, digest: emptyDigest}

// File is the name of the file that a sync makes durable.
func (l *Log) File() string { return l.file }

// Start is the log start offset.
func (l *Log) Start() int64 { return 0 }

// End is the log end offset: that of the next record.
func (l *Log) End() int64 { return l.tail.next }

// Size is the number of bytes of all batches.
func (l *Log) Size() int64 { return l.tail.end }

// LastEpoch is the leader epoch of the last batch, -1 if there is none.
func (l *Log) LastEpoch() int32 { return l.tail.epoch }

// keep drops all batches but the first n.
func (l *Log) keep(n int) {
	l.batches = l.batches[:n]
	l.tail = l.before(n)
}

// before is the batch before the i-th.
func (l *Log) before(i int) placed {
	if i == 0 {
		return nothing
	}
	return l.batches[i-1]
}

// holding is the index of the batch that holds an offset: the number of batches
// that end at or below it.
func (l *Log) holding(offset int64) int {
	if offset >= l.End() {
		return len(l.batches)
	}
	return sort.Search(len(l.batches), func(i int) bool { return l.batches[i].next > offset })
}

// Append adds one or more whole batches, which must follow the log end without a
// hole and whose leader epochs must not fall. Checksums are the caller's matter.
// On an error nothing was appended.
func (l *Log) Append(b machine.Bytes) error {
	kept := len(l.batches)
	if err := l.place(b); err != nil {
		l.keep(kept)
		return fmt.Errorf("append to %s: %w", l.file, err)
	}
	if err := l.files.Append(l.file, b); err != nil {
		l.keep(kept)
		return fmt.Errorf("append to %s: %w", l.file, err)
	}
	return nil
}

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
		if err := l.add(h); err != nil {
			return err
		}
		at += h.Size()
	}
	return nil
}

// add notes where the batch will stand whose header is in l.raw.
func (l *Log) add(h Header) error {
	last := l.tail
	if err := h.follows(last.next, last.epoch); err != nil {
		return err
	}
	if len(l.batches) == cap(l.batches) {
		l.batches = slices.Grow(l.batches, len(l.batches)+16) // append alone grows by a quarter
	}
	l.tail = placed{
		next:   h.NextOffset(),
		end:    last.end + h.Size(),
		digest: chain(last.digest, &l.raw),
		epoch:  h.LeaderEpoch,
	}
	l.batches = append(l.batches, l.tail)
	return nil
}

// Read returns whole batches, as they stand in the file, beginning with the one
// that holds from. None of their records has an offset at or above maxOffset.
// They are at most maxBytes long, but if atLeastOne is set the first is given
// whatever its size, so that a reader can always go on (KIP-74). Nothing to read
// is no error; from below Start or above End is ErrOutOfRange.
func (l *Log) Read(from, maxOffset int64, maxBytes int32, atLeastOne bool) (machine.Bytes, error) {
	if from < l.Start() || from > l.End() {
		return machine.Bytes{}, fmt.Errorf("read %s: %w: %d is not in [%d, %d]", l.file, ErrOutOfRange, from, l.Start(), l.End())
	}
	if from == l.End() || from >= maxOffset { // as most reads of followers
		return machine.Bytes{}, nil
	}
	first := l.holding(from)
	limit := l.holding(maxOffset) // batches from here on end above maxOffset
	if first >= limit {
		return machine.Bytes{}, nil
	}
	at := l.before(first).end
	room := at + int64(max(maxBytes, 0))
	n := sort.Search(limit-first, func(i int) bool { return l.batches[first+i].end > room })
	if n == 0 && atLeastOne {
		n = 1
	}
	if n == 0 {
		return machine.Bytes{}, nil
	}
	want := l.batches[first+n-1].end - at
	b, err := l.files.ReadAt(l.file, at, want)
	switch {
	case err != nil:
		return machine.Bytes{}, fmt.Errorf("read %s: %w", l.file, err)
	case b.Len() != want:
		return machine.Bytes{}, fmt.Errorf("read %s: %d bytes at %d, want %d: %w", l.file, b.Len(), at, want, ErrShort)
	}
	return b, nil
}

// TruncateTo removes every batch that has a record at or above an offset, so
// that End is at most that offset: less if a batch straddles it.
func (l *Log) TruncateTo(offset int64) error {
	keep := l.holding(offset)
	if keep == len(l.batches) {
		return nil
	}
	if err := l.files.Truncate(l.file, l.before(keep).end); err != nil {
		return fmt.Errorf("truncate %s: %w", l.file, err)
	}
	l.keep(keep)
	return nil
}

// Batches yields the headers of all batches from the one that holds an offset to
// the log end; an error ends it. It reads the file, batch by batch: it is for
// rebuilding what is known about a log, at start and after a truncation.
func (l *Log) Batches(from int64) iter.Seq2[Header, error] {
	return func(yield func(Header, error) bool) {
		var raw headerBytes
		for i := l.holding(from); i < len(l.batches); i++ {
			b, err := l.files.ReadAt(l.file, l.before(i).end, HeaderSize)
			var h Header
			if err == nil {
				h, err = readHeader(b, 0, &raw)
			}
			if err != nil {
				yield(Header{}, fmt.Errorf("read %s: %w", l.file, err))
				return
			}
			if !yield(h, nil) {
				return
			}
		}
	}
}

// Digest is a hash of all batches that lie wholly below an offset. Two logs in
// which they are the same have the same digest. It costs a binary search: each
// batch is taken into it once, when it is appended, by its header, where the
// CRC-32C stands for the records.
func (l *Log) Digest(upTo int64) uint64 { return l.before(l.holding(upTo)).digest }

// Common is the offset below which two logs hold the same batches: the end of the
// last batch up to which their digests agree, which is Start if already the
// first differs. Like Digest it goes by headers and costs a binary search.
func (l *Log) Common(other *Log) int64 {
	n := min(len(l.batches), len(other.batches))
	// Digests are chained: where two agree, all before them agree as well.
	same := sort.Search(n, func(i int) bool { return l.batches[i].digest != other.batches[i].digest })
	return max(l.before(same).next, l.Start())
}

// All may be given to Read as maxOffset when nothing is held back.
const All int64 = math.MaxInt64

const emptyDigest uint64 = 0x9e3779b97f4a7c15

func chain(digest uint64, raw *headerBytes) uint64 {
	return uint64(machine.Draw(digest).With(machine.Literal(raw[:]).Digest()))
}
