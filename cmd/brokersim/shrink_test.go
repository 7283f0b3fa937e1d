package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

// Long work ends when its time is over or somebody interrupts it, and the two are
// told apart.
func TestStopper(t *testing.T) {
	never := stopper(0)
	defer never.end()
	if never.asked() || never.interrupted() {
		t.Error("it is to stop though nobody has asked")
	}
	never.signals <- os.Interrupt
	if !never.interrupted() || !never.asked() {
		t.Error("an interrupt is forgotten")
	}
	late := stopper(time.Hour)
	defer late.end()
	late.over.Store(true) // what the timer does
	if !late.asked() || late.interrupted() {
		t.Error("the end of the time is no interrupt, and stops")
	}
}

// A string that is too long to copy is not printed where a file has it.
func TestLongStrings(t *testing.T) {
	r := &gate.ShrinkReport{}
	r.Result.Repro, r.Result.TraceHash = "bs1:orders:0x7:~"+strings.Repeat("a", scenario.LongRepro)+"@1.00000000", "0123456789abcdef"
	if text := shrunkText(r, &shrinkFlags{}); !strings.Contains(text, r.Result.Repro) || !strings.Contains(text, "--out FILE writes them") {
		t.Error(text)
	}
	if text := shrunkText(r, &shrinkFlags{out: "small.txt"}); strings.Contains(text, "aaaa") || !strings.Contains(text, "brokersim repro small.txt\n") {
		t.Error(text)
	}
	t.Chdir(t.TempDir())
	steps := ""
	for i := range 400 {
		steps += time.Duration(1_000_000_007*(i%3)+i*7919*977).String() + " reset b1 b2\n"
	}
	named := scenario.Repro{Scenario: "healthy", Seed: 3, Faults: &steps, Core: scenario.Core}
	write(t, "long.txt", named.String()+"\n")
	if len(named.String()) < scenario.LongRepro {
		t.Fatalf("%d characters are not long", len(named.String()))
	}
	var stdout, stderr bytes.Buffer
	code := Main([]string{"repro", "long.txt"}, nil, &stdout, &stderr)
	if code == result.ExitUsage || !strings.HasSuffix(stdout.String(), "Repeat  brokersim repro long.txt\n") {
		t.Errorf("exit %d: %s\n%s", code, stderr.String(), stdout.String())
	}
}
