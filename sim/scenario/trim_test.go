package scenario

import "testing"

// What is deleted is deleted everywhere, whoever leads by then, and nothing is said to be
// lost by that.
func TestDeleteRecords(t *testing.T) {
	p, err := (&Case{Spec: load(t, "delete-records"), Seed: 1}).plan()
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(p)
	r.play()
	for _, tp := range r.topology.tps {
		var starts []int64
		for _, b := range r.cluster.brokers {
			starts = append(starts, b.Replica(tp).LogStart())
		}
		if starts[0] < 100 || starts[1] != starts[0] || starts[2] != starts[0] {
			t.Errorf("%v starts at %d", tp, starts)
		}
	}
	wantKept(t, Run(Case{Spec: load(t, "delete-records"), Seed: 1}))
}
