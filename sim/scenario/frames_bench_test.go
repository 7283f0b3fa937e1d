//go:build unix

package scenario

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkQuorum is three brokers and three controllers with 1,000 records a second:
// what a frame costs all in, with checker and audits. Neither our followers nor
// our consumers begin a fetch session (KIP-227), so every Fetch names each partition that
// it is about, and so does its answer: most of what a frame costs where there are many.
func BenchmarkQuorum(b *testing.B) {
	for _, row := range []struct {
		partitions int32
		readers    int
	}{{3, 1}, {100, 0}, {100, 1}, {100, 4}} {
		b.Run(fmt.Sprintf("partitions=%d,readers=%d", row.partitions, row.readers), func(b *testing.B) {
			spec := load(b, "healthy")
			spec.For, spec.Controllers = 20*time.Second, 3
			spec.Topics[0].Partitions, spec.Readers = row.partitions, spec.Readers[:row.readers]
			benchmarkFrames(b, spec)
		})
	}
}

// BenchmarkIdle is an hour of such a cluster with 100 partitions that nobody asks for
// anything: some seconds of a core.
func BenchmarkIdle(b *testing.B) {
	spec := load(b, "healthy")
	spec.For, spec.Controllers = time.Hour, 3
	spec.Topics[0].Partitions = 100
	spec.Producers, spec.Readers, spec.Set = nil, nil, nil
	benchmarkFrames(b, spec)
}

// benchmarkFrames runs a scenario and says what a frame has cost of all cores.
func benchmarkFrames(b *testing.B, spec *Spec) {
	b.ReportAllocs()
	frames, began := int64(0), processor(b)
	for seed := range b.N {
		p, err := (&Case{Spec: spec, Seed: uint64(seed)}).plan()
		if err != nil {
			b.Fatal(err)
		}
		r := newRun(p)
		r.play()
		if res := r.result(); len(res.Audits) > 0 || res.Exit != 0 && len(spec.Producers) > 0 {
			b.Fatalf("seed %d: %s %v", seed, res.Verdict, res.Audits)
		}
		frames += r.sim.Frames()
	}
	cpu := processor(b) - began
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(frames), "cpu-ns/frame")
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/run")
	b.ReportMetric(float64(frames)/float64(b.N), "frames")
}
