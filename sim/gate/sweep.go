// Package gate runs one scenario over many seeds, on all cores. A run is a
// value with no shared state, so this is the only place that needs goroutines.
package gate

import (
	"runtime"
	"sync"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Sweep runs c once for each seed in [first, first+n) on as many goroutines as
// there are cores and hands the results to each in the order of the seeds, from
// one goroutine: what is printed does not depend on which run ended first.
func Sweep(c scenario.Case, first, n uint64, each func(result.Result)) {
	workers := uint64(runtime.GOMAXPROCS(0))
	type done struct {
		index uint64
		r     result.Result
	}
	next := make(chan uint64)
	results := make(chan done, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				mine := c
				mine.Seed = first + i
				results <- done{i, scenario.Run(mine)}
			}
		})
	}
	go func() {
		for i := range n {
			next <- i
		}
		close(next)
		wg.Wait()
		close(results)
	}()
	early := make(map[uint64]result.Result)
	turn := uint64(0)
	for d := range results {
		early[d.index] = d.r
		for r, ok := early[turn]; ok; r, ok = early[turn] {
			delete(early, turn)
			turn++
			each(r)
		}
	}
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
