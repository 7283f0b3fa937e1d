package gate

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

var update = flag.Bool("update", false, "write what the matrices are compared with")

func matrixOf(t *testing.T, m Matrix, name string) result.Matrix {
	t.Helper()
	var err error
	if m.Spec, err = Catalog(name); err != nil {
		t.Fatal(err)
	}
	out, err := MakeMatrix(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Internal) > 0 {
		t.Fatal(out.Internal)
	}
	return out
}

// Whoever crashes at whatever step of a transaction, who reads what is committed sees an
// output of each input, and no second one. Who reads everything sees those that were aborted:
// the crashes were in the middle of something.
func TestMatrixGolden(t *testing.T) {
	const file = "testdata/matrix.txt"
	var b strings.Builder
	for _, of := range []struct {
		scenario string
		seeds    int64
	}{{"exactly-once", 2}, {"exactly-once-v1", 1}} {
		m := matrixOf(t, Matrix{Seeds: of.seeds}, of.scenario)
		if m.Exit() != result.ExitKept {
			t.Errorf("%s: exit %d", of.scenario, m.Exit())
		}
		fmt.Fprintf(&b, "%s, %d a row: lost/doubled of", of.scenario, m.Seeds)
		for _, c := range m.Columns {
			fmt.Fprintf(&b, " %s %s", c.Reader, c.Isolation)
		}
		b.WriteByte('\n')
		for i := range m.Rows {
			r := &m.Rows[i]
			fmt.Fprintf(&b, "  %-20s  %-16s  reached %d of %d, %d crashes, %d inputs ", r.Who, r.Step, r.Reached, r.Runs, r.Crashes, r.Inputs)
			for j, c := range r.Cells {
				fmt.Fprintf(&b, " %d/%d", c.Lost, c.Doubled)
				aborted := !m.Columns[j].Committed() && (r.Step == "produce-sent" || r.Step == "acked")
				if aborted && c.Doubled == 0 {
					t.Errorf("%s: a crash at %s leaves nothing that is aborted", of.scenario, r.Step)
				}
			}
			b.WriteByte('\n')
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the matrices have moved; if they should, go test ./sim/gate -run MatrixGolden -update\n got:\n%swant:\n%s", b.String(), want)
	}
}

// A broker that gives out what nobody has committed yet is found by what its readers see,
// where outputs are aborted and made again, and only there.
func TestMatrixBites(t *testing.T) {
	m := matrixOf(t, Matrix{Seeds: 1, Plant: []string{"T10-read-unstable"}}, "exactly-once")
	if !m.Wrong() || m.Exit() != result.ExitBroken {
		t.Errorf("exit %d: %+v", m.Exit(), m.Rows)
	}
	for i := range m.Rows {
		r := &m.Rows[i]
		switch cell := r.Cells[0]; r.Step {
		case "acked":
			if cell.Doubled == 0 || cell.Lost > 0 || r.Repro == "" {
				t.Errorf("%+v", r)
			}
		case result.None:
			if cell != (result.MatrixCell{}) {
				t.Errorf("%+v", r)
			}
		}
	}
}

// What cannot be looked at is refused with a reason.
func TestMatrixRefuses(t *testing.T) {
	orders, err := Catalog("orders")
	if err != nil {
		t.Fatal(err)
	}
	once, err := Catalog("exactly-once")
	if err != nil {
		t.Fatal(err)
	}
	unread := *once
	unread.Readers = slices.Clone(once.Readers)
	for i := range unread.Readers {
		unread.Readers[i].Topics = []string{"orders"}
	}
	upstream := *once
	upstream.Producers = slices.Clone(once.Producers)
	upstream.Producers[0].Transactions.Records = 3
	twofold := *once
	twofold.Processors = slices.Clone(once.Processors)
	twofold.Processors[1].Output = "orders"
	for _, c := range []struct {
		m    Matrix
		want string
	}{
		{Matrix{Seeds: 1}, "there is no scenario"},
		{Matrix{Spec: once}, "0 seeds: want 1 or more"},
		{Matrix{Spec: orders, Seeds: 1}, "orders: nobody processes in transactions"},
		{Matrix{Spec: &unread, Seeds: 1}, "exactly-once: nobody reads payments"},
		{Matrix{Spec: &upstream, Seeds: 1}, "exactly-once: producer order-service writes in transactions: what is to be processed is not what is in the log"},
		{Matrix{Spec: &twofold, Seeds: 1}, "exactly-once: processors payment-1 and payment-2 do not do the same work"},
	} {
		if err := c.m.Check(); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// What each of two readers saw of three inputs: the first an output of all, that of the third
// twice, one of the two again after it went back; the second none of the last. Another topic,
// what nobody made of an input, and a read that does not end the run count for nothing.
func TestMatrixCounts(t *testing.T) {
	const in, out, other = 0, 1, 2
	tally := newOutputTally(&history.Header{TPs: []string{"in-0", "out-0", "other-0"}}, []string{"in"}, "out", map[int32]int{7: 0, 8: 1})
	record := func(values ...int64) (list []history.Record) {
		for i, v := range values {
			list = append(list, history.Record{Offset: int64(i), Value: v})
		}
		return list
	}
	event := func(e history.Kind, f history.Func, p int32, fin bool, runs ...history.Run) {
		tally.Event(&history.Event{E: e, F: f, P: p, Fin: fin, Runs: runs})
	}
	tally.Event(&history.Event{E: history.Inv, F: history.Send, Sends: []history.Sent{
		{TP: in, Value: 1}, {TP: out, Value: 11, Of: 1}, {TP: out, Value: 12, Of: 2}, {TP: out, Value: 13, Of: 3}, {TP: out, Value: 14, Of: 3}, {TP: other, Value: 15, Of: 1},
	}})
	event(history.OK, history.Poll, 7, false, history.Run{TP: out, Records: record(11, 12, 13, 14)}, history.Run{TP: other, Records: record(15)})
	event(history.OK, history.Poll, 7, false, history.Run{TP: out, Records: record(13, 14, 99)})
	event(history.OK, history.Poll, 8, false, history.Run{TP: out, Records: record(11, 12)})
	event(history.OK, history.Poll, 9, false, history.Run{TP: out, Records: record(13)})
	event(history.OK, history.Dump, 1, false, history.Run{TP: in, Records: record(1, 2, 3)})
	event(history.OK, history.Dump, 1, true, history.Run{TP: in, Records: record(1, 2, 3)}, history.Run{TP: out, Records: record(11)})
	inputs, cells := tally.finish()
	want := []result.MatrixCell{{Doubled: 1}, {Lost: 1}}
	if inputs != 3 || !slices.Equal(cells, want) {
		t.Errorf("%d inputs, %+v, want 3, %+v", inputs, cells, want)
	}
}
