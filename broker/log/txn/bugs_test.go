package txn

import (
	"fmt"
	"math"
	"testing"
	"time"

	"brokersim/faults/failpoint"
)

// Each planted bug bites: what is seen without it is what is promised, and something else
// with it.
func TestPlantedBugsBite(t *testing.T) {
	begun := func(w *world) *world { // TV2, an open transaction
		w.init("a", none, none)
		w.add(5, "a", 1000, 0)
		return w
	}
	for _, c := range []struct {
		bug          failpoint.Site
		see          func(w *world) string
		kept, broken string
	}{
		{failpoint.T05NoRotation, func(w *world) string {
			w.m.cfg.FirstEpoch = math.MaxInt16 - 1
			w.init("a", none, none)
			w.add(5, "a", 1000, math.MaxInt16-1)
			first := w.end(5, "a", 1000, math.MaxInt16-1, true)
			w.written("a")
			return fmt.Sprintf("%d/%d, then %s", first.ProducerID, first.ProducerEpoch, describeAnswer(w.init("a", none, none)))
		}, "1001/0, then ok 1001/1", "1000/32767, then ok 1000/32767"},
		{failpoint.T07AnyEndTxn, func(w *world) string {
			begun(w).init("a", none, none) // another producer
			w.written("a")
			w.init("a", none, none)
			w.add(5, "a", 1000, 2)
			return codeName(w.end(5, "a", 1000, 0, true).ErrorCode) + " " + w.state("a").String()
		}, "PRODUCER_FENCED Ongoing", "ok PrepareCommit"},
		{failpoint.T07AnyEndTxn, func(w *world) string {
			w.init("a", none, none)
			w.init("a", none, none)
			w.add(3, "a", 1000, 1)
			return codeName(w.end(3, "a", 1000, 0, true).ErrorCode) + " " + w.state("a").String()
		}, "PRODUCER_FENCED Ongoing", "ok PrepareCommit"},
		{failpoint.T08KeepEpoch, func(w *world) string {
			begun(w).end(5, "a", 1000, 0, true)
			w.written("a")
			w.add(5, "a", 1000, w.m.byID["a"].epoch)
			w.end(5, "a", 1000, 0, true) // held up
			return w.state("a").String()
		}, "Ongoing", "PrepareCommit"},
		{failpoint.T13ForgetPrepared, func(w *world) string {
			begun(w).end(5, "a", 1000, 0, true)
			w.take()
			return fmt.Sprint(len(w.markers))
		}, "1", "0"},
		{failpoint.T18RefuseRetry, func(w *world) string {
			begun(w).end(5, "a", 1000, 0, true)
			first := codeName(w.end(5, "a", 1000, 0, true).ErrorCode)
			w.written("a")
			return first + " " + codeName(w.end(5, "a", 1000, 0, true).ErrorCode)
		}, "CONCURRENT_TRANSACTIONS ok", "INVALID_TXN_STATE INVALID_TXN_STATE"},
		{failpoint.T18RefuseRetry, func(w *world) string {
			w.init("a", none, none)
			w.add(3, "a", 1000, 0)
			w.end(3, "a", 1000, 0, false)
			first := codeName(w.end(3, "a", 1000, 0, false).ErrorCode)
			w.written("a")
			return first + " " + codeName(w.end(3, "a", 1000, 0, false).ErrorCode)
		}, "CONCURRENT_TRANSACTIONS ok", "INVALID_TXN_STATE INVALID_TXN_STATE"},
		{failpoint.T19FatalRace, func(w *world) string {
			begun(w).advance(2*time.Minute, 0)
			w.written("a")
			return codeName(w.end(5, "a", 1000, 0, true).ErrorCode)
		}, "PRODUCER_FENCED", "INVALID_TXN_STATE"},
		{failpoint.T19FatalRace, func(w *world) string {
			w.cfg.Version = 1
			w.take()
			w.init("a", none, none)
			w.add(3, "a", 1000, 0)
			w.advance(2*time.Minute, 0)
			w.written("a")
			return codeName(w.end(3, "a", 1000, 0, true).ErrorCode)
		}, "PRODUCER_FENCED", "INVALID_TXN_STATE"},
		{failpoint.T20WallTimeout, func(w *world) string { // the wall clock jumps ahead
			begun(w).advance(15*time.Second, time.Hour)
			return w.state("a").String()
		}, "Ongoing", "PrepareAbort"},
		{failpoint.T20WallTimeout, func(w *world) string { // and back
			begun(w).advance(2*time.Minute, -time.Hour)
			return w.state("a").String()
		}, "PrepareAbort", "Ongoing"},
		{failpoint.T27EpochBeforePending, func(w *world) string {
			begun(w).end(5, "a", 1000, 0, true)
			return codeName(w.end(5, "a", 1000, 1, false).ErrorCode)
		}, "CONCURRENT_TRANSACTIONS", "PRODUCER_FENCED"},
	} {
		for _, planted := range []bool{false, true} {
			w, want := newWorld(t, 2), c.kept
			if planted {
				w.plant(c.bug)
				want = c.broken
			}
			if got := c.see(w); got != want {
				t.Errorf("%v, planted %t: %s, want %s", c.bug, planted, got, want)
			}
		}
	}
}
