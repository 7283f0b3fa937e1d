package plot

import (
	"cmp"
	"slices"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// sensitivity is how far the answer moves with each parameter, the largest first.
func sensitivity(c *result.Capacity) []Plot {
	if len(c.Sensitivity) == 0 {
		return nil
	}
	list := slices.Clone(c.Sensitivity)
	slices.SortStableFunc(list, func(a, b result.Sensitivity) int { return cmp.Compare(swing(&b, c), swing(&a, c)) })
	rows := [][]string{row("parameter", "minus", "plus", "rate_as_is_per_s", "rate_minus_per_s", "rate_plus_per_s", "p99_minus_us", "p99_plus_us", "rate_minus_is", "rate_plus_is")}
	var labels []string
	for _, s := range list {
		rows = append(rows, row(s.Parameter, s.Minus, s.Plus, unvaried(c), s.RateMinus, s.RatePlus, s.P99Minus, s.P99Plus, s.OpenMinus, s.OpenPlus))
		labels = append(labels, s.Parameter)
	}
	slices.Reverse(labels)
	base := float64(unvaried(c))
	low, high := base, base
	for _, s := range list {
		low, high = min(low, float64(s.RateMinus), float64(s.RatePlus)), max(high, float64(s.RateMinus), float64(s.RatePlus))
	}
	room := max((high-low)*.3, base*.02, 1)
	p := newPanel("largest rate under the SLO, records/s", "")
	p.Add(gridLines(false, true), tornado(list, base))
	p.X.Min, p.X.Max, p.X.Tick.Marker = max(low-room, 0), high+room, evenly(6)
	p.Y.Min, p.Y.Max = -.55, float64(len(list))-.45
	p.Y.Tick.Marker, p.Y.Tick.Length = names(labels), 0
	f := &frame{width: wide, height: vg.Length(80 + 24*len(list)), panels: []*plot.Plot{p}}
	f.legend = []entry{{label: "parameter smaller", fill: orange}, {label: "parameter larger", fill: blue}}
	f.marks = []mark{{base, "as it is " + rate1(unvaried(c)), stroke(words, 1)}}
	return []Plot{{Name: "sensitivity", Title: "What moves the answer", Wide: true, frame: f, Rows: rows,
		About: "Each parameter alone, from the smaller to the larger of two values that stand at the bar's ends; what moves the answer most is at the top. Rates are known to 2 %."}}
}

// unvaried is the rate with all parameters as they are, of the seed that they are varied
// with.
func unvaried(c *result.Capacity) int64 {
	if base := c.Sensitivity[0].Base; base > 0 {
		return base
	}
	return c.Answer.Rate.Median
}

func swing(s *result.Sensitivity, c *result.Capacity) int64 {
	base := unvaried(c)
	return max(s.RateMinus, s.RatePlus, base) - min(s.RateMinus, s.RatePlus, base)
}

// tornado draws two bars for each parameter from the answer.
func tornado(list []result.Sensitivity, base float64) drawing {
	return func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		for i, s := range list {
			center := float64(len(list) - 1 - i)
			// Where both lie on one side, the shorter bar is drawn over the longer.
			ends := []struct {
				rate  int64
				value string
				fill  ink
			}{{s.RateMinus, s.Minus, orange}, {s.RatePlus, s.Plus, blue}}
			slices.SortStableFunc(ends, func(a, b struct {
				rate  int64
				value string
				fill  ink
			}) int {
				return cmp.Compare(abs(b.rate-int64(base)), abs(a.rate-int64(base)))
			})
			for _, e := range ends {
				at := float64(e.rate)
				rectangle(c, e.fill, x(min(at, base)), y(center-.34), x(max(at, base)), y(center+.34))
			}
			outer := map[bool]string{}
			for _, e := range ends {
				left := float64(e.rate) < base
				if outer[left] == "" {
					outer[left] = e.value
					align, gap := text.XLeft, vg.Length(4)
					if left {
						align, gap = text.XRight, -4
					}
					c.FillText(lettering(faint, 8, align, text.YCenter), vg.Point{X: x(float64(e.rate)) + gap, Y: y(center)}, outer[left])
				}
			}
		}
	}
}
