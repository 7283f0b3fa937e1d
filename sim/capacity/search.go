package capacity

import (
	"cmp"
	"fmt"
	"math/big"
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
// halved until it is known to 2 %. Which rates are tried does not depend on how many runs
// are made at a time.
type search struct {
	probe Probe // but for the rate
	start int64
	roof  int64 // the roofline: tried before anything above it; 0: unknown
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
	case missed == 0 && met < s.roof:
		return s.probes(min(2*met, s.roof))
	case missed == 0:
		return s.probes(2 * met)
	case met == 0 && missed <= s.floor:
		return nil // no rate is met
	case met == 0:
		return s.probes(max(missed/4, s.floor), max(missed/16, s.floor))
	case (missed-met)*50 <= met:
		return nil
	}
	return s.probes(met + (missed-met)/2)
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
	return fmt.Sprintf("no rate meets it: at the lowest, %s records/s, %s", result.Count(low.Offered), low.Why)
}

// round keeps four digits, for people.
func round(rate int64) int64 {
	unit := int64(1)
	for rate/unit >= 10_000 {
		unit *= 10
	}
	return max(rate/unit*unit, 1)
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

// bounded is a value, or one that it is at least or at most: nobody has looked further.
type bounded struct {
	value int64
	open  string // "at least" or "at most"; empty: it is known
}

// compareBounded orders values: what is at most so much is below it, what is at least so
// much above.
func compareBounded(a, b bounded) int {
	side := map[string]int{"at most": -1, "at least": 1}
	return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(side[a.open], side[b.open]))
}

// interval is the median of values with a 95 % interval of it, from order statistics:
// the narrowest pair that holds the median with so much certainty. Under six values
// no pair does, and it is the extremes.
func interval(values []bounded) result.Interval {
	n := len(values)
	if n == 0 {
		return result.Interval{}
	}
	sorted := slices.SortedFunc(slices.Values(values), compareBounded) // total: those that compare equal are the same
	low := trimmed(n)
	median, least, most := sorted[(n-1)/2], sorted[low], sorted[n-1-low]
	return result.Interval{
		Median: median.value, Low: least.value, High: most.value, N: n,
		OpenMedian: median.open, OpenLow: least.open, OpenHigh: most.open,
	}
}

// trimmed is how many of n values may be left out at either end of an interval that
// holds the median with 95 %: at most k of n are below it in the sum of the binomial
// coefficients up to k, of 2^n equally likely cases, and that on each side is at most a
// fortieth.
func trimmed(n int) (low int) {
	all := new(big.Int).Lsh(big.NewInt(1), uint(n))
	cases, choose := big.NewInt(1), big.NewInt(1)
	for low+1 < (n-1)/2 {
		choose.Mul(choose, big.NewInt(int64(n-low))).Quo(choose, big.NewInt(int64(low+1)))
		cases.Add(cases, choose)
		if new(big.Int).Mul(cases, big.NewInt(40)).Cmp(all) > 0 {
			break
		}
		low++
	}
	return low
}
