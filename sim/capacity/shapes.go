package capacity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"brokersim/checker/result"
)

// shapes are what else could carry the load: more brokers of the same kind, one fewer,
// and the other profiles that a study names. Each is the settings that make it, with
// the number of brokers last.
func (s *Study) shapes() (sets [][]string) {
	for i, name := range append([]string{s.Cluster.Profile}, s.Shapes...) {
		for _, n := range []int64{s.Cluster.Brokers - 1, s.Cluster.Brokers, s.Cluster.Brokers * 4 / 3, s.Cluster.Brokers * 2} {
			set := []string{fmt.Sprintf("%s=%d", setBrokers, n)}
			if i > 0 { // what was set of the own hardware stays only with that
				set = append([]string{fmt.Sprintf("%s=%s", setProfile, name)}, set...)
			}
			same := i == 0 && n == s.Cluster.Brokers
			if n > 0 && !same && !slices.ContainsFunc(sets, func(x []string) bool { return slices.Equal(x, set) }) {
				sets = append(sets, set)
			}
		}
	}
	return sets
}

// impossible is a shape of [Study.shapes] that cannot be one, and why.
func (s *Study) impossible(set []string, err error) result.Shape {
	x := result.Shape{Profile: s.Cluster.Profile, RF: int(s.Cluster.RF), Partitions: int(s.Load.Topics * s.Load.Partitions), Rejected: err.Error()}
	for _, setting := range set {
		switch key, value, _ := strings.Cut(setting, "="); key {
		case setProfile:
			x.Profile = value
		case setBrokers:
			x.Name = value + " x " + x.Profile
			if n, err := strconv.Atoi(value); err == nil && n < x.RF {
				x.Brokers, x.Rejected = n, fmt.Sprintf("%d brokers cannot hold %d replicas of a partition", n, x.RF)
			}
		}
	}
	return x
}

// wanted is the rate that a shape has to carry with one broker lost: that which was
// asked for, or that to plan on.
func (p *Plan) wanted() int64 {
	if p.study.Load.Rate > 0 {
		return p.study.Load.Rate
	}
	return p.rated()
}

// candidate is a shape under consideration: what speaks against it before it is run, or
// the part of a study that says what it carries with one broker lost. It is judged by a
// search of its own around where the study's knee lies below its roofline or, if that
// would be long or has not said it, by a run at what is wanted.
type candidate struct {
	shape  result.Shape
	wanted int64
	judge  *ladder // nil: the run at what is wanted says enough
	asked  *fixed
	probe  Probe // at what is wanted
}

// considered is a shape, with what speaks against it before it is run.
func (p *Plan) considered(set []string) *candidate {
	s, err := p.study.With(set...)
	if err != nil {
		return &candidate{shape: p.study.impossible(set, err)}
	}
	x := &candidate{shape: s.shape(), wanted: p.wanted(), probe: p.brief(1)}
	x.probe.Rate, x.probe.Set = x.wanted, set
	roof, limit := s.roofline(1)
	own, _ := p.study.roofline(1)
	guess := max(p.rate(1).Median*roof/max(own, 1), x.wanted)
	switch {
	case s.Cluster.Brokers-1 < s.Cluster.MinISR:
		x.shape.Rejected = fmt.Sprintf("with one broker lost %d are left, fewer than min.insync.replicas=%d", s.Cluster.Brokers-1, s.Cluster.MinISR)
	case roof > 0 && x.wanted*10 > roof*8:
		x.shape.Rejected = fmt.Sprintf("with one broker lost, %s records/s are %s of what %s allows, %s: over 80 %%", result.Count(x.wanted), percent(x.wanted*1000/roof), limit, result.Count(roof))
	case guess <= mostOfOwn*p.rate(0).Median:
		x.judge = newLadder(x.probe, guess, shapeStep, shapeMost, p.study.Seeds[:1])
		x.judge.left = new(purse(1))
	}
	return x
}

// Shapes are looked at less closely: to 5 %, in three runs and that at what is wanted at
// most, and up to so many times what the study's own carries.
const (
	shapeStep = 50
	shapeMost = 4
	mostOfOwn = 2
	shapeRuns = needed + 2
)

// next is a part's: see [part].
func (x *candidate) next() []Probe {
	if x.shape.Rejected != "" || x.asked != nil {
		return nil
	}
	if x.judge != nil {
		if list := x.judge.next(); len(list) > 0 {
			return list
		}
		if rate, open := x.found(); rate >= x.wanted || open == "" || x.judge.base == x.wanted && open == "at most" {
			return nil
		}
	}
	x.asked = &fixed{}
	return []Probe{x.probe}
}

func (x *candidate) take(list []Outcome) {
	if x.asked != nil {
		x.asked.take(list)
		return
	}
	x.judge.take(list)
}

// found is what the search has come to. What is at most so much may be less.
func (x *candidate) found() (rate int64, open string) {
	rate, open = x.judge.answers()[0].value, x.judge.open(0)
	if open == "at most" {
		rate = min(rate, x.wanted-1)
	}
	return rate, open
}

// judged is the shape with what it came to.
func (x *candidate) judged() result.Shape {
	y := x.shape
	if y.Rejected != "" {
		return y
	}
	if x.asked != nil {
		if o := x.asked.found[0].Point; o.Passed {
			y.Rate, y.Open = o.Offered, "at least"
		} else {
			y.Rejected = fmt.Sprintf("with one broker lost, at %s records/s: %s", result.Count(o.Offered), o.Why)
		}
	}
	if x.judge == nil {
		return y
	}
	rate, open := x.judge.answers()[0].value, x.judge.open(0)
	if x.asked == nil || y.Rate == 0 {
		y.Rate, y.Open = rate, open
	}
	if found, _ := x.found(); x.asked == nil && found < x.wanted {
		y.Rejected = fmt.Sprintf("with one broker lost it carries %s%s of %s records/s", strings.TrimPrefix(open+" ", " "), result.Count(rate), result.Count(x.wanted))
		if rate >= x.wanted {
			y.Rejected = fmt.Sprintf("with one broker lost it does not carry %s records/s", result.Count(x.wanted))
		}
		for _, o := range x.judge.found {
			if !o.Point.Passed {
				y.Rejected += fmt.Sprintf("; at %s: %s", result.Count(o.Point.Offered), o.Point.Why)
				break
			}
		}
	}
	return y
}

func (p *Plan) candidates() (list []*candidate) {
	for _, set := range p.study.shapes() {
		list = append(list, p.considered(set))
	}
	return list
}

// allShapes are all that were considered, that of the study first. Of those that carry
// what is wanted the ones are rejected that are more than is needed.
func (p *Plan) allShapes() []result.Shape {
	own, wanted := p.study.shape(), p.wanted()
	own.Rate = p.rate(1).Median
	if own.Rate < wanted {
		own.Rejected = fmt.Sprintf("with one broker lost it carries %s of %s records/s", result.Count(own.Rate), result.Count(wanted))
	}
	list := []result.Shape{own}
	for _, x := range p.shapes {
		list = append(list, x.judged())
	}
	for i := range list {
		if list[i].Rejected == "" {
			list[i].Rejected = tooMuch(&list[i], list, wanted)
		}
	}
	return list
}

// tooMuch says which smaller or cheaper one of those that are not rejected carries what
// is wanted as well; empty if none does.
func tooMuch(x *result.Shape, list []result.Shape, wanted int64) string {
	for i := range list {
		switch y := &list[i]; {
		case y.Rejected != "" || y.Rate < wanted:
		case y.Profile == x.Profile && y.Brokers < x.Brokers:
			return fmt.Sprintf("more than is needed: %d brokers of the kind carry %s records/s, this is %d %% more machines", y.Brokers, result.Count(wanted), (x.Brokers-y.Brokers)*100/y.Brokers)
		case x.CostMonth != nil && y.CostMonth != nil && *y.CostMonth < *x.CostMonth:
			return fmt.Sprintf("%s carries %s records/s for %d %% of the price", y.Name, result.Count(wanted), *y.CostMonth*100 / *x.CostMonth)
		}
	}
	return ""
}
