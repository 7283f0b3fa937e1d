package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// The Go test that repro prints compiles, makes the run, and fails as long as the
// run does: for a scenario of the program and for one of the user's own.
func TestGoTest(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the simulator into a test")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "mine.yaml", "# it's `mine`\nfor: 500ms\ntopics: {t: {}}\nproducers: {p: {topic: t, rate_per_second: 100}}\n")
	overlay := make(map[string]string) // files that are not there, seen by go test as if they were
	for _, run := range []struct {
		name string
		args []string
		want string
	}{
		{"broken", []string{"followers-cut", "--plant", "R24-ack-before-isr"}, "BROKEN: no-acked-loss is broken: Acknowledged record "},
		{"own", []string{"mine.yaml"}, "PASS"},
	} {
		brokersim(t, append([]string{"run", "--out", run.name}, run.args...)...)
		code, exit := brokersim(t, "repro", run.name, "--go-test")
		if exit != result.ExitKept {
			t.Fatalf("exit %d", exit)
		}
		write(t, run.name+".go", code)
		pkg := filepath.Join(root, "replayed", run.name)
		overlay[filepath.Join(pkg, "repro_test.go")] = filepath.Join(dir, run.name+".go")
		list, err := json.Marshal(map[string]any{"Replace": overlay})
		if err != nil {
			t.Fatal(err)
		}
		write(t, "overlay.json", string(list))
		test := filepath.Join(dir, run.name+".test")
		cmd := exec.Command("go", "test", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-c", "-o", test, "brokersim/replayed/"+run.name)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, code)
		}
		out, err := exec.Command(test, "-test.v").CombinedOutput()
		if !strings.Contains(string(out), run.want) || (err == nil) != (run.want == "PASS") || strings.Contains(string(out), "another run") {
			t.Errorf("%s: %v\n%s\n%s", run.name, err, out, code)
		}
	}
}
