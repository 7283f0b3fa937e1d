package sim

import (
	"fmt"
	"math/bits"
	"time"
)

// Distributions whose parameters come with a run. They are the tables of
// latency.go, computed with integers when they are made.

// Exponential is the exponential distribution of a mean; its greatest value is
// 13.9 times that.
func Exponential(mean time.Duration) *Latency {
	if mean < 0 || mean > maxMean {
		panic(fmt.Sprintf("sim: an exponential distribution with mean %v", mean))
	}
	table := make([]int64, 0, octaves*octaveSteps+1)
	table = append(table, 0)
	for octave := range uint64(octaves) {
		for step := uint64(1); step <= octaveSteps; step++ {
			// Exceeded with probability p = (64-step)/64 / 2^octave: at -ln p.
			nepers := scale(octave<<32+log2(2*octaveSteps)-log2(2*octaveSteps-step), ln2)
			table = append(table, int64(scale(nepers, uint64(mean))))
		}
	}
	return &Latency{table}
}

// LogNormal is the log-normal distribution that half of all draws exceed the
// median of and one in a hundred p99. Its greatest value is median*(p99/median)^2.05.
func LogNormal(median, p99 time.Duration) *Latency {
	if median <= 0 || p99 < median || p99 > maxMean {
		panic(fmt.Sprintf("sim: a log-normal distribution with median %v and p99 %v", median, p99))
	}
	spread := log2(uint64(p99)) - log2(uint64(median))
	table := make([]int64, 0, octaves*octaveSteps+1)
	table = append(table, 0)
	for _, z := range normal[1:] {
		hi, lo := bits.Mul64(spread, uint64(max(z, -z)))
		doublings, _ := bits.Div64(hi, lo, normalP99) // spread is below 2^38, z below 3 times normalP99
		table = append(table, int64(timesPower(uint64(median), doublings, z < 0)))
	}
	return &Latency{table}
}

// maxMean keeps what is computed with a distribution within an int64.
const maxMean = 24 * time.Hour

// ln2 is the natural logarithm of 2, in units of 2^-32.
const ln2 = 2977044472

// scale is a*b, of which one is in units of 2^-32.
func scale(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<32 | lo>>32
}

// log2 is the logarithm of x >= 1 to base 2, in units of 2^-32, rounded down: bit
// by bit, each the overflow of a square.
func log2(x uint64) uint64 {
	whole := uint64(bits.Len64(x) - 1)
	m := x << (63 - whole) // in [1, 2), in units of 2^-63
	out := whole << 32
	for bit := uint64(1 << 31); bit > 0; bit >>= 1 {
		hi, lo := bits.Mul64(m, m) // in [1, 4), in units of 2^-126
		if hi>>63 == 1 {
			out |= bit
			m = hi
		} else {
			m = hi<<1 | lo>>63
		}
	}
	return out
}

// timesPower is x*2^e, or x/2^e, for an e in units of 2^-32; it is at most 2^62.
func timesPower(x, e uint64, divide bool) uint64 {
	whole, part := e>>32, e&(1<<32-1)
	if divide && part > 0 { // x/2^e = x*2^(1-part)/2^(whole+1)
		whole, part = whole+1, 1<<32-part
	}
	m := uint64(1 << 62) // 2^part in [1, 2), in units of 2^-62
	for k, p := range powers {
		if part>>(31-k)&1 == 1 {
			hi, lo := bits.Mul64(m, p)
			m = hi<<2 | lo>>62
		}
	}
	hi, lo := bits.Mul64(x, m) // in units of 2^-62
	shift := 62 + whole
	if !divide {
		if whole > 60 || bits.Len64(hi) > 60-int(whole) {
			return 1 << 62
		}
		shift = 62 - whole
	}
	if shift >= 64 {
		return hi >> (shift - 64)
	}
	return hi<<(64-shift) | lo>>shift
}
