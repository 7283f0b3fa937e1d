package scenario

import (
	"slices"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

const seeds = 6

// lost counts, over some seeds, what a schedule loses.
func lost(t *testing.T, c Case) (broken int, allowed int64, notes []history.Event) {
	t.Helper()
	for seed := range uint64(seeds) {
		c.Seed = seed
		n, r := runWithNotes(c)
		if len(r.Audits) > 0 {
			t.Errorf("seed %d: %v", seed, r.Audits)
		}
		if slices.Contains(outcomes(r), "no-acked-loss BROKEN") {
			broken++
		} else if r.Verdict != result.Kept {
			t.Errorf("seed %d: %v", seed, outcomes(r))
		}
		allowed += r.Ledger.LostAllowed
		notes = append(notes, n.of(history.NoCopy)...)
	}
	return broken, allowed, notes
}

// allLose takes the power from every broker at once: with Kafka's flush policy
// what no disk has synced may be nowhere any more.
const allLose = "1500ms..2s power-loss b1,b2,b3\n2500ms restart *"

func TestTheOnlyCopyLostIsAllowed(t *testing.T) {
	spec := load(t, "orders")
	spec.Topics[0].Replication, spec.Topics[0].Set = 1, nil
	broken, allowed, notes := lost(t, Case{Spec: spec, Faults: text(allLose)})
	if !slices.ContainsFunc(notes, func(e history.Event) bool { return e.Offset > 0 }) {
		t.Error("no disk has kept anything")
	}
	if broken > 0 || allowed == 0 || len(notes) == 0 {
		t.Errorf("broken in %d runs, %d losses allowed, notes %v", broken, allowed, notes)
	}
}

// With several copies some runs lose what one of the disks still had: whoever was
// in sync last leads again with whatever it has (what KIP-966 is about), and that
// is no loss of every copy. Both kinds must be told apart.
func TestEveryCopyLostIsAllowed(t *testing.T) {
	broken, allowed, notes := lost(t, Case{Spec: load(t, "orders"), Faults: text(allLose)})
	if broken == seeds || allowed == 0 || len(notes) == 0 {
		t.Errorf("broken in %d runs, %d losses allowed, notes %v", broken, allowed, notes)
	}
}

// Flushed before it was acknowledged, nothing may be lost, and is.
func TestFlushedIsNotLost(t *testing.T) {
	broken, allowed, notes := lost(t, Case{Spec: load(t, "orders"), Faults: text(allLose), Layers: with("topic.flush.messages", "1")})
	if broken > 0 || allowed > 0 {
		t.Errorf("broken in %d runs, %d losses allowed, notes %v", broken, allowed, notes)
	}
}

// One broker after the other loses power, each when the one before has recovered
// and caught up: there is always a copy.
func TestOneCopyIsEnough(t *testing.T) {
	broken, allowed, notes := lost(t, Case{Spec: load(t, "orders"), Faults: text(`
500ms for 500ms power-loss b1
2200ms for 500ms power-loss b2
3900ms for 500ms power-loss b3`)})
	if broken > 0 || allowed > 0 || len(notes) > 0 {
		t.Errorf("broken in %d runs, %d losses allowed, notes %v", broken, allowed, notes)
	}
}

// A leader that acknowledges before its followers have the record finds no excuse
// in the loss of its disk: it had promised what was not committed.
func TestPowerLossIsNoExcuseForAckBeforeISR(t *testing.T) {
	cut := text("1s cut leader follower\n1s cut leader follower2\n1100ms..1500ms power-loss leader\n2s heal *\n3s restart *")
	c := Case{Spec: load(t, "orders"), Faults: cut}
	if broken, allowed, _ := lost(t, c); broken > 0 || allowed > 0 {
		t.Errorf("without the bug: broken in %d runs, %d losses allowed", broken, allowed)
	}
	c.Plant = []string{"R24-ack-before-isr"}
	if broken, allowed, _ := lost(t, c); broken < seeds/2 || allowed > 0 {
		t.Errorf("with the bug: broken in %d runs, %d losses allowed", broken, allowed)
	}
}

// With acks=1 the leader's own copy is all that was promised.
func TestAcks1MayLoseItsOnlyCopy(t *testing.T) {
	spec := load(t, "acks1-leader-crash")
	spec.Promise = nil
	for seed := range uint64(seeds) {
		n, r := runWithNotes(Case{Spec: spec, Seed: seed})
		wantKept(t, r)
		for _, e := range n.of(history.NoCopy) {
			if e.Offset >= e.Until {
				t.Errorf("seed %d: %+v", seed, e)
			}
		}
	}
}
