package gate

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"brokersim/checker/result"
	"brokersim/faults"
	"brokersim/sim/scenario"
)

// DefaultShrinkBudget is how many replays a shrink may take if nobody says.
const DefaultShrinkBudget = 200

// Shrink returns the smallest case it can find, within budget replays, that has
// the same finding ([FindingOf]). A case that does not have it comes back as it
// is. The same arguments give the same case.
func Shrink(c scenario.Case, finding string, budget int) scenario.Case {
	report, err := (&Shrinker{Budget: budget}).Shrink(c, finding)
	if err != nil {
		return c
	}
	return report.Case
}

// Shrinker makes failing cases small by running smaller ones: first without most
// of the faults, then with less work for fewer clients, partitions and brokers,
// then with milder faults at rounder times. Draws are keyed by what they decide,
// so what is left of a case behaves as it did.
type Shrinker struct {
	Budget  int // most replays; 0 = DefaultShrinkBudget
	Workers int // replays at a time; 0 = one a core. What comes out does not depend on it
	// Stop, if set, is asked before replays, and ends the shrink with what it has.
	Stop func() bool
	// Accept, if set, says what else must be true of a case that has the finding.
	// It must be pure, and may be called from several goroutines.
	Accept func(scenario.Case) bool
	// Progress, if set, is told after replays how many there were.
	Progress func(replays int)

	run Runner // makes a run; nil = scenario.Run
}

// Size is how large a run is.
type Size struct {
	Events  int64
	Faults  int // steps that make something go wrong, not those that undo it
	Records int64
}

// ShrinkReport is what a shrink came to.
type ShrinkReport struct {
	Finding         string
	Case            scenario.Case
	Result          result.Result // of Case
	Schedule        string        // of Case, all its roles resolved
	Original, Final Size
	Replays         int
	Removed         []string // faults that were not needed, as they were applied
	NotNeeded       []string // what else was not
	Exhausted       bool     // the budget ended before the ideas did
	Stopped         bool     // by Stop
}

// String is the report in one line.
func (r *ShrinkReport) String() string {
	return fmt.Sprintf("shrunk %d -> %d events, %d -> %d faults, %d -> %d records (%d replays)",
		r.Original.Events, r.Final.Events, r.Original.Faults, r.Final.Faults, r.Original.Records, r.Final.Records, r.Replays)
}

// ErrNoFinding says that a case does not have the finding that it is to keep.
var ErrNoFinding = errors.New("the run does not show it")

// Shrink makes c small. An empty finding is the first that c shows. The error is
// that of a case that cannot be run, or wraps [ErrNoFinding].
func (o *Shrinker) Shrink(c scenario.Case, finding string) (ShrinkReport, error) {
	if _, err := scenario.Check(c); err != nil {
		return ShrinkReport{}, err
	}
	c.History, c.Trace, c.Until = nil, nil, 0
	run := o.run
	if run == nil {
		run = scenario.Run
	}
	first := run(c)
	if finding == "" {
		finding = FindingOf(first)
	}
	if !Shows(first, finding) {
		if finding == "" {
			return ShrinkReport{}, fmt.Errorf("nothing is broken in %s: %w", first.Repro, ErrNoFinding)
		}
		return ShrinkReport{}, fmt.Errorf("%s is not broken in %s: %w", finding, first.Repro, ErrNoFinding)
	}
	s := &shrink{Shrinker: o, finding: finding, budget: o.Budget, workers: o.Workers, makes: run, replays: 1}
	if s.budget <= 0 {
		s.budget = DefaultShrinkBudget
	}
	if s.workers <= 0 {
		s.workers = runtime.GOMAXPROCS(0)
	}
	written, err := scenario.Schedule(c)
	if err != nil {
		return ShrinkReport{}, err
	}
	original := Size{first.Events, wrongs(written), first.Ledger.Sent}
	s.adopt(c, first)
	s.resolve(first.Faults)
	applied := s.schedule
	s.removeFaults()
	s.noteRemoved(applied)
	s.removeWork()
	s.soften()
	softened := s.schedule
	s.removeEach() // what is rounder may do without what it once needed
	s.noteRemoved(softened)
	return ShrinkReport{
		Finding: finding, Case: s.best, Result: s.result, Schedule: s.schedule.String(),
		Original: original, Final: Size{s.result.Events, wrongs(s.schedule), s.result.Ledger.Sent},
		Replays: s.replays, Removed: s.removed, NotNeeded: s.notNeeded,
		Exhausted: s.replays >= s.budget, Stopped: s.stopped,
	}, nil
}

// shrink is one shrink under way.
type shrink struct {
	*Shrinker
	finding         string
	budget, workers int
	makes           Runner

	best     scenario.Case // the smallest so far that has the finding
	result   result.Result
	schedule faults.Schedule // of best

	replays   int
	stopped   bool
	removed   []string
	notNeeded []string
}

func (s *shrink) adopt(c scenario.Case, r result.Result) {
	s.best, s.result = c, r
	if schedule, err := scenario.Schedule(c); err == nil { // it was run
		s.schedule = schedule
	}
}

// first runs cases in their order until one has the finding, makes that the
// best, and returns its index, or -1. Cases that cannot be run are passed over.
//
// Several are run at a time, but those behind the first that has it count for
// nothing, not even as replays: the outcome is that of running one by one.
func (s *shrink) first(cases ...scenario.Case) int {
	var able []int
	for i := range cases {
		if _, err := scenario.Check(cases[i]); err == nil {
			able = append(able, i)
		}
	}
	for len(able) > 0 && s.replays < s.budget {
		if s.stopped = s.stopped || s.Stop != nil && s.Stop(); s.stopped {
			return -1
		}
		now := able[:min(len(able), s.workers, s.budget-s.replays)]
		able = able[len(now):]
		for k, t := range s.together(cases, now) {
			if s.replays++; t.shows {
				s.adopt(cases[now[k]], t.result)
				s.tell()
				return now[k]
			}
		}
		s.tell()
	}
	return -1
}

func (s *shrink) tell() {
	if s.Progress != nil {
		s.Progress(s.replays)
	}
}

// tried is what came of one case.
type tried struct {
	result result.Result
	shows  bool
}

func (s *shrink) together(cases []scenario.Case, which []int) []tried {
	list := make([]tried, len(which))
	var wg sync.WaitGroup
	for k, i := range which {
		wg.Go(func() {
			r := s.makes(cases[i])
			list[k] = tried{r, Shows(r, s.finding) && (s.Accept == nil || s.Accept(cases[i]))}
		})
	}
	wg.Wait()
	return list
}

// spent reports whether nothing more can be tried.
func (s *shrink) spent() bool { return s.stopped || s.replays >= s.budget }

// edit is the best case with one edit more, instead of an earlier one of the
// same thing.
func (s *shrink) edit(key, value string) scenario.Case {
	c := s.best
	c.Edits = nil
	for _, e := range s.best.Edits {
		if e.Key != key || key == scenario.EditWithout || key == scenario.EditWithoutTopic {
			c.Edits = append(c.Edits, e)
		}
	}
	c.Edits = append(c.Edits, scenario.Edit{Key: key, Value: value})
	return c
}

// with is the best case with another schedule.
func (s *shrink) with(schedule faults.Schedule) scenario.Case {
	c, text := s.best, schedule.String()
	c.Faults = &text
	return c
}
