package machine

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// FillerIdentity is how many bytes at the beginning of filler are its identity, the
// lowest first. Shorter filler holds only the lowest bytes of its own.
const FillerIdentity = 8

// Filler are n bytes that mean nothing but whose they are: the identity, and after it
// noise which is the same in all filler. Two of one length and identity are equal.
func Filler(n int64, identity uint64) Bytes {
	if n < 0 {
		panic("machine: Filler of a negative length")
	}
	if n == 0 {
		return Bytes{}
	}
	return Made(filler{n, identity})
}

type filler struct {
	n        int64
	identity uint64
}

func (f filler) Len() int64 { return f.n }

func (f filler) Digest() uint64 { return fold(f.identity, 0x66696c6c6572) }

func (f filler) AppendRange(dst []byte, from, to int64) []byte {
	var head [FillerIdentity]byte
	binary.LittleEndian.PutUint64(head[:], f.identity)
	if from < FillerIdentity {
		dst = append(dst, head[from:min(to, FillerIdentity)]...)
		from = min(to, FillerIdentity)
	}
	return AppendNoise(dst, from, to)
}

func (f filler) RangeCRC32C(from, to int64) uint32 {
	var head [FillerIdentity]byte
	crc := crc32.Update(0, castagnoli, f.AppendRange(head[:0], min(from, FillerIdentity), min(to, FillerIdentity)))
	from = max(from, FillerIdentity)
	return UpdateNoiseCRC32C(crc, from, max(from, to))
}

// AppendNoise appends what stands at [from, to) in all filler; from is at least
// FillerIdentity, or equal to to.
func AppendNoise(dst []byte, from, to int64) []byte {
	noise := noiseTable()
	for from < to {
		at := from % period
		n := min(to-from, period-at)
		dst = append(dst, noise.bytes[at:at+n]...)
		from += n
	}
	return dst
}

// UpdateNoiseCRC32C is the checksum of bytes with the checksum crc, followed by what
// stands at [from, to) in all filler.
func UpdateNoiseCRC32C(crc uint32, from, to int64) uint32 {
	if from == to {
		return crc
	}
	// That of a range is what the whole has more than its beginning: the common part
	// cancels out.
	return times(crc^noiseCRC(from), zeros(to-from)) ^ noiseCRC(to)
}

// period is after how many bytes noise begins again.
const period = 4096

// noise is a period, and the checksums of its beginnings.
type noise struct {
	bytes [period]byte
	crc   [period + 1]uint32
}

var noiseTable = sync.OnceValue(func() *noise {
	t := new(noise)
	draw := NewDraw(0, "filler")
	for i := 0; i < period; i += 8 {
		binary.LittleEndian.PutUint64(t.bytes[i:], uint64(draw.With(uint64(i))))
	}
	for i := range t.bytes {
		t.crc[i+1] = crc32.Update(t.crc[i], castagnoli, t.bytes[i:i+1])
	}
	return t
})

// noiseCRC is the checksum of the first n bytes of noise.
func noiseCRC(n int64) uint32 {
	t := noiseTable()
	var crc uint32
	for ; n >= period; n -= period {
		crc = JoinCRC32C(crc, t.crc[period], period)
	}
	return JoinCRC32C(crc, t.crc[n], n)
}
