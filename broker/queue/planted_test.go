package queue

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/faults/failpoint"
)

func planted(t *testing.T, bug failpoint.Site) *failpoint.Set {
	fps := failpoint.New(1, 1)
	if err := fps.Arm(bug, failpoint.Always, "return(true)"); err != nil {
		t.Fatal(err)
	}
	return fps
}

// caught is how a run ends that the model has judged.
type caught struct{ what string }

// failureOf runs the model's test once and returns what it found.
func failureOf(t *rapid.T, fps *failpoint.Set) (what string) {
	defer func() {
		if c, is := recover().(caught); is {
			what = c.what
		}
	}()
	randomRun(t, func(format string, args ...any) { panic(caught{fmt.Sprintf(format, args...)}) }, fps, true)
	return ""
}

// The model finds every bug that shows without a power loss.
func TestModelFindsPlantedBugs(t *testing.T) {
	for bug := failpoint.Q02SettleOnDelivery; bug <= failpoint.Q08LoseDeadLetters; bug++ { // of Q01 see TestConfirmBeforeSync
		t.Run(bug.String(), func(t *testing.T) {
			fps := planted(t, bug)
			runs := rapid.Custom(func(t *rapid.T) string { return failureOf(t, fps) })
			for seed := range 200 {
				if what := runs.Example(seed); what != "" {
					t.Logf("run %d: %s", seed, what)
					return
				}
			}
			t.Errorf("200 runs find nothing; it fired %d times", fps.Fired(bug))
		})
	}
	healthy := rapid.Custom(func(t *rapid.T) string { return failureOf(t, nil) })
	for seed := range 50 {
		if what := healthy.Example(seed); what != "" {
			t.Errorf("run %d of a broker without a bug: %s", seed, what)
		}
	}
}

// A confirm of what is not on the disk is seen as soon as the disk takes its time, and a
// power loss makes it a lie.
func TestConfirmBeforeSync(t *testing.T) {
	for _, broken := range []bool{false, true} {
		cfg := Config{Name: "b1", Seed: 1}
		if broken {
			cfg.Failpoints = planted(t, failpoint.Q01ConfirmBeforeSync)
		}
		d := newStepped(cfg)
		k := newTalk(d)
		k.do("a1 queue.declare queue=q durable\na1 confirm.select")
		d.hold = true
		confirmed := strings.Contains(k.do("a1 basic.publish key=q body=1 persistent"), "basic.ack")
		d.hold = false
		lost := strings.Contains(k.do("restart after power loss\nb1 basic.get queue=q"), "get-empty")
		if confirmed != broken || !lost {
			t.Errorf("planted=%v: confirmed=%v lost=%v", broken, confirmed, lost)
		}
	}
}
