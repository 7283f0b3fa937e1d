package plot

import (
	"math"
	"strconv"
	"strings"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
)

var inf = math.Inf(1)

// evenly puts about so many ticks at 1, 2 or 5 times a power of ten. Labels have
// one unit for all of them: k for thousands, M for millions.
type evenly int

func (n evenly) Ticks(low, high float64) (ticks []plot.Tick) {
	step := stepOf(high-low, int(n))
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9 && len(ticks) <= 2*int(n); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: inUnit(i*step, high)})
	}
	return ticks
}

func stepOf(length float64, n int) float64 {
	if length <= 0 {
		return 1
	}
	raw := length / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 5} {
		if raw <= factor*power*1.0001 {
			return factor * power
		}
	}
	return 10 * power
}

// inUnit writes a value in the unit that suits the largest of the axis.
func inUnit(value, largest float64) string {
	switch {
	case value == 0:
		return "0"
	case largest >= 2e6:
		return number(value/1e6) + " M"
	case largest >= 2e3:
		return number(value/1e3) + " k"
	}
	return number(value)
}

// number writes a value with at most four digits that count.
func number(value float64) string {
	s := strconv.FormatFloat(value, 'f', 3, 64)
	if digits := len(strings.TrimLeft(strconv.Itoa(int(math.Abs(value))), "0")); digits > 0 {
		s = strconv.FormatFloat(value, 'f', max(0, 3-digits), 64)
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	if whole, err := strconv.ParseInt(s, 10, 64); err == nil {
		return result.Count(whole)
	}
	return s
}

// rate writes records a second for a label.
func rate(perSecond int64) string { return inUnit(float64(perSecond), float64(perSecond)) + " rec/s" }

// milliseconds writes microseconds as a label.
func milliseconds(us int64) string {
	if us >= 10_000_000 {
		return number(float64(us)/1e6) + " s"
	}
	return number(float64(us)/1000) + " ms"
}

// decades puts a labelled tick at every power of ten, and at 2 and 5 times it if
// the axis has few of them.
type decades struct{}

func (decades) Ticks(low, high float64) (ticks []plot.Tick) {
	few := math.Log10(high/low) < 2.5
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for _, factor := range []float64{1, 2, 3, 4, 5, 6, 7, 8, 9} {
			value, label := factor*power, ""
			if factor == 1 || few && (factor == 2 || factor == 5) {
				label = number(value)
			}
			if value >= low*.9999 && value <= high*1.0001 {
				ticks = append(ticks, plot.Tick{Value: value, Label: label})
			}
		}
	}
	return ticks
}

// logarithmic makes an axis of positive values one of powers, a little longer than
// its data.
func logarithmic(a *plot.Axis) {
	if !(a.Min > 0) || math.IsInf(a.Min, 0) || math.IsInf(a.Max, 0) {
		a.Min, a.Max = 1, 10
	}
	a.Min, a.Max = a.Min/1.25, a.Max*1.25
	for a.Max/a.Min < 10 {
		a.Min, a.Max = a.Min/1.1, a.Max*1.1
	}
	a.Scale, a.Tick.Marker = plot.LogScale{}, decades{}
}

// names puts a label at 0, 1, 2, ...
type names []string

func (n names) Ticks(_, _ float64) (ticks []plot.Tick) {
	for i, label := range n {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: label})
	}
	return ticks
}
