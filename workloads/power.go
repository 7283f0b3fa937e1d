package workloads

import "math/bits"

// Logarithms are to the base 2, in units of 2^-48.
const (
	logBits = 48
	logUnit = 1 << logBits
)

// log2 is the logarithm of x, which is at least 1, to within some units.
func log2(x uint64) int64 {
	whole := bits.Len64(x) - 1
	m := x << (63 - whole) // 1 <= m/2^63 < 2
	i := m >> 55 & 255
	near := (256 + i) << 55
	r, _ := bits.Div64((m-near)>>16, (m-near)<<48, near) // m/near - 1, in logUnits: below 2^-8
	// ln(1+r) = r - r^2/2 + r^3/3 - ...
	sum, power := int64(0), r
	for n := int64(1); n <= 6; n++ {
		if term := int64(power) / n; n%2 == 1 {
			sum += term
		} else {
			sum -= term
		}
		power = mul48(power, r)
	}
	return int64(whole)<<logBits + int64(log2Table[i]) + int64(mul48(uint64(sum), log2e))
}

// exp2 is 2^y in units of 2^-62, for y <= 0: to within some units.
func exp2(y int64) uint64 {
	shift := uint64(-y) >> logBits
	part := uint64(-y) & (logUnit - 1)
	if shift >= 62 {
		return 0
	}
	// 2^-part = 2^-(i/256) * e^-x, where x is below 2^-8.
	i := part >> (logBits - 8)
	hi, lo := bits.Mul64(part&(1<<(logBits-8)-1)<<14, ln2Wide)
	x := hi<<2 | lo>>62
	// e^-x = 1 - x(1 - x/2(1 - x/3(...)))
	e := uint64(expUnit)
	for n := uint64(5); n >= 1; n-- {
		e = expUnit - mul62(x/n, e)
	}
	return mul62(exp2Table[i], e) >> shift
}

const expUnit = 1 << 62

func mul48(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<16 | lo>>48
}

func mul62(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<2 | lo>>62
}
