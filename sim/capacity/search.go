package capacity

import (
	"fmt"
	"slices"

	"brokersim/checker/result"
)

// part is a piece of a study: it hands out the runs that it wants to have made, all
// that it can name without knowing what they come to, and takes them when they are. It
// wants nothing more when it hands out none.
type part interface {
	next() []Probe
	take([]Outcome)
}

// search looks for the largest rate that is met: bracketed by factors of two, then
// narrowed to 2 %. Two rates are tried at a time, whatever the number of workers, so
// that what is found does not depend on it.
type search struct {
	probe Probe // but for the rate
	start int64
	floor int64 // nobody asks for less
	found []Outcome
}

// lowest and highest rates between which the answer lies: the largest that was met
// below the smallest that was not. 0 is unknown.
func (s *search) bracket() (met, missed int64) {
	for i := range s.found {
		if p := &s.found[i].Point; !p.Passed && (missed == 0 || p.Offered < missed) {
			missed = p.Offered
		}
	}
	for i := range s.found {
		if p := &s.found[i].Point; p.Passed && p.Offered > met && (missed == 0 || p.Offered < missed) {
			met = p.Offered
		}
	}
	return met, missed
}

func (s *search) next() []Probe {
	met, missed := s.bracket()
	switch {
	case met == 0 && missed == 0:
		return s.probes(s.start, 2*s.start)
	case missed == 0:
		return s.probes(2*met, 4*met)
	case met == 0 && missed <= s.floor:
		return nil // no rate is met
	case met == 0:
		return s.probes(max(missed/4, s.floor), max(missed/2, s.floor))
	case (missed-met)*50 <= met:
		return nil
	}
	return s.probes(met+(missed-met)/3, met+2*(missed-met)/3)
}

func (s *search) probes(rates ...int64) (list []Probe) {
	for _, r := range rates {
		p := s.probe
		p.Rate = round(r)
		tried := slices.ContainsFunc(s.found, func(o Outcome) bool { return o.Point.Offered == p.Rate })
		if !tried && !slices.ContainsFunc(list, func(q Probe) bool { return q.Rate == p.Rate }) {
			list = append(list, p)
		}
	}
	return list
}

func (s *search) take(list []Outcome) { s.found = append(s.found, list...) }

// lowest is the outcome at the lowest rate that was tried.
func (s *search) lowest() *Outcome {
	low := &s.found[0]
	for i := range s.found {
		if s.found[i].Point.Offered < low.Point.Offered {
			low = &s.found[i]
		}
	}
	return low
}

// best is the outcome at the largest rate that was met or, if none was, at the lowest.
func (s *search) best() *Outcome {
	met, _ := s.bracket()
	for i := range s.found {
		if s.found[i].Point.Offered == met {
			return &s.found[i]
		}
	}
	return s.lowest()
}

// refused says why no rate is met; empty if one is.
func (s *search) refused() string {
	if met, _ := s.bracket(); met > 0 {
		return ""
	}
	low := s.lowest().Point
	return fmt.Sprintf("no rate meets it: at the lowest, %d records/s, %s", low.Offered, low.Why)
}

// round keeps four digits, for people.
func round(rate int64) int64 {
	unit := int64(1)
	for rate/unit >= 10_000 {
		unit *= 10
	}
	return max(rate/unit*unit, 1)
}

// ladder asks each of several seeds for its own answer, in equal steps from that of
// the search.
type ladder struct {
	probe Probe
	base  int64
	step  int64 // thousandths of base
	most  int   // how far a seed may be from it, in steps
	seeds []uint64
	found []Outcome
	tried []map[int]bool // by seed: whether a rung was met
}

func newLadder(probe Probe, base, step int64, most int, seeds []uint64) *ladder {
	l := &ladder{probe: probe, base: base, step: step, most: most, seeds: seeds}
	for range seeds {
		l.tried = append(l.tried, make(map[int]bool))
	}
	return l
}

func (l *ladder) rate(rung int) int64 { return round(l.base * (1000 + l.step*int64(rung)) / 1000) }

// rung is the next one for a seed to try.
func (l *ladder) rung(seed int) (rung int, more bool) {
	tried := l.tried[seed]
	met, known := tried[0]
	for step := 1; known; step++ {
		if step > l.most {
			return 0, false
		}
		if rung = step; !met {
			rung = -step
		}
		var now bool
		if now, known = tried[rung]; known && now != met {
			return 0, false
		}
	}
	return rung, true
}

func (l *ladder) next() (list []Probe) {
	for i, seed := range l.seeds {
		if rung, more := l.rung(i); more {
			p := l.probe
			p.Seed, p.Rate = seed, l.rate(rung)
			list = append(list, p)
		}
	}
	return list
}

func (l *ladder) take(list []Outcome) {
	for _, o := range list {
		i := slices.Index(l.seeds, o.Probe.Seed)
		rung, _ := l.rung(i)
		l.tried[i][rung] = o.Point.Passed
	}
	l.found = append(l.found, list...)
}

// answers are the largest rates that each seed met.
func (l *ladder) answers() (rates []int64) {
	for _, tried := range l.tried {
		best := -l.most - 1
		for rung := -l.most; rung <= l.most; rung++ {
			if tried[rung] {
				best = max(best, rung)
			}
		}
		rates = append(rates, l.rate(best))
	}
	return rates
}

// fixed are runs that depend on nothing.
type fixed struct {
	probes []Probe
	found  []Outcome
}

func (f *fixed) next() []Probe {
	list := f.probes
	f.probes = nil
	return list
}

func (f *fixed) take(list []Outcome) { f.found = append(f.found, list...) }

// interval is the median of values with a 95 % interval of it, from order statistics:
// the narrowest pair that holds the median with so much certainty. Under six values
// no pair does, and it is the extremes.
func interval(values []int64) result.Interval {
	n := len(values)
	if n == 0 {
		return result.Interval{}
	}
	sorted := slices.Sorted(slices.Values(values))
	low := 0
	for low+1 < (n-1)/2 && outside(n, low+1)*40 <= 1<<n {
		low++
	}
	return result.Interval{Median: sorted[(n-1)/2], Low: sorted[low], High: sorted[n-1-low], N: n}
}

// outside is in how many of 2^n equally likely cases the median is below the k+1
// smallest of n values: at most k of them are below it.
func outside(n, k int) (cases int64) {
	choose := int64(1)
	for i := 0; i <= k; i++ {
		if i > 0 {
			choose = choose * int64(n-i+1) / int64(i)
		}
		cases += choose
	}
	return cases
}
