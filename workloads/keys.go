package workloads

import (
	"math/bits"

	"brokersim/broker/machine"
)

// KeyDist is how records are spread over keys.
type KeyDist uint8

// The distributions.
const (
	NoKeys     KeyDist = iota
	Uniform            // every key as often as any other
	Zipf               // key k+1 in proportion to 1/(k+1)^Theta
	Hotspot            // some keys are hot, uniform among each other; so are the rest
	Sequential         // one after the other, round and round
	// Lifecycle has every key come up Stages times and never again: an order that is
	// placed, paid and shipped. Open of them are under way at a time.
	Lifecycle
)

// Keys says which key a record has. The keys are 0 to Cardinality-1.
type Keys struct {
	Dist        KeyDist
	Cardinality int64    // at least 1, at most MaxKeys; nothing to Lifecycle
	Theta       Permille // of Zipf, up to MaxTheta; 990 is YCSB's
	HotKeys     Permille // of Hotspot: the share of the keys that are hot, at least one
	HotShare    Permille // of Hotspot: the share of the records that they get
	Keyless     Permille // the share of the records that have no key, whatever Dist
	Stages      int64    // of Lifecycle
	Open        int64    // of Lifecycle
}

// The bounds of [Keys].
const (
	MaxKeys  int64    = 1 << 31
	MaxTheta Permille = 3000
)

// KeyDraw draws the keys of one life of a producer. A key is decided by the number of
// its record alone.
type KeyDraw struct {
	keys Keys
	draw machine.Draw
	hot  uint64 // keys that are
	zipf zipf
}

// NewKeyDraw begins the draws. The draw names the producer's life.
func NewKeyDraw(keys Keys, draw machine.Draw) *KeyDraw {
	keys.Cardinality = min(max(keys.Cardinality, 1), MaxKeys)
	keys.Stages, keys.Open = max(keys.Stages, 1), max(keys.Open, 1)
	d := &KeyDraw{keys: keys, draw: draw}
	switch keys.Dist {
	case Hotspot:
		d.hot = min(max(uint64(keys.Cardinality)*uint64(keys.HotKeys)/1000, 1), uint64(keys.Cardinality))
	case Zipf:
		d.zipf = newZipf(uint64(keys.Cardinality), min(max(keys.Theta, 0), MaxTheta))
	}
	return d
}

// Draw is the key of the n-th record, or -1 if it has none.
func (d *KeyDraw) Draw(n uint64) int64 {
	k := &d.keys
	if k.Dist == NoKeys || k.Keyless > 0 && below(d.draw.Of("keyless").With(n), k.Keyless) {
		return noKey
	}
	draw, all := d.draw.With(n), uint64(k.Cardinality)
	switch k.Dist {
	case Zipf:
		return int64(d.zipf.draw(draw))
	case Hotspot:
		if d.hot == all || below(draw.With(1), k.HotShare) {
			return int64(draw.N(d.hot))
		}
		return int64(d.hot + draw.N(all-d.hot))
	case Sequential:
		return int64(n % all)
	case Lifecycle:
		open, round := uint64(k.Open), uint64(k.Open*k.Stages)
		return int64(n/round*open + n%open)
	}
	return int64(draw.N(all))
}

// below reports whether a draw falls into a share.
func below(d machine.Draw, share Permille) bool { return d.N(1000) < uint64(share) }

// zipf draws from 1..n in proportion to k^-theta by rejection: a block [2^j, 2^(j+1))
// in proportion to what it would weigh if all of it weighed as much as its first, a
// number of the block evenly, and that is taken with the chance (k/2^j)^-theta that
// makes up for it, which is at least 2^-theta. This is the law itself, up to the
// rounding of its weights to about 2^-40 of each, at any n and with no table of them.
type zipf struct {
	n      uint64
	theta  uint64
	blocks int
	upTo   [33]uint64 // by block: the weight of it and those before
}

func newZipf(n uint64, theta Permille) zipf {
	z := zipf{n: n, theta: uint64(theta), blocks: bits.Len64(n)}
	total := uint64(0)
	for j := range z.blocks {
		numbers := min(uint64(1)<<j, n-1<<j+1)
		hi, lo := bits.Mul64(numbers, exp2(-z.times(int64(j)*logUnit)))
		total += hi<<(64-z.blocks) | lo>>z.blocks // below n*2^62 before
		z.upTo[j] = total
	}
	return z
}

// times is theta times a logarithm.
func (z *zipf) times(log int64) int64 { return int64(mulDiv(uint64(log), z.theta, 1000)) }

// draw is a key: the most frequent is 0.
func (z *zipf) draw(d machine.Draw) uint64 {
	for try := uint64(0); ; try++ {
		d := d.With(try)
		block, in := 0, d.N(z.upTo[z.blocks-1])
		for z.upTo[block] <= in {
			block++
		}
		first := uint64(1) << block
		k := first + d.With(1).N(min(first, z.n-first+1))
		if d.With(2).Uint64()>>2 < exp2(-z.times(log2(k)-int64(block)*logUnit)) {
			return k - 1
		}
	}
}
