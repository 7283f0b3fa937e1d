package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// BenchmarkTenThousandMembers has 100 groups of 100 members each begin at once, under Kafka's
// defaults, until every partition has an owner in every group: how long that takes them, and
// how much faster than real time it is.
func BenchmarkTenThousandMembers(b *testing.B) {
	const groups, members = 100, 100
	var f strings.Builder
	fmt.Fprintf(&f, "for: 60s\ntopics:\n  orders: {partitions: %d, replication: 3}\nproducers:\n  p: {topic: orders, rate_per_second: 10}\nreaders:\n", members)
	for g := range groups {
		fmt.Fprintf(&f, "  g%d: {topics: [orders], members: %d, set: {group.id: g%d}}\n", g, members, g)
	}
	s, err := Parse("members.yaml", []byte(f.String()))
	if err != nil {
		b.Fatal(err)
	}
	var virtual time.Duration
	for seed := range b.N {
		b.StopTimer()
		p, err := (&Case{Spec: s, Seed: uint64(seed)}).plan()
		if err != nil {
			b.Fatal(err)
		}
		r := newRun(p)
		b.StartTimer()
		settled := func() bool {
			for _, g := range r.clients.groups {
				owned := 0
				for _, i := range g.readers {
					if m := r.clients.members[i]; m != nil {
						owned += len(m.Owned())
					}
				}
				if owned != members {
					return false
				}
			}
			return true
		}
		for at := machine.Instant(0); !settled(); {
			if at = at.Add(time.Second); at > machine.Instant(time.Minute) {
				b.Fatal("not after a minute")
			}
			r.runTo(at)
		}
		virtual += r.sim.Now().Sub(0)
	}
	b.ReportMetric(virtual.Seconds()/float64(b.N), "virtual-s/op")
	b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "simulated/wall")
}
