package gate

import (
	"encoding/json"
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

// Whatever is planted can be explained: a story with the moment in which the promise
// was broken, and why it could be.
func TestExplainEveryBug(t *testing.T) {
	for i := range Bugs() {
		b := &Bugs()[i]
		t.Run(b.Name(), func(t *testing.T) {
			if testing.Short() && i%5 != 0 {
				t.Skip("with -short only every fifth")
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
			if len(e.Story.Rows) > 80 {
				t.Errorf("%d rows", len(e.Story.Rows))
			}
			for k, row := range e.Story.Rows {
				if row.Sent >= k || row.Kind == result.RowMessage && row.From == "" {
					t.Errorf("row %d: sent in row %d by %q", k, row.Sent, row.From)
				}
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
