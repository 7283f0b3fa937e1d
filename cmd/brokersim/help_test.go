package main

import (
	"strconv"
	"strings"
	"testing"

	"brokersim/checker/result"
	"brokersim/faults"
	"brokersim/faults/failpoint"
)

// What the help of --plant says of each bug is so: some of the first ten seeds of
// that scenario show it.
func TestPlantedBugsShow(t *testing.T) {
	for _, bug := range failpoint.Bugs() {
		if shownBy[bug] == "" {
			t.Logf("%v: the help names no scenario that shows it", bug)
			continue
		}
		seed := 1
		for ; seed <= 10; seed++ {
			if r := runJSON(t, "run", shownBy[bug], "--seed", strconv.Itoa(seed), "--plant", bug.String()); r.Exit == result.ExitBroken {
				break
			}
		}
		if seed > 10 {
			t.Errorf("%v is not seen in %s", bug, shownBy[bug])
		}
	}
}

// The help has the shape of every verb.
func TestHelpHasVerbs(t *testing.T) {
	help, _ := brokersim(t, "run", "--help")
	for _, usage := range append(faults.Usages(true), faults.Usages(false)...) {
		if !strings.Contains(help, " "+usage) {
			t.Errorf("the help of run does not say %q", usage)
		}
	}
	for line := range strings.Lines(help) {
		if !strings.Contains(line, "--") && len(line) > 100 { // the table of flags is as wide as it is
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
