package gate

import (
	"fmt"
	"slices"
	"testing"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// Each promise to an application, a bug that breaks it, and what it takes: a use case as
// it stands, or with other faults.
var applicationBugs = []struct {
	bug      failpoint.Site
	property string
	Experiment
	least int // of 10 seeds
}{
	{failpoint.F01SaveFetched, "delivered", Experiment{Scenario: "microservices"}, 8},
	{failpoint.F01SaveFetched, "entity-order", Experiment{Scenario: "microservices", Set: []string{"consumer.max.poll.records=1"}, Faults: `
1s..1100ms for 200ms     crash payment
1400ms..1500ms for 200ms crash payment
1800ms..1900ms for 200ms crash payment
2200ms..2300ms for 200ms crash payment
`}, 5},
	{failpoint.R24AckBeforeISR, "folded-state", Experiment{Scenario: "event-sourcing"}, 8},
	{failpoint.F08RetryWithoutSequence, "folded-state", Experiment{Scenario: "event-sourcing"}, 8},
	{failpoint.F01SaveFetched, "window-sums", Experiment{Scenario: "analytics"}, 5},
	{failpoint.F01SaveFetched, "no-acked-gap", Experiment{Scenario: "log-aggregation", Set: []string{"consumer.max.poll.records=10"}, Faults: `
2010ms..2050ms for 100ms crash archive
2200ms..2250ms for 100ms crash archive
`}, 5},
	{failpoint.R24AckBeforeISR, "last-value", Experiment{Scenario: "cdc", Faults: `
1500ms for 1s            cut leader follower
1500ms for 1s            cut leader follower2
1750ms..1900ms for 1s    crash leader
`}, 5},
	{failpoint.F08RetryWithoutSequence, "group-counts", Experiment{Scenario: "activity-tracking"}, 8},
	{failpoint.F01SaveFetched, "group-counts", Experiment{Scenario: "activity-tracking", Set: []string{"consumer.max.poll.records=1"}, Faults: `
1s for 200ms    crash newsfeed
1500ms for 200ms crash newsfeed
2s for 200ms    crash newsfeed
2500ms for 200ms crash newsfeed
`}, 3},
	{failpoint.L01WaitOut, "isolation", Experiment{Scenario: "microservices", Set: []string{"consumer.request.timeout.ms=2000"}}, 8},
	{failpoint.L02RestartLinger, "lateness", Experiment{Scenario: "analytics", Set: []string{"producer.linger.ms=100"}}, 8},
}

// Every promise to an application is broken by a bug, and by nothing without it.
func TestApplicationPromises(t *testing.T) {
	if testing.Short() {
		t.Skip("many runs, each on one core: without -short")
	}
	n := longer(4, 40)
	clean := make(map[string]*Tally) // several bugs break promises of one
	for _, row := range applicationBugs {
		c, err := row.Case()
		if err != nil {
			t.Fatal(err)
		}
		as := fmt.Sprintf("%q %q %q", row.Scenario, row.Set, row.Faults)
		if clean[as] == nil {
			clean[as] = tallyOf(c, 1, n)
		}
		if clean := clean[as]; clean.Broken+clean.Vacuous+clean.Unknown > 0 {
			t.Errorf("%s: without a bug %d runs are broken, %d vacuous, %d unknown: %v", row.Scenario, clean.Broken, clean.Vacuous, clean.Unknown, clean.Properties)
		}
		c.Plant = []string{row.bug.String()}
		got := tallyOf(c, 1, n)
		t.Logf("%v in %s: by property %v of %d runs", row.bug, row.Scenario, sorted(got.Properties), got.Runs)
		if have := got.Properties[row.property]; have*10 < row.least*got.Runs {
			t.Errorf("%v: %s was broken in only %d of %d runs of %s", row.bug, row.property, have, got.Runs, row.Scenario)
		}
	}
}

// A promise to an application of which nothing was to be seen is vacuous.
func TestApplicationPromisesAreVacuous(t *testing.T) {
	for _, name := range []string{"microservices", "event-sourcing", "analytics", "log-aggregation", "cdc", "activity-tracking"} {
		c, err := (&Experiment{Scenario: name}).Case()
		if err != nil {
			t.Fatal(err)
		}
		stated := c.Spec.Promise
		c.Spec.Readers, c.Spec.Producers = nil, nil
		nothing := ""
		c.Faults = &nothing
		c.Seed = 1
		r := scenario.Run(c)
		for _, p := range stated {
			i := slices.IndexFunc(r.Findings, func(f result.Finding) bool { return f.Property == p })
			if i < 0 || r.Findings[i].Outcome != result.Vacuous {
				t.Errorf("%s: %s is not vacuous although nothing was looked at: %+v", name, p, r.Findings)
			}
		}
	}
}

// What applications are promised of time is broken by a fault and not by the scenario's
// own: of readers by one that hangs, of windows by a producer that is cut off while the
// other goes on.
func TestApplicationPromisesOfTime(t *testing.T) {
	if testing.Short() {
		t.Skip("many runs, each on one core: without -short")
	}
	n := longer(6, 40)
	for _, row := range []struct{ scenario, property, faults string }{
		{"microservices", "isolation", "1s for 1500ms pause inventory"},
		{"analytics", "lateness", "1s for 800ms cut ads-1 *"},
	} {
		c, err := (&Experiment{Scenario: row.scenario}).Case()
		if err != nil {
			t.Fatal(err)
		}
		if clean := tallyOf(c, 1, n); clean.Broken+clean.Vacuous+clean.Unknown > 0 {
			t.Errorf("%s: %d runs are broken, %d vacuous, %d unknown: %v", row.scenario, clean.Broken, clean.Vacuous, clean.Unknown, clean.Properties)
		}
		c.Faults = &row.faults
		if got := tallyOf(c, 1, n); got.Properties[row.property] < got.Runs {
			t.Errorf("%q in %s: %s was broken in only %d of %d runs", row.faults, row.scenario, row.property, got.Properties[row.property], got.Runs)
		}
	}
}
