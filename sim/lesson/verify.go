package lesson

import (
	"fmt"
	"strings"
)

// Moved is a number of a lesson that is not what its text says.
type Moved struct {
	File   string
	Line   int
	Name   string // run.lost_acked.p50
	Got    string
	Wanted string // its interval
	Said   string // what is stored, if the same seeds were measured
	Left   bool   // the interval; else the number has moved within it
}

// String is a line with the position of the interval.
func (m *Moved) String() string {
	if !m.Left {
		return fmt.Sprintf("%s:%d: %s is now %s, and the text says %s: within %s", m.File, m.Line, m.Name, m.Got, m.Said, m.Wanted)
	}
	return fmt.Sprintf("%s:%d: %s is %s, outside %s", m.File, m.Line, m.Name, m.Got, m.Wanted)
}

// interval writes where a number must be.
func (e *Expectation) interval(u unit) string {
	if e.Low == e.High {
		return u.say(e.Low)
	}
	return u.say(e.Low) + " .. " + u.say(e.High)
}

func (e *Expectation) holds(v int64) bool { return e.Low <= v && v <= e.High }

// Verify compares what was measured now with the intervals of the lesson and, where as
// many runs are stored, with the numbers of its text.
func (l *Lesson) Verify(measured map[string]Measured) (moved []Moved) {
	for i := range l.Trials {
		t := &l.Trials[i]
		now, ok := measured[t.Name]
		if !ok {
			continue
		}
		for k := range t.Expect {
			e := &t.Expect[k]
			stats, stored := now[e.Metric], l.stored[t.Name][e.Metric]
			m, err := findMetric(e.Metric)
			if err != nil {
				continue // the lesson was read: it is known
			}
			x := Moved{File: l.File, Line: e.Line, Name: strings.Join([]string{t.Name, e.Metric, e.Stat}, ".")}
			u, got := unitOf(m, e.Stat), stats.get(e.Stat)
			x.Got, x.Wanted, x.Left = u.say(got), e.interval(u), !e.holds(got)
			if stored.Runs == stats.Runs {
				x.Said = u.say(stored.get(e.Stat))
			}
			if x.Left || x.Said != "" && x.Said != x.Got {
				moved = append(moved, x)
			}
		}
	}
	return append(moved, l.verifyPrice(measured)...)
}

func (l *Lesson) verifyPrice(measured map[string]Measured) (moved []Moved) {
	for k := range l.Price {
		e := &l.Price[k]
		m, err := findMetric(e.Metric)
		before, after, ok := medians(measured, e.Metric)
		if err == nil && ok && !e.holds(after-before) {
			moved = append(moved, Moved{File: l.File, Line: e.Line, Name: "price." + e.Metric, Got: m.unit.say(after - before), Wanted: e.interval(m.unit), Left: true})
		}
	}
	return moved
}

// Stored is what is stored of the lesson: nil if it was never measured.
func (l *Lesson) Stored() map[string]Measured { return l.stored }

// Expected is how many intervals a lesson has.
func (l *Lesson) Expected() int {
	n := len(l.Price)
	for i := range l.Trials {
		n += len(l.Trials[i].Expect)
	}
	return n
}
