package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/faults/failpoint"
)

// arm has all brokers that are up have planted bugs, in the lives that they are in.
func (l *lab) arm(sites ...failpoint.Site) {
	l.t.Helper()
	for _, n := range l.brokers {
		for _, site := range sites {
			if b, ok := n.machine.(*Broker); ok && b.cfg.Failpoints.Arm(site, failpoint.Always, "return(true)") != nil {
				l.t.Fatalf("%v cannot be armed", site)
			}
		}
	}
}

// ended is what an auditor says of the brokers of a run that is over.
func (l *lab) ended() []string {
	var list []*Broker
	for _, n := range l.brokers {
		b, _ := n.machine.(*Broker)
		list = append(list, b)
	}
	return l.auditor.Ended(list)
}

// Each planted bug of those who run coordinators is seen by an audit, or by a client; without
// one there is nothing to see.
func TestCoordinatorBugs(t *testing.T) {
	for _, c := range []struct {
		sites []failpoint.Site
		says  string
	}{
		{nil, "[]"},
		{[]failpoint.Site{failpoint.G04AnswerAtAppend}, "its coordinator has told of what is below offset"},
		{[]failpoint.Site{failpoint.G05LoadedEarly}, `its coordinator knows "g": orders-0 {offset:0`},
		{[]failpoint.Site{failpoint.G14OtherHash}, "[NOT_COORDINATOR]"},
	} {
		l := newCoordinated(t, 3, 5, nil)
		l.collects = true
		var told []string
		commit := func(offset int64) (coordinates *labNode) {
			n, client := l.home("g")
			defer client.hangUp()
			if s := client.commit("g", offset); strings.HasSuffix(s, "NOT_COORDINATOR;") {
				told = append(told[:0], "NOT_COORDINATOR")
			}
			return n
		}
		for i := range int64(3) {
			l.arm(c.sites...)
			n := commit(i)
			commit(i + 10)
			l.crash(n)
			l.advance(20 * time.Second)
			l.arm(c.sites...)
			l.home("g")
			l.start(n)
			l.advance(20 * time.Second)
		}
		if found := fmt.Sprint(slices.Concat(l.broken, l.ended(), told)); !strings.Contains(found, c.says) {
			t.Errorf("%v: the audits say %q, and nothing of %q", c.sites, found, c.says)
		}
	}
}
