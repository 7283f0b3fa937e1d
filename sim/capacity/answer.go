package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/profile"
)

// total is the sum over all runs of a study.
type total struct {
	ledger   result.Ledger
	findings []result.Finding
	warnings []string
	events   int64

	overloaded int   // runs that ended before all was read that was acknowledged
	unread     int64 // records, times groups
}

func (t *total) add(o *Outcome) {
	t.events += o.Events
	addLedger(&t.ledger, &o.Ledger)
	if !o.Point.Passed && o.Point.Verdict == result.Unknown {
		t.overloaded++
		t.unread += o.Ledger.Acked*int64(o.Ledger.Readers) - o.Ledger.Delivered
	}
	for _, w := range o.Warnings {
		if !slices.Contains(t.warnings, w) {
			t.warnings = append(t.warnings, w)
		}
	}
	for _, f := range o.Findings {
		if f.Outcome == result.Unknown && !o.Point.Passed { // what it has not read is said of all such runs together
			f.Outcome = result.Vacuous
			if f.Looked > 0 {
				f.Outcome = result.Kept
			}
		}
		i := slices.IndexFunc(t.findings, func(x result.Finding) bool { return x.Property == f.Property })
		if i < 0 {
			t.findings = append(t.findings, f)
			continue
		}
		join(&t.findings[i], &f)
	}
}

// worst has the outcomes from that which says least to that which ends a study.
var worst = []result.Verdict{result.Vacuous, result.Kept, result.Unknown, result.Broken}

// join adds what another run says of a property: what one run has not looked at,
// another may have.
func join(f, x *result.Finding) {
	f.Looked += x.Looked
	if slices.Index(worst, x.Outcome) > slices.Index(worst, f.Outcome) {
		f.Outcome = x.Outcome
	}
	for _, v := range x.Violations {
		if len(f.Violations) < mostListed {
			f.Violations = append(f.Violations, v)
		} else {
			f.More++
		}
	}
	f.More += x.More
}

// mostListed is how many violations of a property are told in words.
const mostListed = 5

func addLedger(sum, x *result.Ledger) {
	for _, f := range []func(*result.Ledger) *int64{
		func(l *result.Ledger) *int64 { return &l.Sent }, func(l *result.Ledger) *int64 { return &l.Acked },
		func(l *result.Ledger) *int64 { return &l.Rejected }, func(l *result.Ledger) *int64 { return &l.Unknown },
		func(l *result.Ledger) *int64 { return &l.InLog }, func(l *result.Ledger) *int64 { return &l.Delivered },
		func(l *result.Ledger) *int64 { return &l.Processed }, func(l *result.Ledger) *int64 { return &l.LostAcked },
		func(l *result.Ledger) *int64 { return &l.LostUnacked }, func(l *result.Ledger) *int64 { return &l.LostAllowed },
		func(l *result.Ledger) *int64 { return &l.DupLog }, func(l *result.Ledger) *int64 { return &l.DupProcessed },
		func(l *result.Ledger) *int64 { return &l.Reordered }, func(l *result.Ledger) *int64 { return &l.Skipped },
		func(l *result.Ledger) *int64 { return &l.Resurrected },
	} {
		*f(sum) += *f(x)
	}
	sum.Readers = max(sum.Readers, x.Readers)
}

// head is what a study says whatever it was.
func (p *Plan) head(repeat string) result.Capacity {
	s := p.study
	c := result.Capacity{
		V: result.Version, Study: s.Name, SLO: s.SLO, Runs: p.runs, Events: p.sum.events, Shape: s.shape(), Assumptions: s.assumptions(),
		Ledger: p.sum.ledger, Findings: p.sum.findings, Repeat: repeat,
	}
	for _, seed := range s.Seeds {
		c.Seeds = append(c.Seeds, fmt.Sprintf("%#x", seed))
	}
	for _, w := range p.sum.warnings {
		if name, is := strings.CutPrefix(w, "not modelled: "); is {
			c.NotModelled = append(c.NotModelled, "Kafka's "+name)
		} else {
			c.Warnings = append(c.Warnings, w)
		}
	}
	c.NotModelled = append(c.NotModelled, notModelled...)
	if n := p.sum.overloaded; n > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s of %s runs were offered too much, and ended before %s acknowledged records were read: whether those can be read was not looked at", result.Count(n), result.Count(p.runs), result.Count(p.sum.unread)))
	}
	return c
}

// Result is what the study came to.
func (p *Plan) Result() result.Capacity {
	s := p.study
	c := p.head("brokersim capacity " + s.File)
	c.Healthy = p.curve(0)
	lost := p.curve(1)
	c.OneLost = &lost
	c.Answer = p.answer()
	for _, f := range p.plans {
		c.Budget = append(c.Budget, f.found[0].Budget...)
	}
	c.Loss, c.CatchUp = s.lossTimeline(&p.loss.found[0]), nil
	if len(p.away.found) > 0 {
		c.CatchUp = s.awayTimeline(&p.away.found[0])
	}
	c.HeatMap, c.Sensitivity, c.Shapes = s.heatMap(p.heat.found), s.sensitivity(p.vary), p.allShapes()
	c.Retention = p.retention()
	c.Rules = p.rules(&c)
	c.Exit = p.exit(&c)
	return c
}

// One is what one run of a study comes to by itself.
func (s *Study) One(o *Outcome) result.Capacity {
	p := Plan{study: s, runs: 1}
	p.sum.add(o)
	c := p.head(s.Repeat(&o.Probe))
	c.Seeds = []string{o.Point.Seed}
	curve := result.Curve{Brokers: int(s.Cluster.Brokers), Points: []result.Point{o.Point}}
	curve.Roofline, _ = s.roofline(0)
	c.Healthy, c.Budget = curve, o.Budget
	if o.Probe.Lost {
		curve.Brokers--
		curve.Roofline, _ = s.roofline(1)
		c.OneLost, c.Healthy = &curve, result.Curve{Brokers: int(s.Cluster.Brokers)}
	}
	c.Answer.Text = fmt.Sprintf("One run, at %s records/s: %s is met.", result.Count(o.Point.Offered), s.slo())
	if !o.Point.Passed {
		c.Exit = result.ExitBound
		c.Answer.Text = fmt.Sprintf("One run, at %s records/s: it does not meet %s: %s.", result.Count(o.Point.Offered), s.slo(), o.Point.Why)
	}
	if o.Point.Verdict == result.Broken {
		c.Exit = result.ExitBroken
	}
	return c
}

// exit is that of a broken promise, or of an SLO that the rate that was asked for does
// not meet with one broker lost.
func (p *Plan) exit(c *result.Capacity) int {
	for _, f := range c.Findings {
		if f.Outcome == result.Broken {
			return result.ExitBroken
		}
	}
	if p.study.Load.Rate > c.Answer.PlanOn {
		return result.ExitBound
	}
	return result.ExitKept
}

func (p *Plan) answer() result.Answer {
	a := result.Answer{Rate: p.rate(0), RateOneLost: p.rate(1), PlanOn: p.planOn, P99US: p.p99(0), P99LostUS: p.p99(1)}
	if u := busiest(p.knee()); u != nil {
		a.Bottleneck = fmt.Sprintf("%s of %s at %s", u.Resource, u.Node, percent(u.Busy))
	}
	s := p.study
	if a.CostMonth = s.costMonth(); a.CostMonth != nil {
		a.Currency, a.PricesOf = "USD", s.Hardware.Get(profile.PriceHour).AsOf
	}
	a.Text = p.text(&a)
	return a
}

// knee is the point of the first seed at the largest rate that it met.
func (p *Plan) knee() (at *result.Point) {
	for _, o := range p.searches[0].found {
		if x := &o.Point; x.Passed && (at == nil || x.Offered > at.Offered) {
			at = x
		}
	}
	return at
}

// p99 is the percentile of the SLO at the rate to plan on.
func (p *Plan) p99(lost int) result.Interval {
	var values []bounded
	for i := range p.plans[lost].found {
		values = append(values, bounded{value: p.study.judged(&p.plans[lost].found[i].Point).P99})
	}
	return interval(values)
}

// judged is the distribution that the SLO is about.
func (s *Study) judged(p *result.Point) *result.Tail {
	if s.SLO.E2EP99US > 0 {
		return &p.E2E
	}
	return &p.Ack
}

func (p *Plan) curve(lost int) result.Curve {
	c := result.Curve{Brokers: int(p.study.Cluster.Brokers) - lost}
	c.Roofline, _ = p.study.roofline(int64(lost))
	for _, o := range p.all(lost) {
		c.Points = append(c.Points, o.Point)
	}
	slices.SortStableFunc(c.Points, func(a, b result.Point) int {
		return cmp.Or(cmp.Compare(a.Offered, b.Offered), cmp.Compare(a.Seed, b.Seed))
	})
	c.Knees = p.study.knees(c.Points, p.rate(lost).Median)
	c.Gap = p.study.gap(&c, c.Knees.UnderSLO)
	return c
}

// shape is the cluster that was asked about.
func (s *Study) shape() result.Shape {
	c := &s.Cluster
	fsync := fsyncNever
	if c.SyncEvery {
		fsync = fsyncBatch
	}
	x := result.Shape{
		Name: fmt.Sprintf("%d x %s", c.Brokers, c.Profile), Profile: c.Profile, Brokers: int(c.Brokers), Partitions: int(s.Load.Topics * s.Load.Partitions),
		RF: int(c.RF), MinISR: int(c.MinISR), Acks: c.Acks, Fsync: fsync, LingerMS: c.Linger.Milliseconds(), BatchSize: c.BatchSize,
		CostMonth: s.costMonth(),
	}
	x.Formula = s.roofs(0)
	x.Roofline, x.Limit = s.roofline(0)
	return x
}

// hoursOfMonth are those of a year's twelfth.
const hoursOfMonth = 730

// costMonth is what the brokers cost a month, in cents; nil without a price.
func (s *Study) costMonth() *int64 {
	if !s.Hardware.Get(profile.PriceHour).Known {
		return nil
	}
	cents := s.Hardware.Times(profile.PriceHour, 100*hoursOfMonth) * s.Cluster.Brokers
	return &cents
}
