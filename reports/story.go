package reports

import (
	"fmt"
	"slices"

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
