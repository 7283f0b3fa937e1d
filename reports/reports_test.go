package reports

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
)

var update = flag.Bool("update", false, "write the golden files")

func read(t *testing.T, file string) (result.Result, []byte) {
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r result.Result
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(file, err)
	}
	return r, src
}

// Each testdata/X.json is a result; X.txt is how people see it. JSON writes the
// very bytes of the file: names and order are a contract with programs.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		r, src := read(t, file)
		var b bytes.Buffer
		if err := JSON(&b, r); err != nil || !bytes.Equal(b.Bytes(), src) {
			t.Errorf("%s: %v\n got %s\nwant %s", file, err, b.Bytes(), src)
		}
		d := Details{Subject: "h.jsonl"}
		if r.Scenario != "" {
			d = Details{
				About: "a shop and its readers",
				Changed: []Setting{
					{"broker.replica.lag.time.max.ms", "1000", "30000", "profile short"},
					{"producer.acks", "1", "all", "--set"},
				},
				Repeat: "brokersim run " + r.Scenario + " --seed " + r.Seed,
			}
		}
		b.Reset()
		if err := Text(&b, r, d, Style{}); err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(file, ".json") + ".txt"
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %v\n got\n%s\nwant\n%s", golden, err, b.Bytes(), want)
		}
		var colored bytes.Buffer
		if err := Text(&colored, r, d, Style{Color: true}); err != nil {
			t.Fatal(err)
		}
		plain := colored.String()
		for _, code := range []string{bold, red, green, yellow, "0"} {
			plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
		}
		if plain == colored.String() || plain != b.String() {
			t.Errorf("%s: color changes more than color:\n%s", file, plain)
		}
	}
}

// A result that nobody filled in has lists, not nulls.
func TestJSONOfNothing(t *testing.T) {
	var b bytes.Buffer
	r := result.Result{Findings: []result.Finding{{Violations: []result.Violation{{What: "a<b"}}}, {}}}
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "null") || !strings.Contains(s, `"what":"a<b"`) || strings.Count(s, "\n") != 1 {
		t.Error(s)
	}
	if r.Findings[0].Violations[0].Witness != nil {
		t.Error("the caller's result was changed")
	}
}

// A loss that the configuration allows is no broken promise, and is said in the
// first sentence all the same.
func TestAllowedLossIsSaid(t *testing.T) {
	r, _ := read(t, "testdata/kept.json")
	r.Ledger.LostAllowed = 3
	var b bytes.Buffer
	if err := Text(&b, r, Details{}, Style{}); err != nil || !strings.Contains(b.String(), "990 of 1000 records were acknowledged (0 rejected, 10 unknown); 3 of them were lost, which this configuration allows.") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// Nobody waits for a producer that is down: that no time was unavailable is no
// merit then, and the ledger says so.
func TestStoppedProducerIsSaid(t *testing.T) {
	for fault, want := range map[string]bool{
		"1.700s crash order-service(p1001)":          true,
		"0.858881s power-loss p1001":                 true,
		"1.000s pause b1,p1001":                      true,
		"1.000s pause *(b1,b2,c101,p1001,k1002)":     true,
		"1.000s crash svc-1(=p1001)":                 true,
		"1.700s restart order-service(p1001)":        false,
		"1.700s crash shop-p1(k1001)":                false,
		"1.700s crash leader(p1-0=b1)":               false,
		"1.700s cut p1001 b1":                        false,
		"1.700s crash b1":                            false,
		"# 1.700s crash shop(p1001): not applied: x": false,
	} {
		var b bytes.Buffer
		err := Text(&b, result.Result{Faults: []string{"0.100s crash b1", fault}}, Details{}, Style{})
		if got := strings.Contains(b.String(), "a producer was down or paused"); err != nil || got != want {
			t.Errorf("%s: said %v, want %v, %v\n%s", fault, got, want, err, b.String())
		}
	}
}
