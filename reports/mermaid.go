package reports

import (
	"fmt"
	"io"
	"strings"

	"brokersim/checker/result"
)

// Bounds of a diagram: GitHub draws none of more than 50,000 characters, and
// nobody reads one of more than a few dozen lines.
const (
	mostMermaidRows  = 40
	mostMermaidLanes = 16
	mostMermaidText  = 200 // characters of one text
)

// Mermaid writes the causal chain as a sequence diagram for Mermaid, which GitHub
// and GitLab draw in Markdown: lanes are participants, faults and what nodes do
// are notes, and the violation has a background. It writes nothing if there is no
// story. It is under 50 kB.
func Mermaid(w io.Writer, e *result.Explanation) error {
	_, err := io.WriteString(w, mermaid(tell(&e.Story)))
	return err
}

func mermaid(t *told) string {
	rows := t.chain()
	d := &mermaidDiagram{told: t}
	d.takeLanes(rows)
	if len(rows) == 0 || len(d.lanes) == 0 {
		return ""
	}
	d.f("sequenceDiagram\n")
	for n, l := range d.lanes {
		name := mermaidText(short(clean(l.Node), 40))
		if l.Name != "" && l.Name != l.Node {
			name += "<br/>" + mermaidText(short(clean(l.Name), 40))
		}
		d.f("  participant n%d as %s\n", n, name)
	}
	for n, i := range aroundViolation(t, rows) {
		if n > 0 && i < 0 {
			d.note(nil, "… more rows, which are not shown here")
			continue
		}
		d.row(i)
	}
	return d.b.String()
}

// aroundViolation are the rows, or so many of them that a reader sees how it
// began and how it broke; -1 stands for those left out.
func aroundViolation(t *told, rows []int) []int {
	if len(rows) <= mostMermaidRows {
		return rows
	}
	broken := len(rows) - 1
	for n, i := range rows {
		if t.Rows[i].Violation {
			broken = n
		}
	}
	const half = mostMermaidRows / 2
	start := min(max(half, broken-half+3), len(rows)-half)
	list := append([]int{}, rows[:half]...)
	if start > half {
		list = append(list, -1)
	}
	list = append(list, rows[start:start+half]...)
	if start+half < len(rows) {
		list = append(list, -1)
	}
	return list
}

type mermaidDiagram struct {
	*told
	b     strings.Builder
	lanes []result.Lane // those that the rows are about
}

// takeLanes keeps the lanes of some rows, in their order.
func (d *mermaidDiagram) takeLanes(rows []int) {
	is := make(map[string]bool)
	for _, i := range rows {
		r := &d.Rows[i]
		is[r.Node], is[r.From] = true, true
		if r.Kind == result.RowFault && r.Node == "" && len(d.touched(r)) <= 3 {
			for _, n := range d.touched(r) {
				is[n] = true
			}
		}
	}
	for _, l := range d.told.lanes {
		if is[l.Node] && len(d.lanes) < mostMermaidLanes {
			d.lanes = append(d.lanes, l)
		}
	}
}

func (d *mermaidDiagram) f(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// id is the name of a lane in the diagram: no name of a node can be a keyword.
func (d *mermaidDiagram) id(node string) (string, bool) {
	for n, l := range d.lanes {
		if l.Node == node {
			return fmt.Sprintf("n%d", n), true
		}
	}
	return "", false
}

func (d *mermaidDiagram) row(i int) {
	r := &d.Rows[i]
	what := d.clock(r.AtNS) + " s " + clean(r.What)
	doing := strings.Join(d.does[i], ", ")
	if r.Violation {
		d.f("  rect rgba(220, 40, 40, 0.25)\n")
		doing = strings.TrimSuffix("✖ the violation: "+doing, ": ")
	}
	from, to, frame := ends(r)
	a, known := d.id(from)
	b, both := d.id(to)
	switch {
	case frame && known && both && from != to:
		arrow := "->>"
		if r.Kind == result.RowLost {
			arrow = "-x"
		}
		d.f("  %s%s%s: %s\n", a, arrow, b, mermaidLines(what))
		if doing != "" {
			d.note([]string{r.Node}, doing)
		}
	default:
		if doing != "" {
			what += ": " + doing
		}
		nodes := []string{r.Node}
		if r.Kind == result.RowFault {
			nodes, what = d.touched(r), "⚡ "+what
		}
		d.note(nodes, what)
	}
	if r.Violation {
		d.f("  end\n")
	}
}

// note writes a text over lanes; over all, if it knows none of the nodes.
func (d *mermaidDiagram) note(nodes []string, text string) {
	first, last := "", ""
	for _, node := range nodes {
		if id, ok := d.id(node); ok {
			if first == "" {
				first = id
			}
			last = id
		}
	}
	if first == "" {
		first, last = "n0", fmt.Sprintf("n%d", len(d.lanes)-1)
	}
	over := first
	if last != first {
		over += "," + last
	}
	d.f("  Note over %s: %s\n", over, mermaidLines(text))
}

// mermaidLines is a text in lines that are not too wide for a lane.
func mermaidLines(text string) string {
	lines := wrap(short(text, mostMermaidText), 44)
	for i := range lines {
		lines[i] = mermaidText(lines[i])
	}
	return strings.Join(lines, "<br/>")
}

// mermaidText keeps a text from being anything but text: Mermaid ends a statement
// at a semicolon, reads directives, entities, HTML and formulas, and GitHub reads
// the end of a block. What is escaped is what Mermaid documents: #35; is #.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		if strings.ContainsRune("#;<>&%`$\\\"'", r) {
			fmt.Fprintf(&b, "#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}
