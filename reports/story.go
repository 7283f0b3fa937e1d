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
	place []int         // of each row: its number on the causal chain from 1, or 0
}

func tell(s *result.Story) *told {
	t := &told{Story: s, lanes: slices.Clone(s.Lanes), place: make([]int, len(s.Rows))}
	n := 0
	for i := range s.Rows {
		if s.Rows[i].Chain || s.Rows[i].Violation {
			n++
			t.place[i] = n
		}
		t.add(s.Rows[i].Node)
		t.add(s.Rows[i].From)
		if i > 0 {
			a, b := s.Rows[i-1].AtNS, s.Rows[i].AtNS
			t.micro = t.micro || a != b && a/1e6 == b/1e6
		}
	}
	return t
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

// sent reports whether the sending of a message is told, in row Sent.
func (t *told) sent(r *result.Row) bool {
	return r.Kind == result.RowMessage && r.Sent >= 0 && r.Sent < len(t.Rows)
}

// ends are the nodes that a frame was sent by and to; ok is false for rows that
// are about no frame.
func ends(r *result.Row) (from, to string, ok bool) {
	switch {
	case r.From == "" || r.Node == "":
	case r.Kind == result.RowMessage:
		return r.From, r.Node, true
	case r.Kind == result.RowLost:
		return r.Node, r.From, true // From is whom it was sent to
	}
	return "", "", false
}

// who names the nodes of a row: "p1001 -> b1", "b2", "b1, b2".
func (t *told) who(r *result.Row) string {
	switch from, to, frame := ends(r); {
	case frame:
		return clean(from) + " -> " + clean(to)
	case r.Kind == result.RowFault && r.Node == "":
		return strings.Join(t.touched(r), ", ")
	case r.Kind == result.RowJudge && r.Node == "":
		return "final read"
	}
	return clean(r.Node)
}

// nodeWord matches what may be a node in the text of a fault: "b1" in "crash
// leader(b1)" and not in "topic-b1".
var nodeWord = regexp.MustCompile(`(^|[\s(=,])([a-z]+[0-9]*)([\s),]|$)`)

// touched are the lanes that a fault is about, in the order of the lanes.
func (t *told) touched(r *result.Row) (nodes []string) {
	named := map[string]bool{r.Node: true}
	text := faultText(r)
	for text != "" {
		at := nodeWord.FindStringSubmatchIndex(text)
		if at == nil {
			break
		}
		named[text[at[4]:at[5]]] = true
		text = text[at[5]:] // what ends one word may begin the next
	}
	all := slices.Contains(strings.Fields(faultText(r)), "*")
	for _, l := range t.lanes {
		if named[l.Node] || all {
			nodes = append(nodes, l.Node)
		}
	}
	return nodes
}

// faultText is a step of a schedule without its time.
func faultText(r *result.Row) string {
	text := clean(r.What)
	if first, rest, ok := strings.Cut(text, " "); ok && first != "" && first[0] >= '0' && first[0] <= '9' {
		return rest
	}
	return text
}

// faultVerb is the first word of a step of a schedule: "crash".
func faultVerb(r *result.Row) string {
	verb, _, _ := strings.Cut(faultText(r), " ")
	return verb
}

// does is what a node does on a row; that of a lost frame is known.
func does(r *result.Row) []string {
	list := make([]string, 0, len(r.Does)+1)
	if r.Kind == result.RowLost {
		list = append(list, "never arrives")
	}
	for _, d := range r.Does {
		list = append(list, clean(d))
	}
	return list
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
