package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// someCheck has one of everything, with texts that would break what they are
// written into.
func someCheck() result.Check {
	const evil = "a<b> & \"c\" ]]> \x1b[31m %0A ::error::x \n`|` \x00"
	p := result.CheckProperty{Property: "no-skip", Looked: 9, Kept: 2, Broken: 1, First: evil, FirstSeed: "0x2"}
	c := result.Check{
		V: 1, Verdict: result.Broken, Exit: 4, Seeds: "0x1..0x4", Runs: 4, Violations: 1, VirtualNS: 5e9, Events: 12,
		Scenarios: []result.CheckScenario{{Name: "orders", Runs: 4, Kept: 3, Violations: 1, Repeat: "brokersim run orders --seed SEED", Properties: []result.CheckProperty{
			p, {Property: "no-phantom", Vacuous: 4}, {Property: "liveness", Unknown: 1, Kept: 3, Looked: 2}, {Property: "audits", Kept: 4, Looked: 12},
		}}},
		Results: []result.Result{{V: 1, Scenario: "orders", Seed: "0x2", Verdict: result.Broken, Findings: []result.Finding{
			{Property: "no-skip", Outcome: result.Broken, Looked: 9, Violations: []result.Violation{{What: evil, Witness: []string{"x"}}, {What: "again"}}, More: 3},
		}}},
		Reached: map[string]int64{"isr-shrink": 2}, Required: []string{"truncation"},
		Determinism: result.Determinism{Checked: 2, Same: 1, Differences: []result.Difference{{Scenario: "orders", Seed: "0x3", Hashes: [2]string{"aa", "bb"}, Line: 7, Lines: [2]string{"one", evil}}}},
		Canary:      &result.Canary{Bug: "R24", Scenario: "cut", Property: "no-acked-loss", Runs: 1, Seed: "0x1"},
		Doubts:      []string{"Never reached, though required: truncation."},
		Corpus: []result.CheckCase{
			{Name: "sound", Scenario: "orders", Seed: "0x1", Property: "no-skip", Bug: "R24"},
			{Name: "moved", Scenario: "orders", Seed: "0x2", Property: "no-skip", Bug: "R24", Drifted: true},
			{Name: "lost <&>", Scenario: "orders", Seed: "0x3", Property: "no-skip", Bug: "R24", Problem: "it has lost its teeth: " + evil, Repro: "bs1:orders:0x3@1.00000000"},
			{Name: "never", Scenario: "orders", Seed: "0x4", Property: "no-skip", Bug: "R24", Internal: "panic: " + evil},
		},
		Refresh: "brokersim corpus refresh",
		Shards:  []result.Shard{{Shard: "1/2", Runs: 2, Complete: true}, {Shard: "2/2", Runs: 2, Violations: 1}},
	}
	return c
}

func TestCheckText(t *testing.T) {
	var b, colored bytes.Buffer
	if err := errors.Join(CheckText(&b, someCheck(), Style{}), CheckText(&colored, someCheck(), Style{Color: true})); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x00") {
		t.Errorf("a text speaks to the terminal:\n%q", b.String())
	}
	plain := colored.String()
	for _, code := range []string{bold, red, green, yellow, "0"} {
		plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
	}
	if plain != b.String() {
		t.Errorf("color changes more than color:\n%s", plain)
	}
	const golden = "testdata/check.golden"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%v\n got\n%s\nwant\n%s", err, b.Bytes(), want)
	}
}

func TestCheckJSON(t *testing.T) {
	var b bytes.Buffer
	if err := CheckJSON(&b, result.Check{Scenarios: []result.CheckScenario{{}}, Results: []result.Result{{}}}); err != nil || strings.Contains(b.String(), "null") || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%v %s", err, b.String())
	}
}

// JUnit is one case for each scenario and property, and the counts are those of
// the cases; a parser that is not ours reads the same.
func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := JUnit(&b, someCheck()); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
	}
	var all junitSuites
	if err := xml.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, s := range all.Suites {
		skipped += s.Skipped
	}
	if root, _, _ := strings.Cut(b.String(), "<testsuite "); strings.Contains(root, "skipped=") {
		t.Errorf("Jenkins refuses %s", root)
	}
	want := "12 tests, 2 failed, 4 errors, 1 skipped"
	if got := fmt.Sprintf("%d tests, %d failed, %d errors, %d skipped", all.Tests, all.Failures, all.Errors, skipped); got != want || len(all.Suites) != 3 {
		t.Errorf("%s, want %s\n%s", got, want, b.String())
	}
	first := all.Suites[0].Cases[0]
	if first.Class != "brokersim.orders" || first.Name != "no-skip" || first.Failure == nil || !strings.Contains(first.Failure.Text, "brokersim run orders --seed 0x2\n") {
		t.Errorf("%+v", first)
	}
	independent := `import sys, xml.etree.ElementTree as T
r = T.parse(sys.stdin.buffer).getroot()
cases = list(r.iter("testcase"))
assert all(c.get("classname") and c.get("name") for c in cases)
assert len({(c.get("classname"), c.get("name")) for c in cases}) == len(cases)
print(f'{len(cases)} tests, {len(list(r.iter("failure")))} failed, {len(list(r.iter("error")))} errors, {len(list(r.iter("skipped")))} skipped')`
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	cmd := exec.Command("python3", "-c", independent)
	cmd.Stdin = bytes.NewReader(b.Bytes())
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}

// There are at most ten annotations, and no text of a run makes an eleventh.
func TestGitHub(t *testing.T) {
	c := someCheck()
	for len(c.Results) < 30 {
		c.Results = append(c.Results, c.Results[0])
	}
	var b bytes.Buffer
	if err := GitHub(&b, c); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for _, l := range lines {
		if !strings.HasPrefix(l, "::error title=") {
			t.Errorf("%q", l)
		}
	}
	if len(lines) != mostAnnotations || !strings.HasPrefix(lines[0], "::error title=nondeterminism%3A orders seed 0x3::") || !strings.Contains(lines[9], "24 more") {
		t.Errorf("%d:\n%s", len(lines), b.String())
	}
	if !strings.Contains(b.String(), "%250A") {
		t.Error("a %0A of the text became a new line")
	}
}

func TestCheckMarkdownIsBounded(t *testing.T) {
	c := someCheck()
	for len(c.Results) < 2000 {
		r := c.Results[0]
		r.Findings = []result.Finding{{Property: "no-skip", Violations: []result.Violation{{What: strings.Repeat("<x> ", 200)}}}}
		c.Results = append(c.Results, r)
	}
	var b bytes.Buffer
	if err := CheckMarkdown(&b, c); err != nil || b.Len() > mostMarkdown || !strings.Contains(b.String(), "| orders | 4 |") || strings.Contains(b.String(), " <x>") {
		t.Errorf("%v, %d bytes:\n%.2000s", err, b.Len(), b.String())
	}
}
