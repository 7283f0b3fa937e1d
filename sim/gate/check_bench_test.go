package gate

import (
	"testing"
	"time"

	"brokersim/sim/scenario"
)

// BenchmarkCheck is a check of orders, with one worker and with two in turns, so
// that what else the machine does hits both: the speed of one, and by how much two
// are faster.
func BenchmarkCheck(b *testing.B) {
	c := Config{Cases: []scenario.Case{{Spec: load(b, "orders")}}}
	const seeds = 40
	var took [3]time.Duration
	for n := range b.N {
		for _, workers := range []int{1, 2} {
			c.Workers, c.Seeds = workers, Seeds{uint64(n)*seeds + 1, seeds}
			began := time.Now()
			if got := Check(c); got.Runs != seeds {
				b.Fatalf("%d runs", got.Runs)
			}
			took[workers] += time.Since(began)
		}
	}
	b.ReportMetric(seeds*float64(b.N)/took[1].Seconds(), "seeds/s/core")
	b.ReportMetric(float64(took[1])/float64(took[2]), "speed-up-of-two")
}
