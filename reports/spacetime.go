package reports

import (
	"fmt"
	"html/template"
	"strings"
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
		percent := 105
		if d.t.place[i] > 0 {
			percent = 120 // it is bold, and of digits and commas that is so much wider
		}
		p.what = wrapBy(arrowed(d.t.who(r))+"  "+clean(r.What), func(line string) bool { return textWidth(line, whatSize)*percent/100 <= words })
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
