package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

// Who interrupts the explanation of a run has interrupted the program, and finds what
// was known until then.
func TestInterruptedExplanation(t *testing.T) {
	spec, err := gate.Catalog("followers-cut")
	if err != nil {
		t.Fatal(err)
	}
	c := scenario.Case{Spec: spec, Seed: 1, Plant: []string{failpoint.R24AckBeforeISR.String()}}
	for _, interrupted := range []bool{true, false} {
		var stderr bytes.Buffer
		a := &app{stderr: &stderr}
		stop := stopper(0)
		defer stop.end()
		if interrupted {
			stop.signals <- os.Interrupt
		}
		dir := filepath.Join(t.TempDir(), "out")
		err := a.explainUntil(stop, dir, c)
		if interrupted != (err != nil && codeOf(err) == result.ExitInterrupted) {
			t.Errorf("interrupted %v: %v", interrupted, err)
		}
		src, err := os.ReadFile(filepath.Join(dir, explanationFile))
		if err != nil || bytes.Contains(src, []byte(`"cut":"stopped"`)) != interrupted || !strings.Contains(stderr.String(), "shows how it came about") {
			t.Errorf("interrupted %v: %v\n%.300s\n%s", interrupted, err, src, stderr.String())
		}
	}
}

// What could not be written before does not hide what could not be explained.
func TestUnexplained(t *testing.T) {
	a := &app{stderr: &bytes.Buffer{}}
	var r result.Result
	if err := a.explainInto("out", scenario.Case{}, &r, nil); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	if err := a.explainInto("", scenario.Case{}, &r, errors.New("full")); err == nil || codeOf(err) != result.ExitInternal || err.Error() != "full" {
		t.Errorf("%v", err)
	}
}
