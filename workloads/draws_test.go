package workloads

import (
	"testing"

	"brokersim/broker/machine"
)

// The mean and the variance of the distribution are 1, and a gap above m is as
// rare as e^-m.
func TestExponentialMoments(t *testing.T) {
	const n = 1 << 18
	var sum, squares, above4 int64
	for i := range uint64(n) {
		x := int64(exponential(machine.NewDraw(3, "moments").With(i)) >> 16) // units of 2^-16
		sum += x
		squares += x * x >> 16
		if x > 4<<16 {
			above4++
		}
	}
	mean := sum / n
	variance := squares/n - mean*mean>>16
	if one := int64(1 << 16); mean < one*99/100 || mean > one*101/100 || variance < one*97/100 || variance > one*103/100 {
		t.Errorf("mean %d, variance %d, want about %d", mean, variance, one)
	}
	if want := int64(4801); above4 < want*9/10 || above4 > want*11/10 { // n e^-4
		t.Errorf("%d draws above 4 times the mean, want about %d", above4, want)
	}
}

// Whatever the rate, what is due in an hour is what was asked for.
func TestArrivalsKeepTheirRate(t *testing.T) {
	for _, rate := range []int64{1, 3, 7, 1000, 999_983} {
		for _, process := range []Process{Constant, Poisson} {
			poisson := process == Poisson
			a := Arrivals{PerSecond: rate, Process: process}.Start(5, machine.NewDraw(1, "arrivals"))
			n := min(100*rate, 200_000)
			var last machine.Instant
			for range n + 1 {
				next := a.Next()
				if next < last {
					t.Fatalf("rate %d: due at %d after %d", rate, next, last)
				}
				last = next
			}
			want := machine.Instant(n * second / rate)
			off := max(last-5, want) - min(last-5, want)
			if limit := machine.Instant(1); !poisson && off > limit {
				t.Errorf("rate %d: arrival %d is due at %d, want %d", rate, n, last, want)
			} else if poisson && off > want/4 {
				t.Errorf("rate %d, Poisson: arrival %d is due at %d, want about %d", rate, n, last, want)
			}
		}
	}
}
