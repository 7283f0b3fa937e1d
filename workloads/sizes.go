package workloads

import (
	"math/bits"
	"slices"

	"brokersim/broker/machine"
)

// SizeDist is how large values are.
type SizeDist uint8

// The distributions.
const (
	FixedSize SizeDist = iota
	Lognormal          // half are above Median, one in a hundred above P99
	Empirical          // as often as Points say
)

// Sizes says how large a value is, in bytes.
type Sizes struct {
	Dist        SizeDist
	Bytes       int64 // of FixedSize
	Median, P99 int64 // of Lognormal: P99 is at least Median, and that at least 1
	Most        int64 // of Lognormal: what is larger is as large as this; 0 is MaxSize
	Points      []SizePoint
}

// SizePoint is a size and how often it is there, in proportion to the others.
type SizePoint struct{ Bytes, Weight int64 }

// MaxSize is the largest value that is drawn.
const MaxSize = 1 << 30

// SizeDraw draws the sizes of one life of a producer. A size is decided by the number
// of its record alone.
type SizeDraw struct {
	sizes  Sizes
	draw   machine.Draw
	median int64    // its logarithm
	spread int64    // the logarithm of P99/Median
	upTo   []uint64 // by point: its weight and those before
}

// NewSizeDraw begins the draws. The draw names the producer's life.
func NewSizeDraw(sizes Sizes, draw machine.Draw) *SizeDraw {
	d := &SizeDraw{sizes: sizes, draw: draw}
	d.sizes.Median = min(max(sizes.Median, 1), MaxSize)
	d.sizes.P99 = min(max(sizes.P99, d.sizes.Median), MaxSize)
	if d.sizes.Most <= 0 {
		d.sizes.Most = MaxSize
	}
	d.median = log2(uint64(d.sizes.Median))
	d.spread = log2(uint64(d.sizes.P99)) - d.median
	total := uint64(0)
	for _, p := range sizes.Points {
		total += uint64(max(p.Weight, 0))
		d.upTo = append(d.upTo, total)
	}
	return d
}

// Draw is the size of the n-th record's value.
func (d *SizeDraw) Draw(n uint64) int64 {
	switch d.sizes.Dist {
	case Lognormal:
		return d.lognormal(d.draw.With(n))
	case Empirical:
		return d.empirical(d.draw.With(n))
	}
	return d.sizes.Bytes
}

func (d *SizeDraw) empirical(draw machine.Draw) int64 {
	if len(d.upTo) == 0 {
		return d.sizes.Bytes
	}
	at := draw.N(d.upTo[len(d.upTo)-1])
	i, found := slices.BinarySearch(d.upTo, at)
	if found {
		i++ // a point is there for the weights from those before it up to its own, exclusively
	}
	for i < len(d.upTo)-1 && d.sizes.Points[i].Weight <= 0 {
		i++
	}
	return d.sizes.Points[i].Bytes
}

// lognormal is median * (p99/median)^z, where z is normally distributed with the unit
// that one in a hundred exceeds.
func (d *SizeDraw) lognormal(draw machine.Draw) int64 {
	z, up := normal(draw)
	shift := int64(mulDiv(z, uint64(d.spread), normalUnit*normalP99>>32))
	if !up {
		shift = -shift
	}
	y := d.median + shift
	if y < 0 {
		return 1
	}
	if y >= largest {
		return d.sizes.Most
	}
	size := (exp2(y-largest)>>(61-largest/logUnit) + 1) >> 1 // 2^y, rounded
	return min(max(int64(size), 1), d.sizes.Most)
}

// largest is the logarithm of a size beyond all that are drawn.
const largest = 40 * logUnit

// normalUnit is 1 in the draws of [normal].
const normalUnit = 1 << 28

// normal is a draw from the normal distribution with variance 1, in normalUnits, and
// its sign: sqrt(2e) cos(2 pi u), where e is exponentially distributed and u evenly
// (Box and Muller 1958).
func normal(draw machine.Draw) (z uint64, up bool) {
	e := exponential(draw) // below 2^38
	u := draw.With(2).Uint64()
	i, part := u>>52&(cosineSteps-1), u>>20&(1<<32-1) // of a quarter turn
	c := cosineTable[i] - mul32(cosineTable[i]-cosineTable[i+1], part)
	return mul32(root(e<<25), c), u>>63 == 0
}

// root is the square root of x, rounded down.
func root(x uint64) uint64 {
	if x == 0 {
		return 0
	}
	r := uint64(1) << ((bits.Len64(x) + 1) / 2) // above it
	for {
		next := (r + x/r) / 2
		if next >= r {
			return r
		}
		r = next
	}
}
