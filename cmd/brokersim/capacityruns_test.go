package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// smallStudy ends at some hundred records a second, where its disk does.
const smallStudy = `partitionsPerTopic: 6
messageSize: 1000
producersPerTopic: 2
consumerPerSubscription: 2
slo: {e2e_p99_ms: 50}
cluster: {profile: aws-i3en.2xlarge}
explore: 4s
measure: 4s
warm: 1s
retention: 1h
seeds: [1, 2]
`

// A study comes to the same bytes however many runs are made at a time: its text, its
// page, its JSON, its plots in each form, and what every run has measured.
func TestJobsChangeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("a study, twice")
	}
	study := filepath.Join(t.TempDir(), "small.yaml")
	if err := os.WriteFile(study, []byte(smallStudy), 0o666); err != nil {
		t.Fatal(err)
	}
	make := func(jobs string) map[string]string {
		dir := t.TempDir()
		var stdout, stderr bytes.Buffer
		args := []string{"capacity", study, "--set", "disk.write_MBps=1", "--set", "disk.count=1", "--set", "memory.ram_GiB=8", "--out", dir, "--quiet", "-j", jobs}
		if code := Main(args, strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
			t.Fatalf("-j %s: code %d, %s", jobs, code, stderr.String())
		}
		files := map[string]string{"stdout": stdout.String()}
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				var b []byte
				b, err = os.ReadFile(filepath.Join(dir, path))
				files[path] = string(b)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	one, two := make("1"), make("2")
	names := slices.Sorted(maps.Keys(one))
	if other := slices.Sorted(maps.Keys(two)); !slices.Equal(names, other) {
		t.Fatalf("other files: %v and %v", names, other)
	}
	for _, name := range names {
		if one[name] != two[name] {
			t.Errorf("%s is another with -j 2", name)
		}
	}
	for _, name := range []string{"result.json", "report.html", "report.txt", "plots/latency-e2e.svg", "plots/latency-e2e.png", "plots/latency-e2e.csv", "runs/001-latency.hlog", "runs/001-e2e.hgrm", "runs/001-seconds.csv"} {
		if one[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	runs := strings.Count(one["runs/index.csv"], "\n") - 1
	if n := strings.Count(strings.Join(names, "\n"), ".hlog"); n != runs || n < 20 || n > 120 {
		t.Errorf("%d logs of %d runs", n, runs)
	}
}
