package scenario

import (
	"strings"
	"testing"
)

// A node that is stopped ends when it has handed over, and comes back; one that takes longer
// than its "for" is killed; of a client, and of one that is down, nothing is waited for.
func TestStopped(t *testing.T) {
	for _, x := range []struct {
		what, faults string
		controllers  int
		clean        bool
		stopped      int
	}{
		{"the leader", "1s for 1s stop leader", 1, true, 1},
		{"one after the other", "1s for 500ms stop b1\n2s for 500ms stop b2\n3s for 500ms stop b3", 1, true, 3},
		{"all at once", "1s for 1s stop b1,b2,b3", 1, true, 3},
		{"the active controller", "3s for 1s stop controller", 3, false, 1},
		{"one that stands by", "3s for 1s stop standby", 3, false, 1},
		{"the only controller", "1s for 1s stop c101", 1, false, 1},
		{"one that cannot reach the controller", "900ms for 2s cut-both leader controller\n1s for 1s stop leader", 1, false, 0},
		{"one that is down", "900ms for 1s crash b1\n1s for 2s stop b1", 1, false, 0},
		{"one that crashes meanwhile", "900ms for 2s cut-both b1 controller\n1s for 2s stop b1\n1100ms for 500ms crash b1", 1, false, 0},
		{"a client", "1s for 500ms stop p1001", 1, false, 0},
	} {
		spec := load(t, "orders")
		spec.Controllers = x.controllers
		c := Case{Spec: spec, Seed: 1, Faults: &x.faults}
		r := Run(c)
		all := strings.Join(r.Faults, "\n")
		if got := strings.Count(all, "has stopped"); got != x.stopped || (r.Reached["clean-shutdown"] > 0) != x.clean || len(r.Audits) > 0 || r.Verdict != "kept" {
			t.Errorf("%s: %s, %d stopped, reached %d, audits %v:\n%s", x.what, r.Verdict, got, r.Reached["clean-shutdown"], r.Audits, all)
		}
		c.Faults = &all
		if again := Run(c); again.TraceHash != r.TraceHash {
			t.Errorf("%s: what was applied gives another run:\n%s", x.what, strings.Join(again.Faults, "\n"))
		}
	}
}
