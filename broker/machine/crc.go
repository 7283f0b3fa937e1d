package machine

import (
	"hash/crc32"
	"sync"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC32C is the Castagnoli checksum of the bytes, Kafka's for record batches. What
// a source makes is not made for it.
func (b Bytes) CRC32C() uint32 { return b.RangeCRC32C(0, b.n) }

// RangeCRC32C is the checksum of the bytes [from, to). It panics unless
// 0 <= from <= to <= Len.
func (b Bytes) RangeCRC32C(from, to int64) uint32 {
	if from < 0 || to < from || to > b.n {
		panic("machine: Bytes.RangeCRC32C out of range")
	}
	var crc uint32
	for p := range b.pieces {
		if to <= 0 {
			break
		}
		n := p.len()
		lo, hi := max(from, 0), min(to, n)
		from, to = from-n, to-n
		switch {
		case lo >= hi:
		case p.source == nil:
			crc = crc32.Update(crc, castagnoli, p.literal[lo:hi])
		default:
			crc = JoinCRC32C(crc, p.source.RangeCRC32C(lo, hi), hi-lo)
		}
	}
	return crc
}

// JoinCRC32C is the checksum of a sequence of which a is that of the beginning, and
// b that of its last n bytes.
func JoinCRC32C(a, b uint32, n int64) uint32 {
	if a == 0 {
		return b
	}
	return times(a, zeros(n)) ^ b
}

// A checksum is a polynomial over two elements modulo Castagnoli's, its bits
// reflected: the highest is that of x^0. To append n bytes of zeros, without the
// inversions at both ends, is to multiply with x^(8n).

// times multiplies two polynomials.
func times(a, b uint32) uint32 {
	var p uint32
	for range 32 {
		p ^= b & -(a >> 31)
		a <<= 1
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return p
}

// shifts are x^(8n): for the n below a period of filler, and for the period times
// each power of two.
type shifts struct {
	few  [period]uint32
	many [40]uint32
}

var shiftTable = sync.OnceValue(func() *shifts {
	const one, byByte = 1 << 31, 1 << (31 - 8)
	t := new(shifts)
	x := uint32(one)
	for n := range t.few {
		t.few[n] = x
		x = times(x, byByte)
	}
	for k := range t.many {
		t.many[k] = x
		x = times(x, x)
	}
	return t
})

// zeros is x^(8n).
func zeros(n int64) uint32 {
	t := shiftTable()
	x := t.few[n%period]
	for k, q := 0, n/period; q > 0; k, q = k+1, q>>1 {
		if q&1 != 0 {
			x = times(x, t.many[k])
		}
	}
	return x
}
