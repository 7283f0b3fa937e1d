package machine

import (
	"bytes"
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"
)

// twin are Bytes with filler in them, and the literal bytes that they hold.
type twin struct {
	made    Bytes
	literal []byte
}

func drawTwin(t *rapid.T) twin {
	var x twin
	for range rapid.IntRange(0, 5).Draw(t, "pieces") {
		part := Literal(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "literal"))
		if rapid.Bool().Draw(t, "filler") {
			n := rapid.OneOf(rapid.Int64Range(8, 10), rapid.Int64Range(0, 20), rapid.Int64Range(0, 3*period)).Draw(t, "length")
			part = Filler(n, rapid.OneOf(rapid.Uint64Range(0, 1), rapid.Uint64()).Draw(t, "identity"))
		}
		if rapid.Bool().Draw(t, "cut") {
			from := rapid.Int64Range(0, part.Len()).Draw(t, "from")
			part = part.Slice(from, rapid.Int64Range(from, part.Len()).Draw(t, "to"))
		}
		x.made, x.literal = Concat(x.made, part), part.AppendTo(x.literal)
	}
	return x
}

// What filler holds is what the literal bytes hold that it would make, whatever is
// done with either.
func TestFillerIsItsLiteralTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawTwin(t)
		checkTwin(t, x)
		from := rapid.Int64Range(0, x.made.Len()).Draw(t, "from")
		to := rapid.Int64Range(from, x.made.Len()).Draw(t, "to")
		checkTwin(t, twin{x.made.Slice(from, to), x.literal[from:to]})

		other := drawTwin(t)
		checkTwin(t, twin{Concat(x.made, other.made), append(bytes.Clone(x.literal), other.literal...)})

		c := x.made.Cursor()
		var got []byte
		for c.Left() > 0 {
			n := rapid.Int64Range(0, c.Left()).Draw(t, "next")
			if rapid.Bool().Draw(t, "take") {
				got = c.Take(n).AppendTo(got)
			} else {
				got = c.Append(got, n)
			}
		}
		if !bytes.Equal(got, x.literal) {
			t.Fatal("a cursor reads something else")
		}
	})
}

// Equal filler side by side is twice the filler, not one.
func TestFillerTwice(t *testing.T) {
	one := Filler(9, 1)
	checkTwin(t, twin{Concat(one, one), append(one.AppendTo(nil), one.AppendTo(nil)...)})
}

type fataler interface{ Fatalf(string, ...any) }

func checkTwin(t fataler, x twin) {
	n := int64(len(x.literal))
	if x.made.Len() != n {
		t.Fatalf("length %d, want %d", x.made.Len(), n)
	}
	if !bytes.Equal(x.made.AppendTo(nil), x.literal) || !bytes.Equal(x.made.Contiguous(), x.literal) {
		t.Fatalf("not its own literal")
	}
	var pieces []byte
	for p := range x.made.Pieces {
		pieces = append(pieces, p...)
	}
	if !bytes.Equal(pieces, x.literal) {
		t.Fatalf("its pieces hold something else")
	}
	if got, want := x.made.CRC32C(), crc32.Checksum(x.literal, castagnoli); got != want {
		t.Fatalf("checksum %08x, want %08x", got, want)
	}
	for _, from := range []int64{0, n / 2, n} {
		to := from + (n-from)/2
		if got, want := x.made.RangeCRC32C(from, to), crc32.Checksum(x.literal[from:to], castagnoli); got != want {
			t.Fatalf("checksum of [%d, %d) is %08x, want %08x", from, to, got, want)
		}
		dst := make([]byte, 9)
		if k := x.made.CopyTo(dst, from); !bytes.Equal(dst[:k], x.literal[from:min(from+9, n)]) {
			t.Fatalf("copies something else from %d on", from)
		}
	}
}

// The digest sees identities, lengths and places, and not how filler was cut.
func TestFillerDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawTwin(t)
		at := rapid.Int64Range(0, x.made.Len()).Draw(t, "at")
		joined := Concat(x.made.Slice(0, at), x.made.Slice(at, x.made.Len()))
		if joined.Digest() != x.made.Digest() {
			t.Fatalf("cut at %d and joined again it has another digest", at)
		}
	})
	lit := func(s string) Bytes { return Literal([]byte(s)) }
	seen := make(map[uint64]int)
	for i, b := range []Bytes{
		{}, Filler(9, 1), Filler(9, 2), Filler(10, 1), Filler(10, 1).Slice(0, 9), Filler(10, 1).Slice(1, 10),
		Concat(lit("a"), Filler(9, 1)), Concat(Filler(9, 1), lit("a")), Concat(lit("a\x00"), Filler(9, 1)), Concat(Filler(9, 1), Filler(9, 1)),
		Concat(lit("a"), Filler(9, 1), lit("b\x00")), Concat(lit("a\x00"), Filler(9, 1), lit("b")),
		Concat(lit("a"), Filler(9, 1), lit("\x00")), Concat(lit("a\x00"), Filler(9, 1)).Slice(0, 10),
	} {
		if j, ok := seen[b.Digest()]; ok {
			t.Errorf("%d and %d have one digest", j, i)
		}
		seen[b.Digest()] = i
	}
	if Filler(100, 7).Digest() != Filler(100, 7).Digest() {
		t.Error("equal filler has two digests")
	}
}

// Filler begins with its identity, which is all that tells it from other filler.
func TestFillerIdentity(t *testing.T) {
	a, b := Filler(100, 0x0807060504030201).Contiguous(), Filler(100, 9).Contiguous()
	if !bytes.Equal(a[:FillerIdentity], []byte{1, 2, 3, 4, 5, 6, 7, 8}) || !bytes.Equal(a[FillerIdentity:], b[FillerIdentity:]) {
		t.Errorf("%x and %x", a, b)
	}
	if got := Filler(2, 0x0807060504030201).Contiguous(); !bytes.Equal(got, []byte{1, 2}) {
		t.Errorf("short filler is %x", got)
	}
}

func FuzzFiller(f *testing.F) {
	f.Add([]byte("key"), uint16(5000), uint64(7), uint16(3), uint16(4100))
	f.Fuzz(func(t *testing.T, literal []byte, n uint16, identity uint64, from, to uint16) {
		fill := Filler(int64(n), identity)
		x := twin{made: Concat(Literal(literal), fill, Literal(literal)), literal: append(fill.AppendTo(bytes.Clone(literal)), literal...)}
		checkTwin(t, x)
		to = uint16(min(int(to), len(x.literal)))
		from = min(from, to)
		checkTwin(t, twin{x.made.Slice(int64(from), int64(to)), x.literal[from:to]})
	})
}

func BenchmarkFillerCRC1K(b *testing.B) {
	var crc uint32
	b.ReportAllocs()
	for b.Loop() {
		crc = UpdateNoiseCRC32C(crc, FillerIdentity, 1024)
	}
}
