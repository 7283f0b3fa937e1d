package capacity

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// shapes are what else could carry the load: more brokers of the same kind, one fewer,
// and the other profiles that a study names.
func (s *Study) shapes() (sets [][]string) {
	profiles := append([]string{s.Cluster.Profile}, s.Shapes...)
	for _, name := range profiles {
		for _, n := range []int64{s.Cluster.Brokers - 1, s.Cluster.Brokers, s.Cluster.Brokers * 4 / 3, s.Cluster.Brokers * 2} {
			set := []string{fmt.Sprintf("%s=%s", setProfile, name), fmt.Sprintf("%s=%d", setBrokers, n)}
			same := name == s.Cluster.Profile && n == s.Cluster.Brokers
			if n > 0 && !same && !slices.ContainsFunc(sets, func(x []string) bool { return slices.Equal(x, set) }) {
				sets = append(sets, set)
			}
		}
	}
	return sets
}

// shapeName is how a shape of [Study.shapes] is called that cannot be one.
func shapeName(set []string) string {
	_, profile, _ := strings.Cut(set[0], "=")
	_, brokers, _ := strings.Cut(set[1], "=")
	return brokers + " x " + profile
}

// wanted is the rate that a shape has to carry with one broker lost: that which was
// asked for, or that to plan on.
func (p *Plan) wanted() int64 {
	if p.study.Load.Rate > 0 {
		return p.study.Load.Rate
	}
	return p.rated()
}

// considered is a shape, with what speaks against it before it is run.
func (p *Plan) considered(set []string) result.Shape {
	s, err := p.study.With(set...)
	if err != nil {
		return result.Shape{Name: shapeName(set), RF: int(p.study.Cluster.RF), Rejected: err.Error()}
	}
	x := s.shape()
	wanted := p.wanted()
	switch rate, limit := s.roofline(1); {
	case s.Cluster.Brokers-1 < s.Cluster.MinISR:
		x.Rejected = fmt.Sprintf("with one broker lost %d are left, fewer than min.insync.replicas=%d", s.Cluster.Brokers-1, s.Cluster.MinISR)
	case rate > 0 && wanted*10 > rate*8:
		x.Rejected = fmt.Sprintf("with one broker lost, %d records/s are over 80 %% of what %s allows: %d", wanted, limit, rate)
	}
	return x
}

// shapeProbes runs those that nothing speaks against, with one broker lost.
func (p *Plan) shapeProbes() (list []Probe) {
	for _, set := range p.study.shapes() {
		if x := p.considered(set); x.Rejected == "" {
			probe := p.brief(1)
			probe.Rate, probe.Set = p.wanted(), set
			list = append(list, probe)
		}
	}
	return list
}

// allShapes are all that were considered, that of the study first.
func (p *Plan) allShapes(found []Outcome) []result.Shape {
	own := p.study.shape()
	own.Rate = p.rate(1).Median
	if own.Rate < p.wanted() {
		own.Rejected = fmt.Sprintf("with one broker lost it carries %d of %d records/s", own.Rate, p.wanted())
	}
	list := []result.Shape{own}
	for _, set := range p.study.shapes() {
		x := p.considered(set)
		if x.Rejected == "" {
			o := found[0]
			found = found[1:]
			if o.Point.Passed {
				x.Rate = o.Point.Offered
			} else {
				x.Rejected = fmt.Sprintf("with one broker lost, at %d records/s: %s", o.Point.Offered, o.Point.Why)
			}
		}
		list = append(list, x)
	}
	return list
}
