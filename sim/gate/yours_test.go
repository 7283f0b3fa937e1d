package gate_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"brokersim/broker/log"
	"brokersim/broker/machine"
	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

// spy is a test that is watched by another.
type spy struct {
	name        string
	said, fatal string
}

func (s *spy) Helper()                   {}
func (s *spy) Name() string              { return s.name }
func (s *spy) Logf(f string, a ...any)   { s.said += fmt.Sprintf(f, a...) + "\n" }
func (s *spy) Fatalf(f string, a ...any) { s.fatal += fmt.Sprintf(f, a...) + "\n" }

const alone = `
about: one broker, one copy
for: 2s
settle: 3s
brokers: 1
profile: short
topics:
  orders: {partitions: 2, replication: 1}
producers:
  shop: {topic: orders, rate_per_second: 100, keys: 10, size_bytes: 50}
readers:
  desk: {topics: [orders]}
set:
  consumer.auto.offset.reset: earliest
faults: |
  %s
`

func parse(t *testing.T, faults string) *scenario.Spec {
	t.Helper()
	spec, err := scenario.Parse("alone.yaml", fmt.Appendf(nil, alone, strings.ReplaceAll(faults, "; ", "\n  ")))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// Somebody else's broker, into which nobody can look, is judged by its clients.
func TestForeignBroker(t *testing.T) {
	keeps := func(keeps bool) func(scenario.BrokerConfig) machine.Machine {
		return func(cfg scenario.BrokerConfig) machine.Machine {
			b := newTiny(cfg)
			b.keeps = keeps
			return b
		}
	}
	const crash = "1s crash b1; 1200ms restart b1"
	for _, row := range []struct {
		name, faults string
		keeps        bool
		want         result.Verdict
	}{
		{"healthy", "", false, result.Kept},
		{"crash of one that keeps", crash, true, result.Kept},
		{"crash of one that forgets", crash, false, result.Broken},
		{"nobody leads", "1s crash leader", false, result.Kept},
	} {
		r := scenario.Run(scenario.Case{Spec: parse(t, row.faults), Seed: 1, Broker: keeps(row.keeps)})
		if r.Exit == result.ExitUsage {
			t.Fatal(r.Warnings)
		}
		t.Logf("%s: %s %d events", row.name, gate.Sentence(r), r.Events)
		if r.Verdict != row.want || r.Ledger.Acked < 100 {
			t.Errorf("%s: %s, %+v\n%v", row.name, gate.Sentence(r), r.Ledger, r.Faults)
		}
		if asked := strings.Contains(row.faults, "leader"); asked != strings.Contains(strings.Join(r.Faults, "\n"), "not applied: nobody is leader") {
			t.Errorf("%s: %q", row.name, r.Faults)
		}
		if at := len(r.Findings) - 1; row.want == result.Kept && (r.Findings[at].Property != result.Audits || r.Findings[at].Outcome != result.Vacuous) {
			t.Errorf("%s: %+v", row.name, r.Findings[at])
		}
	}
}

// A check says of brokers into which nobody looks that their invariants were not
// looked at.
func TestCheckOfForeignBrokers(t *testing.T) {
	c := scenario.Case{Spec: parse(t, ""), Broker: func(cfg scenario.BrokerConfig) machine.Machine { return newTiny(cfg) }}
	r := gate.Check(gate.Config{Cases: []scenario.Case{c}, Seeds: gate.Seeds{First: 1, N: 2}})
	at := slices.IndexFunc(r.Scenarios[0].Properties, func(p result.CheckProperty) bool { return p.Property == result.Audits })
	if p := r.Scenarios[0].Properties[at]; r.Verdict != result.Kept || p != (result.CheckProperty{Property: result.Audits, Vacuous: 2}) {
		t.Errorf("%s: %+v", r.Verdict, p)
	}
}

// What the README has of this is a test that fails as it says, and whose line for
// repeating does so.
func TestReadmeExample(t *testing.T) {
	const dir = "testdata/yours"
	source, err := os.ReadFile(dir + "/yours_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```go\n")
	if block, _, _ = strings.Cut(block, "```"); block == "" || !strings.HasSuffix(string(source), "\n\n"+block) {
		t.Errorf("README.md does not have what %s has below its imports:\n%s", dir, block)
	}
	if testing.Short() {
		t.Skip("runs go test")
	}
	run := func(command string) string {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Fatalf("%s passes:\n%s", command, out)
		}
		return string(out)
	}
	const lost = "no-acked-loss is broken: Acknowledged record "
	out := run("go test")
	_, repeat, _ := strings.Cut(out, "Repeat  ")
	repeat, _, _ = strings.Cut(repeat, "\n")
	if !strings.Contains(out, lost) || !strings.Contains(repeat, "go test -run") {
		t.Fatalf("%s", out)
	}
	if again := run(repeat); !strings.Contains(again, lost) || strings.Contains(again, "another run") {
		t.Errorf("%s:\n%s", repeat, again)
	}
}

// A failure ends with the line that repeats it, which does so: with the broker that
// has failed, with one that has not, and not in another test.
func TestRepeatsYours(t *testing.T) {
	o := gate.Options{
		Spec: parse(t, "1s crash b1; 1200ms restart b1; 1500ms reset b1 *"), Seeds: gate.Seeds{First: 1, N: 4},
		Broker: func(cfg scenario.BrokerConfig) machine.Machine { return newTiny(cfg) },
	}
	s := &spy{name: "TestMine/in memory"}
	gate.Test(s, o)
	const lost, line = "no-acked-loss is broken: Acknowledged record ", "Repeat  BROKERSIM_REPRO='"
	if !strings.HasPrefix(s.fatal, lost) || !strings.Contains(s.fatal, "  fault   1.000s crash b1\n") {
		t.Errorf("%s", s.fatal)
	}
	_, after, _ := strings.Cut(s.fatal, line)
	repro, rest, _ := strings.Cut(after, "'")
	if !strings.Contains(repro, ",broker=foreign:") || rest != " go test -run '^TestMine$/^in memory$'\n" {
		t.Fatalf("%s", s.fatal)
	}
	t.Setenv(gate.ReproVariable, repro)
	again := &spy{}
	gate.Test(again, o)
	if !strings.HasPrefix(again.fatal, lost) || strings.Count(again.fatal, "\n") != 1 {
		t.Errorf("%s", again.fatal)
	}
	o.Broker = func(cfg scenario.BrokerConfig) machine.Machine {
		b := newTiny(cfg)
		b.keeps = true
		return b
	}
	mended := &spy{}
	if gate.Test(mended, o); mended.fatal != "" || !strings.HasPrefix(mended.said, "the run is kept\n  another run: ") {
		t.Errorf("%+v", mended)
	}
	o.Spec, o.Scenario = nil, "healthy"
	other := &spy{}
	if gate.Test(other, o); other.fatal != "gate: BROKERSIM_REPRO: it is a run of alone, and this test is of healthy\n" {
		t.Errorf("%+v", other)
	}
	if _, _, err := gate.Replay(repro, nil); err == nil {
		t.Error("a run of a foreign broker is replayed without it")
	}
}

// What is wrong with options, a broker that is another every time, and one that
// panics are all said.
func TestYoursThatIsNone(t *testing.T) {
	var lives atomic.Int64 // a fresh run is made on a goroutine of its own
	changed := func(change func(*tiny)) func(scenario.BrokerConfig) machine.Machine {
		return func(cfg scenario.BrokerConfig) machine.Machine {
			b := newTiny(cfg)
			change(b)
			return b
		}
	}
	spec := parse(t, "")
	for _, row := range []struct {
		o    gate.Options
		want string
	}{
		{gate.Options{Scenario: "none"}, `gate: unknown scenario "none"`},
		{gate.Options{Scenario: "orders", Set: []string{"producer.ack=1"}}, "gate: Set producer.ack=1: "},
		{gate.Options{Scenario: "orders", Required: []string{"unclean-restart"}, Seeds: gate.Seeds{First: 1, N: 1}}, "Never reached, though required: unclean-restart."},
		{gate.Options{Spec: spec, Workers: 1, Broker: changed(func(b *tiny) { b.ids = lives.Add(1) })}, "alone seed 0x1 gave two runs, trace hashes "},
		{gate.Options{Spec: spec, Broker: changed(func(b *tiny) { b.deaf = 'k' })}, "liveness is broken: 3s after everything was healed the run could not be read to the end: k1002 (desk) has processed orders-0 up to offset 0 of "},
		{gate.Options{Spec: spec, Broker: changed(func(b *tiny) { b.more = 1 })}, "an invariant is broken: 0.260s panic: p1001: a client speaks of orders-2, which the scenario does not have"},
		{gate.Options{Spec: spec, Broker: changed(func(b *tiny) { b.conns = nil })}, "an invariant is broken: 0.000s panic: b1, told accepted"},
	} {
		s := &spy{}
		if gate.Test(s, row.o); !strings.HasPrefix(s.fatal, row.want) {
			t.Errorf("want %s\n%+v", row.want, s)
		}
	}
}

// A wrapper that says what it wraps is seen into, and one that does not is not; what
// it does wrong is found either way.
func TestWrappedBroker(t *testing.T) {
	spec, err := gate.Catalog("orders")
	if err != nil {
		t.Fatal(err)
	}
	faults := "2s power-loss b1\n2s power-loss b2\n2s power-loss b3\n2500ms restart *"
	c, err := scenario.Case{Spec: spec, Seed: 1, Faults: &faults}.With("", "topic.flush.messages=1")
	if err != nil {
		t.Fatal(err)
	}
	own := scenario.Run(c)
	for _, row := range []struct {
		name   string
		broker func(*log.Broker) machine.Machine
		want   result.Verdict
		seen   bool
	}{
		{"the broker itself", func(b *log.Broker) machine.Machine { return b }, result.Kept, true},
		{"wrapped", func(b *log.Broker) machine.Machine { return wrapped{b, b} }, result.Kept, true},
		{"opaque", func(b *log.Broker) machine.Machine { return opaque{b} }, result.Kept, false},
		{"lying", func(b *log.Broker) machine.Machine { return wrapped{lying{b}, b} }, result.Broken, true},
		{"opaque and lying", func(b *log.Broker) machine.Machine { return lying{b} }, result.Broken, false},
	} {
		c.Broker = func(cfg scenario.BrokerConfig) machine.Machine { return row.broker(log.NewBroker(cfg)) }
		r := scenario.Run(c)
		looked := !slices.ContainsFunc(r.Findings, func(f result.Finding) bool { return f.Property == result.Audits })
		if r.Verdict != row.want || row.want == result.Kept && looked != row.seen || r.Ledger.Acked == 0 {
			t.Errorf("%s: %s, looked inside %t", row.name, gate.Sentence(r), looked)
		}
		if row.want == result.Kept && row.seen && r.TraceHash != own.TraceHash {
			t.Errorf("%s: trace hash %s, without wrapper %s", row.name, r.TraceHash, own.TraceHash)
		}
	}
}

type wrapped struct {
	machine.Machine
	inner *log.Broker
}

func (w wrapped) Unwrap() machine.Machine { return w.inner }

type opaque struct{ machine.Machine }

// lying says that it has synced what it has not.
type lying struct{ *log.Broker }

func (b lying) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	b.Broker.Step(now, in, out)
	for i := 0; i < len(out.List); i++ {
		if e := out.List[i]; e.Kind == machine.DoSync {
			out.List = slices.Delete(out.List, i, i+1)
			b.Broker.Step(now, &machine.Input{Kind: machine.DiskDone, Tag: e.Tag}, out)
			i--
		}
	}
}
