package capacity

import (
	"fmt"
	"strconv"
	"strings"

	"brokersim/checker/result"
)

// text is the answer in a sentence or two.
func (p *Plan) text(a *result.Answer) string {
	s := p.study
	var b strings.Builder
	fmt.Fprintf(&b, "%s carries %s at %s", s.shape().Name, rateWithin(a.Rate), s.slo())
	if a.RateOneLost.Median == 0 {
		b.WriteString("; with one broker lost no rate meets it.")
		return b.String()
	}
	fmt.Fprintf(&b, ", and with one broker lost %s: plan on %s records/s.", rateWithin(a.RateOneLost), grouped(a.PlanOn))
	if s.Load.Rate > 0 {
		if a.PlanOn >= s.Load.Rate {
			fmt.Fprintf(&b, " The %s that are asked for are within it.", grouped(s.Load.Rate))
		} else {
			fmt.Fprintf(&b, " The %s that are asked for are not within it.", grouped(s.Load.Rate))
		}
	}
	return b.String()
}

func (s *Study) slo() string {
	var list []string
	if s.SLO.AckP99US > 0 {
		list = append(list, "acknowledgement p99 <= "+milliseconds(s.SLO.AckP99US))
	}
	if s.SLO.E2EP99US > 0 {
		list = append(list, "end-to-end p99 <= "+milliseconds(s.SLO.E2EP99US))
	}
	return strings.Join(list, " and ")
}

func rateWithin(i result.Interval) string {
	if i.Low == i.High {
		return grouped(i.Median) + " records/s"
	}
	return fmt.Sprintf("%s records/s [%s, %s]", grouped(i.Median), grouped(i.Low), grouped(i.High))
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
