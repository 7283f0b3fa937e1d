// Package gate runs scenarios over many seeds, on all cores. A run is a value
// with no shared state, so this is the only place that needs goroutines; what a
// sweep comes to depends on its runs and not on how many there are.
//
// [Test] is the door for others: it puts their broker, or a changed broker/log,
// through the gate from go test. What may be brought along, and how much is seen of
// it, says [scenario.Case.Broker].
package gate

import (
	"runtime"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Sweep runs c once for each seed in [first, first+n) on as many goroutines as
// there are cores and hands the results to each in the order of the seeds, from
// one goroutine: what is printed does not depend on which run ended first.
func Sweep(c scenario.Case, first, n uint64, each func(result.Result)) {
	SweepOf(c, first, n, scenario.Run, each)
}

// SweepOf is [Sweep] with another way to make a run, which is called by several
// goroutines at a time.
func SweepOf[R any](c scenario.Case, first, n uint64, make func(scenario.Case) R, each func(R)) {
	turn := uint64(0)
	next := func() (seed uint64, more bool) {
		if turn == n {
			return 0, false
		}
		turn++
		return first + turn - 1, true
	}
	run := func(seed uint64) R {
		mine := c
		mine.Seed = seed
		return make(mine)
	}
	inOrder(runtime.GOMAXPROCS(0), next, run, func(r R) bool {
		each(r)
		return true
	})
}

// Tally is what a sweep came to.
type Tally struct {
	Runs, Broken, Vacuous, Unknown int
	Audits                         int            // runs in which an audit failed
	Properties                     map[string]int // runs in which a property was broken
	Reached                        map[string]int // runs in which a situation came about
	Failing                        []result.Result
}

// Add counts one result and keeps it if it is not kept.
func (t *Tally) Add(r result.Result) {
	if t.Properties == nil {
		t.Properties, t.Reached = make(map[string]int), make(map[string]int)
	}
	t.Runs++
	switch r.Verdict {
	case result.Broken:
		t.Broken++
	case result.Vacuous:
		t.Vacuous++
	case result.Unknown:
		t.Unknown++
	}
	if len(r.Audits) > 0 {
		t.Audits++
	}
	for _, f := range r.Findings {
		if f.Outcome == result.Broken {
			t.Properties[f.Property]++
		}
	}
	for s, n := range r.Reached {
		if n > 0 {
			t.Reached[s]++
		}
	}
	if r.Verdict != result.Kept {
		t.Failing = append(t.Failing, r)
	}
}
