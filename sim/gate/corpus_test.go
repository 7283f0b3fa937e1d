package gate

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"

	"pgregory.net/rapid"
)

const corpusDir = "../../testdata/corpus"

// Every failure of the past stays away, and would still be seen.
func TestCorpus(t *testing.T) {
	k := &Corpus{Dir: corpusDir}
	cases, err := k.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Error("there are no cases")
	}
	for i := range cases {
		v := k.Verify(&cases[i])
		if v.Problem != "" {
			t.Errorf("%s: %s; go run ./cmd/brokersim corpus refresh may find it again", cases[i].Name, v.Problem)
		}
		if v.Drifted {
			t.Logf("%s has drifted", cases[i].Name)
		}
	}
	if over := Superfluous(cases); len(over) > 0 {
		t.Errorf("some cases say what others say: %v", over)
	}
}

// sample is a case of the corpus, in a corpus of its own.
func sample(t *testing.T, name string) (*Corpus, CorpusCase) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(corpusDir, name+corpusSuffix))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCorpusCase(name, src)
	if err != nil {
		t.Fatal(err)
	}
	c.Name = name
	k := &Corpus{Dir: t.TempDir()}
	if err := k.Write(&c); err != nil {
		t.Fatal(err)
	}
	return k, c
}

const acked = "R24-ack-before-isr-followers-cut"

// What makes a case none is said, and what only moved is not called a failure.
func TestCorpusVerify(t *testing.T) {
	k, c := sample(t, acked)
	text := func(s string) *string { return &s }
	for _, row := range []struct {
		name    string
		change  func(*CorpusCase)
		problem string
		drifted bool
	}{
		{"another hash", func(c *CorpusCase) { c.Run.Hash++ }, "", true},
		{"another witness", func(c *CorpusCase) { c.Witness = "x\n" }, "", true},
		{"another bug", func(c *CorpusCase) { c.Bug = failpoint.T01ForgetSequence.String() }, "it has lost its teeth: with T01-forget-sequence planted no-acked-loss is not broken, the run is kept", false},
		{"another property", func(c *CorpusCase) { c.Property = "no-phantom" }, "it has lost its teeth: with R24-ack-before-isr planted no-phantom is not broken, no-acked-loss is broken: ", false},
		{"no faults", func(c *CorpusCase) { c.Run.Faults = text("") }, "it has lost its teeth: ", false},
		{"a bug in the program", func(c *CorpusCase) { c.Run.Plant = []string{c.Bug} }, "it does not pass as it is: no-acked-loss is broken: ", false},
		{"no such node", func(c *CorpusCase) { c.Run.Faults = text("1s crash b9\n") }, "it cannot be run: ", false},
		{"no such scenario", func(c *CorpusCase) { c.Run.Scenario = "none" }, "it cannot be run: unknown scenario", false},
		{"no such bug", func(c *CorpusCase) { c.Bug = "R99" }, "it cannot be run: ", false},
	} {
		x := c
		row.change(&x)
		v := k.Verify(&x)
		if !strings.HasPrefix(v.Problem, row.problem) || (row.problem == "") != (v.Problem == "") || v.Drifted != row.drifted {
			t.Errorf("%s: %q, drifted %t; want %q, %t", row.name, v.Problem, v.Drifted, row.problem, row.drifted)
		}
	}
}

// What is native is in the run as it is.
func TestCorpusNative(t *testing.T) {
	k, c := sample(t, "F03-latest-skips-new-partition-new-partitions")
	if v := k.Verify(&c); v.Problem != "" || v.Drifted {
		t.Errorf("%+v", v)
	}
	c.Property = "no-phantom"
	if v := k.Verify(&c); !strings.HasPrefix(v.Problem, "it has lost its teeth: with F03-latest-skips-new-partition no-phantom is not broken") {
		t.Errorf("%+v", v)
	}
}

// A case that has moved is taken down anew; one that has lost its teeth finds
// another seed, or at last a schedule; and one that cannot says so.
func TestCorpusRefresh(t *testing.T) {
	k, c := sample(t, acked)
	now, err := k.Refresh(&c, 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	moved := c
	moved.Witness, moved.Run.Hash = "x\n", 1
	if got, err := k.Refresh(&moved, 1, 100); err != nil || !got.Changed || got.Case.String() != now.Case.String() {
		t.Errorf("%v, %s", err, &got.Case)
	}
	empty := ""
	toothless := c
	toothless.Run.Faults = &empty
	got, err := k.Refresh(&toothless, 3, 100)
	if err != nil || !got.Changed || got.Seeds <= 3 {
		t.Errorf("%v, after %d seeds %s", err, got.Seeds, &got.Case)
	}
	if v := k.Verify(&got.Case); v.Problem != "" || v.Drifted {
		t.Errorf("what was found again: %+v", v)
	}
	toothless.Bug = failpoint.T01ForgetSequence.String()
	if got, err := k.Refresh(&toothless, 3, 100); err == nil || got.Seeds != 6 || !strings.Contains(err.Error(), "none of 3 seeds near") {
		t.Errorf("%v after %d seeds", err, got.Seeds)
	}
	if got := near(1, 4); !slices.Equal(got, []uint64{1, 2, 0, 3}) {
		t.Errorf("near 1 are %v", got)
	}
}

// A run becomes a case, once, if it is fit to be one.
func TestCorpusAdd(t *testing.T) {
	k := &Corpus{Dir: t.TempDir()}
	bug := failpoint.R24AckBeforeISR.String()
	r := scenario.Repro{Scenario: "followers-cut", Seed: 1, Plant: []string{bug}}
	c, report, err := k.New(r, bug, "", 100)
	if err != nil || c.Property != "no-acked-loss" || report.Final.Faults > 3 || c.Run.Plant != nil {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := k.Add(&c); err != nil || c.Name != acked {
		t.Fatalf("%s, %v", c.Name, err)
	}
	if v := k.Verify(&c); v.Problem != "" || v.Drifted {
		t.Errorf("%+v", v)
	}
	if err := k.Add(&c); err == nil || !strings.Contains(err.Error(), "has this case already") {
		t.Errorf("%v", err)
	}
	longer := c
	text := *c.Run.Faults + "1.7s reset b1 b2\n"
	longer.Run.Faults = &text
	if err := k.Add(&longer); err != nil || longer.Name != acked+"-2" {
		t.Errorf("%s, %v", longer.Name, err)
	}
	cases, err := k.Cases()
	if err != nil || len(cases) != 2 || !maps.Equal(Superfluous(cases), map[string]string{acked + "-2": acked}) {
		t.Errorf("%v, %v", cases, err)
	}
	if err := k.Remove(&longer); err != nil {
		t.Error(err)
	}
	if cases, err := k.Cases(); err != nil || len(cases) != 1 || !reflect.DeepEqual(cases[0], c) {
		t.Errorf("%v %+v\nwant %+v", err, cases, c)
	}

	r.Plant = []string{failpoint.T01ForgetSequence.String()}
	if _, _, err := k.New(r, bug, "", 100); !errors.Is(err, ErrNoCase) {
		t.Errorf("another bug beside it: %v", err)
	}
	r.Plant = nil
	if _, _, err := k.New(r, failpoint.T01ForgetSequence.String(), "", 100); !errors.Is(err, ErrNoCase) {
		t.Errorf("a bug that does not show: %v", err)
	}
	if _, _, err := k.New(scenario.Repro{Scenario: "acks1-leader-crash", Seed: 2}, bug, "", 100); !errors.Is(err, ErrNoCase) || !strings.Contains(err.Error(), "without the bug no-acked-loss is broken") {
		t.Errorf("a run that fails without: %v", err)
	}
}

func TestCorpusCaseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringMatching(`[ -~é]{1,20}`), 0, 4)
		join := func(what string) string {
			var b strings.Builder
			for _, line := range lines.Draw(t, what) {
				if line = strings.TrimSpace(line); line != "" {
					b.WriteString(line + "\n")
				}
			}
			return b.String()
		}
		faults := join("faults")
		want := CorpusCase{
			Run:      scenario.Repro{Scenario: rapid.StringMatching(`[ -~]{1,9}`).Draw(t, "scenario"), Seed: rapid.Uint64().Draw(t, "seed"), Core: 1, Hash: rapid.Uint32().Draw(t, "hash"), Faults: &faults},
			Property: rapid.StringMatching(`[a-z#][ -~]{0,9}[a-z]`).Draw(t, "property"), Bug: rapid.SampledFrom(failpoint.Bugs()).Draw(t, "bug").String(), Witness: join("witness"),
		}
		got, err := ParseCorpusCase("f", []byte(want.String()))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n%s\n got %+v\nwant %+v", err, want.String(), got, want)
		}
	})
}

func TestParseCorpusCaseRefuses(t *testing.T) {
	good := "run: 'bs1:orders:0x1@1.00000000'\nproperty: no-skip\nbug: R24-ack-before-isr\nfaults: ''\n"
	if _, err := ParseCorpusCase("f", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ old, text, want string }{
		{"property: no-skip\n", "", "f:1: property is missing"},
		{"faults: ''\n", "", "f:1: faults is missing"},
		{"bug: R24", "bgu: R24", "f:3: unknown field"},
		{"property: no-skip", "property: [", "f:2:"},
		{"bs1:orders:0x1@1", "bs1:orders@1", "f: run: repro string, column 5: "},
		{"0x1@1", "0x1:plant=R24-ack-before-isr@1", "f: run: the schedule and the bug"},
		{"bug: R24-ack-before-isr", "bug: R25", "f: bug: unknown planted bug"},
	} {
		_, err := ParseCorpusCase("f", []byte(strings.Replace(good, row.old, row.text, 1)))
		if err == nil || !strings.HasPrefix(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", row.text, err, row.want)
		}
	}
}

func FuzzParseCorpusCase(f *testing.F) {
	f.Add([]byte("run: 'bs1:orders:0x1@1.00000000'\nproperty: no-skip\nbug: R24-ack-before-isr\nwitness: |\n  x\nfaults: |\n  1s crash b1\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := ParseCorpusCase("f", src)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %v", err)
		}
		if err == nil && c.Run.Faults == nil {
			t.Errorf("a case without faults: %+v", c)
		}
	})
}

// A test that somebody pastes finds what the string names.
func TestReplay(t *testing.T) {
	want := scenario.Run(scenario.Case{Spec: load(t, "healthy"), Seed: 3})
	r, different, err := Replay(want.Repro+"\n", nil)
	if err != nil || len(different) > 0 || !reflect.DeepEqual(r, want) {
		t.Errorf("%v, %v, %s", err, different, r.Repro)
	}
	source, _ := scenario.Source("healthy")
	named := strings.Replace(want.Repro, "healthy", "mine", 1)
	if r, different, err := Replay(named, source); err != nil || len(different) > 0 || r.TraceHash != want.TraceHash {
		t.Errorf("%v, %v, %s", err, different, r.Repro)
	}
	other := fmt.Sprintf("bs1:healthy:0x3@%d.00000000", scenario.Core+1)
	_, different, err = Replay(other, nil)
	if err != nil || len(different) != 2 || !strings.HasPrefix(different[0], "other version: ") || !strings.HasPrefix(different[1], "another run: ") {
		t.Errorf("%v, %q", err, different)
	}
	for _, bad := range []string{"", named, "bs1:healthy:0x3:producer.x=1@1.00000000"} {
		if _, _, err := Replay(bad, nil); err == nil {
			t.Errorf("%s is replayed", bad)
		}
	}
}
