package reports

import (
	"fmt"
	"io"
	"strings"

	"brokersim/checker/result"
)

// MatrixJSON writes a matrix as one line of JSON.
func MatrixJSON(w io.Writer, m result.Matrix) error { return encode(w, &m) }

// MatrixText writes a matrix for people: whether it is as it should be, then the table, then
// how to repeat a run of what is not. Quote is as in [CompareText].
func MatrixText(w io.Writer, m result.Matrix, quote func(string) string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: a crash at each step of a transaction, transaction.version=%d, %d runs, %s a row\n", m.Scenario, m.Version, m.Runs, seedsText(m.Seeds))
	if m.Stopped != "" {
		fmt.Fprintf(&b, "%s: some rows have fewer\n", m.Stopped)
	}
	b.WriteString(matrixSentence(&m) + "\n\n")
	who, step := len("who crashes"), len("at step")
	for i := range m.Rows {
		who, step = max(who, len(m.Rows[i].Who)), max(step, len(m.Rows[i].Step))
	}
	fmt.Fprintf(&b, "  %-*s  %-*s  %-9s  %7s  %6s", who, "who crashes", step, "at step", "reached", "crashes", "inputs")
	for j := range m.Columns {
		fmt.Fprintf(&b, "  %*s", columnWidth(&m.Columns[j]), m.Columns[j].Isolation)
	}
	b.WriteByte('\n')
	for i := range m.Rows {
		matrixRow(&b, &m, &m.Rows[i], who, step)
	}
	fmt.Fprintf(&b, "\nlost/doubled: inputs of which a reader of %s saw no output, and outputs that it saw beside the first\n"+
		"of their input, in all runs of the row. reached: runs in which somebody crashed at the step.\n", m.Output)
	for i := range m.Rows {
		if r := &m.Rows[i]; r.Broken+r.Unknown > 0 {
			fmt.Fprintf(&b, "%s at %s: %d broken, %d unknown\n  brokersim repro %s\n", r.Who, r.Step, r.Broken, r.Unknown, quote(r.Repro))
		}
	}
	for _, s := range m.Internal {
		fmt.Fprintf(&b, "internal error: %s\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func columnWidth(c *result.MatrixColumn) int { return max(len(c.Isolation), len("lost/doubled")) }

func matrixRow(b *strings.Builder, m *result.Matrix, r *result.MatrixRow, who, step int) {
	fmt.Fprintf(b, "  %-*s  %-*s  %-9s  %7d  %6d", who, r.Who, step, r.Step, reachedText(r), r.Crashes, r.Inputs)
	for j, c := range r.Cells {
		fmt.Fprintf(b, "  %*s", columnWidth(&m.Columns[j]), fmt.Sprintf("%d/%d", c.Lost, c.Doubled))
	}
	b.WriteByte('\n')
}

// reachedText is in how many runs somebody crashed at the step.
func reachedText(r *result.MatrixRow) string {
	if r.Step == result.None {
		return "-"
	}
	return fmt.Sprintf("%d of %d", r.Reached, r.Runs)
}

// matrixSentence is what the matrix comes to.
func matrixSentence(m *result.Matrix) string {
	doubled, committed, unreached := int64(0), false, 0
	for i := range m.Rows {
		r := &m.Rows[i]
		if r.Step != result.None && r.Reached == 0 {
			unreached++
		}
		for j, c := range r.Cells {
			if m.Columns[j].Committed() {
				committed = true
			} else {
				doubled += c.Doubled
			}
		}
	}
	var text string
	switch {
	case m.Wrong():
		text = "Exactly once is broken: a reader misses an output, or sees two that are committed."
	case committed:
		text = "Exactly once is kept: who reads what is committed misses no output and sees none twice."
	default:
		text = "Nobody reads what is committed alone."
	}
	if doubled > 0 {
		text += fmt.Sprintf("\nWho reads everything sees %d outputs of transactions that were aborted and made again.", doubled)
	}
	if unreached > 0 {
		text += fmt.Sprintf("\nNobody came to %d of the steps: they show nothing.", unreached)
	}
	return text
}
