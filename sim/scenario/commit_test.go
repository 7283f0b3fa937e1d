package scenario

import (
	"testing"

	"brokersim/checker/result"
)

// What a consumer's crash costs hangs on when it commits: nothing where position and effect
// are one, duplicates where the effect comes first, and records where the commit does. None
// of it breaks what the configuration promises.
func TestCommitDecidesWhatACrashCosts(t *testing.T) {
	for _, x := range []struct {
		set            []string
		twice, skipped bool
	}{
		{nil, false, false},
		{[]string{"log.commit=after"}, true, false},
		{[]string{"log.commit=before"}, false, true},
		{[]string{"log.commit=auto"}, true, false},
		{[]string{"log.commit=auto", "log.commit-every=1ms"}, true, false},
	} {
		var twice, skipped int64
		for seed := range uint64(6) {
			c := styles(t, "2s..5s for 500ms crash inventory", x.set...)
			c.Seed = seed + 1
			r := Run(c)
			if r.Verdict != result.Kept {
				t.Errorf("%v: %s\n%s", x.set, r.Verdict, findings(&r))
			}
			twice, skipped = twice+r.Ledger.DupProcessed, skipped+r.Ledger.Skipped
		}
		if twice > 0 != x.twice || skipped > 0 != x.skipped {
			t.Errorf("%v: %d processed twice, %d skipped", x.set, twice, skipped)
		}
	}
}

// Whoever states that nothing may be skipped is told that it was.
func TestCommitBeforeSkips(t *testing.T) {
	c := styles(t, "2s..5s for 500ms crash inventory", "log.commit=before")
	c.Seed, c.Promise = 1, []string{"no-skip"}
	if r := Run(c); r.Verdict != result.Broken {
		t.Errorf("%s, though %d records are skipped", r.Verdict, r.Ledger.Skipped)
	}
}

func TestCommitRefuses(t *testing.T) {
	for edit, want := range map[string]string{
		"log.commit=befor":      `log.commit=befor: unknown way to commit; did you mean "before"?`,
		"log.commit-every=5":    "log.commit-every=5: want a duration with its unit, from 1 ms",
		"log.commit-every=-5ms": "log.commit-every=-5ms: want a duration with its unit, from 1 ms",
	} {
		if _, err := Check(styles(t, "# none", edit)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", edit, err, want)
		}
	}
}
