package capacity

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/profile"
	"brokersim/workloads"
)

// small is a study that takes little time.
func small() *Study {
	hw, err := profile.Hardware("aws-i3en.2xlarge")
	if err != nil {
		panic(err)
	}
	costs, err := profile.Costs("kafka")
	if err != nil {
		panic(err)
	}
	return &Study{
		Name: "small", File: "small.yaml", Hardware: hw, Costs: costs, NoInterference: true,
		Load:    Load{Topics: 1, Partitions: 6, Sizes: workloads.Sizes{Bytes: 100}, Producers: 2, Groups: 1, Members: 2, Arrivals: workloads.Arrivals{Process: workloads.Poisson}, Rate: 1000},
		Cluster: Cluster{Profile: "none", Brokers: 3, RF: 3, MinISR: 2, Acks: "all", Linger: 5 * time.Millisecond, BatchSize: 16384},
		SLO:     result.SLO{AckP99US: 20_000},
		Seeds:   []uint64{1, 2, 3},
		Explore: 4 * time.Second, Measure: 6 * time.Second, Warm: time.Second,
	}
}

// pretend is a cluster that meets every rate up to a limit, which is a little lower
// for higher seeds.
func pretend(limit, lost int64) func(*Study, Probe) Outcome {
	return func(_ *Study, p Probe) Outcome {
		most := limit
		if p.Lost {
			most = lost
		}
		most -= most * int64(p.Seed-1) / 100
		o := Outcome{Probe: p, Point: result.Point{Offered: p.Rate, Seed: fmt.Sprintf("%#x", p.Seed), Achieved: min(p.Rate, most), Passed: p.Rate <= most}}
		o.Point.Ack = result.Tail{P50: 1000, P99: 2000, N: 1}
		if p.Rate > most*3/4 {
			o.Point.Ack = result.Tail{P50: 3000, P99: 9000, N: 1}
		}
		if !o.Point.Passed {
			o.Point.Why = "p99 is 99 ms"
		}
		return o
	}
}

func driveWith(s *Study, run func(*Study, Probe) Outcome) *Plan {
	p := NewPlan(s)
	for list := p.Next(); len(list) > 0; list = p.Next() {
		var got []Outcome
		for _, x := range list {
			got = append(got, run(s, x))
		}
		p.Take(got)
	}
	return p
}

func TestTheAnswerIsFound(t *testing.T) {
	for _, limit := range []int64{100, 999, 1000, 1001, 8_123, 47_000, 1_234_567} {
		s := small()
		s.Seeds = []uint64{1, 2, 3, 4, 5}
		p := driveWith(s, pretend(limit, limit*2/3))
		if p.Err() != "" {
			t.Errorf("limit %d: %s", limit, p.Err())
			continue
		}
		c := p.Result()
		// The seeds' limits are 100, 99, 98, 97 and 96 % of it: the middle one is 98 %.
		want := limit * 98 / 100
		if d := c.Answer.Rate.Median - want; d > max(want/40, 1) || d < -max(want/25, 1) {
			t.Errorf("limit %d: found %+v, want about %d", limit, c.Answer.Rate, want)
		}
		if d := c.Answer.RateOneLost.Median - want*2/3; d > max(want/40, 1) || d < -max(want/25, 1) {
			t.Errorf("limit %d: with one lost found %+v, want about %d", limit, c.Answer.RateOneLost, want*2/3)
		}
		if c.Answer.Rate.Low > c.Answer.Rate.Median || c.Answer.Rate.High < c.Answer.Rate.Median || c.Answer.Rate.N != 5 {
			t.Errorf("limit %d: %+v", limit, c.Answer.Rate)
		}
		if c.Answer.PlanOn > c.Answer.RateOneLost.Median {
			t.Errorf("limit %d: to plan on %d is more than %d", limit, c.Answer.PlanOn, c.Answer.RateOneLost.Median)
		}
		if k := c.Healthy.Knees.Doubled; limit > 10_000 && (k < limit*70/100 || k > limit*85/100) {
			t.Errorf("limit %d: p99 has doubled at %d", limit, k)
		}
		if c.Runs > 120 {
			t.Errorf("limit %d: %d runs", limit, c.Runs)
		}
	}
}

func TestNoRateIsMet(t *testing.T) {
	p := driveWith(small(), pretend(0, 0))
	if p.Err() != "no rate meets it: at the lowest, 27 records/s, p99 is 99 ms" {
		t.Error(p.Err())
	}
}

// TestNothingIsMetOnOneBrokerLess gives an answer all the same, which is 0.
func TestNothingIsMetOnOneBrokerLess(t *testing.T) {
	p := driveWith(small(), pretend(5000, 0))
	c := p.Result()
	if p.Err() != "" || c.Answer.PlanOn != 0 || c.Answer.Rate.Median < 4800 {
		t.Errorf("%q %+v", p.Err(), c.Answer)
	}
}

func TestIntervals(t *testing.T) {
	for _, x := range []struct {
		values string
		want   result.Interval
	}{
		{"5 1 3", result.Interval{Median: 3, Low: 1, High: 5, N: 3}},
		{"1 2 3 4 5 6 7 8", result.Interval{Median: 4, Low: 1, High: 8, N: 8}}, // 1 and 8: 99.2 %; 2 and 7: 93 %
		{"1 2 3 4 5 6 7 8 9", result.Interval{Median: 5, Low: 2, High: 8, N: 9}},
	} {
		var values []int64
		for _, f := range strings.Fields(x.values) {
			n, _ := strconv.ParseInt(f, 10, 64)
			values = append(values, n)
		}
		if got := interval(values); got != x.want {
			t.Errorf("%s: %+v, want %+v", x.values, got, x.want)
		}
	}
}

func TestOneRunOfAStudy(t *testing.T) {
	o := Run(small(), Probe{Rate: 2000, Seed: 1, Warm: time.Second, For: 4 * time.Second, Rows: true})
	if o.Err != "" || !o.Point.Passed || o.Point.Verdict != result.Kept || len(o.Rows) != 5 {
		b, _ := json.MarshalIndent(o, "", " ")
		t.Fatalf("%s", b)
	}
	if l := Run(small(), Probe{Rate: 2000, Seed: 1, Lost: true, Warm: 2 * time.Second, For: 5 * time.Second}); !l.Point.Passed {
		b, _ := json.MarshalIndent(l, "", " ")
		t.Fatalf("on one broker less: %s", b)
	}
}
