package plot

import (
	"fmt"
	"math"
	"slices"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// heatMaps are one value over two settings: p99 over linger.ms and batch.size, and
// the rate under the SLO over brokers and partitions.
func heatMaps(c *result.Capacity) (plots []Plot) {
	if m := c.HeatMap; hasCells(m) && len(m.P99US) > 0 {
		f := heatMap(m, m.P99US, milliseconds, func(i, j int) string {
			if i < len(m.Requests) && j < len(m.Requests[i]) && m.Requests[i][j] > 0 {
				return rate1(m.Requests[i][j]) + " req/s"
			}
			return ""
		})
		plots = append(plots, Plot{Name: "heat-map", Title: fmt.Sprintf("p99 over %s and %s", m.RowAxis.Name, m.ColumnAxis.Name), frame: f, Rows: heatRows(m),
			About: "p99 of acknowledgements and Produce requests a second at the rate to plan on; dark is slow. A cell without a number did not pass."})
	}
	if m := c.Matrix; hasCells(m) && len(m.Rates) > 0 {
		f := heatMap(m, m.Rates, func(v int64) string { return rate1(v) }, func(int, int) string { return "" })
		plots = append(plots, Plot{Name: "matrix", Title: fmt.Sprintf("Largest rate under the SLO over %s and %s", m.RowAxis.Name, m.ColumnAxis.Name), frame: f, Rows: heatRows(m),
			About: "Records a second; dark is much. A cell without a number met the SLO at no rate."})
	}
	return plots
}

func hasCells(m *result.HeatMap) bool {
	return m != nil && len(m.RowAxis.Values) > 0 && len(m.ColumnAxis.Values) > 0
}

// heatMap draws cells with their value and a second line. Values below 0 did not pass.
func heatMap(m *result.HeatMap, values [][]int64, first func(int64) string, second func(i, j int) string) *frame {
	rows, columns := len(m.RowAxis.Values), len(m.ColumnAxis.Values)
	low, high := inf, 0.0
	for _, r := range values {
		for _, v := range r {
			if v > 0 {
				low, high = min(low, float64(v)), max(high, float64(v))
			}
		}
	}
	p := newPanel(m.ColumnAxis.Name, m.RowAxis.Name)
	p.Add(drawing(func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		for i := range min(rows, len(values)) {
			for j := range min(columns, len(values[i])) {
				left, bottom, right, top := x(float64(j)-.5), y(float64(i)-.5), x(float64(j)+.5), y(float64(i)+.5)
				v, fill := values[i][j], hex("", 0xC9CED4)
				label, more := "did not pass", ""
				if v > 0 {
					fill = shade(math.Log(float64(v)/low) / max(math.Log(high/low), 1e-9))
					label, more = first(v), second(i, j)
				}
				rectangle(c, fill, left, bottom, right, top)
				middle := vg.Point{X: (left + right) / 2, Y: (bottom + top) / 2}
				if more != "" {
					c.FillText(lettering(onto(fill), 7.5, text.XCenter, text.YCenter), vg.Point{X: middle.X, Y: middle.Y - 6}, more)
					middle.Y += 5
				}
				size := smallSize
				if v <= 0 {
					size = 7.5
				}
				c.FillText(lettering(onto(fill), size, text.XCenter, text.YCenter), middle, label)
			}
		}
	}))
	p.X.Min, p.X.Max = -.5, float64(columns)-.5
	p.Y.Min, p.Y.Max = -.5, float64(rows)-.5
	p.X.Tick.Marker, p.Y.Tick.Marker = names(m.ColumnAxis.Values), names(m.RowAxis.Values)
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	return &frame{width: half, height: max(vg.Length(60+34*rows), 180), panels: []*plot.Plot{p}}
}

// shade is a colour between light and dark blue, told apart by lightness alone.
func shade(share float64) ink {
	stops := []ink{hex("", 0xE9F3FB), hex("", 0x9CCAE8), hex("", 0x3F8FC4), hex("", 0x0B4F86), hex("", 0x062B4F)}
	at := min(max(share, 0), 1) * float64(len(stops)-1)
	i := min(int(at), len(stops)-2)
	part := at - float64(i)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*part)) }
	a, b := stops[i], stops[i+1]
	return hex("", uint32(mix(a.R, b.R))<<16|uint32(mix(a.G, b.G))<<8|uint32(mix(a.B, b.B)))
}

func heatRows(m *result.HeatMap) [][]string {
	rows := [][]string{row(m.RowAxis.Name, m.ColumnAxis.Name, "p99_us", "produce_requests_per_s", "rate_per_s")}
	cell := func(t [][]int64, i, j int) string {
		if i < len(t) && j < len(t[i]) {
			return fmt.Sprint(t[i][j])
		}
		return ""
	}
	for i, r := range m.RowAxis.Values {
		for j, c := range m.ColumnAxis.Values {
			rows = append(rows, row(r, c, cell(m.P99US, i, j), cell(m.Requests, i, j), cell(m.Rates, i, j)))
		}
	}
	return slices.Clip(rows)
}
