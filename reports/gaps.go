package reports

import (
	"fmt"
	"slices"

	"brokersim/checker/result"
)

// gap is what is left out before a row.
type gap struct {
	row, top int
	ns       int64
	events   int64
}

// gaps are the places where much more is left out than elsewhere.
func (t *told) gaps() (list []gap) {
	const least, events = 10e6, 100
	var steps []int64
	for i := 1; i < len(t.Rows); i++ {
		if ns := t.Rows[i].AtNS - t.Rows[i-1].AtNS; ns > 0 {
			steps = append(steps, ns)
		}
	}
	slices.Sort(steps)
	usual := int64(0)
	if len(steps) > 0 {
		usual = steps[len(steps)/2]
	}
	var at, event, left int64
	for i := range t.Rows {
		r := &t.Rows[i]
		if r.Event > event {
			left += max(0, r.Event-event-1)
			event = r.Event
		}
		if ns := r.AtNS - at; ns >= least && ns >= 4*usual || left >= events {
			list = append(list, gap{row: i, ns: ns, events: left})
			left = 0
		}
		at = r.AtNS
	}
	return list
}

// drawGap says what is left out.
func (d *spaceTime) drawGap(g gap) {
	d.add(layerText, g.top, g.top+gapHeight, func(s *svg) {
		y := g.top + gapHeight/2
		s.line("gapline", lanesLeft, y, d.textLeft+badgeWidth-8, y)
		text := result.Micros(g.ns/1e3) + " later"
		if g.row == 0 {
			text = result.Micros(g.ns/1e3) + " after the start"
		}
		if g.events > 0 {
			text += fmt.Sprintf(", %s not told", plural(int(g.events), "event", "events"))
		}
		s.text("gaplabel", "start", d.textLeft+badgeWidth, y+4, text)
		s.text("gaplabel", "end", timeRight, y+4, "⋮")
	})
}
