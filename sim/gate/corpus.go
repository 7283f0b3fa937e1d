package gate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Corpus is a directory of failures of the past: explicit, minimised schedules,
// one a file, each with the planted bug that it must still find. A seed means
// something else after any change of code; a schedule keeps its meaning longer,
// and the bug shows when it has lost it.
type Corpus struct {
	Dir string
	// Find finds a scenario by its name; nil is [Catalog].
	Find func(name string) (*scenario.Spec, error)

	run Runner // makes a run; nil is [scenario.Run]
}

// corpusSuffix ends the names of the files of a corpus; others are left alone.
const corpusSuffix = ".yaml"

// Cases are the cases of the corpus in the order of their names. An error is one
// line with the file.
func (k *Corpus) Cases() ([]CorpusCase, error) {
	entries, err := os.ReadDir(k.Dir) // sorted
	if err != nil {
		return nil, err
	}
	var cases []CorpusCase
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), corpusSuffix) {
			continue
		}
		path := filepath.Join(k.Dir, e.Name())
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		c, err := ParseCorpusCase(path, src)
		if err != nil {
			return nil, err
		}
		c.Name = strings.TrimSuffix(e.Name(), corpusSuffix)
		cases = append(cases, c)
	}
	return cases, nil
}

// Write makes the file of a case, or makes it anew.
func (k *Corpus) Write(c *CorpusCase) error {
	return os.WriteFile(k.path(c.Name), []byte(c.String()), 0o666)
}

// Remove takes a case out of the corpus.
func (k *Corpus) Remove(c *CorpusCase) error { return os.Remove(k.path(c.Name)) }

func (k *Corpus) path(name string) string { return filepath.Join(k.Dir, name+corpusSuffix) }

// asIs is the run of a case without its bug.
func (k *Corpus) asIs(c *CorpusCase) (scenario.Case, error) {
	find := k.Find
	if find == nil {
		find = Catalog
	}
	spec, err := find(c.Run.Scenario)
	if err != nil {
		return scenario.Case{}, err
	}
	run := c.Run.Case(spec)
	_, err = scenario.Check(run)
	return run, err
}

// planting is the run with a bug in it.
func planting(c scenario.Case, bug string) scenario.Case {
	if !isNative(bug) {
		c.Plant = []string{bug}
	}
	return c
}

func (k *Corpus) runner() Runner {
	if k.run != nil {
		return k.run
	}
	return scenario.Run
}

// keeps reports whether a case passes.
func keeps(c scenario.Case) bool { return scenario.Run(c).Verdict == result.Kept }

// Verified is what a case came to.
type Verified struct {
	Problem string // why it is none any more, or empty
	Repro   string // of the run that shows the problem; empty if it cannot be run
	// Drifted says that it is still a case, but by another run or by other
	// witnesses than its file has.
	Drifted bool
	fresh   CorpusCase // with the witnesses of today
}

// Verify runs a case twice: as it is it must pass, and with its bug planted its
// property must be broken. With a bug that is native it must be broken as it is.
func (k *Corpus) Verify(c *CorpusCase) Verified {
	run, err := k.asIs(c)
	if err != nil {
		return Verified{Problem: "it cannot be run: " + err.Error()}
	}
	if _, err := scenario.Check(planting(run, c.Bug)); err != nil {
		return Verified{Problem: "it cannot be run: " + err.Error()}
	}
	sound := k.runner()(run)
	if sound.Verdict != result.Kept && !c.Native() {
		return Verified{Repro: sound.Repro, Problem: "it does not pass as it is: " + Sentence(sound)}
	}
	sick, with := sound, "with "+c.Bug
	if !c.Native() {
		sick, with = k.runner()(planting(run, c.Bug)), with+" planted"
	}
	if !Shows(sick, c.Property) {
		return Verified{Repro: sick.Repro, Problem: fmt.Sprintf("it has lost its teeth: %s %s is not broken, %s", with, c.Property, Sentence(sick))}
	}
	fresh := *c
	fresh.note(sound, sick)
	return Verified{Drifted: fresh.String() != c.String(), fresh: fresh}
}

// note takes down what the two runs of a case came to.
func (c *CorpusCase) note(sound, sick result.Result) {
	c.Run.Core = scenario.Core
	_, err := fmt.Sscanf(sound.TraceHash[:8], "%x", &c.Run.Hash)
	if err != nil {
		panic(err) // a result's hash has 16 hex digits
	}
	c.Witness = witness(sick, c.Property)
}

// witness is the first violation of a property with its events, or the sentence
// of an invariant of that kind.
func witness(r result.Result, finding string) string {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Property == finding && len(f.Violations) > 0 {
			v := &f.Violations[0]
			return strings.Join(append([]string{v.What}, v.Witness...), "\n") + "\n"
		}
	}
	for _, sentence := range r.Audits {
		if auditKind(sentence) == finding {
			return sentence + "\n"
		}
	}
	return ""
}

// ErrNoCase says that a run is none for a corpus.
var ErrNoCase = errors.New("no case for a corpus")

// New makes a case of a failing run: minimised with the bug planted, as long as
// it passes without, unless the bug is native. An empty property is the first that the bug breaks. The
// error wraps [ErrNoCase] if the run fails without the bug, or passes with it.
func (k *Corpus) New(r scenario.Repro, bug, property string, budget int) (CorpusCase, ShrinkReport, error) {
	c := CorpusCase{Run: r, Bug: bug, Property: property}
	c.Run.Plant = nil
	for _, name := range r.Plant {
		if name != bug {
			return c, ShrinkReport{}, fmt.Errorf("%s is planted beside the bug: %w", name, ErrNoCase)
		}
	}
	run, err := k.asIs(&c)
	if err != nil {
		return c, ShrinkReport{}, err
	}
	if _, err := scenario.Check(planting(run, bug)); err != nil {
		return c, ShrinkReport{}, err
	}
	if sound := scenario.Run(run); sound.Verdict != result.Kept && !c.Native() {
		return c, ShrinkReport{}, fmt.Errorf("without the bug %s: %w", Sentence(sound), ErrNoCase)
	}
	report, err := k.shrink(&c, run, budget)
	return c, report, err
}

// shrink makes a case of a run that passes as it is.
func (k *Corpus) shrink(c *CorpusCase, run scenario.Case, budget int) (ShrinkReport, error) {
	native := c.Native()
	o := &Shrinker{Budget: budget, Accept: func(c scenario.Case) bool {
		c.Plant = nil
		return native || keeps(c)
	}}
	report, err := o.Shrink(planting(run, c.Bug), c.Property)
	if errors.Is(err, ErrNoFinding) {
		return report, fmt.Errorf("with %s planted %w: %w", c.Bug, err, ErrNoCase)
	}
	if err != nil {
		return report, err
	}
	small := report.Case
	c.Property = report.Finding
	c.Run.Seed, c.Run.Edits, c.Run.Faults = small.Seed, small.Edits, &report.Schedule
	small.Faults, small.Plant = &report.Schedule, nil
	c.note(scenario.Run(small), scenario.Run(planting(small, c.Bug)))
	return report, nil
}

// Add gives a new case a name that no other has, after its bug and its scenario,
// and writes it. A case that is there already is not written again.
func (k *Corpus) Add(c *CorpusCase) error {
	others, err := k.Cases()
	if err != nil {
		return err
	}
	for i := range others {
		if others[i].String() == c.String() {
			return fmt.Errorf("%s has this case already", k.path(others[i].Name))
		}
	}
	base := c.Bug + "-" + strings.NewReplacer("/", "-", `\`, "-").Replace(c.Run.Scenario)
	name := base
	for n := 2; slices.ContainsFunc(others, func(o CorpusCase) bool { return o.Name == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	c.Name = name
	return k.Write(c)
}

// Refreshed is what became of a case that was refreshed.
type Refreshed struct {
	Case    CorpusCase
	Changed bool
	Seeds   int // that were tried
}

// Refresh takes down the witnesses of today. For a case that is none any more it
// looks for a seed near its own, up to n of them, under which it is; and if there
// is none, for one under which the scenario's own schedule shows the bug, which is
// then minimised. The error says that nothing was found.
func (k *Corpus) Refresh(c *CorpusCase, n, budget int) (Refreshed, error) {
	v := k.Verify(c)
	if v.Problem == "" {
		return Refreshed{Case: v.fresh, Changed: v.Drifted}, nil
	}
	tried := 0
	for _, seed := range near(c.Run.Seed, n) {
		again := *c
		again.Run.Seed = seed
		tried++
		if v := k.Verify(&again); v.Problem == "" {
			return Refreshed{v.fresh, true, tried}, nil
		}
	}
	again := *c
	again.Run.Edits, again.Run.Faults = nil, nil
	for _, seed := range near(c.Run.Seed, n) {
		again.Run.Seed = seed
		run, err := k.asIs(&again)
		if err != nil {
			return Refreshed{}, err
		}
		tried++
		if !Shows(scenario.Run(planting(run, c.Bug)), c.Property) || !c.Native() && !keeps(run) {
			continue
		}
		if _, err := k.shrink(&again, run, budget); err != nil {
			return Refreshed{}, err
		}
		return Refreshed{again, true, tried}, nil
	}
	return Refreshed{Seeds: tried}, fmt.Errorf("%s; none of %d seeds near %#x makes it one again", v.Problem, n, c.Run.Seed)
}

// near are n seeds around one, the nearest first.
func near(seed uint64, n int) []uint64 {
	var list []uint64
	for d := uint64(0); len(list) < n; d++ {
		list = append(list, seed+d)
		if d > 0 && len(list) < n {
			list = append(list, seed-d)
		}
	}
	return list
}

// Superfluous are the cases that say nothing which a smaller one does not: of
// the same scenario, with the same bug, for the same property. Each has the name
// of the one that stays.
func Superfluous(cases []CorpusCase) map[string]string {
	best := make(map[[3]string]*CorpusCase)
	for i := range cases {
		c := &cases[i]
		key := [3]string{c.Run.Scenario, c.Bug, c.Property}
		if b := best[key]; b == nil || c.length() < b.length() {
			best[key] = c
		}
	}
	over := make(map[string]string)
	for i := range cases {
		c := &cases[i]
		if b := best[[3]string{c.Run.Scenario, c.Bug, c.Property}]; b != c {
			over[c.Name] = b.Name
		}
	}
	return over
}

func (c *CorpusCase) length() int { return strings.Count(*c.Run.Faults, "\n") }
