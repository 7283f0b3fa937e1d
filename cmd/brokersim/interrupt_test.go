//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// An interrupted run comes to exit 130 with nothing on stdout; what was seen
// until then is in the history, whole lines of it.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long.yaml")
	text := "for: 1h\ntopics: {t: {}}\nproducers: {p: {topic: t, rate_per_second: 1000}}\n"
	if err := os.WriteFile(long, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	hist := filepath.Join(dir, "h.jsonl")
	cmd := exec.Command("brokersim", "run", long, "--history", hist, "--trace", "log", "--out", filepath.Join(dir, "out"))
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := ""
	lines := bufio.NewScanner(stderr)
	for i := 0; lines.Scan(); i++ {
		if i == 10_000 { // it has begun
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
		last = lines.Text()
	}
	err = cmd.Wait()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || failed.ExitCode() != result.ExitInterrupted || !strings.HasPrefix(last, "brokersim: interrupted at ") || stdout.Len() > 0 {
		t.Errorf("%v\n%s\n%s", err, last, stdout.String())
	}
	seen, err := os.ReadFile(hist)
	if err != nil || !bytes.HasSuffix(seen, []byte("}\n")) {
		t.Errorf("%v: the history ends in %q", err, seen[max(0, len(seen)-100):])
	}
	repeat := "brokersim run " + shellWord(long) + " --seed 0x1"
	interrupted := strings.TrimPrefix(last, "brokersim: ")
	partial := map[string]string{
		"summary.md":        "# " + strings.TrimSuffix(long, ".yaml") + ", seed 0x1: no result\n\n```\n" + interrupted + "\nnothing was judged; the history ends there\n\nRepeat  " + repeat + "\n```\n",
		"repro.txt":         repeat + "\n",
		"schedule.orig.txt": "",
		"env.json":          environment(),
	}
	left, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil || len(left) != len(partial) {
		t.Errorf("%v: %v is left of a run without a result", err, left)
	}
	for name, want := range partial {
		if text, err := os.ReadFile(filepath.Join(dir, "out", name)); err != nil || string(text) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, text, want)
		}
	}
}
