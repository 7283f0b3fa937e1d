package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"brokersim/checker/result"
)

// pageWidth is how many columns an explanation takes, but for what must be
// copied whole.
const pageWidth = 120

// longRepro is the length from which a repro string is left to a file.
const longRepro = 2000

// ExplanationJSON writes an explanation as one line of JSON, as [JSON] does a
// result.
func ExplanationJSON(w io.Writer, e *result.Explanation) error {
	full := withAllLists(e)
	return encode(w, &full)
}

// withAllLists is an explanation as [ExplanationJSON] writes it: no list is null.
func withAllLists(e *result.Explanation) result.Explanation {
	full := *e
	full.Result = withLists(e.Result)
	s := &full.Story
	s.Lanes, s.Rows = append([]result.Lane{}, s.Lanes...), append([]result.Row{}, s.Rows...)
	s.Strips = append([]result.Strip{}, s.Strips...)
	for i := range s.Strips {
		s.Strips[i].Cells = append([]result.Cell{}, s.Strips[i].Cells...)
	}
	full.Why, full.Needed, full.NotNeeded = list(e.Why), list(e.Needed), list(e.NotNeeded)
	full.Nearest = append([]result.Variant{}, e.Nearest...)
	for i := range full.Nearest {
		full.Nearest[i].Set = list(full.Nearest[i].Set)
	}
	if e.AsItIs != nil {
		same := *e.AsItIs
		same.Set = list(same.Set)
		full.AsItIs = &same
	}
	full.Settings = append([]result.Setting{}, e.Settings...)
	return full
}

// ExplanationText writes for people how a run came to break its promise: the
// sentence, the causal chain, what it needed and what would have kept it, and
// last the line that repeats it.
func ExplanationText(w io.Writer, e *result.Explanation, s Style) error {
	_, err := io.WriteString(w, explanationText(e, s))
	return err
}

func explanationText(e *result.Explanation, s Style) string {
	t := &explanation{text: text{r: &e.Result, d: &Details{}, style: s}, e: e, story: tell(&e.Story)}
	t.answer()
	t.chain()
	t.reasons()
	t.likelihood()
	t.repeat()
	return t.b.String()
}

// width is how many columns there are.
func (t *explanation) width() int { return t.style.within(pageWidth) }

type explanation struct {
	text
	e     *result.Explanation
	story *told
}

func (t *explanation) answer() {
	e := t.e
	t.f("%s   scenario %s   seed %s\n", t.paint(red, "FAIL "+findingName(e)), clean(e.Result.Scenario), clean(e.Result.Seed))
	for _, line := range wrap(clean(e.Sentence), t.width()-2) {
		t.f("  %s\n", line)
	}
	if e.Shrunk.Replays > 0 {
		for _, line := range wrap(shrunkLine(&e.Shrunk), t.width()-2) {
			t.f("  %s\n", line)
		}
	}
}

// findingName is the property that is broken. A broken invariant has a sentence for
// a name, which is said next in full.
func findingName(e *result.Explanation) string {
	if strings.Contains(e.Finding, " ") {
		return "audit"
	}
	return clean(e.Finding)
}

// shrunkLine says how much smaller the run is than the one that was found.
func shrunkLine(s *result.Shrunk) string {
	cut := ""
	switch s.Cut {
	case "":
	case "budget":
		cut = "; that was the budget: there may be a smaller run"
	default:
		cut = "; " + clean(s.Cut) + ": there may be a smaller run"
	}
	return fmt.Sprintf("shrunk %d -> %d events, %d -> %d faults, %d -> %d records  (%s%s)",
		s.From.Events, s.To.Events, s.From.Faults, s.To.Faults, s.From.Records, s.To.Records, plural(s.Replays, "replay", "replays"), cut)
}

// chain shows the rows that lead to the violation, a column for each of when,
// where, what and what it does.
func (t *explanation) chain() {
	rows := t.story.chain()
	when, who := 0, 0
	for _, i := range rows {
		r := &t.story.Rows[i]
		when = max(when, len(t.story.clock(r.AtNS)))
		who = max(who, utf8.RuneCountInString(t.story.who(r)))
	}
	who = min(who, 24)
	room := t.width() - (4 + when + 2 + who + 3 + 3)
	if len(rows) > 0 {
		t.f("\n")
	}
	if room < 2*leastColumn {
		t.stacked(rows)
		return
	}
	what := t.whatWidth(rows, room)
	for _, i := range rows {
		r := &t.story.Rows[i]
		cells := [][]string{wrap(t.story.who(r), who), wrap(clean(r.What), what), pack(t.remark(i), "   ", room-what)}
		for n := range max(len(cells[0]), len(cells[1]), len(cells[2])) {
			clock := ""
			if n == 0 {
				clock = t.story.clock(r.AtNS)
			}
			line := fmt.Sprintf("    %*s  %-*s   %-*s   %s", when, clock, who, nth(cells[0], n), what, nth(cells[1], n), nth(cells[2], n))
			line = strings.TrimRight(line, " ")
			if r.Violation {
				line = t.paint(red, line)
			}
			t.f("%s\n", line)
		}
	}
}

// leastColumn is how wide the columns of what happens and of what it does are at least.
const leastColumn = 24

// stacked shows the rows of a chain where there is no room for columns beside each other.
func (t *explanation) stacked(rows []int) {
	for _, i := range rows {
		r := &t.story.Rows[i]
		lines := wrap(t.story.clock(r.AtNS)+"  "+t.story.who(r), t.width()-4)
		for _, line := range wrap(clean(r.What), t.width()-6) {
			lines = append(lines, "  "+line)
		}
		for _, line := range pack(t.remark(i), "   ", t.width()-8) {
			lines = append(lines, "    "+line)
		}
		for _, line := range lines {
			line = strings.TrimRight("    "+line, " ")
			if r.Violation {
				line = t.paint(red, line)
			}
			t.f("%s\n", line)
		}
	}
}

// whatWidth is the width of the column of what happens with which the rows need
// the fewest lines, and of those the least.
func (t *explanation) whatWidth(rows []int, room int) int {
	best, fewest := 0, 0
	for width := leastColumn; width <= room-leastColumn; width++ {
		lines := 0
		for _, i := range rows {
			lines += max(len(wrap(clean(t.story.Rows[i].What), width)), len(pack(t.remark(i), "   ", room-width)))
		}
		if best == 0 || lines < fewest {
			best, fewest = width, lines
		}
	}
	return best
}

func nth(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return ""
}

// remark is what a row does, with an arrow where the promise is broken.
func (t *explanation) remark(i int) []string {
	list := slices.Clone(t.story.does[i])
	if !t.story.Rows[i].Violation {
		return list
	}
	if len(list) == 0 {
		list = []string{"here it is broken"}
	}
	list[0] = "<- " + list[0]
	return list
}

// reasons say what made it possible, and what would have kept the promise.
func (t *explanation) reasons() {
	t.f("\n")
	t.part("Why", t.e.Why...)
	t.part(faultsTitle(&t.e.Shrunk), t.e.Needed...)
	t.part("Not needed", pack(unneeded(t.e), ", ", t.width()-titleWidth)...)
	var tried []string
	title := "Tried"
	for _, v := range t.e.Nearest {
		if v.Verdict == result.Kept && title == "Tried" {
			title = "Nearest pass"
			tried = append([]string{variantLine(&v)}, tried...)
			continue
		}
		tried = append(tried, variantLine(&v))
	}
	if v := t.e.AsItIs; v != nil && len(tried) > 0 {
		tried = append(tried, "without a change "+variantLine(v))
	}
	t.part(title, tried...)
}

// faultsTitle says what is known of the faults of the smallest run: that each is
// needed only if a shrink has tried to do without it.
func faultsTitle(s *result.Shrunk) string {
	if s.Replays == 0 || s.Cut != "" {
		return "Faults"
	}
	return "Needed"
}

// unneeded is what was not needed, and what that means.
func unneeded(e *result.Explanation) []string {
	list := make([]string, len(e.NotNeeded))
	for i, s := range e.NotNeeded {
		list[i] = clean(s)
	}
	if n := len(list); n > 0 {
		list[n-1] += ": removing this changes nothing"
	}
	return list
}

func variantLine(v *result.Variant) string {
	var b strings.Builder
	for _, s := range v.Set {
		fmt.Fprintf(&b, "--set %s ", clean(s))
	}
	costs := clean(v.Costs)
	switch {
	case v.Runs > 1:
		fmt.Fprintf(&b, "  -> passes in %d of %d runs", v.Passed, v.Runs)
		if costs != "" {
			costs = "; the run itself: " + costs
		}
	default:
		fmt.Fprintf(&b, "  -> %s", v.Verdict)
		if costs != "" {
			costs = ": " + costs
		}
	}
	return b.String() + costs
}

// titleWidth is that of the column of titles.
const titleWidth = 2 + len("Nearest pass") + 2

// part is a title and paragraphs beside it, or nothing.
func (t *explanation) part(title string, paragraphs ...string) {
	for _, p := range paragraphs {
		for _, line := range wrap(clean(p), t.width()-titleWidth) {
			t.title(title)
			t.f("%s\n", line)
			title = ""
		}
	}
}

func (t *explanation) title(s string) {
	painted := s
	if s != "" {
		painted = t.paint(bold, s)
	}
	t.f("  %s%*s", painted, titleWidth-2-len(s), "")
}

// repeat ends with the line that makes the run again.
func (t *explanation) repeat() {
	e := t.e
	if e.Repro == "" {
		return
	}
	t.title("Repeat")
	t.f("%s", repeatLine(e))
	if e.Verified > 0 {
		t.f("   verified: %s", verified(e))
	}
	t.f("\n")
}

// repeatLine is the command that makes the smallest run again.
func repeatLine(e *result.Explanation) string {
	repro := clean(e.Repro)
	if len(repro) > longRepro {
		return fmt.Sprintf("brokersim repro DIR   (of --out; the string has %d characters)", len(repro))
	}
	return "brokersim repro '" + strings.ReplaceAll(repro, "'", `'\''`) + "'"
}

func verified(e *result.Explanation) string {
	hash := clean(e.Result.TraceHash)
	return fmt.Sprintf("%s, hash %s", plural(e.Verified, "replay", "replays"), hash[:min(len(hash), 8)])
}
