package scenario

import (
	"strings"
	"testing"
)

// Whatever is wrong with a disk or a clock for a while, nothing that was promised is
// lost while two other brokers are well, and everything comes to rest.
func TestDisksAndClocks(t *testing.T) {
	for _, schedule := range []string{
		"500ms for 1s disk-full leader",
		"500ms for 1s disk-stall *",
		"500ms for 2s disk-slow * 100",
		"500ms for 1s io-error leader orders-*",
		"500ms for 1s sync-error leader",
		"500ms for 300ms disk-full controller",
		"100ms for 3s fsync-lies follower\n1s for 500ms power-loss follower",
		"1500ms bit-rot b3 orders-*\n500ms for 300ms power-loss b3\n1600ms for 600ms power-loss b3",
		"1500ms latent-error b3\n500ms for 300ms power-loss b3\n1600ms for 600ms power-loss b3\n2300ms wipe b3\n2400ms restart b3", // it has given up
		"500ms wipe follower\n600ms for 600ms power-loss follower",
		"300ms for 1s clog follower leader\n400ms for 1s clog leader *",
		"300ms for 1s throttle leader follower 20000/s",
		"100ms for 3s disk-reorders follower\n1s for 500ms power-loss follower",
		"100ms for 3s disk-misdirects leader\n1s for 500ms power-loss leader",
		"100ms drift leader +500\n200ms drift follower -500",
	} {
		name, _, _ := strings.Cut(schedule, "\n")
		t.Run(name, func(t *testing.T) {
			r := Run(Case{Spec: load(t, "orders"), Seed: 1, Faults: text(schedule)})
			wantKept(t, r)
			if len(r.Faults) < 2 || strings.Contains(strings.Join(r.Faults, ""), "nothing") {
				t.Errorf("not applied: %q", r.Faults)
			}
		})
	}
}

// What was on the one disk that is wiped may be lost, however the process ended.
func TestWipedCopy(t *testing.T) {
	for _, schedule := range []string{
		"2s crash b1\n2s wipe b1\n2500ms restart *",
		"2s wipe b1\n2200ms crash b1\n2500ms restart *",
		"2s power-loss b1\n2100ms wipe b1\n2500ms restart *",
	} {
		r := Run(Case{Spec: load(t, "single-copies"), Seed: 1, Faults: text(schedule)})
		wantKept(t, r)
		if r.Ledger.LostAllowed == 0 {
			t.Errorf("%q lost nothing", schedule)
		}
	}
}

// Where an acknowledgement says that the bytes are on a disk, a loss is allowed if and
// only if that disk has lost what it had synced.
func TestLossOfWhatWasSynced(t *testing.T) {
	for _, x := range []struct {
		schedule string
		lost     bool
	}{
		{"2s for 500ms power-loss b1", false},
		{"1s fsync-lies b1\n2s for 500ms power-loss b1", true},
		{"2s wipe b1\n2s for 500ms crash b1", true},
		{"1999ms bit-rot b1 orders-*\n2s for 500ms power-loss b1", true},
		{"1999ms latent-error b1 orders-*\n2s for 100ms power-loss b1\n2300ms wipe b1\n2300ms restart b1", true},
		// One fault of a disk ends, and another lasts on.
		{"1s fsync-lies b1\n1s disk-misdirects b1\n1100ms fsync-lies b1 off\n1200ms for 10ms power-loss b1\n2s for 500ms power-loss b1", true},
		{"1s fsync-lies b1\n1s disk-misdirects b1\n1100ms disk-misdirects b1 off\n1200ms for 10ms power-loss b1\n2s for 500ms power-loss b1", true},
	} {
		r := Run(Case{Spec: load(t, "single-copies"), Seed: 1, Layers: with("topic.orders.flush.messages", "1"), Faults: text(x.schedule)})
		wantKept(t, r)
		if (r.Ledger.LostAllowed > 0) != x.lost {
			t.Errorf("%q: the ledger is %+v", x.schedule, r.Ledger)
		}
	}
}

// Clients keep the time of the run, whoever drifts.
func TestClientsDoNotDrift(t *testing.T) {
	spec := load(t, "orders")
	plain := Run(Case{Spec: spec, Seed: 1, Faults: text("")})
	r := Run(Case{Spec: spec, Seed: 1, Faults: text("0s drift order-service +100000\n0s drift notification -100000")})
	if r.TraceHash != plain.TraceHash || strings.Count(strings.Join(r.Faults, "\n"), "changed nothing") != 2 {
		t.Errorf("trace %s, and %s without the drift: %q", r.TraceHash, plain.TraceHash, r.Faults)
	}
	if r = Run(Case{Spec: spec, Seed: 1, Faults: text("0s drift * +100000")}); r.TraceHash == plain.TraceHash || r.Ledger.Sent != plain.Ledger.Sent {
		t.Errorf("trace %s, %d sent, and %d without the drift", r.TraceHash, r.Ledger.Sent, plain.Ledger.Sent)
	}
}

// Replicas are spread over racks, so that one rack has at most one of three.
func TestRacks(t *testing.T) {
	spec, err := Parse("racks.yaml", []byte("brokers: 6\nracks: 3\nfor: 1s\ntopics: {orders: {partitions: 8}}\nproducers: {shop: {topic: orders, rate_per_second: 10}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&Case{Spec: spec, Seed: 1}).plan()
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(p)
	r.play()
	for _, tp := range r.topology.tps {
		a, known := r.cluster.assignment(tp)
		racks := map[string]bool{}
		for _, id := range a.replicas {
			racks[spec.rack(int(id-1))] = true
		}
		if !known || len(racks) != 3 {
			t.Errorf("%v is on %v: %d racks", tp, a.replicas, len(racks))
		}
	}
}
