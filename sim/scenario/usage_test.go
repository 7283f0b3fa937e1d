package scenario

import (
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/sim"
)

// Little's law on every queue of a real run: from its beginning a queue has held as
// many customers, times time, as those have stayed who have left, and a little more
// for those who are there. The same for dirty bytes.
func TestLittlesLawOnEveryQueueOfALoad(t *testing.T) {
	const mb = 1_000_000
	spec := bulkSpec(2000, 5)
	spec.Set = append(spec.Set, config.Entry{Key: "topic.flush.messages", Value: "1"})
	nic := sim.NIC{BytesPerSecond: 20 * mb}
	spec.Bulk.Machines = &Machines{
		Broker: Machine{Cores: 2, Hardware: sim.Hardware{
			Prices: sim.Prices{Request: 100 * time.Microsecond, KiB: 20 * time.Microsecond},
			NIC:    nic, PageCache: 4 << 20,
			Disk: sim.Disk{Drives: 2, Write: 20 * mb, Flush: sim.Fixed(2 * time.Millisecond), Background: 1 << 20, Expire: time.Second},
			GC:   sim.Interference{Every: time.Second, For: sim.LogNormal(15*time.Millisecond, 60*time.Millisecond)},
		}},
		Producer: Machine{Cores: 1, Hardware: sim.Hardware{NIC: nic, Prices: sim.Prices{Record: time.Microsecond}}},
		Reader:   Machine{Cores: 1, Hardware: sim.Hardware{NIC: nic}},
	}
	c := Case{Spec: spec, Seed: 3}
	p, err := c.plan()
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(p)
	l := r.load
	l.play()
	seen := make(map[string]int64)
	roles := map[Role]string{ABroker: "broker", AProducer: "producer", AReader: "reader"}
	for _, u := range l.usage() {
		for _, x := range []struct {
			what string
			q    sim.Queue
		}{
			{"cores", u.Cores}, {"NIC out", u.NICOut}, {"NIC in", u.NICIn}, {"drives", u.Drives}, {"syncs", u.Syncs},
		} {
			q := x.q
			seen[x.what+" of a "+roles[u.Role]] += q.Departures
			if q.Arrivals != q.Departures+q.Dropped+q.Present {
				t.Errorf("%s of %s: %d came, %d were served, %d dropped, %d are there", x.what, u.Node, q.Arrivals, q.Departures, q.Dropped, q.Present)
			}
			if more := q.InSystem - q.Stayed; more < 0 || more > q.Present*int64(time.Second) {
				t.Errorf("%s of %s: it held customers for %d ns, those of which left had stayed for %d, and %d are there", x.what, u.Node, q.InSystem, q.Stayed, q.Present)
			}
			if q.Busy > q.Servers*int64(u.At) || q.Dropped == 0 && q.Present == 0 && q.Waited > q.Stayed {
				t.Errorf("%s of %s: busy for %d ns in %d; %d waited of %d", x.what, u.Node, q.Busy, u.At, q.Waited, q.Stayed)
			}
		}
		d := u.Dirty
		seen["dirty bytes of a "+roles[u.Role]] += d.Departures
		if d.Arrivals != d.Departures+d.Dropped+d.Present {
			t.Errorf("dirty bytes of %s: %+v", u.Node, d)
		}
		if more := d.Held - d.Stayed; more < -2 || more > d.Present*3000+2 {
			t.Errorf("dirty bytes of %s were held for %d byte-ms, those of which left had stayed for %d, and %d are there", u.Node, d.Held, d.Stayed, d.Present)
		}
	}
	for _, what := range []string{
		"cores of a broker", "NIC out of a broker", "NIC in of a broker", "drives of a broker", "syncs of a broker", "dirty bytes of a broker",
		"cores of a producer", "NIC out of a producer", "cores of a reader", "NIC in of a reader",
	} {
		t.Logf("%-24s %d served", what, seen[what])
		if seen[what] < 1000 {
			t.Errorf("%s: only %d served: the law was hardly looked at", what, seen[what])
		}
	}
}
