//go:build unix

package scenario

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/workloads"
)

// capacity is a point of a capacity study: 50,000 records a second of 1 KiB from four
// producers over 100 partitions with three replicas, acks=all, and a consumer to each
// producer.
func capacity(seconds int, set ...config.Entry) *Spec {
	s := bulkSpec(50_000, seconds)
	s.Topics[0].Partitions = 100
	s.Producers, s.Readers = nil, nil
	for i := range 4 {
		s.Producers = append(s.Producers, Producer{Name: fmt.Sprintf("orders-%d", i+1), Topic: "orders", RatePerSecond: 12_500, Arrivals: workloads.Arrivals{Process: workloads.Poisson}, Sizes: workloads.Sizes{Bytes: 1024}})
		s.Readers = append(s.Readers, Reader{Name: fmt.Sprintf("r%d", i+1), Group: "g", Topics: []string{"orders"}})
	}
	s.Set = append(s.Set, config.Entry{Key: "producer.acks", Value: "all"})
	s.Set = append(s.Set, set...)
	return s
}

// BenchmarkCapacity is such a point with the checks of a load. What it must keep to:
// faster than real time on one core by a margin, no allocation a record, and a live
// heap below 300 MB for 60 s, so use -benchtime 1x and look at all figures.
func BenchmarkCapacity(b *testing.B) {
	for _, row := range []struct {
		name    string
		seconds int
		set     []config.Entry
	}{
		{"linger=1,batch=128KiB", 12, []config.Entry{{Key: "producer.linger.ms", Value: "1"}, {Key: "producer.batch.size", Value: "131072"}}},
		{"linger=5,batch=16KiB", 12, nil},
		{"linger=5,batch=16KiB,60s", 60, nil},
	} {
		b.Run(row.name, func(b *testing.B) { benchmarkLoad(b, capacity(row.seconds, row.set...), row.seconds) })
	}
}

// BenchmarkBulk is what capacity plans stand on: 200,000 records a second of 1 KiB from
// four producers without keys to 100 partitions with three replicas, acks=all, for 60 s.
// It must be faster than real time on one core, which is 14 us a frame, in 2 GiB.
func BenchmarkBulk(b *testing.B) {
	spec := capacity(60, config.Entry{Key: "producer.linger.ms", Value: "1"}, config.Entry{Key: "producer.batch.size", Value: "131072"})
	for i := range spec.Producers {
		spec.Producers[i].RatePerSecond = 50_000
	}
	benchmarkLoad(b, spec, 60)
}

func benchmarkLoad(b *testing.B, spec *Spec, seconds int) {
	var records, events, frames int64
	var before, after runtime.MemStats
	peak := watchHeap()
	runtime.ReadMemStats(&before)
	worked := processor(b)
	for seed := range b.N {
		p, err := (&Case{Spec: spec, Seed: uint64(seed)}).plan()
		if err != nil {
			b.Fatal(err)
		}
		r := newRun(p)
		r.load.play()
		res, got := r.load.result()
		if !got.AtRest || res.Ledger.Sent != res.Ledger.Acked || res.Ledger.Delivered != res.Ledger.Acked {
			b.Fatalf("seed %d: %s %+v", seed, res.Verdict, res.Ledger)
		}
		records += res.Ledger.Acked
		events += res.Events
		frames += r.sim.Frames()
	}
	cpu := processor(b) - worked
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
	b.ReportMetric(float64(events)/float64(records), "events/record")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(records), "allocs/record")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(records), "B/record")
	used, live := peak()
	b.ReportMetric(float64(used)/(1<<20), "peakMiB")
	b.ReportMetric(float64(live)/(1<<20), "liveMiB")
	b.ReportMetric(float64(seconds*b.N)/b.Elapsed().Seconds(), "simulated/wall")
	b.ReportMetric(float64(seconds*b.N)/cpu.Seconds(), "simulated/cpu")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(frames), "cpu-ns/frame")
	b.ReportMetric(float64(frames)/float64(b.N), "frames")
}

// watchHeap looks at the heap now and then until the function that it returns is
// called, which says what the most was: of what is in use, live or not collected yet, and
// of what a collection has found live.
func watchHeap() func() (used, live uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	done, most := make(chan bool), make(chan [2]uint64)
	go func() {
		var peak [2]uint64
		for every := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-every.C:
				metrics.Read(sample)
				for i := range peak {
					peak[i] = max(peak[i], sample[i].Value.Uint64())
				}
			case <-done:
				every.Stop()
				most <- peak
				return
			}
		}
	}()
	return func() (used, live uint64) {
		close(done)
		peak := <-most
		return peak[0], peak[1]
	}
}

// processor is what this process has had of all cores, collector included: on a machine
// that others use as well the wall clock says little.
func processor(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
