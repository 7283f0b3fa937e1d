package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// CheckJSON writes a check as one line of JSON, as [JSON] does a result.
func CheckJSON(w io.Writer, c result.Check) error {
	c.Scenarios = append([]result.CheckScenario{}, c.Scenarios...)
	for i := range c.Scenarios {
		c.Scenarios[i].Properties = append([]result.CheckProperty{}, c.Scenarios[i].Properties...)
	}
	c.Results = append([]result.Result{}, c.Results...)
	for i := range c.Results {
		c.Results[i] = withLists(c.Results[i])
	}
	c.Explained = slices.Clone(c.Explained)
	for i := range c.Explained {
		c.Explained[i].Explanation = withAllLists(&c.Explained[i].Explanation)
	}
	c.Required = list(c.Required)
	if c.Reached == nil {
		c.Reached = map[string]int64{}
	}
	return encode(w, &c)
}

// withLists is r as [JSON] writes it: no list is null.
func withLists(r result.Result) result.Result {
	var b bytes.Buffer
	var full result.Result
	err := JSON(&b, r)
	if err == nil {
		err = json.Unmarshal(b.Bytes(), &full)
	}
	if err != nil {
		panic(err) // it is plain data
	}
	return full
}

// CheckText writes a check for people: the answer, the failures with what shows
// them and the line that repeats each, then what was checked and how much.
func CheckText(w io.Writer, c result.Check, s Style) error {
	t := &checkText{text: text{r: &result.Result{}, d: &Details{}, style: s}, c: &c}
	t.answer()
	t.failures()
	t.failedCases()
	t.scenarios()
	t.properties()
	t.reached()
	t.corpus()
	t.faith()
	t.shards()
	t.f("\n%s  %s of virtual time, %d events\n", t.paint(bold, "Run   "), moment(c.VirtualNS), c.Events)
	t.f("%s  %d\n", t.paint(bold, "Exit  "), c.Exit)
	_, err := w.Write(t.b.Bytes())
	return err
}

// CheckAnswer writes no more than the answer: two lines.
func CheckAnswer(w io.Writer, c result.Check, s Style) error {
	t := &checkText{text: text{r: &result.Result{}, d: &Details{}, style: s}, c: &c}
	t.answer()
	_, err := w.Write(t.b.Bytes())
	return err
}

type checkText struct {
	text
	c *result.Check
}

func (t *checkText) answer() {
	c := t.c
	what := plural(len(c.Scenarios), "scenario", "scenarios")
	if len(c.Scenarios) == 1 {
		what = "scenario " + clean(c.Scenarios[0].Name)
	}
	if c.Shard != "" {
		what += "   shard " + c.Shard
	}
	t.f("%s   %s   seeds %s   %s\n", t.paint(color(c.Verdict), string(c.Verdict)), what, c.Seeds, plural(int(c.Runs), "run", "runs"))
	for _, s := range CheckSentences(*t.c) {
		t.f("  %s\n", clean(s))
	}
}

// CheckSentences say what came out, the worst first.
func CheckSentences(c result.Check) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if n := len(c.Determinism.Differences); n > 0 {
		say("%s of %d that were made twice came out differently: a seed is no longer one run.", plural(n, "run", "runs"), c.Determinism.Checked)
	}
	for _, s := range c.Internal {
		say("The harness itself has failed: %s", s)
	}
	if c.Violations > 0 {
		say("%d of %s broke a promise.", c.Violations, plural(int(c.Runs), "run", "runs"))
	}
	if s := corpusSentence(&c); s != "" {
		list = append(list, s)
	}
	list = append(list, c.Doubts...)
	if c.Violations == 0 && len(c.Internal) == 0 && len(c.Determinism.Differences) == 0 {
		s := fmt.Sprintf("No promise was broken in %s", plural(int(c.Runs), "run", "runs"))
		if c.Bound != "" {
			s += ": " + c.Bound
		}
		list = append(list, s+".")
	}
	switch c.Stopped {
	case "failures":
		say("It ended there: enough runs have failed.")
	case "time":
		say("It ended when its time was up.")
	case "interrupted":
		say("It was interrupted: the runs until then are counted.")
	}
	return list
}

// failure is one failing run of a check.
type failure struct {
	property, scenario, seed, what string
	more                           int // violations of the run that are not told
	repeat                         string
	witness                        []string
	explained                      *result.Explanation // or nil
}

// failuresOf are the failing runs of a check in order, each by its first broken
// property; those that are explained come with that.
func failuresOf(c *result.Check) (list []failure) {
	for i := range c.Results {
		r := &c.Results[i]
		f := failure{scenario: r.Scenario, seed: r.Seed, repeat: repeatOf(c, r.Scenario, r.Seed)}
		for j := range r.Findings {
			x := &r.Findings[j]
			for _, v := range x.Violations {
				if f.property == "" {
					f.property, f.what, f.witness = x.Property, v.What, v.Witness
				} else {
					f.more++
				}
			}
			f.more += int(x.More)
		}
		for _, a := range r.Audits {
			if f.property == "" {
				f.property, f.what = result.Audits, a
			} else {
				f.more++
			}
		}
		for j := range c.Explained {
			e := &c.Explained[j].Explanation
			if e.Result.Scenario == r.Scenario && e.Result.Seed == r.Seed && f.explained == nil {
				f.explained = e
			}
		}
		if f.property != "" {
			list = append(list, f)
		}
	}
	return list
}

func repeatOf(c *result.Check, scenario, seed string) string {
	for i := range c.Scenarios {
		if s := &c.Scenarios[i]; s.Name == scenario && s.Repeat != "" {
			return strings.Replace(s.Repeat, result.AnySeed, seed, 1)
		}
	}
	return ""
}

// shownWitnesses is for how many failures the operations that show them are
// printed; the others have a sentence and a line to repeat.
const shownWitnesses = 3

func (t *checkText) failures() {
	for _, d := range t.c.Determinism.Differences {
		t.f("\n%s   scenario %s   seed %s\n", t.paint(red, "NONDETERMINISM"), clean(d.Scenario), d.Seed)
		for _, line := range differenceLines(d) {
			t.f("  %s\n", clean(line))
		}
		t.repeat(repeatOf(t.c, d.Scenario, d.Seed))
	}
	for i, f := range failuresOf(t.c) {
		t.f("\n%s %s   scenario %s   seed %s\n", t.paint(red, "FAIL"), clean(f.property), clean(f.scenario), f.seed)
		t.f("  %s\n", clean(f.what))
		if i < shownWitnesses {
			t.witnesses(f.witness)
		}
		if f.more > 0 {
			t.f("  and %d more of this run\n", f.more)
		}
		t.repeat(f.repeat)
	}
	if t.c.Unlisted > 0 {
		t.f("\n%d more runs without a verdict are not listed\n", t.c.Unlisted)
	}
}

func (t *checkText) repeat(command string) {
	if command != "" {
		t.f("  %s  %s\n", t.paint(bold, "Repeat"), clean(command))
	}
}

func differenceLines(d result.Difference) []string {
	hashes := fmt.Sprintf("trace hash %s, and %s", d.Hashes[0], d.Hashes[1])
	if d.Line == 0 {
		return []string{hashes, "Fresh runs, stepped side by side, were alike every time: the difference is rare."}
	}
	return []string{
		hashes,
		fmt.Sprintf("The traces of two fresh runs differ from line %d on:", d.Line),
		"  " + d.Lines[0],
		"  " + d.Lines[1],
	}
}

func (t *checkText) scenarios() {
	t.head("Scenarios", "")
	rows := []string{"\truns\tkept\tbroken\tvacuous\tunknown\tvirtual time"}
	for _, s := range t.c.Scenarios {
		rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%s", clean(s.Name), s.Runs, s.Kept, s.Violations, s.Vacuous, s.Unknown, moment(s.VirtualNS)))
	}
	t.table(rows...)
}

// properties are summed over all scenarios.
func (t *checkText) properties() {
	t.head("Held to", "runs, and how much was looked at in them")
	var names []string
	sum := map[string]*result.CheckProperty{}
	for _, s := range t.c.Scenarios {
		for _, p := range s.Properties {
			all, ok := sum[p.Property]
			if !ok {
				all = &result.CheckProperty{}
				sum[p.Property] = all
				names = append(names, p.Property)
			}
			all.Looked += p.Looked
			all.Kept += p.Kept
			all.Broken += p.Broken
			all.Vacuous += p.Vacuous
			all.Unknown += p.Unknown
		}
	}
	rows := []string{"\tkept\tbroken\tvacuous\tunknown\tlooked at"}
	for _, name := range names {
		p := sum[name]
		rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d", clean(name), p.Kept, p.Broken, p.Vacuous, p.Unknown, p.Looked))
	}
	t.table(rows...)
}

func (t *checkText) reached() {
	t.head("Reached", "situations, and in how many runs")
	names := slices.Sorted(maps.Keys(t.c.Reached))
	for _, r := range t.c.Required {
		if !slices.Contains(names, r) {
			names = append(names, r)
		}
	}
	var rows []string
	for _, name := range names {
		row := fmt.Sprintf("%s\t%d", clean(name), t.c.Reached[name])
		if slices.Contains(t.c.Required, name) {
			row += "\trequired"
		}
		rows = append(rows, row)
	}
	t.table(rows...)
}

// faith says why the rest may be believed.
func (t *checkText) faith() {
	d := &t.c.Determinism
	t.f("\n%s  %d runs made twice, %d the same\n", t.paint(bold, "Determinism"), d.Checked, d.Same)
	switch c := t.c.Canary; {
	case c == nil:
		t.f("%s  off\n", t.paint(bold, "Canary     "))
	case c.Seed == "":
		t.f("%s  %s in %s was not found in %s\n", t.paint(bold, "Canary     "), c.Bug, c.Scenario, plural(int(c.Runs), "run", "runs"))
	default:
		t.f("%s  %s in %s was found: %s is broken under seed %s\n", t.paint(bold, "Canary     "), c.Bug, c.Scenario, c.Property, c.Seed)
	}
}

func (t *checkText) shards() {
	if len(t.c.Shards) == 0 {
		return
	}
	t.head("Shards", "and what each has run")
	rows := []string{"\truns\tbroken"}
	for _, s := range t.c.Shards {
		row := fmt.Sprintf("%s\t%d\t%d", s.Shard, s.Runs, s.Violations)
		if !s.Complete {
			row += "\tcut short"
		}
		rows = append(rows, row)
	}
	t.table(rows...)
}

// mostMarkdown bounds a summary in bytes; GitHub refuses one of more than a
// megabyte, and nobody reads a quarter of that.
const mostMarkdown = 256_000

// CheckMarkdown writes a check for a page: GitHub's job summary, a bundle. It is
// under 256 kB. A failure that is explained has its causal chain as a diagram.
func CheckMarkdown(w io.Writer, c result.Check) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# brokersim check: %s\n\n", c.Verdict)
	for _, s := range CheckSentences(c) {
		fmt.Fprintf(&b, "%s\n\n", markdown(s))
	}
	for _, d := range c.Determinism.Differences {
		fmt.Fprintf(&b, "## Nondeterminism: %s, seed %s\n\n%s\n", markdown(d.Scenario), d.Seed, fence(strings.Join(differenceLines(d), "\n")))
	}
	for i, f := range failuresOf(&c) {
		part := markdownFailure(i, &f)
		if b.Len()+len(part) > mostMarkdown/2 {
			fmt.Fprintf(&b, "More runs have failed than fit here.\n\n")
			break
		}
		b.WriteString(part)
	}
	for i := range c.Corpus {
		if x := &c.Corpus[i]; x.Problem != "" && b.Len() < mostMarkdown/2 {
			b.WriteString(markdownCase(x, c.Refresh))
		}
	}
	b.WriteString("| scenario | runs | kept | broken | vacuous | unknown |\n|---|--:|--:|--:|--:|--:|\n")
	for _, s := range c.Scenarios {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", markdown(s.Name), s.Runs, s.Kept, s.Violations, s.Vacuous, s.Unknown)
	}
	if len(c.Corpus) > 0 {
		b.WriteString("\n| case of the corpus | |\n|---|---|\n")
	}
	for i := range c.Corpus {
		fmt.Fprintf(&b, "| %s | %s |\n", markdown(c.Corpus[i].Name), markdown(caseSays(&c.Corpus[i], c.Refresh)))
	}
	fmt.Fprintf(&b, "\nSeeds %s, %s of virtual time; %d runs made twice, %d the same. Exit %d.\n", c.Seeds, moment(c.VirtualNS), c.Determinism.Checked, c.Determinism.Same, c.Exit)
	text := b.String()
	if len(text) > mostMarkdown {
		text = strings.ToValidUTF8(text[:mostMarkdown], "")
	}
	_, err := io.WriteString(w, text)
	return err
}

// mostExplained bounds what an explanation adds to a page, in bytes.
const mostExplained = mostMarkdown / 8

// markdownFailure is the part of failure number i.
func markdownFailure(i int, f *failure) string {
	head := fmt.Sprintf("## %s is broken: %s, seed %s\n\n", markdown(f.property), markdown(f.scenario), markdown(f.seed))
	if f.explained != nil && i < shownWitnesses {
		if part := markdownExplanation(f.explained); len(part) <= mostExplained {
			return head + part
		}
	}
	part := head + markdown(f.what) + "\n\n"
	if i < shownWitnesses && len(f.witness) > 0 {
		t := text{r: &result.Result{}, d: &Details{}}
		t.witnesses(f.witness)
		part += fence(t.b.String())
	}
	return part + fence(f.repeat)
}

// ExplanationMarkdown writes an explanation for a page, as [CheckMarkdown] does
// those of a check.
func ExplanationMarkdown(w io.Writer, e *result.Explanation) error {
	_, err := fmt.Fprintf(w, "# %s is broken: %s, seed %s\n\n%s", markdown(findingName(e)), markdown(e.Result.Scenario), markdown(e.Result.Seed), markdownExplanation(e))
	return err
}

// markdownExplanation is an explanation on a page: the sentence, the causal chain as
// a diagram, and all of it in words.
func markdownExplanation(e *result.Explanation) string {
	part := markdown(e.Sentence) + "\n\n"
	if diagram := mermaid(tell(&e.Story)); diagram != "" {
		part += fenced("mermaid", diagram)
	}
	return part + fence(explanationText(e, Style{}))
}

// markdown keeps a text from being anything but text.
func markdown(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		if strings.ContainsRune("\\`*_[]<>|#&~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fence is a block of text as it is.
func fence(s string) string { return fenced("", s) }

// fenced is one in a language.
func fenced(language, s string) string {
	marks := "```"
	for strings.Contains(s, marks) {
		marks += "`"
	}
	return marks + language + "\n" + strings.TrimSuffix(s, "\n") + "\n" + marks + "\n\n"
}
