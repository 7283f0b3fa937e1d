package capacity

import (
	"fmt"
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/profile"
)

func i3en(t testing.TB) *Study {
	hw, err := profile.Hardware("aws-i3en.2xlarge")
	if err != nil {
		t.Fatal(err)
	}
	costs, err := profile.Costs("kafka")
	if err != nil {
		t.Fatal(err)
	}
	s := &Study{
		Name: "i3en", File: "i3en.yaml", Hardware: hw, Costs: costs,
		Load:    Load{Topics: 1, Partitions: 24, Value: 1024, Producers: 4, Groups: 1, Members: 4, Poisson: true, Rate: 50_000},
		Cluster: Cluster{Profile: hw.Name, Brokers: 3, RF: 3, MinISR: 2, Acks: "all", Linger: 5 * time.Millisecond, BatchSize: 131072},
		SLO:     result.SLO{E2EP99US: 50_000},
		Seeds:   []uint64{1, 2, 3, 4, 5},
		Explore: 20 * time.Second, Measure: 60 * time.Second, Warm: 5 * time.Second,
	}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestI3enPoints(t *testing.T) {
	s := i3en(t)
	for _, lost := range []bool{false, true} {
		for _, rate := range []int64{50_000, 100_000, 200_000, 400_000, 600_000} {
			began := time.Now()
			o := Run(s, Probe{Rate: rate, Seed: 1, Lost: lost, Warm: 5 * time.Second, For: 20 * time.Second})
			x := o.Point
			fmt.Printf("%v %d: %s achieved %d passed %t %s ack %d %d e2e %d %d backlog %d slope %d batch %d req %d events %d took %v %s\n", lost, rate, x.Verdict, x.Achieved, x.Passed, x.Why, x.Ack.P50, x.Ack.P99, x.E2E.P50, x.E2E.P99, x.Backlog, x.Slope, x.BatchRecs, x.Requests, o.Events, time.Since(began), o.Err)
		}
	}
}
