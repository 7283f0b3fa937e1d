package plot

import (
	"fmt"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
)

// percentiles are the latency distributions at the rate to plan on, with an axis
// that gives every nine the same room.
func percentiles(c *result.Capacity) []Plot {
	p := newPanel("percentile", "latency, ms")
	p.Add(gridLines(true, true))
	f := &frame{width: half, height: 300, panels: []*plot.Plot{p}}
	rows := [][]string{row("curve", "offered_per_s", "seed", "percentile", "us")}
	most, drawn := .9, 0
	for _, x := range []struct {
		label string
		curve *result.Curve
		style draw.LineStyle
		of    func(*result.Point) *result.Tail
	}{
		{"acknowledged, from the send", &c.Healthy, stroke(gray, .8, dots()...), func(p *result.Point) *result.Tail { return &p.AckSent }},
		{"acknowledged", &c.Healthy, stroke(blue, .9), func(p *result.Point) *result.Tail { return &p.Ack }},
		{"end to end", &c.Healthy, stroke(green, .9), func(p *result.Point) *result.Tail { return &p.E2E }},
		{"acknowledged, one broker lost", c.OneLost, stroke(vermillion, .9, dashes()...), func(p *result.Point) *result.Tail { return &p.Ack }},
	} {
		at := nearest(loads(x.curve), c.Answer.PlanOn)
		if at == nil {
			continue
		}
		n := 0
		for i := range at.points {
			line := &polyline{style: x.style}
			for _, q := range x.of(&at.points[i]).Curve {
				if share := float64(q[0]) / 1e6; share < 1 && q[1] > 0 {
					line.x, line.y = append(line.x, 1-share), append(line.y, float64(q[1])/1000)
					most = max(most, share)
				}
				rows = append(rows, row(x.label, at.offered, at.points[i].Seed, float64(q[0])/1e4, q[1]))
			}
			if len(line.x) > 1 {
				p.Add(line)
				n++
			}
		}
		if n > 0 {
			f.legend = append(f.legend, entry{label: x.label, line: x.style})
			drawn += n
		}
	}
	if drawn == 0 {
		return nil
	}
	p.X.Min, p.X.Max = 1-most, 1
	p.X.Scale, p.X.Tick.Marker = plot.InvertedScale{Normalizer: plot.LogScale{}}, nines{}
	logarithmic(&p.Y)
	return []Plot{{Name: "percentiles", Title: "Latency by percentile", frame: f, Rows: rows,
		About: fmt.Sprintf("At %s, one thin line for each seed; a line ends where there are too few samples. From the send is what a client would measure that waits for its own queue.", rate(c.Answer.PlanOn))}}
}

// nines are the ticks of an axis of 1 - quantile.
type nines struct{}

func (nines) Ticks(low, high float64) (ticks []plot.Tick) {
	for _, t := range []plot.Tick{
		{Value: .5, Label: "50 %"}, {Value: .1, Label: "90 %"}, {Value: .05}, {Value: .01, Label: "99 %"}, {Value: .005},
		{Value: 1e-3, Label: "99.9 %"}, {Value: 5e-4}, {Value: 1e-4, Label: "99.99 %"}, {Value: 5e-5}, {Value: 1e-5, Label: "99.999 %"},
	} {
		if t.Value >= low*.999 && t.Value <= high*1.001 {
			ticks = append(ticks, t)
		}
	}
	return ticks
}
