package reports

import (
	"fmt"
	"html/template"

	"brokersim/checker/result"
)

// mark draws the sign of a kind of row.
func mark(s *svg, r *result.Row, chain bool, x, y int) {
	class := "mark"
	switch {
	case r.Violation:
		class = "mark broken"
	case chain:
		class = "mark chain"
	}
	switch r.Kind {
	case result.RowFault:
		if mends(r) {
			s.draw("rect", "class", "mended", "x", x-8, "y", y-8, "width", 16, "height", 16, "rx", 4)
			s.draw("path", "class", "plus", "d", fmt.Sprintf("M%d %d h8 m-4 -4 v8", x-4, y))
			break
		}
		s.draw("rect", "class", "fault", "x", x-8, "y", y-8, "width", 16, "height", 16, "rx", 4)
		s.draw("path", "class", "bolt", "d", fmt.Sprintf("M%d %d l-4 6 h3 l-1 4 l5 -6.5 h-3 l1 -3.5z", x+1, y-5))
	case result.RowDisk:
		s.draw("path", "class", class, "d", fmt.Sprintf("M%d %d v7 a6 2.6 0 0 0 12 0 v-7 a6 2.6 0 0 0 -12 0 a6 2.6 0 0 0 12 0", x-6, y-3))
	case result.RowStep:
		s.draw("rect", "class", class, "x", x-5, "y", y-5, "width", 10, "height", 10, "transform", fmt.Sprintf("rotate(45 %d %d)", x, y))
	case result.RowClient:
		s.draw("circle", "class", class+" hollow", "cx", x, "cy", y, "r", 5)
	case result.RowJudge:
		s.draw("circle", "class", class+" hollow", "cx", x, "cy", y, "r", 6)
		s.draw("circle", "class", class, "cx", x, "cy", y, "r", 2)
	case result.RowLost:
		s.draw("circle", "class", class, "cx", x, "cy", y, "r", 4)
	default:
		s.draw("circle", "class", class, "cx", x, "cy", y, "r", 5)
	}
}

// legendEntry explains a sign of the space-time diagram.
type legendEntry struct {
	Sign  template.HTML
	Words string
}

// legend explains the signs that a story has.
func legend(t *told) (list []legendEntry) {
	kinds := make(map[result.RowKind]bool)
	breaks, mended := false, false
	for i := range t.Rows {
		r := &t.Rows[i]
		kinds[r.Kind] = true
		mended = mended || mends(r)
		breaks = breaks || r.Kind == result.RowFault && !mends(r)
	}
	entry := func(words string, draw func(*svg)) {
		var s svg
		draw(&s)
		list = append(list, legendEntry{picture("sign", 0, 0, 36, 24, words, "", s.done()), words})
	}
	for _, k := range []struct {
		kind  result.RowKind
		words string
	}{
		{result.RowStep, "acts by itself: a time-out, a start"}, {result.RowDisk, "a disk sync has ended"}, {result.RowClient, "what a client knows"},
		{result.RowJudge, "the final read"},
	} {
		if kinds[k.kind] {
			entry(k.words, func(s *svg) { mark(s, &result.Row{Kind: k.kind}, false, 18, 12) })
		}
	}
	if breaks {
		entry("a fault", func(s *svg) { mark(s, &result.Row{Kind: result.RowFault}, false, 18, 12) })
	}
	if mended {
		entry("it is mended", func(s *svg) { mark(s, &result.Row{Kind: result.RowFault, What: "heal"}, false, 18, 12) })
	}
	if kinds[result.RowMessage] {
		entry("a message on the causal chain", func(s *svg) { s.arrow("arrow chain", 0, 4, 36, 20, 1, 0) })
		entry("another message", func(s *svg) { s.arrow("arrow", 0, 4, 36, 20, 1, 0) })
	}
	if t.untold() {
		entry("its sending is not told", func(s *svg) { s.arrow("arrow untold", 0, 4, 36, 20, 1, 0) })
	}
	if kinds[result.RowLost] {
		entry("a message that never arrives", func(s *svg) {
			s.line("arrow", 2, 6, 26, 15)
			s.line("arrow cross", 21, 10, 31, 20)
			s.line("arrow cross", 21, 20, 31, 10)
		})
	}
	if len(t.downs()) > 0 {
		entry("down or paused", func(s *svg) { s.draw("rect", "class", "down", "x", 6, "y", 2, "width", 24, "height", 20) })
	}
	if len(t.links()) > 0 {
		entry("its network is disturbed", func(s *svg) { s.line("rail", 18, 1, 18, 23) })
	}
	return list
}

// untold reports whether a message is told and its sending is not.
func (t *told) untold() bool {
	for i := range t.Rows {
		if t.Rows[i].Kind == result.RowMessage && !t.sent(i) {
			return true
		}
	}
	return false
}
