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

// Log is one append-only log. Its methods do not ask for syncs: see File and Unsynced.
type Log struct {
	files    machine.Files
	dir      string
	segments []segment // at least one; the last is the active one
	origin   placed    // what comes before the first batch
	batches  []placed
	tail     placed      // the last of them, which is asked for most
	removed  []string    // files whose removal nobody has made durable
	raw      headerBytes // scratch
}

// placed says where a batch ends, in offsets and in bytes; the one before it
// says where it begins.
type placed struct {
	next   int64  // the offset after the batch
	end    int64  // the position after the batch, counted over all segments
	digest uint64 // of this batch and all before it
	epoch  int32
}

// File is the name of the file that is appended to: a sync makes durable what is in it.
func (l *Log) File() string { return l.active().file }

// Start is the log start offset.
func (l *Log) Start() int64 { return l.origin.next }

// End is the log end offset: that of the next record.
func (l *Log) End() int64 { return l.tail.next }

// Size is the number of bytes of all batches.
func (l *Log) Size() int64 { return l.tail.end - l.origin.end }

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
		return l.origin
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
	kept, was := len(l.batches), *l.active()
	err := l.place(b)
	if err == nil {
		err = l.files.Append(l.File(), b)
	}
	if err != nil {
		l.keep(kept)
		*l.active() = was
		return fmt.Errorf("append to %s: %w", l.File(), err)
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
		digest: last.digest + hash(&l.raw),
		epoch:  h.LeaderEpoch,
	}
	l.batches = append(l.batches, l.tail)
	l.active().took(h)
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
	want := l.batches[first+n-1].end - at
	file := &l.segments[in]
	b, err := l.files.ReadAt(file.file, at-file.at, want)
	switch {
	case err != nil:
		return machine.Bytes{}, fmt.Errorf("read %s: %w", file.file, err)
	case b.Len() != want:
		return machine.Bytes{}, fmt.Errorf("read %s: %d bytes at %d, want %d: %w", file.file, b.Len(), at-file.at, want, ErrShort)
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
	at := l.before(keep).end
	for len(l.segments) > 1 && l.active().at >= at { // the latest first: a crash leaves no hole
		if err := l.remove(len(l.segments) - 1); err != nil {
			return err
		}
	}
	if err := l.files.Truncate(l.File(), at-l.active().at); err != nil {
		return fmt.Errorf("truncate %s: %w", l.File(), err)
	}
	l.keep(keep)
	if a := l.active(); a.at == at { // nothing is left in it
		a.first, a.last = -1, -1
	}
	return nil
}

// Batches yields the headers of all batches from the one that holds an offset to
// the log end; an error ends it. It reads the file, batch by batch: it is for
// rebuilding what is known about a log, at start and after a truncation.
func (l *Log) Batches(from int64) iter.Seq2[Header, error] {
	return func(yield func(Header, error) bool) {
		var raw headerBytes
		for i := l.holding(from); i < len(l.batches); i++ {
			at := l.before(i).end
			file := &l.segments[l.segmentAt(at)]
			b, err := l.files.ReadAt(file.file, at-file.at, HeaderSize)
			var h Header
			if err == nil {
				h, err = readHeader(b, 0, &raw)
			}
			if err != nil {
				yield(Header{}, fmt.Errorf("read %s: %w", file.file, err))
				return
			}
			if !yield(h, nil) {
				return
			}
		}
	}
}

// Digest is a hash of all batches that lie wholly below an offset. It costs a binary
// search: each batch is taken into it once, when it is appended, by its header, where
// the CRC-32C stands for the records. What a log had before it was opened, and has no
// more, is not in it: two logs are compared by [Log.Same].
func (l *Log) Digest(upTo int64) uint64 { return l.before(l.holding(upTo)).digest }

// Same reports whether two logs hold the same batches below an offset, as far back as
// both go.
func (l *Log) Same(other *Log, upTo int64) bool {
	from := max(l.Start(), other.Start())
	if from >= upTo { // one of them has nothing there any more
		return true
	}
	return l.Digest(upTo)-l.Digest(from) == other.Digest(upTo)-other.Digest(from)
}

// Common is the offset below which two logs hold the same batches, as far back as both
// go: the end of the last batch up to which their digests agree, which is where the
// later of them starts if already the first differs. Like Digest it goes by headers and
// costs a binary search.
func (l *Log) Common(other *Log) int64 {
	from := max(l.Start(), other.Start())
	i, j := l.holding(from), other.holding(from)
	di, dj := l.before(i).digest, other.before(j).digest
	n := min(len(l.batches)-i, len(other.batches)-j)
	// Digests are sums: where two agree, all before them agree as well.
	same := sort.Search(n, func(k int) bool { return l.batches[i+k].digest-di != other.batches[j+k].digest-dj })
	return max(l.before(i+same).next, from)
}

// All may be given to Read as maxOffset when nothing is held back.
const All int64 = math.MaxInt64

// hash is that of one batch, by its header, which has its offset in it.
func hash(raw *headerBytes) uint64 {
	return uint64(machine.Draw(batchHash).With(machine.Literal(raw[:]).Digest()))
}

const batchHash = 0x9e3779b97f4a7c15
