package scenario

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/workloads"
)

func load(t testing.TB, name string) *Spec {
	t.Helper()
	src, ok := Source(name)
	if !ok {
		t.Fatalf("there is no scenario %s", name)
	}
	spec, err := Parse(name+".yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// with returns a layer of settings.
func with(pairs ...string) []config.Layer {
	l := config.Layer{Source: "the test"}
	for i := 0; i < len(pairs); i += 2 {
		l.Entries = append(l.Entries, config.Entry{Key: pairs[i], Value: pairs[i+1]})
	}
	return []config.Layer{l}
}

func text(s string) *string { return &s }

// outcomes are the properties of a result that are not kept.
func outcomes(r result.Result) (list []string) {
	for _, f := range r.Findings {
		if f.Outcome != result.Kept {
			list = append(list, f.Property+" "+string(f.Outcome))
		}
	}
	return list
}

func wantKept(t *testing.T, r result.Result) {
	t.Helper()
	if r.Verdict != result.Kept || r.Exit != 0 || len(r.Audits) > 0 || len(outcomes(r)) > 0 {
		t.Errorf("seed %s: %s, exit %d: %v, audits %v", r.Seed, r.Verdict, r.Exit, outcomes(r), r.Audits)
	}
}

func TestRunIsPure(t *testing.T) {
	for _, name := range []string{"orders", "acks1-leader-crash"} {
		c := Case{Spec: load(t, name), Seed: 7}
		if a, b := Run(c), Run(c); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: two runs of one case:\n%+v\n%+v", name, a, b)
		}
		if a, b := Run(c), Run(Case{Spec: c.Spec, Seed: 8}); a.TraceHash == b.TraceHash {
			t.Errorf("%s: seeds 7 and 8 make the same run", name)
		}
	}
}

func TestHealthy(t *testing.T) {
	r := Run(Case{Spec: load(t, "healthy"), Seed: 1})
	wantKept(t, r)
	l := r.Ledger
	if l.Sent != 4800 || l.Acked != l.Sent || l.InLog != l.Sent || l.Processed != 4*l.Sent || l.Readers != 4 || l.UnavailableUS != 0 {
		t.Errorf("the ledger is %+v", l)
	}
	if r.LatencyUS.Ack.N != l.Acked || r.LatencyUS.E2E.N != l.Processed || r.LatencyUS.Ack.P50 == 0 {
		t.Errorf("the latencies are %+v", r.LatencyUS)
	}
	if len(r.Faults) != 0 || r.Faults == nil || len(r.TraceHash) != 16 || !strings.HasPrefix(r.Repro, "bs1:healthy:0x1@") {
		t.Errorf("faults %v, hash %s, repro %s", r.Faults, r.TraceHash, r.Repro)
	}
}

func TestOrders(t *testing.T) {
	r := Run(Case{Spec: load(t, "orders"), Seed: 7})
	wantKept(t, r)
	if l := r.Ledger; l.Acked == 0 || l.Unknown == 0 || l.InLog == 0 || l.Delivered == 0 || l.UnavailableUS == 0 {
		t.Errorf("the ledger is %+v", l)
	}
	for _, want := range []string{"leader-change", "isr-shrink", "isr-expand"} {
		if r.Reached[want] == 0 {
			t.Errorf("the run has not reached %s: %v", want, r.Reached)
		}
	}
	if last := r.Findings[len(r.Findings)-1]; last.Property != "liveness" || last.Looked == 0 || !slices.Contains(r.Promise.Properties, "liveness") {
		t.Errorf("the last finding is %+v of %v", last, r.Promise.Properties)
	}
}

// What was applied is a schedule again: without windows and without roles to look
// up it makes the same run.
func TestAppliedFaultsRepeatTheRun(t *testing.T) {
	for _, name := range []string{"orders", "fast-failover"} {
		spec := load(t, name)
		first := Run(Case{Spec: spec, Seed: 3})
		again := Run(Case{Spec: spec, Seed: 3, Faults: text(strings.Join(first.Faults, "\n"))})
		if first.TraceHash != again.TraceHash || len(again.Warnings) > 0 {
			t.Errorf("%s: %s and %s, %v; from\n%s", name, first.TraceHash, again.TraceHash, again.Warnings, strings.Join(first.Faults, "\n"))
		}
	}
}

func TestRunRefuses(t *testing.T) {
	spec := load(t, "orders")
	changed := func(f func(*Spec)) *Spec {
		s := *spec
		f(&s)
		return &s
	}
	for want, c := range map[string]Case{
		"there is no scenario": {},
		"unknown planted bug":  {Spec: spec, Plant: []string{"R99"}},
		"unknown property":     {Spec: spec, Promise: []string{"no-loss"}},
		"--faults:1:4":         {Spec: spec, Faults: text("1s crush leader")},
		"ackz":                 {Spec: spec, Layers: with("producer.ackz", "1")},
		"topics are missing":   {Spec: changed(func(s *Spec) { s.Topics = nil })},
		"0 brokers":            {Spec: changed(func(s *Spec) { s.Brokers = 0 })},
		`unknown topic "order"; did you mean "orders"?`: {Spec: changed(func(s *Spec) { s.Readers = []Reader{{Name: "x", Topics: []string{"order"}}} })},
	} {
		r := Run(c)
		if r.Verdict != result.Unknown || r.Exit != result.ExitUsage || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], want) || r.Events != 0 {
			t.Errorf("%s: %+v", want, r)
		}
		if _, err := Check(c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: Check says %v", want, err)
		}
	}
}

func TestWarnsOfWhatWillNotBeApplied(t *testing.T) {
	c := Case{Spec: load(t, "orders"), Faults: text("1s for 9s pause controller\n6s crash leader")}
	warnings, err := Check(c)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "line 2") {
		t.Errorf("%q, %v", warnings, err)
	}
	r := Run(c)
	wantKept(t, r)
	want := []string{
		"1.000s pause controller(c101)",
		"# 6s crash leader: not applied: the load has ended",
		"# 10s resume controller: not applied: the load has ended",
		"# 5.000s the load ends: resume c101",
	}
	if !slices.Equal(r.Faults, want) {
		t.Errorf("the faults are\n%s", strings.Join(r.Faults, "\n"))
	}
}

// A cluster that has no time to come to rest is not at rest.
func TestLiveness(t *testing.T) {
	spec := load(t, "orders")
	spec.Settle = time.Millisecond
	spec.Faults = "4900ms crash leader"
	r := Run(Case{Spec: spec, Seed: 1})
	if r.Verdict != result.Broken || r.Exit != 1 || !slices.Contains(outcomes(r), "liveness BROKEN") {
		t.Fatalf("%s %v", r.Verdict, outcomes(r))
	}
	f := r.Findings[len(r.Findings)-1]
	if want := regexp.MustCompile(`^1ms after everything was healed the run had not come to rest: .*p1001 \(order-service\) has no outcome yet for [0-9]+ records.*\.$`); len(f.Violations) != 2 || !want.MatchString(f.Violations[0].What) {
		t.Errorf("%+v", f.Violations)
	}
}

// Topics that nobody can create are a matter of liveness, and the run ends early.
func TestTopicsThatCannotBeCreated(t *testing.T) {
	spec := load(t, "healthy")
	spec.Topics[0].Replication = 4
	r := Run(Case{Spec: spec, Seed: 1})
	f := r.Findings[len(r.Findings)-1]
	if f.Outcome != result.Broken || !strings.Contains(f.Violations[0].What, "topics have not been created") {
		t.Errorf("%+v", f)
	}
}

func TestTopicsThatAreRefused(t *testing.T) {
	spec := load(t, "healthy")
	spec.Topics[0].Name, spec.Producers[0].Topic = "not a name", "not a name"
	for i := range spec.Readers {
		spec.Readers[i].Topics = []string{"not a name"}
	}
	r := Run(Case{Spec: spec, Seed: 1})
	f := r.Findings[len(r.Findings)-1]
	want := "0s after everything was healed the run had not come to rest: topics cannot be created: INVALID_TOPIC_EXCEPTION."
	if f.Outcome != result.Broken || f.Violations[0].What != want {
		t.Errorf("%+v", f)
	}
}

// The run is not over before the slowest reader has processed everything.
func TestWaitsForReaders(t *testing.T) {
	spec := load(t, "healthy")
	spec.For, spec.Readers[0].Work = time.Second, 2*time.Millisecond
	r := Run(Case{Spec: spec, Seed: 1})
	wantKept(t, r)
	if r.Ledger.Processed != 4*r.Ledger.InLog || r.VirtualNS < int64(1500*time.Millisecond) {
		t.Errorf("processed %d of %d records, at rest after %v", r.Ledger.Processed, r.Ledger.InLog, time.Duration(r.VirtualNS))
	}
	spec.Settle = 100 * time.Millisecond
	r = Run(Case{Spec: spec, Seed: 1})
	want := regexp.MustCompile(`: k1002 \(inventory\) has processed events-0 up to offset [0-9]+ of [0-9]+; `)
	if f := r.Findings[len(r.Findings)-1]; f.Outcome != result.Broken || !want.MatchString(f.Violations[0].What) {
		t.Errorf("%+v", f)
	}
}

func TestStepsThatChangeNothingAreComments(t *testing.T) {
	n, r := runWithNotes(Case{Spec: load(t, "orders"), Seed: 1, Faults: text("1s restart b1\n2s heal *\n3s slow b1 b2 0s")})
	want := []string{"# 1.000s restart b1: changed nothing", "# 2.000s heal *: changed nothing", "# 3.000s slow b1 b2 0s: changed nothing"}
	if !slices.Equal(r.Faults, want) || len(n.of(history.Fault))+len(n.of(history.Heal))+len(n.of(history.Restart)) > 0 {
		t.Errorf("%q", r.Faults)
	}
}

// A run in which nothing was sent has shown nothing, though it came to rest.
func TestNothingIsVacuous(t *testing.T) {
	spec := load(t, "healthy")
	spec.Producers = nil
	if r := Run(Case{Spec: spec, Seed: 1}); r.Verdict != result.Vacuous || r.Exit != result.ExitInconclusive {
		t.Errorf("%s, exit %d, %v", r.Verdict, r.Exit, outcomes(r))
	}
}

// crashing builds a run whose node at a place panics at 1 s.
func crashing(t *testing.T, node int) *run {
	p, err := (&Case{Spec: load(t, "healthy"), Seed: 1}).plan()
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(p)
	r.sim.After = func(n int) {
		if n == node && r.sim.Now() >= machine.Instant(time.Second) {
			panic("log end offset below high watermark")
		}
		r.after(n)
	}
	return r
}

func TestPanicOfABrokerIsAFinding(t *testing.T) {
	r := crashing(t, 1)
	r.play()
	res := r.result()
	want := regexp.MustCompile(`^1\.[0-9]{3}s panic: b2, told [a-z]+: log end offset below high watermark$`)
	if res.Verdict != result.Broken || res.Exit != 1 || len(res.Audits) != 1 || !want.MatchString(res.Audits[0]) {
		t.Errorf("%s, exit %d, audits %q", res.Verdict, res.Exit, res.Audits)
	}
}

// A panic of a client is the harness's, and so is one of what looks at brokers.
func TestOtherPanicsComeOut(t *testing.T) {
	for name, r := range map[string]*run{"client": crashing(t, 4), "audit": crashing(t, -1)} {
		if name == "audit" {
			r.cluster.epochs = nil // noteLeaders indexes it
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a panic of the %s was swallowed", name)
				}
			}()
			r.play()
		}()
	}
}

func TestAuditsAreListedOnceAndBounded(t *testing.T) {
	var a audits
	for i := range 30 {
		s := string(rune('a' + i))
		a.add(machine.Instant(i)*1e6, s, s)
		a.add(machine.Instant(i)*1e6+1, s)
	}
	if len(a.list) != mostAudits+1 || a.list[1] != "0.001s b" || !strings.Contains(a.list[mostAudits], "not listed") {
		t.Errorf("%q", a.list)
	}
}

func TestTrace(t *testing.T) {
	var b bytes.Buffer
	c := Case{Spec: load(t, "orders"), Seed: 7}
	plain := Run(c)
	c.Trace = &b
	if r := Run(c); !reflect.DeepEqual(r, plain) {
		t.Errorf("a run with a trace is another run:\n%+v\n%+v", r, plain)
	}
	events, faults := int64(0), 0
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "-- ") {
			faults++
		} else {
			events++
		}
	}
	if events != plain.Events || faults != len(plain.Faults) {
		t.Errorf("%d events and %d faults are traced, of %d and %d", events, faults, plain.Events, len(plain.Faults))
	}
	if !strings.Contains(b.String(), " class=api-versions-response key=") || regexp.MustCompile("class=[0-9]").MatchString(b.String()) {
		t.Error("the trace does not name classes")
	}
}

type failing struct{ left int }

func (w *failing) Write(b []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

func TestTraceThatCannotBeWritten(t *testing.T) {
	r := Run(Case{Spec: load(t, "orders"), Seed: 7, Trace: &failing{5}})
	wantKept(t, r)
	if len(r.Warnings) != 1 || r.Warnings[0] != "the trace ends early: disk full" {
		t.Errorf("%q", r.Warnings)
	}
}

// notes collects the notes of a history.
type notes struct{ list []history.Event }

func (n *notes) Event(e *history.Event) {
	if e.E == history.Note {
		n.list = append(n.list, *e)
	}
}

func (n *notes) of(f history.Func) (list []history.Event) {
	for _, e := range n.list {
		if e.F == f {
			list = append(list, e)
		}
	}
	return list
}

func runWithNotes(c Case) (*notes, result.Result) {
	n := &notes{}
	c.History = func(*history.Header) history.Sink { return n }
	return n, Run(c)
}

func TestNotesOfFaultsAndLeaders(t *testing.T) {
	n, r := runWithNotes(Case{Spec: load(t, "orders"), Seed: 7})
	var told []string
	for _, e := range n.list {
		switch e.F {
		case history.Fault, history.Heal, history.Restart:
			told = append(told, e.Why)
		}
	}
	if !slices.Equal(told, r.Faults) {
		t.Errorf("the history tells of\n%s\nand the result of\n%s", strings.Join(told, "\n"), strings.Join(r.Faults, "\n"))
	}
	if len(n.of(history.Restart)) != 3 || len(n.of(history.Heal)) != 1 {
		t.Errorf("%d restarts and %d heals are noted", len(n.of(history.Restart)), len(n.of(history.Heal)))
	}
	leaders := n.of(history.Leader)
	epochs := map[history.TP]int32{0: -1, 1: -1, 2: -1}
	for _, e := range leaders {
		if e.Epoch <= epochs[e.TP] || e.Broker == "" {
			t.Errorf("leader note %+v after epoch %d", e, epochs[e.TP])
		}
		epochs[e.TP] = e.Epoch
	}
	if int64(len(leaders)) != 3+r.Reached["leader-change"] {
		t.Errorf("%d leader notes for %d partitions and %d changes", len(leaders), 3, r.Reached["leader-change"])
	}
}

func TestHeader(t *testing.T) {
	spec := load(t, "healthy")
	spec.Producers = append(spec.Producers, Producer{Name: "weak", Topic: "events", RatePerSecond: 1, Sizes: workloads.Sizes{Bytes: 100}})
	head := func(c Case) *history.Header {
		p, err := c.plan()
		if err != nil {
			t.Fatal(err)
		}
		top := newTopology(c.Spec)
		return p.header(&top)
	}
	h := head(Case{Spec: spec, Seed: 5})
	if want := (history.Settings{Acks: "all", Idem: true, Iso: "ru", Sub: "assign", Reset: "earliest", MinISR: 2, Flush: "page-cache", Retries: true, InFlight: 5}); h.Set != want || h.Seed != 5 {
		t.Errorf("%+v", h.Set)
	}
	if h.Promise.From != "derived" || !slices.Contains(h.Promise.Properties, "no-acked-loss") || !slices.Equal(h.TPs, []string{"events-0", "events-1", "events-2"}) {
		t.Errorf("%+v %v", h.Promise, h.TPs)
	}
	h = head(Case{Spec: spec, Layers: with("producer.weak.acks", "1", "topic.flush.messages", "1", "consumer.payment.auto.offset.reset", "latest")})
	if h.Set.Acks != "1" || h.Set.Idem || h.Set.Flush != "fsync" || h.Set.Reset != "latest" || slices.Contains(h.Promise.Properties, "no-acked-loss") {
		t.Errorf("%+v %+v", h.Set, h.Promise)
	}
	if h = head(Case{Spec: spec, Promise: []string{"no-skip"}}); h.Promise.From != "stated" || !slices.Equal(h.Promise.Properties, []string{"no-skip"}) {
		t.Errorf("%+v", h.Promise)
	}
}
