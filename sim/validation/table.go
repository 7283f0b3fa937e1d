package validation

import (
	_ "embed" // what was predicted and fitted
	"encoding/json"
	"fmt"
	"math/big"
	"sync"

	"brokersim/checker/result"
)

// figure is one number of a row that the model says something of.
type figure struct {
	Row, Path string
	Quantity  string // "records a second"
	Gate      gate
}

func (f *figure) key() string { return f.Row + " " + f.Path }

// gate is how far a prediction may be off.
type gate struct {
	Mil    int64 // thousandths of what was measured; 0: it is reported only
	Factor bool  // Mil is a factor, in thousandths, up and down
}

// The gates. Nobody publishes better: calculators have no latency at all, and models
// of papers are 3 to 45 % off in throughput.
var (
	calibrated = gate{Mil: 150}                // throughput, of rows that may calibrate
	median     = gate{Mil: 250}                // p50
	tail       = gate{Mil: 1500, Factor: true} // p99, below 80 % of the load
	reported   = gate{}
	exact      = gate{Mil: 10} // of a formula, against the rounding of whoever printed it
)

func (g gate) String() string {
	switch {
	case g.Mil == 0:
		return ""
	case g.Factor:
		return "within x" + decimal(big.NewRat(g.Mil, 1000), 1)
	}
	return "within " + decimal(big.NewRat(g.Mil, 10), 1) + " %"
}

// holds reports whether a prediction is as near as the gate demands.
func (g gate) holds(predicted, measured *big.Rat) bool {
	if g.Factor {
		most := new(big.Rat).Mul(measured, big.NewRat(g.Mil, 1000))
		least := new(big.Rat).Mul(measured, big.NewRat(1000, g.Mil))
		return predicted.Cmp(most) <= 0 && predicted.Cmp(least) >= 0
	}
	off := deviation(predicted, measured)
	return off.Cmp(big.NewRat(g.Mil, 1000)) <= 0 && off.Cmp(big.NewRat(-g.Mil, 1000)) >= 0
}

// deviation is predicted/measured - 1.
func deviation(predicted, measured *big.Rat) *big.Rat {
	q := new(big.Rat).Quo(predicted, measured)
	return q.Sub(q, big.NewRat(1, 1))
}

// thousandths rounds to the nearest.
func thousandths(x *big.Rat) int64 {
	y := new(big.Rat).Mul(x, big.NewRat(1000, 1))
	half := big.NewRat(1, 2)
	if y.Sign() < 0 {
		half.Neg(half)
	}
	y.Add(y, half)
	return new(big.Int).Quo(y.Num(), y.Denom()).Int64()
}

var (
	//go:embed data/predicted.json
	predictedText []byte
	//go:embed data/fit.json
	fitText []byte
)

// predicted are the stored predictions by the key of their figure, as decimals.
var predicted = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	if err := json.Unmarshal(predictedText, &all); err != nil {
		panic(err)
	}
	return all
})

// Fit are the parameters that were fitted, each with the largest error over its rows.
func Fit() (list []result.Fitted) {
	if err := json.Unmarshal(fitText, &list); err != nil {
		panic(err)
	}
	return list
}

// Table has every published row: those that are predicted once for each figure, in
// the order of the file.
func Table() (list []result.Validated) {
	all := figures()
	for i := range rows().Rows {
		r := &rows().Rows[i]
		found := false
		for _, f := range all {
			if f.Row == r.ID {
				list = append(list, f.validated(r))
				found = true
			}
		}
		if !found {
			v := describe(r)
			v.Measured, v.Verdict = r.summary(), reason(r)
			list = append(list, v)
		}
	}
	return list
}

func describe(r *row) result.Validated {
	v := result.Validated{Row: r.ID, What: r.System + ", " + r.What, Role: r.Role}
	v.Source, v.URL = rows().source(r)
	return v
}

func (f *figure) validated(r *row) result.Validated {
	v := describe(r)
	measured := r.measured(f.Path)
	v.Quantity, v.Measured, v.Gate = f.Quantity, decimal(measured, 3), f.Gate.String()
	text, ok := predicted()[f.key()]
	if !ok {
		panic(fmt.Sprintf("validation: data/predicted.json has nothing of %s", f.key()))
	}
	guess, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(fmt.Sprintf("validation: data/predicted.json: %s is %q", f.key(), text))
	}
	off := thousandths(deviation(guess, measured))
	v.Predicted, v.ErrorMil, v.Verdict = decimal(guess, 3), &off, "reported"
	switch {
	case f.Gate.Mil == 0:
	case f.Gate.holds(guess, measured):
		v.Verdict = "ok"
	default:
		v.Verdict = "off"
	}
	return v
}

// figures are all that are predicted.
func figures() (list []figure) {
	for _, f := range formulas() {
		list = append(list, f.figure)
	}
	for _, c := range cases() {
		for _, f := range c.figures {
			list = append(list, f.figure)
		}
	}
	return list
}

// decimal writes a number with at most so many digits after its point, and the
// thousands of its whole part apart.
func decimal(x *big.Rat, digits int) string {
	whole, part := x.FloatString(digits), ""
	for i := range whole {
		if whole[i] == '.' {
			whole, part = whole[:i], whole[i:]
			break
		}
	}
	for len(part) > 0 && (part[len(part)-1] == '0' || part[len(part)-1] == '.') {
		part = part[:len(part)-1]
	}
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + part
}
