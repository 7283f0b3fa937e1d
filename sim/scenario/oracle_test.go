package scenario

import (
	"slices"
	"testing"

	"brokersim/checker"
	"brokersim/checker/result"
)

// lastReplicaStanding has the leader be the only one in sync when it loses power:
// it leads again, with less than the others have, and they truncate to it.
const lastReplicaStanding = `
1s         cut-both leader(orders-0) follower(orders-0)
1s         cut-both leader(orders-0) follower2(orders-0)
2600ms     for 300ms power-loss leader(orders-0)
3s         heal *
`

func unrestricted(t *testing.T, schedule string) (plain, judged *Spec) {
	t.Helper()
	spec := *load(t, "orders")
	spec.Faults = schedule
	spec.Topics = slices.Clone(spec.Topics)
	spec.Topics[0].Set = nil // min.insync.replicas=1
	swarm := spec
	swarm.Swarm = Unrestricted
	return &spec, &swarm
}

// The loss is one that Kafka allows itself, and that the page cache does not
// explain: others still have the records. Only the oracle excuses it.
func TestOracleExcusesTheLastReplicaStanding(t *testing.T) {
	plain, judged := unrestricted(t, lastReplicaStanding)
	found := 0
	for seed := uint64(1); seed <= 3; seed++ {
		if r := Run(Case{Spec: plain, Seed: seed}); r.Verdict == result.Broken && slices.Contains(outcomes(r), "no-acked-loss BROKEN") {
			found++
		}
		r := Run(Case{Spec: judged, Seed: seed})
		wantKept(t, r)
		if r.Ledger.LostAllowed == 0 || r.Ledger.LostAcked != 0 {
			t.Errorf("seed %d: the ledger is %+v", seed, r.Ledger)
		}
	}
	if found == 0 {
		t.Error("without the oracle nothing is lost: the story does not show what it should")
	}
}

// What a leader has never had it cannot have lost with its power: here the leader
// commits on its own and dies, and a planted bug elects a follower that has not
// heard of it. That the follower lost some of its own records before is an excuse
// for these alone.
func TestOracleExcusesNoBug(t *testing.T) {
	for _, powerLoss := range []string{"", "1200ms for 100ms power-loss follower(orders-0)\n1200ms for 100ms power-loss follower2(orders-0)\n"} {
		_, judged := unrestricted(t, powerLoss+`
1s        cut-both leader(orders-0) follower(orders-0)
1s        cut-both leader(orders-0) follower2(orders-0)
2600ms    for 1500ms crash leader(orders-0)
`)
		for seed := uint64(1); seed <= 3; seed++ {
			wantKept(t, Run(Case{Spec: judged, Seed: seed}))
			r := Run(Case{Spec: judged, Seed: seed, Plant: []string{"R11-unclean-election"}})
			if r.Reached["R11-unclean-election"] == 0 || !slices.Contains(outcomes(r), checker.NoAckedLoss+" BROKEN") {
				t.Errorf("seed %d, after %q: %s %v, the ledger is %+v", seed, powerLoss, r.Verdict, outcomes(r), r.Ledger)
			}
		}
	}
}

func TestOracleForgetsWhatIsBack(t *testing.T) {
	var o oracle
	o.init(1, 1)
	steps := []struct {
		had, has, end int64 // has < 0: no power loss, the log ends at end
		want          missing
	}{
		{10, 4, 0, missing{4, 10, false}},
		{0, -1, 7, missing{7, 10, false}},
		{8, 2, 0, missing{2, 10, false}}, // of [8, 10) it still has not seen anything
		{0, -1, 12, missing{}},
		{12, 12, 0, missing{}},
		{0, -1, 3, missing{}},
		{3, 1, 0, missing{1, 3, false}},
	}
	for i, s := range steps {
		if s.has >= 0 {
			o.recovered(0, 0, s.had, s.has, false)
		} else {
			o.caughtUp(0, 0, s.end)
		}
		if got := o.missing[0][0]; got != s.want {
			t.Fatalf("step %d: missing %v, want %v", i, got, s.want)
		}
	}
}
