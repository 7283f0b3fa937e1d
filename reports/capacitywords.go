package reports

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
)

// fact is a line of the answer box.
type fact struct{ Name, Value, About string }

// capacityFacts are the numbers of the answer, the most important first.
func capacityFacts(c *result.Capacity) (facts []fact) {
	a := &c.Answer
	if a.Refused == "" && a.Rate.N > 0 {
		plan := fact{"plan on", records(a.PlanOn), "80 % of all brokers' rate, but what every seed carries with one lost"}
		if a.PlanOn == 0 {
			plan.Value = "no rate"
		}
		facts = append(facts, plan)
	}
	if a.Rate.N > 0 {
		facts = append(facts, fact{"all brokers", result.Bound(a.Rate.OpenMedian) + records(a.Rate.Median), between(a.Rate, result.Count[int64])})
	}
	if a.RateOneLost.N > 0 {
		facts = append(facts, fact{"one broker lost", result.Bound(a.RateOneLost.OpenMedian) + records(a.RateOneLost.Median), between(a.RateOneLost, result.Count[int64])})
	}
	if a.P99US.N > 0 {
		facts = append(facts, fact{"p99 at the plan", result.Micros(a.P99US.Median), between(a.P99US, result.Micros)})
	}
	if a.P99LostUS.N > 0 {
		facts = append(facts, fact{"p99, one lost", result.Micros(a.P99LostUS.Median), between(a.P99LostUS, result.Micros)})
	}
	if s := &c.SLO; s.AckP99US > 0 {
		facts = append(facts, fact{"asked for", "p99 <= " + result.Micros(s.AckP99US), "of acknowledgements, " + lossWords(s)})
	}
	if s := &c.SLO; s.E2EP99US > 0 {
		facts = append(facts, fact{"asked for", "p99 <= " + result.Micros(s.E2EP99US), "end to end, " + lossWords(s)})
	}
	if a.Bottleneck != "" {
		facts = append(facts, fact{"breaks first", a.Bottleneck, ""})
	}
	if a.CostMonth != nil {
		facts = append(facts, fact{"costs a month", money(*a.CostMonth, a.Currency), "prices are inputs" + since(a.PricesOf)})
	}
	return facts
}

func since(date string) string {
	if date == "" {
		return ""
	}
	return ", of " + date
}

// between says where a median lies.
func between(i result.Interval, write func(int64) string) string {
	low, high := result.Bound(i.OpenLow)+write(i.Low), result.Bound(i.OpenHigh)+write(i.High)
	switch {
	case i.N < 2:
		return "1 seed"
	case i.N == 5: // the extremes hold the median in 30 of 32 cases
		return fmt.Sprintf("94 %%: %s to %s, 5 seeds", low, high)
	case i.N < 5:
		return fmt.Sprintf("%s to %s over %d seeds", low, high, i.N)
	}
	return fmt.Sprintf("95 %%: %s to %s, %d seeds", low, high, i.N)
}

func lossWords(s *result.SLO) string {
	if s.MaxLoss > 0 {
		return fmt.Sprintf("at most %s acknowledged records lost", result.Count(s.MaxLoss))
	}
	return "no acknowledged record lost"
}

func records(perSecond int64) string { return result.Count(perSecond) + " rec/s" }

// percent writes thousandths.
func percent(thousandths int64) string {
	sign := ""
	if thousandths < 0 {
		sign, thousandths = "-", -thousandths
	}
	if thousandths%10 == 0 {
		return fmt.Sprintf("%s%d %%", sign, thousandths/10)
	}
	return fmt.Sprintf("%s%d.%d %%", sign, thousandths/10, thousandths%10)
}

// money writes cents.
func money(cents int64, currency string) string {
	return strings.TrimSpace(fmt.Sprintf("%s.%02d %s", result.Count(cents/100), cents%100, clean(currency)))
}

// known writes a percentile, or n/a where there were too few samples.
func known(us, samples int64) string {
	if us == 0 && samples >= 0 {
		return "n/a"
	}
	return result.Micros(us)
}

func yes(holds bool) entryOf {
	if holds {
		return entryOf{Text: "holds", Class: "kept"}
	}
	return entryOf{Text: "does not hold", Class: "broken"}
}
