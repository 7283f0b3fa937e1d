package capacity

import (
	"fmt"
	"time"

	"brokersim/checker/measure"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Probe is one run that a study wants to have made.
type Probe struct {
	Rate   int64 // offered, records a second
	Seed   uint64
	Lost   bool // one broker less
	Warm   time.Duration
	For    time.Duration // with Warm
	Faults string        // a schedule; times count from the start of the run
	Rows   bool          // keep the seconds
	Budget bool          // say where the time went
	// Each, if set, sees every second of the run, and Sums the whole of its window.
	Each func(*measure.Interval)
	Sums func(*measure.Sums)
	Set  []string // settings above the study's: see [Study.With]
}

// key is what makes the run of a probe the same as that of another.
func (p *Probe) key() string {
	return fmt.Sprintf("%d %d %t %v %v %t %t %q %q", p.Rate, p.Seed, p.Lost, p.Warm, p.For, p.Rows, p.Budget, p.Faults, p.Set)
}

// Outcome is what a probe came to.
type Outcome struct {
	Probe    Probe
	Point    result.Point
	Rows     []result.Second
	Marks    []result.Mark
	Budget   []result.Budget
	Ledger   result.Ledger
	Findings []result.Finding
	Warnings []string
	Events   int64
	Err      string // why it could not be made
}

// Run makes the run of a probe. It is pure.
func Run(s *Study, p Probe) Outcome {
	o := Outcome{Probe: p}
	s, err := s.With(p.Set...)
	if err != nil {
		o.Err = err.Error()
		return o
	}
	c := s.scenario(&p)
	var look scenario.Look
	look.Each = p.Each
	if p.Rows {
		look.Each = func(i *measure.Interval) {
			o.Rows = append(o.Rows, second(i))
			if p.Each != nil {
				p.Each(i)
			}
		}
	}
	if p.Budget {
		look.Follow = uint64(max(p.Rate*int64((p.For-p.Warm)/time.Second)/mostFollowed, 1))
	}
	res, got := scenario.Load(c, look)
	if res.Exit == result.ExitUsage {
		o.Err = res.Warnings[0]
		return o
	}
	o.Ledger, o.Findings, o.Warnings, o.Events = res.Ledger, res.Findings, res.Warnings, res.Events
	for _, m := range got.Marks {
		o.Marks = append(o.Marks, result.Mark{AtUS: int64(m.At) / 1000, What: m.What})
	}
	if p.Sums != nil {
		p.Sums(&got.Sums)
	}
	o.Point = s.point(&p, &res, &got)
	if p.Budget {
		curve := "healthy"
		if p.Lost {
			curve = "one lost"
		}
		o.Budget = budget(curve, got.Ways, s.Cluster.Linger)
	}
	return o
}

// mostFollowed is about how many records of a run are followed on their way.
const mostFollowed = 50_000

func second(i *measure.Interval) result.Second {
	return result.Second{
		AtUS: i.From / 1000, ForUS: (i.Until - i.From) / 1000, Due: i.Due, Acked: i.Acked, Read: i.Read,
		AckP50: measure.QuantileOf(i.Ack, 500_000), AckP99: measure.QuantileOf(i.Ack, 990_000), E2EP99: measure.QuantileOf(i.E2E, 990_000),
		UnderRep: i.UnderReplica, Lag: i.Behind,
	}
}

// point is what a run says of its rate.
func (s *Study) point(p *Probe, res *result.Result, got *scenario.Loaded) result.Point {
	sums := &got.Sums
	x := result.Point{
		Offered: p.Rate, Seed: fmt.Sprintf("%#x", p.Seed), Verdict: res.Verdict,
		Achieved: perSecond(sums.Acked, sums.Until-sums.From), Read: perSecond(sums.Read, sums.Until-sums.From),
		Ack: measure.TailOf(sums.Ack), AckSent: measure.TailOf(sums.AckSent), E2E: measure.TailOf(sums.E2E),
		Slope: slope(sums.Overdue), Requests: perSecond(got.Batches, sums.Until-sums.From),
	}
	x.Utilisation = utilisation(got.Usage)
	if n := len(sums.Overdue); n > 0 {
		x.Backlog = sums.Overdue[n-1]
	}
	if got.Batches > 0 {
		x.BatchRecs = sums.Acked * 1000 / got.Batches
	}
	if got.GivenUp {
		x.StoppedUS = sums.Until / 1000
	}
	x.Why = s.why(&x, p, res, got)
	x.Passed = x.Why == ""
	x.Repro = s.Repeat(p)
	return x
}

// why is what a rate is not met for, or empty. All of it is counted: no percentile of
// a histogram decides.
func (s *Study) why(x *result.Point, p *Probe, res *result.Result, got *scenario.Loaded) string {
	sums := &got.Sums
	switch {
	case res.Ledger.LostAcked > s.SLO.MaxLoss:
		return fmt.Sprintf("%s acknowledged records were lost", result.Count(res.Ledger.LostAcked))
	case res.Verdict == result.Broken:
		return "a promise was broken"
	case s.Load.most() > 0 && x.Offered > s.Load.most():
		return fmt.Sprintf("no more than %s records a second are ever due: the batches of the load hold no more", result.Count(s.Load.most()))
	case got.GivenUp:
		return fmt.Sprintf("unsustainable: %s records wait after %s, more than %s of the load, and the run was stopped",
			result.Count(x.Backlog), seconds((sums.Until-sums.From)/1000), seconds(int64(s.patience(p))/1000))
	case sums.Acked*1000 < (sums.Due-s.underWay(x.Offered))*995:
		return fmt.Sprintf("%s of %s records that were due were acknowledged", result.Count(sums.Acked), result.Count(sums.Due))
	case sums.Read*1000 < sums.Acked*s.Load.Groups*995:
		return "readers fall behind"
	case s.SLO.AckP99US > 0 && sums.AckOver*100 > sums.Ack.TotalCount():
		return fmt.Sprintf("acknowledgement p99 is %s", result.Micros(x.Ack.P99))
	case s.SLO.E2EP99US > 0 && sums.E2EOver*100 > sums.E2E.TotalCount():
		return fmt.Sprintf("end-to-end p99 is %s", result.Micros(x.E2E.P99))
	case s.grows(sums.Overdue, x.Offered):
		return fmt.Sprintf("the backlog grows by %s records a second", result.Count(x.Slope))
	}
	return ""
}

// patience is how much of the load may wait for its acknowledgement before a run is
// stopped. By then more than two per cent of what the window has are later than the SLO
// allows, or will never be acknowledged in it: one per cent too late, or half a per cent
// missing, fails the rate. A second more is for what the tick of the run adds.
//
// A load that comes in waves may have as many times more wait as its waves are high.
func (s *Study) patience(p *Probe) time.Duration {
	steady := time.Second + time.Duration(s.tightest())*time.Microsecond + (p.For-p.Warm)/50
	return steady*time.Duration(s.Load.peak())/1000 + s.Load.Arrivals.Batch.Every
}

// hopeless is that as records; 0, for ever, for a run that is watched and not judged.
func (s *Study) hopeless(p *Probe) int64 {
	if p.Rows {
		return 0
	}
	return p.Rate*int64(s.patience(p)/time.Millisecond)/1000 + 1
}

// underWay is how many records may have no acknowledgement yet when the window ends,
// and be in time all the same.
func (s *Study) underWay(rate int64) int64 { return ceil(rate*s.tightest(), 1_000_000) }

// tightest is the smallest latency of the SLO, in microseconds.
func (s *Study) tightest() int64 {
	us := s.SLO.AckP99US
	if us == 0 || s.SLO.E2EP99US > 0 && s.SLO.E2EP99US < us {
		us = s.SLO.E2EP99US
	}
	return us
}

// grows reports whether the backlog of a rate, second by second, grows for ever: by more
// than the half per cent that may be missing of what is achieved, and by more than chance
// makes of it. What is under way and in time is no backlog, and comes and goes: one second
// may have all of it and the next one nothing, and means of n seconds may differ by an
// n-th of it. A load in waves has as much more under way as they are high.
func (s *Study) grows(backlog []int64, offered int64) bool {
	n, apart := halves(backlog)
	grown := slope(backlog)
	return grown > 1 && grown*200 > offered && grown*apart*n*1000 > s.underWay(offered)*s.Load.peak()
}

// slope is by how much a second the backlog grows over the last half: between the
// means of its two halves.
func slope(backlog []int64) int64 {
	half := backlog[len(backlog)/2:]
	n, apart := halves(backlog)
	if n == 0 {
		return 0
	}
	var grown int64
	for i := range n {
		grown += half[apart+i] - half[i]
	}
	return grown / n / apart
}

// halves are how many seconds each half of the last half of a backlog has, and how far
// they are apart.
func halves(backlog []int64) (seconds, apart int64) {
	half := int64(len(backlog) - len(backlog)/2)
	return half / 2, half - half/2
}

func perSecond(n, ns int64) int64 {
	if ns <= 0 {
		return 0
	}
	return n * 1000 / max(ns/1_000_000, 1)
}

// Probe is a run of the study at one rate, as its search makes them.
func (s *Study) Probe(rate int64, oneLost bool) Probe {
	return Probe{Rate: rate, Seed: s.Seeds[0], Lost: oneLost, Warm: s.Warm, For: s.Explore, Budget: true}
}

// Try says what is wrong with a study beyond its own fields: what Kafka's settings
// are, and may be.
func (s *Study) Try() error {
	p := s.Probe(max(s.Load.Rate, 1), false)
	c := s.scenario(&p)
	if err := s.checkFaults(c.Spec); err != nil {
		return err
	}
	_, err := scenario.Check(c)
	return err
}

// Repeat is the command that makes a run again.
func (s *Study) Repeat(p *Probe) string {
	if p.Faults != "" { // only the study as a whole makes it
		return "brokersim capacity " + s.File
	}
	text := fmt.Sprintf("brokersim capacity %s --at %d --seed %#x", s.File, p.Rate, p.Seed)
	if p.Lost {
		text += " --one-lost"
	}
	for _, set := range p.Set {
		text += " --set " + set
	}
	return text
}
