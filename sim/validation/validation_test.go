package validation

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"brokersim/checker/result"
	"brokersim/sim/profile"
)

var (
	update = flag.Bool("update", false, "write data/predicted.json")
	fitAll = flag.Bool("fit", false, "fit the parameters anew and write data/fit.json (minutes)")
)

func writeJSON(t *testing.T, file string, value any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The values of sim/profile are those that the fit found, and they were fitted to
// rows that may be fitted to.
func TestFit(t *testing.T) {
	costs, err := profile.Costs("kafka")
	if err != nil {
		t.Fatal(err)
	}
	if *fitAll {
		var fitted []result.Fitted
		for _, f := range fittings() {
			list, err := f.fit(costs)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", list)
			fitted = append(fitted, list...)
		}
		writeJSON(t, "data/fit.json", fitted)
		return
	}
	list := Fit()
	for _, f := range fittings() {
		for _, id := range f.rows {
			if r := rows().row(id); r.Role != "calibrate" || r.FromMemory {
				t.Errorf("%s may not be fitted to: its role is %s", id, r.Role)
			}
		}
		for _, p := range f.parameters {
			if len(list) == 0 {
				t.Fatalf("%s was not fitted", p.field)
			}
			x := list[0]
			list = list[1:]
			value := costs.Get(p.field)
			if x.Parameter != string(p.field) || !slices.Equal(x.Rows, f.rows) || x.Value != value.Number.String()+" "+p.unit || !strings.HasPrefix(value.Note, "fitted") {
				t.Errorf("fitted %+v; the profile has %s %v (%s)", x, p.field, value.Number, value.Note)
			}
		}
	}
}

// What is stored is what the model says today. A short test looks at the cheap runs.
func TestPredicted(t *testing.T) {
	got := make(map[string]string)
	var skipped []simulated
	for _, f := range formulas() {
		got[f.key()] = f.value().FloatString(6)
	}
	for _, c := range cases() {
		if testing.Short() && c.rate > 10_000 {
			skipped = append(skipped, c.figures...)
			continue
		}
		point, err := c.do()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.figures {
			got[f.key()] = f.of(point).FloatString(6)
		}
	}
	if *update {
		writeJSON(t, "data/predicted.json", got)
		return
	}
	want := maps.Clone(predicted())
	for _, f := range skipped {
		delete(want, f.key())
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if got[key] != want[key] {
			t.Errorf("%s: %s, stored is %q: go test ./sim/validation -update, and say why", key, got[key], want[key])
		}
	}
	for key := range want {
		if got[key] == "" {
			t.Errorf("%s is stored, and nobody predicts it", key)
		}
	}
}

// Every row is in the table, with its source and with a prediction or a reason.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	predictions := 0
	for _, v := range Table() {
		seen[v.Row] = true
		if v.What == "" || v.Source == "" || v.Measured == "" || v.Verdict == "" || v.Role != "calibrate" && v.Role != "reference" {
			t.Errorf("%+v", v)
		}
		if v.Predicted != "" {
			predictions++
			t.Logf("%-20s %-32s measured %10s predicted %10s %5d/1000 %-12s %s", v.Row, v.Quantity, v.Measured, v.Predicted, *v.ErrorMil, v.Gate, v.Verdict)
		}
	}
	if len(seen) != len(rows().Rows) || predictions != len(figures()) {
		t.Errorf("%d of %d rows, %d of %d predictions", len(seen), len(rows().Rows), predictions, len(figures()))
	}
	for id := range reasons() {
		if !seen[id] {
			t.Errorf("there is no row %s", id)
		}
		for _, f := range figures() {
			if f.Row == id {
				t.Errorf("%s is predicted, and has a reason why not", id)
			}
		}
	}
}

func TestGate(t *testing.T) {
	for _, x := range []struct {
		g                   gate
		predicted, measured int64
		want                bool
	}{
		{calibrated, 1150, 1000, true}, {calibrated, 1151, 1000, false}, {calibrated, 850, 1000, true}, {calibrated, 849, 1000, false},
		{tail, 15, 10, true}, {tail, 16, 10, false}, {tail, 7, 10, true}, {tail, 6, 10, false},
	} {
		if got := x.g.holds(big.NewRat(x.predicted, 1), big.NewRat(x.measured, 1)); got != x.want {
			t.Errorf("%v: %d for %d: %v", x.g, x.predicted, x.measured, got)
		}
	}
	for g, want := range map[gate]string{calibrated: "within 15 %", tail: "within x1.5", reported: "", exact: "within 1 %"} {
		if g.String() != want {
			t.Errorf("%q, want %q", g.String(), want)
		}
	}
	for x, want := range map[*big.Rat]int64{big.NewRat(351, 1000): 351, big.NewRat(-3, 10000): 0, big.NewRat(-6, 10000): -1, big.NewRat(6, 10000): 1} {
		if got := thousandths(x); got != want {
			t.Errorf("%v: %d, want %d", x, got, want)
		}
	}
	if got := decimal(big.NewRat(618_991, 1), 3) + " " + decimal(big.NewRat(2146, 1000), 3) + " " + decimal(big.NewRat(-1234567, 1000), 2); got != "618,991 2.146 -1,234.57" {
		t.Error(got)
	}
}

func TestMeasured(t *testing.T) {
	for _, x := range []struct{ row, path, want string }{
		{"S2-kafka-200k", "publish_ms.p50", "2.146"}, {"S4-curve-m5.xlarge", "publish_p99_ms.96", "25.800"}, {"S2-kafka-peak", "rec_s", "618991.000"},
	} {
		if got := rows().row(x.row).measured(x.path).FloatString(3); got != x.want {
			t.Errorf("%s %s: %s", x.row, x.path, got)
		}
	}
}
