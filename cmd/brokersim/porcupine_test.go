package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/linear"
	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

func caseOf(t *testing.T, name string, seed uint64, plant ...string) scenario.Case {
	t.Helper()
	spec, err := gate.Catalog(name)
	if err != nil {
		t.Fatal(err)
	}
	return scenario.Case{Spec: spec, Seed: seed, Plant: plant}
}

// What porcupine says of a violation is what the checker says, and its page shows
// the operations of the witness.
func TestSecondOpinionAgrees(t *testing.T) {
	for _, row := range []struct {
		scenario string
		seed     uint64
		bug      string
		property string
		shows    []string
	}{
		{"followers-cut", 1, "R24-ack-before-isr", "no-acked-loss", []string{"Produce", "acknowledged at orders-0@", "final read from"}},
		{"lost-answers", 1, "T01-forget-sequence", "no-duplicate", []string{"k1002 Fetch from", "leads orders-0 in epoch"}},
		{"followers-cut", 1, "R18-read-to-log-end", "no-stale-end", []string{"k1002 Fetch from ", ": high watermark 205"}},
	} {
		c := caseOf(t, row.scenario, row.seed, row.bug)
		r := scenario.Run(c)
		page, says, err := secondOpinion(c, &r)
		if err != nil || !gate.Shows(r, row.property) || !strings.HasPrefix(says, "porcupine: Illegal. There is no order of the ") {
			t.Errorf("%s: %s\n%v: %q", row.bug, gate.Sentence(r), err, says)
		}
		for _, want := range append(row.shows, "<html") {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s: the page has no %q", row.bug, want)
			}
		}
	}
	// Order per key is no matter of a log, and a run that has kept its promises none
	// of porcupine's.
	for _, row := range []struct {
		promise []string
		plant   []string
		verdict result.Verdict
	}{
		{[]string{"per-key-order"}, []string{"F05-requeue-at-tail"}, result.Broken},
		{nil, nil, result.Kept},
	} {
		c, err := caseOf(t, "lost-answers", 1, row.plant...).With("", "producer.enable.idempotence=false", "producer.max.in.flight.requests.per.connection=1")
		if err != nil {
			t.Fatal(err)
		}
		c.Promise = row.promise
		r := scenario.Run(c)
		if page, says, err := secondOpinion(c, &r); r.Verdict != row.verdict || len(page) > 0 || says != "" || err != nil {
			t.Errorf("%s: %v, %q", gate.Sentence(r), err, says)
		}
	}
}

// Wherever one looks in a run that keeps its promises, there is an order.
func TestSecondOpinionOfKeptRuns(t *testing.T) {
	for _, name := range []string{"orders", "lost-answers", "fast-failover", "acks1-leader-crash"} {
		for seed := uint64(1); seed <= 2; seed++ {
			c := caseOf(t, name, seed)
			properties := []string{"no-acked-loss", "no-skip", "no-stale-end"}
			if name == "acks1-leader-crash" { // acknowledged is not yet shown there
				c.Faults, properties = new(""), properties[:2]
			}
			var found *linear.Collector
			c.History = func(h *history.Header) history.Sink {
				found = linear.NewCollector(h)
				return found
			}
			if r := scenario.Run(c); r.Verdict != result.Kept {
				t.Fatalf("%s: %s", name, gate.Sentence(r))
			}
			for _, property := range properties {
				for at := range 30 {
					line := fmt.Sprintf(`{"i":%d,"m":[["s","orders-0",1,%d]]}`, 150*at, 8*at)
					v, ok := found.View(property, []string{line})
					if !ok {
						continue
					}
					var page bytes.Buffer
					if answer, err := v.Page(&page, searchSteps); err != nil || answer != linear.Legal {
						t.Errorf("%s %d: %s of %s: %v, %s", name, seed, property, line, err, v.Says(answer))
					}
				}
			}
		}
	}
}

// There is an order, too, of what clients were told by the coordinators of groups and of
// transactions, and of what was committed and fetched; with a coordinator that serves what it
// has not loaded yet there is none, as the checker says.
func TestCoordinatorsHaveAnOrder(t *testing.T) {
	for _, row := range []struct {
		scenario string
		plant    []string
		objects  int
		verdict  result.Verdict
		answer   linear.Answer
	}{
		{scenario: "groups", objects: 20, verdict: result.Kept, answer: linear.Legal},
		{scenario: "exactly-once", objects: 3, verdict: result.Kept, answer: linear.Legal},
		{scenario: "zombie", objects: 2, verdict: result.Kept, answer: linear.Legal},
		{scenario: "groups", plant: []string{"G05-loaded-early"}, objects: 20, verdict: result.Broken, answer: linear.Illegal},
	} {
		c := caseOf(t, row.scenario, 1, row.plant...)
		var all *linear.Coordinated
		c.History = func(h *history.Header) history.Sink {
			all = linear.NewCoordinated(h)
			return all
		}
		if r := scenario.Run(c); r.Verdict != row.verdict {
			t.Fatalf("%s: %s", row.scenario, gate.Sentence(r))
		}
		list, worst := all.Check(searchSteps), linear.Legal
		for _, x := range list {
			if x.Answer != linear.Legal {
				worst = x.Answer
				t.Logf("%s %v: of %s, %d operations, %s", row.scenario, row.plant, x.Object, x.Operations, x.Answer)
			}
		}
		if worst != row.answer || len(list) < row.objects {
			t.Errorf("%s %v: %d objects, %s", row.scenario, row.plant, len(list), worst)
		}
	}
}

// A search that is not let go on says so, and still has a page.
func TestSecondOpinionGivesUp(t *testing.T) {
	c := caseOf(t, "followers-cut", 1, "R24-ack-before-isr")
	var found *linear.Collector
	c.History = func(h *history.Header) history.Sink {
		found = linear.NewCollector(h)
		return found
	}
	r := scenario.Run(c)
	for _, f := range r.Findings {
		if f.Property != "no-acked-loss" {
			continue
		}
		v, ok := found.View(f.Property, f.Violations[0].Witness)
		if !ok {
			t.Fatal("there is no view")
		}
		var page bytes.Buffer
		answer, err := v.Page(&page, 3)
		if says := v.Says(answer); err != nil || answer != linear.GaveUp || !strings.HasPrefix(says, "porcupine: Unknown. ") || page.Len() < 1000 {
			t.Errorf("%v: %s, %d bytes", err, says, page.Len())
		}
	}
}
