package capacity

import (
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"brokersim/checker/measure"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

func outcomeOf(p Probe, passed bool) Outcome {
	return Outcome{Probe: p, Point: result.Point{Offered: p.Rate, Passed: passed}}
}

// A search alone, without the seeds that come after it, ends with a rate that is met and
// one within 2 % above it that is not.
func TestASearchEndsWithinTwoPercent(t *testing.T) {
	for _, limit := range []int64{130, 4_321, 99_999, 876_543} {
		s := &search{start: 1000, floor: 10}
		for list := s.next(); len(list) > 0; list = s.next() {
			var got []Outcome
			for _, p := range list {
				got = append(got, outcomeOf(p, p.Rate <= limit))
			}
			s.take(got)
		}
		met, missed := s.bracket()
		if met > limit || missed <= limit || (missed-met)*50 > met+50 {
			t.Errorf("limit %d: met at %d, missed at %d after %d runs", limit, met, missed, len(s.found))
		}
	}
}

// What is met above a rate that is not is luck: nobody plans on it.
func TestTheLowestMissCounts(t *testing.T) {
	s := &search{}
	for rate, passed := range map[int64]bool{100: true, 150: true, 200: false, 300: true, 400: false} {
		s.found = append(s.found, outcomeOf(Probe{Rate: rate}, passed))
	}
	if met, missed := s.bracket(); met != 150 || missed != 200 {
		t.Errorf("between %d and %d, want 150 and 200", met, missed)
	}
}

// Each seed climbs, or descends, to its own answer, as far as it may.
func TestALadderAnswersForEachSeed(t *testing.T) {
	limits := map[uint64]int64{1: 10_000, 2: 10_700, 3: 9_500, 4: 99_999, 5: 1}
	l := newLadder(Probe{}, 10_000, 20, 5, []uint64{1, 2, 3, 4, 5})
	for list := l.next(); len(list) > 0; list = l.next() {
		var got []Outcome
		for _, p := range list {
			got = append(got, outcomeOf(p, p.Rate <= limits[p.Seed]))
		}
		l.take(got)
	}
	for i, want := range []bounded{{10_000, ""}, {10_600, ""}, {9_400, ""}, {11_000, "at least"}, {9_000, "at most"}} {
		if got := l.answers()[i]; got != want {
			t.Errorf("seed %d answers %v, want %v", i+1, got, want)
		}
	}
	for _, o := range l.found {
		if o.Probe.Rate < 9_000 || o.Probe.Rate > 11_000 {
			t.Errorf("%d is not on the ladder", o.Probe.Rate)
		}
	}
}

// A seed that is off the ladder is said to be, in the median and at the end where it is,
// and nothing is planned on a rate that it was not seen to carry.
func TestWhatNobodyHasLookedAtIsSaid(t *testing.T) {
	known := func(n int64) bounded { return bounded{value: n} }
	for _, x := range []struct {
		values []bounded
		words  string
		plan   int64
	}{
		{[]bounded{known(100), known(90), known(95)}, "95 records/s [90, 100]", 90},
		{[]bounded{known(100), {90, "at most"}, known(90)}, "90 records/s [<= 90, 100]", 0},
		{[]bounded{{100, "at least"}, known(100), known(100)}, "100 records/s [100, >= 100]", 100},
		{[]bounded{{90, "at most"}, {90, "at most"}, {90, "at most"}}, "<= 90 records/s", 0},
		{[]bounded{known(10), {30, "at least"}, {30, "at least"}}, ">= 30 records/s [10, >= 30]", 10},
	} {
		i := interval(x.values)
		if got := rateWithin(i); got != x.words {
			t.Errorf("%v: %s, want %s", x.values, got, x.words)
		}
		if got := planOn(result.Interval{Median: 1000, N: 5}, i); got != x.plan {
			t.Errorf("%v: plan on %d, want %d", x.values, got, x.plan)
		}
	}
	if got := planOn(interval([]bounded{{90, "at most"}}), interval([]bounded{known(80)})); got != 0 {
		t.Errorf("plan on %d", got)
	}
}

// However many seeds, what is outside of the interval is at most a fortieth on each side,
// and one more would be over it. The bounds of 100 are the table's of the sign test.
func TestAnIntervalOfManySeeds(t *testing.T) {
	for n, want := range map[int]int{1: 0, 5: 0, 8: 0, 9: 1, 25: 7, 62: 22, 63: 23, 64: 23, 100: 39, 1000: 468} {
		if got := trimmed(n); got != want {
			t.Errorf("of %d seeds %d are left out on each side, want %d", n, got, want)
		}
	}
}

// Whatever a rate can fail of is said, and what it must meet is not taken for a failure.
func TestWhyARateIsNotMet(t *testing.T) {
	s := small()
	s.SLO = result.SLO{AckP99US: 20_000, E2EP99US: 50_000}
	for want, change := range map[string]func(*result.Point, *result.Result, *measure.Sums){
		"":                                 func(*result.Point, *result.Result, *measure.Sums) {},
		"1 acknowledged records were lost": func(_ *result.Point, r *result.Result, _ *measure.Sums) { r.Ledger.LostAcked = 1 },
		"a promise was broken":             func(_ *result.Point, r *result.Result, _ *measure.Sums) { r.Verdict = result.Broken },
		"9,900 of 10,000 records":          func(_ *result.Point, _ *result.Result, m *measure.Sums) { m.Acked = 9_900 },
		"readers fall behind":              func(_ *result.Point, _ *result.Result, m *measure.Sums) { m.Read = 9_900 },
		"acknowledgement p99":              func(_ *result.Point, _ *result.Result, m *measure.Sums) { m.AckOver = 11 },
		"end-to-end p99":                   func(_ *result.Point, _ *result.Result, m *measure.Sums) { m.E2EOver = 11 },
		"the backlog grows by 6 records":   func(x *result.Point, _ *result.Result, m *measure.Sums) { x.Slope, m.Overdue = 6, growing(0, 6) },
	} {
		x, r := result.Point{Offered: 1000, Slope: 5}, result.Result{Verdict: result.Kept}
		got := scenario.Loaded{Sums: measure.Sums{Due: 10_000, Acked: 9_990, Read: 9_980, Ack: thousand(), E2E: thousand(), AckOver: 10, E2EOver: 10, Overdue: growing(0, 5)}}
		change(&x, &r, &got.Sums)
		if why := s.why(&x, &Probe{Rate: 1000, Seed: 1}, &r, &got); !strings.HasPrefix(why, want) || want == "" && why != "" {
			t.Errorf("%q, want %q", why, want)
		}
	}
}

// growing is a backlog of a minute, second by second.
func growing(from, by int64) (list []int64) {
	for i := range int64(60) {
		list = append(list, from+by*i)
	}
	return list
}

func thousand() *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, 1_000_000, 3)
	h.RecordValues(10, 1000)
	return h
}

// The knees of a curve: throughput over latency is largest at 2000, p99 is more than
// twice the first at 4000, and another seed's points are not looked at.
func TestKnees(t *testing.T) {
	s := small()
	point := func(seed string, rate, p50, p99 int64) result.Point {
		return result.Point{Seed: seed, Offered: rate, Achieved: rate, Ack: result.Tail{P50: p50, P99: p99, N: 1}}
	}
	k := s.knees([]result.Point{
		point("0x1", 1000, 10, 100), point("0x2", 1500, 1, 900), point("0x1", 2000, 12, 150), point("0x1", 3000, 30, 200), point("0x1", 4000, 60, 201), point("0x1", 5000, 90, 400),
	}, 3000)
	if k.UnderSLO != 3000 || k.Power != 2000 || k.Doubled != 4000 || !strings.Contains(k.Disagrees, "p99 doubled at 4,000") {
		t.Errorf("%+v", k)
	}
	if k := s.knees([]result.Point{point("0x1", 1000, 10, 100)}, 1100); k.Disagrees != "" || k.Doubled != 0 {
		t.Errorf("10 %% apart: %+v", k)
	}
}
