package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// explained are the explanations of testdata/why, by file.
func explained(t testing.TB) map[string]*result.Explanation {
	files, err := filepath.Glob("testdata/why/*.json")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	all := make(map[string]*result.Explanation)
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e := &result.Explanation{}
		d := json.NewDecoder(bytes.NewReader(src))
		d.DisallowUnknownFields()
		if err := d.Decode(e); err != nil {
			t.Fatal(file, err)
		}
		all[strings.TrimSuffix(file, ".json")] = e
	}
	return all
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || !bytes.Equal(want, got) {
		t.Errorf("%s: %v\n got\n%s\nwant\n%s", file, err, got, want)
	}
}

func TestExplanationText(t *testing.T) {
	for name, e := range explained(t) {
		var b, colored bytes.Buffer
		if err := errors.Join(ExplanationText(&b, e, Style{}), ExplanationText(&colored, e, Style{Color: true})); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", b.Bytes())
		plain := colored.String()
		for _, code := range []string{bold, red, "0"} {
			plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
		}
		if plain != b.String() || plain == colored.String() {
			t.Errorf("%s: color changes more than color:\n%s", name, plain)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > pageWidth && !strings.Contains(line, "brokersim repro") {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}

// An explanation that nobody filled in has lists, not nulls, and what is written
// reads back the same.
func TestExplanationJSON(t *testing.T) {
	all := explained(t)
	all["empty"] = &result.Explanation{Story: result.Story{Strips: []result.Strip{{}}}, Nearest: []result.Variant{{}}, Result: result.Result{Findings: []result.Finding{{}}}}
	for name, e := range all {
		var b, again bytes.Buffer
		back := &result.Explanation{}
		err := ExplanationJSON(&b, e)
		if err = errors.Join(err, json.Unmarshal(b.Bytes(), back), ExplanationJSON(&again, back)); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%s: %v\n%s\n%s", name, err, b.String(), again.String())
		}
		if strings.Contains(b.String(), "null") || strings.Count(b.String(), "\n") != 1 || len(back.Story.Rows) != len(e.Story.Rows) {
			t.Errorf("%s: %s", name, b.String())
		}
	}
	if all["empty"].Story.Strips[0].Cells != nil {
		t.Error("the caller's explanation was changed")
	}
}

// A fault is said to be needed only if a shrink has tried to do without each to its
// end.
func TestFaultsNotTried(t *testing.T) {
	e := explained(t)["testdata/why/no-acked-loss"]
	for _, shrunk := range []result.Shrunk{{Replays: 61}, {Replays: 61, Cut: "budget"}, {Replays: 61, Cut: "stopped"}, {}} {
		tried := *e
		tried.Shrunk = shrunk
		var text bytes.Buffer
		if err := ExplanationText(&text, &tried, Style{}); err != nil {
			t.Fatal(err)
		}
		want := shrunk.Replays > 0 && shrunk.Cut == ""
		html := htmlOf(t, &tried)
		for where, got := range map[string]bool{
			"text": strings.Contains(text.String(), "\n  Needed  "), "page": strings.Contains(html, "<h3>Needed</h3>"),
			"text that has them": !strings.Contains(text.String(), "\n  Faults  "), "page that has them": !strings.Contains(html, "not tried to the end"),
		} {
			if got != want {
				t.Errorf("%+v: %s: needed is %v, want %v", shrunk, where, got, want)
			}
		}
	}
}

// Of other settings that failed the passing runs are counted as what they are, the
// costs are of one run, and the page promises nothing.
func TestTriedInVain(t *testing.T) {
	v := result.Variant{Set: []string{"producer.acks=1"}, Verdict: result.Broken, Runs: 8, Passed: 3, Costs: "1 lost"}
	if got, want := variantLine(&v), "--set producer.acks=1   -> passes in 3 of 8 runs; the run itself: 1 lost"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	e := *explained(t)["testdata/why/no-acked-loss"]
	const kept, not = "<h2>What would have kept the promise</h2>", "<h2>What would not have kept the promise either</h2>"
	if html := htmlOf(t, &e); !strings.Contains(html, kept) || strings.Contains(html, not) {
		t.Error("what has kept the promise is not said to have")
	}
	e.AsItIs = &result.Variant{Verdict: result.Broken, Runs: 8, Passed: 2}
	var text, plain bytes.Buffer
	if err := errors.Join(ExplanationText(&text, &e, Style{}), ExplanationJSON(&plain, &e)); err != nil {
		t.Fatal(err)
	}
	if html := htmlOf(t, &e); !strings.Contains(text.String(), "\n                without a change   -> passes in 2 of 8 runs\n") || !strings.Contains(html, ">none<") || !strings.Contains(html, ">2 of 8<") || strings.Contains(plain.String(), "null") {
		t.Errorf("how often it passes without a change is not said:\n%s", text.String())
	}
	e.Nearest = []result.Variant{v}
	if html := htmlOf(t, &e); strings.Contains(html, kept) || !strings.Contains(html, not) {
		t.Error("what has not kept the promise is said to have")
	}
}

// A point of no return needs forks enough to believe it.
func TestPointOfNoReturn(t *testing.T) {
	e := *explained(t)["testdata/why/no-acked-loss"]
	for _, x := range []struct {
		forks        int
		broken       [3]int
		named, doubt bool
	}{
		{1, [3]int{0, 1, 1}, false, true}, {34, [3]int{1, 34, 34}, false, true}, {35, [3]int{1, 35, 35}, true, false},
		{400, [3]int{1, 400, 400}, true, false}, {400, [3]int{1, 400, 399}, false, false}, {3, [3]int{3, 3, 2}, false, false},
	} {
		e.Likelihood = nil
		for i, n := range x.broken {
			e.Likelihood = append(e.Likelihood, result.Chance{Row: i - 1, Forks: x.forks, Violated: n})
		}
		var text bytes.Buffer
		if err := ExplanationText(&text, &e, Style{}); err != nil {
			t.Fatal(err)
		}
		html := htmlOf(t, &e)
		const doubt = "Too few forks to name the point of no return: that takes 35 after each row."
		if named := strings.Contains(text.String(), "<- point of no return"); named != x.named || strings.Contains(html, "(the point of no return)") != x.named || strings.Contains(html, ">the point of no return<") != x.named {
			t.Errorf("%+v: named %v\n%s", x, named, text.String())
		}
		if doubted := strings.Contains(text.String(), doubt); doubted != x.doubt || strings.Contains(html, doubt) != x.doubt {
			t.Errorf("%+v: doubted %v\n%s", x, doubted, text.String())
		}
	}
}
