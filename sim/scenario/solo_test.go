package scenario

import (
	"slices"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/workloads"
)

// styles is the scenario that has a broker of each kind.
func styles(t *testing.T, faults string, set ...string) Case {
	t.Helper()
	src, _ := Source("styles")
	spec, err := Parse("styles.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Case{Spec: spec, Faults: &faults}.With("--set", set...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var safeQueue = []string{"kind=queue", "queue.confirms=true", "queue.durable=true", "queue.prefetch=10"}

const everything = `
1s..2s for 500ms    crash leader
2s..3s for 500ms    power-loss leader
1s..4s for 300ms    crash inventory
3s..4s for 2s       cut-both leader *
6s..7s for 300ms    crash shipping-1
6s..7s for 500ms    pause leader
`

// What is promised is kept, whatever happens, and one seed is one run.
func TestSoloKeepsItsPromise(t *testing.T) {
	for _, set := range [][]string{{"kind=pubsub"}, {"kind=queue"}, {"kind=queue", "queue.auto-ack=true"}, safeQueue, append(slices.Clone(safeQueue), "queue.republish=true")} {
		for seed := range uint64(4) {
			c := styles(t, everything, set...)
			c.Seed = seed
			r := Run(c)
			if r.Verdict != result.Kept {
				t.Errorf("%v: %s\n%s\n%v", set, r.Verdict, findings(&r), r.Warnings)
			}
			if len(r.Faults) < 12 {
				t.Errorf("%v: few faults were applied: %q", set, r.Faults)
			}
			again := Run(c)
			if again.TraceHash != r.TraceHash || again.Ledger != r.Ledger {
				t.Errorf("%v: seed %d gave two runs", set, seed)
			}
			repeat, err := ParseRepro(r.Repro)
			if err != nil {
				t.Fatal(err)
			}
			if same := Run(repeat.Case(c.Spec)); same.TraceHash != r.TraceHash {
				t.Errorf("%v: %s is another run", set, r.Repro)
			}
		}
	}
}

func findings(r *result.Result) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.Property + " " + string(f.Outcome) + "\n")
		for i, v := range f.Violations {
			if i < 3 {
				b.WriteString("  " + v.What + "\n")
			}
		}
	}
	return b.String()
}

// sendings are what a producer sends, when it is due, and under which key.
type sendings struct{ list []history.Sent }

func (s *sendings) Event(e *history.Event) {
	if e.F == history.Send && e.E == history.Inv {
		x := e.Sends[0]
		x.TP, x.Offset = 0, e.Due
		s.list = append(s.list, x)
	}
}

// The same is sent at the same time whatever kind of broker there is, and whatever befalls it.
func TestKindsAreSentTheSame(t *testing.T) {
	var first []history.Sent
	for _, x := range [][]string{{"kind=log"}, {"kind=queue"}, {"kind=pubsub"}} {
		for _, faults := range []string{"# none", "2s for 500ms crash leader"} {
			c := styles(t, faults, x...)
			c.Seed = 7
			got := &sendings{}
			c.History = func(*history.Header) history.Sink { return got }
			if r := Run(c); r.Verdict != result.Kept {
				t.Fatalf("%v: %s %v", x, r.Verdict, r.Warnings)
			}
			if first == nil {
				first = got.list
			}
			if !slices.Equal(got.list, first) || len(first) < 800 {
				t.Errorf("%v, %s: %d were sent, of which the %d of a log are others", x, faults, len(got.list), len(first))
			}
		}
	}
}

// Each property has a planted bug and a fault that break it, and holds under the fault
// alone.
func TestPlantedInStyles(t *testing.T) {
	slow := []string{"kind=pubsub", "pubsub.hard-limit=20000"}
	for _, x := range []struct {
		bug, property, faults string
		set                   []string
	}{
		{"P01-skip-overflow", "no-gap", "1s for 5s pause payment", slow},
		{"P02-newest-first", "per-key-order", "1s for 5s pause payment", []string{"kind=pubsub"}},
		{"P03-retain", "no-duplicate", "1s..4s for 100ms crash payment", []string{"kind=pubsub", "rate"}},
		{"P04-short-copy", "no-phantom", "1s for 5s pause payment", []string{"kind=pubsub"}},
		{"Q01-confirm-before-sync", "no-acked-loss", "1s for 3s crash inventory\n2s..3s for 500ms power-loss leader", safeQueue},
		{"Q02-settle-on-delivery", "no-acked-loss", "2s for 500ms crash inventory\n2s for 500ms power-loss leader", safeQueue},
		{"Q05-drop-requeued", "no-acked-loss", "1s..5s for 500ms crash inventory", safeQueue},
		{"Q07-forget-redelivered", "no-duplicate", "1s..5s for 500ms crash inventory", safeQueue},
	} {
		found := false
		for seed := range uint64(30) {
			c := styles(t, x.faults, slices.DeleteFunc(slices.Clone(x.set), func(s string) bool { return s == "rate" })...)
			if slices.Contains(x.set, "rate") { // so seldom that nothing comes while a reader is away
				c.Edits = append(c.Edits, Edit{"rate.order-service", "2"})
			}
			c.Seed = seed
			for i := range c.Spec.Producers { // so that a few seconds fill a socket's buffer
				c.Spec.Producers[i].Sizes = workloads.Sizes{Bytes: 1000}
			}
			if r := Run(c); seed < 3 && r.Verdict != result.Kept {
				t.Fatalf("%s, seed %d, without the bug: %s\n%s%v", x.bug, seed, r.Verdict, findings(&r), r.Warnings)
			}
			c.Plant = []string{x.bug}
			r := Run(c)
			if found = slices.ContainsFunc(r.Findings, func(f result.Finding) bool { return f.Property == x.property && f.Outcome == result.Broken }); found {
				break
			}
		}
		if !found {
			t.Errorf("%s did not break %s", x.bug, x.property)
		}
	}
}

func TestKindsAreParsed(t *testing.T) {
	for text, want := range map[string]string{
		"kind: queu\n":                       `s.yaml:1: kind: "queu": want one of log, queue, pubsub; did you mean "queue"?`,
		"kind: queue\nqueue: {confirm: 1}\n": `s.yaml:2: unknown field confirm of queue; did you mean "confirms"?`,
		"queue: {prefetch: 70000}\n":         `s.yaml:1: prefetch: "70000": want a whole number from 0 to 65535`,
		"pubsub: {soft-for: 5}\n":            `s.yaml:1: soft-for: "5": want a duration with its unit, such as 500ms or 5s`,
	} {
		_, err := Parse("s.yaml", []byte(text+"topics: {t: {replication: 1}}\nproducers: {p: {topic: t, rate_per_second: 1}}\n"))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for edit, want := range map[string]string{
		"kind=que": `kind=que: unknown kind of broker; did you mean "queue"?`, "queue.prefetch=-1": "queue.prefetch=-1: want a whole number from 0 to 65535",
		"queue.confirms=maybe": "queue.confirms=maybe: want true or false",
	} {
		c := styles(t, "# none", edit)
		if _, err := Check(c); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", edit, err, want)
		}
	}
}

func TestKindSettings(t *testing.T) {
	list, err := KindSettings(styles(t, "# none", append(slices.Clone(safeQueue), "pubsub.hard-limit=7")...))
	want := []KindSetting{{"kind", "queue", "log"}, {"queue.confirms", "true", "false"}, {"queue.durable", "true", "false"}, {"queue.prefetch", "10", "0"}, {"pubsub.hard-limit", "7", "33554432"}}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := KindSettings(styles(t, "# none")); err != nil || len(list) > 0 {
		t.Errorf("a log has %v, %v", list, err)
	}
}
