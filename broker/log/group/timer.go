package group

import (
	"container/heap"

	"brokersim/broker/machine"
)

// timer is something that is to be done at an instant, once it is set.
type timer struct {
	at    machine.Instant
	order uint64 // among those of one instant: in which they were set
	place int    // in the heap, counted from 1; 0: not set
	fire  func()
}

// timers are those that are set. Setting one anew moves it: a session that is renewed by
// every heartbeat leaves nothing behind.
type timers struct {
	heap  timerHeap
	count uint64
}

func (ts *timers) set(t *timer, at machine.Instant) {
	ts.count++
	t.at, t.order = at, ts.count
	if t.place == 0 {
		heap.Push(&ts.heap, t)
		return
	}
	heap.Fix(&ts.heap, t.place-1)
}

func (ts *timers) stop(t *timer) {
	if t.place != 0 {
		heap.Remove(&ts.heap, t.place-1)
	}
}

// due takes out the first timer that is due; nil if none is.
func (ts *timers) due(now machine.Instant) *timer {
	if len(ts.heap) == 0 || ts.heap[0].at > now {
		return nil
	}
	return heap.Pop(&ts.heap).(*timer)
}

func (ts *timers) next() machine.Instant {
	if len(ts.heap) == 0 {
		return machine.Never
	}
	return ts.heap[0].at
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	*h = append(*h, t)
	t.place = len(*h)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.place = 0
	return t
}
