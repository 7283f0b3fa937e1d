package result

import "fmt"

// Lesson is a lesson as it is shown: its numbers are filled in.
type Lesson struct {
	Number int
	ID     string
	Title  string

	Question string
	Unit     string   // of the answer, if it is a number
	Choices  []string // of which one is the answer, if it is not
	Answer   string   // what the runs say

	Parts []LessonPart
}

// LessonPart is one step of a lesson: watch, measure, fix and so on.
type LessonPart struct {
	Step  string // a word: see sim/lesson
	Title string
	Text  []string // paragraphs, in Markdown without blocks

	// Story is one run, watched; nil in the other steps.
	Story *Explanation
	// Measured are distributions over many runs.
	Measured []Distribution
	// Prices are what a change of settings has cost.
	Prices []Price
	// Commands repeat the step, without the program's prompt.
	Commands []string
}

// Distribution is what one number came to in many runs, each in words with its unit.
type Distribution struct {
	Of     string // the runs: "acks=1"
	Name   string // the number: "lost acked"
	Runs   int
	Share  string // of the runs in which it was above 0
	P5     string
	P50    string
	P95    string
	Max    string
	Wanted string // where the lesson expects it
}

// Price is what a number was before and after a change, at the median.
type Price struct {
	Name, Before, After, Difference string
}

// Micros prints microseconds with the unit that suits people.
func Micros(us int64) string {
	switch {
	case us >= 1_000_000:
		return fmt.Sprintf("%d.%03d s", us/1_000_000, us/1000%1000)
	case us >= 1000:
		return fmt.Sprintf("%d.%d ms", us/1000, us/100%10)
	}
	return fmt.Sprintf("%d us", us)
}
