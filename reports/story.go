package reports

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// told is a story with what every way of showing it needs to know.
type told struct {
	*result.Story
	lanes []result.Lane // those of the story, and of nodes that it forgot
	micro bool          // times are shown in microseconds: milliseconds do not tell them apart
	does  [][]string    // of each row: what the node does, but for sending what is told
	place []int         // of each row: its number on the causal chain from 1, or 0
}

func tell(s *result.Story) *told {
	t := &told{Story: s, lanes: slices.Clone(s.Lanes), does: make([][]string, len(s.Rows)), place: make([]int, len(s.Rows))}
	sends := make(map[string]bool) // row and words
	for i := range s.Rows {
		if t.sent(i) {
			sends[fmt.Sprintf("%d to %s: %s", s.Rows[i].Sent, s.Rows[i].Node, s.Rows[i].What)] = true
		}
	}
	n := 0
	for i := range s.Rows {
		r := &s.Rows[i]
		t.does[i] = says(r, func(does string) bool { return sends[fmt.Sprintf("%d %s", i, does)] })
		if (r.Chain || r.Violation) && !t.onlySends(i) {
			n++
			t.place[i] = n
		}
		t.add(r.Node)
		t.add(r.From)
		if i > 0 {
			a, b := s.Rows[i-1].AtNS, r.AtNS
			t.micro = t.micro || a != b && a/1e6 == b/1e6
		}
	}
	return t
}

// says is what a node does on a row, without what is told already.
func says(r *result.Row, told func(string) bool) (list []string) {
	for _, d := range r.Does {
		if !told(d) {
			list = append(list, clean(d))
		}
	}
	return list
}

// onlySends reports whether a row says no more than that the node sends what a
// later row is about: its arrow says that.
func (t *told) onlySends(i int) bool {
	r := &t.Rows[i]
	return (r.Kind == result.RowStep || r.Kind == result.RowDisk) && len(r.Does) > 0 && len(t.does[i]) == 0 && !r.Violation
}

// add makes a lane for a node that has none.
func (t *told) add(node string) {
	if node != "" && t.lane(node) < 0 {
		t.lanes = append(t.lanes, result.Lane{Node: node, Name: node})
	}
}

// lane is the number of a node's lane, or -1.
func (t *told) lane(node string) int {
	return slices.IndexFunc(t.lanes, func(l result.Lane) bool { return l.Node == node })
}

// chain is the numbers of the rows that lead to the violation: all, if nobody
// has marked any.
func (t *told) chain() (rows []int) {
	for i := range t.Rows {
		if t.place[i] > 0 {
			rows = append(rows, i)
		}
	}
	if rows == nil {
		for i := range t.Rows {
			rows = append(rows, i)
		}
	}
	return rows
}

// clock is a time of the run in seconds, without the unit.
func (t *told) clock(ns int64) string {
	if t.micro {
		return fmt.Sprintf("%d.%06d", ns/1e9, ns/1e3%1e6)
	}
	return fmt.Sprintf("%d.%03d", ns/1e9, ns/1e6%1e3)
}

// sent reports whether the sending of a message is told, in an earlier row.
func (t *told) sent(i int) bool { return t.Rows[i].Sent >= 0 && t.Rows[i].Sent < i }

// ends are the nodes that a frame was sent by and to; ok is false for rows that
// are about no frame.
func ends(r *result.Row) (from, to string, ok bool) {
	switch {
	case r.From == "" || r.Node == "":
		return "", "", false
	case r.Kind == result.RowLost:
		return r.Node, r.From, true // From is whom it was sent to
	}
	return r.From, r.Node, true
}

// who names the nodes of a row: "p1001 -> b1", "b2", "b1, b2".
func (t *told) who(r *result.Row) string {
	switch from, to, frame := ends(r); {
	case frame:
		return clean(from) + " -> " + clean(to)
	case r.Kind == result.RowFault && r.Node == "":
		return t.whom(r)
	case r.Kind == result.RowJudge && r.Node == "":
		return "the end"
	}
	return clean(r.Node)
}

// whom names the nodes that a step of the schedule names.
func (t *told) whom(r *result.Row) string {
	var nodes []string
	for _, f := range t.faults(r) {
		for _, n := range f.nodes {
			if !f.all && !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	if len(nodes) == 0 && len(t.touched(r)) > 0 {
		return "all"
	}
	return strings.Join(nodes, ", ")
}

// fault is one thing that the schedule does: a verb and the lanes that it is
// about, in their order.
type fault struct {
	verb  string
	nodes []string
	all   bool // they are all there are
}

// faults are what the schedule does in a row, such as "crash leader(b1)", or "the
// load ends: heal *, restart b1".
func (t *told) faults(r *result.Row) (list []fault) {
	for _, step := range steps(r) {
		verb, _, _ := strings.Cut(step, " ")
		all := slices.Contains(strings.Fields(step), "*")
		list = append(list, fault{verb, t.named(step, r.Node, all), all})
	}
	return list
}

// steps are those of the schedule in a row, without their time.
func steps(r *result.Row) (list []string) {
	if r.Kind != result.RowFault {
		return nil
	}
	text := clean(r.What)
	if _, after, ok := strings.Cut(text, ": "); ok {
		text = after
	}
	for step := range strings.SplitSeq(text, ", ") {
		if first, rest, ok := strings.Cut(step, " "); ok && first != "" && '0' <= first[0] && first[0] <= '9' {
			step = rest
		}
		list = append(list, step)
	}
	return list
}

// mends reports whether all that the schedule does in a row makes things right
// again.
func mends(r *result.Row) bool {
	list := steps(r)
	for _, step := range list {
		switch verb, _, _ := strings.Cut(step, " "); verb {
		case "heal", "heal-both", "restart", "resume", "mend":
		default:
			if !strings.HasSuffix(step, " off") {
				return false
			}
		}
	}
	return len(list) > 0
}

// nodeWord matches what may be a node in the text of a fault: "b1" in "crash
// leader(b1)" and not in "topic-b1".
var nodeWord = regexp.MustCompile(`(^|[\s(=,])([a-z]+[0-9]*)([\s),]|$)`)

// named are the lanes of the nodes that a step of a schedule names, and of one
// more; or all.
func (t *told) named(step, also string, all bool) (nodes []string) {
	is := map[string]bool{also: true}
	for rest := step; ; {
		at := nodeWord.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		is[rest[at[4]:at[5]]] = true
		rest = rest[at[5]:] // what ends one word may begin the next
	}
	for _, l := range t.lanes {
		if is[l.Node] || all {
			nodes = append(nodes, l.Node)
		}
	}
	return nodes
}

// touched are the lanes that the faults of a row are about, in their order.
func (t *told) touched(r *result.Row) (nodes []string) {
	is := make(map[string]bool)
	for _, f := range t.faults(r) {
		for _, n := range f.nodes {
			is[n] = true
		}
	}
	for _, l := range t.lanes {
		if is[l.Node] {
			nodes = append(nodes, l.Node)
		}
	}
	return nodes
}

// pack puts items into lines of at most width characters, and breaks only those
// that are longer.
func pack(items []string, between string, width int) (lines []string) {
	line := ""
	for i, item := range items {
		if i < len(items)-1 {
			item += strings.TrimRight(between, " ")
		}
		joined := line + between[len(strings.TrimRight(between, " ")):] + item
		switch {
		case line == "":
			line = item
		case len([]rune(joined)) <= width:
			line = joined
		default:
			lines = append(lines, wrap(line, width)...)
			line = item
		}
	}
	if line != "" {
		lines = append(lines, wrap(line, width)...)
	}
	return lines
}

// wrap breaks a text into lines of at most width characters, between words
// where it can.
func wrap(s string, width int) (lines []string) {
	return wrapBy(s, func(line string) bool { return len([]rune(line)) <= width })
}

// wrapBy breaks a text into lines that fit. A line has at least one character.
func wrapBy(s string, fits func(string) bool) (lines []string) {
	line := ""
	for _, word := range splitAfterSpaces(s) {
		if line != "" && !fits(line+strings.TrimRight(word, " ")) {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		for !fits(strings.TrimRight(word, " ")) {
			n := 1
			runes := []rune(word)
			for n < len(runes) && fits(string(runes[:n+1])) {
				n++
			}
			if n == len(runes) {
				break
			}
			lines = append(lines, string(runes[:n]))
			word = string(runes[n:])
		}
		line += word
	}
	if line = strings.TrimRight(line, " "); line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// splitAfterSpaces are the words of a text, each with the spaces after it.
func splitAfterSpaces(s string) (words []string) {
	start := 0
	for i := 1; i < len(s); i++ {
		if s[i-1] == ' ' && s[i] != ' ' {
			words = append(words, s[start:i])
			start = i
		}
	}
	return append(words, s[start:])
}
