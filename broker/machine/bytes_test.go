package machine

import (
	"bytes"
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"
)

// cut joins b from pieces cut at random places.
func cut(t *rapid.T, b []byte) Bytes {
	var parts []Bytes
	for len(b) > 0 {
		n := rapid.IntRange(0, len(b)).Draw(t, "piece")
		parts = append(parts, Literal(b[:n]))
		b = b[n:]
		if n == 0 && len(parts) > 20 {
			parts = append(parts, Literal(b))
			break
		}
	}
	return Concat(parts...)
}

// How Bytes are cut into pieces must never show.
func TestBytesPiecesDoNotShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "bytes")
		got := cut(t, want)
		if got.Len() != int64(len(want)) {
			t.Fatalf("length %d, want %d", got.Len(), len(want))
		}
		if !bytes.Equal(got.Contiguous(), want) || !bytes.Equal(got.AppendTo([]byte("x"))[1:], want) {
			t.Fatalf("%x, want %x", got.Contiguous(), want)
		}
		if got.Digest() != Literal(want).Digest() {
			t.Fatal("the digest depends on the pieces")
		}
		if got.CRC32C() != crc32.Checksum(want, crc32.MakeTable(crc32.Castagnoli)) {
			t.Fatal("wrong checksum")
		}
		from := rapid.IntRange(0, len(want)).Draw(t, "from")
		to := rapid.IntRange(from, len(want)).Draw(t, "to")
		if part := got.Slice(int64(from), int64(to)); !bytes.Equal(part.Contiguous(), want[from:to]) || part.Len() != int64(to-from) {
			t.Fatalf("slice [%d,%d) is %x, want %x", from, to, part.Contiguous(), want[from:to])
		}
	})
}

// A digest that misses a byte would let two different runs have one hash.
func TestBytesDigestSeesEveryBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "bytes")
		b := bytes.Clone(a)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if Literal(a).Digest() == Literal(b).Digest() {
			t.Fatalf("%x and %x have one digest", a, b)
		}
		if Literal(a).Digest() == Literal(append(a, 0)).Digest() {
			t.Fatal("a zero byte at the end does not change the digest")
		}
	})
}

func TestBytesSliceOutOfRange(t *testing.T) {
	for _, r := range [][2]int64{{-1, 1}, {2, 1}, {0, 4}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Slice(%d, %d) of 3 bytes did not panic", r[0], r[1])
				}
			}()
			Concat(Literal([]byte("ab")), Literal([]byte("c"))).Slice(r[0], r[1])
		}()
	}
}

func BenchmarkDigest1K(b *testing.B) {
	x := Concat(Literal(make([]byte, 61)), Literal(make([]byte, 963)))
	b.SetBytes(x.Len())
	b.ReportAllocs()
	for b.Loop() {
		x.Digest()
	}
}
