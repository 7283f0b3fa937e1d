package faults

import (
	"fmt"
	"slices"
	"strings"
)

// Stranded warns about a schedule that stops one of the given roles or nodes
// (different names of one thing, such as "controller" and "c101") and cannot
// bring it back later. It is one line for the whole schedule, or empty. Such a
// schedule is legal: whether the clients get on without it is for liveness to
// decide.
func (s Schedule) Stranded(names ...string) string {
	var stopped *Step
	for i := range s {
		step := &s[i]
		if !step.Verb.stops() || step.For != 0 || !step.touches(names) {
			continue
		}
		// It is back if any step may come later that undoes this one.
		back := slices.ContainsFunc(s, func(other Step) bool {
			return other.Verb == undoOf(step.Verb) && other.To >= step.From && other.touches(names)
		})
		if !back && (stopped == nil || step.From > stopped.From) {
			stopped = step
		}
	}
	if stopped == nil {
		return ""
	}
	where := ""
	if stopped.Line > 0 {
		where = fmt.Sprintf("line %d: ", stopped.Line)
	}
	return fmt.Sprintf("%s%q and nothing brings %s back: what needs it waits until everything is healed",
		where, stopped.String(), strings.Join(names, " or "))
}

func undoOf(v Verb) Verb { return verbs[v].undo }

// touches reports whether the step is about one of the names, or about all.
func (s *Step) touches(names []string) bool {
	if s.A.Role == everyone || slices.Contains(names, s.A.Role) {
		return true
	}
	return slices.ContainsFunc(s.A.Nodes, func(n string) bool { return slices.Contains(names, n) })
}
