package scenario

import (
	"slices"
	"testing"
	"time"

	"brokersim/broker/machine"
)

func TestRoles(t *testing.T) {
	none := ""
	p, err := (&Case{Spec: load(t, "orders"), Seed: 1, Faults: &none}).plan()
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(p)
	ask := func(role string) string {
		node, ok := r.view(role)
		if ok && node == "" {
			t.Errorf("%s is %q, %t", role, node, ok)
		}
		if !ok {
			return "nobody"
		}
		return node
	}
	if got := ask("leader"); got != "nobody" {
		t.Errorf("before there is a topic %s leads", got)
	}
	r.sim.Run(machine.Instant(time.Second))
	three := []string{ask("leader"), ask("follower"), ask("follower2")}
	slices.Sort(three)
	if !slices.Equal(three, []string{"b1", "b2", "b3"}) {
		t.Errorf("leader and followers are %v", three)
	}
	for role, want := range map[string]string{
		"leader(orders-0)": ask("leader"), "follower(orders-0)": ask("follower"), "leader(orders-9)": "nobody",
		"controller": "c101", "order-service": "p1001", "notification": "k1004",
		"*": "b1,b2,b3,c101,p1001,k1002,k1003,k1004,k1005", "nonsense": "nobody",
	} {
		if got := ask(role); got != want {
			t.Errorf("%s is %s, want %s", role, got, want)
		}
	}

	// A dead leader leads until somebody has noticed. Without the controller the
	// newest of the brokers is asked.
	leader := ask("leader")
	r.world().Crash(leader)
	if got := ask("leader"); got != leader {
		t.Errorf("%s leads as soon as %s is dead", got, leader)
	}
	r.sim.Run(machine.Instant(3 * time.Second))
	next := ask("leader")
	if next == leader || next == "nobody" {
		t.Errorf("%s still leads", next)
	}
	r.world().Crash("c101")
	if got := ask("leader"); got != next {
		t.Errorf("without the controller %s leads, want %s", got, next)
	}
	r.sim.Run(machine.Instant(3100 * time.Millisecond))
	for _, b := range []string{"b1", "b2", "b3"} {
		r.world().Crash(b)
	}
	if got := ask("leader"); got != "nobody" {
		t.Errorf("with everybody dead %s leads", got)
	}
}
