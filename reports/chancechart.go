package reports

import (
	"fmt"
	"html/template"
	"strings"
)

// The chart of how likely the violation is: as the story, it runs down, and the
// likelihood is a stair to the right.
const (
	chartLeft  = 452 // of 0 %
	chartRight = 930 // of 100 %
	chartWidth = 1120
	chartTop   = 30
	chartStep  = 30
)

func drawChances(t *told, list []chance) template.HTML {
	var s svg
	height := chartTop + len(list)*chartStep + 6
	for percent := 0; percent <= 100; percent += 25 {
		x := chartX(float64(percent))
		s.line("grid", x, chartTop-6, x, height)
		s.text("axis", "middle", x, chartTop-12, fmt.Sprintf("%d %%", percent))
	}
	s.draw("path", "class", "stair", "d", stair(list))
	for i := range list {
		drawChance(&s, t, &list[i], chartY(i))
	}
	return picture("chance", 0, 0, chartWidth, height, "How likely the violation is after each row, in percent of forks", "The table of likelihoods says the same in numbers", s.done())
}

func chartX(percent float64) int {
	return chartLeft + int(percent*(chartRight-chartLeft)/100+0.5)
}

func chartY(i int) int { return chartTop + i*chartStep + chartStep/2 }

func stair(list []chance) string {
	var b strings.Builder
	for i := range list {
		if i == 0 {
			fmt.Fprintf(&b, "M%d %d", chartX(list[i].p), chartY(i))
			continue
		}
		fmt.Fprintf(&b, " V%d H%d", chartY(i), chartX(list[i].p))
	}
	return b.String()
}

func drawChance(s *svg, t *told, c *chance, y int) {
	class := ""
	if c.noReturn {
		class = " broken"
		s.draw("rect", "class", "brokenrow", "x", 0, "y", y-chartStep/2, "width", chartWidth, "height", chartStep)
	}
	s.text("charttime", "end", timeRight, y+4, c.clock(t))
	s.text("chartlabel", "start", timeRight+16, y+4, beginning(arrowed(c.words(t)), 12, chartLeft-timeRight-40))
	low, high, x := chartX(c.low), chartX(c.high), chartX(c.p)
	s.line("whisker", low, y, high, y)
	s.line("whisker", low, y-4, low, y+4)
	s.line("whisker", high, y-4, high, y+4)
	s.draw("circle", "class", "dot"+class, "cx", x, "cy", y, "r", 5)
	s.text("percent"+class, "start", chartRight+18, y+4, fmt.Sprintf("%.1f %%  (%s)", c.p, c.percents()))
	if c.noReturn {
		s.text("brokenlabel halo", "end", x-16, y+4, "the point of no return")
	}
}
