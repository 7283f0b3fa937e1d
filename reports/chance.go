package reports

import (
	"fmt"
	"math"

	"brokersim/checker/result"
)

// chance is how likely the violation is after a row of the story.
type chance struct {
	*result.Chance
	row          *result.Row
	p, low, high float64 // in percent; low and high are the 95 % interval
	noReturn     bool    // the point of no return: from here on every fork breaks the promise
}

// chances are those whose rows there are.
func chances(e *result.Explanation) (list []chance) {
	for i := range e.Likelihood {
		c := &e.Likelihood[i]
		if c.Row < -1 || c.Row >= len(e.Story.Rows) || c.Forks <= 0 || c.Violated < 0 || c.Violated > c.Forks {
			continue
		}
		x := chance{Chance: c, p: 100 * float64(c.Violated) / float64(c.Forks)}
		x.low, x.high = wilson(c.Violated, c.Forks)
		if c.Row >= 0 {
			x.row = &e.Story.Rows[c.Row]
		}
		list = append(list, x)
	}
	if i := alwaysFrom(list); i < len(list) {
		list[i].noReturn = list[i].low >= surely
	}
	return list
}

// surely is the lower end of the 95 % interval, in percent, from which on it is
// believed that every future breaks the promise.
const surely = 90

// alwaysFrom is the first after which, and after all that follow, every fork breaks
// the promise.
func alwaysFrom(list []chance) int {
	i := len(list)
	for i > 0 && list[i-1].Violated == list[i-1].Forks {
		i--
	}
	return i
}

// tooFewForks says that no point of no return is named though every fork breaks the
// promise in the end, and what it takes; or nothing.
func tooFewForks(list []chance) string {
	i := alwaysFrom(list)
	if i == len(list) || list[i].noReturn {
		return ""
	}
	n := 1
	for low, _ := wilson(n, n); low < surely; low, _ = wilson(n, n) {
		n++
	}
	return fmt.Sprintf("Too few forks to name the point of no return: that takes %d after each row.", n)
}

// wilson is the 95 % interval of a proportion by E. B. Wilson (1927), in percent:
// it holds near 0 and 1, where the usual one is empty.
func wilson(k, n int) (low, high float64) {
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, 100*(middle-half)), min(100, 100*(middle+half))
}

// clock is the time after which the run is forked.
func (c *chance) clock(t *told) string {
	if c.row == nil {
		return t.clock(0)
	}
	return t.clock(c.row.AtNS)
}

// words say where the run is forked.
func (c *chance) words(t *told) string {
	if c.row == nil {
		return "the start"
	}
	return t.who(c.row) + "  " + clean(c.row.What)
}

// percents says the interval: "92.1 .. 96.5".
func (c *chance) percents() string { return fmt.Sprintf("%.1f .. %.1f", c.low, c.high) }

// likelihood is a table of the rows after which the run was forked.
func (t *explanation) likelihood() {
	list := chances(t.e)
	if len(list) == 0 {
		return
	}
	t.part("Likelihood", "of the violation, when all that is drawn after a row is drawn anew")
	rows := []string{"  after\t\tbroken\t%\t95 %"}
	for i := range list {
		c := &list[i]
		line := fmt.Sprintf("  %s\t%s\t%d of %d\t%.1f\t%s", c.clock(t.story), short(c.words(t.story), 46), c.Violated, c.Forks, c.p, c.percents())
		if c.noReturn {
			rows = append(rows, line+"\t<- point of no return")
			break
		}
		rows = append(rows, line)
	}
	t.table(rows...)
	if left := len(list) - (len(rows) - 1); left > 0 {
		t.f("    and so after each of the %s that follow\n", plural(left, "row", "rows"))
	}
	if text := tooFewForks(list); text != "" {
		t.f("    %s\n", text)
	}
}
