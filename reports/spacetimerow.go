package reports

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// drawRow draws what happens in a row: the arrow that ends in it and its mark.
func (d *spaceTime) drawRow(i int) {
	r, p := &d.t.Rows[i], &d.rows[i]
	layer, class := layerArrow, "arrow"
	if r.Chain {
		layer, class = layerChain, "arrow chain"
	}
	if r.Violation {
		class = "arrow broken"
		d.add(layerBack, p.top, p.bottom, func(s *svg) {
			s.draw("rect", "class", "brokenrow", "x", 0, "y", p.top, "width", d.width, "height", p.bottom-p.top)
			s.draw("rect", "class", "brokenbar", "x", 0, "y", p.top, "width", 4, "height", p.bottom-p.top)
		})
	}
	from, to, frame := ends(r)
	switch {
	case frame && r.Kind == result.RowLost:
		d.drawLost(p, class, layer, d.laneX(d.t.lane(from)), d.laneX(d.t.lane(to)))
	case frame && from != to:
		x1, y1 := d.laneX(d.t.lane(from)), p.y-13
		if d.t.sent(i) {
			y1 = d.rows[r.Sent].y
		} else {
			class += " untold"
		}
		x2 := d.laneX(d.t.lane(to))
		bend := d.bend(i, x1, y1, x2)
		d.add(layer, y1-bendBy, p.bottom+bendBy, func(s *svg) { s.arrow(class, x1, y1, x2, p.y, 7, bend) })
	case r.Kind == result.RowFault && r.Node == "", r.Kind == result.RowJudge && r.Node == "":
		d.drawAcross(r, p)
		return
	}
	if lane := d.t.lane(r.Node); lane >= 0 {
		d.add(layerMark, p.top, p.bottom, func(s *svg) {
			if r.Violation {
				s.draw("circle", "class", "ring", "cx", d.laneX(lane), "cy", p.y, "r", 11)
			}
			mark(s, r, r.Chain, d.laneX(lane), p.y)
		})
	}
}

// bendBy is how far an arrow is bent aside, in pixels.
const bendBy = 14

// bend says how far the arrow that ends in row i is to be bent: straight, it would
// look as if it came from a mark that it only passes.
func (d *spaceTime) bend(i, x1, y1, x2 int) int {
	y2 := d.rows[i].y
	for k := i - 1; k >= 0 && d.rows[k].y > y1; k-- {
		lane := d.t.lane(d.t.Rows[k].Node)
		at := x1 + (x2-x1)*(d.rows[k].y-y1)/(y2-y1)
		if lane >= 0 && d.laneX(lane) != x1 && max(at-d.laneX(lane), d.laneX(lane)-at) < 12 {
			return bendBy
		}
	}
	return 0
}

// drawLost draws an arrow that ends on its way, in a cross.
func (d *spaceTime) drawLost(p *placedRow, class string, layer, x1, x2 int) {
	x, y := x1+(x2-x1)*3/5, p.y+10
	d.add(layer, p.top, p.bottom, func(s *svg) {
		s.line(class, x1, p.y, x, y)
		s.line(class+" cross", x-5, y-5, x+5, y+5)
		s.line(class+" cross", x-5, y+5, x+5, y-5)
	})
}

// drawAcross draws what is about several lanes.
func (d *spaceTime) drawAcross(r *result.Row, p *placedRow) {
	var lanes []int
	for lane, l := range d.t.lanes {
		if r.Kind == result.RowJudge || slices.Contains(d.t.touched(r), l.Node) {
			lanes = append(lanes, lane)
		}
	}
	if len(lanes) == 0 {
		return
	}
	class := "across"
	if r.Kind == result.RowFault && !mends(r) {
		class = "across fault"
	}
	d.add(layerArrow, p.top, p.bottom, func(s *svg) { s.line(class, d.laneX(lanes[0]), p.y, d.laneX(lanes[len(lanes)-1]), p.y) })
	for _, lane := range lanes {
		d.add(layerMark, p.top, p.bottom, func(s *svg) { mark(s, r, false, d.laneX(lane), p.y) })
	}
}

// drawText draws the time of a row and its words.
func (d *spaceTime) drawText(i int) {
	r, p := &d.t.Rows[i], &d.rows[i]
	class := "row"
	if d.t.place[i] > 0 {
		class = "row chain"
	}
	d.add(layerText, p.top, p.bottom, func(s *svg) {
		s.text(class+" time", "end", timeRight, p.y+4, d.t.clock(r.AtNS))
		if n := d.t.place[i]; n > 0 {
			badge := "badge"
			if r.Violation {
				badge = "badge broken"
			}
			s.draw("circle", "class", badge, "cx", d.textLeft+10, "cy", p.y, "r", 10)
			s.text(badge+" number", "middle", d.textLeft+10, p.y+4, fmt.Sprint(n))
		}
		x, y := d.textLeft+badgeWidth, p.y+4
		who := arrowed(d.t.who(r))
		for n, line := range p.what {
			s.open("text", "class", class+" what", "x", x, "y", y)
			if rest, ok := strings.CutPrefix(line, who); n == 0 && ok {
				s.say("tspan", who, "class", "who")
				if rest != "" {
					s.say("tspan", strings.TrimLeft(rest, " "), "dx", 8)
				}
			} else {
				s.say("tspan", line)
			}
			s.close("text")
			y += 17
		}
		for _, line := range p.does {
			s.text(class+" does", "start", x, y, line)
			y += 16
		}
		if r.Violation {
			s.text("brokenlabel", "start", x, y, brokenHere)
		}
	})
}
