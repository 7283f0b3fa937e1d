package faults

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"1s cut follower leader":                     "1s cut follower leader\n",
		"\t 1000ms   cut\tfollower  leader\r\n":      "1s cut follower leader\n",
		"# nothing\n\n  # at all":                    "",
		"1s crash leader# why":                       "1s crash leader\n",
		"1s crash leader\n1s crash leader":           "1s crash leader\n1s crash leader\n",
		"900ms..1400ms crash leader":                 "900ms..1.4s crash leader\n",
		"1s..1s crash leader":                        "1s crash leader\n",
		"0s crash b1,b2":                             "0s crash b1,b2\n",
		"1s for 700ms cut-both b1,b2 b3,c101":        "1s for 700ms cut-both b1,b2 b3,c101\n",
		"24h heal *":                                 "24h0m0s heal *\n",
		"1s heal all":                                "1s heal *\n",
		"1s heal leader *":                           "1s heal leader *\n",
		"1s heal-both b1 b2":                         "1s heal-both b1 b2\n",
		"1s slow b1 any 50ms":                        "1s slow b1 any 50ms\n",
		"1s slow b1 any 0s":                          "1s slow b1 any 0s\n",
		"1s drop produce notification leader":        "1s drop produce notification leader\n",
		"1s drop fetch b1 b2 1":                      "1s drop fetch b1 b2\n",
		"1s drop fetch b1 b2 17":                     "1s drop fetch b1 b2 17\n",
		"1s reset p1001 leader(orders-1)":            "1s reset p1001 leader(orders-1)\n",
		"1s reset after-accept produce p1001 leader": "1s reset after-accept produce p1001 leader\n",
		"1s duplicate produce p1001 leader 20ms":     "1s duplicate produce p1001 leader 20ms\n",
		"1s power-loss *":                            "1s power-loss *\n",
		"1s restart *":                               "1s restart *\n",
		"1s for 1m pause controller":                 "1s for 1m0s pause controller\n",
		"1s resume c101":                             "1s resume c101\n",
		"1s skew b1 +3s":                             "1s skew b1 +3s\n",
		"1s for 1s skew b1 -1.5h":                    "1s for 1s skew b1 -1h30m0s\n",
		"1s crash leader(b1)":                        "1s crash leader(b1)\n",
		"1s crash leader(orders-0=b1)":               "1s crash leader(orders-0=b1)\n",
		"1s crash svc-1(=n-7)":                       "1s crash svc-1(=n-7)\n",
		"1s crash *(b1,b3)":                          "1s crash *(b1,b3)\n",
		"1s crash n-7":                               "1s crash n-7\n",
		"1s cut * b1":                                "1s cut * b1\n",
		"1s cut * *":                                 "1s cut * *\n",
	} {
		if got := mustParse(t, text).String(); got != want {
			t.Errorf("%q prints as %q, want %q", text, got, want)
		}
	}
	s := mustParse(t, "# one\n\n1s..2s for 3s slow leader(orders-0) b2 40ms\n")
	want := Step{Line: 3, From: time.Second, To: 2 * time.Second, For: 3 * time.Second, Verb: Slow,
		A: Target{Role: "leader", Partition: "orders-0"}, B: Target{Nodes: []string{"b2"}}, By: 40 * time.Millisecond}
	if len(s) != 1 || !reflect.DeepEqual(s[0], want) {
		t.Errorf("parsed %+v, want %+v", s, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"\n\n1s crsh leader", `line 3, column 4: unknown verb "crsh"; did you mean "crash"?`},
		{"1s powerloss b1", `line 1, column 4: unknown verb "powerloss"; did you mean "power-loss"?`},
		{"1s explode b1", `line 1, column 4: unknown verb "explode"`},
		{"1s Crash b1", `unknown verb "Crash"; did you mean "crash"?`},
		{"crash leader", `line 1, column 1: "crash" is no time: want one with its unit, such as 500ms or 1.5s`},
		{"1 crash leader", `line 1, column 1: time "1" has no unit; did you mean "1s"?`},
		{"0 crash leader", `time "0" has no unit; did you mean "0s"?`},
		{"1.5 crash leader", `time "1.5" has no unit; did you mean "1.5s"?`},
		{"-1s crash leader", `line 1, column 1: negative time "-1s"`},
		{"+1s crash leader", `"+1s" is no time`},
		{"25h crash leader", `line 1, column 1: time 25h is more than 24h0m0s`},
		{"99999999999h crash leader", `"99999999999h" is no time`},
		{"inf crash leader", `"inf" is no time`},
		{"1s..900ms crash leader", `line 1, column 1: the window 1s..900ms ends before it begins`},
		{"1s..2 crash leader", `line 1, column 5: time "2" has no unit`},
		{"1s.. crash leader", `line 1, column 5: "" is no time`},
		{"..1s crash leader", `line 1, column 1: "" is no time`},
		{"1s..25h crash leader", `line 1, column 5: time 25h is more than`},
		{"1s", `line 1, column 3: something is missing: want a verb after the time`},
		{"1s for", `line 1, column 7: something is missing: want for DURATION`},
		{"1s for crash b1", `line 1, column 8: "crash" is no duration`},
		{"1s for 5 crash b1", `line 1, column 8: duration "5" has no unit; did you mean "5s"?`},
		{"1s for 0s crash b1", `line 1, column 8: a step for 0s would never be seen`},
		{"23h..24h for 1ns crash b1", `undone at 24h0m0.000000001s, which is more than 24h0m0s`},
		{"1s for 1s heal b1 b2", `line 1, column 4: heal cannot be undone after a while: leave out "for"`},
		{"1s for 1s drop fetch b1 b2", `line 1, column 4: drop cannot be undone`},
		{"1s for 1s reset after-accept fetch b1 b2", `reset after-accept cannot be undone`},
		{"1s memory b1", `something is missing: want memory NODE BYTES`},
		{"1s memory b1 64k", `"64k" is no number of bytes: want 0 to `},
		{"1s for 1s memory b1 0", `0 ends a limit of the memory`},
		{"1s duplicate produce b1 b2", `something is missing: want duplicate CLASS FROM TO DURATION`},
		{"1s for 1s duplicate produce b1 b2 1ms", `duplicate cannot be undone`},
		{"1s duplicate prodce b1 b2 1ms", `unknown class of frames "prodce"; did you mean "produce"?`},
		{"1s duplicate produce b1 b2 20", `delay "20" has no unit; did you mean "20s"?`},
		{"1s crash", `line 1, column 9: something is missing: want crash NODE`},
		{"1s crash  # leader", `something is missing: want crash NODE`},
		{"1s cut leader", `line 1, column 14: something is missing: want cut FROM TO`},
		{"1s heal b1", `something is missing: want heal FROM TO, or heal *`},
		{"1s heal *(b1,b2)", `something is missing: want heal FROM TO`},
		{"1s cut *", `something is missing: want cut FROM TO`},
		{"1s crash b1 now", `line 1, column 13: "now" is too much: want crash NODE`},
		{"1s heal * b1 b2", `"b2" is too much`},
		{"1s restart * b1", `"b1" is too much: want restart NODE, or restart *`},
		{"1s cut b1 b1", `line 1, column 8: b1 has no link with itself`},
		{"1s cut leader leader", `leader has no link with itself`},
		{"1s crash laeder", `line 1, column 10: unknown node or role "laeder"; did you mean "leader"?`},
		{"1s crash b9", `line 1, column 10: unknown node or role "b9"`},
		{"1s crash 3", `unknown node or role "3"`},
		{"1s crash b1,b9", `line 1, column 13: unknown node "b9"`},
		{"1s crash b1,b1", `line 1, column 13: b1 stands twice in b1,b1`},
		{"1s crash b1,", `line 1, column 13: unknown node ""`},
		{"1s crash leader,b1", `line 1, column 10: unknown node "leader"`},
		{"1s crash leader(orders-9)", `line 1, column 17: unknown partition "orders-9"; did you mean "orders-0" or "orders-1"?`},
		{"1s crash leader(orders-9=b1)", `line 1, column 17: unknown partition "orders-9"`},
		{"1s crash leader(orders-0=b9)", `line 1, column 26: unknown node "b9"`},
		{"1s crash leader(b9)", `line 1, column 17: unknown node "b9"`},
		{"1s crash leader(b1", `line 1, column 10: "leader(b1" does not end with ")"`},
		{"1s crash leader()", `line 1, column 17: unknown node ""`},
		{"1s crash leader(orders-0=)", `unknown node ""`},
		{"1s crash b1(orders-0)", `line 1, column 10: b1 is a node: only roles take (...)`},
		{"1s crash *(orders-0)", `line 1, column 12: * is every node: it takes no partition`},
		{"1s slow b1 b2", `something is missing: want slow FROM TO DURATION`},
		{"1s slow b1 b2 50", `line 1, column 15: delay "50" has no unit; did you mean "50s"?`},
		{"1s slow b1 b2 -50ms", `negative delay "-50ms"`},
		{"1s slow b1 b2 25h", `delay 25h is more than 24h0m0s`},
		{"1s for 1s slow b1 b2 0s", `a delay of 0s changes nothing that could be undone`},
		{"1s drop prodce b1 b2", `line 1, column 9: unknown class of frames "prodce"; did you mean "produce"?`},
		{"1s crash-at apend b1", `line 1, column 13: unknown step of a node "apend"; did you mean "append"?`},
		{"1s crash-at append", `want crash-at STEP NODE`},
		{"1s drop produce b1 b2 0", `line 1, column 23: "0" is no number of frames: want 1 to 1000000`},
		{"1s drop produce b1 b2 -1", `"-1" is no number of frames`},
		{"1s drop produce b1 b2 1000001", `"1000001" is no number of frames`},
		{"1s drop produce b1 b2 01", `"01" is no number of frames`},
		{"1s drop produce b1 b2 99999999999999999999", `is no number of frames`},
		{"1s reset after-acept produce b1 b2", `line 1, column 10: unknown word "after-acept"; did you mean "after-accept"?`},
		{"1s skew b1 3s", `line 1, column 12: offset "3s" has no sign; did you mean "+3s"?`},
		{"1s skew b1 +3", `line 1, column 13: offset "3" has no unit`},
		{"1s skew b1 --3s", `negative offset "-3s"`},
		{"1s skew b1 +0s", `an offset of +0s changes nothing`},
		{"1s skew b1 +25h", `offset 25h is more than`},
		{"1s crash " + strings.Repeat("x", 100_000), "unknown node or role"},
	} {
		_, err := Parse(c.text, testVocabulary)
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %.200v\nwant %s", c.text, err, c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: the error has several lines: %v", c.text, err)
		}
	}
}

// anySchedule draws schedules as text.
func anySchedule() *rapid.Generator[string] {
	target := rapid.SampledFrom([]string{"leader", "leader(orders-0)", "follower", "notification", "svc-1", "b1", "b2,b3",
		"any(b2)", "leader(orders-1=b3)", "svc-1(=n-7)", "follower2", "*"})
	duration := func(from, to int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(from, to), func(n int) string { return (time.Duration(n) * 37 * time.Microsecond).String() })
	}
	files := rapid.SampledFrom([]string{"", " orders-0", " orders-*/*.log"})
	step := rapid.Custom(func(t *rapid.T) string {
		when := duration(0, 1000).Draw(t, "from")
		if rapid.Bool().Draw(t, "window") {
			when += ".." + duration(1001, 9000).Draw(t, "to")
		}
		verb := rapid.SampledFrom([]string{"cut", "cut-both", "heal", "heal-both", "slow", "drop", "reset", "reset after-accept",
			"crash", "power-loss", "restart", "pause", "resume", "skew", "clog", "throttle", "bit-rot", "latent-error", "io-error",
			"sync-error", "disk-full", "disk-slow", "disk-stall", "fsync-lies", "mend", "wipe", "drift", "duplicate", "memory"}).Draw(t, "verb")
		a, b := target.Draw(t, "a"), target.Filter(func(s string) bool { return s != "b1" }).Draw(t, "b")
		if a == b {
			a = "b1"
		}
		long := ""
		switch verb {
		case "cut", "cut-both", "slow", "crash", "power-loss", "pause", "skew", "clog", "throttle", "io-error", "sync-error",
			"disk-full", "disk-slow", "disk-stall", "fsync-lies", "drift":
			long = rapid.SampledFrom([]string{"", "for 3ms ", "for 1.5s "}).Draw(t, "for")
		}
		text := when + " " + long + verb + " "
		switch verb {
		case "cut", "cut-both", "heal", "heal-both", "reset", "clog":
			return text + a + " " + b
		case "slow":
			return text + a + " " + b + " " + duration(1, 5000).Draw(t, "delay")
		case "drop":
			return text + "produce-response " + a + " " + b + rapid.SampledFrom([]string{"", " 1", " 3"}).Draw(t, "n")
		case "reset after-accept":
			return text + "fetch " + a + " " + b
		case "memory":
			return text + a + rapid.SampledFrom([]string{" 1", " 65536"}).Draw(t, "bytes")
		case "duplicate":
			return text + "produce " + a + " " + b + " " + duration(1, 5000).Draw(t, "late")
		case "skew":
			return text + a + " " + rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign") + duration(1, 5000).Draw(t, "offset")
		case "throttle":
			return text + a + " " + b + rapid.SampledFrom([]string{" 1/s", " 20000/s"}).Draw(t, "rate")
		case "bit-rot", "latent-error":
			return text + a + files.Draw(t, "files")
		case "io-error", "sync-error":
			text += a + files.Draw(t, "files")
		case "disk-slow":
			return text + a + rapid.SampledFrom([]string{" 2", " 1000"}).Draw(t, "factor")
		case "drift":
			return text + a + rapid.SampledFrom([]string{" +200", " -1"}).Draw(t, "ppm")
		default:
			text += a
		}
		switch verb {
		case "io-error", "sync-error", "disk-full", "disk-stall", "fsync-lies":
			if long == "" {
				text += rapid.SampledFrom([]string{"", " off"}).Draw(t, "off")
			}
		}
		return text
	})
	return rapid.Map(rapid.SliceOfN(step, 0, 12), func(steps []string) string { return strings.Join(steps, "\n") })
}

func TestPrintsAndParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anySchedule().Draw(t, "schedule")
		s, err := Parse(text, testVocabulary)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		again, err := Parse(s.String(), testVocabulary)
		if err != nil {
			t.Fatalf("%v in the printed\n%s", err, s)
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("%s\nparses back as\n%s", s, again)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"1s cut follower leader\n900ms..1400ms for 1s crash leader(orders-0) # why\n",
		"1s drop produce b1 b2 3\n2s reset after-accept fetch b1,b2 *\n3s skew svc-1(=n-7) -3s\n4s heal *",
		"1s for 1s io-error b1 orders-*/0 \n2s disk-full leader off\n3s drift * -200\n4s throttle b1 b2 20000/s\n5s bit-rot b1 [", "1s for 1s disk-slow b1 9",
		"1 crash x(", "1s..", "1s crash leader(=", "\r\n\t#", "1s crash *(b1,b2)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text, testVocabulary)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(s.String(), testVocabulary)
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q printed as %q: %v", text, s, err)
		}
		_, texts := run(s, 1, testView)
		if _, err := Parse(texts, testVocabulary); err != nil {
			t.Fatalf("%q was recorded as %q: %v", text, texts, err)
		}
	})
}
