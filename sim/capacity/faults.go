package capacity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"brokersim/broker/near"
	"brokersim/checker/bulk"
	"brokersim/faults"
	"brokersim/sim/scenario"
)

// faultsFrom is the study's schedule for a run whose load begins at an instant.
func (s *Study) faultsFrom(spec *scenario.Spec, from time.Duration) string {
	var b strings.Builder
	schedule, err := spec.Schedule(s.Faults)
	if err != nil {
		return s.Faults // [Study.Try] has said so, or will
	}
	for _, step := range schedule {
		step.From, step.To = step.From+from, step.To+from
		b.WriteString(step.String() + "\n")
	}
	return b.String()
}

// checkFaults says what is wrong with the study's schedule, with its place in the file.
func (s *Study) checkFaults(spec *scenario.Spec) error {
	schedule, err := spec.Schedule(s.Faults)
	var bad *faults.Error
	if errors.As(err, &bad) {
		return fmt.Errorf("%s:%d:%d: faults: %s", s.File, s.FaultsLine+bad.Line, bad.Column, bad.Msg)
	}
	if err != nil {
		return fmt.Errorf("%s: faults: %w", s.File, err)
	}
	for i := range schedule {
		step := &schedule[i]
		if last := max(step.From, step.To); last+step.For >= s.Explore {
			return fmt.Errorf("%s:%d: faults: %q is not over when a run of the search is, after %v: want explore to be longer", s.File, s.FaultsLine+step.Line, step.String(), s.Explore)
		}
	}
	return nil
}

func (r *reader) faults() func(ast.Node) {
	return r.Block(func(text string, line int) { r.s.Faults, r.s.FaultsLine = text, line }, "the schedule as text: faults: |")
}

// promised takes the name of something that a load can be held to.
func (r *reader) promised(name string, at ast.Node) {
	if known := bulk.Properties(); !slices.Contains(known, name) {
		r.Fail(at, "promise: unknown property %q%s", name, near.Suggest(name, known))
	}
}
