package main

import (
	"bytes"

	"brokersim/checker/history"
	"brokersim/checker/linear"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// searchSteps is how many steps of the model porcupine may take for one view.
const searchSteps = 2_000_000

// secondOpinion is what porcupine makes of the first violation that one of its models
// knows: a page, and a sentence. Both are empty if there is none. The run is made
// once more for its history.
func secondOpinion(c scenario.Case, r *result.Result) (page []byte, says string, err error) {
	var found *linear.Collector
	c.Trace, c.Watch, c.Until = nil, nil, 0
	c.History = func(h *history.Header) history.Sink {
		found = linear.NewCollector(h)
		return found
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome != result.Broken || len(f.Violations) == 0 || !linear.Knows(f.Property) {
			continue
		}
		if found == nil && scenario.Run(c).TraceHash != r.TraceHash {
			return nil, "", nil // it is another run every time, which is said elsewhere
		}
		v, ok := found.View(f.Property, f.Violations[0].Witness)
		if !ok {
			continue
		}
		var b bytes.Buffer
		answer, err := v.Page(&b, searchSteps)
		return b.Bytes(), v.Says(answer), err
	}
	return nil, "", nil
}
