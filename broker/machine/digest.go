package machine

import (
	"encoding/binary"
	"math/bits"
)

// Digest is a 64-bit hash of the bytes, the same on every architecture.
//
// Equal Lens and Digests mean equal bytes. The other way round it is a promise only
// for what is made alike: literal bytes with literal bytes, and the same sources at
// the same places. A source's own digest stands for what it makes, which is not looked
// at, so a filler and the literal bytes that it would make have two digests.
func (b Bytes) Digest() uint64 {
	lanes := newLanes(b.n)
	// Blocks may straddle pieces: carry the unfinished one along.
	var carry [block]byte
	have, at := 0, int64(0)
	for p := range b.pieces {
		if p.source != nil {
			lanes.rest(&carry, have)
			lanes.source(at, p.source)
			have, at = 0, at+p.len()
			continue
		}
		p := p.literal
		at += int64(len(p))
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
	lanes.rest(&carry, have)
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

// rest folds the block that the literal bytes leave unfinished at their end.
func (l *lanes) rest(carry *[block]byte, have int) {
	if have > 0 {
		clear(carry[have:]) // the length is in the lanes: zeros at the end are told apart
		l.blocks(carry[:])
	}
}

// source folds what has made the bytes from an offset on: with its place, since the
// literal bytes before it may end in zeros.
func (l *lanes) source(at int64, s Source) {
	l[0], l[1], l[2] = fold(l[0], uint64(at)), fold(l[1], uint64(s.Len())), fold(l[2], s.Digest())
}

func (l *lanes) sum() uint64 { return fold(fold(fold(l[0], l[1]), l[2]), l[3]) }

func fold(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^0x9e3779b97f4a7c15, 0xd1342543de82ef95)
	return hi ^ lo ^ x
}
