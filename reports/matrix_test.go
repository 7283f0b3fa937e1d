package reports

import (
	"bytes"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// A matrix in which everything is wrong that can be: a reader of committed records misses
// one and sees two twice, a step that nobody came to, runs that broke their promise, runs
// without a verdict, and a mistake of the harness.
func TestMatrix(t *testing.T) {
	m := result.Matrix{
		V: result.Version, Scenario: "exactly-once", Version: 2, Output: "payments", Seeds: 2, Runs: 7, Stopped: "interrupted",
		Columns: []result.MatrixColumn{{Reader: "ledger", Isolation: "read_committed"}, {Reader: "auditor", Isolation: "read_uncommitted"}},
		Rows: []result.MatrixRow{
			{Who: result.None, Step: result.None, Runs: 2, Inputs: 1234, Cells: make([]result.MatrixCell, 2)},
			{Who: "payment-1, payment-2", Step: "acked", Runs: 2, Reached: 2, Crashes: 4, Inputs: 1234, Broken: 1, Repro: "bs1:exactly-once:0x2",
				Cells: []result.MatrixCell{{Lost: 1, Doubled: 2}, {Doubled: 17}}},
			{Who: "payment-1, payment-2", Step: "ended", Runs: 2, Inputs: 1234, Cells: make([]result.MatrixCell, 2)},
			{Who: "txn-coordinator", Step: "markers", Runs: 1, Reached: 1, Crashes: 1, Inputs: 617, Unknown: 1, Repro: "bs1:exactly-once:0x1", Cells: make([]result.MatrixCell, 2)},
		},
		Internal: []string{"txn-coordinator at markers, seed 2: panic: no"},
	}
	quote := func(s string) string { return "'" + s + "'" }
	var b bytes.Buffer
	if err := MatrixText(&b, m, quote); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/matrix.txt", b.Bytes())
	b.Reset()
	if err := MatrixHTML(&b, m, quote); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/matrix.html", b.Bytes())
}

// The page tells a transaction in the order of its steps, whatever the order of the rows, and
// what it does not know comes last.
func TestMatrixOrder(t *testing.T) {
	m := result.Matrix{Scenario: "<s>", Columns: []result.MatrixColumn{{Reader: "<r>", Isolation: "read_committed"}}}
	for _, r := range [][2]string{{"x", "someday"}, {"follower(out-0)", "append-fetched"}, {"leader(out-0)", "append"}, {"p", "ended"}, {"coordinator", "append"}, {"txn-coordinator", "prepared"}, {result.None, result.None}, {"p", "joined"}} {
		m.Rows = append(m.Rows, result.MatrixRow{Who: r[0], Step: r[1], Cells: make([]result.MatrixCell, 1)})
	}
	v := newMatrixView(&m, strings.ToUpper)
	var got []string
	for _, r := range v.Rows {
		got = append(got, r.Step)
	}
	if want := "none joined append append append-fetched prepared ended someday"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	if v.Rows[2].Who != "coordinator" {
		t.Errorf("%s appends first: positions are added before the records", v.Rows[2].Who)
	}
	if !strings.Contains(string(v.Picture), "&lt;r&gt;") {
		t.Error("a name is markup")
	}
}

// What a matrix comes to: the worst of its rows.
func TestMatrixExit(t *testing.T) {
	of := func(change func(m *result.Matrix)) int {
		m := result.Matrix{
			Columns: []result.MatrixColumn{{Isolation: "read_committed"}, {Isolation: "read_uncommitted"}},
			Rows:    []result.MatrixRow{{Step: result.None, Cells: make([]result.MatrixCell, 2)}, {Step: "acked", Reached: 1, Cells: make([]result.MatrixCell, 2)}},
		}
		change(&m)
		return m.Exit()
	}
	for _, c := range []struct {
		name   string
		want   int
		change func(m *result.Matrix)
	}{
		{"nothing", result.ExitKept, func(*result.Matrix) {}},
		{"doubled, to who reads everything", result.ExitKept, func(m *result.Matrix) { m.Rows[1].Cells[1].Doubled = 1 }},
		{"doubled, to who reads what is committed", result.ExitBroken, func(m *result.Matrix) { m.Rows[1].Cells[0].Doubled = 1 }},
		{"lost", result.ExitBroken, func(m *result.Matrix) { m.Rows[1].Cells[0].Lost = 1 }},
		{"lost, to who reads everything", result.ExitBroken, func(m *result.Matrix) { m.Rows[1].Cells[1].Lost = 1 }},
		{"broken", result.ExitBroken, func(m *result.Matrix) { m.Rows[0].Broken, m.Rows[1].Unknown = 1, 1 }},
		{"unknown", result.ExitInconclusive, func(m *result.Matrix) { m.Rows[0].Unknown = 1 }},
		{"nobody came to it", result.ExitInconclusive, func(m *result.Matrix) { m.Rows[1].Reached = 0 }},
		{"the harness", result.ExitInternal, func(m *result.Matrix) { m.Internal, m.Rows[0].Broken = []string{"no"}, 1 }},
		{"interrupted", result.ExitInterrupted, func(m *result.Matrix) { m.Stopped = "interrupted" }},
	} {
		if got := of(c.change); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.want)
		}
	}
}
