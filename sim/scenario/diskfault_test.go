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
