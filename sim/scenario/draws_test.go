package scenario

import (
	"fmt"
	"strings"
	"testing"

	"brokersim/broker/machine"
)

// Of a schedule of 200 faults one is removed. Draws are keyed by what they decide,
// so nearly all others must be the same: that is what makes "it also fails without
// this fault" mean something.
func TestOneFaultLessLeavesTheOtherDraws(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 21 runs")
	}
	spec := load(t, "healthy")
	faults := manyFaults(200)
	draws := func(lines []string) (map[uint64]int, uint64) {
		text := strings.Join(lines, "\n")
		p, err := (&Case{Spec: spec, Seed: 7, Faults: &text}).plan()
		if err != nil {
			t.Fatal(err)
		}
		r := newRun(p)
		seen := make(map[uint64]int)
		r.sim.Drawn = func(id uint64) { seen[id]++ }
		r.play()
		if res := r.result(); res.Ledger.Acked == 0 {
			t.Fatalf("nothing was acknowledged: %+v", res)
		}
		return seen, r.sim.TraceHash()
	}
	whole, hash := draws(faults)
	total, mattered := 0, 0
	for _, n := range whole {
		total += n
	}
	worst := 1000
	for k := 0; k < len(faults); k += 10 {
		without, other := draws(append(append([]string(nil), faults[:k]...), faults[k+1:]...))
		same := 0
		for id, n := range whole {
			same += min(n, without[id])
		}
		t.Logf("without %q: %d of %d draws the same, the same trace: %t", faults[k], same, total, other == hash)
		if other != hash {
			mattered++
		}
		worst = min(worst, same*1000/total)
	}
	if mattered < 5 {
		t.Errorf("only %d of the faults that were removed had changed anything", mattered)
	}
	if worst < 990 {
		t.Errorf("only %d in 1000 draws are the same", worst)
	}
}

// manyFaults are faults that a cluster lives with, spread over the whole run, on
// links between brokers and to their clients.
func manyFaults(n int) []string {
	draw := machine.NewDraw(1, "many-faults")
	nodes := []string{"b1", "b2", "b3", "inventory", "payment", "notification", "analytics", "service"}
	var list []string
	for i := range n {
		d := draw.With(uint64(i))
		broker := d.Of("broker").N(3)
		a, b := nodes[broker], nodes[(broker+1+d.Of("other").N(uint64(len(nodes)-1)))%uint64(len(nodes))]
		if d.Of("way").N(2) == 0 {
			a, b = b, a
		}
		at := 300 + d.Of("at").N(4500)
		when := fmt.Sprintf("%dms..%dms", at, at+50)
		switch d.Of("kind").N(3) {
		case 0:
			list = append(list, fmt.Sprintf("%s for %dms cut %s %s", when, 1+d.Of("for").N(60), a, b))
		case 1:
			list = append(list, fmt.Sprintf("%s for %dms slow %s %s %dms", when, 1+d.Of("for").N(100), a, b, 1+d.Of("by").N(20)))
		default: // between brokers it would stop replication for all of replica.fetch.backoff.ms
			list = append(list, fmt.Sprintf("%s reset %s %s", when, nodes[broker], nodes[3+d.Of("other").N(uint64(len(nodes)-3))]))
		}
	}
	return list
}
