package workloads

import (
	"math/bits"

	"brokersim/broker/machine"
)

// exponential is a draw from the exponential distribution with mean 1, in units
// of 2^-32. It is a whole number of halvings, which are geometrically
// distributed, and the rest of one: the distribution forgets what has passed.
// That makes the tail exact and the table small.
func exponential(draw machine.Draw) uint64 {
	u := draw.Uint64()
	halvings := uint64(bits.LeadingZeros64(u))
	rest := draw.With(1).Uint64()
	i, part := rest>>56, rest>>24&(1<<32-1)
	from, to := exponentialRest[i], exponentialRest[i+1]
	return halvings*ln2 + from + (to-from)*part>>32
}

// mulDiv is a*b/c, where the result fits.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}

// mul32 is a*b/2^32, where the result fits: one of them is in units of 2^-32.
func mul32(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<32 | lo>>32
}
