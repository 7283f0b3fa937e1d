package sim

import (
	"fmt"
	"math/bits"

	"brokersim/broker/machine"
)

// event is a thing that will happen. It is small and holds no pointer: frames
// wait in the queue of their connection, and only the first of each queue has
// an event.
type event struct {
	at   machine.Instant
	kind eventKind
	side uint8  // of a connection
	idx  int32  // a connection, a node, or a slot, by kind
	gen  uint32 // of the connection, or the life of the node: a stale event does nothing
}

type eventKind uint8

const (
	evCall       eventKind = iota // slot of calls
	evArrive                      // the first frame under way to an end arrives
	evDrained                     // the sender of a connection hears that it has drained
	evDialEnds                    // a dial that was not answered fails
	evReset                       // a connection on which something was lost ends
	evTick                        // a node wanted a tick
	evDone                        // slot of running: the work of a step is done
	evDisk                        // slot of disk operations
	evUnanswered                  // a dial to an address that nobody has fails
)

// queue is a monotone priority queue, a radix heap: what is pushed is never
// earlier than what was popped last. Events of one instant come out in the
// order in which they were pushed.
//
// An event is in the bucket of the highest bit in which its time differs from
// that of the last redistribution. Equal times are always in one bucket, which
// is only appended to: that is why ties are first in, first out.
type queue struct {
	last   uint64
	bucket [65][]event
	head   int    // of bucket 0, what was popped
	mask   uint64 // bit i-1: bucket i is not empty
	n      int
}

func (q *queue) push(e event) {
	if uint64(e.at) < q.last {
		panic(fmt.Sprintf("sim: an event at %d is pushed after one at %d", e.at, q.last))
	}
	q.put(e)
	q.n++
}

func (q *queue) put(e event) {
	k := bits.Len64(uint64(e.at) ^ q.last)
	q.bucket[k] = append(q.bucket[k], e)
	if k > 0 {
		q.mask |= 1 << (k - 1)
	}
}

// pop takes the earliest event unless it is later than limit. What stays keeps
// its place, so that earlier events than that one may still be pushed.
func (q *queue) pop(limit machine.Instant) (event, bool) {
	if q.head < len(q.bucket[0]) {
		e := q.bucket[0][q.head]
		if e.at > limit {
			return event{}, false
		}
		q.head++
		q.n--
		return e, true
	}
	if q.n == 0 {
		return event{}, false
	}
	k := bits.TrailingZeros64(q.mask) + 1
	from := q.bucket[k]
	first := 0
	for i := 1; i < len(from); i++ {
		if from[i].at < from[first].at {
			first = i
		}
	}
	e := from[first]
	if e.at > limit {
		return event{}, false
	}
	q.bucket[0], q.head = q.bucket[0][:0], 0
	q.last = uint64(e.at)
	q.mask &^= 1 << (k - 1)
	q.bucket[k] = from[:0]
	q.n--
	for i := range from {
		if i != first {
			q.put(from[i]) // into lower buckets only
		}
	}
	return e, true
}
