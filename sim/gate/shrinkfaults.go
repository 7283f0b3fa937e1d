package gate

import (
	"slices"
	"strings"
	"time"

	"brokersim/faults"
	"brokersim/sim/scenario"
)

// wrongs counts the steps that make something go wrong.
func wrongs(schedule faults.Schedule) (n int) {
	for i := range schedule {
		if !undoes(&schedule[i]) {
			n++
		}
	}
	return n
}

// undoes reports whether a step only ends what another has begun.
func undoes(s *faults.Step) bool {
	if s.Verb == faults.Mend {
		return true // of all disk faults; none of them has it for its own end
	}
	if end, can := undoing(*s); can && same(&end, s) {
		return true // slow by nothing
	}
	for v := faults.Verb(1); !strings.HasPrefix(v.String(), "verb("); v++ {
		if end, can := undoing(faults.Step{Verb: v}); can && v != s.Verb && end.Verb == s.Verb {
			return true
		}
	}
	return false
}

// undoing is the step that would end another, if that could have a "for".
func undoing(step faults.Step) (end faults.Step, can bool) {
	step.For = time.Millisecond
	end = faults.Schedule{step}.Plan(0)[1].Step
	return end, end.Verb != 0
}

// same reports whether two steps do the same to the same, whenever.
func same(a, b *faults.Step) bool { return timeless(*a) == timeless(*b) }

// timeless is all that a step says but when.
func timeless(s faults.Step) string {
	s.From, s.To, s.For = 0, 0, 0
	return s.String()
}

// resolve replaces the schedule by what was applied of it, so that nobody's role
// depends any more on the faults that are taken away.
func (s *shrink) resolve(applied []string) {
	text := strings.Join(applied, "\n")
	c := s.best
	c.Faults = &text
	plain, err := scenario.Schedule(c)
	if err != nil {
		return // it is then shrunk as it was written
	}
	s.first(s.with(paired(plain)), s.with(plain))
}

// paired joins each step with the one that later undoes just that: they are one
// fault, with a "for", and come and go together.
func paired(plain faults.Schedule) faults.Schedule {
	undone := make([]bool, len(plain))
	var list faults.Schedule
	for i, step := range plain {
		if undone[i] {
			continue
		}
		end, can := undoing(step)
		if can && same(&end, &step) {
			can = false // slow by nothing ends others and needs no end
		}
		for k := i + 1; can && k < len(plain); k++ {
			if !undone[k] && same(&end, &plain[k]) && plain[k].From > step.From {
				undone[k] = true
				step.For = plain[k].From - step.From
				break
			}
		}
		list = append(list, step)
	}
	return list
}

// removeFaults finds the few faults that are needed. Steps are in the order of
// time, and those that are needed together mostly stand together: so first the
// last of them is found by bisection, then, going back from it, the first, and
// then the others between the two.
func (s *shrink) removeFaults() {
	s.findNeeded(s.schedule)
	s.removeEach()
}

// noteRemoved notes the faults of before that are not in the schedule any more.
func (s *shrink) noteRemoved(before faults.Schedule) {
	left := make(map[string]int)
	for i := range s.schedule {
		left[s.schedule[i].String()]++
	}
	for i := range before {
		switch text := before[i].String(); {
		case left[text] > 0:
			left[text]--
		case !undoes(&before[i]):
			s.removed = append(s.removed, text)
		}
	}
}

func (s *shrink) findNeeded(all faults.Schedule) {
	if s.holds(nil) {
		return
	}
	last := bisect(0, len(all), func(n int) bool { return s.holds(all[:n]) })
	window := all[:last]
	// From here on the window's last step stays.
	short := 1
	for short < len(window) && !s.spent() && !s.holds(window[len(window)-short:]) {
		short *= 2
	}
	if short > 1 {
		least := bisect(short/2, min(short, len(window)), func(n int) bool { return s.holds(window[len(window)-n:]) })
		window = window[len(window)-least:]
	} else {
		window = window[len(window)-1:]
	}
	// And now its first too; what is between is taken away from behind.
	if len(window) < 3 {
		return
	}
	begin, rest, end := window[:1], window[1:len(window)-1], window[len(window)-1:]
	for len(rest) > 0 && !s.spent() && !s.holds(slices.Concat(begin, end)) {
		n := bisect(0, len(rest), func(n int) bool { return s.holds(slices.Concat(begin, rest[:n], end)) })
		end = slices.Concat(rest[n-1:n], end)
		rest = rest[:n-1]
	}
}

// bisect returns the least n for which ok is true, if it is true from there on:
// it is false for no and true for yes. In any case it was true for what is
// returned.
func bisect(no, yes int, ok func(int) bool) int {
	for yes-no > 1 {
		if mid := (no + yes) / 2; ok(mid) {
			yes = mid
		} else {
			no = mid
		}
	}
	return yes
}

func (s *shrink) holds(schedule faults.Schedule) bool { return s.first(s.with(schedule)) == 0 }

// removeEach takes away single faults until each that is left is needed.
func (s *shrink) removeEach() {
	for len(s.schedule) > 0 {
		var cases []scenario.Case
		for i := range s.schedule {
			cases = append(cases, s.with(slices.Delete(slices.Clone(s.schedule), i, i+1)))
		}
		if s.first(cases...) < 0 {
			return
		}
	}
}
