package plot

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ink is a colour with the name of the variable that a page gives it by. No two
// have the same value: Inline tells them apart by it.
type ink struct {
	R, G, B uint8
	name    string
}

func hex(name string, rgb uint32) ink {
	return ink{uint8(rgb >> 16), uint8(rgb >> 8), uint8(rgb), name}
}

func (i ink) RGBA() (r, g, b, a uint32) { return color.RGBA{i.R, i.G, i.B, 255}.RGBA() }

// web is the colour as SVG writes it.
func (i ink) web() string { return fmt.Sprintf("#%02X%02X%02X", i.R, i.G, i.B) }

// soft is the colour for areas under lines.
func (i ink) soft() color.Color {
	return color.NRGBA{R: i.R, G: i.G, B: i.B, A: 56}
}

var (
	paper = hex("page", 0xFFFFFF)
	words = hex("text", 0x1C2128)
	faint = hex("muted", 0x57606A)
	grid  = hex("line", 0xD0D7DE)

	blue       = hex("plot-blue", 0x0072B2)
	vermillion = hex("plot-vermillion", 0xD55E00)
	green      = hex("plot-green", 0x009E73)
	purple     = hex("plot-purple", 0xCC79A7)
	orange     = hex("plot-orange", 0xE69F00)
	sky        = hex("plot-sky", 0x56B4E9)
	yellow     = hex("plot-yellow", 0xF0E442)
	gray       = hex("plot-gray", 0x8B949E)
)

// inks are all colours that a page may replace.
func inks() []ink {
	return []ink{paper, words, faint, grid, blue, vermillion, green, purple, orange, sky, yellow, gray}
}

// series are the colours of things side by side, in order.
func series(i int) ink {
	all := []ink{blue, orange, green, sky, vermillion, purple, yellow, gray}
	return all[i%len(all)]
}

const (
	textSize  = vg.Length(10)
	smallSize = vg.Length(9)
)

func dashes() []vg.Length { return []vg.Length{vg.Points(5), vg.Points(3)} }
func dots() []vg.Length   { return []vg.Length{vg.Points(1.5), vg.Points(2.5)} }

func stroke(c color.Color, width vg.Length, dash ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width, Dashes: dash}
}

// lettering is a style of text, anchored where it is asked to be.
func lettering(c color.Color, size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color: c, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler,
	}
}

// newPanel is an empty plot in our style; a text may be "".
func newPanel(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Width = faint, vg.Points(.8)
		a.Tick.Color, a.Tick.Width, a.Tick.Length = faint, vg.Points(.8), vg.Points(4)
		a.Padding = 0
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Label.TextStyle = lettering(words, textSize, text.XCenter, text.YBottom)
	p.Y.Label.TextStyle = lettering(words, textSize, text.XCenter, text.YBottom)
	p.X.Tick.Label = lettering(faint, smallSize, text.XCenter, text.YTop)
	p.Y.Tick.Label = lettering(faint, smallSize, text.XRight, text.YCenter)
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(3), vg.Points(4)
	return p
}

// drawing is a part of a plot that is drawn by a function.
type drawing func(c draw.Canvas, p *plot.Plot)

func (d drawing) Plot(c draw.Canvas, p *plot.Plot) { d(c, p) }

// gridLines draws lines at the labelled ticks of an axis.
func gridLines(horizontal, vertical bool) drawing {
	return func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		style := stroke(grid, vg.Points(.6))
		if horizontal {
			for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
				if at := y(t.Value); !t.IsMinor() && at >= c.Min.Y && at <= c.Max.Y {
					c.StrokeLine2(style, c.Min.X, at, c.Max.X, at)
				}
			}
		}
		if vertical {
			for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
				if at := x(t.Value); !t.IsMinor() && at >= c.Min.X && at <= c.Max.X {
					c.StrokeLine2(style, at, c.Min.Y, at, c.Max.Y)
				}
			}
		}
	}
}

// rectangle fills a rectangle of canvas coordinates, with a thin edge.
func rectangle(c draw.Canvas, fill color.Color, left, bottom, right, top vg.Length) {
	corners := []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}}
	c.FillPolygon(fill, corners)
	c.StrokeLines(stroke(paper, vg.Points(.6)), append(corners, corners[0]))
}

// polyline draws a line through points of the data, and marks each: full where it
// holds, hollow where it does not.
type polyline struct {
	x, y  []float64
	full  []bool // nil: no marks
	style draw.LineStyle
}

func (l *polyline) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	points := make([]vg.Point, len(l.x))
	for i := range l.x {
		points[i] = vg.Point{X: tx(l.x[i]), Y: ty(l.y[i])}
	}
	c.StrokeLines(l.style, c.ClipLinesXY(points)...)
	for i := range l.full {
		if !c.Contains(points[i]) {
			continue
		}
		disk := draw.GlyphStyle{Color: l.style.Color, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}
		c.DrawGlyph(disk, points[i])
		if !l.full[i] {
			disk.Color, disk.Radius = paper, vg.Points(1.6)
			c.DrawGlyph(disk, points[i])
		}
	}
}

func (l *polyline) DataRange() (xmin, xmax, ymin, ymax float64) { return rangeOf(l.x, l.y, l.y) }

// band are intervals: a whisker at each point that has one, and an area between
// those that are neighbours. A point with low = high has none.
type band struct {
	x, low, high []float64
	ink          ink
}

func (b *band) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for i := range b.x {
		if b.low[i] == b.high[i] {
			continue
		}
		x, low, high := tx(b.x[i]), ty(b.low[i]), ty(b.high[i])
		for _, y := range []vg.Length{low, high} {
			c.StrokeLines(stroke(b.ink, 1), c.ClipLinesXY([]vg.Point{{X: x - 2.5, Y: y}, {X: x + 2.5, Y: y}})...)
		}
		c.StrokeLines(stroke(b.ink, 1), c.ClipLinesXY([]vg.Point{{X: x, Y: low}, {X: x, Y: high}})...)
		if i+1 < len(b.x) && b.low[i+1] < b.high[i+1] {
			next := tx(b.x[i+1])
			c.FillPolygon(b.ink.soft(), c.ClipPolygonXY([]vg.Point{{X: x, Y: low}, {X: next, Y: ty(b.low[i+1])}, {X: next, Y: ty(b.high[i+1])}, {X: x, Y: high}}))
		}
	}
}

func (b *band) DataRange() (xmin, xmax, ymin, ymax float64) { return rangeOf(b.x, b.low, b.high) }

func rangeOf(x, low, high []float64) (xmin, xmax, ymin, ymax float64) {
	xmin, ymin = inf, inf
	xmax, ymax = -inf, -inf
	for i := range x {
		xmin, xmax = min(xmin, x[i]), max(xmax, x[i])
		ymin, ymax = min(ymin, low[i]), max(ymax, high[i])
	}
	return xmin, xmax, ymin, ymax
}

// onto is black or white, whichever is read better on a colour. They are not those
// of the page: the ground does not change with it.
func onto(ground ink) ink {
	if 299*int(ground.R)+587*int(ground.G)+114*int(ground.B) > 127_000 {
		return hex("", 0x0B0C0E)
	}
	return hex("", 0xFDFDFD)
}
