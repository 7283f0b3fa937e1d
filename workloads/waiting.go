package workloads

import "brokersim/broker/machine"

// waiting are the due times of records that could not be sent yet, oldest first.
// Through an outage they are many: dropping one costs no copying of the rest.
type waiting struct {
	list []machine.Instant
	from int
}

func (w *waiting) len() int { return len(w.list) - w.from }

func (w *waiting) add(due machine.Instant) { w.list = append(w.list, due) }

func (w *waiting) first() (due machine.Instant, some bool) {
	if w.from == len(w.list) {
		return 0, false
	}
	return w.list[w.from], true
}

// at is the i-th of those that wait.
func (w *waiting) at(i int) machine.Instant { return w.list[w.from+i] }

func (w *waiting) drop() {
	w.from++
	if 2*w.from >= len(w.list) {
		w.list = w.list[:copy(w.list, w.list[w.from:])]
		w.from = 0
	}
}
