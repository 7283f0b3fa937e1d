package lesson

import (
	"strings"
	"testing"
)

const good = `---
id: acks0
title: A lesson
ask: {kind: number, text: How many?, unit: records, answer: run.lost_unacked.p50}
run:
  about: acks=0
  scenario: acks0
  seeds: 4
  expect: {lost_unacked: {p50: [1, 3000]}, unavailable: {p50: [0s, 2s], prob_gt0: [0%, 100%]}}
watch: {about: lost_unacked}
---
It begins.

## Watch

## Measure

` + "{{.run.lost_unacked.p50}} of `1000` in {{.run.seeds}} runs.\n"

func TestParse(t *testing.T) {
	l, err := Parse("02-acks0.md", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Trials) != 1 || len(l.Trials[0].Expect) != 3 || l.Trials[0].Expect[1] != (Expectation{"unavailable", "p50", 0, 2_000_000, 9}) || len(l.parts) != 3 {
		t.Errorf("%+v", l)
	}
}

// What is wrong with a lesson is one line with its position and the nearest right word.
func TestParseRefuses(t *testing.T) {
	for _, x := range []struct{ old, new, want string }{
		{"---\nid", "id", "02-acks0.md:1: want front matter: a line of --- first"},
		{"---\nIt", "It", "02-acks0.md:1: the front matter has no end: a second line of ---"},
		{"id: acks0", "id: acks1", `02-acks0.md:2: id "acks1": the name of the file says "acks0"`},
		{"title:", "titel:", "02-acks0.md:3: unknown field titel; did you mean \"title\"?"},
		{"watch: {about", "watch: {abuot", "02-acks0.md:10: unknown field abuot; did you mean \"about\"?"},
		{"title: A lesson", "title: [A", "02-acks0.md:4: ',' or ']' must be specified"},
		{"kind: number", "kind: numbr", `02-acks0.md:2: ask: kind "numbr": want number or choice; did you mean "number"?`},
		{"scenario: acks0", "scenario: nowhere", `02-acks0.md:2: run: unknown scenario "nowhere"; there are `},
		{"scenario: acks0", "scenario: acks0\n  set: {producer.ack: 1}", `02-acks0.md:2: run: set producer.ack=1: Kafka has no producer setting "ack"; did you mean "acks"?`},
		{"scenario: acks0", "scenario: styles\n  cell: log saef, none", `02-acks0.md:2: run: cell: unknown column "log saef"; there are log default, log safe, `},
		{"scenario: acks0", "scenario: styles\n  cell: log safe, brokr crash", `02-acks0.md:2: run: cell: unknown fault "brokr crash"; there are none, broker crash, consumer crash, 5 s partition`},
		{"seeds: 4", "seeds: -4", "02-acks0.md:2: run: seeds -4: want 1 or more"},
		{"seeds: 4", "seeds: many", "02-acks0.md:8: "},
		{"lost_unacked: {p50: [1", "lost_unackt: {p50: [1", `02-acks0.md:9: unknown number "lost_unackt"; did you mean "lost_unacked"?`},
		{"{p50: [1, 3000]}", "{p51: [1, 3000]}", `02-acks0.md:9: lost_unacked: unknown "p51" of a distribution; did you mean "p5"`},
		{"{p50: [1, 3000]}", "{p50: [3000, 1]}", "02-acks0.md:9: lost_unacked: the interval is empty: its ends are the wrong way round"},
		{"{p50: [1, 3000]}", "{p50: [1, 2, 3]}", "02-acks0.md:9: lost_unacked: want an interval of two ends, such as [0, 6]"},
		{"{p50: [1, 3000]}", "{p50: [1.5, 3]}", `02-acks0.md:9: lost_unacked: "1.5": want a whole number`},
		{"{p50: [1, 3000]}", "[1, 3000]", "02-acks0.md:2: run: expect: lost_unacked: want a number of its distribution, such as {p50: [0, 6]}"},
		{"[0s, 2s]", "[0, 2]", `02-acks0.md:9: unavailable: "2": want a duration with its unit, such as 5ms`},
		{"[0%, 100%]", "[0, 1]", `02-acks0.md:9: unavailable: "0": want whole percent, such as 20%`},
		{"answer: run.lost_unacked.p50", "answer: run.lost_unacked.p95", "02-acks0.md:2: ask: answer: run.lost_unacked.p95: no interval watches over it: add it to expect of run"},
		{"## Measure", "## Mesure", `02-acks0.md:16: unknown heading "Mesure"; did you mean "Measure"?`},
		{"{{.run.seeds}}", "{{.runs.seeds}}", `02-acks0.md:18: unknown trial "runs"; did you mean "run"?`},
		{"{{.run.lost_unacked.p50}}", "{{.run.lost_acked.p50}}", "02-acks0.md:18: run.lost_acked.p50: no interval watches over it: add it to expect of run"},
		{"{{.run.lost_unacked.p50}}", "{{.price.ack_p99}}", "02-acks0.md:18: price.ack_p99: no interval watches over it: add it to price"},
		{"{{.run.lost_unacked.p50}}", "{{printf .run.seeds}}", "02-acks0.md:18: want a number alone, such as {{.run.lost_acked.p50}}"},
		{"{{.run.lost_unacked.p50}}", "{{.run", "02-acks0.md:18: function \"of\" not defined"},
		{"{{.run.lost_unacked.p50}}", "1027", `02-acks0.md:18: "1027" is written by hand: measure it, or put it in backquotes if it is a setting`},
	} {
		broken := strings.Replace(good, x.old, x.new, 1)
		if broken == good {
			t.Fatalf("%q is not in the lesson", x.old)
		}
		_, err := Parse("02-acks0.md", []byte(broken))
		if err == nil || !strings.HasPrefix(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s -> %s\n got %v\nwant %s", x.old, x.new, err, x.want)
		}
	}
	if _, err := Parse("acks0.md", []byte(good)); err == nil || !strings.Contains(err.Error(), "begins with its number") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Fuzz(func(t *testing.T, src string) {
		if _, err := Parse("02-acks0.md", []byte(src)); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: not one line: %v", src, err)
		}
	})
}
