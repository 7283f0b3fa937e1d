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

// A seed that carries far less than the first, or more, has its own answer, within the
// runs of a study.
func TestASeedFarOff(t *testing.T) {
	s := small()
	s.Seeds = []uint64{1, 2, 3, 4, 30}
	p := driveWith(s, pretend(10_000, 7_000))
	c := p.Result()
	if a := c.Answer; p.Err() != "" || a.Rate.Low < 6_800 || a.Rate.Low > 7_100 || a.Rate.OpenLow != "" || a.PlanOn < 4_600 || a.PlanOn > 4_970 {
		t.Errorf("%q %+v", p.Err(), a)
	}
	if c.Runs > mostRuns {
		t.Errorf("%d runs", c.Runs)
	}
	s.Seeds = []uint64{1, 2, 3, 4, 80}
	c = driveWith(s, pretend(10_000, 7_000)).Result()
	if a := c.Answer; a.RateOneLost.OpenLow != "at most" || a.PlanOn != 0 || !strings.Contains(a.Text, "there is none to plan on") {
		t.Errorf("%+v", a)
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
		var values []bounded
		for _, f := range strings.Fields(x.values) {
			n, _ := strconv.ParseInt(f, 10, 64)
			values = append(values, bounded{value: n})
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

// TestParametersAreKnownTo2Percent gives each parameter an influence of its own, and has
// the study find it in steps as fine as those of its search, within its runs.
func TestParametersAreKnownTo2Percent(t *testing.T) {
	s := small()
	s.NoInterference, s.Seeds = false, []uint64{1, 2, 3, 4, 5}
	moves := map[string]int64{"disk.write_MBps": 100, "nic.baseline_MBps": 30, "broker.request_us": -7} // thousandths of the rate for a tenth more
	run := func(s *Study, p Probe) Outcome {
		limit := int64(50_000)
		for _, set := range p.Set {
			key, value, _ := strings.Cut(set, "=")
			for _, v := range s.variations() {
				if string(v.name) == key && value == v.minus {
					limit -= limit * moves[key] * 2 / 1000
				}
				if string(v.name) == key && value == v.plus {
					limit += limit * moves[key] * 2 / 1000
				}
			}
		}
		return pretend(limit, limit*2/3)(s, p)
	}
	c := driveWith(s, run).Result()
	if c.Runs > mostRuns {
		t.Errorf("%d runs", c.Runs)
	}
	if len(c.Sensitivity) != len(s.variations()) {
		t.Fatalf("%+v", c.Sensitivity)
	}
	for _, x := range c.Sensitivity {
		for _, y := range []struct {
			rate, share int64
			open        string
		}{{x.RateMinus, 1000 - 2*moves[x.Parameter], x.OpenMinus}, {x.RatePlus, 1000 + 2*moves[x.Parameter], x.OpenPlus}} {
			want := int64(50_000) * y.share / 1000
			if y.open == "" && (y.rate > want || y.rate*1025 < want*1000) {
				t.Errorf("%s: %d, want %d to 2 %%: %+v", x.Parameter, y.rate, want, x)
			}
			if y.open == "at least" && y.rate > want {
				t.Errorf("%s: at least %d, and it is %d", x.Parameter, y.rate, want)
			}
			if moves[x.Parameter] == 0 && y.open != "" {
				t.Errorf("%s moves nothing, and that was not found: %+v", x.Parameter, x)
			}
		}
	}
}

// TestNoRunIsMadeTwice has a plan make each run once, whoever asks for it.
func TestNoRunIsMadeTwice(t *testing.T) {
	s, made := small(), map[string]bool{}
	s.Measure = s.Explore // runs of the search are those at the answer
	p := driveWith(s, func(s *Study, x Probe) Outcome {
		if made[x.key()] {
			t.Errorf("%s is made twice", x.key())
		}
		made[x.key()] = true
		return pretend(50_000, 40_000)(s, x)
	})
	seen := map[string]bool{}
	for _, x := range p.Result().Healthy.Points {
		key := fmt.Sprint(x.Offered, x.Seed)
		if seen[key] {
			t.Errorf("%s stands twice on the curve", key)
		}
		seen[key] = true
	}
}

// TestShapesAreJudged rejects what cannot be, what does not carry the load with a broker
// lost, and what is more than is needed, each with its numbers.
func TestShapesAreJudged(t *testing.T) {
	s := small()
	s.Cluster.Profile, s.Load.Rate = "aws-i3en.2xlarge", 40_000
	c := driveWith(s, func(s *Study, p Probe) Outcome {
		x, err := s.With(p.Set...)
		if err != nil {
			t.Fatal(err)
		}
		return pretend(12_000*x.Cluster.Brokers, 12_000*(x.Cluster.Brokers-1))(s, p)
	}).Result()
	var got []string
	for _, x := range c.Shapes {
		got = append(got, x.Name+": "+x.Rejected)
	}
	for i, want := range []string{
		"3 x aws-i3en.2xlarge: with one broker lost it carries 23,",
		"2 x aws-i3en.2xlarge: 2 brokers cannot hold 3 replicas of a partition",
		"4 x aws-i3en.2xlarge: with one broker lost it carries 3",
		"6 x aws-i3en.2xlarge: ",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) || i == 3 && got[i] != want {
			t.Errorf("shapes\n %s", strings.Join(got, "\n "))
			break
		}
	}
}
