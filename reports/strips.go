package reports

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// stripsOf draws the logs of one partition, a drawing for each replica: a box
// for each offset with its record, the leader epochs above, the offsets below,
// and lines for high watermark and log end.
type stripsOf struct {
	TP       string
	Pictures []template.HTML
	Strips   []*result.Strip
}

// stripTable is the logs of a partition in words: a row for each offset, a column
// for each replica.
type stripTable struct {
	Nodes   []string
	Offsets []stripOffset
}

type stripOffset struct {
	Offset  int64
	Subject bool
	Cells   []string
}

// Table says what the pictures show; nil if they show no offset.
func (p *stripsOf) Table() *stripTable {
	t := &stripTable{}
	byOffset := make(map[int64]*stripOffset)
	for n, s := range p.Strips {
		t.Nodes = append(t.Nodes, clean(s.Node))
		for i := range s.Cells {
			c := &s.Cells[i]
			o := byOffset[c.Offset]
			if o == nil {
				o = &stripOffset{Offset: c.Offset, Cells: make([]string, len(p.Strips))}
				byOffset[c.Offset] = o
			}
			o.Subject = o.Subject || c.Subject
			o.Cells[n] = cellWords(s, c)
		}
	}
	for _, offset := range slices.Sorted(maps.Keys(byOffset)) {
		t.Offsets = append(t.Offsets, *byOffset[offset])
	}
	if len(t.Offsets) == 0 {
		return nil
	}
	return t
}

// cellWords says what a log has at an offset.
func cellWords(s *result.Strip, c *result.Cell) string {
	var words []string
	if c.Record != "" {
		words = append(words, fmt.Sprintf("%s, epoch %d", clean(c.Record), c.Epoch))
		if c.Offset >= s.Synced {
			words = append(words, "not synced")
		}
	}
	if c.Ghost != "" {
		words = append(words, "has lost "+clean(c.Ghost))
	}
	return strings.Join(words, ", ")
}

const (
	stripLeft   = 212 // the boxes begin here
	stripTop    = 44
	boxHeight   = 38
	stripHeight = 122
	boxSize     = 12 // of the font; bold is wider by 1
)

// drawStrips draws the logs, partition by partition in the order of the story.
func drawStrips(strips []result.Strip) (list []*stripsOf) {
	byTP := make(map[string]*stripsOf)
	for i := range strips {
		s := &strips[i]
		p := byTP[s.TP]
		if p == nil {
			p = &stripsOf{TP: s.TP}
			byTP[s.TP] = p
			list = append(list, p)
		}
		p.Strips = append(p.Strips, s)
	}
	for _, p := range list {
		d := stripDrawing{box: p.boxWidth()}
		for _, s := range p.Strips {
			d.width = max(d.width, 1120, stripLeft+len(s.Cells)*d.box+30)
		}
		for _, s := range p.Strips {
			p.Pictures = append(p.Pictures, d.draw(s))
		}
	}
	return list
}

// boxWidth is one for all replicas of the partition: equal offsets stand below
// each other.
func (p *stripsOf) boxWidth() int {
	need, most := 66, 1
	for _, s := range p.Strips {
		most = max(most, len(s.Cells))
		for _, c := range s.Cells {
			need = max(need, textWidth(clean(c.Record), boxSize+1)+16, textWidth(clean(c.Ghost), boxSize+1)+16)
		}
	}
	return min(need, max(46, min(132, (1120-stripLeft-30)/most)))
}

type stripDrawing struct{ box, width int }

func (d stripDrawing) x(i int) int { return stripLeft + i*d.box }

func (d stripDrawing) draw(r *result.Strip) template.HTML {
	var s svg
	d.label(&s, r)
	d.epochs(&s, r)
	for i := range r.Cells {
		d.cell(&s, r, i)
	}
	d.unsynced(&s, r)
	d.ends(&s, r)
	return picture("strip", 0, 0, d.width, stripHeight, "Log of "+r.TP+" on "+r.Node+": "+stripState(r), stripWords(r), s.done())
}

// stripState says where a replica stands.
func stripState(r *result.Strip) string {
	state := "out of the ISR"
	if r.InISR {
		state = "in the ISR"
	}
	if r.Role != "" {
		state = r.Role + ", " + state
	}
	return clean(state)
}

// stripWords says the numbers of a replica, and what it has lost.
func stripWords(r *result.Strip) string {
	var lost []string
	for _, c := range r.Cells {
		if c.Ghost != "" {
			lost = append(lost, fmt.Sprintf("%s at %d", clean(c.Ghost), c.Offset))
		}
	}
	s := fmt.Sprintf("log start %d, log end %d, high watermark %d, durable below %d", r.Start, r.End, r.HW, r.Synced)
	if len(lost) > 0 {
		s += "; lost " + strings.Join(lost, ", ")
	}
	return s
}

// label says whose log it is.
func (d stripDrawing) label(s *svg, r *result.Strip) {
	s.text("stripnode", "start", 4, stripTop+14, beginning(r.Node, 16, 90))
	pill, class := "out of ISR", "pill out"
	switch {
	case r.Down:
		pill, class = "down", "pill dead"
	case r.InISR:
		pill, class = "in ISR", "pill in"
	}
	width := textWidth(pill, 11) + 14
	left := 12 + textWidth(beginning(r.Node, 16, 90), 16)*11/10
	s.draw("rect", "class", class, "x", left, "y", stripTop-1, "width", width, "height", 19, "rx", 9)
	s.text("in"+class, "middle", left+width/2, stripTop+13, pill)
	for n, line := range wrapBy(clean(r.Role), func(line string) bool { return textWidth(line, 12) <= stripLeft-14 }) {
		if n < 3 {
			s.text("striprole", "start", 4, stripTop+34+15*n, line)
		}
	}
}

// epochs draws a bracket over each run of records of one leader epoch.
func (d stripDrawing) epochs(s *svg, r *result.Strip) {
	for i := 0; i < len(r.Cells); {
		n := i + 1
		for n < len(r.Cells) && r.Cells[n].Record != "" && r.Cells[n].Epoch == r.Cells[i].Epoch {
			n++
		}
		if r.Cells[i].Record != "" {
			left, right := d.x(i)+3, d.x(n)-3
			s.draw("path", "class", "bracket", "d", fmt.Sprintf("M%d 18 v-4 h%d v4", left, right-left))
			name := fmt.Sprintf("epoch %d", r.Cells[i].Epoch)
			if textWidth(name, 11) > right-left {
				name = fmt.Sprintf("e%d", r.Cells[i].Epoch)
			}
			s.text("epoch", "middle", (left+right)/2, 10, name)
		}
		i = n
	}
}

// cell draws one offset.
func (d stripDrawing) cell(s *svg, r *result.Strip, i int) {
	c := &r.Cells[i]
	x, middle := d.x(i), d.x(i)+d.box/2
	class := "cell empty"
	switch {
	case c.Record != "":
		class = fmt.Sprintf("cell epoch%d", uint32(c.Epoch)%2)
	case c.Ghost != "":
		class = "cell ghost"
	}
	s.draw("rect", "class", class, "x", x+2, "y", stripTop, "width", d.box-4, "height", boxHeight, "rx", 4)
	if c.Record != "" && c.Offset >= r.Synced {
		s.draw("rect", "class", "hatched", "x", x+2, "y", stripTop, "width", d.box-4, "height", boxHeight, "rx", 4)
	}
	if c.Subject {
		s.draw("rect", "class", "subject", "x", x+1, "y", stripTop-1, "width", d.box-2, "height", boxHeight+2, "rx", 5)
	}
	record, ghost := fitting(c.Record, boxSize+1, d.box-14), fitting(c.Ghost, boxSize+1, d.box-14)
	switch {
	case record != "" && ghost != "":
		s.text("record", "middle", middle, stripTop+16, record)
		s.text("lost", "middle", middle, stripTop+31, ghost)
	case record != "":
		s.text("record", "middle", middle, stripTop+24, record)
	case ghost != "":
		s.text("lost", "middle", middle, stripTop+17, ghost)
		s.text("lostword", "middle", middle, stripTop+31, "lost")
	}
	offset := "offset"
	if c.Subject {
		offset = "offset chosen"
	}
	s.text(offset, "middle", middle, stripTop+boxHeight+15, fmt.Sprint(c.Offset))
}

// unsynced says which records are not durable.
func (d stripDrawing) unsynced(s *svg, r *result.Strip) {
	first, last := -1, -1
	for i, c := range r.Cells {
		if c.Record != "" && c.Offset >= r.Synced {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return
	}
	left, right, y := d.x(first)+3, d.x(last+1)-3, stripTop+boxHeight+20
	s.draw("path", "class", "bracket", "d", fmt.Sprintf("M%d %d v4 h%d v-4", left, y, right-left))
	s.text("note", "middle", (left+right)/2, y+15, "not synced")
}

// ends draws where the high watermark and the log end are, and says where they are
// when that is beyond the boxes.
func (d stripDrawing) ends(s *svg, r *result.Strip) {
	if len(r.Cells) == 0 {
		return
	}
	hw := d.boundary(r, "high watermark", r.HW)
	end := d.boundary(r, "log end", r.End)
	if end.beyond == 0 {
		s.line("logend", end.x, stripTop-12, end.x, stripTop+boxHeight+4)
	}
	if hw.beyond == 0 {
		s.line("watermark", hw.x, stripTop-12, hw.x, stripTop+boxHeight+4)
	}
	if r.HW == r.End {
		end.name = "high watermark = log end ="
		d.note(s, d.anchor(end.x), end.x, end.text())
		return
	}
	if hw.x > end.x || hw.x == end.x && r.HW > r.End {
		hw, end = end, hw
	}
	const gap = 8
	right, anchor, left := end.x+gap/2, "start", end.x+gap/2
	if room := d.width - 4; right+textWidth(end.text(), noteSize) > room {
		right, anchor, left = room, "end", room-textWidth(end.text(), noteSize)
	}
	switch width := textWidth(hw.text(), noteSize); {
	case hw.x-width >= stripLeft && hw.x <= left:
		d.note(s, "end", hw.x-gap/2, hw.text())
		d.note(s, anchor, right, end.text())
	case hw.x+width+gap < left:
		d.note(s, "start", hw.x, hw.text())
		d.note(s, anchor, right, end.text())
	default:
		both := hw.text() + ", " + end.text()
		if right = d.width - 4; hw.x+textWidth(both, noteSize) <= right {
			d.note(s, "start", hw.x, both)
		} else {
			d.note(s, "end", right, both)
		}
	}
}

const noteSize = 11

func (d stripDrawing) note(s *svg, anchor string, x int, text string) {
	s.text("note", anchor, x, stripTop-15, text)
}

// boundary is a place in a log between two offsets.
type boundary struct {
	name   string
	offset int64
	x      int // or the end of the boxes that is nearest
	beyond int // before the boxes: -1, after: 1
}

func (b *boundary) text() string {
	text := fmt.Sprintf("%s %d", b.name, b.offset)
	switch {
	case b.beyond < 0:
		return "← " + text
	case b.beyond > 0:
		return text + " →"
	}
	return text
}

// boundary is where an offset begins.
func (d stripDrawing) boundary(r *result.Strip, name string, offset int64) boundary {
	b := boundary{name: name, offset: offset}
	first, n := r.Cells[0].Offset, len(r.Cells)
	switch {
	case offset < first:
		b.x, b.beyond = d.x(0), -1
	case uint64(offset-first) > uint64(n): //nolint:gosec // it is not before, and may be far
		b.x, b.beyond = d.x(n), 1
	default:
		b.x = d.x(int(offset - first))
	}
	return b
}

// anchor keeps a text at x within the drawing.
func (d stripDrawing) anchor(x int) string {
	switch {
	case x < stripLeft+120:
		return "start"
	case x > d.width-120:
		return "end"
	}
	return "middle"
}
