package plot

import (
	"brokersim/checker/result"

	"gonum.org/v1/plot"
)

// achieved is what was acknowledged against what was offered: where they part, the
// cluster does not keep up; where it falls, it collapses.
func achieved(c *result.Capacity) []Plot {
	healthy, lost := loads(&c.Healthy), loads(c.OneLost)
	if len(healthy) == 0 {
		return nil
	}
	p := newPanel("offered load, records/s", "achieved, records/s")
	p.Add(gridLines(true, false))
	f := &frame{width: half, height: 300, panels: []*plot.Plot{p}}
	most := largest(healthy, lost) * 1.02
	p.Add(&polyline{x: []float64{0, most}, y: []float64{0, most}, style: stroke(gray, 1, dots()...)})
	f.legend = []entry{{label: "all that is offered", line: stroke(gray, 1, dots()...)}}
	for _, x := range []struct {
		label string
		list  []load
		ink   ink
		dash  bool
		of    func(*result.Point) int64
	}{
		{"acknowledged", healthy, blue, false, func(p *result.Point) int64 { return p.Achieved }},
		{"acknowledged, one broker lost", lost, blue, true, func(p *result.Point) int64 { return p.Achieved }},
	} {
		l := &polyline{style: stroke(x.ink, 1.8)}
		if x.dash {
			l.style.Dashes = dashes()
		}
		for i := range x.list {
			if median, _, _, ok := x.list[i].over(x.of); ok {
				l.x, l.y, l.full = append(l.x, float64(x.list[i].offered)), append(l.y, median), append(l.full, x.list[i].passed())
			}
		}
		if len(l.x) > 0 {
			p.Add(l)
			f.legend = append(f.legend, entry{label: x.label, line: l.style, full: true})
		}
	}
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, most, evenly(5)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, max(p.Y.Max, most), evenly(6)
	f.legend = append(f.legend, overloaded())
	rows := [][]string{row("brokers", "offered_per_s", "seed", "achieved_per_s", "read_per_s", "backlog", "backlog_slope_per_s", "batch_records", "produce_requests_per_s")}
	eachPoint(c, func(brokers int, p *result.Point) {
		rows = append(rows, row(brokers, p.Offered, p.Seed, p.Achieved, p.Read, p.Backlog, p.Slope, float64(p.BatchRecs)/1000, p.Requests))
	})
	return []Plot{{Name: "achieved", Title: "Achieved against offered load", frame: f, Rows: rows,
		About: "Median over the seeds. On the dotted line everything that is offered is acknowledged; below it the rest waits."}}
}
