package sim

import (
	"testing"

	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

// Whatever it drifts, Mono never goes back, is as wrong as the drift says, and run
// is the first time at which it shows what it is asked for.
func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c clock
		now := machine.Instant(0)
		t.Repeat(map[string]func(*rapid.T){
			"drift": func(t *rapid.T) {
				was := c.mono(now)
				c.drift(now, rapid.Int64Range(-250_000, 250_000).Draw(t, "ppm"))
				if c.mono(now) != was {
					t.Fatalf("mono jumps from %d to %d", was, c.mono(now))
				}
			},
			"right again": func(t *rapid.T) { c.drift(now, -c.gains) },
			"time": func(t *rapid.T) {
				was := c.mono(now)
				by := rapid.Int64Range(0, 1e15).Draw(t, "by") // a week
				if rapid.Bool().Draw(t, "short") {
					by %= 100
				}
				now += machine.Instant(by)
				gained := int64(c.mono(now)-was) - by
				if hi := by/10 + 1; gained < -hi || gained > hi || by > 0 && c.mono(now) < was {
					t.Fatalf("mono gains %d in %d", gained, by)
				}
			},
			"deadline": func(t *rapid.T) {
				want := c.mono(now) + machine.Instant(rapid.Int64Range(-1000, 1e15).Draw(t, "ahead"))
				at := c.run(want)
				if want <= c.mono(now) {
					if at > now {
						t.Fatalf("%d has passed, and comes at %d, now %d", want, at, now)
					}
					return
				}
				if at <= now || c.mono(at) < want || c.mono(at-1) >= want {
					t.Fatalf("%d comes at %d, where mono is %d and was %d", want, at, c.mono(at), c.mono(at-1))
				}
			},
			"": func(t *rapid.T) {
				if c.run(machine.Never) != machine.Never || c.run(machine.Never-1) != machine.Never {
					t.Fatal("never comes")
				}
				if c.gains < -maxDrift || c.gains > maxDrift {
					t.Fatalf("drifts by %d", c.gains)
				}
			},
		})
	})
}
