package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// brokersim runs the program in this process, in the directory of the test.
func brokersim(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(args, strings.NewReader(""), &out, &errs)
	if code != result.ExitKept && code != result.ExitBroken {
		t.Errorf("brokersim %q: exit %d\n%s", args, code, errs.String())
	}
	return out.String(), code
}

func runJSON(t *testing.T, args ...string) result.Result {
	t.Helper()
	stdout, code := brokersim(t, append(args, "--json")...)
	var r result.Result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Exit != code {
		t.Fatalf("brokersim %q: exit %d, %v\n%s", args, code, err, stdout)
	}
	return r
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// The last line of a report, given to a shell as it is, makes the same report.
func TestRepeatRepeats(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	t.Chdir(t.TempDir())
	write(t, "it's mine.yaml", "for: 500ms\ntopics: {t: {}}\nproducers: {p: {topic: t, rate_per_second: 100}}\n")
	write(t, "server.properties", "min.insync.replicas=2\n")
	for _, args := range [][]string{
		{"run", "orders"},
		{"run", "it's mine.yaml", "--seed", "0xfeedfacecafebeef", "--server-properties", "server.properties",
			"--set", "producer.acks=all", "--set", "producer.p.linger.ms=3", "--faults", "100ms crash b1 # it's away\n300ms restart *",
			"--plant", "T01-forget-sequence", "--promise", "no-acked-loss,no-skip", "--promise", "no-phantom"},
	} {
		want, code := brokersim(t, args...)
		_, line, found := strings.Cut(want, "\nRepeat  ")
		if !found || !strings.HasSuffix(line, "\n") {
			t.Fatalf("a report does not end in the line that repeats it:\n%s", want)
		}
		got, err := exec.Command("sh", "-c", line).Output()
		if string(got) != want || (err == nil) != (code == 0) {
			t.Errorf("%s\n%v\n got %s\nwant %s", line, err, got, want)
		}
	}
}

// judge, which knows nothing but the history, agrees with the run about all that
// a history shows.
func TestJudgeAgreesWithRun(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"run", "orders", "--seed", "7"},
		{"run", "acks1-leader-crash", "--seed", "3"},
		{"run", "orders", "--faults", "leader-isolated", "--set", "topic.orders.unclean.leader.election.enable=true"},
	} {
		ran := runJSON(t, append(args, "--history", "h.jsonl")...)
		judged := runJSON(t, "judge", "h.jsonl")
		if judged.Ledger != ran.Ledger || judged.LatencyUS != ran.LatencyUS || judged.Seed != ran.Seed || judged.Promise.From != ran.Promise.From {
			t.Errorf("%q\n judge %+v\n   run %+v", args, judged, ran)
		}
		if a, b := findings(judged), findings(ran); a != b {
			t.Errorf("%q\n judge %s\n   run %s", args, a, b)
		}
	}
}

// findings are those that a history can show: whether a cluster came to rest is
// none of them.
func findings(r result.Result) string {
	shown := slices.DeleteFunc(slices.Clone(r.Findings), func(f result.Finding) bool { return f.Property == "liveness" })
	b, err := json.Marshal(shown)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// acks=1 is held to more than it gives: some seed of the first 50 must show it,
// with a sentence and the operations, and never anything else.
func TestAcks1IsCaught(t *testing.T) {
	const seeds = 20
	caught := 0
	for seed := range seeds {
		r := runJSON(t, "run", "acks1-leader-crash", "--seed", strconv.Itoa(seed+1))
		for _, f := range r.Findings {
			switch {
			case f.Outcome != result.Broken:
			case f.Property != "no-acked-loss":
				t.Errorf("seed %d: %s is broken: %v", seed+1, f.Property, f.Violations)
			case len(f.Violations) == 0 || !strings.HasPrefix(f.Violations[0].What, "Acknowledged record ") || len(f.Violations[0].Witness) < 2:
				t.Errorf("seed %d: %+v", seed+1, f)
			}
		}
		if r.Exit == result.ExitBroken {
			caught++
		}
	}
	if caught == 0 {
		t.Error("no seed shows that acks=1 loses records")
	}
	t.Logf("%d of %d seeds lose an acknowledged record", caught, seeds)
}

// A run refused while an older history is there leaves that alone.
func TestRefusedRunKeepsFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "h.jsonl", "older\n")
	code := Main([]string{"run", "orders", "--history", "h.jsonl", "--trace", filepath.Join("none", "t")}, nil, &bytes.Buffer{}, &bytes.Buffer{})
	if text, err := os.ReadFile("h.jsonl"); code != result.ExitUsage || err != nil || string(text) != "older\n" {
		t.Errorf("exit %d, %v: %q", code, err, text)
	}
}

// A terminal is one behind what keeps the errors of stdout, too.
func TestTerminalIsSeen(t *testing.T) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || !isTerminal(f) {
		t.Skip("there is no terminal to open:", err)
	}
	defer f.Close()
	if !isTerminal(&printer{w: f}) {
		t.Error("a printer hides a terminal")
	}
	if isTerminal(&printer{w: &bytes.Buffer{}}) {
		t.Error("a buffer is no terminal")
	}
}
