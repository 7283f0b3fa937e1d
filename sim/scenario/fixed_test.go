package scenario

import "testing"

// Schedules that have broken a promise once, of bugs that nobody had planted.
func TestFixed(t *testing.T) {
	for _, x := range []struct {
		bug, scenario string
		seed          uint64
		faults        string
	}{
		{"a batch that was sent again and is not committed yet was acknowledged by a broker whose disk failed at the next", "storms", 0x7a, `
1480ms for 90ms   crash b1
2040ms for 500ms  pause b2
2460ms for 100ms  disk-full b3
3180ms            io-error b2 orders-*
`},
		{"a controller that made a snapshot took its own log for committed, from which its leader's had parted", "storms", 0x8b, `
0s for 400ms         cut-both b1,b2,b3 c101,c102,c103
380ms for 700ms      slow c101 c102 80ms
380ms for 700ms      slow c101 c103 80ms
695321us for 300ms   crash c101
1278776us for 500ms  power-loss c103
2271ms for 400ms     disk-full b3
2812970us for 600ms  power-loss b3
3003361us for 900ms  cut-both c101 *
3600ms for 300ms     power-loss b2
3903068us for 500ms  pause c103
4254ms for 900ms     disk-slow c103 40
`},
	} {
		t.Run(x.bug, func(t *testing.T) {
			wantKept(t, Run(Case{Spec: load(t, x.scenario), Seed: x.seed, Faults: text(x.faults)}))
		})
	}
}
