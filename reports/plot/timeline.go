package plot

import (
	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// timelines are what happened second by second when a broker was killed, and when a
// reader caught up.
func timelines(c *result.Capacity) (plots []Plot) {
	for _, x := range []struct {
		name, title string
		t           *result.Timeline
	}{
		{"loss", "One broker lost", c.Loss},
		{"catch-up", "Catching up", c.CatchUp},
	} {
		if x.t == nil || len(x.t.Rows) == 0 {
			continue
		}
		title := x.title
		if x.t.What != "" {
			title += ": " + x.t.What
		}
		f := timeline(x.t)
		plots = append(plots, Plot{Name: x.name, Title: title, Wide: true, frame: f, Rows: timelineRows(x.t),
			About: "Second by second; all rows have one axis of time. Latencies count from when a record was due, in the second in which they ended."})
	}
	return plots
}

// line is one quantity of a timeline.
type line struct {
	label string
	style draw.LineStyle
	of    func(*result.Second) int64
}

func timeline(t *result.Timeline) *frame {
	f := &frame{width: wide}
	add := func(y string, scale float64, log bool, lines ...line) {
		p := newPanel("", y)
		p.Add(gridLines(true, false))
		any := false
		for _, l := range lines {
			s := &steps{style: l.style}
			for i := range t.Rows {
				v := l.of(&t.Rows[i])
				any = any || v != 0
				s.from, s.to = append(s.from, seconds(t.Rows[i].AtUS)), append(s.to, seconds(t.Rows[i].AtUS+t.Rows[i].ForUS))
				s.y, s.has = append(s.y, float64(v)*scale), append(s.has, !log || v > 0)
			}
			p.Add(s)
			f.legend = append(f.legend, entry{label: l.label, line: l.style})
		}
		if !any {
			f.legend = f.legend[:len(f.legend)-len(lines)]
			return
		}
		if log {
			logarithmic(&p.Y)
		} else {
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, max(p.Y.Max*1.06, 1), evenly(4)
		}
		f.panels = append(f.panels, p)
	}
	add("records/s", 1, false,
		line{"due", stroke(gray, 1.2, dots()...), perSecond(func(s *result.Second) int64 { return s.Due })},
		line{"read", stroke(green, 1.4), perSecond(func(s *result.Second) int64 { return s.Read })},
		line{"acknowledged", stroke(blue, 1.6), perSecond(func(s *result.Second) int64 { return s.Acked })})
	add("latency, ms", .001, true,
		line{"acknowledged p50", stroke(sky, 1.3), func(s *result.Second) int64 { return s.AckP50 }},
		line{"acknowledged p99", stroke(vermillion, 1.6), func(s *result.Second) int64 { return s.AckP99 }},
		line{"end to end p99", stroke(purple, 1.4, dashes()...), func(s *result.Second) int64 { return s.E2EP99 }})
	add("partitions", 1, false, line{"under-replicated partitions", stroke(orange, 1.6), func(s *result.Second) int64 { return s.UnderRep }})
	add("lag, records", 1, false, line{"lag of the slowest readers", stroke(words, 1.4), func(s *result.Second) int64 { return s.Lag }})
	if len(f.panels) == 0 { // nothing happened at all
		f.panels = append(f.panels, newPanel("", ""))
	}
	first, last := t.Rows[0], t.Rows[len(t.Rows)-1]
	for i, p := range f.panels {
		p.X.Min, p.X.Max, p.X.Tick.Marker = seconds(first.AtUS), seconds(last.AtUS+last.ForUS), evenly(12)
		if i < len(f.panels)-1 {
			p.X.Tick.Label.Color, p.X.Tick.Marker = nil, bare{evenly(12)}
		} else {
			p.X.Label.Text = "time, s"
		}
	}
	for _, m := range t.Marks {
		f.marks = append(f.marks, mark{seconds(m.AtUS), m.What, stroke(faint, .9)})
	}
	f.height = vg.Length(70 + 105*len(f.panels))
	return f
}

// bare are the ticks of another axis without labels.
type bare struct{ of plot.Ticker }

func (b bare) Ticks(low, high float64) []plot.Tick {
	ticks := b.of.Ticks(low, high)
	for i := range ticks {
		ticks[i].Label = ""
	}
	return ticks
}

func seconds(us int64) float64 { return float64(us) / 1e6 }

// perSecond makes a count of an interval a rate.
func perSecond(count func(*result.Second) int64) func(*result.Second) int64 {
	return func(s *result.Second) int64 {
		if s.ForUS <= 0 {
			return 0
		}
		return int64(float64(count(s)) * 1e6 / float64(s.ForUS))
	}
}

// steps is a line that keeps a value over an interval; it has gaps where there is none.
type steps struct {
	from, to, y []float64
	has         []bool
	style       draw.LineStyle
}

func (s *steps) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	var run []vg.Point
	flush := func() {
		c.StrokeLines(s.style, c.ClipLinesXY(run)...)
		run = nil
	}
	for i := range s.y {
		if !s.has[i] {
			flush()
			continue
		}
		run = append(run, vg.Point{X: tx(s.from[i]), Y: ty(s.y[i])}, vg.Point{X: tx(s.to[i]), Y: ty(s.y[i])})
	}
	flush()
}

func (s *steps) DataRange() (xmin, xmax, ymin, ymax float64) {
	var from, to, y []float64
	for i := range s.y {
		if s.has[i] {
			from, to, y = append(from, s.from[i]), append(to, s.to[i]), append(y, s.y[i])
		}
	}
	xmin, _, ymin, ymax = rangeOf(from, y, y)
	_, xmax, _, _ = rangeOf(to, y, y)
	return xmin, xmax, ymin, ymax
}

func timelineRows(t *result.Timeline) [][]string {
	rows := [][]string{row("at_s", "for_s", "due", "acked", "read", "ack_p50_us", "ack_p99_us", "e2e_p99_us", "under_replicated", "lag")}
	for _, s := range t.Rows {
		rows = append(rows, row(seconds(s.AtUS), seconds(s.ForUS), s.Due, s.Acked, s.Read, s.AckP50, s.AckP99, s.E2EP99, s.UnderRep, s.Lag))
	}
	return rows
}
