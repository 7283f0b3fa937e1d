package reports

import (
	"bytes"
	_ "embed" // the page and what its style has more
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"brokersim/checker/result"
)

var (
	//go:embed matrix.tmpl
	matrixText string
	//go:embed matrix.css
	matrixStyle string

	matrixPage = template.Must(template.New("matrix").Funcs(template.FuncMap{"clean": clean}).Parse(matrixText))
)

// MatrixHTML writes a matrix as one page that needs nothing else: a transaction step by step,
// who crashes at each, and what every reader saw of it; then how to repeat a run of each row.
// Quote is as in [CompareText].
func MatrixHTML(w io.Writer, m result.Matrix, quote func(string) string) error {
	var b bytes.Buffer
	if err := matrixPage.Execute(&b, newMatrixView(&m, quote)); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// matrixView is what the page shows.
type matrixView struct {
	M              *result.Matrix
	Style          template.CSS
	Word, Class    string
	Sentence, More string
	Facts          []fact
	Picture        template.HTML
	Repeat         string
	Rows           []*matrixRowView
}

type matrixRowView struct {
	*result.MatrixRow
	Reached, Verdict, Class, Repeat string
	Seen                            []matrixCellView
}

// Lines are those of the schedule.
func (v *matrixRowView) Lines() []string { return strings.Split(v.Schedule, "\n") }

// matrixCellView is what a reader saw, and whether that is as it should be.
type matrixCellView struct{ Text, Class string }

func newMatrixView(m *result.Matrix, quote func(string) string) *matrixView {
	sentence, more, _ := strings.Cut(matrixSentence(m), "\n")
	v := &matrixView{M: m, Style: template.CSS(pageStyle + capacityStyle + compareStyle + matrixStyle), //nolint:gosec // our own files
		Sentence: sentence, More: strings.ReplaceAll(more, "\n", " "), Repeat: fmt.Sprintf("brokersim compare %s --seeds %d", m.Scenario, m.Seeds)}
	switch m.Exit() {
	case result.ExitKept, result.ExitInterrupted:
		v.Word, v.Class = "KEPT", "kept"
	case result.ExitBroken, result.ExitInternal:
		v.Word, v.Class = "BROKEN", "broken"
	default:
		v.Word, v.Class = "UNKNOWN", "doubtful"
	}
	v.Facts = matrixFacts(m)
	rows := slices.Clone(m.Rows)
	slices.SortStableFunc(rows, func(a, b result.MatrixRow) int { return placeOfStep(&a) - placeOfStep(&b) })
	for i := range rows {
		v.Rows = append(v.Rows, newMatrixRow(m, &rows[i], quote))
	}
	v.Picture = drawMatrix(m, v.Rows)
	return v
}

func matrixFacts(m *result.Matrix) []fact {
	crashes, inputs := int64(0), int64(0)
	for i := range m.Rows {
		crashes, inputs = crashes+m.Rows[i].Crashes, inputs+m.Rows[i].Inputs
	}
	seeds := fact{"Seeds of a row", fmt.Sprint(m.Seeds), "the same ones in every row: the same arrivals"}
	if m.Stopped != "" {
		seeds.About = m.Stopped + ": some rows have fewer"
	}
	return []fact{
		{"Runs", fmt.Sprint(m.Runs), fmt.Sprintf("of scenario %s, transaction.version=%d", m.Scenario, m.Version)}, seeds,
		{"Crashes", fmt.Sprint(crashes), "each at the step that its row names"},
		{"Inputs", fmt.Sprint(inputs), fmt.Sprintf("each is to have one output in %s", m.Output)},
	}
}

func newMatrixRow(m *result.Matrix, r *result.MatrixRow, quote func(string) string) *matrixRowView {
	v := &matrixRowView{MatrixRow: r, Reached: reachedText(r), Verdict: "kept", Class: "kept"}
	switch {
	case r.Broken > 0:
		v.Verdict, v.Class = fmt.Sprintf("broken in %d", r.Broken), "broken"
	case r.Unknown > 0:
		v.Verdict, v.Class = fmt.Sprintf("undecided in %d", r.Unknown), "doubtful"
	case r.Runs == 0:
		v.Verdict, v.Class = "", ""
	}
	if r.Repro != "" {
		v.Repeat = "brokersim repro " + quote(r.Repro)
	}
	for j, c := range r.Cells {
		x := matrixCellView{fmt.Sprintf("%d / %d", c.Lost, c.Doubled), "kept"}
		switch {
		case c.Lost > 0, c.Doubled > 0 && m.Columns[j].Committed():
			x.Class = "broken"
		case c.Doubled > 0:
			x.Class = "doubtful"
		case r.Runs == 0, r.Step != result.None && r.Reached == 0:
			x.Class = "quiet"
		}
		v.Seen = append(v.Seen, x)
	}
	return v
}

// The lanes of a transaction, from left to right.
const (
	laneGroup = iota
	laneProcessor
	laneTransactions
	laneLeader
	laneFollower
	matrixLanes
)

// txnStep is a step of a transaction: what has just happened, and the message that did it or
// that goes out now. One without a message is from and to the same lane.
type txnStep struct {
	step     string
	who      int // whose step it is: he crashes
	from, to int
	words    string
}

// txnSteps are in the order in which a processor comes to them.
var txnSteps = []txnStep{
	{"joined", laneProcessor, laneGroup, laneProcessor, "its group has given it partitions"},
	{"polled", laneProcessor, laneLeader, laneProcessor, "it has taken records"},
	{"begun", laneProcessor, laneProcessor, laneProcessor, "it has begun a transaction"},
	{"partitions-added", laneProcessor, laneTransactions, laneProcessor, "the output is part of it"},
	{"offsets-added", laneProcessor, laneTransactions, laneProcessor, "its group is part of it"},
	{"append", laneGroup, laneProcessor, laneGroup, "its positions are in the log"},
	{"offsets-sent", laneProcessor, laneGroup, laneProcessor, "its positions are part of it"},
	{"produce-sent", laneProcessor, laneProcessor, laneLeader, "records are on their way"},
	{"append", laneLeader, laneLeader, laneLeader, "records are in the leader's log"},
	{"append-fetched", laneFollower, laneLeader, laneFollower, "records are in a follower's log"},
	{"acked", laneProcessor, laneLeader, laneProcessor, "records are acknowledged"},
	{"end-sent", laneProcessor, laneProcessor, laneTransactions, "the commit is on its way"},
	{"prepared", laneTransactions, laneTransactions, laneTransactions, "the decision is in its log"},
	{"markers", laneTransactions, laneTransactions, laneLeader, "the decision cannot be lost, markers go out"},
	{"completed", laneTransactions, laneLeader, laneTransactions, "all markers are written"},
	{"ended", laneProcessor, laneTransactions, laneProcessor, "it knows the outcome"},
}

// placeOfStep is the place of a row among the steps: -1 if nobody crashes, their number if
// there is none.
func placeOfStep(r *result.MatrixRow) int {
	if r.Step == result.None {
		return -1
	}
	who := laneProcessor
	switch name, _, _ := strings.Cut(r.Who, "("); name {
	case "coordinator":
		who = laneGroup
	case "txn-coordinator":
		who = laneTransactions
	case "leader":
		who = laneLeader
	case "follower":
		who = laneFollower
	}
	for i := range txnSteps {
		if s := &txnSteps[i]; s.step == r.Step && s.who == who {
			return i
		}
	}
	return len(txnSteps)
}

// Measures of the picture, in pixels.
const (
	matrixHead  = 58
	matrixStepY = 42  // from one row to the next
	matrixTextX = 322 // where lanes begin
	matrixLaneX = 104 // from one lane to the next
	matrixCell  = 124 // from one reader to the next
)

// drawMatrix draws the rows as one transaction from top to bottom.
func drawMatrix(m *result.Matrix, rows []*matrixRowView) template.HTML {
	cells := matrixTextX + matrixLanes*matrixLaneX + 12
	width, height := cells+len(m.Columns)*matrixCell, matrixHead+len(rows)*matrixStepY+8
	var s svg
	heads := [matrixLanes][2]string{{"group", "coordinator"}, {"processor", "reads, writes"}, {"transaction", "coordinator"}, {"leader", m.Output}, {"follower", m.Output}}
	roles := [matrixLanes]string{"controller", "reader", "controller", "broker", "broker"}
	for lane, h := range heads {
		x := matrixX(lane)
		s.draw("rect", "class", "lanehead "+roles[lane], "x", x-48, "y", 6, "width", 96, "height", 42, "rx", 6)
		s.text("lanename", "middle", x, 24, h[0])
		s.text("lanerole", "middle", x, 40, beginning(h[1], 11, 92))
		s.line("lane", x, matrixHead-8, x, height-4)
	}
	for j := range m.Columns {
		x := cells + j*matrixCell + matrixCell/2
		s.text("lanename", "middle", x, 18, beginning(m.Columns[j].Reader, 13, matrixCell-6))
		s.text("lanerole", "middle", x, 33, m.Columns[j].Isolation)
		s.text("axis", "middle", x, 48, "lost / doubled")
	}
	for i := range rows {
		drawMatrixRow(&s, rows[i], matrixHead+i*matrixStepY+matrixStepY/2, cells)
	}
	return picture("spacetime matrix", 0, 0, width, height, "A transaction step by step",
		"Who crashes at each step, and what each reader saw: the table below says the same.", s.done())
}

func matrixX(lane int) int { return matrixTextX + lane*matrixLaneX + matrixLaneX/2 }

func drawMatrixRow(s *svg, r *matrixRowView, y, cells int) {
	words := "nobody crashes"
	if at := placeOfStep(r.MatrixRow); at == len(txnSteps) {
		words = r.Who
	} else if at >= 0 {
		x := &txnSteps[at]
		words = x.words
		if x.from != x.to {
			class := "arrow chain"
			if x.step == "markers" { // they are about to go out
				class += " untold"
			}
			s.arrow(class, matrixX(x.from), y-9, matrixX(x.to), y, 12, 0)
		}
		mark(s, &result.Row{Kind: result.RowFault}, false, matrixX(x.who), y)
	}
	s.text("row chain what", "start", 4, y-3, r.Step)
	s.text("row does", "start", 4, y+14, words)
	for j, c := range r.Seen {
		x := cells + j*matrixCell
		s.draw("rect", "class", "seen "+c.Class, "x", x+8, "y", y-15, "width", matrixCell-16, "height", 30, "rx", 6)
		s.text("seen "+c.Class, "middle", x+matrixCell/2, y+5, c.Text)
	}
}
