package plot

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"strings"
	"unicode"

	"brokersim/checker/result"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Plot is one picture with what it shows in words and the numbers behind it.
type Plot struct {
	Name  string // of its files, without an end
	Title string
	About string     // how it is read
	Wide  bool       // it wants the whole width of a page
	Rows  [][]string // the numbers, a row of titles first
	frame *frame
}

// All are the plots that a study has the numbers for, in the order in which a
// planner asks.
func All(c *result.Capacity) (plots []Plot) {
	for _, make := range []func(*result.Capacity) []Plot{
		latencies, achieved, utilisation, budget, percentiles, timelines, heatMaps, sweeps, retention, sensitivity,
	} {
		plots = append(plots, make(c)...)
	}
	return plots
}

// WriteSVG writes the plot on white. The font is named and not embedded; those that
// stand in for it are as wide.
func (p *Plot) WriteSVG(w io.Writer) error {
	_, err := io.WriteString(w, p.svg(`xmlns="http://www.w3.org/2000/svg"`, paper))
	return err
}

// Inline is the plot as a part of a page: without ground, its colours are the
// page's variables, such as --text and --plot-blue, or else those of WriteSVG.
func (p *Plot) Inline() string {
	svg := p.svg(`class="plot"`, ink{})
	var pairs []string
	for _, i := range inks() {
		pairs = append(pairs, i.web(), "var(--"+i.name+","+strings.ToLower(i.web())+")")
	}
	return strings.NewReplacer(pairs...).Replace(svg)
}

// svg is the plot as an element with more attributes, on a ground of a colour; the
// zero ink is none.
func (p *Plot) svg(attributes string, ground ink) string {
	c := vgsvg.New(p.frame.width, p.frame.height)
	p.draw(c, ground)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	_, body, ok := strings.Cut(b.String(), "xlink\">\n")
	if !ok {
		panic("plot: an SVG without its first element")
	}
	body = strings.ReplaceAll(body, "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;")
	return clean(fmt.Sprintf(`<svg %s role="img" width="%g" height="%g" viewBox="0 0 %g %g"><title>%s</title><desc>%s</desc>`+"\n",
		attributes, pixels(p.frame.width), pixels(p.frame.height), float64(p.frame.width), float64(p.frame.height), html.EscapeString(p.Title), html.EscapeString(p.About)) + body)
}

func pixels(l vg.Length) float64 { return float64(l) * 96 / 72 }

// WritePNG writes the plot on white, at twice the usual resolution.
func (p *Plot) WritePNG(w io.Writer) error {
	c := vgimg.NewWith(vgimg.UseWH(p.frame.width, p.frame.height), vgimg.UseDPI(144))
	p.draw(c, paper)
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

func (p *Plot) draw(on vg.CanvasSizer, ground ink) {
	c := draw.New(on)
	if ground.name != "" {
		c.SetColor(ground)
		c.Fill(c.Rectangle.Path())
	}
	p.frame.draw(c)
}

// WriteCSV writes the numbers behind the plot.
func (p *Plot) WriteCSV(w io.Writer) error { return csv.NewWriter(w).WriteAll(p.Rows) }

// row is a row of CSV.
func row(cells ...any) (texts []string) {
	for _, c := range cells {
		texts = append(texts, fmt.Sprint(c))
	}
	return texts
}

// clean drops what is no text: a result may come from a file.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}
