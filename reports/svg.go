package reports

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"unicode"
)

// svg is markup of a drawing. Its methods are the one place where a text becomes
// markup: whatever a run says stays text. Coordinates are pixels.
type svg struct{ b strings.Builder }

// open begins an element. Attributes are names and values in turn.
func (s *svg) open(name string, attributes ...any) {
	s.tag(name, attributes)
	s.b.WriteString(">")
}

func (s *svg) close(name string) { fmt.Fprintf(&s.b, "</%s>", name) }

// draw is an element without content.
func (s *svg) draw(name string, attributes ...any) {
	s.tag(name, attributes)
	s.b.WriteString("/>")
}

// say is an element with a text.
func (s *svg) say(name, text string, attributes ...any) {
	s.open(name, attributes...)
	s.b.WriteString(html.EscapeString(clean(text)))
	s.close(name)
}

func (s *svg) tag(name string, attributes []any) {
	fmt.Fprintf(&s.b, "<%s", name)
	for i := 0; i+1 < len(attributes); i += 2 {
		fmt.Fprintf(&s.b, ` %s="%s"`, attributes[i], html.EscapeString(clean(fmt.Sprint(attributes[i+1]))))
	}
}

// line is a straight line.
func (s *svg) line(class string, x1, y1, x2, y2 int) {
	s.draw("line", "class", class, "x1", x1, "y1", y1, "x2", x2, "y2", y2)
}

// text is a line of text with its base line at y; anchor is start, middle or end.
func (s *svg) text(class, anchor string, x, y int, text string) {
	s.say("text", text, "class", class, "x", x, "y", y, "text-anchor", anchor)
}

// arrow is a line with a head that ends short of the point it shows. It is bent
// aside by some pixels in its middle.
func (s *svg) arrow(class string, x1, y1, x2, y2, short, bend int) {
	dx, dy := float64(x2-x1), float64(y2-y1)
	length := math.Hypot(dx, dy)
	if length < float64(2*short+8) {
		return
	}
	// The curve is a parabola whose control point is twice as far aside as it is.
	cx, cy := float64(x1)+dx/2-dy/length*float64(2*bend), float64(y1)+dy/2+dx/length*float64(2*bend)
	sx, sy := toward(float64(x1), float64(y1), cx, cy, float64(short))
	tx, ty := toward(float64(x2), float64(y2), cx, cy, float64(short))
	ex, ey := toward(tx, ty, cx, cy, 7)
	bx, by := toward(tx, ty, cx, cy, 9)
	ax, ay := (tx-bx)*4/9, (ty-by)*4/9
	s.draw("path", "class", class, "d", fmt.Sprintf("M%.1f,%.1f Q%.1f,%.1f %.1f,%.1f", sx, sy, cx, cy, ex, ey))
	s.draw("polygon", "class", class+" head", "points", fmt.Sprintf("%.1f,%.1f %.1f,%.1f %.1f,%.1f", tx, ty, bx-ay, by+ax, bx+ay, by-ax))
}

// toward is the point that is so many pixels from one point toward another.
func toward(x, y, to, down, pixels float64) (float64, float64) {
	dx, dy := to-x, down-y
	length := max(math.Hypot(dx, dy), 1e-9)
	return x + dx/length*pixels, y + dy/length*pixels
}

// done is the drawing so far as a part of a page.
func (s *svg) done() template.HTML {
	return template.HTML(s.b.String()) //nolint:gosec // say and tag have escaped all text in it
}

// picture is a whole drawing of a given size, with what it shows in words.
func picture(class string, left, top, width, height int, title, about string, content template.HTML) template.HTML {
	var s svg
	s.open("svg", "xmlns", "http://www.w3.org/2000/svg", "class", class, "role", "img", "width", width, "height", height,
		"viewBox", fmt.Sprintf("%d %d %d %d", left, top, width, height))
	s.say("title", title)
	if about != "" {
		s.say("desc", about)
	}
	s.b.WriteString(string(content))
	s.close("svg")
	return s.done()
}

// textWidth is how wide a text may be in a font of a size, in pixels. Readers
// have different fonts: this is the wide one among the usual.
func textWidth(text string, size int) int {
	hundredths := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune("iljI.,:;'|!", r):
			hundredths += 33
		case strings.ContainsRune("ftr()[]{}/- ", r):
			hundredths += 40
		case strings.ContainsRune("mwMW@%→", r):
			hundredths += 96
		case r >= 0x1100:
			hundredths += 105
		case unicode.IsUpper(r):
			hundredths += 71
		default:
			hundredths += 63
		}
	}
	return (hundredths*size + 99) / 100
}

// fitting is the text, or its end after an ellipsis where it is too wide: the
// ends of record ids tell them apart.
func fitting(text string, size, width int) string {
	runes := []rune(clean(text))
	if textWidth(string(runes), size) <= width {
		return string(runes)
	}
	runes = runes[max(0, len(runes)-mostRunes(size, width)):]
	for len(runes) > 1 && textWidth("…"+string(runes), size) > width {
		runes = runes[1:]
	}
	return "…" + string(runes)
}

// beginning is the text, or its beginning before an ellipsis.
func beginning(text string, size, width int) string {
	runes := []rune(clean(text))
	if textWidth(string(runes), size) <= width {
		return string(runes)
	}
	runes = runes[:min(len(runes), mostRunes(size, width))]
	for len(runes) > 1 && textWidth(string(runes)+"…", size) > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// mostRunes bounds how many characters a width has room for.
func mostRunes(size, width int) int { return width*4/size + 1 }
