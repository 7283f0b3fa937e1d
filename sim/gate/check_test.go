package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/scenario"

	"pgregory.net/rapid"
)

// fake is a runner without a simulator: what a run comes to is drawn from its
// scenario and its seed, so that a check of many runs costs nothing.
func fake(brokenOf100, unknownOf100 uint64) Runner {
	return func(c scenario.Case) result.Result {
		draw := rand.New(rand.NewPCG(c.Seed, uint64(len(c.Spec.Name))))
		r := result.Result{Scenario: c.Spec.Name, Seed: fmt.Sprintf("%#x", c.Seed), Verdict: result.Kept, VirtualNS: 5, Events: 7, TraceHash: "00000000", Reached: map[string]int64{"a": int64(draw.Uint64N(2)), "never": 0}}
		f := result.Finding{Property: "no-skip", Outcome: result.Kept, Looked: 3}
		broken := brokenOf100
		if len(c.Plant) > 0 {
			broken = 80
		}
		switch x := draw.Uint64N(100); {
		case x < broken:
			f.Outcome, f.Violations = result.Broken, []result.Violation{{What: "skipped by " + r.Seed}}
			r.Verdict, r.Exit = result.Broken, result.ExitBroken
		case x < broken+unknownOf100:
			f.Outcome, r.Verdict, r.Exit = result.Unknown, result.Unknown, result.ExitInconclusive
		}
		r.Findings = []result.Finding{f}
		return r
	}
}

func fakeConfig(scenarios int, seeds uint64, run Runner) Config {
	c := Config{Version: "1", Seeds: Seeds{5, seeds}, Run: run, Twice: 50_000, MaxFailures: 3, Required: []string{"a"}}
	for i := range scenarios {
		c.Cases = append(c.Cases, scenario.Case{Spec: &scenario.Spec{Name: strings.Repeat("s", i+1)}})
	}
	return c
}

// fakeCases are cases of a corpus for which a [fake] comes to anything.
func fakeCases(t interface{ Fatal(...any) }, n int) (cases []CorpusCase) {
	for i := range n {
		c, err := ParseCorpusCase("", fmt.Appendf(nil, "run: 'bs1:healthy:%#x@1.00000000'\nproperty: no-skip\nbug: R24-ack-before-isr\nfaults: ''\n", i))
		if err != nil {
			t.Fatal(err)
		}
		c.Name = fmt.Sprint("case", i)
		cases = append(cases, c)
	}
	return cases
}

func text(t interface{ Fatal(...any) }, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// dumbCheck is what a check comes to, made the dumb way: one run after the other.
func dumbCheck(c Config) (runs, violations, unknown int64) {
	failures := int64(0)
	for p := range c.Seeds.N {
		for _, x := range c.Cases {
			x.Seed = c.Seeds.First + p
			runs++
			switch c.Run(x).Verdict {
			case result.Broken:
				violations++
				failures++
			case result.Unknown:
				unknown++
			}
			if c.MaxFailures > 0 && failures == c.MaxFailures {
				return
			}
		}
	}
	return
}

// Whatever the number of workers and of shards, the check is the same, and is
// what runs one after the other would have come to.
func TestShardsAndWorkersChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(from, to int, what string) int { return rapid.IntRange(from, to).Draw(t, what) }
		run := fake(uint64(n(0, 20, "broken")), uint64(n(0, 5, "unknown")))
		c := fakeConfig(n(1, 4, "scenarios"), uint64(n(1, 60, "seeds")), run)
		c.MaxFailures = int64(n(0, 5, "max failures"))
		c.Corpus = fakeCases(t, n(0, 9, "cases"))
		c.Workers = 1
		want := Check(c)
		if failed := want.FailedCases(); len(want.Corpus) != len(c.Corpus) || failed > 0 && want.Exit != result.ExitBroken || failed == 0 && want.Violations == 0 && want.Exit == result.ExitBroken {
			t.Fatalf("exit %d: %s", want.Exit, text(t, want.Corpus))
		}
		runs, violations, unknown := dumbCheck(c)
		if want.Runs != runs || want.Violations != violations || want.Unknown != unknown {
			t.Fatalf("%d runs, %d broken, %d unknown; want %d, %d, %d", want.Runs, want.Violations, want.Unknown, runs, violations, unknown)
		}
		c.Workers = n(2, 9, "workers")
		if got := Check(c); text(t, got) != text(t, want) {
			t.Fatalf("%d workers\n%s\nwant\n%s", c.Workers, text(t, got), text(t, want))
		}
		shards := uint64(n(1, int(min(c.Seeds.N, 7)), "shards"))
		var files []ShardFile
		for i := range shards {
			files = append(files, ShardFile{fmt.Sprint(i), shardOf(t, c, Shard{i, shards})})
		}
		rand.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		got, err := Merge(files)
		if err != nil || uint64(len(got.Shards)) != shards {
			t.Fatal(err, got.Shards)
		}
		if got.Shards = nil; text(t, got) != text(t, want) {
			t.Fatalf("%d shards\n%s\nwant\n%s", shards, text(t, got), text(t, want))
		}
	})
}

func shardOf(t interface{ Fatal(...any) }, c Config, s Shard) *bytes.Buffer {
	var b bytes.Buffer
	c.Shard = s
	w := NewRunsWriter(&b, &c)
	c.Each = w.Run
	r := Check(c)
	if err := w.End(&r); err != nil {
		t.Fatal(err)
	}
	return &b
}

// A case that is not the shard's, or comes twice, is refused.
func TestMergeRefusesCases(t *testing.T) {
	c := fakeConfig(1, 4, fake(0, 0))
	c.Corpus = fakeCases(t, 3)
	whole := shardOf(t, c, Shard{0, 2}).String()
	line := regexp.MustCompile(`\{"case":\{"name":"case2".*\n`)
	if !line.MatchString(whole) || strings.Contains(whole, `{"case":{"name":"case1"`) {
		t.Fatal(whole)
	}
	for _, bad := range []string{
		line.ReplaceAllString(whole, "$0$0"),
		strings.Replace(whole, `{"case":{"name":"case2"`, `{"case":{"name":"case1"`, 1),
	} {
		if _, err := Merge([]ShardFile{{"f", strings.NewReader(bad)}}); err == nil || !strings.Contains(err.Error(), "is out of order, or of another shard") {
			t.Errorf("%v", err)
		}
	}
	short := strings.Replace(whole, line.FindString(whole), "", 1)
	got, err := Merge([]ShardFile{{"f", strings.NewReader(short)}})
	if err != nil || got.Shards[0].Complete {
		t.Errorf("%v: a case is missing, and nobody says so", err)
	}
	c.Corpus = c.Corpus[:2]
	if _, err := Merge([]ShardFile{{"f", strings.NewReader(whole)}, {"g", shardOf(t, c, Shard{1, 2})}}); err == nil || !strings.Contains(err.Error(), "has another corpus") {
		t.Errorf("%v", err)
	}
}

// A file that ends anywhere is read as far as it goes, and what it does not say is
// unknown; a failure that is in it is not.
func TestMergeOfCutFiles(t *testing.T) {
	c := fakeConfig(2, 30, fake(3, 0))
	c.MaxFailures = 0
	whole := shardOf(t, c, Shard{0, 1}).Bytes()
	end := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for n := bytes.IndexByte(whole, '\n') + 1; n < len(whole); n += 97 {
		got, err := Merge([]ShardFile{{"f", bytes.NewReader(whole[:n])}})
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		want := result.ExitInconclusive
		if bytes.Contains(whole[:min(n, end)], []byte("BROKEN")) && got.Violations > 0 {
			want = result.ExitBroken
		}
		if got.Exit != want || len(got.Shards) != 1 || got.Shards[0].Complete || !strings.Contains(strings.Join(got.Doubts, " "), "Cut short") {
			t.Fatalf("%d bytes: exit %d, want %d: %v", n, got.Exit, want, got.Doubts)
		}
	}
}

func FuzzMerge(f *testing.F) {
	c := fakeConfig(2, 4, fake(10, 10))
	good := shardOf(f, c, Shard{1, 2}).Bytes()
	f.Add(good)
	f.Add(bytes.Replace(good, []byte(`"index":`), []byte(`"index":-`), 1))
	f.Add([]byte(`{"format":"brokersim-runs-1","plan":{"scenarios":[{}]},"shard":{"Index":0,"Count":1}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Merge([]ShardFile{{"f", bytes.NewReader(b)}})
		if err == nil && r.Exit == result.ExitKept && len(r.Doubts) > 0 {
			t.Errorf("kept, with doubts: %+v", r)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %v", err)
		}
	})
}

func TestMergeRefuses(t *testing.T) {
	base := func() Config { return fakeConfig(1, 6, fake(0, 0)) }
	for what, change := range map[string]func(*Config){
		"version":    func(c *Config) { c.Version = "2" },
		"scenario":   func(c *Config) { c.Cases[0].Spec = &scenario.Spec{Name: "t"} },
		"settings":   func(c *Config) { c.Cases[0].Plant = []string{"x"} },
		"seeds":      func(c *Config) { c.Seeds.N++ },
		"--for":      func(c *Config) { c.For = time.Hour },
		"failures":   func(c *Config) { c.MaxFailures++ },
		"twice":      func(c *Config) { c.Twice++ },
		"situations": func(c *Config) { c.Required = nil },
	} {
		other := base()
		change(&other)
		_, err := Merge([]ShardFile{{"a", shardOf(t, base(), Shard{0, 2})}, {"b", shardOf(t, other, Shard{1, 2})}})
		if err == nil || !strings.HasPrefix(err.Error(), "b: ") || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := Merge([]ShardFile{{"a", shardOf(t, base(), Shard{0, 2})}, {"b", shardOf(t, base(), Shard{1, 3})}})
	if err == nil {
		t.Error("parts of two and of three were merged")
	}
}

// When a run is another one every time, that is found, and hides nothing else.
func TestDifferences(t *testing.T) {
	var turns atomic.Int64 // two runs are made side by side to find where they part
	flip := func(c scenario.Case) result.Result {
		r := fake(0, 0)(c)
		r.TraceHash = fmt.Sprint(turns.Add(1))
		return r
	}
	c := fakeConfig(1, 4, flip)
	c.Workers, c.MaxFailures = 1, 0
	got := Check(c)
	if d := got.Determinism; got.Exit != result.ExitNondeterminism || d.Checked == 0 || len(d.Differences) != int(d.Checked-d.Same) || d.Differences[0].Line != 0 {
		t.Errorf("%+v", got)
	}
	if got.Bound != "" {
		t.Errorf("a bound of runs that are not repeatable: %s", got.Bound)
	}
}

// The first line in which two fresh runs part is found, and a run that is shorter
// is no different from one that goes on with other lines.
func TestLockstep(t *testing.T) {
	for _, row := range []struct {
		a, b  string
		line  int64
		lines [2]string
	}{
		{"x\ny\n", "x\ny\n", 0, [2]string{}},
		{"x\ny\nz\n", "x\nw\nz\n", 2, [2]string{"y", "w"}},
		{"x\n", "x\ny\n", 2, [2]string{ended, "y"}},
		{strings.Repeat("x\n", 10*stride) + "a\n", strings.Repeat("x\n", 10*stride) + strings.Repeat("b\n", 10*stride), 10*stride + 1, [2]string{"a", "b"}},
	} {
		texts := make(chan string, 2)
		texts <- row.a
		texts <- row.b
		run := func(c scenario.Case) result.Result {
			for b := []byte(<-texts); len(b) > 0; b = b[min(3, len(b)):] { // lines come in pieces
				_, _ = c.Trace.Write(b[:min(3, len(b))])
			}
			return result.Result{}
		}
		line, lines, found := lockstep(run, scenario.Case{})
		swapped := [2]string{lines[1], lines[0]} // which of the two begins is anybody's guess
		if line != row.line || lines != row.lines && swapped != row.lines || found != (row.line > 0) {
			t.Errorf("line %d %q, want %d %q", line, lines, row.line, row.lines)
		}
	}
}

func TestInterruptAndTime(t *testing.T) {
	stop := make(chan struct{})
	c := fakeConfig(2, 50, fake(0, 0))
	c.Stop = stop
	c.Progress = func(p Progress) {
		if p.Done == 7 {
			close(stop)
		}
	}
	if got := Check(c); got.Exit != result.ExitInterrupted || got.Stopped != "interrupted" || got.Runs < 7 || got.Runs > 99 {
		t.Errorf("%+v", got)
	}
	// A clock that goes on by a second whenever it is looked at.
	now := time.Unix(0, 0)
	c = fakeConfig(2, MaxSeeds, fake(0, 0))
	c.For, c.MinSeeds, c.Required = 5*time.Second, 3, nil
	c.Now = func() time.Time { now = now.Add(time.Second); return now }
	if got := Check(c); got.Runs != 14 || got.Stopped != "time" || got.Exit != result.ExitKept || got.Seeds != "0x5..0xb" {
		t.Errorf("%d runs, %+v", got.Runs, got)
	}
}

func TestPanicOfARun(t *testing.T) {
	c := fakeConfig(1, 4, func(c scenario.Case) result.Result {
		if c.Seed == 6 {
			panic("no")
		}
		return fake(0, 0)(c)
	})
	got := Check(c)
	if got.Exit != result.ExitInternal || got.Runs != 4 || len(got.Internal) != 1 || !strings.Contains(got.Internal[0], "seed 0x6: panic: no") {
		t.Errorf("%+v", got)
	}
}

// The canary must die, and a run that finds something else does not count.
func TestCanary(t *testing.T) {
	real := canary(scenario.Run)
	if real.Seed == "" {
		t.Errorf("%+v", real)
	}
	c := fakeConfig(1, 1, fake(0, 0))
	c.Canary = true
	if got := Check(c); got.Exit != result.ExitInconclusive || got.Canary.Runs != canarySeeds || got.Canary.Seed != "" {
		t.Errorf("%+v", got)
	}
}

func TestWorse(t *testing.T) {
	order := []int{4, 70, 1, 5, 3, 0}
	for i, a := range order {
		for j, b := range order {
			if got := result.Worse(a, b); got != order[min(i, j)] {
				t.Errorf("%d and %d: %d", a, b, got)
			}
		}
	}
}

func TestParseSeeds(t *testing.T) {
	for text, want := range map[string]Seeds{
		"1..400": {1, 400}, "500": {1, 500}, "0x5EED": {0x5eed, 1}, "0x10..0x1f": {16, 16}, "7..7": {7, 1}, "0..1": {0, 2},
		"18446744073709551615..18446744073709551615": {1<<64 - 1, 1},
	} {
		if got, err := ParseSeeds(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "1..", "..3", "3..1", "1...3", "x", "0x", "0..18446744073709551615", "99999999999999"} {
		if got, err := ParseSeeds(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestParseShare(t *testing.T) {
	for text, want := range map[string]Share{"5%": 50_000, "100%": allRuns, "0%": 0, "0.1%": 1000, "12.3456%": 123_456, "5.0%": 50_000} {
		if got, err := ParseShare(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "%", "101%", "-1%", "1e1%", "0.00001%", "1.2.3%", "+5%"} {
		if got, err := ParseShare(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	n := 0
	for i := range int64(100_000) {
		if Share(50_000).includes(i) {
			n++
		}
	}
	if n < 4700 || n > 5300 || !Share(1).includes(0) || Share(0).includes(0) {
		t.Errorf("5 %% of 100000 runs are %d", n)
	}
}

func TestBound(t *testing.T) {
	for n, want := range map[int64]string{0: "", 3: "", 8: "38", 100: "3", 400: "0.75", 900: "0.34", 1200: "0.25", 20_000: "0.015", 1_000_000: "0.0003"} {
		if got := bound(n); want == "" && got != "" || want != "" && got != "P(violation) < "+want+" % per run (95 %)" {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// What fails and then does not is no failure of the broker, whatever the share
// that is made twice.
func TestFailureIsMadeAgain(t *testing.T) {
	var turns atomic.Int64
	c := fakeConfig(1, 1, func(c scenario.Case) result.Result {
		return fake(uint64(turns.Add(1)%2*100), 0)(c)
	})
	c.Workers, c.Twice = 1, 0
	got := Check(c)
	if got.Exit != result.ExitNondeterminism || got.Determinism.Checked != 1 || got.Determinism.Same != 0 {
		t.Errorf("%+v", got)
	}
}

// What no part can know is left to the merge: that a situation was never reached.
// That the checker is blind any part can know.
func TestPartsAndTheWhole(t *testing.T) {
	c := fakeConfig(1, 4, fake(0, 0))
	c.Required = []string{"never"}
	part := c
	part.Shard = Shard{0, 2}
	if got := Check(part); got.Exit != result.ExitKept || got.Shard != "1/2" {
		t.Errorf("%+v", got)
	}
	a, b := shardOf(t, c, Shard{0, 2}), shardOf(t, c, Shard{1, 2})
	got, err := Merge([]ShardFile{{"a", a}, {"b", b}})
	if err != nil || got.Exit != result.ExitInconclusive || !strings.Contains(got.Doubts[0], "never") {
		t.Errorf("%v %+v", err, got)
	}
	c.Required = nil
	withCanary := func(s Shard, canary string) *bytes.Buffer {
		text := strings.Replace(shardOf(t, c, s).String(), `"canary":null`, `"canary":`+canary, 1)
		return bytes.NewBufferString(text)
	}
	blind, sees := `{"bug":"R24","runs":8}`, `{"bug":"R24","runs":1,"seed":"0x1"}`
	for _, order := range [][2]string{{blind, sees}, {sees, blind}, {sees, sees}} {
		want := result.ExitKept
		if order[0] != order[1] {
			want = result.ExitInconclusive
		}
		got, err := Merge([]ShardFile{{"a", withCanary(Shard{0, 2}, order[0])}, {"b", withCanary(Shard{1, 2}, order[1])}})
		if err != nil || got.Exit != want {
			t.Errorf("%v: %v, exit %d, want %d", order, err, got.Exit, want)
		}
	}
}

// A file that has lost a line in the middle does not pass for a whole one.
func TestMergeOfALostLine(t *testing.T) {
	c := fakeConfig(1, 4, fake(0, 0))
	c.Required = nil
	lines := strings.SplitAfter(shardOf(t, c, Shard{0, 1}).String(), "\n")
	text := strings.Join(append(lines[:2:2], lines[3:]...), "")
	got, err := Merge([]ShardFile{{"a", strings.NewReader(text)}})
	if err != nil || got.Exit != result.ExitInconclusive || got.Shards[0].Complete {
		t.Errorf("%v %+v", err, got)
	}
}
