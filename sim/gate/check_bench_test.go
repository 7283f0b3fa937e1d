//go:build unix

package gate

import (
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"brokersim/sim/scenario"
)

// BenchmarkCheck is a check of orders, with one worker on one processor and with two
// on two, in turns: the speed of one, and by how much two are faster. (One worker with
// two processors has its garbage collected by the other, and is faster than one.) What else the machine does can only
// add to a time, so the least of each counts; -benchtime 20x finds a quiet one.
//
// cpu-of-two is the processor time of two workers by that of one for the same runs,
// whoever else has the processors meanwhile. Above 1 they are in each other's way, and
// no number of cores makes two more than 2/cpu-of-two as fast.
func BenchmarkCheck(b *testing.B) {
	c := Config{Cases: []scenario.Case{{Spec: load(b, "orders")}}, Seeds: Seeds{1, 40}}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the program has it
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var least, cpu [3]time.Duration
	for range b.N {
		for _, workers := range []int{1, 2} {
			c.Workers = workers
			runtime.GOMAXPROCS(workers)
			began, used := time.Now(), processorTime(b)
			if got := Check(c); uint64(got.Runs) != c.Seeds.N {
				b.Fatalf("%d runs", got.Runs)
			}
			took := time.Since(began)
			cpu[workers] += processorTime(b) - used
			if least[workers] == 0 || took < least[workers] {
				least[workers] = took
			}
		}
	}
	b.ReportMetric(float64(c.Seeds.N)/least[1].Seconds(), "seeds/s/core")
	b.ReportMetric(float64(least[1])/float64(least[2]), "speed-up-of-two")
	b.ReportMetric(float64(cpu[2])/float64(cpu[1]), "cpu-of-two")
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
