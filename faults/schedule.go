package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/machine"
)

// Schedule is a list of steps in the order in which they were written.
type Schedule []Step

// Step is one line of a schedule: one fault, or its undoing.
type Step struct {
	Line     int           // where it stood in the text; 0 if it was made by hand
	From, To time.Duration // when: From = To, or a window from which the seed draws
	For      time.Duration // undone after that long; 0 = only by another step
	Verb     Verb
	Class    string // drop, duplicate, reset after-accept: the name of a class of frames; crash-at, power-loss-at: a step
	ClassID  uint16 // its number
	A, B     Target // B only for verbs about links
	By       time.Duration
	N        int    // how many frames, bytes a second, times, or parts per million
	Files    string // verbs about files: a pattern; empty for all
	Off      bool   // verbs about a disk: the end of it
}

// Has reports whether a step has a verb.
func (s Schedule) Has(v Verb) bool {
	return slices.ContainsFunc(s, func(x Step) bool { return x.Verb == v })
}

// String returns the schedule as text, a step a line. It parses back to the
// same steps; comments and the spacing are not kept.
func (s Schedule) String() string {
	var b strings.Builder
	for i := range s {
		b.WriteString(s[i].String())
		b.WriteByte('\n')
	}
	return b.String()
}

// String returns the step as a line without its end.
func (s *Step) String() string {
	when := s.From.String()
	if s.To != s.From {
		when += ".." + s.To.String()
	}
	if s.For != 0 {
		when += " for " + s.For.String()
	}
	return when + " " + s.what()
}

// what is the step without its time.
func (s *Step) what() string {
	words := []string{s.Verb.String()}
	if s.Class != "" {
		words = append(words, s.Class)
	}
	words = append(words, s.A.String())
	if !s.B.none() {
		words = append(words, s.B.String())
	}
	switch s.Verb {
	case Slow, Duplicate:
		words = append(words, s.By.String())
	case Skew:
		words = append(words, signed(s.By))
	case Drop:
		if s.N != 1 {
			words = append(words, fmt.Sprint(s.N))
		}
	case Throttle:
		words = append(words, fmt.Sprintf("%d/s", s.N))
	case DiskSlow, Memory:
		words = append(words, fmt.Sprint(s.N))
	case Drift:
		words = append(words, fmt.Sprintf("%+d", s.N))
	}
	if s.Files != "" {
		words = append(words, s.Files)
	}
	if s.Off {
		words = append(words, "off")
	}
	return strings.Join(words, " ")
}

func signed(d time.Duration) string {
	if d < 0 {
		return d.String()
	}
	return "+" + d.String()
}

// Plan gives every step its time and returns the steps in order of time, those
// of one instant in the order of the schedule. A step with "for" is followed by
// the one that undoes it.
//
// A time in a window is drawn by the step's own identity (its text, and how many
// equal steps stand before it), so that a step more or less leaves the times of
// the others as they were.
func (s Schedule) Plan(seed uint64) []*At { return s.Replan(seed, machine.Never, 0) }

// Replan is Plan, but what comes after an instant in it is drawn anew from another
// seed, in what is left of its window then.
func (s Schedule) Replan(seed uint64, after machine.Instant, other uint64) []*At {
	draw, again := machine.NewDraw(seed, "fault-window"), machine.NewDraw(other, "fault-window")
	equal := make(map[string]uint64)
	plan := make([]*At, 0, len(s))
	for i := range s {
		step := s[i]
		text := step.String()
		at := step.From
		if step.To > step.From {
			at = within(step.From, step.To, draw.Of(text).With(equal[text]))
			if machine.Instant(at) > after {
				at = within(max(step.From, time.Duration(after)), step.To, again.Of(text).With(equal[text]))
			}
		}
		equal[text]++
		begin := &At{Time: machine.Instant(at), Step: step}
		plan = append(plan, begin)
		if step.For > 0 {
			end := step.undo()
			plan = append(plan, &At{Time: begin.Time.Add(step.For), Step: end, begin: begin})
		}
	}
	slices.SortStableFunc(plan, func(a, b *At) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return 0
	})
	return plan
}

// within draws a time in a window, in microseconds from its beginning.
func within(from, to time.Duration, draw machine.Draw) time.Duration {
	if window := uint64(to-from) / uint64(time.Microsecond); window > 0 {
		from += time.Duration(draw.N(window+1)) * time.Microsecond
	}
	return from
}

// undo is the step that ends a step with "for".
func (s *Step) undo() Step {
	end := Step{Line: s.Line, Verb: verbs[s.Verb].undo, A: s.A, B: s.B}
	end.Files = s.Files
	switch s.Verb {
	case Skew:
		end.By = -s.By
	case Drift:
		end.N = -s.N
	case DiskSlow:
		end.N = 1
	case IOError, SyncError, DiskFull, DiskStall, FsyncLies, DiskReorders, DiskMisdirects:
		end.Off = true
	}
	return end
}
