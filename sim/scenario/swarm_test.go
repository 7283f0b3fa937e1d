package scenario

import (
	"fmt"
	"strings"
	"testing"

	"brokersim/broker/machine"
)

// Whatever goes wrong, a run ends with a result, no invariant of the brokers is
// broken, and what was applied repeats it. What it lost is not asked here: brokers
// that lose power one after the other lose what was acknowledged (KIP-966).
func TestSwarm(t *testing.T) {
	spec := load(t, "orders")
	runs := uint64(20)
	if testing.Short() {
		runs = 5
	}
	for seed := range runs {
		schedule := misfortunes(seed, 12)
		r := Run(Case{Spec: spec, Seed: seed, Faults: &schedule})
		if r.Events == 0 || len(r.Audits) > 0 || r.Ledger.Sent == 0 {
			t.Errorf("seed %d: %s, audits %v, %+v\n%s%v", seed, r.Verdict, r.Audits, r.Ledger, schedule, r.Warnings)
		}
		again := Run(Case{Spec: spec, Seed: seed, Faults: text(strings.Join(r.Faults, "\n"))})
		if again.TraceHash != r.TraceHash {
			t.Errorf("seed %d: %s, and again %s %v, of\n%s", seed, r.TraceHash, again.TraceHash, again.Warnings, strings.Join(r.Faults, "\n"))
		}
	}
}

// misfortunes is a schedule with something of everything.
func misfortunes(seed uint64, n int) string {
	nodes := []string{"leader", "follower", "follower2", "controller", "leader(orders-1)", "b1", "b2", "b3", "notification", "order-service"}
	classes := []string{"produce", "produce-response", "fetch", "fetch-response", "broker-heartbeat", "metadata-response", "alter-partition"}
	var b strings.Builder
	for i := range uint64(n) {
		d := machine.NewDraw(seed, "misfortunes").With(i)
		upTo := func(what string, n uint64) uint64 { return d.Of(what).N(n) }
		k := upTo("node", uint64(len(nodes)))
		node, other := nodes[k], nodes[(k+1+upTo("other", uint64(len(nodes)-1)))%uint64(len(nodes))]
		class := classes[upTo("class", uint64(len(classes)))]
		at := upTo("at", 4500)
		when := fmt.Sprintf("%dms..%dms", at, at+upTo("window", 500))
		during := fmt.Sprintf("%s for %dms", when, 1+upTo("for", 1500))
		switch upTo("kind", 10) {
		case 0:
			fmt.Fprintf(&b, "%s cut %s %s\n", during, node, other)
		case 1:
			fmt.Fprintf(&b, "%s cut-both %s %s\n", during, node, other)
		case 2:
			fmt.Fprintf(&b, "%s slow %s %s %dms\n", during, node, other, 1+upTo("by", 300))
		case 3:
			fmt.Fprintf(&b, "%s drop %s %s %s %d\n", when, class, node, other, 1+upTo("frames", 3))
		case 4:
			fmt.Fprintf(&b, "%s reset %s %s\n", when, node, other)
		case 5:
			fmt.Fprintf(&b, "%s reset after-accept %s %s %s\n", when, class, node, other)
		case 6:
			fmt.Fprintf(&b, "%s crash %s\n", during, node)
		case 7:
			fmt.Fprintf(&b, "%s power-loss %s\n", during, node)
		case 8:
			fmt.Fprintf(&b, "%s pause %s\n", during, node)
		default:
			fmt.Fprintf(&b, "%s skew %s +3s\n", when, node)
		}
	}
	return b.String()
}
