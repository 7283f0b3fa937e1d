package reports

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"io"
	"regexp"
	"strings"

	"brokersim/checker/result"
)

// LessonHead writes the question of a lesson, before anybody has seen a run.
func LessonHead(w io.Writer, l *result.Lesson, s Style) error {
	t := &text{style: s}
	t.f("%s\n", t.paint(bold, fmt.Sprintf("Lesson %d   %s", l.Number, clean(l.Title))))
	t.f("\n")
	t.paragraph(l.Question)
	for i, c := range l.Choices {
		t.f("    %d  %s\n", i+1, clean(c))
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

// LessonPart writes one step of a lesson.
func LessonPart(w io.Writer, p *result.LessonPart, s Style) error {
	t := &text{style: s}
	if p.Title != "" {
		t.head(clean(p.Title), "")
	}
	for i, x := range p.Text {
		if i > 0 || p.Title == "" {
			t.f("\n")
		}
		t.paragraph(x)
	}
	if p.Story != nil {
		t.watched(p.Story)
	}
	t.distributions(p.Measured)
	t.prices(p.Prices)
	for _, c := range p.Commands {
		t.f("  %s\n", clean(c))
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

// lessonWidth is how many columns the prose of a lesson takes, and narrowest how many if the
// terminal has few.
const (
	lessonWidth = 96
	narrowest   = 40
)

// within is a width that the terminal has, too.
func (s Style) within(width int) int {
	if s.Columns > 0 {
		width = max(min(width, s.Columns), narrowest)
	}
	return width
}

func (t *text) paragraph(s string) {
	for _, line := range wrap(clean(s), t.style.within(lessonWidth)-2) {
		t.f("  %s\n", line)
	}
}

// watched shows a run: its sentence, its chain, and why.
func (t *text) watched(e *result.Explanation) {
	x := &explanation{text: text{r: &e.Result, d: &Details{}, style: t.style}, e: e, story: tell(&e.Story)}
	x.f("\n")
	for _, line := range wrap(clean(e.Sentence), x.width()-2) {
		x.f("  %s\n", line)
	}
	x.chain()
	x.f("\n")
	x.part("Why", e.Why...)
	x.repeat()
	t.f("%s", x.b.String())
}

// distributions is a table of numbers over many runs or, where the terminal has no room for
// one, a paragraph for each.
func (t *text) distributions(list []result.Distribution) {
	if len(list) == 0 {
		return
	}
	rows := []string{"runs\tnumber\tof runs\tabove 0\t5 %\tmedian\t95 %\tmost"}
	of := ""
	for i := range list {
		d := &list[i]
		name := clean(d.Of)
		if name == of {
			name = ""
		}
		of = clean(d.Of)
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s", name, clean(d.Name), d.Runs, d.Share, d.P5, d.P50, d.P95, d.Max))
	}
	t.f("\n")
	wide := &text{}
	wide.table(rows...)
	if width := t.style.within(pageWidth); widest(wide.b.String()) > width {
		for i := range list {
			t.spelledOut(&list[i], width)
		}
		return
	}
	t.table(rows...)
}

// widest is how many columns the longest line has.
func widest(lines string) (n int) {
	for line := range strings.Lines(lines) {
		n = max(n, len([]rune(strings.TrimSuffix(line, "\n"))))
	}
	return n
}

// spelledOut is a row of the table of distributions in words.
func (t *text) spelledOut(d *result.Distribution, width int) {
	words := fmt.Sprintf("%s, %s: above 0 in %s of %s; 5 %% %s, median %s, 95 %% %s, most %s", clean(d.Of), clean(d.Name), d.Share, plural(d.Runs, "run", "runs"), d.P5, d.P50, d.P95, d.Max)
	for i, line := range wrap(words, width-4) {
		indent := "    "
		if i == 0 {
			indent = "  "
		}
		t.f("%s%s\n", indent, line)
	}
}

func (t *text) prices(list []result.Price) {
	if len(list) == 0 {
		return
	}
	rows := []string{"at the median\tbefore\tafter\tdifference"}
	for _, p := range list {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", clean(p.Name), p.Before, p.After, p.Difference))
	}
	t.f("\n")
	t.table(rows...)
}

// lessonView is what the page of a lesson shows.
type lessonView struct {
	L       *result.Lesson
	Style   template.CSS
	Hatches template.HTML
	Parts   []lessonPartView
	Told    *pageView // the run that is watched, for its tables
}

type lessonPartView struct {
	*result.LessonPart
	Run *pageView
}

// LessonHTML writes a lesson as one page that needs nothing else, as [ExplanationHTML]
// writes an explanation.
func LessonHTML(w io.Writer, l *result.Lesson) error {
	v := &lessonView{L: l, Style: template.CSS(pageStyle), Hatches: hatches} //nolint:gosec // our own file
	for i := range l.Parts {
		p := lessonPartView{LessonPart: &l.Parts[i]}
		if p.Story != nil {
			p.Run = newPageView(p.Story)
			v.Told = p.Run
		}
		v.Parts = append(v.Parts, p)
	}
	var b bytes.Buffer
	if err := lessonPage.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

var (
	inlineCode  = regexp.MustCompile("`([^`]+)`")
	inlineWords = regexp.MustCompile(`\*([^*]+)\*`)
)

// inline is a paragraph of Markdown as HTML: code and emphasis, and nothing else.
func inline(s string) template.HTML {
	var b strings.Builder
	rest := clean(s)
	for {
		at := inlineCode.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		b.WriteString(emphasis(rest[:at[0]]) + "<code>" + html.EscapeString(rest[at[2]:at[3]]) + "</code>")
		rest = rest[at[1]:]
	}
	return template.HTML(b.String() + emphasis(rest)) //nolint:gosec // all of it was escaped
}

func emphasis(s string) string {
	return inlineWords.ReplaceAllString(html.EscapeString(s), "<em>$1</em>")
}
