package scenario

import (
	"strings"
	"testing"

	"brokersim/checker/result"
)

// A broker whose readers do not take what it sends is killed when its memory is at an
// end, and nothing that was promised is lost by that.
func TestOutOfMemory(t *testing.T) {
	faults := "1s memory leader 3000\n1100ms for 600ms cut leader *\n2s restart *"
	r := Run(Case{Spec: load(t, "orders"), Seed: 3, Faults: &faults})
	if r.Verdict != result.Kept || !strings.Contains(strings.Join(r.Faults, "\n"), "crash-at-limit b") {
		t.Errorf("%s, faults %q, %v", r.Verdict, r.Faults, outcomes(r))
	}
}
