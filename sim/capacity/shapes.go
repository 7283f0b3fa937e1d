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
// the part of the study that says what it carries with one broker lost.
type candidate struct {
	shape  result.Shape
	judge  *ladder // its largest rate, where that is not too far above the study's own
	asked  *fixed  // else, whether it carries what is wanted
	wanted int64
}

// considered is a shape, with what speaks against it before it is run.
func (p *Plan) considered(set []string) *candidate {
	s, err := p.study.With(set...)
	if err != nil {
		return &candidate{shape: p.study.impossible(set, err)}
	}
	x := &candidate{shape: s.shape(), wanted: p.wanted()}
	roof, limit := s.roofline(1)
	switch {
	case s.Cluster.Brokers-1 < s.Cluster.MinISR:
		x.shape.Rejected = fmt.Sprintf("with one broker lost %d are left, fewer than min.insync.replicas=%d", s.Cluster.Brokers-1, s.Cluster.MinISR)
	case roof > 0 && x.wanted*10 > roof*8:
		x.shape.Rejected = fmt.Sprintf("with one broker lost, %s records/s are %s of what %s allows, %s: over 80 %%", result.Count(x.wanted), percent(x.wanted*1000/roof), limit, result.Count(roof))
	default:
		x.judgeBy(p, set, roof)
	}
	return x
}

// judgeBy says how a shape is judged: by a search of its own around where the study's
// knee lies below its roofline or, if that would be long, by a run at what is wanted.
func (x *candidate) judgeBy(p *Plan, set []string, roof int64) {
	probe := p.brief(1)
	probe.Rate, probe.Set = x.wanted, set
	own, _ := p.study.roofline(1)
	if guess := p.rate(1).Median * roof / max(own, 1); guess > 0 && guess <= mostOfOwn*p.rate(0).Median {
		x.judge = newLadder(probe, guess, shapeStep, shapeMost, p.study.Seeds[:1])
		x.judge.left = new(purse(1))
		return
	}
	x.asked = &fixed{probes: []Probe{probe}}
}

// Shapes are looked at less closely: to 5 %, in three runs at most, and up to so many
// times what the study's own carries.
const (
	shapeStep = 50
	shapeMost = 4
	mostOfOwn = 2
)

// parts are what a candidate wants to be run.
func (x *candidate) parts() []part {
	switch {
	case x.judge != nil:
		return []part{x.judge}
	case x.asked != nil:
		return []part{x.asked}
	}
	return nil
}

// runs is how many that are at most.
func (x *candidate) runs() int {
	switch {
	case x.judge != nil:
		return needed + 1
	case x.asked != nil:
		return 1
	}
	return 0
}

// judged is the shape with what it came to.
func (x *candidate) judged() result.Shape {
	y := x.shape
	switch {
	case x.judge != nil:
		y.Rate, y.Open = x.judge.answers()[0], x.judge.open(0)
		if y.Rate < x.wanted {
			o := x.judge.found[0].Point
			y.Rejected = fmt.Sprintf("with one broker lost it carries %s of %s records/s; at %s: %s", result.Count(y.Rate), result.Count(x.wanted), result.Count(o.Offered), orYes(o.Why))
		}
	case x.asked != nil:
		if o := x.asked.found[0].Point; o.Passed {
			y.Rate, y.Open = o.Offered, "at least"
		} else {
			y.Rejected = fmt.Sprintf("with one broker lost, at %s records/s: %s", result.Count(o.Offered), o.Why)
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
