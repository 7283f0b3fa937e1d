package gate

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Replay makes the run that a repro string names. source is the file of its
// scenario, or nil for one that comes with the program. The sentences say in what
// the run is not the one that was meant ([Different]). An error is that of a
// string, a scenario or a case that cannot be run.
func Replay(repro string, source []byte) (r result.Result, different []string, err error) {
	named, err := scenario.ParseRepro(strings.TrimSpace(repro))
	if err != nil {
		return r, nil, err
	}
	spec, err := Catalog(named.Scenario)
	if source != nil {
		spec, err = scenario.Parse(named.Scenario+".yaml", source)
	}
	if err != nil {
		return r, nil, err
	}
	c := named.Case(spec)
	if _, err := scenario.Check(c); err != nil {
		return r, nil, err
	}
	r = scenario.Run(c)
	return r, Different(&named, r), nil
}

// Catalog finds a scenario that comes with the program.
func Catalog(name string) (*scenario.Spec, error) {
	source, ok := scenario.Source(name)
	if !ok {
		return nil, fmt.Errorf("unknown scenario %q; there are %s", name, strings.Join(scenario.Names(), ", "))
	}
	return scenario.Parse(name+".yaml", source)
}

// Different says in a sentence each why a run is, or may be, not the one that a
// repro string names.
func Different(want *scenario.Repro, got result.Result) (sentences []string) {
	if want.Core != scenario.Core {
		sentences = append(sentences, fmt.Sprintf("other version: the string is of core %d, this program is core %d, and the same seed is another run there", want.Core, scenario.Core))
	}
	if hash := fmt.Sprintf("%08x", want.Hash); !strings.HasPrefix(got.TraceHash, hash) {
		sentences = append(sentences, fmt.Sprintf("another run: its trace hash is %s, and the string says %s", got.TraceHash[:min(8, len(got.TraceHash))], hash))
	}
	return sentences
}

// Sentence is the first thing that a result finds wrong, or the verdict.
func Sentence(r result.Result) string {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Outcome == result.Broken && len(f.Violations) > 0 {
			return f.Property + " is broken: " + f.Violations[0].What
		}
	}
	if len(r.Audits) > 0 {
		return "an invariant is broken: " + r.Audits[0]
	}
	return "the run is " + string(r.Verdict)
}
