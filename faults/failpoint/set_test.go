package failpoint

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func armed(t testing.TB, seed uint64, node uint32, site Site, threshold uint64, terms string) *Set {
	t.Helper()
	s := New(seed, node)
	if err := s.Arm(site, threshold, terms); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNilAndUnarmedAreOff(t *testing.T) {
	var off *Set
	off.Hit(ISRShrink)
	if off.On(R24AckBeforeISR, 1) || off.Reached(ISRShrink) != 0 || off.Fired(R24AckBeforeISR) != 0 {
		t.Error("a nil set did something")
	}
	s := New(1, 1)
	if s.On(R24AckBeforeISR, 1) {
		t.Error("an unarmed site fired")
	}
	s.Hit(ISRShrink)
	s.Hit(ISRShrink)
	if got := s.Reached(ISRShrink); got != 2 {
		t.Errorf("hit twice, reached %d times", got)
	}
}

func TestAlwaysIsAlwaysAndZeroNever(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, node, key := rapid.Uint64().Draw(t, "seed"), rapid.Uint32().Draw(t, "node"), rapid.Uint64().Draw(t, "key")
		s := New(seed, node)
		if err := s.Arm(T01ForgetSequence, Always, "return(true)"); err != nil {
			t.Fatal(err)
		}
		if err := s.Arm(R24AckBeforeISR, 0, "return(true)"); err != nil {
			t.Fatal(err)
		}
		if !s.On(T01ForgetSequence, key) || s.On(R24AckBeforeISR, key) {
			t.Fatal("always did not fire, or zero did")
		}
	})
}

// The largest draw is 2^32-1: a threshold of that many units still leaves it
// out, and only Always takes it in.
func TestLargestDraw(t *testing.T) {
	s := armed(t, 1, 1, T01ForgetSequence, Always-1, "return(true)")
	r, key := &s.sites[T01ForgetSequence], uint64(7)
	r.threshold = mix(r.key+key*odd) >> 32
	if s.On(T01ForgetSequence, key) {
		t.Error("a draw equal to the threshold fired")
	}
	r.threshold++
	if !s.On(T01ForgetSequence, key) {
		t.Error("a draw below the threshold did not fire")
	}
}

func TestThresholdIsAProbability(t *testing.T) {
	for _, percent := range []uint64{1, 10, 50, 90} {
		s := armed(t, 42, 3, T01ForgetSequence, Always/100*percent, "return(true)")
		const asked = 100_000
		for key := range uint64(asked) {
			s.On(T01ForgetSequence, key)
		}
		want := int64(asked / 100 * percent)
		// Six standard deviations of a fair coin bound those of the others.
		if got := int64(s.Fired(T01ForgetSequence)); got < want-950 || got > want+950 {
			t.Errorf("threshold of %d %%: fired %d times of %d, want about %d", percent, got, asked, want)
		}
		if s.Reached(T01ForgetSequence) != asked {
			t.Errorf("asked %d times, reached %d", asked, s.Reached(T01ForgetSequence))
		}
	}
}

// A decision depends on its identity alone: neither on what was asked before
// nor on which other sites are armed.
func TestDecisionsAreKeyed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, node := rapid.Uint64().Draw(t, "seed"), rapid.Uint32().Draw(t, "node")
		keys := rapid.SliceOfN(rapid.Uint64Range(0, 50), 1, 50).Draw(t, "keys")
		plain, busy := New(seed, node), New(seed, node)
		for _, s := range []*Set{plain, busy} {
			if err := s.Arm(T01ForgetSequence, Always/2, "return(true)"); err != nil {
				t.Fatal(err)
			}
		}
		if err := busy.Arm(R24AckBeforeISR, Always/2, "return(true)"); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			busy.On(R24AckBeforeISR, key)
			busy.On(T01ForgetSequence, key+1)
			if plain.On(T01ForgetSequence, key) != busy.On(T01ForgetSequence, key) {
				t.Fatalf("key %d was decided differently after other questions", key)
			}
		}
	})
}

// Seed, node, site and key each matter: changing one of them changes about half
// of the decisions at one half.
func TestEachPartOfTheIdentityMatters(t *testing.T) {
	base := func(key uint64) bool {
		return armed(t, 7, 3, T01ForgetSequence, Always/2, "return(true)").On(T01ForgetSequence, key)
	}
	for name, other := range map[string]func(uint64) bool{
		"seed": func(key uint64) bool {
			return armed(t, 8, 3, T01ForgetSequence, Always/2, "return(true)").On(T01ForgetSequence, key)
		},
		"node": func(key uint64) bool {
			return armed(t, 7, 4, T01ForgetSequence, Always/2, "return(true)").On(T01ForgetSequence, key)
		},
		"site": func(key uint64) bool {
			return armed(t, 7, 3, R24AckBeforeISR, Always/2, "return(true)").On(R24AckBeforeISR, key)
		},
		"key": func(key uint64) bool { return base(key + 1<<40) },
	} {
		differ := 0
		for key := range uint64(1000) {
			if base(key) != other(key) {
				differ++
			}
		}
		if differ < 400 || differ > 600 {
			t.Errorf("another %s changes %d of 1000 decisions, want about 500", name, differ)
		}
	}
}

// The decisions of one seed, written down: the same on every processor and on
// js, and a change of them is a change of what every seed means.
func TestDecisionsAreFixed(t *testing.T) {
	s := armed(t, 0x5eed, 2, R01TruncateToHighWatermark, Always/4, "return(true)")
	var fires []string
	for key := range uint64(32) {
		if s.On(R01TruncateToHighWatermark, key) {
			fires = append(fires, fmt.Sprint(key))
		}
	}
	if got, want := strings.Join(fires, " "), "1 4 12 16 18 19 24 25"; got != want {
		t.Errorf("fires for keys %s, want %s", got, want)
	}
}

func TestArmRefusedChangesNothing(t *testing.T) {
	s := armed(t, 1, 1, T01ForgetSequence, Always, "return(7)")
	for _, bad := range []struct {
		site      Site
		threshold uint64
		terms     string
		want      string
	}{
		{numSites, Always, "return(1)", "no such site"},
		{T01ForgetSequence, Always + 1, "return(1)", "threshold 4294967297 above 4294967296"},
		{T01ForgetSequence, Always, "panic", `T01-forget-sequence: terms "panic", column 1: want return(...)`},
		{R24AckBeforeISR, Always, "sleep(1)", "column 1"},
	} {
		err := s.Arm(bad.site, bad.threshold, bad.terms)
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("Arm(%v, %d, %q) = %v, want %q", bad.site, bad.threshold, bad.terms, err, bad.want)
		}
	}
	if v, ok := s.Eval(T01ForgetSequence, 1); !ok || v != 7 {
		t.Errorf("after a refused Arm the site gives %v, %v, want 7, true", v, ok)
	}
	if s.On(R24AckBeforeISR, 1) {
		t.Error("a site fired that was never armed")
	}
	if err := s.Arm(T01ForgetSequence, Always, "return(8)"); err != nil {
		t.Fatal(err)
	}
	if v, _ := s.Eval(T01ForgetSequence, 1); v != 8 {
		t.Errorf("armed again, the site gives %v, want 8", v)
	}
}

// Two nodes of one process have nothing in common, and neither has a node with
// the library's global registry.
func TestSetsAreApart(t *testing.T) {
	a := armed(t, 1, 1, T01ForgetSequence, Always, "1*return(1)")
	b := armed(t, 1, 2, T01ForgetSequence, Always, "1*return(2)")
	if v, ok := a.Eval(T01ForgetSequence, 1); !ok || v != 1 {
		t.Errorf("node 1 gives %v, %v", v, ok)
	}
	if v, ok := b.Eval(T01ForgetSequence, 1); !ok || v != 2 {
		t.Errorf("node 2 gives %v, %v", v, ok)
	}
	if a.On(T01ForgetSequence, 1) {
		t.Error("a used-up term fired")
	}
}

func TestNoAllocation(t *testing.T) {
	s := New(1, 1)
	for _, arm := range []struct {
		site      Site
		threshold uint64
		terms     string
	}{
		{T01ForgetSequence, 1, "return(true)"},
		{R24AckBeforeISR, Always, `return("a string")`},
		{R01TruncateToHighWatermark, Always, "2*return(100000)->return(1)"},
	} {
		if err := s.Arm(arm.site, arm.threshold, arm.terms); err != nil {
			t.Fatal(err)
		}
	}
	for _, site := range []Site{LeaderChange, T01ForgetSequence, R24AckBeforeISR, R01TruncateToHighWatermark} {
		key := uint64(0)
		if n := testing.AllocsPerRun(1000, func() { key++; s.Eval(site, key) }); n != 0 {
			t.Errorf("%v: %v allocations an Eval, want 0", site, n)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	for _, c := range []struct {
		name      string
		threshold uint64
		terms     string
	}{{"unarmed", 0, ""}, {"armed-not-fired", 1, "return(true)"}, {"fired", Always, "return(true)"}} {
		b.Run(c.name, func(b *testing.B) {
			s := New(1, 1)
			if c.terms != "" {
				s = armed(b, 1, 1, T01ForgetSequence, c.threshold, c.terms)
			}
			b.ReportAllocs()
			for key := uint64(0); b.Loop(); key++ {
				s.On(T01ForgetSequence, key)
			}
		})
	}
}

// A key of a name and two numbers is another one when any of them is.
func TestOnAbout(t *testing.T) {
	s := New(7, 1)
	if s.OnAbout(ShortRead, "orders", 0, 1) || (*Set)(nil).OnAbout(ShortRead, "orders", 0, 1) {
		t.Error("a site fires that is off")
	}
	if err := s.Arm(ShortRead, Always/2, "return(true)"); err != nil {
		t.Fatal(err)
	}
	const n = 4000
	fired, parts := 0, 0
	for i := range uint64(n) {
		on := s.OnAbout(ShortRead, "orders", 0, i)
		if on {
			fired++
		}
		for _, other := range []bool{s.OnAbout(ShortRead, "orders", 1, i), s.OnAbout(ShortRead, "payments", 0, i)} {
			if on != other {
				parts++
			}
		}
		if on != s.OnAbout(ShortRead, "orders", 0, i) {
			t.Fatalf("key %d gives two answers", i)
		}
	}
	if fired < n*45/100 || fired > n*55/100 || parts < n*9/10 || parts > n*11/10 {
		t.Errorf("of %d keys %d fire, and %d of their neighbours differ", n, fired, parts)
	}
}
