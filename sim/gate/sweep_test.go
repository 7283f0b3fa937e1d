package gate

import (
	"flag"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// whole asks for the whole measurement: go test ./sim/gate -run 'Bug|Unplanted' -v -sweep
var whole = flag.Bool("sweep", false, "300 seeds of each scenario instead of a few")

// seeds is how many seeds of each scenario are run.
func seeds() uint64 {
	switch {
	case *whole:
		return 300
	case testing.Short():
		return 5
	}
	return 10
}

// longer is how many runs a test makes whose claim is a share of them: few, or with -sweep many.
func longer(few, many uint64) uint64 {
	if *whole {
		return many
	}
	return few
}

func load(t testing.TB, name string) *scenario.Spec {
	t.Helper()
	src, ok := scenario.Source(name)
	if !ok {
		t.Fatalf("there is no scenario %s", name)
	}
	spec, err := scenario.Parse(name+".yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func tallyOf(c scenario.Case, first, n uint64) *Tally {
	tally := &Tally{}
	Sweep(c, first, n, tally.Add)
	return tally
}

// The results come in the order of the seeds, each as if its run were alone.
func TestSweep(t *testing.T) {
	c := scenario.Case{Spec: load(t, "acks1-leader-crash")}
	next := uint64(3)
	Sweep(c, next, 6, func(r result.Result) {
		alone := c
		alone.Seed = next
		if want := scenario.Run(alone); !reflect.DeepEqual(r, want) {
			t.Errorf("seed %d came as %s, alone it is %s", next, r.Repro, want.Repro)
		}
		next++
	})
	if next != 9 {
		t.Errorf("%d results, want 6", next-3)
	}
	Sweep(c, 1, 0, func(result.Result) { t.Error("a result of no seeds") })
}

func TestTally(t *testing.T) {
	finding := func(property string, v result.Verdict) result.Finding {
		return result.Finding{Property: property, Outcome: v}
	}
	var tally Tally
	for _, r := range []result.Result{
		{Verdict: result.Kept, Findings: []result.Finding{finding("no-skip", result.Kept)}, Reached: map[string]int64{"truncation": 2, "isr-shrink": 0}},
		{Verdict: result.Broken, Findings: []result.Finding{finding("no-skip", result.Broken), finding("liveness", result.Kept)}, Reached: map[string]int64{"truncation": 1}},
		{Verdict: result.Broken, Audits: []string{"a", "b"}},
		{Verdict: result.Vacuous},
		{Verdict: result.Unknown},
	} {
		tally.Add(r)
	}
	if tally.Runs != 5 || tally.Broken != 2 || tally.Vacuous != 1 || tally.Unknown != 1 || tally.Audits != 1 || len(tally.Failing) != 4 {
		t.Errorf("%+v", tally)
	}
	if want := map[string]int{"no-skip": 1}; !maps.Equal(tally.Properties, want) {
		t.Errorf("broken properties %v, want %v", tally.Properties, want)
	}
	if want := map[string]int{"truncation": 2}; !maps.Equal(tally.Reached, want) {
		t.Errorf("reached %v, want %v", tally.Reached, want)
	}
}

// planted says of bugs that the faults of a scenario show as they stand how often
// they do: of 40 seeds at least the least. That every bug is found is another test's
// claim.
var planted = []struct {
	bug      failpoint.Site
	scenario string
	property string
	least    uint64 // of 40
}{
	{failpoint.R24AckBeforeISR, "followers-cut", "no-acked-loss", 30},
	{failpoint.T01ForgetSequence, "lost-answers", "no-duplicate", 30},
	{failpoint.R01TruncateToHighWatermark, "fast-failover", "no-acked-loss", 20},
}

func TestPlantedBugsAreFound(t *testing.T) {
	for _, row := range planted {
		c := scenario.Case{Spec: load(t, row.scenario), Plant: []string{row.bug.String()}}
		got := tallyOf(c, 1, seeds())
		t.Logf("%-31s %-14s broken in %d of %d runs, with a failed audit in %d; by property: %v", row.bug, row.scenario, got.Broken, got.Runs, got.Audits, sorted(got.Properties))
		if n := uint64(got.Properties[row.property]); n*40 < row.least*seeds() {
			t.Errorf("%v: %s was broken in only %d of %d runs of %s", row.bug, row.property, n, seeds(), row.scenario)
		}
		if got.Reached[row.bug.String()] == 0 {
			t.Errorf("%v has never changed anything in %s", row.bug, row.scenario)
		}
		if got.Vacuous+got.Unknown > 0 {
			t.Errorf("%v: %d vacuous and %d unknown runs of %s", row.bug, got.Vacuous, got.Unknown, row.scenario)
		}
	}
}

// Without a bug there is nothing to be found, by nobody.
func TestUnplantedRunsAreClean(t *testing.T) {
	for _, name := range scenario.Names() {
		if slices.Contains([]string{"acks1-leader-crash", "auto-commit-handoff", "new-partitions", "hanging-txn"}, name) {
			continue // they state more than they can keep; the last is as Kafka was before KIP-890
		}
		t.Run(name, func(t *testing.T) {
			got := tallyOf(scenario.Case{Spec: load(t, name)}, 1, seeds())
			t.Logf("%d runs, reached: %v", got.Runs, sorted(got.Reached))
			for _, r := range got.Failing {
				t.Errorf("seed %s: %s %v %s", r.Seed, r.Verdict, r.Audits, broken(r))
			}
			if got.Audits > 0 || uint64(got.Runs) != seeds() {
				t.Errorf("audits failed in %d of %d runs", got.Audits, got.Runs)
			}
		})
	}
}

// acks=1 loses what it has acknowledged, some time, and nothing else goes wrong.
func TestStatedPromiseIsBroken(t *testing.T) {
	got := tallyOf(scenario.Case{Spec: load(t, "acks1-leader-crash")}, 1, 50)
	t.Logf("acks1-leader-crash: broken in %d of %d runs: %v", got.Broken, got.Runs, got.Properties)
	if got.Broken == 0 || got.Audits > 0 || !maps.Equal(got.Properties, map[string]int{"no-acked-loss": got.Broken}) || len(got.Failing) != got.Broken {
		t.Errorf("%+v", got)
	}
	for _, r := range got.Failing {
		if r.Exit != result.ExitBroken {
			t.Errorf("seed %s: exit %d", r.Seed, r.Exit)
		}
	}
}

func broken(r result.Result) (list []string) {
	for _, f := range r.Findings {
		if len(f.Violations) > 0 {
			list = append(list, f.Property+": "+f.Violations[0].What)
		}
	}
	return list
}

func sorted(m map[string]int) (list []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%s %d", k, m[k]))
	}
	return list
}
