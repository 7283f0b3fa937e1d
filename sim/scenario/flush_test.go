package scenario

import (
	"testing"

	"brokersim/checker/result"
)

// A record counts as soon as the followers have flushed it, not when a Fetch that
// they sent meanwhile for other partitions has waited in vain. With nine partitions
// and little traffic that was half of replica.fetch.wait.max.ms for half of the
// records, and more for those behind them.
func TestFlushDoesNotHoldUpAcknowledgements(t *testing.T) {
	none := ""
	r := Run(Case{Spec: load(t, "three-services"), Seed: 1, Faults: &none, Layers: with(
		"topic.flush.messages", "1", "broker.replica.fetch.wait.max.ms", "300",
		"producer.request.timeout.ms", "300", "producer.max.in.flight.requests.per.connection", "1", "producer.linger.ms", "0")})
	if r.Verdict != result.Kept || r.Ledger.Acked != r.Ledger.Sent || r.LatencyUS.Ack.P99 > 50_000 {
		t.Errorf("%s: %d of %d acknowledged, latency %+v", r.Verdict, r.Ledger.Acked, r.Ledger.Sent, r.LatencyUS.Ack)
	}
}
