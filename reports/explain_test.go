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
