package scenario

import (
	"fmt"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/checker/measure"
	"brokersim/checker/result"
	"brokersim/sim"
	"brokersim/workloads"
)

// bulkSpec is a load of so many records a second from two producers to two groups of
// two.
func bulkSpec(rate int64, seconds int) *Spec {
	s := &Spec{
		Name: "bulk", File: "bulk", For: time.Duration(seconds) * time.Second, Settle: 10 * time.Second, Brokers: 3,
		Topics: []Topic{{Name: "orders", Partitions: 6, Replication: 3}},
		Bulk:   &Bulk{From: time.Second, Warm: 2 * time.Second},
		Set: []config.Entry{
			{Key: "producer.linger.ms", Value: "5"},
			{Key: "consumer.auto.offset.reset", Value: "earliest"},
			{Key: "topic.min.insync.replicas", Value: "2"},
		},
	}
	for i := range 2 {
		s.Producers = append(s.Producers, Producer{Name: fmt.Sprintf("orders-%d", i+1), Topic: "orders", RatePerSecond: rate / 2,
			Arrivals: workloads.Arrivals{Process: workloads.Poisson}, Sizes: workloads.Sizes{Bytes: 100}})
	}
	for i := range 4 {
		s.Readers = append(s.Readers, Reader{Name: fmt.Sprintf("r%d", i+1), Group: fmt.Sprintf("g%d", i/2+1), Topics: []string{"orders"}})
	}
	return s
}

func TestABulkLoad(t *testing.T) {
	seconds := 0
	res, got := Load(Case{Spec: bulkSpec(5000, 6), Seed: 7}, Look{Each: func(i *measure.Interval) { seconds++ }})
	if res.Verdict != result.Kept || !got.AtRest {
		t.Fatalf("%s, at rest: %t: %v %+v", res.Verdict, got.AtRest, res.Warnings, res.Findings)
	}
	s := got.Sums
	if s.Due < 19_000 || s.Due > 21_000 || s.Acked*1000 < s.Due*995 || s.Read != 2*s.E2E.TotalCount()/2 || seconds != 6 {
		t.Errorf("due %d, acked %d, read %d in %d seconds", s.Due, s.Acked, s.Read, seconds)
	}
	if res.Ledger.Sent != res.Ledger.Acked || res.Ledger.Delivered != 2*res.Ledger.Acked {
		t.Errorf("ledger %+v", res.Ledger)
	}
	if p50 := measure.QuantileOf(s.Ack, 500_000); p50 < 2_000 || p50 > 12_000 {
		t.Errorf("p50 of acknowledgements is %d us", p50)
	}
	again, _ := Load(Case{Spec: bulkSpec(5000, 6), Seed: 7}, Look{})
	if again.TraceHash != res.TraceHash {
		t.Error("not the same run again")
	}
}

// A bulk load has the arrivals, keys and sizes of any other, closed loops among them.
func TestABulkLoadOfAnyKind(t *testing.T) {
	s := bulkSpec(2000, 5)
	s.Producers[0].Arrivals = workloads.Arrivals{Process: workloads.Bursty, Bursts: workloads.Bursts{Factor: 4000, On: 50 * time.Millisecond, Off: 200 * time.Millisecond}}
	s.Producers[0].Sizes = workloads.Sizes{Dist: workloads.Lognormal, Median: 200, P99: 2000, Most: 20_000}
	s.Producers[0].Keys = workloads.Keys{Dist: workloads.Zipf, Cardinality: 1000, Theta: 990, Keyless: 250}
	s.Producers[1].Arrivals = workloads.Arrivals{Process: workloads.Closed, Loop: workloads.Loop{Outstanding: 8, Think: 20 * time.Millisecond}}
	res, got := Load(Case{Spec: s, Seed: 7}, Look{})
	if res.Verdict != result.Kept || !got.AtRest {
		t.Fatalf("%s, at rest: %t: %v %+v", res.Verdict, got.AtRest, res.Warnings, res.Findings)
	}
	// About 4,000 in bursts, and 8 callers who think for 20 ms and wait for linger.ms
	// and an answer, some 6 to 10 ms: in four seconds a little above 1,000.
	if n := res.Ledger.Acked; n < 4_200 || n > 6_000 || res.Ledger.Sent != n {
		t.Errorf("ledger %+v", res.Ledger)
	}
	// Bursts do not slow down when the broker does, callers do: at rest 8 wait at most.
	s = bulkSpec(2000, 5)
	s.Producers = s.Producers[:1]
	s.Producers[0].Arrivals = workloads.Arrivals{Process: workloads.Closed, Loop: workloads.Loop{Outstanding: 1}}
	if one, _ := Load(Case{Spec: s, Seed: 7}, Look{}); one.Ledger.Sent < 300 || one.Ledger.Sent > 900 {
		t.Errorf("one caller who does not think sends %d records in four seconds of 5 ms and an answer each", one.Ledger.Sent)
	}
}

func BenchmarkBulkLoad(b *testing.B) {
	var records, events int64
	for seed := range b.N {
		res, _ := Load(Case{Spec: bulkSpec(50_000, 11), Seed: uint64(seed)}, Look{})
		records += res.Ledger.Acked
		events += res.Events
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
	b.ReportMetric(float64(events)/float64(b.N), "events")
	b.ReportMetric(10*float64(time.Second.Nanoseconds()*int64(b.N))/float64(b.Elapsed().Nanoseconds()), "simulated/wall")
}

// TestAWayIsWhole has the parts of every record's way come to all of it, exactly.
func TestAWayIsWhole(t *testing.T) {
	spec := bulkSpec(2000, 4)
	hw := sim.Hardware{Prices: sim.Prices{Request: 20 * time.Microsecond, KiB: 5 * time.Microsecond}}
	spec.Bulk.Machines = &Machines{Broker: Machine{Cores: 2, Hardware: hw}, Producer: Machine{Hardware: hw}, Reader: Machine{Hardware: hw}}
	_, got := Load(Case{Spec: spec, Seed: 3}, Look{Follow: 3})
	if len(got.Ways) < 1000 {
		t.Fatalf("%d records were followed", len(got.Ways))
	}
	for _, w := range got.Ways {
		if sum := w.Batch + w.Client + w.Network + w.Queue + w.Append + w.Disk + w.Replicate; sum != w.Ack || w.Fetch == 0 || w.Network == 0 || w.Append == 0 {
			t.Fatalf("the parts come to %v: %+v", sum, w)
		}
	}
}
