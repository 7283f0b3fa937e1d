package roofline

import (
	"math"
	"math/big"
	"strings"

	"brokersim/checker/result"
)

// number is a fraction. The functions of this file never change one.
type number = *big.Rat

func whole(n int64) number        { return new(big.Rat).SetInt64(n) }
func fraction(n, of int64) number { return big.NewRat(n, of) }
func plus(a, b number) number     { return new(big.Rat).Add(a, b) }
func over(a, b number) number     { return new(big.Rat).Quo(a, b) }

func times(factors ...number) number {
	product := whole(1)
	for _, f := range factors {
		product = new(big.Rat).Mul(product, f)
	}
	return product
}

func lesser(a, b number) number {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

// floor is the whole part of a number that is not negative, at most the largest int64.
func floor(a number) int64 {
	n := new(big.Int).Quo(a.Num(), a.Denom())
	if !n.IsInt64() {
		return math.MaxInt64
	}
	return n.Int64()
}

// nearest rounds a number that is not negative, half up.
func nearest(a number) int64 { return floor(plus(a, fraction(1, 2))) }

// ceiling is the next whole number.
func ceiling(n, of int64) int64 { return (n + of - 1) / of }

// decimal writes a number with at most so many digits after its point.
func decimal(a number, digits int) string {
	s := a.FloatString(digits)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// short writes a number with three or four digits that count.
func short(a number) string {
	switch {
	case a.Cmp(whole(100)) >= 0:
		return result.Count(nearest(a))
	case a.Cmp(whole(10)) >= 0:
		return decimal(a, 1)
	case a.Cmp(whole(1)) >= 0:
		return decimal(a, 2)
	}
	return decimal(a, 3)
}

// plural is a count with its noun.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return result.Count(n) + " " + many
}

// megabytes writes bytes a second.
func megabytes(bytes number) string { return short(over(bytes, whole(1e6))) + " MB/s" }

func mebibytes(bytes number) string { return short(over(bytes, whole(1<<20))) + " MiB/s" }

func gigabits(bits int64) string { return short(fraction(bits, 1e9)) + " Gbit/s" }

func microseconds(nanoseconds number) string {
	return short(over(nanoseconds, whole(1000))) + " us"
}
