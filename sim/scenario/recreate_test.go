package scenario

import (
	"testing"
	"time"

	"brokersim/broker/machine"
)

// A topic that is recreated has held something else, of which no log has anything when the
// load begins but that of a broker that is down, and which no reader sees.
func TestRecreated(t *testing.T) {
	p, err := (&Case{Spec: load(t, "recreated"), Seed: 1}).plan()
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(p)
	state := func(at time.Duration) (id [16]byte, up int, records int64) {
		r.runTo(machine.Instant(at))
		for _, b := range r.cluster.brokers {
			if b == nil {
				continue
			}
			up, id = up+1, b.Image().Topics["orders"].ID
			for _, x := range b.Replicas() {
				records += x.LogEnd()
			}
		}
		return id, up, records
	}
	first, up, records := state(840 * time.Millisecond)
	if up != 3 || records != 3*3*recordsBefore {
		t.Errorf("before: %d brokers with %d records", up, records)
	}
	second, up, records := state(2900 * time.Millisecond)
	if up != 2 || records != 0 || second == first {
		t.Errorf("after: %d brokers with %d records, of another topic: %t", up, records, second != first)
	}
	wantKept(t, Run(Case{Spec: load(t, "recreated"), Seed: 1}))
}
