package gate

import (
	"slices"

	"brokersim/checker/result"
)

// mostExplained is how many kinds of failure a check explains: the first run of each.
const mostExplained = 5

// failureKind is what failures have in common that need only one explanation.
type failureKind struct {
	scenario int64
	finding  string
}

// explainable notes a failing run as the one to explain its kind by, if it is the
// first. In a check of everything and in a merge of its shards that is the same run,
// which is also the first of its kind in its shard.
func (t *tally) explainable(r *result.CheckRun) {
	if t.plan.Shrink == 0 || !r.Violated() || r.Difference != nil || r.Internal != "" || len(t.explain) == mostExplained {
		return
	}
	kind := failureKind{r.Index % int64(len(t.plan.Scenarios)), FindingOf(r.Result)}
	if kind.finding != "" && !slices.Contains(t.kinds, kind) {
		t.kinds, t.explain = append(t.kinds, kind), append(t.explain, r.Index)
	}
}

// explain explains the first failure of each kind. What somebody has interrupted is
// left out.
func (s *checking) explain() {
	for i, index := range s.tally.explain {
		if s.interrupted() {
			return
		}
		c := s.caseOf(index)
		o := &Explainer{Shrinker: Shrinker{Budget: s.Shrink, Workers: s.Workers, Stop: s.interrupted, run: s.Run}, Telling: s.Telling}
		e, err := o.Explain(c, s.tally.kinds[i].finding)
		if err != nil {
			continue // it was run before: the check says already that it is another every time
		}
		s.tally.check.Explained = append(s.tally.check.Explained, result.Explained{Index: index, Explanation: e})
	}
}

// adopt takes over what the shards have explained of what is to be.
func (t *tally) adopt(shards []*runsReader) {
	for _, index := range t.explain {
		for _, f := range shards {
			for _, e := range f.explained {
				if e.Index == index {
					t.check.Explained = append(t.check.Explained, *e)
				}
			}
		}
	}
}
