package plot

import (
	"fmt"
	"strings"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
)

// sweeps are latency, or the rate under the SLO, against one setting.
func sweeps(c *result.Capacity) (plots []Plot) {
	for _, s := range c.Sweeps {
		if len(s.Axis.Values) == 0 || len(s.Points) == 0 && len(s.Rates) == 0 {
			continue
		}
		name := "sweep-" + slug(s.Axis.Name)
		if p, ok := sweptLatency(&s); ok {
			p.Name = name
			plots = append(plots, p)
		}
		if p, ok := sweptRate(&s); ok {
			p.Name = name + "-rate"
			plots = append(plots, p)
		}
	}
	return plots
}

func sweptLatency(s *result.Sweep) (Plot, bool) {
	if len(s.Points) == 0 {
		return Plot{}, false
	}
	p := newPanel(s.Axis.Name, "latency, ms")
	p.Add(gridLines(true, false))
	f := &frame{width: half, height: 260, panels: []*plot.Plot{p}}
	rows := [][]string{row(s.Axis.Name, "offered_per_s", "seed", "achieved_per_s", "passed", "ack_p50_us", "ack_p99_us", "ack_p99.9_us", "e2e_p99_us")}
	for i, pt := range s.Points {
		if i < len(s.Axis.Values) {
			rows = append(rows, row(s.Axis.Values[i], pt.Offered, pt.Seed, pt.Achieved, pt.Passed, pt.Ack.P50, pt.Ack.P99, unknown(pt.Ack.P999), pt.E2E.P99))
		}
	}
	for _, q := range lines() {
		l := &polyline{style: stroke(q.ink, 1.6)}
		for i := range min(len(s.Points), len(s.Axis.Values)) {
			if v := q.of(&s.Points[i].Ack); v > 0 {
				l.x, l.y, l.full = append(l.x, float64(i)), append(l.y, float64(v)/1000), append(l.full, s.Points[i].Passed)
			}
		}
		if len(l.x) > 0 {
			p.Add(l)
			f.legend = append(f.legend, entry{label: q.name, line: l.style})
		}
	}
	if len(f.legend) == 0 {
		return Plot{}, false
	}
	f.legend = append(f.legend, overloaded())
	nominal(p, s.Axis.Values)
	logarithmic(&p.Y)
	return Plot{Title: "Latency of acknowledgements against " + s.Axis.Name, frame: f, Rows: rows, About: "One seed at each value."}, true
}

func sweptRate(s *result.Sweep) (Plot, bool) {
	if len(s.Rates) == 0 {
		return Plot{}, false
	}
	p := newPanel(s.Axis.Name, "largest rate under the SLO, records/s")
	p.Add(gridLines(true, false))
	l := &polyline{style: stroke(blue, 1.8)}
	rows := [][]string{row(s.Axis.Name, "rate_per_s")}
	for i := range min(len(s.Rates), len(s.Axis.Values)) {
		l.x, l.y, l.full = append(l.x, float64(i)), append(l.y, float64(s.Rates[i])), append(l.full, s.Rates[i] > 0)
		rows = append(rows, row(s.Axis.Values[i], s.Rates[i]))
	}
	p.Add(l)
	nominal(p, s.Axis.Values)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, max(p.Y.Max*1.08, 1), evenly(5)
	return Plot{Title: "Largest rate under the SLO against " + s.Axis.Name, frame: &frame{width: half, height: 240, panels: []*plot.Plot{p}}, Rows: rows,
		About: fmt.Sprintf("At each of %d values.", len(s.Axis.Values))}, true
}

// nominal makes the x axis one of names.
func nominal(p *plot.Plot, values []string) {
	p.X.Min, p.X.Max, p.X.Tick.Marker = -.4, float64(len(values))-.6, names(values)
}

// slug is a name for a file.
func slug(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s), "-")
}
