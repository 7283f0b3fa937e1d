package machine

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Bytes is an immutable sequence of bytes in one or more pieces. Frames, file
// reads and appends are Bytes, so that a record travels from producer to
// consumer without being copied. The zero value is empty.
//
// What two Bytes hold is equal if their Lens and Digests are; how they are cut
// into pieces never shows.
type Bytes struct {
	first []byte
	rest  [][]byte
	n     int64
}

// Literal makes Bytes of b, which must not change afterwards.
func Literal(b []byte) Bytes { return Bytes{first: b[:len(b):len(b)], n: int64(len(b))} }

// Concat joins parts without copying what they hold.
func Concat(parts ...Bytes) Bytes {
	var out Bytes
	pieces := 0
	for _, p := range parts {
		if p.n > 0 {
			pieces += 1 + len(p.rest)
		}
	}
	if pieces > 1 {
		out.rest = make([][]byte, 0, pieces-1)
	}
	for _, p := range parts {
		for piece := range p.Pieces {
			out.add(piece)
		}
	}
	return out
}

func (b *Bytes) add(piece []byte) {
	switch {
	case len(piece) == 0:
		return
	case b.n == 0:
		b.first = piece
	default:
		b.rest = append(b.rest, piece)
	}
	b.n += int64(len(piece))
}

// Len is the number of bytes.
func (b Bytes) Len() int64 { return b.n }

// Pieces yields the non-empty pieces in order; they must not be changed.
func (b Bytes) Pieces(yield func([]byte) bool) {
	if len(b.first) > 0 && !yield(b.first) {
		return
	}
	for _, p := range b.rest {
		if !yield(p) {
			return
		}
	}
}

// Slice returns bytes [from, to) without copying. It panics unless
// 0 <= from <= to <= Len, as slicing does.
func (b Bytes) Slice(from, to int64) Bytes {
	if from < 0 || to < from || to > b.n {
		panic("machine: Bytes.Slice out of range")
	}
	if len(b.rest) == 0 {
		return Literal(b.first[from:to])
	}
	var out Bytes
	for p := range b.Pieces {
		n := int64(len(p))
		if lo, hi := max(from, 0), min(to, n); lo < hi {
			out.add(p[lo:hi:hi])
		}
		from, to = from-n, to-n
		if to <= 0 {
			break
		}
	}
	return out
}

// AppendTo appends the bytes to dst.
func (b Bytes) AppendTo(dst []byte) []byte {
	for p := range b.Pieces {
		dst = append(dst, p...)
	}
	return dst
}

// Contiguous returns the bytes as one slice, which must not be changed: the
// piece itself if there is only one, else a copy.
func (b Bytes) Contiguous() []byte {
	if len(b.rest) == 0 {
		return b.first
	}
	return b.AppendTo(make([]byte, 0, b.n))
}

// CRC32C is the Castagnoli checksum of the bytes, Kafka's for record batches.
func (b Bytes) CRC32C() uint32 {
	var crc uint32
	for p := range b.Pieces {
		crc = crc32.Update(crc, castagnoli, p)
	}
	return crc
}

// Digest is a 64-bit hash of the bytes, the same on every architecture.
func (b Bytes) Digest() uint64 {
	lanes := newLanes(b.n)
	// Blocks may straddle pieces: carry the unfinished one along.
	var carry [block]byte
	have := 0
	for p := range b.Pieces {
		if have > 0 {
			k := copy(carry[have:], p)
			have, p = have+k, p[k:]
			if have < block {
				continue
			}
			lanes.blocks(carry[:])
		}
		p = lanes.blocks(p)
		have = copy(carry[:], p)
	}
	if have > 0 {
		clear(carry[have:]) // the length is in the lanes: zeros at the end are told apart
		lanes.blocks(carry[:])
	}
	return lanes.sum()
}

// block is the number of bytes that the four lanes take at a time: one lane
// alone would wait for each multiplication.
const block = 32

type lanes [4]uint64

func newLanes(n int64) lanes {
	return lanes{uint64(n), 0x9e3779b97f4a7c15, 0xd1342543de82ef95, 0x2545f4914f6cdd1d}
}

// blocks folds the whole blocks of p and returns what is left.
func (l *lanes) blocks(p []byte) []byte {
	a, b, c, d := l[0], l[1], l[2], l[3]
	for len(p) >= block {
		a = fold(a, binary.LittleEndian.Uint64(p))
		b = fold(b, binary.LittleEndian.Uint64(p[8:]))
		c = fold(c, binary.LittleEndian.Uint64(p[16:]))
		d = fold(d, binary.LittleEndian.Uint64(p[24:]))
		p = p[block:]
	}
	l[0], l[1], l[2], l[3] = a, b, c, d
	return p
}

func (l *lanes) sum() uint64 { return fold(fold(fold(l[0], l[1]), l[2]), l[3]) }

func fold(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^0x9e3779b97f4a7c15, 0xd1342543de82ef95)
	return hi ^ lo ^ x
}
