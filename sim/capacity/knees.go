package capacity

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
)

// knees are three answers to where a curve bends, from the points of its first seed.
func (s *Study) knees(points []result.Point, underSLO int64) result.Knees {
	k := result.Knees{UnderSLO: underSLO}
	var base, best *result.Point
	for i := range points {
		p := &points[i]
		if p.Seed != fmt.Sprintf("%#x", s.Seeds[0]) || s.judged(p).N == 0 {
			continue
		}
		if base == nil {
			base = p
		}
		// Throughput over latency is largest: p.Achieved/p.P50 > best.Achieved/best.P50.
		if best == nil || p.Achieved*s.judged(best).P50 > best.Achieved*s.judged(p).P50 {
			best = p
		}
		if k.Doubled == 0 && s.judged(p).P99 > 2*s.judged(base).P99 {
			k.Doubled = p.Offered
		}
	}
	if best != nil {
		k.Power = best.Offered
	}
	k.Disagrees = disagree(&k)
	return k
}

// disagree says that the knees are over 20 % apart.
func disagree(k *result.Knees) string {
	low, high := int64(0), int64(0)
	var names []string
	for _, x := range []struct {
		name string
		rate int64
	}{{"under the SLO", k.UnderSLO}, {"largest throughput/latency", k.Power}, {"p99 doubled", k.Doubled}} {
		if x.rate == 0 {
			continue
		}
		if low == 0 || x.rate < low {
			low = x.rate
		}
		high = max(high, x.rate)
		names = append(names, fmt.Sprintf("%s at %s", x.name, result.Count(x.rate)))
	}
	if low == 0 || high*10 <= low*12 {
		return ""
	}
	return strings.Join(names, ", ")
}
