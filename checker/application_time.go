package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
)

// What applications are promised of time. All of it is counted, record by record: how many
// are over a bound, against how many may be.

// promptly is what isolation comes to: of 100 records that a reader has finished with no
// more than one may have taken longer, from when it was sent, than the scenario allows. It
// is promised to those readers that are not slow themselves.
func (a *application) promptly() {
	promise := &a.f.c.h.Promise
	if a.f.unsaid(isolated) || !slices.Contains(promise.Prompt, a.x.p) {
		return
	}
	over, worst, most := int64(0), int32(0), int64(-1)
	for _, t := range a.x.took {
		took := t.at - a.f.c.recs.at(t.rec).invT
		if took > promise.Within {
			over++
		}
		if took > most {
			worst, most = t.rec, took
		}
	}
	all := int64(len(a.x.took))
	a.f.looked[isolated] += all
	if over*100 > all {
		a.against(isolated, worst, "%d of %d records took more than the %d ms that 99 of 100 may; the longest, %s, took %d ms",
			over, all, promise.Within/1_000_000, a.event(worst), most/1_000_000)
	}
}

// lateness counts what comes when its window is closed: when the latest event time that the
// reader has seen of the partition is past the window's end and its grace (Kafka Streams:
// windowEnd + grace <= observedStreamTime, of a task, which has a partition).
func (a *application) lateness() {
	if a.f.unsaid(lateEvents) {
		return
	}
	window, promise := a.f.c.h.Set.Window, &a.f.c.h.Promise
	seen, over, first := map[history.TP]int64{}, int64(0), int32(0)
	for _, t := range a.x.took {
		at := a.f.c.recs.at(t.rec).invT
		if (at/window+1)*window+promise.Grace <= seen[t.tp] {
			if over++; over == 1 {
				first = t.rec
			}
		}
		seen[t.tp] = max(seen[t.tp], at)
	}
	all := int64(len(a.x.took))
	a.f.looked[lateEvents] += all
	if over*1000 > all*promise.MayLate {
		a.against(lateEvents, first, "%d of %d records came when their window was closed, %d of 1,000 may; the first is %s", over, all, promise.MayLate, a.event(first))
	}
}

// event is a record as a sentence has it, in the model or not.
func (a *application) event(n int32) string {
	r := a.f.c.recs.at(n)
	return fmt.Sprintf("record %s of %s", a.f.c.h.Text(r.value), a.f.c.h.Name(r.tp))
}
