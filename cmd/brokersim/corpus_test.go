package main

import (
	"path/filepath"
	"testing"

	"brokersim/sim/gate"
)

// A check of everything as it is verifies the corpus; one of something else does when it is
// asked to.
func TestCorpusOfACheck(t *testing.T) {
	t.Chdir(filepath.Join("..", "..")) // where the corpus is
	nothing := ""
	for _, row := range []struct {
		name string
		f    checkFlags
		want bool
	}{
		{"of everything", checkFlags{corpus: corpusAuto}, true},
		{"off", checkFlags{corpus: corpusOff}, false},
		{"of a scenario", checkFlags{corpus: corpusAuto, scenarios: []string{"healthy"}}, false},
		{"with settings", checkFlags{corpus: corpusAuto, run: runFlags{set: []string{"topic.min.insync.replicas=1"}}}, false},
		{"with a bug", checkFlags{corpus: corpusAuto, run: runFlags{plant: []string{"R24-ack-before-isr"}}}, false},
		{"with a promise", checkFlags{corpus: corpusAuto, run: runFlags{promise: []string{"no-acked-loss"}}}, false},
		{"with faults", checkFlags{corpus: corpusAuto, run: runFlags{faults: &nothing}}, false},
		{"of a scenario, when asked to", checkFlags{corpus: corpusDir, scenarios: []string{"healthy"}}, true},
	} {
		var c gate.Config
		if err := (&app{}).checkCorpus(&row.f, &c); err != nil {
			t.Fatal(err)
		}
		if got := len(c.Corpus) > 0; got != row.want {
			t.Errorf("a check %s: the corpus is verified: %v", row.name, got)
		}
	}
}
