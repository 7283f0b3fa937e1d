package gate

import (
	"fmt"
	"runtime"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Config is a check to be made.
type Config struct {
	Version string // of the program, which a merge compares
	// Cases are the scenarios; each is run under every seed, so their own seeds
	// do not matter. Whoever calls has found them good with [scenario.Check].
	Cases []scenario.Case
	// Repeat has for each case the command that makes one run of it again.
	Repeat []string

	Seeds Seeds
	// For, if it is not 0, ends the check after that time, but not before
	// MinSeeds seeds were run.
	For      time.Duration
	MinSeeds uint64

	Workers     int      // 0: as many as there are cores
	MaxFailures int64    // ends the check; 0: never
	Twice       Share    // of the runs are made twice
	Required    []string // situations
	Canary      bool
	Shard       Shard
	// Corpus are failures of the past, which are verified before the runs
	// ([Corpus.Verify]). They do not count as runs, nor for MaxFailures.
	Corpus []CorpusCase
	// Find finds their scenarios; nil is [Catalog].
	Find func(name string) (*scenario.Spec, error)
	// Refresh is the command that finds those again which have drifted.
	Refresh string
	// Shrink is the budget, in replays, for the smallest run of the first failure of
	// each kind, which is explained; 0 explains none.
	Shrink int

	// Run makes a run; nil is [scenario.Run].
	Run Runner
	// Each, if set, gets every run in order.
	Each func(*result.CheckRun)
	// Progress, if set, is told of every run.
	Progress func(Progress)
	// Telling, if set, is told what the check does after its runs.
	Telling func(what string)
	// Stop, when closed, interrupts the check: what is under way is finished.
	Stop <-chan struct{}
	// Now is the clock of For; nil is [time.Now].
	Now func() time.Time
}

// Progress is how far a check is.
type Progress struct {
	Done, Failures int64
	Of             int64 // runs in all; 0 in time mode
}

// Plan is what the check has in common with the other shards of it.
func (c *Config) Plan() Plan {
	p := Plan{Version: c.Version, Core: scenario.Core, Seeds: c.Seeds, For: c.For, MaxFailures: c.MaxFailures, Twice: c.Twice, Required: append([]string{}, c.Required...), Shrink: c.Shrink, Refresh: c.Refresh}
	if c.Canary {
		p.Canary = canaryBug.String()
	}
	for i, x := range c.Cases {
		repeat := ""
		if i < len(c.Repeat) {
			repeat = c.Repeat[i]
		}
		p.Scenarios = append(p.Scenarios, planScenario(x, repeat))
	}
	for i := range c.Corpus {
		p.Corpus = append(p.Corpus, planCase(&c.Corpus[i]))
	}
	return p
}

// Check makes the runs of a check. The runs are numbered, all scenarios of a seed
// before the next seed, and what it comes to depends on them and not on the
// number of workers: a check that ends early has made all runs below the one that
// ended it, and counts none above.
func Check(c Config) result.Check {
	s := c.start()
	if c.Canary {
		s.tally.check.Canary = canary(s.Run)
	}
	s.verify()
	if !s.interrupted() {
		inOrder(s.workers(), s.next, s.run, s.collect)
	}
	switch {
	case s.tally.check.Stopped != "":
	case s.stopped:
		s.tally.check.Stopped = "interrupted"
	case s.late:
		s.tally.check.Stopped = "time"
	}
	s.explain()
	part := c.Shard.Count > 1
	if part {
		s.tally.check.Shard = c.Shard.String()
	}
	return s.tally.finish(part)
}

// checking is a check under way.
type checking struct {
	*Config
	plan  Plan
	tally *tally
	began time.Time

	seed          uint64 // the cursor: the place of the seed in Seeds
	scenario      int    // and of the scenario in Cases
	stopped, late bool   // why the cursor stands
}

func (c *Config) start() *checking {
	if c.Run == nil {
		c.Run = scenario.Run
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Shard.Count == 0 {
		c.Shard = Shard{0, 1}
	}
	s := &checking{Config: c, plan: c.Plan(), seed: c.Shard.Index, began: c.Now()}
	s.tally = newTally(&s.plan)
	return s
}

func (s *checking) workers() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (s *checking) interrupted() bool {
	select {
	case <-s.Stop:
		s.stopped = true
	default:
	}
	return s.stopped
}

// next is the number of the next run of this shard. Time is looked at before a
// seed, so that every scenario gets the same ones.
func (s *checking) next() (index int64, more bool) {
	if s.seed >= s.Seeds.N || s.interrupted() {
		return 0, false
	}
	if s.For > 0 && s.scenario == 0 && s.seed >= s.MinSeeds && s.Now().Sub(s.began) >= s.For {
		s.late = true
		return 0, false
	}
	index = int64(s.seed)*int64(len(s.Cases)) + int64(s.scenario)
	if s.scenario++; s.scenario == len(s.Cases) {
		s.scenario = 0
		s.seed += s.Shard.Count
	}
	return index, true
}

// run makes the run of that number, and makes it again if it was drawn, or if it
// has failed: what does not fail the same way twice is not reported as a failure
// of the broker.
func (s *checking) run(index int64) (r *result.CheckRun) {
	c := s.caseOf(index)
	r = &result.CheckRun{Index: index}
	defer func() {
		if p := recover(); p != nil {
			r.Internal = fmt.Sprintf("panic: %v", p)
			r.Result = result.Result{V: result.Version, Scenario: c.Spec.Name, Seed: fmt.Sprintf("%#x", c.Seed), Verdict: result.Unknown, Exit: result.ExitInternal}
		}
	}()
	r.Result = s.Run(c)
	if s.Twice.includes(index) || r.Failed() {
		r.Twice = true
		again := s.Run(c)
		r.Difference = compare(s.Run, c, &r.Result, &again)
	}
	return r
}

// caseOf is the case of the run of that number.
func (s *checking) caseOf(index int64) scenario.Case {
	n := int64(len(s.Cases))
	c := s.Cases[index%n]
	c.Seed = s.Seeds.First + uint64(index/n)
	c.History, c.Trace = nil, nil
	return c
}

func (s *checking) collect(r *result.CheckRun) (more bool) {
	more = s.tally.add(r)
	if s.Each != nil {
		s.Each(r)
	}
	if s.Progress != nil {
		p := Progress{Done: s.tally.check.Runs, Failures: s.tally.failures}
		if s.For == 0 {
			p.Of = int64(s.Shard.of(s.Seeds.N)) * int64(len(s.Cases))
		}
		s.Progress(p)
	}
	return more
}
