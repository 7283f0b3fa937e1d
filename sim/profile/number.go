package profile

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Number is a decimal fraction that is not negative, in millionths.
type Number int64

const one Number = 1_000_000

// decimals is how many digits after the point one has.
const decimals = 6

// maxNumber keeps what is computed from a number within an int64.
const maxNumber = 1_000_000_000_000 * one

// ParseNumber reads a number such as "327.5": digits, a point, at most six digits
// more, no sign and no exponent.
func ParseNumber(text string) (Number, error) {
	whole, part, point := strings.Cut(text, ".")
	if whole == "" || point && part == "" || !digits(whole) || !digits(part) {
		return 0, fmt.Errorf("%q is no number such as 327.5", text)
	}
	if len(part) > decimals {
		return 0, fmt.Errorf("%s has more than %d digits after the point", text, decimals)
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
	if err != nil || Number(n) > maxNumber {
		return 0, fmt.Errorf("%s is above %v", text, maxNumber)
	}
	return Number(n), nil
}

func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// Times is the number of so many units, rounded down: 327.5 MB/s are
// Times(1_000_000) bytes a second. It is at most the greatest int64.
func (n Number) Times(unit int64) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(unit))
	if hi >= uint64(one) {
		return 1<<63 - 1
	}
	q, _ := bits.Div64(hi, lo, uint64(one))
	return int64(min(q, 1<<63-1))
}

// String is the number as ParseNumber reads it, without zeros at the end.
func (n Number) String() string {
	s := strconv.FormatInt(int64(n/one), 10)
	if part := n % one; part != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%06d", int64(part)), "0")
	}
	return s
}
