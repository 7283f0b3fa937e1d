package gate

import (
	"fmt"
	"slices"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// BugScore is how soon a planted bug was found.
type BugScore struct {
	Bug        string `json:"bug"`
	Difficulty int    `json:"difficulty"`
	Scenario   string `json:"scenario"`
	Property   string `json:"property"`           // that must name it
	Found      bool   `json:"found"`              // by that property, and nothing is reported without the bug
	FoundAt    string `json:"found_at,omitempty"` // the lowest seed that it named the bug at: 0x...
	Runs       uint64 `json:"runs"`               // to that seed, or the whole budget
	Fired      uint64 `json:"fired"`              // of them, in how many the bug changed anything
	// Others are what else broke, which counts for nothing.
	Others []string `json:"others,omitempty"`
	// Without is what is reported at the same seed without the bug: then it was not
	// the bug that was found.
	Without []string `json:"without,omitempty"`
}

// ControlScore is what was reported of a control: nothing should be.
type ControlScore struct {
	Control  string   `json:"control"`
	Scenario string   `json:"scenario"`
	Runs     uint64   `json:"runs"`
	Happened uint64   `json:"happened"` // in how many of them it came about
	Reported []string `json:"reported"` // "0x7 no-acked-loss"; of the first runs that were
}

// Silent reports whether a control came about and was not reported.
func (c *ControlScore) Silent() bool { return c.Happened > 0 && len(c.Reported) == 0 }

// Scores are those of all bugs and controls that were asked for.
type Scores struct {
	V        int            `json:"v"`
	Bugs     []BugScore     `json:"bugs"`
	Controls []ControlScore `json:"controls"`
	Found    []LevelScore   `json:"found"`
	Exit     int            `json:"exit"`
}

// LevelScore counts the bugs of one difficulty.
type LevelScore struct {
	Difficulty int `json:"difficulty"`
	Found      int `json:"found"`
	Of         int `json:"of"`
}

// Judge counts what was found by difficulty and sets the exit code: 0 if all bugs
// of difficulty 1 and 2 are found, nine in ten of difficulty 3, and the controls
// are silent.
func (s *Scores) Judge() {
	s.V, s.Found, s.Exit = result.Version, []LevelScore{}, result.ExitKept
	for i := range s.Bugs {
		b := &s.Bugs[i]
		at := slices.IndexFunc(s.Found, func(l LevelScore) bool { return l.Difficulty == b.Difficulty })
		if at < 0 {
			at = len(s.Found)
			s.Found = append(s.Found, LevelScore{Difficulty: b.Difficulty})
		}
		if s.Found[at].Of++; b.Found {
			s.Found[at].Found++
		}
	}
	slices.SortStableFunc(s.Found, func(a, b LevelScore) int { return a.Difficulty - b.Difficulty })
	for _, l := range s.Found {
		if l.Difficulty <= 2 && l.Found < l.Of || l.Difficulty == 3 && l.Found*10 < l.Of*9 {
			s.Exit = result.ExitBroken
		}
	}
	for i := range s.Controls {
		if !s.Controls[i].Silent() {
			s.Exit = result.ExitBroken
		}
	}
}

// How many runs are made before it is asked whether one has found the bug: a few at
// first, since most are found at once. What is reported does not hang on it.
const (
	firstChunk = 2
	scoreChunk = 16
)

// Score plants the bug and runs one seed after the other until one has found it,
// or its budget is spent; seeds, if it is not 0, replaces the budget. It gives up when
// stop, which may be nil, says so. An error is one of the manifest.
func (b *Bug) Score(seeds uint64, stop func() bool) (BugScore, error) {
	s := BugScore{Bug: b.Name(), Difficulty: b.Difficulty, Scenario: b.Scenario, Property: b.Property}
	c, err := b.Planted()
	if err != nil {
		return s, fmt.Errorf("%s: %w", b.Name(), err)
	}
	if seeds == 0 {
		seeds = b.Seeds
	}
	chunk := uint64(firstChunk)
	for s.Runs < seeds && s.FoundAt == "" && !stopped(stop) {
		n := min(chunk, seeds-s.Runs)
		chunk = min(2*chunk, scoreChunk)
		Sweep(c, s.Runs+1, n, func(r result.Result) {
			if s.FoundAt == "" {
				s.take(b, &r)
			}
		})
	}
	if s.FoundAt == "" {
		return s, nil
	}
	sound := c
	sound.Plant, sound.Seed = nil, s.Runs
	r := scenario.Run(sound)
	s.Without = brokenIn(&r)
	s.Found = len(s.Without) == 0
	return s, nil
}

// take counts a run of seed s.Runs+1.
func (s *BugScore) take(b *Bug, r *result.Result) {
	s.Runs++
	if r.Reached[b.Name()] > 0 {
		s.Fired++
	}
	for _, p := range brokenIn(r) {
		if p != b.Property && !slices.Contains(s.Others, p) {
			s.Others = append(s.Others, p)
		}
	}
	if b.NamedBy(r) {
		s.FoundAt = r.Seed
	}
}

// mostReported is how many reports of a control are listed.
const mostReported = 5

// Score runs the control on its budget, or on seeds if it is not 0, until stop,
// which may be nil, says so. An error is one of the table.
func (c *Control) Score(seeds uint64, stop func() bool) (ControlScore, error) {
	s := ControlScore{Control: c.Name, Scenario: c.Scenario, Reported: []string{}}
	x, err := c.Case()
	if err != nil {
		return s, fmt.Errorf("%s: %w", c.Name, err)
	}
	if seeds == 0 {
		seeds = c.Seeds
	}
	for first := uint64(1); first <= seeds && !stopped(stop); first += scoreChunk {
		Sweep(x, first, min(scoreChunk, seeds-first+1), func(r result.Result) { s.take(c, &r) })
	}
	return s, nil
}

func (s *ControlScore) take(c *Control, r *result.Result) {
	s.Runs++
	if c.happened(r) {
		s.Happened++
	}
	for _, p := range brokenIn(r) {
		if len(s.Reported) < mostReported {
			s.Reported = append(s.Reported, r.Seed+" "+p)
		}
	}
}

func stopped(stop func() bool) bool { return stop != nil && stop() }
