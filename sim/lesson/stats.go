package lesson

import (
	"fmt"
	"slices"

	"brokersim/broker/near"
)

// Stats is the distribution of one number over the runs of a trial: counts,
// microseconds or, of 1000, the share of runs in which it was above 0.
type Stats struct {
	Min   int64 `json:"min"`
	P5    int64 `json:"p5"`
	P50   int64 `json:"p50"`
	P95   int64 `json:"p95"`
	Max   int64 `json:"max"`
	Total int64 `json:"total"`
	Above int   `json:"above"` // runs in which it was above 0
	Runs  int   `json:"runs"`
}

// newStats sorts values, of which there must be at least one. Percentiles are by
// nearest rank.
func newStats(values []int64) Stats {
	slices.Sort(values)
	rank := func(percent int) int64 { return values[max(0, (len(values)*percent+99)/100-1)] }
	s := Stats{Min: values[0], P5: rank(5), P50: rank(50), P95: rank(95), Max: values[len(values)-1], Runs: len(values)}
	for _, v := range values {
		s.Total += v
		if v > 0 {
			s.Above++
		}
	}
	return s
}

// statNames are the numbers that a distribution has.
var statNames = []string{"min", "p5", "p50", "p95", "max", "total", "prob_gt0"}

func knownStat(name string) error {
	if !slices.Contains(statNames, name) {
		return fmt.Errorf("unknown %q of a distribution%s", name, near.Suggest(name, statNames))
	}
	return nil
}

// get is one number of a distribution, by name.
func (s *Stats) get(stat string) int64 {
	switch stat {
	case "min":
		return s.Min
	case "p5":
		return s.P5
	case "p50":
		return s.P50
	case "p95":
		return s.P95
	case "max":
		return s.Max
	case "total":
		return s.Total
	}
	return (int64(s.Above)*2000/int64(s.Runs) + 1) / 2
}

// unitOf is the unit in which a number of a distribution is written.
func unitOf(m metric, stat string) unit {
	if stat == "prob_gt0" {
		return share
	}
	return m.unit
}
