package scenario

import "testing"

// BenchmarkHealthy is a whole run with all its checks. What a frame costs all in
// is the figure to watch.
func BenchmarkHealthy(b *testing.B) {
	spec := load(b, "healthy")
	b.ReportAllocs()
	var frames int64
	for seed := range b.N {
		p, err := (&Case{Spec: spec, Seed: uint64(seed)}).plan()
		if err != nil {
			b.Fatal(err)
		}
		r := newRun(p)
		r.play()
		if res := r.result(); res.Exit != 0 {
			b.Fatalf("seed %d: %s %v", seed, res.Verdict, res.Audits)
		}
		frames += r.sim.Frames()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
	b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "frames/s")
	b.ReportMetric(float64(spec.For.Nanoseconds()*int64(b.N))/float64(b.Elapsed().Nanoseconds()), "simulated/wall")
}
