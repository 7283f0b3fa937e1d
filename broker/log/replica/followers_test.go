package replica

import (
	"testing"
	"time"

	"brokersim/broker/machine"
)

// at is a fetch at a second, from an offset, when the leader's log ended somewhere.
type at struct {
	second         int64
	offset, logEnd int64
}

func TestKeepsUp(t *testing.T) {
	second := func(s int64) machine.Instant { return machine.Instant(s) * machine.Instant(time.Second) }
	for _, c := range []struct {
		what    string
		inSync  bool
		fetches []at
		logEnd  int64 // of the leader, in the end
		last    int64 // the last second at which it keeps up, within 10s; -1: not at 0
	}{
		{"in the ISR, never heard of", true, nil, 5, 10},
		{"in the ISR, never heard of, nothing written", true, nil, 0, 10},
		{"not in the ISR, never heard of", false, nil, 5, -1},
		{"not in the ISR, never heard of, nothing written", false, nil, 0, -1},
		{"at the end", false, []at{{3, 5, 5}}, 6, 13},
		{"at the end, and still", false, []at{{3, 5, 5}}, 5, 1000},
		{"behind at its first fetch", false, []at{{3, 4, 5}}, 6, -1},
		{"at the end only later", false, []at{{3, 4, 5}, {4, 5, 6}}, 7, 13}, // it had by 4 what there was at 3
		{"never at the end, always where it was", false, []at{{3, 4, 5}, {4, 5, 6}, {7, 6, 9}, {8, 9, 12}}, 12, 17},
		{"a long pause between", true, []at{{3, 5, 5}, {9, 5, 7}, {20, 7, 9}}, 9, 19},
		{"falls behind", true, []at{{3, 5, 5}, {4, 5, 9}, {5, 6, 9}, {6, 7, 9}}, 9, 13},
		{"a fetch of the same again is no progress", true, []at{{3, 5, 6}, {4, 5, 6}, {9, 5, 6}}, 6, 10},
		{"what it had it keeps", true, []at{{3, 5, 5}, {4, 2, 9}}, 9, 13},
	} {
		f := newFollower(2, 0, c.inSync)
		for _, x := range c.fetches {
			f.fetched(second(x.second), x.offset, x.logEnd)
		}
		now := int64(0)
		if n := len(c.fetches); n > 0 {
			now = c.fetches[n-1].second
		}
		if c.last < now {
			if f.keepsUp(second(now), c.logEnd, 10*time.Second) {
				t.Errorf("%s: keeps up at %ds", c.what, now)
			}
			continue
		}
		if !f.keepsUp(second(c.last), c.logEnd, 10*time.Second) {
			t.Errorf("%s: does not keep up at %ds", c.what, c.last)
		}
		if c.last < 1000 && f.keepsUp(second(c.last)+1, c.logEnd, 10*time.Second) {
			t.Errorf("%s: keeps up after %ds", c.what, c.last)
		}
	}
}
