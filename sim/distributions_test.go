package sim

import (
	"math"
	"testing"
	"time"
)

// The tables that come with parameters are the distributions that they name, to a
// millionth at every place.
func TestDistributionTables(t *testing.T) {
	probability := func(octave, step int) float64 {
		return math.Ldexp(float64(2*octaveSteps-step)/(2*octaveSteps), -octave)
	}
	near := func(what string, octave, step int, got int64, want float64) {
		if math.Abs(float64(got)-min(want, 1<<62)) > 1+want/1e6 {
			t.Errorf("%s: place %d of octave %d is %d, want %.1f", what, step, octave, got, want)
		}
	}
	const mean = 80 * time.Microsecond
	ours := Exponential(mean)
	for octave := range octaves {
		for step := 1; step <= octaveSteps; step++ {
			near("exponential", octave, step, ours.table[octave*octaveSteps+step], -math.Log(probability(octave, step))*float64(mean))
		}
	}
	for _, row := range []struct{ median, p99 time.Duration }{
		{15 * time.Millisecond, 60 * time.Millisecond},
		{400 * time.Microsecond, 400 * time.Microsecond},
		{3000, 700 * time.Millisecond},
		{8 * time.Millisecond, 30 * time.Millisecond},
	} {
		ours := LogNormal(row.median, row.p99)
		for octave := range octaves {
			for step := 1; step <= octaveSteps; step++ {
				z := -math.Sqrt2 * math.Erfinv(2*probability(octave, step)-1)
				want := float64(row.median) * math.Exp(math.Log(float64(row.p99)/float64(row.median))*z/2.3263478740408408)
				near("log-normal of "+row.median.String(), octave, step, ours.table[octave*octaveSteps+step], want)
			}
		}
		if got := ours.Median(); got < row.median-1 || got > row.median+1 {
			t.Errorf("half exceed %v, want %v", got, row.median)
		}
	}
	// The greatest values neither turn negative nor come down.
	for _, l := range []*Latency{Exponential(maxMean), LogNormal(1, maxMean), LogNormal(maxMean, maxMean)} {
		for i := 1; i < len(l.table); i++ {
			if l.table[i] < l.table[i-1] {
				t.Fatalf("place %d is %d after %d", i, l.table[i], l.table[i-1])
			}
		}
		var last time.Duration
		for _, v := range []uint64{^uint64(0), 1 << 63, 1 << 60, 1 << 50, 1 << 45, 0} {
			if d := l.at(v); d < last {
				t.Fatalf("%v follows %v", d, last)
			} else {
				last = d
			}
		}
	}
}
