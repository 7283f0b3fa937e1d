package capacity

import (
	"slices"
	"time"

	"brokersim/checker/result"
)

// Plan is a study under way: a state machine that hands out probes and takes what they
// came to. It makes no run and starts nothing: whoever drives it decides how many runs
// are made at a time, and what comes out does not depend on that.
type Plan struct {
	study *Study
	stage int
	parts []part
	asked [][]Probe          // of Next, by part
	made  map[string]Outcome // by what makes a run: the same one is not made twice
	runs  int
	sum   total

	searches [2]*search // all brokers, one less
	ladders  [2]*ladder
	points   [2]*fixed // of the curves
	plans    [2]*fixed // the seeds at the rate to plan on
	planOn   int64

	loss, away, heat *fixed
	shapes           []*candidate
	vary             []*ladder // two for each variation
	left             purse     // of the runs of those
	err              string
}

// NewPlan begins a study.
func NewPlan(s *Study) *Plan {
	p := &Plan{study: s}
	for i := range p.searches {
		p.searches[i] = s.search(p.explore(i), int64(i))
	}
	p.parts = []part{p.searches[0], p.searches[1]}
	return p
}

// explore is a run of the search.
func (p *Plan) explore(lost int) Probe {
	return Probe{Seed: p.study.Seeds[0], Lost: lost == 1, Warm: p.study.Warm, For: p.study.Explore}
}

// final is a run at the answer, of about so many records a second: as long as the
// study says, but not over mostRecords.
func (p *Plan) final(lost int, rate int64) Probe {
	s := p.study
	length := min(s.Measure, max(s.Explore, time.Duration(mostRecords/max(rate, 1))*time.Second))
	return Probe{Seed: s.Seeds[0], Lost: lost == 1, Warm: s.Warm, For: length}
}

// brief is a run that is only to show whether something is about right.
func (p *Plan) brief(lost int) Probe {
	x := p.explore(lost)
	x.For = x.Warm + max((x.For-x.Warm)/3, 2*time.Second)
	return x
}

// mostRecords is how many records a run at the answer needs at most: 99.99 % of them
// leaves hundreds.
const mostRecords = 4_000_000

// Next are the runs to be made now; none if the study is done. What has been run
// already is not run again.
func (p *Plan) Next() []Probe {
	for p.err == "" {
		var list []Probe
		wanted := p.ask()
		for _, x := range slices.Concat(p.asked...) {
			if _, made := p.made[x.key()]; !made && !slices.ContainsFunc(list, func(y Probe) bool { return y.key() == x.key() }) {
				list = append(list, x)
			}
		}
		switch {
		case len(list) > 0:
			return list
		case wanted:
			p.give()
			continue
		}
		if p.stage++; !p.begin() {
			return nil
		}
	}
	return nil
}

// ask has every part say what it wants, and reports whether one wants anything.
func (p *Plan) ask() (wanted bool) {
	p.asked = p.asked[:0]
	for _, x := range p.parts {
		probes := x.next()
		p.asked = append(p.asked, probes)
		wanted = wanted || len(probes) > 0
	}
	return wanted
}

// Take takes what the probes of the last Next came to, in their order.
func (p *Plan) Take(list []Outcome) {
	if p.made == nil {
		p.made = map[string]Outcome{}
	}
	p.runs += len(list)
	for i := range list {
		if p.err == "" {
			p.err = list[i].Err
		}
		p.sum.add(&list[i])
		p.made[list[i].Probe.key()] = list[i]
	}
	p.give()
}

// give gives every part what it has asked for.
func (p *Plan) give() {
	for i, probes := range p.asked {
		var list []Outcome
		for _, x := range probes {
			list = append(list, p.made[x.key()])
		}
		if len(list) > 0 {
			p.parts[i].take(list)
		}
	}
}

// Err is why the study cannot be made, or empty: its clusters cannot be run, or no
// rate meets the SLO.
func (p *Plan) Err() string { return p.err }

// lastStage is the last of a study.
const lastStage = 3

// begin begins a stage, and reports whether there is one.
func (p *Plan) begin() bool {
	switch p.stage {
	case 1:
		return p.beginLadders()
	case 2:
		return p.beginCurves()
	case 3:
		return p.beginRest()
	}
	return false
}

func (p *Plan) beginLadders() bool {
	if p.err = p.searches[0].refused(); p.err != "" {
		return false
	}
	p.parts = nil
	for i, s := range p.searches {
		if met, _ := s.bracket(); met > 0 {
			p.ladders[i] = newLadder(p.final(i, met), met, seedStep, seedMost, p.study.Seeds)
			p.parts = append(p.parts, p.ladders[i])
		}
	}
	return true
}

// Steps of the ladders of seeds, in thousandths of the answer of the first, and how far
// another seed's may be from it. They double, so that only a seed whose answer is far off
// has more runs, and those are taken from what parameters may have.
const (
	seedStep = 20
	seedMost = 20
)

// percents are where the curves have points, of the answer with all brokers: that of one
// broker less is coarser. What the search has tried is on them as well.
var percents = [2][]int64{{10, 25, 40, 55, 70, 80, 90, 105, 120}, {10, 40, 70, 90, 120}}

// beginCurves fills the curves, and runs every seed at the rate to plan on.
func (p *Plan) beginCurves() bool {
	rate := p.rate(0).Median
	p.planOn = planOn(p.rate(0), p.rate(1))
	p.parts = nil
	for i := range p.searches {
		p.points[i], p.plans[i] = &fixed{}, &fixed{}
		for _, percent := range percents[i] {
			x := p.explore(i)
			x.Rate = round(rate * percent / 100)
			if !p.near(i, x.Rate) {
				p.points[i].probes = append(p.points[i].probes, x)
			}
		}
		for _, seed := range p.study.Seeds {
			x := p.final(i, p.rated())
			x.Rate, x.Seed = p.rated(), seed
			if seed == p.study.Seeds[0] {
				x.Budget = true
			}
			p.plans[i].probes = append(p.plans[i].probes, x)
		}
		p.parts = append(p.parts, p.points[i], p.plans[i])
	}
	return true
}

// beginRest runs what is asked at the rate to plan on.
func (p *Plan) beginRest() bool {
	p.loss, p.away = &fixed{probes: []Probe{p.lossProbe()}}, &fixed{}
	if p.study.Load.Groups > 0 {
		p.away.probes = []Probe{p.awayProbe()}
	}
	p.heat = &fixed{probes: p.heatProbes()}
	p.parts = []part{p.loss, p.away, p.heat}
	p.left = purse(mostRuns - p.runs - len(p.loss.probes) - len(p.away.probes) - len(p.heat.probes))
	p.shapes = p.candidates()
	for _, x := range p.shapes {
		p.parts = append(p.parts, x)
		if x.shape.Rejected == "" {
			p.left -= shapeRuns
		}
	}
	p.vary = p.varyLadders()
	for _, l := range p.vary {
		p.parts = append(p.parts, l)
	}
	return true
}

// Of is about how many runs a study takes, and how many have been made.
func (p *Plan) Of() (made, of int) { return p.runs, max(expected, p.runs) }

// expected is how many runs a study of five seeds usually takes, mostRuns after how many
// the parameters get no more than the two without which they say nothing.
const (
	expected = 115
	mostRuns = 120
)

// near reports whether a curve has a point within 5 % of a rate.
func (p *Plan) near(lost int, rate int64) bool {
	return slices.ContainsFunc(p.searches[lost].found, func(o Outcome) bool {
		d := o.Point.Offered - rate
		return max(d, -d)*20 <= rate
	})
}

// rate is the answer for all brokers, or for one less.
func (p *Plan) rate(lost int) result.Interval {
	if p.ladders[lost] == nil {
		return result.Interval{}
	}
	return interval(p.ladders[lost].answers())
}

// all are the outcomes of a curve, each run once.
func (p *Plan) all(lost int) (list []Outcome) {
	list = append(list, p.searches[lost].found...)
	if p.ladders[lost] != nil {
		list = append(list, p.ladders[lost].found...)
	}
	for _, f := range []*fixed{p.points[lost], p.plans[lost]} {
		if f != nil {
			list = append(list, f.found...)
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(o Outcome) bool {
		key := o.Probe.key()
		was := seen[key]
		seen[key] = true
		return was
	})
}

// search looks for the largest rate of a kind of run, with so many brokers lost. It begins
// at a quarter and at a half of the roofline: whatever latency costs, rates are lost by
// factors of two and not of a hundred.
func (s *Study) search(probe Probe, lost int64) *search {
	roof, _ := s.roofline(lost)
	if most := s.Load.most(); most > 0 {
		roof = min(roof, most)
	}
	start := max(roof/4, 16)
	return &search{probe: probe, start: start, roof: round(roof), floor: max(start/fromStart, 1)}
}

// fromStart is how much lower than that a rate may be to be an answer.
const fromStart = 16384

// planOn is the rate to plan on: four fifths of what all brokers carry, so that there
// is room to grow, and no more than what every seed carries with one lost: at the median
// half of them would not meet the SLO. It is 0 if nothing is, or if no rate was found that
// they carry.
func planOn(rate, oneLost result.Interval) int64 {
	if oneLost.N == 0 || oneLost.OpenLow == "at most" || rate.OpenMedian == "at most" {
		return 0
	}
	return round(min(rate.Median*80/100, oneLost.Low))
}

// rated is the rate at which everything else is measured: that to plan on or, if there
// is none, four fifths of what all brokers carry.
func (p *Plan) rated() int64 {
	if p.planOn > 0 {
		return p.planOn
	}
	return round(p.rate(0).Median * 80 / 100)
}
