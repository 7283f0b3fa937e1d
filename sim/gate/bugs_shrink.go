package gate

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// DefaultBugShrink is how many replays a find may take to become small: what a
// shrink is held to at the median.
const DefaultBugShrink = 60

// BugShrunk is how small the run became that found a bug.
type BugShrunk struct {
	Finding   string   `json:"finding"`
	Original  BugSize  `json:"original"`
	Final     BugSize  `json:"final"`
	Replays   int      `json:"replays"`   // without those that nothing was planted in
	Exhausted bool     `json:"exhausted"` // the budget ended before the ideas did
	Faults    []string `json:"faults"`    // the schedule that is left
	Repro     string   `json:"repro"`
}

// BugSize is how large a run is.
type BugSize struct {
	Events  int64 `json:"events"`
	Faults  int   `json:"faults"` // steps that make something go wrong, not those that undo it
	Records int64 `json:"records"`
}

// shrink makes a run small that has found a bug. Whatever it comes to is the bug's
// doing: each smaller run is made without it too, and then reports nothing.
func (o *Scorer) shrink(b *Bug, c scenario.Case) (*BugShrunk, error) {
	r := scenario.Run(c)
	shrinker := Shrinker{Budget: o.Shrink, Stop: o.Stop, Accept: func(c scenario.Case) bool { return b.Native != "" || len(without(c)) == 0 }}
	report, err := shrinker.Shrink(c, b.findingIn(&r))
	if err != nil {
		return nil, fmt.Errorf("shrinking %s: %w", b.Name(), err)
	}
	return &BugShrunk{
		Finding: report.Finding, Original: BugSize(report.Original), Final: BugSize(report.Final),
		Replays: report.Replays, Exhausted: report.Exhausted,
		Faults: append([]string{}, strings.FieldsFunc(report.Schedule, func(c rune) bool { return c == '\n' })...),
		Repro:  report.Result.Repro,
	}, nil
}

// findingIn is what a run that has found the bug shows of it, as [FindingOf] names it.
func (b *Bug) findingIn(r *result.Result) string {
	if b.Property != AuditProperty {
		return b.Property
	}
	for _, sentence := range r.Audits {
		if strings.Contains(sentence, b.Says) {
			return auditKind(sentence)
		}
	}
	return ""
}
