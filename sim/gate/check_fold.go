package gate

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// tally folds runs, in the order of their numbers, into what the check came to. A
// check of one process and a merge of shards fold the same runs, and so say the
// same.
type tally struct {
	plan     *Plan
	check    result.Check
	failures int64
	places   []map[string]int // by scenario: where a property stands
	last     int64            // the number of the last run
	kinds    []failureKind    // of failures to explain
	explain  []int64          // the number of the first run of each kind
}

func newTally(p *Plan) *tally {
	t := &tally{plan: p, places: make([]map[string]int, len(p.Scenarios)), last: -1}
	t.check = result.Check{
		V: result.Version, Results: []result.Result{}, Reached: map[string]int64{},
		Required: append([]string{}, p.Required...), Scenarios: []result.CheckScenario{},
	}
	if len(p.Corpus) > 0 {
		t.check.Refresh = p.Refresh
	}
	for i, s := range p.Scenarios {
		t.places[i] = map[string]int{}
		t.check.Scenarios = append(t.check.Scenarios, result.CheckScenario{Name: s.Name, Properties: []result.CheckProperty{}, Repeat: s.Repeat})
	}
	return t
}

// add counts a run and reports whether more are wanted.
func (t *tally) add(r *result.CheckRun) (more bool) {
	c := &t.check
	t.last = r.Index
	at := int(r.Index % int64(len(t.plan.Scenarios)))
	s := &c.Scenarios[at]
	c.Runs++
	s.Runs++
	t.repeated(r)
	if r.Internal != "" {
		c.Internal = append(c.Internal, fmt.Sprintf("%s seed %s: %s", s.Name, r.Result.Seed, r.Internal))
	} else {
		t.count(r, s)
		t.properties(r, s, t.places[at])
	}
	t.explainable(r)
	if r.Failed() {
		t.failures++
	}
	if t.plan.MaxFailures > 0 && t.failures >= t.plan.MaxFailures {
		c.Stopped = "failures"
		return false
	}
	return true
}

func (t *tally) repeated(r *result.CheckRun) {
	if !r.Twice {
		return
	}
	d := &t.check.Determinism
	d.Checked++
	if r.Difference == nil {
		d.Same++
	} else {
		d.Differences = append(d.Differences, *r.Difference)
	}
}

func (t *tally) count(r *result.CheckRun, s *result.CheckScenario) {
	c := &t.check
	c.VirtualNS += r.Result.VirtualNS
	s.VirtualNS += r.Result.VirtualNS
	c.Events += r.Result.Events
	for situation, n := range r.Result.Reached {
		if n > 0 {
			c.Reached[situation]++
		} else {
			c.Reached[situation] += 0 // known, and never reached
		}
	}
	switch {
	case r.Violated():
		c.Violations++
		s.Violations++
	case r.Result.Verdict == result.Unknown:
		c.Unknown++
		s.Unknown++
	case r.Result.Verdict == result.Vacuous:
		c.Vacuous++
		s.Vacuous++
	default:
		s.Kept++
		return
	}
	// Failures are as many as stop the check; what else is not kept may be many.
	if r.Violated() || len(c.Results) < mostResults {
		c.Results = append(c.Results, r.Result)
	} else {
		c.Unlisted++
	}
}

// mostResults is how many results of vacuous and unknown runs are listed.
const mostResults = 20

func (t *tally) properties(r *result.CheckRun, s *result.CheckScenario, places map[string]int) {
	entry := func(name string) *result.CheckProperty {
		at, ok := places[name]
		if !ok {
			at = len(s.Properties)
			places[name] = at
			s.Properties = append(s.Properties, result.CheckProperty{Property: name})
		}
		return &s.Properties[at]
	}
	for i := range r.Result.Findings {
		f := &r.Result.Findings[i]
		p := entry(f.Property)
		p.Looked += f.Looked
		switch f.Outcome {
		case result.Kept:
			p.Kept++
		case result.Broken:
			p.Broken++
			if p.FirstSeed == "" {
				p.FirstSeed = r.Result.Seed
				if len(f.Violations) > 0 {
					p.First = f.Violations[0].What
				}
			}
		case result.Vacuous:
			p.Vacuous++
		default:
			p.Unknown++
		}
	}
	if slices.ContainsFunc(r.Result.Findings, func(f result.Finding) bool { return f.Property == result.Audits }) {
		return // nobody could look into these brokers
	}
	p := entry(result.Audits)
	p.Looked += r.Result.Events // each step of a broker is followed by one
	if len(r.Result.Audits) == 0 {
		p.Kept++
		return
	}
	p.Broken++
	if p.FirstSeed == "" {
		p.First, p.FirstSeed = r.Result.Audits[0], r.Result.Seed
	}
}

// finish judges what was folded. A part of a check leaves to the merge what only
// the whole can say: what was never reached, and what was always vacuous.
func (t *tally) finish(part bool) result.Check {
	c := &t.check
	c.Seeds = t.seeds().String()
	for i := range c.Corpus {
		if x := &c.Corpus[i]; x.Internal != "" {
			c.Internal = append(c.Internal, fmt.Sprintf("case %s of the corpus: %s", x.Name, x.Internal))
		}
	}
	switch {
	case c.Canary == nil && t.plan.Canary != "":
		t.doubt("The canary was not run.")
	case c.Canary != nil && c.Canary.Seed == "":
		t.doubt("The canary is alive: %s was planted into %s and %s found nothing in %d runs. The checker is blind.", c.Canary.Bug, c.Canary.Scenario, c.Canary.Property, c.Canary.Runs)
	}
	if c.Unknown > 0 {
		t.doubt("Of %d runs nobody can tell whether they kept their promises.", c.Unknown)
	}
	if c.Runs == 0 {
		t.doubt("Nothing was run.")
	}
	if !part && c.Stopped != "failures" && c.Stopped != "interrupted" && c.Runs > 0 {
		t.coverage()
	}
	if c.Violations == 0 && len(c.Internal) == 0 && len(c.Determinism.Differences) == 0 {
		c.Bound = bound(t.kept())
	}
	t.judge()
	return *c
}

func (t *tally) doubt(format string, args ...any) {
	t.check.Doubts = append(t.check.Doubts, fmt.Sprintf(format, args...))
}

func (t *tally) kept() (n int64) {
	for i := range t.check.Scenarios {
		n += t.check.Scenarios[i].Kept
	}
	return n
}

// seeds are those whose runs were folded.
func (t *tally) seeds() Seeds {
	if t.plan.For > 0 || t.check.Stopped != "" {
		return Seeds{t.plan.Seeds.First, uint64(t.last/int64(len(t.plan.Scenarios)) + 1)}
	}
	return t.plan.Seeds
}

func (t *tally) coverage() {
	var missing []string
	for _, situation := range t.check.Required {
		if t.check.Reached[situation] == 0 {
			missing = append(missing, situation)
		}
	}
	if len(missing) > 0 {
		t.doubt("Never reached, though required: %s.", strings.Join(missing, ", "))
	}
	for i := range t.check.Scenarios {
		if s := &t.check.Scenarios[i]; s.Runs > 0 && s.Vacuous == s.Runs {
			t.doubt("In no run of %s was there anything to look at.", s.Name)
		}
	}
}

func (t *tally) judge() {
	c := &t.check
	c.Exit = result.ExitKept
	worse := func(so bool, code int) {
		if so {
			c.Exit = result.Worse(c.Exit, code)
		}
	}
	worse(len(c.Doubts) > 0, result.ExitInconclusive)
	worse(c.Violations > 0 || c.FailedCases() > 0, result.ExitBroken)
	worse(len(c.Internal) > 0, result.ExitInternal)
	worse(len(c.Determinism.Differences) > 0, result.ExitNondeterminism)
	switch {
	case c.Violations > 0 || c.FailedCases() > 0:
		c.Verdict = result.Broken
	case c.Exit == result.ExitKept:
		c.Verdict = result.Kept
	case c.Runs > 0 && c.Vacuous == c.Runs:
		c.Verdict = result.Vacuous
	default:
		c.Verdict = result.Unknown
	}
	if c.Stopped == "interrupted" {
		c.Exit = result.ExitInterrupted
	}
}
