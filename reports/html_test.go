package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"brokersim/checker/result"
)

func htmlOf(t testing.TB, e *result.Explanation) string {
	t.Helper()
	var b, again bytes.Buffer
	if err := errors.Join(ExplanationHTML(&b, e), ExplanationHTML(&again, e)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("one explanation, two pages")
	}
	return b.String()
}

func TestExplanationHTML(t *testing.T) {
	for name, e := range explained(t) {
		html := htmlOf(t, e)
		checkPage(t, html)
		if strings.HasSuffix(name, "audit") {
			golden(t, name+".html", []byte(html))
		}
		checkSVG(t, svgFile(t, e))
	}
}

func svgFile(t *testing.T, e *result.Explanation) string {
	t.Helper()
	var b bytes.Buffer
	if err := ExplanationSVG(&b, e); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The picture alone is drawn of all rows, too.
func TestExplanationSVG(t *testing.T) {
	e := explained(t)["testdata/why/no-duplicate"] // README.md shows it
	svg := svgFile(t, e)
	if got := strings.Count(svg, " time\""); got != len(e.Story.Rows) || !strings.Contains(svg, "<title>no-duplicate, scenario lost-answers, seed 0x3</title>") {
		t.Errorf("%d times of %d rows\n%.600s", got, len(e.Story.Rows), svg)
	}
	golden(t, "testdata/why/no-duplicate.svg", []byte(svg))
	checkSVG(t, svgFile(t, hostile(200, 12)))
	checkSVG(t, svgFile(t, &result.Explanation{}))
}

// The page says in this order what a reader asks in this order.
func TestPageOrder(t *testing.T) {
	html := htmlOf(t, explained(t)["testdata/why/no-acked-loss"])
	at := 0
	for _, want := range []string{
		"<h1>Record m18 (key order-7) was acknowledged at 4.226 s", "<code>brokersim repro &#39;bs1:", `class="spacetime"`, `class="strip"`, `<ol class="chain">`, "<h2>Why</h2>",
		"<h2>Ledger</h2>", "<h3>Needed</h3>", "<h3>Not needed</h3>", "<h3>Schedule of the run that was found</h3>", "<h3>Minimal schedule</h3>", "topic.unclean.leader.election.enable",
		"--set topic.min.insync.replicas=2", `class="chance"`, "(the point of no return)", "Promise and findings", `id="rows"`, "Replicas of orders-0", "has lost m18",
	} {
		n := strings.Index(html[at:], want)
		if n < 0 {
			t.Fatalf("%q is not there, or too early", want)
		}
		at += n
	}
}

// Every row is drawn once in words, every message as an arrow, and the violation
// is marked in the picture, in the chain and in the table.
func TestSpaceTimeIsComplete(t *testing.T) {
	for name, e := range explained(t) {
		html := htmlOf(t, e)
		arrows, lost := 0, 0
		for i := range e.Story.Rows {
			if _, _, frame := ends(&e.Story.Rows[i]); !frame {
				continue
			}
			if e.Story.Rows[i].Kind == result.RowLost {
				lost++
			} else {
				arrows++
			}
		}
		d := drawSpaceTime(tell(&e.Story))
		drawn := string(d.between(0, d.height))
		for want, n := range map[string]int{
			" head\"": arrows, " cross\"": 2 * lost, `class="ring"`: 1, `class="brokenrow"`: 1,
		} {
			if got := strings.Count(drawn, want); got != n {
				t.Errorf("%s: %d of %s, want %d", name, got, want, n)
			}
		}
		if got := strings.Count(drawn, " time\""); got != len(e.Story.Rows) {
			t.Errorf("%s: %d times of %d rows", name, got, len(e.Story.Rows))
		}
		if n := strings.Count(html, "✖ The violation"); n != 2 {
			t.Errorf("%s: the violation is marked %d times", name, n)
		}
		for i := 1; i < len(d.rows); i++ {
			if d.rows[i].top < d.rows[i-1].bottom {
				t.Errorf("%s: row %d begins above the end of the one before", name, i)
			}
		}
	}
}

// The slices of a drawing are all of it, and each ends between two rows.
func TestSlicesEndBetweenRows(t *testing.T) {
	d := drawSpaceTime(tell(&hostile(200, 12).Story))
	at := 0
	box := regexp.MustCompile(`viewBox="0 (\d+) (\d+) (\d+)"`)
	for i, s := range d.slices() {
		m := box.FindStringSubmatch(string(s))
		top, _ := strconv.Atoi(m[1])
		height, _ := strconv.Atoi(m[3])
		if top != at {
			t.Errorf("slice %d begins at %d and not at %d", i, top, at)
		}
		at = top + height
		for n := range d.rows {
			if r := &d.rows[n]; r.top < at && at < r.bottom {
				t.Errorf("slice %d cuts row %d", i, n)
			}
		}
	}
	if at != d.height {
		t.Errorf("the slices end at %d of %d", at, d.height)
	}
}

// hostile is an explanation whose texts would break what they are written into,
// and whose numbers are out of every range.
func hostile(rows, lanes int) *result.Explanation {
	const evil = `</script></style></svg><script>alert(1)</script><img src=x onerror=y> "quoted' ]]> & &amp; {{.}} %0A ` + "\x00\x1b[31m\u202e\xff\n# `|`; end; note over b1: x"
	long := strings.Repeat("Ŵ", 400)
	e := &result.Explanation{
		V: 1, Finding: evil, Sentence: evil + long, Shrunk: result.Shrunk{Replays: 3, Cut: evil, Original: evil + "\r\n" + long, Minimal: "\n\n"},
		Result: result.Result{
			Scenario: evil, Seed: evil, TraceHash: "1", Promise: result.Promise{From: evil}, Audits: []string{evil},
			Findings: []result.Finding{{Property: evil, Outcome: result.Verdict(evil), More: math.MaxInt64, Violations: []result.Violation{{What: evil, Witness: []string{evil, "{}"}}}}},
			Ledger:   result.Ledger{InLog: math.MaxInt64, Readers: math.MinInt64, UnavailableUS: math.MinInt64},
		},
		Why: []string{evil, long, ""}, Needed: []string{evil}, NotNeeded: []string{long, ""},
		Nearest: []result.Variant{{Set: []string{evil}, Verdict: result.Kept, Costs: evil}, {}}, Settings: []result.Setting{{Name: evil, Value: long, Default: evil, Source: evil}},
		Likelihood: []result.Chance{{Row: -1, Forks: 1}, {Row: math.MaxInt, Forks: 1}, {Forks: 0}, {Forks: 3, Violated: 4}, {Forks: 3, Violated: -1}, {Forks: 3, Violated: 0}, {Row: rows - 1, Forks: 3, Violated: 3}},
		Repro:      evil, Original: long, Verified: math.MaxInt,
	}
	s := &e.Story
	for i := range lanes {
		s.Lanes = append(s.Lanes, result.Lane{Node: fmt.Sprintf("b%d%s", i, evil), Role: evil, Name: long})
	}
	kinds := []result.RowKind{result.RowMessage, result.RowLost, result.RowStep, result.RowDisk, result.RowFault, result.RowClient, result.RowJudge, result.RowKind(evil)}
	for i := range rows {
		r := result.Row{Event: int64(i) * math.MaxInt32, AtNS: int64(i) * 1e17, Kind: kinds[i%len(kinds)], Sent: i - 2, What: evil, Does: []string{evil, long}, Chain: i%3 == 0, Violation: i == rows/2}
		if lanes > 0 {
			r.Node, r.From = s.Lanes[i*7%lanes].Node, s.Lanes[i*5%lanes].Node
		}
		if i%11 == 0 {
			r = result.Row{Kind: r.Kind, From: "nobody", Sent: math.MaxInt, AtNS: math.MinInt64}
		}
		s.Rows = append(s.Rows, r)
	}
	for i := range 4 {
		strip := result.Strip{TP: evil, Node: long, Role: long + evil, Start: math.MinInt64, End: math.MaxInt64, HW: math.MinInt64, Synced: math.MinInt64}
		for n := range i * 10 {
			strip.Cells = append(strip.Cells, result.Cell{Offset: math.MaxInt64 - int64(n), Record: evil, Epoch: int32(-n), Ghost: long, Subject: true})
		}
		s.Strips = append(s.Strips, strip)
	}
	return e
}

func TestPagesOfHostileExplanations(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {1, 0}, {1, 1}, {20, 3}, {200, 12}, {8, 40}} {
		e := hostile(size[0], size[1])
		html := htmlOf(t, e)
		checkPage(t, html)
		if got := strings.Count(html, "<script"); got > 0 {
			t.Errorf("%v: %d scripts", size, got)
		}
		var text bytes.Buffer
		if err := ExplanationText(&text, e, Style{}); err != nil || !utf8.Valid(text.Bytes()) || strings.ContainsAny(text.String(), "\x00\x1b\u202e") {
			t.Errorf("%v: %v, a text speaks to the terminal:\n%q", size, err, text.String())
		}
	}
	checkPage(t, htmlOf(t, &result.Explanation{}))
}

var (
	svgPart = regexp.MustCompile(`(?s)<svg .*?</svg>`)
	// outside is what would ask for something that is not in the page.
	outside  = regexp.MustCompile(`(?i)<[a-z]+(?:\s+[a-z-]+="[^"]*")*\s+(?:src|href)="[^#]|url\(["']?[^#"')]|@import|<link|<script`)
	number   = regexp.MustCompile(` (?:x|y|x1|x2|y1|y2|cx|cy|width|height)="(-?[0-9]+)"`)
	textElem = regexp.MustCompile(`<text [^>]*>`)
)

// checkPage demands what holds of every page: drawings that an XML parser reads,
// with a title each, tables whose columns have scopes, nothing from elsewhere, no
// control characters.
func checkPage(t *testing.T, html string) {
	t.Helper()
	if !utf8.ValidString(html) || strings.ContainsAny(html, "\x00\x1b\u202e\ufffe") || !strings.HasSuffix(html, "</html>\n") {
		t.Error("the page holds what it must not, or has no end")
	}
	if m := outside.FindString(html); m != "" {
		t.Errorf("the page asks for something else: %q", m)
	}
	for _, part := range svgPart.FindAllString(html, -1) {
		checkSVG(t, part)
	}
	for _, head := range regexp.MustCompile(`<th[ >][^>]*`).FindAllString(html, -1) {
		if !strings.Contains(head, "scope=") {
			t.Errorf("%s has no scope", head)
		}
	}
	for _, element := range []string{"table", "tr", "td", "th", "ol", "ul", "li", "section", "svg", "div", "p", "span", "pre", "code"} {
		open, closed := len(regexp.MustCompile("<"+element+"[ >]").FindAllString(html, -1)), strings.Count(html, "</"+element+">")
		if open != closed {
			t.Errorf("%d <%s>, %d </%s>", open, element, closed, element)
		}
	}
}

// checkSVG demands what holds of every drawing.
func checkSVG(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%.2000s", err, svg)
		}
	}
	if strings.Contains(svg, `role="img"`) != strings.Contains(svg, "<title>") {
		t.Errorf("a picture without a title: %.200s", svg)
	}
	for _, m := range number.FindAllStringSubmatch(svg, -1) {
		if n, err := strconv.Atoi(m[1]); err != nil || n < -200_000 || n > 200_000 {
			t.Errorf("coordinate %s", m[1])
		}
	}
	if len(textElem.FindAllString(svg, -1)) > 0 && !strings.Contains(svg, "viewBox") {
		t.Errorf("a drawing without a viewBox: %.200s", svg)
	}
}

// Text is readable on what it stands on, light and dark: WCAG 2.1 AA asks 4.5 of
// text and 3 of what a drawing needs.
func TestContrast(t *testing.T) {
	css := pageStyle
	dark := strings.Index(css, "prefers-color-scheme: dark")
	light := colorsOf(t, css[:dark])
	both := []map[string][3]float64{light, colorsOf(t, css[dark:strings.Index(css, "* {")])}
	for i, colors := range both {
		if len(colors) != len(light) || len(colors) < 20 {
			t.Fatalf("%d colors, and %d", len(light), len(colors))
		}
		for on, list := range map[string]string{
			"page": "text muted accent red amber green", "raised": "text muted accent", "red-soft": "text muted accent red", "down": "text",
			"producer": "text", "broker": "text", "controller": "text", "reader": "text", "other": "text", "epoch0": "text", "epoch1": "text",
			"red": "on-color", "accent": "on-color", "amber-fill": "bolt",
		} {
			for text := range strings.FieldsSeq(list) {
				if r := contrast(colors[text], colors[on]); r < 4.5 {
					t.Errorf("palette %d: %s on %s: %.2f", i, text, on, r)
				}
			}
		}
		for drawn := range strings.FieldsSeq("lane quiet accent red amber hatch") {
			if r := contrast(colors[drawn], colors["page"]); r < 3 {
				t.Errorf("palette %d: %s drawn on the page: %.2f", i, drawn, r)
			}
		}
	}
}

func colorsOf(t *testing.T, css string) map[string][3]float64 {
	colors := make(map[string][3]float64)
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(css, -1) {
		n, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		colors[m[1]] = [3]float64{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
	}
	return colors
}

func contrast(a, b [3]float64) float64 {
	light := func(c [3]float64) float64 {
		l := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v := c[i] / 255
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			l += weight * v
		}
		return l
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
