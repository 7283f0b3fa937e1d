package story

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

var update = flag.Bool("update", false, "write the stories that are compared with")

// told is a failing run whose story is compared with a file.
var stories = []struct {
	name, scenario, property string
	seed                     uint64
	edits                    []scenario.Edit
	faults                   string
	plant                    []string
}{
	{"acked-before-isr", "followers-cut", "no-acked-loss", 1, small(1, 5), "1.09s cut leader follower\n1.67s crash leader", []string{"R24-ack-before-isr"}},
	{"sequence-forgotten", "lost-answers", "no-duplicate", 1, small(1, 5), "1.1s cut leader order-service\n1.47s crash leader", []string{"T01-forget-sequence"}},
	{"queue-drops-requeued", "orders-queue", "no-acked-loss", 2, alone("1200ms", "payment", "shipping-1", "shipping-2"), "1170ms crash inventory", []string{"Q05-drop-requeued"}},
	{"channel-retains", "orders-channel", "no-duplicate", 3, append(alone("5400ms", "inventory", "audit"), scenario.Edit{Key: "rate.order-service", Value: "1"}), "5s..5500ms reset b1 payment", []string{"P03-retain"}},
	{"one-ack", "acks1-leader-crash", "no-acked-loss", 2, nil, "900ms slow leader follower 10ms\n1170ms power-loss leader", nil},
}

// alone is without some readers, for some time.
func alone(length string, without ...string) []scenario.Edit {
	edits := []scenario.Edit{{Key: scenario.EditFor, Value: length}}
	for _, name := range without {
		edits = append(edits, scenario.Edit{Key: scenario.EditWithout, Value: name})
	}
	return edits
}

func small(partitions, rate int) []scenario.Edit {
	return []scenario.Edit{
		{Key: scenario.EditWithout, Value: "inventory"},
		{Key: "partitions.orders", Value: fmt.Sprint(partitions)}, {Key: "rate.order-service", Value: fmt.Sprint(rate)},
	}
}

func caseOf(t *testing.T, name string, seed uint64) scenario.Case {
	t.Helper()
	source, ok := scenario.Source(name)
	if !ok {
		t.Fatalf("there is no scenario %s", name)
	}
	spec, err := scenario.Parse(name+".yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	return scenario.Case{Spec: spec, Seed: seed}
}

// violation is the first of a property.
func violation(r result.Result, property string) *result.Violation {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Property == property && len(f.Violations) > 0 {
			return &f.Violations[0]
		}
	}
	return nil
}

// What is told of some runs, as somebody would read it.
func TestStories(t *testing.T) {
	for _, x := range stories {
		t.Run(x.name, func(t *testing.T) {
			c := caseOf(t, x.scenario, x.seed)
			c.Edits, c.Faults, c.Plant = x.edits, &x.faults, x.plant
			first := scenario.Run(c)
			v := violation(first, x.property)
			if v == nil {
				t.Fatalf("%s: %s is not broken", first.Repro, x.property)
			}
			again, told := Tell(c, x.property, v)
			if again.TraceHash != first.TraceHash {
				t.Errorf("watched, the run has the trace hash %s, and otherwise %s", again.TraceHash, first.TraceHash)
			}
			golden(t, filepath.Join("testdata", x.name+".txt"), render(v, &told))
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: go test ./sim/story -update writes it anew\n%s", file, got)
	}
}

func render(v *result.Violation, told *Told) string {
	var b strings.Builder
	fmt.Fprintln(&b, v.What)
	for i := range told.Story.Rows {
		r := &told.Story.Rows[i]
		who := r.Node
		switch {
		case r.Kind == result.RowLost:
			who = r.Node + " -x " + r.From
		case r.From != "":
			who = r.From + " -> " + r.Node
		}
		mark := " "
		if r.Violation {
			mark = "!"
		} else if r.Chain {
			mark = "*"
		}
		fmt.Fprintf(&b, "%s%2d %10.6f %-8s %-14s %s\n", mark, i, float64(r.AtNS)/1e9, r.Kind, who, r.What)
		for _, does := range r.Does {
			fmt.Fprintf(&b, "%39s  %s\n", "", does)
		}
	}
	for _, s := range told.Story.Strips {
		fmt.Fprintf(&b, "%s on %s: %s, ISR %t, [%d,%d) high watermark %d, synced %d:", s.TP, s.Node, s.Role, s.InISR, s.Start, s.End, s.HW, s.Synced)
		for _, c := range s.Cells {
			fmt.Fprintf(&b, " %d=%s", c.Offset, c.Record)
			if c.Ghost != "" {
				fmt.Fprintf(&b, "(was %s)", c.Ghost)
			}
		}
		fmt.Fprintln(&b)
	}
	for _, s := range told.Why {
		fmt.Fprintln(&b, "why:", s)
	}
	return b.String()
}

// Whatever a violation says, its story is told without a panic.
func FuzzSubject(f *testing.F) {
	f.Add("no-acked-loss", `{"i":8,"f":"send","m":[["s","orders-0",10010000000003,3]]}`)
	f.Add("no-phantom", `{"i":8,"f":"dump","m":[["p",{"orders-0":[3,[1,2,3]]}]],"at":{"orders-0":{"end":3}}}`)
	f.Add("audits", "1.255000000s orders-0: high watermark 9 above log end 3")
	c := scenario.Case{}
	f.Fuzz(func(t *testing.T, property, text string) {
		if c.Spec == nil {
			c = caseT(t)
		}
		v := &result.Violation{What: text, Witness: []string{text}}
		if property == Audit {
			v.Witness = nil
		}
		if _, told := Tell(c, property, v); len(told.Story.Rows) > mostRows+1 {
			t.Errorf("%d rows", len(told.Story.Rows))
		}
	})
}

// caseT is a short run.
func caseT(t *testing.T) scenario.Case {
	c := caseOf(t, "followers-cut", 1)
	faults := "300ms crash leader"
	c.Edits, c.Faults = append(small(1, 5), scenario.Edit{Key: "for", Value: "700ms"}), &faults
	return c
}
