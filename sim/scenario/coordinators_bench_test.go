//go:build unix

package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/checker/result"
)

// BenchmarkTenThousandMembers has 100 groups of 100 members each begin at once, under Kafka's
// defaults, until every partition has an owner in every group: how long that takes them, and
// how much faster than real time it is on one core, all that has to be made before included.
func BenchmarkTenThousandMembers(b *testing.B) {
	const groups, members = 100, 100
	var f strings.Builder
	fmt.Fprintf(&f, "for: 60s\ntopics:\n  orders: {partitions: %d, replication: 3}\nproducers:\n  p: {topic: orders, rate_per_second: 10}\nreaders:\n", members)
	for g := range groups {
		fmt.Fprintf(&f, "  g%d: {topics: [orders], members: %d, set: {group.id: g%d}}\n", g, members, g)
	}
	settled := func(r *run) bool {
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
	fasterThanLife(b, f.String(), func(r *run) {
		for at := machine.Instant(0); !settled(r); {
			if at = at.Add(time.Second); at > machine.Instant(time.Minute) {
				b.Fatal("not after a minute")
			}
			r.runTo(at)
		}
	})
}

// BenchmarkThousandTransactions has 1,000 transactions a second committed on three brokers,
// each replicated to all, and read by a read_committed reader, with all checks. It takes 40
// writers: the next Produce of one comes before the markers of its last transaction are
// complete, and is held up for add.partitions.to.txn.retry.backoff.ms, 20 ms, so that none
// commits more than 48 a second.
func BenchmarkThousandTransactions(b *testing.B) {
	const writers, each, seconds = 40, 26, 20
	var f strings.Builder
	fmt.Fprintf(&f, "for: %ds\ntopics:\n  payments: {partitions: 30, replication: 3, set: {min.insync.replicas: 2}}\nreaders:\n  ledger: {topics: [payments]}\n", seconds)
	fmt.Fprint(&f, "set:\n  consumer.auto.offset.reset: earliest\n  consumer.isolation.level: read_committed\n  producer.linger.ms: 0\nproducers:\n")
	for i := range writers {
		fmt.Fprintf(&f, "  w%d: {topic: payments, rate_per_second: %d, arrivals: poisson, keys: 1000, size_bytes: 100, transactions: {records: 1}}\n", i+1, each)
	}
	committed := int64(0)
	fasterThanLife(b, f.String(), func(r *run) {
		r.runTo(machine.Instant(seconds * time.Second))
		r.comeToRest()
		if late := r.sim.Now().Sub(machine.Instant(seconds * time.Second)); late > time.Second {
			b.Fatalf("what was written in %d s is not all read %v after that", seconds, late)
		}
		r.play()
		res := r.result()
		if res.Verdict != result.Kept || res.Ledger.Delivered != res.Ledger.Sent || res.Ledger.Sent < 1000*seconds {
			b.Fatalf("%s %+v", res.Verdict, res.Ledger)
		}
		committed += res.Ledger.Delivered // a transaction has a record
	})
	b.ReportMetric(float64(committed)/float64(b.N*seconds), "transactions/virtual-s")
}

// fasterThanLife plays a scenario, and reports how long it was for those in it, and how many
// of their seconds go into one of the processor: with the set-up and without it.
func fasterThanLife(b *testing.B, yaml string, play func(r *run)) {
	s, err := Parse("bench.yaml", []byte(yaml))
	if err != nil {
		b.Fatal(err)
	}
	var virtual, making, playing time.Duration
	for seed := range b.N {
		began := processor(b)
		p, err := (&Case{Spec: s, Seed: uint64(seed)}).plan()
		if err != nil {
			b.Fatal(err)
		}
		r := newRun(p)
		made := processor(b)
		play(r)
		virtual += r.sim.Now().Sub(0)
		making, playing = making+made-began, playing+processor(b)-made
	}
	b.ReportMetric(virtual.Seconds()/float64(b.N), "virtual-s/op")
	b.ReportMetric(making.Seconds()/float64(b.N), "set-up-cpu-s/op")
	b.ReportMetric(virtual.Seconds()/playing.Seconds(), "simulated/cpu")
	b.ReportMetric(virtual.Seconds()/(making+playing).Seconds(), "simulated/cpu-all")
}
