package scenario

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/golden.txt; say in the commit why the runs have moved, and raise Core")

// The runs of the scenarios that come with the program. They move with every
// change of a broker, a client or a scenario, and then a seed means something
// else and a repro string of before is of another core: a change that should not
// move them and does has a bug. That architectures agree is another test's claim,
// and the kernel's own goldens are in package sim.
func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	var b strings.Builder
	fmt.Fprintf(&b, "core %d\n", Core)
	for _, name := range Names() {
		src, _ := Source(name)
		spec, err := Parse(name+".yaml", src)
		if err != nil {
			t.Fatal(err)
		}
		for seed := uint64(1); seed <= 3; seed++ {
			r := Run(Case{Spec: spec, Seed: seed})
			l := &r.Ledger
			fmt.Fprintf(&b, "%s %s %s events=%d acked=%d unknown=%d in_log=%d processed=%d %s\n",
				name, r.Seed, r.TraceHash, r.Events, l.Acked, l.Unknown, l.InLog, l.Processed, r.Verdict)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the runs have moved; if they should, go test ./sim/scenario -run Golden -update\n got:\n%swant:\n%s", b.String(), want)
	}
}
