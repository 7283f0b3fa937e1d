package capacity

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
)

// Sweep is a study of one setting under way: for each of its values, what the rate
// that is asked for comes to, and the largest rate that is met. It is driven as a
// [Plan] is.
type Sweep struct {
	Plan
	key      string
	values   []string
	at       *fixed
	searches []*search
}

// NewSweep begins a sweep of a setting over its values; see [Study.With]. An error is
// that of the first value which cannot be.
func NewSweep(s *Study, key string, values []string) (*Sweep, error) {
	w := &Sweep{Plan: Plan{study: s}, key: key, values: values, at: &fixed{}}
	for _, v := range values {
		set := key + "=" + v
		x, err := s.With(set)
		if err != nil {
			return nil, err
		}
		p := Probe{Seed: s.Seeds[0], Warm: s.Warm, For: s.Explore, Set: []string{set}}
		w.searches = append(w.searches, x.search(p, 0))
		if p.Rate = s.Load.Rate; p.Rate > 0 {
			w.at.probes = append(w.at.probes, p)
		}
	}
	w.parts = append(w.parts, w.at)
	for _, x := range w.searches {
		w.parts = append(w.parts, x)
	}
	w.stage = lastStage
	return w, nil
}

// Of is about how many runs a sweep takes, and how many have been made.
func (w *Sweep) Of() (made, of int) { return w.runs, max(len(w.values)*11, w.runs) }

// Result is what the sweep came to. The points are those at the rate that was asked
// for or, without one, at the largest that was met.
func (w *Sweep) Result() result.Capacity {
	s := w.study
	c := w.head(fmt.Sprintf("brokersim sweep %s --axis %s=%s", s.File, w.key, strings.Join(w.values, ",")))
	x := result.Sweep{Axis: result.Axis{Name: w.key, Values: w.values}}
	for i, found := range w.searches {
		met, _ := found.bracket()
		x.Rates = append(x.Rates, met)
		if s.Load.Rate > 0 {
			x.Points = append(x.Points, w.at.found[i].Point)
			continue
		}
		x.Points = append(x.Points, found.best().Point)
	}
	c.Sweeps = []result.Sweep{x}
	c.Answer.Text = fmt.Sprintf("What %s carries at %s, for each %s: ", s.shape().Name, s.slo(), w.key)
	for i, v := range w.values {
		if i > 0 {
			c.Answer.Text += ", "
		}
		c.Answer.Text += fmt.Sprintf("%s at %s", result.Count(x.Rates[i]), v)
	}
	c.Answer.Text += " records/s."
	return c
}
