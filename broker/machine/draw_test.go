package machine

import (
	"testing"
	"time"
)

// The values are the same on every architecture and for good: another mix is
// another world for every seed.
func TestDrawIsFixed(t *testing.T) {
	d := NewDraw(7, "latency").With(1).With(2).Of("b1")
	if got, want := d.Uint64(), uint64(0x52b361f0e615c3cf); got != want {
		t.Errorf("draw %#x, want %#x", got, want)
	}
	if got, want := Literal([]byte("high watermark")).Digest(), uint64(0xae3376afe7cc8c0b); got != want {
		t.Errorf("digest %#x, want %#x", got, want)
	}
}

// Neighbouring identities must not have neighbouring draws.
func TestDrawIsUniform(t *testing.T) {
	const n, buckets = 1 << 16, 16
	var counts [buckets]int
	fired := 0
	for i := range uint64(n) {
		d := NewDraw(1, "test").With(i)
		counts[d.N(buckets)]++
		if d.Below(Always / 4) {
			fired++
		}
	}
	for i, c := range counts {
		if want := n / buckets; c < want*95/100 || c > want*105/100 {
			t.Errorf("bucket %d has %d of %d draws, want about %d", i, c, n, want)
		}
	}
	if want := n / 4; fired < want*95/100 || fired > want*105/100 {
		t.Errorf("a threshold of 1/4 fired %d of %d times", fired, n)
	}
}

func TestDrawThresholdEnds(t *testing.T) {
	for i := range uint64(10_000) {
		d := NewDraw(2, "ends").With(i)
		if !d.Below(Always) {
			t.Fatalf("draw %d is not below Always", i)
		}
		if d.Below(0) {
			t.Fatalf("draw %d is below 0", i)
		}
	}
	if got := NewDraw(2, "ends").N(0); got != 0 {
		t.Errorf("N(0) = %d, want 0", got)
	}
}

func TestInstantSaturates(t *testing.T) {
	if got := Never.Add(-time.Second); got != Never {
		t.Errorf("Never less a second is %d, want Never", got)
	}
	if got := (Never - 5).Add(time.Second); got != Never {
		t.Errorf("nearly Never and a second is %d, want Never", got)
	}
	if got := Instant(5).Add(3 * time.Nanosecond); got != 8 {
		t.Errorf("5 + 3 = %d", got)
	}
}
