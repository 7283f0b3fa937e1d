package gate

import (
	"slices"

	"brokersim/checker/result"
)

// Scores are those of all bugs and controls that were asked for.
type Scores struct {
	V        int            `json:"v"`
	Bugs     []BugScore     `json:"bugs"`
	Controls []ControlScore `json:"controls"`
	Found    []LevelScore   `json:"found"`
	Shrinks  ShrinkScore    `json:"shrinks"`
	Exit     int            `json:"exit"`
}

// LevelScore counts the bugs of one difficulty.
type LevelScore struct {
	Difficulty int `json:"difficulty"`
	Found      int `json:"found"`
	Any        int `json:"any"` // those with which anything was reported
	Of         int `json:"of"`
}

// ShrinkScore is what shrinking came to at the median over the bugs that were found;
// of an even number it is the greater of the two in the middle.
type ShrinkScore struct {
	Of      int `json:"of"`
	Faults  int `json:"faults"` // that are left
	Replays int `json:"replays"`
}

// Judge counts what was found by difficulty, takes the medians of the shrinks and sets
// the exit code: 0 if all bugs of difficulty 1 and 2 are found, nine in ten of
// difficulty 3, and the controls are silent.
func (s *Scores) Judge() {
	s.V, s.Exit = result.Version, result.ExitKept
	s.count()
	for _, l := range s.Found {
		if l.Difficulty <= 2 && l.Found < l.Of || l.Difficulty == 3 && l.Found*10 < l.Of*9 {
			s.Exit = result.ExitBroken
		}
	}
	s.judgeControls()
}

// Measure is Judge without a bar for the bugs: a scenario that was not made for them
// need not find any. What is reported where nothing is planted still counts.
func (s *Scores) Measure() {
	s.V, s.Exit = result.Version, result.ExitKept
	s.count()
	s.judgeControls()
}

func (s *Scores) judgeControls() {
	for i := range s.Controls {
		if !s.Controls[i].Silent() {
			s.Exit = result.ExitBroken
		}
	}
}

func (s *Scores) count() {
	s.Found = []LevelScore{}
	var left, replays []int
	for i := range s.Bugs {
		b := &s.Bugs[i]
		l := s.level(b.Difficulty)
		l.Of++
		if b.Found {
			l.Found++
		}
		if b.Any > 0 {
			l.Any++
		}
		if b.Shrunk != nil {
			left, replays = append(left, b.Shrunk.Final.Faults), append(replays, b.Shrunk.Replays)
		}
	}
	slices.SortStableFunc(s.Found, func(a, b LevelScore) int { return a.Difficulty - b.Difficulty })
	s.Shrinks = ShrinkScore{Of: len(left), Faults: upperMedian(left), Replays: upperMedian(replays)}
}

// level is the count of a difficulty.
func (s *Scores) level(difficulty int) *LevelScore {
	at := slices.IndexFunc(s.Found, func(l LevelScore) bool { return l.Difficulty == difficulty })
	if at < 0 {
		at = len(s.Found)
		s.Found = append(s.Found, LevelScore{Difficulty: difficulty})
	}
	return &s.Found[at]
}
