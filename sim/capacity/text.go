package capacity

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
)

// text is the answer in a sentence or two.
func (p *Plan) text(a *result.Answer) string {
	s := p.study
	var b strings.Builder
	fmt.Fprintf(&b, "%s carries %s at %s", s.shape().Name, rateWithin(a.Rate), s.slo())
	switch {
	case a.RateOneLost.Median == 0:
		b.WriteString("; with one broker lost no rate meets it.")
		return b.String()
	case a.PlanOn == 0:
		fmt.Fprintf(&b, ", and with one broker lost %s: no rate was found that every seed carries, so there is none to plan on.", rateWithin(a.RateOneLost))
		return b.String()
	}
	fmt.Fprintf(&b, ", and with one broker lost %s: plan on %s records/s.", rateWithin(a.RateOneLost), result.Count(a.PlanOn))
	b.WriteString(p.atThePlan(a))
	if s.Load.Rate > 0 {
		if a.PlanOn >= s.Load.Rate {
			fmt.Fprintf(&b, " The %s that are asked for are within it.", result.Count(s.Load.Rate))
		} else {
			fmt.Fprintf(&b, " The %s that are asked for are not within it.", result.Count(s.Load.Rate))
		}
	}
	return b.String()
}

// atThePlan says how the seeds stand to the SLO at the rate to plan on with one broker
// lost, where it is closest.
func (p *Plan) atThePlan(a *result.Answer) string {
	met := 0
	for i := range p.plans[1].found {
		if p.plans[1].found[i].Point.Passed {
			met++
		}
	}
	n, limit := len(p.plans[1].found), p.study.judgedLimit()
	text := fmt.Sprintf(" There, with one broker lost, p99 is %s [%s, %s], and %d of %d seeds meet the SLO",
		result.Micros(a.P99LostUS.Median), result.Micros(a.P99LostUS.Low), result.Micros(a.P99LostUS.High), met, n)
	switch high := a.P99LostUS.High; {
	case met < n:
		text += ": the plan has no margin"
	case high*10 >= limit*9:
		text += fmt.Sprintf(", the worst of them with %s left: there is no margin", result.Micros(limit-high))
	}
	return text + "."
}

// judgedLimit is the limit of the distribution that the SLO is about, in microseconds.
func (s *Study) judgedLimit() int64 {
	if s.SLO.E2EP99US > 0 {
		return s.SLO.E2EP99US
	}
	return s.SLO.AckP99US
}

func (s *Study) slo() string {
	var list []string
	if s.SLO.AckP99US > 0 {
		list = append(list, "acknowledgement p99 <= "+result.Micros(s.SLO.AckP99US))
	}
	if s.SLO.E2EP99US > 0 {
		list = append(list, "end-to-end p99 <= "+result.Micros(s.SLO.E2EP99US))
	}
	return strings.Join(list, " and ")
}

func rateWithin(i result.Interval) string {
	if i.Low == i.High && i.OpenLow == i.OpenHigh {
		return result.Bound(i.OpenMedian) + result.Count(i.Median) + " records/s"
	}
	return fmt.Sprintf("%s%s records/s [%s%s, %s%s]", result.Bound(i.OpenMedian), result.Count(i.Median),
		result.Bound(i.OpenLow), result.Count(i.Low), result.Bound(i.OpenHigh), result.Count(i.High))
}
