package gate

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// chances forks a run after each row of its story that the violation hangs on, and
// counts in how many of its futures it comes to the finding; see [scenario.Fork] for
// what differs in them. The first is forked before anything has happened.
func (o *Explainer) chances(c scenario.Case, finding string, s *result.Story) []result.Chance {
	list := []result.Chance{{Row: -1}}
	times := []int64{0}
	for i := range s.Rows {
		row := &s.Rows[i]
		if !row.Chain || row.Event == 0 && row.Kind == result.RowJudge {
			continue
		}
		switch last := len(times) - 1; {
		case row.AtNS > times[last]:
			list, times = append(list, result.Chance{Row: i}), append(times, row.AtNS)
		case last > 0:
			list[last].Row = i // of one instant the last counts
		}
		if row.Violation {
			break
		}
	}
	var cases []scenario.Case
	for _, at := range times {
		for i := range o.Likelihood {
			cases = append(cases, forked(c, at, i))
		}
	}
	o.together(cases, func(i int, r *result.Result) {
		x := &list[i/o.Likelihood]
		if x.Forks++; Shows(*r, finding) {
			x.Violated++
		}
	})
	return list
}

// forked is the i-th future of a case after what happens at a time, in ns.
func forked(c scenario.Case, at int64, i int) scenario.Case {
	seed := machine.NewDraw(c.Seed, "fork").With(uint64(at)).With(uint64(i)).Uint64()
	c.Fork = scenario.Fork{At: time.Duration(at + 1), Seed: seed}
	return c
}
