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
	if len(b.rest) == 0 {
		return digestTail(digestWords(uint64(b.n), b.first))
	}
	// Words may straddle pieces: carry the unfinished one along.
	h := uint64(b.n)
	var carry [8]byte
	have := 0
	for p := range b.Pieces {
		if have > 0 {
			k := copy(carry[have:], p)
			have, p = have+k, p[k:]
			if have < 8 {
				continue
			}
			h = fold(h, binary.LittleEndian.Uint64(carry[:]))
		}
		h, p = digestWords(h, p)
		have = copy(carry[:], p)
	}
	return digestTail(h, carry[:have])
}

func digestWords(h uint64, p []byte) (uint64, []byte) {
	for len(p) >= 8 {
		h = fold(h, binary.LittleEndian.Uint64(p))
		p = p[8:]
	}
	return h, p
}

func digestTail(h uint64, p []byte) uint64 {
	var last uint64
	for i, c := range p {
		last |= uint64(c) << (8 * i)
	}
	return fold(fold(h, last), 0x2545f4914f6cdd1d)
}

func fold(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^0x9e3779b97f4a7c15, 0xd1342543de82ef95)
	return hi ^ lo ^ x
}
