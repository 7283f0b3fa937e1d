package scenario

import (
	"testing"

	"brokersim/checker/result"
)

// Behind the largest int32 the sequences of a producer go on at 0 in the same epoch,
// whatever answers are lost there.
func TestSequencesGoOnAtZero(t *testing.T) {
	for seed := uint64(1); seed <= 8; seed++ {
		faults := "1s..1400ms for 700ms cut leader order-service\n1200ms..1700ms for 1s crash leader"
		r := Run(Case{Spec: load(t, "sequence-wrap"), Seed: seed, Faults: &faults})
		if r.Verdict != result.Kept || r.Reached["producer-epoch-bump"] > 0 || r.Reached["duplicate-sequence"] == 0 || r.Ledger.InLog < 400 {
			t.Errorf("seed %d: %s, %d records, %v", seed, r.Verdict, r.Ledger.InLog, r.Reached)
		}
	}
}
