package plot

import (
	"cmp"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// frame is one picture: panels below each other with one x axis, under a legend.
type frame struct {
	width, height vg.Length
	legend        []entry
	marks         []mark
	panels        []*plot.Plot
}

// entry explains a line or an area.
type entry struct {
	label string
	line  draw.LineStyle // of width 0: an area
	fill  ink
	// hollow and full are marks of points.
	hollow, full bool
}

// mark is a vertical line through all panels with a label above them.
type mark struct {
	x     float64
	label string
	style draw.LineStyle
}

const (
	lineHeight = vg.Length(14)
	wide       = vg.Length(820)
	half       = vg.Length(400)
)

func (f *frame) draw(c draw.Canvas) {
	c = draw.Crop(c, 4, -8, 4, -4)
	c = draw.Crop(c, 0, 0, 0, -f.drawLegend(c))
	rows := placeMarks(f.marks, func(x float64) vg.Length { return f.x(c, x) }, c.Max.X)
	strip := vg.Length(len(rows)) * (lineHeight - 2)
	inner := draw.Crop(c, 0, 0, 0, -strip)
	canvases := f.tiles(inner)
	f.drawMarks(inner, canvases, rows)
	for i, p := range f.panels {
		p.Draw(canvases[i])
	}
}

// tiles are the canvases of the panels, with axes below each other.
func (f *frame) tiles(c draw.Canvas) []draw.Canvas {
	grid := make([][]*plot.Plot, len(f.panels))
	for i, p := range f.panels {
		grid[i] = []*plot.Plot{p}
	}
	var list []draw.Canvas
	for _, row := range plot.Align(grid, draw.Tiles{Rows: len(grid), Cols: 1, PadY: 8}, c) {
		list = append(list, row[0])
	}
	return list
}

// x is where the value of the common x axis is.
func (f *frame) x(c draw.Canvas, value float64) vg.Length {
	data := f.panels[0].DataCanvas(f.tiles(c)[0])
	tx, _ := f.panels[0].Transforms(&data)
	return tx(value)
}

// drawLegend draws the legend into lines at the top and says how high they are.
func (f *frame) drawLegend(c draw.Canvas) vg.Length {
	if len(f.legend) == 0 {
		return 0
	}
	style := lettering(words, textSize, text.XLeft, text.YCenter)
	const thumb, gap = vg.Length(22), vg.Length(16)
	x, y := c.Min.X+4, c.Max.Y-lineHeight/2
	for _, e := range f.legend {
		width := thumb + 4 + style.Width(e.label) + gap
		if x > c.Min.X+4 && x+width-gap > c.Max.X {
			x, y = c.Min.X+4, y-lineHeight
		}
		e.thumb(c, x, y, thumb)
		c.FillText(style, vg.Point{X: x + thumb + 4, Y: y}, e.label)
		x += width
	}
	return c.Max.Y - y + lineHeight/2 + 4
}

// thumb is the sample of an entry.
func (e *entry) thumb(c draw.Canvas, x, y, width vg.Length) {
	if e.line.Width == 0 {
		rectangle(c, e.fill, x+3, y-4.5, x+width-3, y+4.5)
		return
	}
	c.StrokeLine2(e.line, x, y, x+width, y)
	if e.full || e.hollow {
		disk := draw.GlyphStyle{Color: e.line.Color, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}
		c.DrawGlyph(disk, vg.Point{X: x + width/2, Y: y})
		if e.hollow {
			disk.Color, disk.Radius = paper, vg.Points(1.6)
			c.DrawGlyph(disk, vg.Point{X: x + width/2, Y: y})
		}
	}
}

// placed is the label of a mark in its row.
type placed struct {
	mark
	left vg.Length
}

// placeMarks puts the labels of marks into rows, the lowest first, so that none
// covers another.
func placeMarks(marks []mark, x func(float64) vg.Length, right vg.Length) (rows [][]placed) {
	sorted := slices.Clone(marks)
	slices.SortStableFunc(sorted, func(a, b mark) int { return cmp.Compare(a.x, b.x) })
	style := lettering(words, smallSize, text.XLeft, text.YBottom)
	for _, m := range sorted {
		width := style.Width(m.label)
		p := placed{m, min(x(m.x), right-width-3)}
		row := slices.IndexFunc(rows, func(row []placed) bool {
			last := row[len(row)-1]
			return last.left+style.Width(last.label)+8 <= p.left
		})
		if row < 0 {
			rows, row = append(rows, nil), len(rows)
		}
		rows[row] = append(rows[row], p)
	}
	return rows
}

// drawMarks draws the lines of marks from their labels down through all panels.
func (f *frame) drawMarks(c draw.Canvas, canvases []draw.Canvas, rows [][]placed) {
	bottom := f.panels[len(f.panels)-1].DataCanvas(canvases[len(canvases)-1]).Min.Y
	style := lettering(words, smallSize, text.XLeft, text.YCenter)
	height := func(row int) vg.Length { return c.Max.Y + vg.Length(row)*(lineHeight-2) }
	for i, row := range rows {
		for _, p := range row {
			at := f.x(c, p.x)
			c.StrokeLine2(p.style, at, bottom, at, height(i)+11)
		}
	}
	for i, row := range rows { // over the lines of others
		for _, p := range row {
			left, y := p.left+2, height(i)+6
			rectangle(c, paper, left-1, y-5.5, left+style.Width(p.label)+1, y+5.5)
			c.FillText(style, vg.Point{X: left, Y: y}, p.label)
		}
	}
}
