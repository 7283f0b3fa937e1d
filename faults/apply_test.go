package faults

import (
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

func TestApply(t *testing.T) {
	for _, c := range []struct{ text, calls, recorded string }{
		{"1s cut follower leader", "cut b3>b1", "1.000s cut follower(b3) leader(b1)\n"},
		{"1s cut-both b1 b2", "cut b1>b2, cut b2>b1", "1.000s cut-both b1 b2\n"},
		{"1s heal b1 b2", "heal b1>b2", "1.000s heal b1 b2\n"},
		{"1s heal-both b1 b2", "heal b1>b2, heal b2>b1", "1.000s heal-both b1 b2\n"},
		{"1s heal *", "heal all", "1.000s heal *\n"},
		{"1s heal * b1", "heal b2>b1, heal b3>b1", "1.000s heal *(b1,b2,b3) b1\n"},
		{"1s slow b1 leader(orders-1) 50ms", "slow b1>b2 50ms", "1.000s slow b1 leader(orders-1=b2) 50ms\n"},
		{"1s drop produce-response leader notification 3", "drop 1 b1>k1001 3", "1.000s drop produce-response leader(b1) notification(k1001) 3\n"},
		{"1s reset b1 b2", "reset b1 b2", "1.000s reset b1 b2\n"},
		{"1s reset after-accept fetch b1 b2", "reset after 2 b1>b2", "1.000s reset after-accept fetch b1 b2\n"},
		{"1s crash leader", "crash b1", "1.000s crash leader(b1)\n"},
		{"1s power-loss *", "power-loss b1, power-loss b2, power-loss b3", "1.000s power-loss *(b1,b2,b3)\n"},
		{"1s restart *", "restart all", "1.000s restart *\n"},
		{"1s restart b1,b2", "restart b1, restart b2", "1.000s restart b1,b2\n"},
		{"1s pause svc-1", "pause n-7", "1.000s pause svc-1(=n-7)\n"},
		{"1s resume n-7", "resume n-7", "1.000s resume n-7\n"},
		{"1s skew b1 -3s", "skew b1 -3s", "1.000s skew b1 -3s\n"},
		{"1s drift b1 -200", "drift b1 -200", "1.000s drift b1 -200\n"},
		{"1s clog b1 leader", "", "# 1.000s clog b1 leader(b1): not applied: both ends are the same node\n"},
		{"1s clog b2 leader", "clog b2>b1", "1.000s clog b2 leader(b1)\n"},
		{"1s throttle b2 b1 20000/s", "throttle b2>b1 20000", "1.000s throttle b2 b1 20000/s\n"},
		{"1s bit-rot leader", `bit rot b1 ""`, "1.000s bit-rot leader(b1)\n"},
		{"1s latent-error b2 orders-0", `latent error b2 "orders-0"`, "1.000s latent-error b2 orders-0\n"},
		{"1s io-error b2 orders-*", `fail appends b2 "orders-*" true, fail syncs b2 "orders-*" true`, "1.000s io-error b2 orders-*\n"},
		{"1s io-error b2 off", `fail appends b2 "" false, fail syncs b2 "" false`, "1.000s io-error b2 off\n"},
		{"1s sync-error b2", `fail syncs b2 "" true`, "1.000s sync-error b2\n"},
		{"1s disk-full b1", "fill b1 true", "1.000s disk-full b1\n"},
		{"1s disk-slow b1 10", "slow disk b1 10", "1.000s disk-slow b1 10\n"},
		{"1s disk-stall b1,b2", "stall b1 true, stall b2 true", "1.000s disk-stall b1,b2\n"},
		{"1s fsync-lies b1 off", "lie b1 false", "1.000s fsync-lies b1 off\n"},
		{"1s crash-at append leader", "crash b1 at append", "1.000s crash-at append leader(b1)\n"},
		{"1s for 1s power-loss-at lead b2", "power loss b2 at lead, restart b2", "1.000s power-loss-at lead b2\n2.000s restart b2\n"},
		{"1s disk-reorders b1", "reorder b1 true", "1.000s disk-reorders b1\n"},
		{"1s disk-misdirects leader off", "misdirect b1 false", "1.000s disk-misdirects leader(b1) off\n"},
		{"1s for 1s disk-misdirects b2", "misdirect b2 true, misdirect b2 false", "1.000s disk-misdirects b2\n2.000s disk-misdirects b2 off\n"},
		{"1s mend *", "mend b1, mend b2, mend b3", "1.000s mend *(b1,b2,b3)\n"},
		{"1s wipe b1", "wipe b1", "1.000s wipe b1\n"},
		{"1s crash follower(b2)", "crash b2", "1.000s crash follower(b2)\n"},

		{"1.0000005s crash b1", "crash b1", "1.0000005s crash b1\n"},
		{"2s crash b1\n1s crash b2\n2s crash b3", "crash b2, crash b1, crash b3", "1.000s crash b2\n2.000s crash b1\n2.000s crash b3\n"},

		{"1s for 700ms cut follower leader", "cut b3>b1, heal b3>b1", "1.000s cut follower(b3) leader(b1)\n1.700s heal follower(b3) leader(b1)\n"},
		{"1s for 1s cut-both b1 b2", "cut b1>b2, cut b2>b1, heal b1>b2, heal b2>b1", "1.000s cut-both b1 b2\n2.000s heal-both b1 b2\n"},
		{"1s for 1s slow b1 b2 5ms", "slow b1>b2 5ms, slow b1>b2 0s", "1.000s slow b1 b2 5ms\n2.000s slow b1 b2 0s\n"},
		{"1s for 1s power-loss leader", "power-loss b1, restart b1", "1.000s power-loss leader(b1)\n2.000s restart leader(b1)\n"},
		{"1s for 1s crash *", "crash b1, crash b2, crash b3, restart b1, restart b2, restart b3", "1.000s crash *(b1,b2,b3)\n2.000s restart *(b1,b2,b3)\n"},
		{"1s for 1s pause b1", "pause b1, resume b1", "1.000s pause b1\n2.000s resume b1\n"},
		{"1s for 1s skew b1 +3s", "skew b1 3s, skew b1 -3s", "1.000s skew b1 +3s\n2.000s skew b1 -3s\n"},
		{"1s for 1s drift b1 +3", "drift b1 3, drift b1 -3", "1.000s drift b1 +3\n2.000s drift b1 -3\n"},
		{"1s for 1s clog b1 b2", "clog b1>b2, heal b1>b2", "1.000s clog b1 b2\n2.000s heal b1 b2\n"},
		{"1s for 1s throttle b1 b2 5/s", "throttle b1>b2 5, throttle b1>b2 0", "1.000s throttle b1 b2 5/s\n2.000s throttle b1 b2 0/s\n"},
		{"1s for 1s sync-error b1 x", `fail syncs b1 "x" true, fail syncs b1 "x" false`, "1.000s sync-error b1 x\n2.000s sync-error b1 x off\n"},
		{"1s for 1s io-error b1", `fail appends b1 "" true, fail syncs b1 "" true, fail appends b1 "" false, fail syncs b1 "" false`, "1.000s io-error b1\n2.000s io-error b1 off\n"},
		{"1s for 1s disk-full b1", "fill b1 true, fill b1 false", "1.000s disk-full b1\n2.000s disk-full b1 off\n"},
		{"1s for 1s disk-slow b1 9", "slow disk b1 9, slow disk b1 1", "1.000s disk-slow b1 9\n2.000s disk-slow b1 1\n"},
		{"1s for 1s disk-stall b1", "stall b1 true, stall b1 false", "1.000s disk-stall b1\n2.000s disk-stall b1 off\n"},
		{"1s for 1s fsync-lies leader", "lie b1 true, lie b1 false", "1.000s fsync-lies leader(b1)\n2.000s fsync-lies leader(b1) off\n"},

		{"1s crash follower2", "", "# 1.000s crash follower2: not applied: nobody is follower2\n"},
		{"1s cut leader follower2", "", "# 1.000s cut leader(b1) follower2: not applied: nobody is follower2\n"},
		{"1s cut leader any", "", "# 1.000s cut leader(b1) any(b1): not applied: both ends are the same node\n"},
		{"1s crash leader(orders-0)", "", "# 1.000s crash leader(orders-0): not applied: nobody is leader(orders-0)\n"},
		{"1s for 1s crash follower2", "", "# 1.000s crash follower2: not applied: nobody is follower2\n# 2.000s restart follower2: not applied: what it would undo was not applied\n"},
	} {
		calls, recorded := run(mustParse(t, c.text), 1, testView)
		if calls != c.calls || recorded != c.recorded {
			t.Errorf("%s\ndid %s\nwant %s\nrecorded %swant %s", c.text, calls, c.calls, recorded, c.recorded)
		}
	}
}

// Whoever was hit recovers, although somebody else leads by then.
func TestUndoGoesToWhoWasHit(t *testing.T) {
	leader := "b1"
	view := func(string) (string, bool) { return leader, true }
	var w log
	for _, at := range mustParse(t, "1s for 1s crash leader").Plan(1) {
		at.Apply(&w, view)
		leader = "b2"
	}
	if got := strings.Join(w.calls, ", "); got != "crash b1, restart b1" {
		t.Error(got)
	}
}

// The recorded texts do the same again, at the same times, without a view.
func TestRecordedReplays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := Parse(anySchedule().Draw(t, "schedule"), testVocabulary)
		if err != nil {
			t.Fatal(err)
		}
		calls, recorded := run(s, rapid.Uint64().Draw(t, "seed"), testView)
		replay, err := Parse(recorded, testVocabulary)
		if err != nil {
			t.Fatalf("%v in the recorded\n%s", err, recorded)
		}
		again, rerecorded := run(replay, 0, nil)
		if again != calls {
			t.Fatalf("did %s\nreplayed %s", calls, again)
		}
		var applied strings.Builder
		for line := range strings.Lines(recorded) {
			if !strings.HasPrefix(line, "#") {
				applied.WriteString(line)
			}
		}
		if rerecorded != applied.String() {
			t.Fatalf("recorded\n%sreplay recorded\n%s", applied.String(), rerecorded)
		}
	})
}

// Removing a step leaves the times of all others as they were.
func TestWindowsAreKeyed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		// Equal steps are told apart by their number only, so here all differ.
		nodes := rapid.Permutation([]string{"b1", "b2", "b3", "c101", "leader", "any"}).Draw(t, "nodes")
		var s Schedule
		for _, n := range nodes {
			one, err := Parse("1s..3s for 1s crash "+n, testVocabulary)
			if err != nil {
				t.Fatal(err)
			}
			s = append(s, one...)
		}
		times := func(s Schedule) map[string]machine.Instant {
			m := make(map[string]machine.Instant)
			for _, at := range s.Plan(seed) {
				m[at.Step.what()] = at.Time
			}
			return m
		}
		all, without := times(s), times(s[1:])
		for what, at := range without {
			if all[what] != at {
				t.Fatalf("%s at %v, but at %v with another step before", what, at, all[what])
			}
		}
		if len(all) != len(without)+2 {
			t.Fatalf("%d planned, %d without one step", len(all), len(without))
		}
	})
}

func TestWindowsAreDrawn(t *testing.T) {
	s := mustParse(t, "900ms..1400ms crash leader\n900ms..1400ms crash leader")
	var low, high machine.Instant = machine.Never, 0
	same := 0
	for seed := range uint64(2000) {
		plan := s.Plan(seed)
		if plan[0].Time == plan[1].Time {
			same++
		}
		for _, at := range plan {
			low, high = min(low, at.Time), max(high, at.Time)
			if at.Time%machine.Instant(time.Microsecond) != 0 {
				t.Fatalf("seed %d: %d ns is no whole microsecond", seed, at.Time)
			}
		}
	}
	begin, end := machine.Instant(900*time.Millisecond), machine.Instant(1400*time.Millisecond)
	if low < begin || low > begin.Add(time.Millisecond) || high > end || high < end.Add(-time.Millisecond) {
		t.Errorf("drawn from %d to %d, want the whole of %d to %d", low, high, begin, end)
	}
	if same > 5 {
		t.Errorf("two equal steps had the same time for %d of 2000 seeds", same)
	}
	narrow := mustParse(t, "1s..1.000001s crash b1")
	ends := map[machine.Instant]bool{}
	for seed := range uint64(50) {
		ends[narrow.Plan(seed)[0].Time] = true
	}
	if len(ends) != 2 {
		t.Errorf("a window of one microsecond has %d times, want both its ends", len(ends))
	}
}

// The times of one seed, written down: a change of them is a change of what
// every seed means.
func TestWindowsAreFixed(t *testing.T) {
	_, recorded := run(mustParse(t, "1s..2s crash b1\n1s..2s crash b2\n1s..2s crash b1"), 7, nil)
	want := "1.223321s crash b2\n1.62171s crash b1\n1.98994s crash b1\n"
	if recorded != want {
		t.Errorf("recorded\n%swant\n%s", recorded, want)
	}
}

func TestStranded(t *testing.T) {
	for text, want := range map[string]string{
		"1s crash controller":                            `line 1: "1s crash controller" and nothing brings controller or c101 back: what needs it waits until everything is healed`,
		"\n1s power-loss c101\n2s crash b1\n3s heal *":   `line 2: "1s power-loss c101"`,
		"1s pause controller\n2s restart *":              `line 1: "1s pause controller"`,
		"2s crash controller\n1s restart *":              `line 1: "2s crash controller"`,
		"1s crash *":                                     `line 1: "1s crash *"`,
		"1s crash controller(c101)\n2s restart b1":       `line 1: "1s crash controller(c101)"`,
		"1s crash controller\n1s pause c101\n9s crash *": `line 3: "9s crash *"`,
		"1s crash controller\n2s restart c101":           "",
		"1s crash controller\n2s restart *":              "",
		"1s..5s crash controller\n2s restart controller": "",
		"1s for 1s crash controller":                     "",
		"1s pause controller\n2s resume controller":      "",
		"1s crash leader\n1s crash b1":                   "",
		"":                                               "",
	} {
		got := mustParse(t, text).Stranded("controller", "c101")
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
