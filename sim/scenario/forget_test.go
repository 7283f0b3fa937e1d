package scenario

import (
	"slices"
	"strings"
	"testing"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/result"
)

// ofElection is what may be broken where a replica leads that has lost what others have still
// (KIP-966): see TestEveryCopyLostIsAllowed.
var ofElection = []string{checker.NoAckedLoss, checker.NoStaleEnd, checker.SlotAgreement}

// All brokers lose their power. What a coordinator had not flushed is gone with it: that a
// transaction is under way, so that nobody ends it; that it is committed, so that it is aborted
// in time; the epochs that partitions know, so that these refuse its markers for good. None of
// that was promised.
func TestCoordinatorsForgetWhatIsNotFlushed(t *testing.T) {
	forgot, hung := 0, 0
	for _, name := range []string{"transactions", "transactions-compacted"} {
		for _, schedule := range []string{allLose, "2s power-loss *\n3s restart *"} {
			for seed := uint64(1); seed <= seeds; seed++ {
				n, r := runWithNotes(Case{Spec: load(t, name), Seed: seed, Faults: text(schedule)})
				for i := range r.Findings {
					if f := &r.Findings[i]; f.Outcome == result.Broken && !slices.Contains(ofElection, f.Property) {
						t.Errorf("%s, seed %d: %s: %v", name, seed, f.Property, f.Violations[0].What)
					}
				}
				if len(r.Audits) > 0 {
					t.Errorf("%s, seed %d: %v", name, seed, r.Audits)
				}
				if slices.ContainsFunc(n.of(history.MayLose), func(e history.Event) bool { return e.TxID != "" }) {
					forgot++
				}
				if slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "liveness is not promised") }) {
					hung++
				}
			}
		}
	}
	if forgot < seeds || hung < seeds {
		t.Errorf("in %d runs a coordinator forgets, in %d something hangs: the schedules do not show what they should", forgot, hung)
	}
}

// Flushed before it is answered nothing of it is forgotten: the same schedules break nothing,
// and all transactions end.
func TestCoordinatorsForgetNothingThatIsFlushed(t *testing.T) {
	for _, name := range []string{"transactions", "transactions-compacted", "exactly-once"} {
		for seed := uint64(1); seed <= seeds; seed++ {
			n, r := runWithNotes(Case{Spec: load(t, name), Seed: seed, Faults: text(allLose), Layers: with("broker.log.flush.interval.messages", "1")})
			// Of the order by key nothing may be left to look at in a log that is cleaned all the time.
			if r.Verdict != result.Kept || len(r.Audits) > 0 {
				t.Errorf("%s, seed %d: %s, %v, audits %v", name, seed, r.Verdict, outcomes(r), r.Audits)
			}
			if notes := slices.Concat(n.of(history.MayLose), n.of(history.NoCopy)); len(notes) > 0 || len(r.Warnings) > 0 {
				t.Errorf("%s, seed %d: %v %v", name, seed, notes, r.Warnings)
			}
		}
	}
}

// What a group has committed is forgotten with it, and the group begins anew.
func TestGroupsAreForgotten(t *testing.T) {
	forgot := 0
	for seed := uint64(1); seed <= seeds; seed++ {
		n, r := runWithNotes(Case{Spec: load(t, "exactly-once"), Seed: seed, Faults: text(allLose)})
		for _, property := range []string{checker.OneOwner, checker.Fencing, livenessProperty, checker.TxnAtomic} {
			if slices.Contains(outcomes(r), property+" BROKEN") {
				t.Errorf("seed %d: %v", seed, outcomes(r))
			}
		}
		if slices.ContainsFunc(n.of(history.MayLose), func(e history.Event) bool { return e.Group != "" }) {
			forgot++
		}
	}
	if forgot == 0 {
		t.Error("no group was forgotten")
	}
}
