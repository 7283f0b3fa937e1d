package scenario

import (
	"strings"
	"testing"

	"brokersim/faults/failpoint"
)

// A node that is ended between any two steps comes back, and nothing that was promised
// is lost by it.
func TestEndedAtAStep(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range []struct{ step, node, at, before string }{
		{"vote", "standby", "900ms", "1s for 2s crash controller"},
		{"append-fetched-metadata", "standby", "1900ms", "1600ms for 2s crash leader"},
		{"append", "leader", "900ms", ""},
		{"append-fetched", "follower", "900ms", ""},
		{"flushed", "leader", "900ms", ""},
		{"checkpoint", "follower", "900ms", ""},
		{"lead", "*", "1200ms", "1s for 2s crash leader"},
		{"ask-isr", "leader", "1700ms", "1s for 3s cut follower leader"},
		{"isr-agreed", "leader", "1700ms", "1s for 3s cut follower leader"},
		{"truncate", "*", "2901ms", "1s for 1s cut follower leader\n1s for 1s cut follower2 leader\n1900ms for 1s crash leader"},
		{"append-metadata", "controller", "1500ms", "1s for 2s crash follower"},
		{"cleaned", "leader(customers-0)", "1500ms", ""},
		{"swap", "leader(customers-0)", "1500ms", ""},
		{"swapped", "follower(customers-0)", "1500ms", ""},
	} {
		for _, verb := range []string{"crash-at", "power-loss-at"} {
			seen[x.step] = true
			spec, topic := load(t, "orders"), "orders"
			if strings.Contains(x.node, "customers") {
				spec, topic = load(t, "compaction"), "customers"
			}
			if strings.HasPrefix(x.node, "standby") {
				spec.Controllers = 3
			}
			schedule := x.before + "\n" + x.at + " for 900ms " + verb + " " + x.step + " " + x.node
			c := Case{Spec: spec, Seed: 1, Faults: &schedule, Layers: with("topic."+topic+".flush.messages", "1", "producer.acks", "1", "broker.replica.high.watermark.checkpoint.interval.ms", "500")}
			r := Run(c)
			name := verb + "-" + x.step
			if ended := r.Reached[name]; ended == 0 || len(r.Audits) > 0 || r.Findings[len(r.Findings)-1].Outcome != "kept" {
				t.Errorf("%s: %d were ended, %s, audits %v:\n%s", name, ended, r.Verdict, r.Audits, strings.Join(r.Faults, "\n"))
			}
			c.Faults = text(strings.Join(r.Faults, "\n"))
			if again := Run(c); again.TraceHash != r.TraceHash {
				t.Errorf("%s: what was applied gives another run:\n%s\nand\n%s", name, strings.Join(r.Faults, "\n"), strings.Join(again.Faults, "\n"))
			}
		}
	}
	for _, step := range failpoint.Steps() {
		if !seen[step.String()] && !step.OfTxnStep() {
			t.Errorf("nobody was ended at %s", step)
		}
	}
}

// What a node writes in the step is there, and what it wanted to send is not.
func TestEndedBeforeItAnswers(t *testing.T) {
	r := Run(Case{Spec: load(t, "single-copies"), Seed: 1, Faults: text("1s for 500ms crash-at append b1")})
	wantKept(t, r)
	if r.Ledger.InLog == r.Ledger.Acked && r.Ledger.Unknown > 0 || r.Reached["crash-at-append"] != 1 {
		t.Errorf("the ledger is %+v, of %v", r.Ledger, r.Faults)
	}
	// A restart in time ends the waiting, and so does the heal.
	r = Run(Case{Spec: load(t, "single-copies"), Seed: 1, Faults: text("1s crash-at lead b1\n2s restart b1")})
	if wantKept(t, r); r.Reached["crash-at-lead"] != 0 || !strings.HasSuffix(r.Faults[1], "restart b1") {
		t.Errorf("%v of %q", r.Reached, r.Faults)
	}
}

// Whatever a correct node may do breaks nothing, and is done.
func TestQuirks(t *testing.T) {
	fired := map[string]int64{}
	for _, how := range []uint64{failpoint.Always / 2, failpoint.Always / 8} {
		spec := *load(t, "orders")
		for _, site := range failpoint.Quirks() {
			spec.Quirks = append(spec.Quirks, Quirk{site, how})
		}
		for seed := uint64(1); seed <= 2; seed++ {
			r := Run(Case{Spec: &spec, Seed: seed, Layers: with("producer.max.in.flight.requests.per.connection", "1"),
				Faults: text("1s for 800ms cut follower leader\n2500ms for 500ms crash leader\n2600ms for 1s slow leader *  30ms")})
			wantKept(t, r)
			for name, n := range r.Reached { // unordered: sums
				fired[name] += n
			}
		}
	}
	for _, site := range failpoint.Quirks() {
		if fired[site.String()] == 0 {
			t.Errorf("%s never fired", site)
		}
	}
}
