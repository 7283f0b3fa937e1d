package reports

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// spaceTime draws a story: a lane for each node, time runs down, a row for each
// moment that matters, messages as arrows, and beside each row what happens in
// words. Rows are as far apart as their words need; where more time or events
// are left out than elsewhere, a gap says so.
//
// It is drawn in slices, one above the other, so that a page of paper can end
// between two rows.
type spaceTime struct {
	t      *told
	rows   []placedRow
	gaps   []gap
	shapes []shape

	laneStep, textLeft, width, height int
}

type placedRow struct {
	top, y, bottom int
	what, does     []string // lines
}

// gap is what is left out before a row.
type gap struct {
	row, top int
	ns       int64
	events   int64
}

// shape is a piece of the drawing between two heights. Those of a higher layer
// cover the others.
type shape struct {
	layer, top, bottom int
	content            template.HTML
}

const (
	layerBack = iota
	layerSpan
	layerLane
	layerArrow
	layerChain
	layerMark
	layerText
)

const (
	timeRight  = 76 // times end here
	lanesLeft  = 92
	badgeWidth = 28
	gapHeight  = 30
	headHeight = 48
	whatSize   = 13
	doesSize   = 12
	sliceLeast = 190 // a slice ends at the first row after that many pixels
	brokenHere = "✖ The violation"
)

func drawSpaceTime(t *told) *spaceTime {
	d := &spaceTime{t: t}
	d.columns()
	d.place()
	d.drawLanes()
	d.drawSpans()
	for i := range d.rows {
		d.drawRow(i)
		d.drawText(i)
	}
	for _, g := range d.gaps {
		d.drawGap(g)
	}
	return d
}

// columns shares the width between lanes and words.
func (d *spaceTime) columns() {
	n := len(d.t.lanes)
	switch {
	case n <= 4:
		d.laneStep = 108
	case n <= 6:
		d.laneStep = 92
	case n <= 8:
		d.laneStep = 78
	default:
		d.laneStep = 70
	}
	d.textLeft = lanesLeft + n*d.laneStep + 12
	d.width = max(1120, d.textLeft+420)
}

func (d *spaceTime) laneX(lane int) int { return lanesLeft + lane*d.laneStep + d.laneStep/2 }

// place finds the height of each row.
func (d *spaceTime) place() {
	y := 6
	words := d.width - d.textLeft - badgeWidth - 6
	gaps := d.t.gaps()
	for i := range d.t.Rows {
		r := &d.t.Rows[i]
		if len(gaps) > 0 && gaps[0].row == i {
			gaps[0].top = y
			d.gaps = append(d.gaps, gaps[0])
			gaps = gaps[1:]
			y += gapHeight
		}
		p := placedRow{top: y, y: y + 17}
		p.what = wrapBy(arrowed(d.t.who(r))+"  "+clean(r.What), func(line string) bool { return textWidth(line, whatSize)*21/20 <= words }) // bold is wider
		if list := d.t.does[i]; len(list) > 0 {
			p.does = wrapBy(strings.Join(list, " · "), func(line string) bool { return textWidth(line, doesSize) <= words })
		}
		lines := len(p.does)
		if r.Violation {
			lines++
		}
		p.bottom = y + max(34, 8+17*len(p.what)+16*lines+7)
		y = p.bottom
		d.rows = append(d.rows, p)
	}
	d.height = y + 6
}

// arrowed is who with the arrow that a page has.
func arrowed(who string) string { return strings.Replace(who, " -> ", " → ", 1) }

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

func (d *spaceTime) add(layer, top, bottom int, draw func(*svg)) {
	var s svg
	draw(&s)
	d.shapes = append(d.shapes, shape{layer, top, bottom, s.done()})
}

// drawLanes draws the line of each lane, open where there is a gap.
func (d *spaceTime) drawLanes() {
	for lane := range d.t.lanes {
		x, y := d.laneX(lane), 0
		for _, g := range d.gaps {
			top := y
			d.add(layerLane, top, g.top, func(s *svg) { s.line("lane", x, top, x, g.top) })
			d.add(layerLane, g.top, g.top+gapHeight, func(s *svg) { s.line("lane gap", x, g.top+1, x, g.top+gapHeight-1) })
			y = g.top + gapHeight
		}
		d.add(layerLane, y, d.height, func(s *svg) { s.line("lane", x, y, x, d.height) })
	}
}

// drawSpans draws what lasts: nodes that are down, links that are cut.
func (d *spaceTime) drawSpans() {
	for _, x := range d.t.downs() {
		left, width := d.laneX(x.lane)-d.laneStep/4, d.laneStep/2
		top, bottom := d.rows[x.from].y, d.endOf(x)
		d.add(layerSpan, top, bottom, func(s *svg) {
			s.draw("rect", "class", "down", "x", left, "y", top, "width", width, "height", max(0, bottom-top))
		})
		if bottom-top > 44 {
			d.add(layerText, top, bottom, func(s *svg) { s.text("spanlabel", "middle", d.laneX(x.lane), top+30, x.what) })
		}
	}
	for _, x := range d.t.links() {
		at := d.laneX(x.lane) - 9
		top, bottom := d.rows[x.from].y, d.endOf(x)
		d.add(layerSpan, top, bottom, func(s *svg) { s.line("rail", at, top, at, bottom) })
	}
}

func (d *spaceTime) endOf(x span) int {
	if x.to < len(d.rows) {
		return d.rows[x.to].y
	}
	return d.height
}

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

// mark draws the sign of a kind of row.
func mark(s *svg, r *result.Row, chain bool, x, y int) {
	class := "mark"
	switch {
	case r.Violation:
		class = "mark broken"
	case chain:
		class = "mark chain"
	}
	switch r.Kind {
	case result.RowFault:
		if mends(r) {
			s.draw("rect", "class", "mended", "x", x-8, "y", y-8, "width", 16, "height", 16, "rx", 4)
			s.draw("path", "class", "plus", "d", fmt.Sprintf("M%d %d h8 m-4 -4 v8", x-4, y))
			break
		}
		s.draw("rect", "class", "fault", "x", x-8, "y", y-8, "width", 16, "height", 16, "rx", 4)
		s.draw("path", "class", "bolt", "d", fmt.Sprintf("M%d %d l-4 6 h3 l-1 4 l5 -6.5 h-3 l1 -3.5z", x+1, y-5))
	case result.RowDisk:
		s.draw("path", "class", class, "d", fmt.Sprintf("M%d %d v7 a6 2.6 0 0 0 12 0 v-7 a6 2.6 0 0 0 -12 0 a6 2.6 0 0 0 12 0", x-6, y-3))
	case result.RowStep:
		s.draw("rect", "class", class, "x", x-5, "y", y-5, "width", 10, "height", 10, "transform", fmt.Sprintf("rotate(45 %d %d)", x, y))
	case result.RowClient:
		s.draw("circle", "class", class+" hollow", "cx", x, "cy", y, "r", 5)
	case result.RowJudge:
		s.draw("circle", "class", class+" hollow", "cx", x, "cy", y, "r", 6)
		s.draw("circle", "class", class, "cx", x, "cy", y, "r", 2)
	case result.RowLost:
		s.draw("circle", "class", class, "cx", x, "cy", y, "r", 4)
	default:
		s.draw("circle", "class", class, "cx", x, "cy", y, "r", 5)
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

// drawGap says what is left out.
func (d *spaceTime) drawGap(g gap) {
	d.add(layerText, g.top, g.top+gapHeight, func(s *svg) {
		y := g.top + gapHeight/2
		s.line("gapline", lanesLeft, y, d.textLeft+badgeWidth-8, y)
		text := micros(g.ns/1e3) + " later"
		if g.row == 0 {
			text = micros(g.ns/1e3) + " after the start"
		}
		if g.events > 0 {
			text += fmt.Sprintf(", %s not told", plural(int(g.events), "event", "events"))
		}
		s.text("gaplabel", "start", d.textLeft+badgeWidth, y+4, text)
		s.text("gaplabel", "end", timeRight, y+4, "⋮")
	})
}

// head is the drawing above the lanes.
func (d *spaceTime) head() template.HTML {
	names := make([]string, len(d.t.lanes))
	for i, l := range d.t.lanes {
		names[i] = strings.TrimSpace(clean(l.Node) + " " + clean(l.Role))
	}
	return picture("spacetime", 0, 0, d.width, headHeight, "Lanes: "+strings.Join(names, ", "), "", d.lanes())
}

// lanes says whose the lanes are.
func (d *spaceTime) lanes() template.HTML {
	var s svg
	s.text("axis", "end", timeRight, 34, "s")
	for i, l := range d.t.lanes {
		x, about := d.laneX(i), l.Role
		if l.Name != "" && l.Name != l.Node {
			about = l.Name
		}
		class := "lanehead " + roleClass(l.Role)
		s.draw("rect", "class", class, "x", x-d.laneStep/2+4, "y", 4, "width", d.laneStep-8, "height", 40, "rx", 7)
		s.text("lanename", "middle", x, 21, beginning(l.Node, 13, d.laneStep-16))
		s.text("lanerole", "middle", x, 36, beginning(about, 11, d.laneStep-8))
	}
	s.text("axis", "start", d.textLeft+badgeWidth, 34, "what happens")
	return s.done()
}

// whole is the drawing in one piece, on a ground of its own: a file that any viewer
// of pictures shows, light or dark.
func (d *spaceTime) whole(title, about string) template.HTML {
	var s svg
	s.open("style")
	s.b.WriteString(pageStyle) // it has no markup in it
	s.close("style")
	s.b.WriteString(hatches)
	s.draw("rect", "class", "ground", "x", 0, "y", -headHeight, "width", d.width, "height", d.height+headHeight)
	s.open("g", "transform", fmt.Sprintf("translate(0 %d)", -headHeight))
	s.b.WriteString(string(d.lanes()))
	s.close("g")
	s.b.WriteString(string(d.between(0, d.height)))
	return picture("picture", 0, -headHeight, d.width, d.height+headHeight, title, about, s.done())
}

// hatches are the patterns that the style refers to.
const hatches = `<defs>
<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern>
<pattern id="downhatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><line class="downhatch" x1="0" y1="0" x2="0" y2="9"/></pattern>
</defs>`

// roleClass is the class of a lane by its role, of those that the style knows.
func roleClass(role string) string {
	switch role {
	case "broker", "controller", "producer", "reader":
		return role
	}
	return "other"
}

// slices are the drawing, cut between rows.
func (d *spaceTime) slices() (list []template.HTML) {
	top, first := 0, 0
	for i := range d.rows {
		bottom := d.rows[i].bottom
		if i < len(d.rows)-1 && bottom-top < sliceLeast {
			continue
		}
		if i == len(d.rows)-1 {
			bottom = d.height
		}
		title := fmt.Sprintf("Rows %d to %d of %d; the table of rows says the same in words", first+1, i+1, len(d.rows))
		list = append(list, picture("spacetime", 0, top, d.width, bottom-top, title, "", d.between(top, bottom)))
		top, first = bottom, i+1
	}
	return list
}

// between is the content of a slice, the lowest layer first.
func (d *spaceTime) between(top, bottom int) template.HTML {
	var b strings.Builder
	for layer := layerBack; layer <= layerText; layer++ {
		for i := range d.shapes {
			if s := &d.shapes[i]; s.layer == layer && s.top < bottom && s.bottom > top {
				b.WriteString(string(s.content))
			}
		}
	}
	return template.HTML(b.String()) //nolint:gosec // made of shapes, which svg has escaped
}
