package scenario

import (
	"strings"
	"testing"
	"time"

	"brokersim/checker/result"
)

func withCore(t *testing.T, name string) *Spec {
	t.Helper()
	spec := *load(t, name)
	spec.Faults, spec.CoreFor = "", time.Second
	return &spec
}

// Brokers that are not needed may be dead, in whatever way.
func TestCoreMakesProgress(t *testing.T) {
	ways := map[string]bool{}
	for seed := uint64(1); seed <= 8; seed++ {
		r := Run(Case{Spec: withCore(t, "orders"), Seed: seed})
		wantKept(t, r)
		if r.Reached["core-healed"] != 1 || len(r.Faults) != 2 {
			t.Fatalf("seed %d: %v, %q", seed, r.Reached, r.Faults)
		}
		_, rest, _ := strings.Cut(r.Faults[0], "; ")
		how, _, _ := strings.Cut(rest, ":")
		ways[how] = true
		again := Run(Case{Spec: withCore(t, "orders"), Seed: seed, Faults: text(strings.Join(r.Faults, "\n"))})
		if again.TraceHash != r.TraceHash {
			t.Errorf("seed %d: what was applied gives another run", seed)
		}
	}
	if len(ways) != 3 {
		t.Errorf("the others have died by %v only", ways)
	}
	// A copy of everything is with everybody: nobody can be done without.
	if r := Run(Case{Spec: withCore(t, "single-copies"), Seed: 1}); r.Reached["core-skipped"]+r.Reached["core-healed"] != 1 {
		t.Errorf("%v", r.Reached)
	}
}

// A cluster in which nobody is ever found to be dead gets well when all are healed, and
// never before: only the core shows it.
func TestCoreFindsWhoWaitsForTheDead(t *testing.T) {
	layers := with("broker.broker.session.timeout.ms", "3600000", "broker.replica.lag.time.max.ms", "1800000")
	found := 0
	for seed := uint64(1); seed <= 4; seed++ {
		spec := withCore(t, "orders")
		r := Run(Case{Spec: spec, Seed: seed, Layers: layers})
		if f := r.Findings[len(r.Findings)-1]; f.Outcome == result.Broken && strings.Contains(f.Violations[0].What, "after a core that suffices was healed") {
			found++
		}
		spec.CoreFor = 0
		if r = Run(Case{Spec: spec, Seed: seed, Layers: layers}); r.Findings[len(r.Findings)-1].Outcome != result.Kept {
			t.Errorf("seed %d: without the core it is %v, too", seed, outcomes(r))
		}
	}
	if found == 0 {
		t.Error("no core had to wait")
	}
}
