package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// BugScore is how soon, and how often, a planted bug was found.
type BugScore struct {
	Bug        string `json:"bug"`
	Difficulty int    `json:"difficulty"`
	Scenario   string `json:"scenario"`
	Property   string `json:"property"`           // that must name it
	Found      bool   `json:"found"`              // by that property, and nothing is reported without the bug
	FoundAt    string `json:"found_at,omitempty"` // the lowest seed that it named the bug at: 0x...
	Runs       uint64 `json:"runs"`               // of the seeds from 1 on
	Native     bool   `json:"native,omitempty"`   // it was not planted
	Fired      uint64 `json:"fired"`              // of them, in how many the bug changed anything; 0 of one that is native
	Any        uint64 `json:"any"`                // in how many anything was reported
	Named      uint64 `json:"named"`              // in how many by the property that must
	// MedianRuns is how many runs it takes until the bug is named, at the median over
	// all seeds that one may begin with. 0: from half of them on it is not named.
	MedianRuns uint64 `json:"median_runs"`
	// Others are what else broke, which counts for nothing.
	Others []string `json:"others,omitempty"`
	// Without is what is reported at the same seed without the bug: then it was not
	// the bug that was found.
	Without []string `json:"without,omitempty"`
	// Shrunk is the run at the lowest seed, made small; nil: not asked for, or not found.
	Shrunk *BugShrunk `json:"shrunk,omitempty"`

	named []uint64 // the seeds
}

// ControlScore is what was reported of a control: nothing should be.
type ControlScore struct {
	Control  string   `json:"control"`
	Scenario string   `json:"scenario"`
	Runs     uint64   `json:"runs"`
	Happened uint64   `json:"happened"` // in how many of them it came about
	Reported []string `json:"reported"` // "0x7 no-acked-loss"; of the first runs that were
}

// Silent reports whether a control came about and was not reported.
func (c *ControlScore) Silent() bool { return c.Happened > 0 && len(c.Reported) == 0 }

// Scorer measures how soon planted bugs are found, and that controls are not reported.
type Scorer struct {
	// Seeds, if not 0, are spent on each instead of its budget.
	Seeds uint64
	// In, if set, is the scenario that every bug is planted in, instead of the
	// experiment that was made to show it: how good a finder of bugs that scenario is.
	In string
	// First stops at the first seed that has found a bug.
	First bool
	// Shrink is how many replays may be spent on making a find small; 0: none.
	Shrink int
	// Stop, if set, is asked between runs, and ends a score with what there is.
	Stop func() bool
	// Progress, if set, is told how many of how many runs there were.
	Progress func(runs, of uint64)

	clean map[string][]string // what runs have reported without a bug: several bugs are looked for in the same
}

// How many runs are made before it is asked whether to go on: a few at first, since
// most bugs are found at once. What is reported does not hang on it.
const (
	firstChunk = 2
	scoreChunk = 16
)

// seeds is the budget of an experiment.
func (o *Scorer) seeds(x *Experiment) uint64 {
	switch {
	case o.Seeds != 0:
		return o.Seeds
	case o.In != "":
		return DefaultSeedsIn
	}
	return x.Seeds
}

// DefaultSeedsIn is how many seeds of a scenario that was not made for it a bug gets.
const DefaultSeedsIn = 300

// planted is what a bug is looked for in.
func (o *Scorer) planted(b *Bug) (scenario.Case, error) {
	if o.In == "" {
		return b.Planted()
	}
	x := Bug{Site: b.Site, Native: b.Native, Experiment: Experiment{Scenario: o.In}}
	return x.Planted()
}

// Bug plants a bug and runs one seed after the other. An error is one of the
// manifest, or of Scorer.In.
func (o *Scorer) Bug(b *Bug) (BugScore, error) {
	s := BugScore{Bug: b.Name(), Difficulty: b.Difficulty, Scenario: cmp.Or(o.In, b.Scenario), Property: b.Property, Native: b.Native != ""}
	c, err := o.planted(b)
	if err != nil {
		return s, fmt.Errorf("%s: %w", b.Name(), err)
	}
	seeds, chunk := o.seeds(&b.Experiment), uint64(firstChunk)
	for s.Runs < seeds && !(o.First && s.FoundAt != "") && !o.stopped() {
		n := min(chunk, seeds-s.Runs)
		chunk = min(2*chunk, scoreChunk)
		Sweep(c, s.Runs+1, n, func(r result.Result) {
			if !o.First || s.FoundAt == "" {
				s.take(b, &r)
			}
		})
		o.tell(s.Runs, seeds)
	}
	if s.FoundAt == "" {
		return s, nil
	}
	if !o.First {
		s.MedianRuns = medianRuns(s.named, s.Runs)
	}
	c.Seed = s.named[0]
	if b.Native == "" {
		s.Without = o.without(cmp.Or(o.In, fmt.Sprintf("%q", []any{b.Scenario, b.Set, b.Faults})), c)
	}
	if s.Found = len(s.Without) == 0; s.Found && o.Shrink > 0 && !o.stopped() {
		s.Shrunk, err = o.shrink(b, c)
	}
	return s, err
}

// take counts a run of seed s.Runs+1.
func (s *BugScore) take(b *Bug, r *result.Result) {
	s.Runs++
	if r.Reached[b.Name()] > 0 {
		s.Fired++
	}
	broken := brokenIn(r)
	if len(broken) > 0 {
		s.Any++
	}
	named := b.NamedBy(r)
	for _, p := range broken {
		// An audit that does not say what it must is something else, too.
		if (p != b.Property || !named) && !slices.Contains(s.Others, p) {
			s.Others = append(s.Others, p)
		}
	}
	if !named {
		return
	}
	if s.Named++; s.FoundAt == "" {
		s.FoundAt = r.Seed
	}
	s.named = append(s.named, s.Runs)
}

// without is what a run of an experiment reports when nothing is planted in it.
func (o *Scorer) without(experiment string, c scenario.Case) []string {
	run := fmt.Sprintf("%s %d", experiment, c.Seed)
	list, ok := o.clean[run]
	if !ok {
		if o.clean == nil {
			o.clean = make(map[string][]string)
		}
		list = without(c)
		o.clean[run] = list
	}
	return list
}

// without is what a run reports when nothing is planted in it.
func without(c scenario.Case) []string {
	c.Plant = nil
	r := scenario.Run(c)
	return brokenIn(&r)
}

// medianRuns is how many runs it takes to come to one of the seeds found, which
// ascend, at the median over all seeds from 1 to n that one may begin with; 0 if
// from half of them on there is none.
func medianRuns(found []uint64, n uint64) uint64 {
	const never = math.MaxUint64
	list := make([]uint64, 0, n)
	for first := uint64(1); first <= n; first++ {
		for len(found) > 0 && found[0] < first {
			found = found[1:]
		}
		if len(found) == 0 {
			list = append(list, never)
		} else {
			list = append(list, found[0]-first+1)
		}
	}
	if m := upperMedian(list); m != never {
		return m
	}
	return 0
}

// upperMedian is the greater of the two in the middle of an even number; 0 of none.
func upperMedian[N cmp.Ordered](list []N) (m N) {
	if len(list) > 0 {
		m = slices.Sorted(slices.Values(list))[len(list)/2]
	}
	return m
}

// mostReported is how many reports of a control are listed.
const mostReported = 5

// Control runs a control on its budget. An error is one of the table.
func (o *Scorer) Control(c *Control) (ControlScore, error) {
	s := ControlScore{Control: c.Name, Scenario: c.Scenario, Reported: []string{}}
	x, err := c.Case()
	if err != nil {
		return s, fmt.Errorf("%s: %w", c.Name, err)
	}
	seeds := o.seeds(&c.Experiment)
	for s.Runs < seeds && !o.stopped() {
		Sweep(x, s.Runs+1, min(scoreChunk, seeds-s.Runs), func(r result.Result) { s.take(c, &r) })
		o.tell(s.Runs, seeds)
	}
	return s, nil
}

func (s *ControlScore) take(c *Control, r *result.Result) {
	s.Runs++
	if c.happened(r) {
		s.Happened++
	}
	for _, p := range brokenIn(r) {
		if len(s.Reported) < mostReported {
			s.Reported = append(s.Reported, r.Seed+" "+p)
		}
	}
}

func (o *Scorer) stopped() bool { return o.Stop != nil && o.Stop() }

func (o *Scorer) tell(runs, of uint64) {
	if o.Progress != nil {
		o.Progress(runs, of)
	}
}
