package reports

import (
	"fmt"
	"io"
	"strings"

	"brokersim/checker/result"
)

// CapacityJSON writes a study as one line of JSON. The same study gives the same
// bytes; lists that may be empty are [] and never null.
func CapacityJSON(w io.Writer, c *result.Capacity) error {
	full := *c
	full.Healthy = withPoints(c.Healthy)
	if c.OneLost != nil {
		lost := withPoints(*c.OneLost)
		full.OneLost = &lost
	}
	full.Budget = append([]result.Budget{}, c.Budget...)
	full.Sensitivity = append([]result.Sensitivity{}, c.Sensitivity...)
	full.Shapes = append([]result.Shape{}, c.Shapes...)
	full.Rules = append([]result.Rule{}, c.Rules...)
	full.Validation = append([]result.Validated{}, c.Validation...)
	full.Fit = append([]result.Fitted{}, c.Fit...)
	for i := range full.Fit {
		full.Fit[i].Rows = list(full.Fit[i].Rows)
	}
	full.Assumptions = append([]result.Assumption{}, c.Assumptions...)
	full.Findings = append([]result.Finding{}, c.Findings...)
	for i := range full.Findings {
		full.Findings[i].Violations = append([]result.Violation{}, full.Findings[i].Violations...)
	}
	full.Seeds = list(c.Seeds)
	return encode(w, &full)
}

func withPoints(c result.Curve) result.Curve {
	c.Points = append([]result.Point{}, c.Points...)
	for i := range c.Points {
		c.Points[i].Utilisation = append([]result.Utilisation{}, c.Points[i].Utilisation...)
	}
	return c
}

// CapacityText writes for people what a study came to: the answer, how it stands to
// what no cluster can exceed, the rules and the published figures, and last the
// line that repeats it. Rows that the page alone has are counted.
func CapacityText(w io.Writer, c *result.Capacity, s Style) error {
	t := &text{style: s}
	t.f("%s   study %s   %s\n", t.paint(outcomeColor(capacityOutcome(c)), capacityWord(c)), clean(c.Study), clean(c.Shape.Name))
	for _, line := range wrap(capacitySentence(c), pageWidth-2) {
		t.f("  %s\n", line)
	}
	facts := table{}
	for _, f := range capacityFacts(c) {
		facts.Rows = append(facts.Rows, []entryOf{{Text: f.Name}, {Text: f.Value}, {Text: f.About}})
	}
	t.f("\n")
	t.grid(&facts)
	for _, s := range capacitySections(c) {
		t.section(&s)
	}
	t.f("\n%s  %s\n%s  %d\n%s  %s\n", t.paint(bold, "Run   "), capacityRuns(c), t.paint(bold, "Exit  "), c.Exit, t.paint(bold, "Repeat"), clean(c.Repeat))
	_, err := w.Write(t.b.Bytes())
	return err
}

// section writes a part of the report as text.
func (t *text) section(s *section) {
	inner := &text{style: t.style}
	for _, p := range s.Words {
		for _, line := range wrap(clean(p), pageWidth-2) {
			inner.f("  %s\n", line)
		}
	}
	for i := range s.Tables {
		x := &s.Tables[i]
		switch {
		case len(x.Rows) == 0:
			continue
		case x.PageOnly != "":
			inner.f("  %s\n\n", clean(x.PageOnly))
			continue
		case x.Title != "":
			inner.f("  %s\n", clean(x.Title))
		}
		inner.grid(x)
		if i < len(s.Tables)-1 && len(s.Tables[i+1].Rows) > 0 {
			inner.f("\n")
		}
	}
	if inner.b.Len() == 0 {
		return
	}
	t.head(s.Title, clean(s.Short))
	t.b.Write(inner.b.Bytes())
}

// grid writes a table in columns. Where it is too wide, the widest columns of words
// are wrapped.
func (t *text) grid(x *table) {
	rows := x.Rows
	if len(x.Head) > 0 {
		head := make([]entryOf, len(x.Head))
		for i, h := range x.Head {
			head[i].Text = h.Name
		}
		rows = append([][]entryOf{head}, rows...)
	}
	widths := gridWidths(x, rows)
	for _, row := range rows {
		columns, height := make([][]string, len(row)), 1
		for i, e := range row {
			columns[i] = wrap(clean(e.Text), max(widths[i], 1))
			height = max(height, len(columns[i]))
		}
		for line := range height {
			t.gridLine(x, row, columns, widths, line)
		}
	}
}

// gridLine writes one line of a row whose cells are wrapped.
func (t *text) gridLine(x *table, row []entryOf, columns [][]string, widths []int, line int) {
	written, spaces := "", 2
	for i := range row {
		s := ""
		if line < len(columns[i]) {
			s = columns[i][line]
		}
		pad := widths[i] - len([]rune(s))
		before := i < len(x.Head) && x.Head[i].Number
		if before {
			spaces += pad
		}
		if s != "" {
			written += strings.Repeat(" ", spaces)
			spaces = 0
			if code := classColor(row[i].Class); code != "" {
				s = t.paint(code, s)
			}
			written += s
		}
		if !before {
			spaces += pad
		}
		spaces += 2
	}
	t.f("%s\n", written)
}

// gridWidths are the widths of the columns: as wide as their cells, but that those of
// words give way to the page.
func gridWidths(x *table, rows [][]entryOf) (widths []int) {
	const least = 16
	taken := 0
	for _, row := range rows {
		for i, e := range row {
			if i == len(widths) {
				widths = append(widths, 0)
				taken += 2
			}
			w := len([]rune(clean(e.Text)))
			taken += max(w-widths[i], 0)
			widths[i] = max(widths[i], w)
		}
	}
	for taken > pageWidth {
		widest := -1
		for i, w := range widths {
			if (i >= len(x.Head) || !x.Head[i].Number) && w > least && (widest < 0 || w >= widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		taken--
	}
	return widths
}

// classColor is the colour of a class of cells on a terminal.
func classColor(class string) string {
	switch class {
	case "kept":
		return green
	case "broken":
		return red
	case "doubtful":
		return yellow
	}
	return ""
}

func outcomeColor(class string) string {
	if code := classColor(class); code != "" {
		return code
	}
	return bold
}

// capacityOutcome is the class of the whole study.
func capacityOutcome(c *result.Capacity) string {
	switch {
	case result.Overall(c.Findings) == result.Broken:
		return "broken"
	case c.Answer.Refused != "" || c.Exit != 0:
		return "doubtful"
	}
	return "kept"
}

// capacityWord begins the report.
func capacityWord(c *result.Capacity) string {
	switch {
	case result.Overall(c.Findings) == result.Broken:
		return "BROKEN"
	case c.Answer.Refused != "":
		return "NO RATE"
	}
	return "CAPACITY"
}

// capacitySentence is the answer in words.
func capacitySentence(c *result.Capacity) string {
	if c.Answer.Refused != "" {
		return clean(c.Answer.Refused)
	}
	if c.Answer.Text != "" {
		return clean(c.Answer.Text)
	}
	s := fmt.Sprintf("%s with all brokers", records(c.Answer.Rate.Median))
	if c.OneLost != nil {
		s += fmt.Sprintf(", and with one broker lost %s", records(c.Answer.RateOneLost.Median))
	}
	return s + fmt.Sprintf(": plan on %s.", records(c.Answer.PlanOn))
}

func capacityRuns(c *result.Capacity) string {
	return fmt.Sprintf("%s, %s events, seeds %s", plural(c.Runs, "run", "runs"), result.Count(c.Events), clean(strings.Join(c.Seeds, " ")))
}
