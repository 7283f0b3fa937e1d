package capacity

import (
	"fmt"
	"strings"
	"time"

	"brokersim/checker/result"
)

// The timelines: when it goes wrong, for how long, and how long is watched. The first
// records are due after a second, and ten more show how it was before.
const (
	wrongAt   = 11 * time.Second
	lostFor   = 30 * time.Second
	awayFor   = 20 * time.Second
	watchLoss = 75 * time.Second
	watchAway = 60 * time.Second
)

// lossProbe kills a broker at the rate to plan on, which comes back later with what it
// had.
func (p *Plan) lossProbe() Probe {
	x := p.final(0, p.rated())
	x.Rate, x.For, x.Rows = p.rated(), watchLoss, true
	x.Faults = fmt.Sprintf("%v for %v crash %s\n", wrongAt, lostFor, p.study.victim())
	return x
}

// awayProbe has the members of the first group stand still.
func (p *Plan) awayProbe() Probe {
	x := p.final(0, p.rated())
	x.Rate, x.For, x.Rows = p.rated(), watchAway, true
	for m := range p.study.Load.Topics * p.study.Load.Members {
		x.Faults += fmt.Sprintf("%v for %v pause reader-1-%d\n", wrongAt, awayFor, m+1)
	}
	return x
}

// lossTimeline is what became of the run of lossProbe.
func (s *Study) lossTimeline(o *Outcome) *result.Timeline {
	t := timeline(fmt.Sprintf("%s is killed at %v and started again %v later", s.victim(), wrongAt, lostFor), o)
	t.Summary = append(t.Summary, unavailable(o.Rows)...)
	for _, m := range []struct{ mark, text string }{
		{s.victim() + " fenced", "its loss was noticed"}, {"leaders elected", "every partition had a leader again"}, {"ISR whole", "every replica was in sync again"},
	} {
		if at, ok := markedAfter(o.Marks, m.mark, int64(wrongAt)/1000); ok {
			t.Summary = append(t.Summary, fmt.Sprintf("After %s %s.", seconds(at-int64(wrongAt)/1000), m.text))
		} else {
			t.Summary = append(t.Summary, fmt.Sprintf("Within the run it did not come about that %s.", m.text))
		}
	}
	l := &o.Ledger
	t.Summary = append(t.Summary, fmt.Sprintf("Of %s acknowledged records %s were lost.", result.Count(l.Acked), result.Count(l.LostAcked)))
	return t
}

// awayTimeline is what became of the run of awayProbe.
func (s *Study) awayTimeline(o *Outcome) *result.Timeline {
	t := timeline(fmt.Sprintf("%s stands still at %v for %v", groupName(0), wrongAt, awayFor), o)
	back := int64(wrongAt+awayFor) / 1000
	most, caught := int64(0), int64(-1)
	for _, r := range o.Rows {
		most = max(most, r.Lag)
		// A second's worth of what was due is what a reader may be behind at any time.
		if end := r.AtUS + r.ForUS; caught < 0 && end > back && r.Lag*10 <= r.Due {
			caught = end
		}
	}
	t.Summary = append(t.Summary, fmt.Sprintf("It was up to %s records behind.", result.Count(most)))
	if caught >= 0 {
		t.Summary = append(t.Summary, fmt.Sprintf("It had caught up, to a tenth of a second of the load, %s after it was back.", seconds(caught-back)))
	} else {
		t.Summary = append(t.Summary, "It did not catch up within the run.")
	}
	before, during := worstAck(o.Rows, 0, int64(wrongAt)/1000), worstAck(o.Rows, back, 1<<62)
	t.Summary = append(t.Summary, fmt.Sprintf("The worst second's acknowledgement p99 was %s before and %s while it caught up.", result.Micros(before), result.Micros(during)))
	return t
}

func timeline(what string, o *Outcome) *result.Timeline {
	return &result.Timeline{What: what, Rows: o.Rows, Marks: o.Marks, Ledger: o.Ledger, Repro: o.Point.Repro}
}

// unavailable says for how long acknowledgements failed to come.
func unavailable(rows []result.Second) []string {
	var none, short int64
	for _, r := range rows {
		switch {
		case r.Due > 0 && r.Acked == 0:
			none += r.ForUS
		case r.Acked*10 < r.Due*9:
			short += r.ForUS
		}
	}
	return []string{fmt.Sprintf("Nothing was acknowledged in seconds that come to %s, and less than nine tenths of what was due in others that come to %s.", seconds(none), seconds(short))}
}

func worstAck(rows []result.Second, from, until int64) (p99 int64) {
	for _, r := range rows {
		if r.AtUS >= from && r.AtUS+r.ForUS <= until {
			p99 = max(p99, r.AckP99)
		}
	}
	return p99
}

// markedAfter is when the first mark of so much text is, after an instant.
func markedAfter(marks []result.Mark, text string, after int64) (at int64, ok bool) {
	for _, m := range marks {
		if m.AtUS >= after && strings.HasSuffix(m.What, text) {
			return m.AtUS, true
		}
	}
	return 0, false
}

func seconds(us int64) string { return fmt.Sprintf("%d.%d s", us/1_000_000, us%1_000_000/100_000) }
