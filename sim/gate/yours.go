package gate

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"brokersim/broker/machine"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// TB is the part of [testing.TB] that [Test] needs.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Options are what [Test] puts through the gate.
type Options struct {
	// Broker starts each life of each broker: see [scenario.Case.Broker] for what
	// it may share and what can be seen of it. nil is the broker of this module.
	Broker func(scenario.BrokerConfig) machine.Machine

	// Scenario is the name of one that comes with the program; Spec, if it is set,
	// is another.
	Scenario string
	Spec     *scenario.Spec

	Set     []string // Kafka's settings, as --set takes them: "producer.acks=1"
	Faults  *string  // the schedule; nil is the scenario's
	Promise []string // nil is what the configuration promises, or the scenario states
	Plant   []string // planted bugs

	Seeds    Seeds    // without any: 1..20
	Required []string // situations that some run must reach
	Replays  int      // to make a failure small; 0 is [DefaultShrinkBudget]
	Workers  int      // 0: as many as there are cores
}

// ReproVariable is the environment variable with which the line that a failed
// [Test] ends with repeats that one run.
const ReproVariable = "BROKERSIM_REPRO"

// Test runs a scenario under many seeds with somebody's own broker, and fails the
// test unless every run kept what was promised. A run that fails is made again
// before that is believed, is made small, and is told with the line that repeats
// it. Some runs are made twice even if they do not fail: a broker that reads a
// clock or ranges over a map is found out. The checker itself is tried with a
// planted bug.
//
// With [ReproVariable] in the environment Test makes only the run that it names.
func Test(t TB, o Options) {
	t.Helper()
	c, err := o.makeCase()
	if err != nil {
		t.Fatalf("gate: %v", err)
		return
	}
	repeat := func(repro string) string { return repeatTest(t.Name(), repro) }
	if repro := os.Getenv(ReproVariable); repro != "" {
		o.replay(t, c, repro)
		return
	}
	r := Check(o.config(c))
	if r.Exit != result.ExitKept {
		t.Fatalf("%s", failure(&r, repeat))
		return
	}
	t.Logf("kept: scenario %s, seeds %s: %s", c.Spec.Name, r.Seeds, r.Bound)
}

// makeCase is the case without its seed.
func (o *Options) makeCase() (c scenario.Case, err error) {
	c = scenario.Case{Spec: o.Spec, Broker: o.Broker, Faults: o.Faults, Promise: o.Promise, Plant: o.Plant, Seed: 1}
	if c.Spec == nil {
		if c.Spec, err = Catalog(o.Scenario); err != nil {
			return c, err
		}
	}
	if c, err = c.With("Set", o.Set...); err != nil {
		return c, err
	}
	_, err = scenario.Check(c)
	return c, err
}

func (o *Options) config(c scenario.Case) Config {
	k := Config{
		Cases: []scenario.Case{c}, Seeds: o.Seeds, Workers: o.Workers, MaxFailures: 1, Twice: allRuns / 20,
		Required: o.Required, Canary: true, Shrink: o.Replays,
	}
	if k.Seeds.N == 0 {
		k.Seeds = Seeds{1, 20}
	}
	if k.Shrink <= 0 {
		k.Shrink = DefaultShrinkBudget
	}
	return k
}

// replay makes the run that a repro string names, and says in what it is another.
func (o *Options) replay(t TB, c scenario.Case, repro string) {
	t.Helper()
	named, err := scenario.ParseRepro(strings.TrimSpace(repro))
	if err == nil && named.Scenario != c.Spec.Name {
		err = fmt.Errorf("it is a run of %s, and this test is of %s", named.Scenario, c.Spec.Name)
	}
	again := named.Case(c.Spec)
	again.Broker = o.Broker
	if err == nil {
		_, err = scenario.Check(again)
	}
	if err != nil {
		t.Fatalf("gate: %s: %v", ReproVariable, err)
		return
	}
	r := scenario.Run(again)
	said := strings.Join(append([]string{Sentence(r)}, Different(&named, r)...), "\n  ")
	if r.Verdict != result.Kept {
		t.Fatalf("%s", said)
		return
	}
	t.Logf("%s", said)
}

// failure is what a check came to that is not kept.
func failure(r *result.Check, repeat func(repro string) string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, d := range r.Determinism.Differences {
		line("%s seed %s gave two runs, trace hashes %s and %s: the broker is not deterministic", d.Scenario, d.Seed, d.Hashes[0], d.Hashes[1])
		if d.Line > 0 {
			line("  they part at event %d:\n    %s\n    %s", d.Line, d.Lines[0], d.Lines[1])
		}
	}
	for _, s := range append(r.Internal, r.Doubts...) {
		line("%s", s)
	}
	for i := range r.Results {
		x := &r.Results[i]
		line("%s", Sentence(*x))
		line("  scenario %s, seed %s, after %d runs", x.Scenario, x.Seed, r.Runs)
		if len(r.Explained) == 0 {
			line("  Repeat  %s", repeat(x.Repro))
			continue
		}
		explained(line, &r.Explained[0].Explanation, repeat)
	}
	return strings.TrimRight(b.String(), "\n")
}

// explained tells of the smallest run that fails in the same way.
func explained(line func(string, ...any), e *result.Explanation, repeat func(string) string) {
	line("  shrunk %d -> %d events, %d -> %d faults, %d -> %d records (%d replays)", e.Shrunk.From.Events, e.Shrunk.To.Events,
		e.Shrunk.From.Faults, e.Shrunk.To.Faults, e.Shrunk.From.Records, e.Shrunk.To.Records, e.Shrunk.Replays)
	line("  there   %s", e.Sentence)
	for _, f := range e.Needed {
		line("  fault   %s", f)
	}
	for _, why := range e.Why {
		line("  why     %s", why)
	}
	line("  Repeat  %s", repeat(e.Repro))
}

// repeatTest is the command that has a test make one run. Each level of its name
// is a pattern of its own.
func repeatTest(name, repro string) string {
	levels := strings.Split(name, "/")
	for i, s := range levels {
		levels[i] = "^" + regexp.QuoteMeta(s) + "$"
	}
	return fmt.Sprintf("%s='%s' go test -run '%s'", ReproVariable, repro, strings.Join(levels, "/"))
}
