package reports

import (
	"bytes"
	_ "embed" // the page and what its style has more
	"fmt"
	"html/template"
	"io"
	"strings"

	"brokersim/checker/result"
)

var (
	//go:embed compare.tmpl
	compareText string
	//go:embed compare.css
	compareStyle string

	comparePage = template.Must(template.New("compare").Funcs(template.FuncMap{"clean": clean}).Parse(compareText))
)

// CompareHTML writes a comparison as one page that needs nothing else, as [ExplanationHTML]
// writes an explanation: the whole table at a glance, and then each question with its
// intervals, seeds, worst runs, and what tutorials say. Quote is as in [CompareText].
func CompareHTML(w io.Writer, c result.Compare, quote func(string) string) error {
	var b bytes.Buffer
	if err := comparePage.Execute(&b, newCompareView(&c, quote)); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// compareView is what the page shows.
type compareView struct {
	C        *result.Compare
	Style    template.CSS
	Sentence string
	Kinds    []compareKind
	Facts    []fact
	Repeat   string
	HeldTo   string
	Rows     []compareRowView
	Columns  []compareColumnView
}

// compareKind is a kind of broker over its columns.
type compareKind struct {
	Name string
	Span int
}

type compareRowView struct {
	*result.CompareRow
	ID, Title string
	Cells     []compareCellView
}

// compareCellView is one cell, in both tables.
type compareCellView struct {
	Kind, Config           string
	First                  bool // of its kind
	Span                   int  // how many of the kind follow, with this one
	Value, Interval        string
	Runs                   int64
	Worst, Seed, Repeat    string
	Claim                  *result.CompareClaim
	Outcome, Class, Reason string
}

type compareColumnView struct {
	*result.CompareColumn
	First                                  bool // of its kind
	Kept, Class, Settings, Promise, Repeat string
}

func newCompareView(c *result.Compare, quote func(string) string) *compareView {
	v := &compareView{C: c, Style: template.CSS(pageStyle + capacityStyle + compareStyle)} //nolint:gosec // our own files
	for i := range c.Columns {
		name := kindText(&c.Columns[i])
		if n := len(v.Kinds); n == 0 || v.Kinds[n-1].Name != name {
			v.Kinds = append(v.Kinds, compareKind{Name: name})
		}
		v.Kinds[len(v.Kinds)-1].Span++
		col := newCompareColumn(&c.Columns[i], quote)
		col.First = v.Kinds[len(v.Kinds)-1].Span == 1
		v.Columns = append(v.Columns, col)
	}
	claims, parts := 0, 0
	for i := range c.Rows {
		r := &c.Rows[i]
		v.Rows = append(v.Rows, newCompareRow(c, r, quote))
		for k := range r.Claims {
			claims++
			if r.Claims[k].Differs != "" {
				parts++
			}
		}
	}
	v.Sentence = fmt.Sprintf("Of %d things that tutorials say of %s, %d are not what was measured.", claims, inWords(kindsOf(c)), parts)
	v.Repeat, v.HeldTo = compareCommand(c), heldToAbout
	v.Facts = compareFacts(c, claims, parts)
	return v
}

func compareFacts(c *result.Compare, claims, parts int) []fact {
	broken, unknown := int64(0), int64(0)
	for i := range c.Columns {
		broken, unknown = broken+c.Columns[i].Broken, unknown+c.Columns[i].Unknown
	}
	kept := fact{"Promises", "kept in every run", "each configuration is held to what it promises, not to what is said of it"}
	if broken+unknown > 0 {
		kept.Value = fmt.Sprintf("broken in %d runs, undecided in %d", broken, unknown)
	}
	seeds := fact{"Seeds of a cell", fmt.Sprint(c.Seeds), "the same ones in every cell: the same arrivals, the same faults"}
	if c.Stopped != "" {
		seeds.About = c.Stopped + ": some cells have fewer"
	}
	return []fact{
		{"Runs", fmt.Sprint(c.Runs), fmt.Sprintf("of scenario %s", c.Scenario)}, seeds,
		{"Claims that differ", fmt.Sprintf("%d of %d", parts, claims), "a cell that says never has only not seen it: its interval says how often it may be"}, kept,
	}
}

// compareCommand is the line that makes the comparison again.
func compareCommand(c *result.Compare) string {
	var kinds []string
	for i := range c.Columns {
		if k := c.Columns[i].Kind; len(kinds) == 0 || kinds[len(kinds)-1] != k {
			kinds = append(kinds, k)
		}
	}
	return fmt.Sprintf("brokersim compare %s %s --seeds %d", strings.Join(kinds, ","), c.Scenario, c.Seeds)
}

func newCompareColumn(x *result.CompareColumn, quote func(string) string) compareColumnView {
	v := compareColumnView{CompareColumn: x, Kept: keptText(x), Class: "kept", Settings: strings.Join(x.Set, " "), Promise: strings.Join(x.HeldTo, " ")}
	switch {
	case x.Broken > 0:
		v.Class = "broken"
	case x.Unknown > 0:
		v.Class = "doubtful"
	}
	if x.Repro != "" {
		v.Repeat = "brokersim repro " + quote(x.Repro)
	}
	return v
}

func newCompareRow(c *result.Compare, r *result.CompareRow, quote func(string) string) compareRowView {
	v := compareRowView{CompareRow: r, Title: rowTitle(r)}
	v.ID = sectionID(v.Title)
	for i := range r.Cells {
		x, col := &r.Cells[i], &c.Columns[i]
		cell := compareCellView{Kind: kindText(col), Config: col.Config, First: i == 0 || c.Columns[i-1].Kind != col.Kind, Runs: x.Runs, Claim: r.Claim(col.Kind)}
		for j := i; j < len(c.Columns) && c.Columns[j].Kind == col.Kind; j++ {
			cell.Span++
		}
		cell.Value, cell.Interval = cellParts(r.Unit, x)
		if w := worstText(r.Unit, x); w != "" {
			cell.Worst, cell.Seed, cell.Repeat = w, x.WorstSeed, repeatText(c, x, col.Kind, quote)
		}
		cell.judge(x)
		v.Cells = append(v.Cells, cell)
	}
	return v
}

// judge sets a cell beside what is said of its kind.
func (v *compareCellView) judge(x *result.CompareCell) {
	switch {
	case v.Claim == nil || x.Runs == 0:
	case !x.Differs:
		v.Outcome, v.Class = "agrees", "kept"
	default:
		v.Outcome, v.Class, v.Reason = "differs", "broken", v.Claim.Why
	}
}
