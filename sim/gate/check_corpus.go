package gate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"brokersim/checker/result"
)

// planCase is a case of the corpus as the plan has it.
func planCase(c *CorpusCase) PlanScenario {
	sum := sha256.Sum256([]byte(c.String()))
	return PlanScenario{Name: c.Name, Digest: hex.EncodeToString(sum[:8])}
}

// verify verifies the shard's part of the corpus: the cases whose place leaves its
// index when divided by the number of shards.
func (s *checking) verify() {
	at := s.Shard.Index
	next := func() (c *CorpusCase, more bool) {
		if at >= uint64(len(s.Corpus)) || s.interrupted() {
			return nil, false
		}
		c = &s.Corpus[at]
		at += s.Shard.Count
		return c, true
	}
	inOrder(s.workers(), next, s.verifyCase, func(c result.CheckCase) bool {
		s.tally.check.Corpus = append(s.tally.check.Corpus, c)
		return true
	})
}

func (s *checking) verifyCase(c *CorpusCase) (r result.CheckCase) {
	r = result.CheckCase{Name: c.Name, Scenario: c.Run.Scenario, Seed: fmt.Sprintf("%#x", c.Run.Seed), Property: c.Property, Bug: c.Bug}
	defer func() {
		if p := recover(); p != nil {
			r.Internal = fmt.Sprintf("panic: %v", p)
		}
	}()
	v := (&Corpus{Find: s.Find, run: s.Run}).Verify(c)
	r.Problem, r.Repro, r.Drifted = v.Problem, v.Repro, v.Drifted
	return r
}

// adoptCases takes over what the shards have verified, in the order of the corpus.
func (t *tally) adoptCases(shards []*runsReader) {
	place := func(name string) int {
		return slices.IndexFunc(t.plan.Corpus, func(p PlanScenario) bool { return p.Name == name })
	}
	for _, f := range shards {
		t.check.Corpus = append(t.check.Corpus, f.cases...)
	}
	slices.SortStableFunc(t.check.Corpus, func(a, b result.CheckCase) int { return cmp.Compare(place(a.Name), place(b.Name)) })
}

// addCase takes the line of a case of a shard's file.
func (f *runsReader) addCase(c *result.CheckCase) error {
	n := uint64(len(f.cases))*f.head.Shard.Count + f.head.Shard.Index
	if n >= uint64(len(f.head.Plan.Corpus)) || f.head.Plan.Corpus[n].Name != c.Name {
		return f.bad(fmt.Errorf("the case %q is out of order, or of another shard", c.Name))
	}
	f.cases = append(f.cases, *c)
	return nil
}
