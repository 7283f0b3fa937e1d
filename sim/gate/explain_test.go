package gate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// firstOf is the first run of a planted bug that its property finds.
func firstOf(t *testing.T, b *Bug) (scenario.Case, bool) {
	t.Helper()
	c, err := b.Planted()
	if err != nil {
		t.Fatal(err)
	}
	for seed := uint64(1); seed <= min(b.Seeds, 40); seed++ {
		c.Seed = seed
		r := scenario.Run(c)
		if b.NamedBy(&r) {
			return c, true
		}
	}
	return c, false
}

// findingBy is the finding of the property or audit that must find a bug.
func findingBy(b *Bug, r result.Result) string {
	if b.Property != AuditProperty {
		return b.Property
	}
	for _, sentence := range r.Audits {
		if kind := auditKind(sentence); Shows(r, kind) {
			return kind
		}
	}
	return ""
}

// sayings are what is said of some bugs.
var sayings = map[string][]string{
	"R24-ack-before-isr":             {"b1 has not waited for {b2,b3}"},
	"R05-shrink-before-answer":       {"It had not heard that the controller had elected b2 in epoch 1", "elects b2 for orders-0, epoch 1"},
	"R06-forget-pending-isr":         {"For the controller the ISR was {b1,b2,b3}"},
	"R11-unclean-election":           {"the election was unclean"},
	"F05-requeue-at-tail":            {", the leader of epoch 0, appended record "},
	"F13-zero-for-unknown":           {"FENCED_LEADER_EPOCH", "it was follower of b2, epoch 1"},
	"S03-ignore-sync-error":          {"its disk did not have it when it started"},
	"T01-forget-sequence":            {"the leader should have known the second one (KIP-98)"},
	"T22-ids-before-durable":         {"it took the batch for one that it had", "(producer 0, epoch 0, sequence 0)"},
	"F08-retry-without-sequence":     {"The producer is not idempotent"},
	"F07-renumber-unknown":           {"the producer has numbered it anew"},
	"R01-truncate-to-high-watermark": {"as soon as it heard that it follows"},
	"T05-no-rotation":                {"asks for the end of transaction "},
}

// chainOf is the causal chain of an explanation.
func chainOf(e *result.Explanation) (text string) {
	for _, row := range e.Story.Rows {
		if row.Chain {
			text += "\n" + row.What + "\n" + strings.Join(row.Does, "\n")
		}
	}
	return text
}

// A broker that has waited for its ISR is not said to have not, however many there are
// and whoever else holds the record.
func TestExplainAccusesNobody(t *testing.T) {
	c, err := (&Experiment{Scenario: "fast-failover", Set: []string{"topic.flush.messages=1", "broker.replica.lag.time.max.ms=500"},
		Faults: strings.ReplaceAll("1s for 1550ms cut follower leader; 2400ms slow controller leader 700ms; 2560ms fsync-lies leader; 2560ms fsync-lies follower; 2560ms fsync-lies follower2;"+
			" 2900ms power-loss leader; 2900ms power-loss follower; 2900ms power-loss follower2; 4s restart *", "; ", "\n")}).Case()
	if err != nil {
		t.Fatal(err)
	}
	c.Seed, c.Promise = 1, []string{"no-acked-loss"}
	e, err := (&Explainer{Shrinker: Shrinker{Budget: -1}}).Explain(c, "no-acked-loss")
	if err != nil {
		t.Fatal(err)
	}
	told := strings.Join(e.Why, "\n")
	if !strings.Contains(told, "when 3 of 3 replicas held it") || strings.Contains(told, "not waited") {
		t.Errorf("%s", told)
	}
}

// Whatever is planted can be explained: a story with the moment in which the promise
// was broken, and why it could be. All are with -sweep; else those of whom it is known what is
// to be said, and some others.
func TestExplainEveryBug(t *testing.T) {
	for i := range Bugs() {
		b := &Bugs()[i]
		t.Run(b.Name(), func(t *testing.T) {
			switch {
			case testing.Short() && i%16 != 0:
				t.Skip("with -short only every sixteenth")
			case !*whole && sayings[b.Name()] == nil && i%16 != 0:
				t.Skip("only with -sweep")
			}
			c, ok := firstOf(t, b)
			if !ok {
				t.Skipf("none of its first seeds fails")
			}
			finding := findingBy(b, scenario.Run(c))
			o := &Explainer{Shrinker: Shrinker{Budget: 40}}
			e, err := o.Explain(c, finding)
			if err != nil {
				t.Fatal(err)
			}
			at := -1
			for k := range e.Story.Rows {
				if e.Story.Rows[k].Violation {
					at = k
				}
			}
			if at < 0 || len(e.Story.Lanes) == 0 || e.Verified != verifications || e.Sentence == "" {
				t.Errorf("violation in row %d, %d lanes, %d times verified, %q", at, len(e.Story.Lanes), e.Verified, e.Sentence)
			}
			if b.Property == AuditProperty { // its sentence begins with the time at which it was found: after a step, or at the end
				when := fmt.Sprintf("%d.%03ds ", e.Story.Rows[at].AtNS/1e9, e.Story.Rows[at].AtNS%1e9/1e6)
				if !strings.HasPrefix(e.Sentence, when) || e.Story.Rows[at].Event == 0 && e.Story.Rows[at].Kind != result.RowJudge {
					t.Errorf("the violation is in row %d, at %s: %s", at, when, e.Sentence)
				}
			}
			if n := e.AsItIs; n == nil || n.Runs != nearestRuns || n.Passed == n.Runs {
				t.Errorf("as it is, %d of %d futures pass", n.Passed, n.Runs)
			}
			if len(e.Story.Rows) > 80 {
				t.Errorf("%d rows", len(e.Story.Rows))
			}
			for k, row := range e.Story.Rows {
				if row.Sent >= k || row.Kind == result.RowMessage && row.From == "" {
					t.Errorf("row %d: sent in row %d by %q", k, row.Sent, row.From)
				}
			}
			told := strings.Join(e.Why, "\n") + chainOf(&e)
			for _, want := range sayings[b.Name()] {
				if !strings.Contains(told, want) {
					t.Errorf("it does not say %q:\n%s", want, told)
				}
			}
			if i%8 != 0 || !*whole && i%32 != 0 || testing.Short() && i > 0 {
				return
			}
			again, err := (&Explainer{Shrinker: Shrinker{Budget: 40, Workers: 1}}).Explain(c, finding)
			a, _ := json.Marshal(e)
			if b, _ := json.Marshal(again); err != nil || string(a) != string(b) {
				t.Errorf("explained again: %v, and otherwise", err)
			}
			t.Logf("%s\n%d rows, why %q, nearest %v", e.Sentence, len(e.Story.Rows), e.Why, e.Nearest)
		})
	}
}

// The first failure of each kind is explained, and by a merge of shards as by the
// check of everything.
func TestCheckExplains(t *testing.T) {
	spec, err := Catalog("acks1-leader-crash")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Version: "1", Seeds: Seeds{1, 8}, Cases: []scenario.Case{{Spec: spec}}, Shrink: 30}
	whole := Check(c)
	if len(whole.Explained) != 1 || whole.Explained[0].Finding != "no-acked-loss" || whole.Explained[0].Original != whole.Results[0].Repro {
		t.Fatalf("%d violations, explained %+v", whole.Violations, whole.Explained)
	}
	if e := whole.Explained[0]; e.Shrunk.Replays > 30 || e.Shrunk.To.Events >= e.Shrunk.From.Events || len(e.Why) == 0 {
		t.Errorf("%+v", e)
	}
	var files []ShardFile
	for i := range uint64(3) {
		files = append(files, ShardFile{string(rune('a' + i)), shardOf(t, c, Shard{i, 3})})
	}
	merged, err := Merge(files)
	if err != nil {
		t.Fatal(err)
	}
	if merged.Shards = nil; text(t, merged) != text(t, whole) {
		t.Errorf("merged\n%s\nwhole\n%s", text(t, merged), text(t, whole))
	}
	c.Shrink = 0
	if none := Check(c); len(none.Explained) > 0 || none.Violations != whole.Violations {
		t.Errorf("without a budget %d are explained", len(none.Explained))
	}
}
