package scenario

import (
	"testing"
	"time"

	"brokersim/sim"
)

// healthy runs the scenario once, with all its checks, after hook has had a look.
func healthy(b *testing.B, seed int, hook func(*run)) *run {
	p, err := (&Case{Spec: load(b, "healthy"), Seed: uint64(seed)}).plan()
	if err != nil {
		b.Fatal(err)
	}
	r := newRun(p)
	hook(r)
	r.play()
	if res := r.result(); res.Exit != 0 {
		b.Fatalf("seed %d: %s %v", seed, res.Verdict, res.Audits)
	}
	return r
}

// BenchmarkHealthy is a whole run with all its checks. What a frame costs all in
// is the figure to watch.
func BenchmarkHealthy(b *testing.B) {
	b.ReportAllocs()
	var frames int64
	for seed := range b.N {
		frames += healthy(b, seed, func(*run) {}).sim.Frames()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
	b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "frames/s")
	b.ReportMetric(5*float64(time.Second.Nanoseconds()*int64(b.N))/float64(b.Elapsed().Nanoseconds()), "simulated/wall")
}

// BenchmarkWhereTheTimeGoes takes a run apart: what share of its time the brokers,
// the controller, producers and readers spend in their steps (with what they write
// into the history, and so the checker), and what is left for the kernel.
func BenchmarkWhereTheTimeGoes(b *testing.B) {
	spent := make(map[byte]time.Duration) // by the first letter of the node
	var audits time.Duration
	for seed := range b.N {
		healthy(b, seed, func(r *run) {
			var began time.Time
			var kind byte
			r.sim.Trace = func(e *sim.TraceEvent) { kind, began = e.Node[0], time.Now() }
			r.sim.After = func(node int) {
				done := time.Now()
				spent[kind] += done.Sub(began)
				r.after(node)
				audits += time.Since(done)
			}
		})
	}
	left := b.Elapsed() - audits
	share := func(d time.Duration, unit string) {
		b.ReportMetric(100*float64(d)/float64(b.Elapsed()), unit)
	}
	for _, kind := range []struct {
		letter byte
		unit   string
	}{{'b', "%brokers"}, {'c', "%controller"}, {'p', "%producers"}, {'k', "%readers"}} {
		share(spent[kind.letter], kind.unit)
		left -= spent[kind.letter]
	}
	share(audits, "%audits")
	share(left, "%kernel-and-rest")
}
