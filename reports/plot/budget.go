package plot

import (
	"slices"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// budget is where the time of a request goes, as stacked bars.
func budget(c *result.Capacity) []Plot {
	var parts, labels []string
	most := 0.0
	rows := [][]string{row("curve", "percentile", "part", "us")}
	for _, b := range c.Budget {
		total := int64(0)
		for _, a := range b.Parts {
			if !slices.Contains(parts, a.Name) {
				parts = append(parts, a.Name)
			}
			total += a.US
			rows = append(rows, row(b.Curve, b.At, a.Name, a.US))
		}
		labels = append(labels, b.Curve+" "+b.At)
		most = max(most, float64(total)/1000)
	}
	if len(parts) == 0 {
		return nil
	}
	p := newPanel("time, ms", "")
	p.Add(gridLines(false, true), stacks(c.Budget, parts))
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(most*1.14, .001), evenly(8)
	p.Y.Min, p.Y.Max = -.55, float64(len(labels))-.45
	slices.Reverse(labels)
	p.Y.Tick.Marker, p.Y.Tick.Length = names(labels), 0
	f := &frame{width: wide, height: vg.Length(90 + 32*len(labels)), panels: []*plot.Plot{p}}
	for i, name := range parts {
		f.legend = append(f.legend, entry{label: name, fill: series(i)})
	}
	return []Plot{{Name: "budget", Title: "Where the time goes", Wide: true, frame: f, Rows: rows,
		About: "Parts of the latency of the requests around a percentile, from when a record is due until its acknowledgement and, with the fetch wait, until a reader has it. The number at the end is their sum."}}
}

// stacks draws one bar for each budget, the first at the top.
func stacks(list []result.Budget, parts []string) drawing {
	return func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		for i, b := range list {
			center, sum := float64(len(list)-1-i), int64(0)
			for _, a := range b.Parts {
				left, right := x(float64(sum)/1000), x(float64(sum+a.US)/1000)
				fill := series(slices.Index(parts, a.Name))
				rectangle(c, fill, left, y(center-.36), right, y(center+.36))
				sum += a.US
				style := lettering(onto(fill), 8, text.XCenter, text.YCenter)
				if label := milliseconds(a.US); style.Width(label)+4 < right-left {
					c.FillText(style, vg.Point{X: (left + right) / 2, Y: y(center)}, label)
				}
			}
			c.FillText(lettering(words, smallSize, text.XLeft, text.YCenter), vg.Point{X: x(float64(sum)/1000) + 4, Y: y(center)}, milliseconds(sum))
		}
	}
}
