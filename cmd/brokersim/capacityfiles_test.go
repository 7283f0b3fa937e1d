package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// What a study writes can be read back: report gives the same page and text, and
// refuses what is of a run.
func TestCapacityFiles(t *testing.T) {
	src, err := os.ReadFile("../../reports/testdata/capacity/sample.json") // made by hand, no result
	if err != nil {
		t.Fatal(err)
	}
	c := new(result.Capacity)
	if err := json.Unmarshal(src, c); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a := &app{stderr: &bytes.Buffer{}}
	if err := a.writeCapacity("--out", dir, c); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if read(resultFile) != string(src) {
		t.Error("result.json is not the study")
	}
	for _, x := range []struct{ file, format string }{{reportFile, "html"}, {"report.txt", "text"}} {
		var stdout, stderr bytes.Buffer
		if code := Main([]string{"report", dir, "--format", x.format}, strings.NewReader(""), &stdout, &stderr); code != 0 || stdout.String() != read(x.file) || stdout.Len() < 5000 {
			t.Errorf("%s: code %d, %d bytes, %s", x.format, code, stdout.Len(), stderr.String())
		}
	}
	page := read(reportFile)
	for _, name := range []string{"latency-ack", "loss", "sensitivity"} {
		if !strings.HasPrefix(read("plots/"+name+".svg"), "<svg xmlns=") || !strings.HasPrefix(read("plots/"+name+".png"), "\x89PNG") || !strings.Contains(read("plots/"+name+".csv"), ",") || strings.Count(page, `download="`+name+`.csv"`) != 1 {
			t.Errorf("%s is not complete", name)
		}
	}
	for _, format := range []string{"svg", "mermaid", "summary", "junit"} {
		var stdout, stderr bytes.Buffer
		if code := Main([]string{"report", dir, "--format", format}, strings.NewReader(""), &stdout, &stderr); code != result.ExitUsage || !strings.Contains(stderr.String(), "is of a capacity study: --format html or text") || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: code %d, %s", format, code, stderr.String())
		}
	}
}
