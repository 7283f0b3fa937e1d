package scenario

import (
	"testing"

	"brokersim/broker/log/config"
	"brokersim/checker/result"
)

// A batch that its producer sends again while the first frame is still under way is
// appended once by whoever can tell the two (KIP-98), and otherwise twice.
func TestDuplicate(t *testing.T) {
	const faults = "1s duplicate produce order-service leader 300ms\n2s duplicate produce order-service leader(orders-1) 50ms"
	run := func(layers ...config.Layer) result.Result {
		text := faults
		return Run(Case{Spec: load(t, "orders"), Seed: 3, Faults: &text, Layers: layers})
	}
	r := run()
	if r.Verdict != result.Kept || r.Ledger.DupLog != 0 || r.Reached["duplicate-sequence"] == 0 {
		t.Errorf("%s, %d twice in the log, %d sequences seen again; %v", r.Verdict, r.Ledger.DupLog, r.Reached["duplicate-sequence"], outcomes(r))
	}
	r = run(with("producer.enable.idempotence", "false")...)
	if r.Verdict != result.Kept || r.Ledger.DupLog == 0 {
		t.Errorf("without idempotence: %s, %d twice in the log; %v", r.Verdict, r.Ledger.DupLog, outcomes(r))
	}
}
