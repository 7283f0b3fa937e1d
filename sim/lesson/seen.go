package lesson

import (
	"brokersim/checker/history"
	"brokersim/sim/scenario"
)

// inverted counts what a reader has processed after a record of the same key that was
// sent later. The ledger has no column for it: between partitions, and between queues,
// nobody promises an order.
const inverted = "inverted"

// firstSkip is when a reader first passed over records by auto.offset.reset.
const firstSkip = "first_skip"

func plainRun(c scenario.Case) run { return run{Result: scenario.Run(c)} }

// watchedRun is a run with what only its history tells.
func watchedRun(c scenario.Case) run {
	x := &inversions{sent: make(map[int64]int64), last: make(map[readerKey]int64), done: make(map[readerValue]bool)}
	c.History = func(*history.Header) history.Sink { return x }
	return run{Result: scenario.Run(c), inverted: x.count, firstSkip: x.skipped}
}

// inversions follows the order in which records are sent and processed.
type inversions struct {
	sent  map[int64]int64 // by value: its place among all that was sent
	last  map[readerKey]int64
	done  map[readerValue]bool
	count int64

	skipped int64 // us: when records were first passed over; 0: never
}

type readerKey struct {
	reader int32
	key    int64
}

type readerValue struct {
	reader int32
	value  int64
}

// Event makes inversions a [history.Sink].
func (x *inversions) Event(e *history.Event) {
	switch {
	case e.F == history.Send && e.E == history.Inv:
		for i := range e.Sends {
			if _, again := x.sent[e.Sends[i].Value]; !again {
				x.sent[e.Sends[i].Value] = int64(len(x.sent))
			}
		}
	case e.F == history.Skipped && e.Offset < e.Until && x.skipped == 0:
		x.skipped = e.T / 1000
	case e.F == history.Process && e.E != history.Inv:
		for _, r := range e.Runs {
			for i := range r.Records {
				x.processed(e.P, &r.Records[i])
			}
		}
	}
}

// processed takes a record: only the first time that a reader is done with it counts.
func (x *inversions) processed(reader int32, r *history.Record) {
	at, known := x.sent[r.Value]
	first := readerValue{reader, r.Value}
	if !known || r.Key == history.None || x.done[first] {
		return
	}
	x.done[first] = true
	of := readerKey{reader, r.Key}
	if last, before := x.last[of]; before && at < last {
		x.count++
		return
	}
	x.last[of] = at
}
