package gate

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
	"brokersim/sim/story"
)

// Explainer says how a failing run came to fail: it shrinks it, tells the smallest
// run as a story, and makes other runs to learn what matters. What it says does
// not depend on the number of workers.
type Explainer struct {
	Shrinker // of the run; a negative Budget leaves it as it is
	// Likelihood is how many futures are tried after each step of the story; 0 is none.
	Likelihood int
	// Telling, if set, is told what it does now.
	Telling func(what string)
}

// Explain explains why a case has a finding; an empty one is the first that it has.
// Errors are those of [Shrinker.Shrink], and [ErrNotRepeated].
func (o *Explainer) Explain(c scenario.Case, finding string) (result.Explanation, error) {
	first, report, err := o.smallest(c, finding)
	if err != nil {
		return result.Explanation{}, err
	}
	e := result.Explanation{
		V: result.Version, Finding: report.Finding, Result: report.Result, Repro: report.Result.Repro, Original: first.Repro,
		Shrunk: shrunk(&first, &report), Needed: needed(report.Case, report.Result.Faults), NotNeeded: notNeeded(&report),
		Settings: []result.Setting{}, Nearest: []result.Variant{},
	}
	if e.Verified, err = o.verify(report.Case, report.Result.TraceHash); err != nil {
		return e, err
	}
	o.say("telling how it came about")
	property, v := violationOf(&report.Result, report.Finding)
	_, told := story.Tell(report.Case, property, &v)
	e.Story, e.Why, e.Sentence = told.Story, told.Why, v.What
	if settings, err := scenario.Settings(report.Case); err == nil { // it was run
		for _, s := range settings.Changed() {
			e.Settings = append(e.Settings, result.Setting{Name: s.Key, Value: s.Value, Default: s.Default, Source: s.From})
		}
	}
	o.say("looking for settings that pass")
	e.AsItIs, e.Nearest = o.nearest(report.Case)
	if o.Likelihood > 0 {
		o.say("trying other futures")
		e.Likelihood = o.chances(report.Case, report.Finding, &e.Story)
	}
	return e, nil
}

func (o *Explainer) say(what string) {
	if o.Telling != nil {
		o.Telling(what)
	}
}

// smallest is the first run of a case and the smallest that fails as it does.
func (o *Explainer) smallest(c scenario.Case, finding string) (first result.Result, report ShrinkReport, err error) {
	c.History, c.Trace, c.Watch, c.Until = nil, nil, nil, 0
	if _, err := scenario.Check(c); err != nil {
		return first, report, err
	}
	run := o.runner()
	first = run(c)
	if o.Budget < 0 {
		if finding == "" {
			finding = FindingOf(first)
		}
		if !Shows(first, finding) {
			return first, report, fmt.Errorf("nothing of that kind is broken in %s: %w", first.Repro, ErrNoFinding)
		}
		return first, ShrinkReport{Finding: finding, Case: c, Result: first, Schedule: strings.Join(first.Faults, "\n")}, nil
	}
	report, err = o.Shrinker.Shrink(c, finding)
	return first, report, err
}

func (o *Explainer) runner() Runner {
	if o.run != nil {
		return o.run
	}
	return scenario.Run
}

// ErrNotRepeated says that the same case was another run the next time.
var ErrNotRepeated = errors.New("one seed, two runs")

const verifications = 2

// verify makes the smallest run again.
func (o *Explainer) verify(c scenario.Case, hash string) (times int, err error) {
	for range verifications {
		if again := o.runner()(c); again.TraceHash != hash {
			return times, fmt.Errorf("%w: trace hash %s, and again %s, of %s", ErrNotRepeated, hash, again.TraceHash, again.Repro)
		}
		times++
	}
	return times, nil
}

func shrunk(first *result.Result, r *ShrinkReport) result.Shrunk {
	s := result.Shrunk{
		From: result.Size(r.Original), To: result.Size(r.Final), Replays: r.Replays,
		Original: strings.Join(first.Faults, "\n"), Minimal: r.Schedule,
	}
	switch {
	case r.Replays == 0:
		s.From = result.Size{Events: first.Events, Records: first.Ledger.Sent, Faults: len(needed(r.Case, first.Faults))}
		s.To = s.From
	case r.Stopped:
		s.Cut = "stopped"
	case r.Exhausted:
		s.Cut = "budget"
	}
	return s
}

// needed are the steps of a schedule that were applied and make something go wrong.
func needed(c scenario.Case, applied []string) []string {
	list := []string{}
	for _, text := range applied {
		if !strings.HasPrefix(text, "#") {
			list = append(list, text)
		}
	}
	text := strings.Join(list, "\n")
	c.Faults = &text
	schedule, err := scenario.Schedule(c)
	if err != nil || len(schedule) != len(list) {
		return list
	}
	wrong := list[:0]
	for i := range schedule {
		if !undoes(&schedule[i]) {
			wrong = append(wrong, list[i])
		}
	}
	return wrong
}

func notNeeded(r *ShrinkReport) []string {
	return append(append([]string{}, r.Removed...), r.NotNeeded...)
}

// violationOf is the violation of a result that a finding names first, and the
// property to tell it by.
func violationOf(r *result.Result, finding string) (property string, v result.Violation) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Property == finding && len(f.Violations) > 0 {
			return finding, f.Violations[0]
		}
	}
	for _, sentence := range r.Audits {
		if auditKind(sentence) == finding {
			return story.Audit, result.Violation{What: sentence}
		}
	}
	return finding, result.Violation{What: finding}
}

// together runs cases, several at a time, and hands their results out in order.
func (o *Explainer) together(cases []scenario.Case, each func(i int, r *result.Result)) {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	turn, run, done := -1, o.runner(), 0
	next := func() (int, bool) {
		turn++
		return turn, turn < len(cases) && (o.Stop == nil || !o.Stop())
	}
	inOrder(workers, next, func(i int) result.Result { return run(cases[i]) }, func(r result.Result) bool {
		each(done, &r)
		if done++; o.Progress != nil {
			o.Progress(done)
		}
		return true
	})
}
