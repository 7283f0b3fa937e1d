package scenario

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// A fork has the past of the run that it parts from, event for event, and another
// future.
func TestForkKeepsThePast(t *testing.T) {
	traced := func(fork Fork) []string {
		var b bytes.Buffer
		Run(Case{Spec: load(t, "orders"), Seed: 7, Fork: fork, Trace: &b})
		return strings.SplitAfter(b.String(), "\n")
	}
	whole := traced(Fork{})
	for _, at := range []time.Duration{1, 700 * time.Millisecond, 1300 * time.Millisecond, 3 * time.Second} {
		fork := traced(Fork{At: at, Seed: 99})
		same := 0
		for same < len(fork) && same < len(whole) && fork[same] == whole[same] {
			same++
		}
		if same == len(whole) {
			t.Fatalf("at %v: the fork is the same run", at)
		}
		for _, lines := range [][]string{whole[same:], fork[same:]} {
			when, _, _ := strings.Cut(strings.TrimPrefix(lines[0], "-- "), " ")
			if d, err := time.ParseDuration(when); err != nil || d <= at {
				t.Errorf("at %v: the runs part at %s: %v", at, lines[0], err)
			}
		}
		if again := traced(Fork{At: at, Seed: 99}); strings.Join(again, "") != strings.Join(fork, "") {
			t.Errorf("at %v: the same fork is another run", at)
		}
		if other := traced(Fork{At: at, Seed: 98}); strings.Join(other, "") == strings.Join(fork, "") {
			t.Errorf("at %v: two futures are one", at)
		}
	}
}
