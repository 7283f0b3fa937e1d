package reports

import (
	"bytes"
	_ "embed" // the page and its style
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"brokersim/checker/result"
)

var (
	//go:embed html.tmpl
	pageText string
	//go:embed story.tmpl
	storyText string // the pictures of a run, and their tables
	//go:embed lesson.tmpl
	lessonText string
	//go:embed html.css
	pageStyle string

	page       = template.Must(withStory("page").Parse(pageText))
	lessonPage = template.Must(withStory("lesson").Parse(lessonText))
)

// withStory is a template that may have the pictures of a run in it.
func withStory(name string) *template.Template {
	funcs := template.FuncMap{"clean": clean, "outcome": outcomeClass, "inline": inline}
	return template.Must(template.New(name).Funcs(funcs).Parse(storyText))
}

// ExplanationHTML writes an explanation as one page that needs nothing else: no
// script, no font, no address. It is for light and dark screens and for paper,
// and whatever its pictures show stands in tables too.
func ExplanationHTML(w io.Writer, e *result.Explanation) error {
	var b bytes.Buffer
	if err := page.Execute(&b, newPageView(e)); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// ExplanationSVG writes the space-time diagram of an explanation as a picture of
// its own.
func ExplanationSVG(w io.Writer, e *result.Explanation) error {
	title := fmt.Sprintf("%s, scenario %s, seed %s", findingName(e), clean(e.Result.Scenario), clean(e.Result.Seed))
	_, err := fmt.Fprintln(w, drawSpaceTime(tell(&e.Story)).whole(title, e.Sentence))
	return err
}

// outcomeClass is the class of a verdict.
func outcomeClass(v result.Verdict) string {
	switch v {
	case result.Kept:
		return "kept"
	case result.Broken:
		return "broken"
	}
	return "doubtful"
}

// pageView is what the page shows. Texts of a run are cleaned here or by the
// template, and escaped by it.
type pageView struct {
	E        *result.Explanation
	Finding  string
	Style    template.CSS
	Hatches  template.HTML
	Repeat   string
	Verified string
	Shrunk   string

	Head   template.HTML
	Slices []template.HTML
	Legend []legendEntry
	Rows   []rowView
	Chain  []rowView
	Strips []*stripsOf

	Faults   string // what is known of them
	Untried  string // why no more is
	Tried    string // what came of other settings
	Variants []result.Variant
	TooFew   string // forks, to name the point of no return
	Ledger   []ledgerGroup
	Original []string
	Minimal  []string
	Chart    template.HTML
	Chances  []chanceView
	Findings []findingView
}

// rowView is a row in words.
type rowView struct {
	N, Place                    int // from 1; Place 0: not on the chain
	At, Event, Kind, Who, Where string
	What                        string
	Does                        []string
	Violation                   bool
}

type chanceView struct {
	At, What, Share, Percent, Interval string
	NoReturn                           bool
}

type findingView struct {
	*result.Finding
	Violations []violationView
}

type violationView struct {
	What    string
	Witness []shown
}

func newPageView(e *result.Explanation) *pageView {
	t := tell(&e.Story)
	v := &pageView{E: e, Finding: findingName(e), Style: template.CSS(pageStyle), Hatches: hatches, Repeat: repeatLine(e), Strips: drawStrips(e.Story.Strips), Ledger: ledgerGroups(&e.Result.Ledger)} //nolint:gosec // our own file
	if e.Verified > 0 {
		v.Verified = verified(e)
	}
	if e.Shrunk.Replays > 0 {
		v.Shrunk = shrunkLine(&e.Shrunk)
	}
	v.Faults, v.Tried = faultsTitle(&e.Shrunk), triedTitle(e.Nearest)
	v.Variants = e.Nearest
	if e.AsItIs != nil {
		v.Variants = append(slices.Clone(e.Nearest), *e.AsItIs)
	}
	if v.Faults != "Needed" {
		v.Untried = "Which of them it takes was not tried to the end."
	}
	v.Original, v.Minimal = scheduleLines(e.Shrunk.Original), scheduleLines(e.Shrunk.Minimal)
	v.story(t)
	if list := chances(e); len(list) > 0 {
		v.Chart, v.TooFew = drawChances(t, list), tooFewForks(list)
		for i := range list {
			v.Chances = append(v.Chances, newChanceView(t, &list[i]))
		}
	}
	for i := range e.Result.Findings {
		v.Findings = append(v.Findings, newFindingView(&e.Result.Findings[i]))
	}
	return v
}

// triedTitle says what came of other settings.
func triedTitle(nearest []result.Variant) string {
	if slices.ContainsFunc(nearest, func(v result.Variant) bool { return v.Verdict == result.Kept }) {
		return "What would have kept the promise"
	}
	return "What would not have kept the promise either"
}

// story draws the rows and says them.
func (v *pageView) story(t *told) {
	if len(t.Rows) == 0 {
		return
	}
	d := drawSpaceTime(t)
	v.Head, v.Slices, v.Legend = d.head(), d.slices(), legend(t)
	for i := range t.Rows {
		v.Rows = append(v.Rows, newRowView(t, i))
	}
	for _, i := range t.chain() {
		v.Chain = append(v.Chain, v.Rows[i])
	}
}

func newRowView(t *told, i int) rowView {
	r := &t.Rows[i]
	v := rowView{N: i + 1, Place: t.place[i], At: t.clock(r.AtNS), Kind: clean(string(r.Kind)), Who: arrowed(t.who(r)), What: clean(r.What), Does: t.does[i], Violation: r.Violation}
	if r.Event > 0 {
		v.Event = fmt.Sprint(r.Event)
	}
	return v
}

func newChanceView(t *told, c *chance) chanceView {
	return chanceView{
		At: c.clock(t), What: arrowed(c.words(t)), NoReturn: c.noReturn,
		Share: fmt.Sprintf("%d of %d", c.Violated, c.Forks), Percent: fmt.Sprintf("%.1f", c.p), Interval: c.percents(),
	}
}

func newFindingView(f *result.Finding) findingView {
	v := findingView{Finding: f}
	for _, x := range f.Violations {
		violation := violationView{What: clean(x.What)}
		for _, line := range x.Witness {
			violation.Witness = append(violation.Witness, show(line))
		}
		v.Violations = append(v.Violations, violation)
	}
	return v
}

func scheduleLines(schedule string) (lines []string) {
	for line := range strings.Lines(schedule) {
		if line = clean(strings.TrimRight(line, "\r\n")); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// ledgerGroup is a part of the ledger; wrong are numbers that should be 0.
type ledgerGroup struct {
	Name    string
	Entries []ledgerEntry
}

type ledgerEntry struct {
	Name, Value string
	Wrong       bool
}

func ledgerGroups(l *result.Ledger) []ledgerGroup {
	n := func(name string, value int64) ledgerEntry { return ledgerEntry{Name: name, Value: fmt.Sprint(value)} }
	bad := func(name string, value int64) ledgerEntry {
		return ledgerEntry{Name: name, Value: fmt.Sprint(value), Wrong: value > 0}
	}
	return []ledgerGroup{
		{"Records", []ledgerEntry{n("sent", l.Sent), n("acked", l.Acked), n("rejected", l.Rejected), n("unknown", l.Unknown), n("in log", l.InLog)}},
		{"Records × readers", []ledgerEntry{n("delivered", l.Delivered), n("processed", l.Processed), n("effected", l.Effected), n("readers", l.Readers), n("expected", l.InLog*l.Readers)}},
		{"Anomalies", []ledgerEntry{
			bad("lost acked", l.LostAcked), n("lost unacked", l.LostUnacked), n("lost allowed", l.LostAllowed), bad("dup log", l.DupLog),
			bad("dup processed", l.DupProcessed), bad("reordered", l.Reordered),
		}},
		{"Anomalies, and costs", []ledgerEntry{
			n("skipped", l.Skipped), bad("resurrected", l.Resurrected), bad("aborted visible", l.AbortedVisible), bad("zombie write", l.ZombieWrite),
			n("stale reads", l.StaleReads), {Name: "unavailable", Value: result.Micros(l.UnavailableUS)},
		}},
	}
}
