package plot

import (
	"fmt"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// percentile is one line of a latency plot.
type percentile struct {
	name string
	ink  ink
	of   func(*result.Tail) int64
}

func lines() []percentile {
	return []percentile{
		{"p50", blue, func(t *result.Tail) int64 { return t.P50 }},
		{"p99", vermillion, func(t *result.Tail) int64 { return t.P99 }},
		{"p99.9", purple, func(t *result.Tail) int64 { return t.P999 }},
	}
}

// latencies are latency against offered load, of acknowledgements and, where
// anybody read, end to end.
func latencies(c *result.Capacity) (plots []Plot) {
	for _, x := range []struct {
		name, title string
		slo         int64
		of          func(*result.Point) *result.Tail
	}{
		{"latency-ack", "Latency of acknowledgements against offered load", c.SLO.AckP99US, func(p *result.Point) *result.Tail { return &p.Ack }},
		{"latency-e2e", "End-to-end latency against offered load", c.SLO.E2EP99US, func(p *result.Point) *result.Tail { return &p.E2E }},
	} {
		healthy, lost := loads(&c.Healthy), loads(c.OneLost)
		p := newPanel("offered load, records/s", "latency, ms")
		p.Add(gridLines(true, false))
		f := &frame{width: wide, height: 330, panels: []*plot.Plot{p}}
		drawn := f.addCurve(p, healthy, x.of, false)
		if drawn == 0 {
			continue
		}
		f.addCurve(p, lost, x.of, true)
		if x.slo > 0 {
			p.Add(&polyline{x: []float64{0, largest(healthy, lost)}, y: []float64{float64(x.slo) / 1000, float64(x.slo) / 1000}, style: stroke(green, 1.4, dots()...)})
			f.legend = append(f.legend, entry{label: "SLO: p99 <= " + milliseconds(x.slo), line: stroke(green, 1.4, dots()...)})
		}
		f.loadAxis(c, healthy, lost)
		logarithmic(&p.Y)
		f.legend = append(f.legend, overloaded())
		plots = append(plots, Plot{
			Name: x.name, Title: x.title, Wide: true, frame: f, Rows: latencyRows(c, x.of),
			About: "From when a record was due, so that a queue at the sender counts. Lines are medians over the seeds, bands and whiskers their 95 % intervals (of fewer than 6 seeds the range; one seed has none). Hollow marks did not meet the SLO or did not keep up.",
		})
	}
	return plots
}

func overloaded() entry {
	return entry{label: "hollow: did not pass", line: stroke(faint, 1), hollow: true}
}

// addCurve adds the percentiles of a curve and says how many of them it has.
func (f *frame) addCurve(p *plot.Plot, list []load, of func(*result.Point) *result.Tail, dashed bool) (drawn int) {
	for _, q := range lines() {
		l := &polyline{style: stroke(q.ink, 1.8)}
		b := &band{ink: q.ink}
		for i := range list {
			median, low, high, ok := list[i].over(func(p *result.Point) int64 { return q.of(of(p)) })
			if !ok {
				continue
			}
			x := float64(list[i].offered)
			l.x, l.y, l.full = append(l.x, x), append(l.y, median/1000), append(l.full, list[i].passed())
			b.x, b.low, b.high = append(b.x, x), append(b.low, low/1000), append(b.high, high/1000)
		}
		if len(l.x) == 0 {
			continue
		}
		drawn++
		label := q.name
		if dashed {
			l.style.Dashes, l.style.Width = dashes(), 1.4
			label += ", one broker lost"
		}
		p.Add(b, l)
		f.legend = append(f.legend, entry{label: label, line: l.style})
	}
	return drawn
}

// largest is the largest offered load.
func largest(lists ...[]load) (most float64) {
	for _, list := range lists {
		for i := range list {
			most = max(most, float64(list[i].offered))
		}
	}
	return most
}

// loadAxis makes the x axis one of offered load from 0, with the knees and
// rooflines as marks. A roofline that is far to the right is said in the legend.
func (f *frame) loadAxis(c *result.Capacity, healthy, lost []load) {
	most := f.within(c, largest(healthy, lost)*1.02)
	roof := func(rate int64, label string, line ink, dash ...vg.Length) {
		if rate <= 0 {
			return
		}
		style := stroke(line, 1.2, dash...)
		if float64(rate) <= most*1.25 {
			most = max(most, float64(rate)*1.02)
			f.marks = append(f.marks, mark{float64(rate), label + " " + rate1(rate), style})
			return
		}
		f.legend = append(f.legend, entry{label: fmt.Sprintf("%s: to the right, at %s", label, rate1(rate)), line: style})
	}
	same := c.OneLost != nil && c.OneLost.Roofline == c.Healthy.Roofline
	if same {
		roof(c.Healthy.Roofline, "roofline, also with one lost,", words)
	} else {
		roof(c.Healthy.Roofline, "roofline", words)
	}
	if c.OneLost != nil && !same {
		roof(c.OneLost.Roofline, "roofline, one lost", words, dashes()...)
	}
	f.kneeMarks(&c.Healthy, "", faint)
	if c.OneLost != nil {
		f.kneeMarks(c.OneLost, ", one lost", faint, dashes()...)
	}
	x := &f.panels[0].X
	x.Min, x.Max, x.Tick.Marker = 0, most, evenly(8)
}

func rate1(perSecond int64) string { return inUnit(float64(perSecond), float64(perSecond)) }

// within keeps the axis to where something is decided: probes far above the roofline
// would squeeze the rest. They are in the CSV, and the legend says so.
func (f *frame) within(c *result.Capacity, most float64) float64 {
	far := 1.5 * float64(max(c.Healthy.Roofline, c.Healthy.Knees.UnderSLO))
	if far <= 0 || most <= far {
		return most
	}
	f.legend = append(f.legend, entry{label: "loads up to " + rate1(int64(most/1.02)) + ": in the CSV", line: stroke(gray, 1)})
	return far
}

// kneeMarks marks the three knees of a curve; those at one place share a mark.
func (f *frame) kneeMarks(c *result.Curve, suffix string, line ink, dash ...vg.Length) {
	at := map[int64]string{}
	var order []int64
	for _, k := range []struct {
		rate int64
		name string
	}{{c.Knees.UnderSLO, "SLO"}, {c.Knees.Power, "power"}, {c.Knees.Doubled, "2 x p99"}} {
		switch {
		case k.rate <= 0:
		case at[k.rate] != "":
			at[k.rate] += ", " + k.name
		default:
			at[k.rate], order = k.name, append(order, k.rate)
		}
	}
	for _, rate := range order {
		f.marks = append(f.marks, mark{float64(rate), "knee (" + at[rate] + suffix + ") " + rate1(rate), stroke(line, .9, dash...)})
	}
}

// latencyRows are the points of both curves.
func latencyRows(c *result.Capacity, of func(*result.Point) *result.Tail) [][]string {
	rows := [][]string{row("brokers", "offered_per_s", "seed", "achieved_per_s", "passed", "p50_us", "p90_us", "p99_us", "p99.9_us", "p99.99_us", "max_us", "samples", "why")}
	eachPoint(c, func(brokers int, p *result.Point) {
		t := of(p)
		rows = append(rows, row(brokers, p.Offered, p.Seed, p.Achieved, p.Passed, t.P50, t.P90, t.P99, unknown(t.P999), unknown(t.P9999), t.Max, t.N, p.Why))
	})
	return rows
}

// unknown writes a percentile that has too few samples as an empty cell.
func unknown(us int64) string {
	if us == 0 {
		return ""
	}
	return fmt.Sprint(us)
}

// eachPoint goes over the points of both curves.
func eachPoint(c *result.Capacity, visit func(brokers int, p *result.Point)) {
	for _, curve := range []*result.Curve{&c.Healthy, c.OneLost} {
		if curve == nil {
			continue
		}
		for i := range curve.Points {
			visit(curve.Brokers, &curve.Points[i])
		}
	}
}
