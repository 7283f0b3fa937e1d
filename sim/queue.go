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
	evDrive                       // a drive has done what it does, or may begin
	evInterfere                   // place of interferers
	evCollected                   // a node has collected its garbage
	evNIC                         // a frame has passed an interface, or would have without others
)

// queue is a monotone priority queue, a radix heap: what is pushed is never
// earlier than what was popped last. Events of one instant come out in the
// order in which they were pushed.
//
// Times are numbers in base 16. An event stands at the level of the highest digit in
// which its time differs from last, in the bucket of its own digit there; those of
// last itself are the run. When last moves on, to the earliest event, every other
// event still stands where it should but for those of the bucket that it was taken
// from, which spread over lower levels. Equal times are always in one bucket, which
// is only appended to: that is why ties are first in, first out. A larger base moves
// an event less often: with base 2 the queue took a quarter to a third more time.
type queue struct {
	last   uint64
	run    []event // of time last
	head   int     // of run: what was popped
	levels uint32  // bit l: level l is not empty
	digits [queueLevels]uint16
	bucket [queueLevels][1 << digitBits][]event
	n      int
}

const (
	digitBits   = 4
	queueLevels = 64 / digitBits
)

func (q *queue) push(e event) {
	if uint64(e.at) < q.last {
		panic(fmt.Sprintf("sim: an event at %d is pushed after one at %d", e.at, q.last))
	}
	q.put(e)
	q.n++
}

func (q *queue) put(e event) {
	differs := uint64(e.at) ^ q.last
	if differs == 0 {
		q.run = append(q.run, e)
		return
	}
	level := uint(bits.Len64(differs)-1) / digitBits % queueLevels
	digit := uint64(e.at) >> (level * digitBits) % (1 << digitBits)
	b := &q.bucket[level][digit]
	*b = append(*b, e)
	q.levels |= 1 << level
	q.digits[level] |= 1 << digit
}

// pop takes the earliest event unless it is later than limit. What stays keeps
// its place, so that earlier events than that one may still be pushed.
func (q *queue) pop(limit machine.Instant) (event, bool) {
	if q.head < len(q.run) {
		e := q.run[q.head]
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
	level := bits.TrailingZeros32(q.levels) % queueLevels
	digit := bits.TrailingZeros16(q.digits[level]) % (1 << digitBits)
	b := &q.bucket[level][digit]
	from := *b
	first := 0
	if level > 0 { // at level 0 all of a bucket have one time
		for i := 1; i < len(from); i++ {
			if from[i].at < from[first].at {
				first = i
			}
		}
	}
	e := from[first]
	if e.at > limit {
		return event{}, false
	}
	if q.digits[level] &^= 1 << digit; q.digits[level] == 0 {
		q.levels &^= 1 << level
	}
	q.last = uint64(e.at)
	q.n--
	if level == 0 {
		*b, q.run, q.head = q.run[:0], from, 1
		return e, true
	}
	*b, q.run, q.head = from[:0], q.run[:0], 0
	for i := range from {
		if i != first {
			q.put(from[i]) // into the run or lower levels only
		}
	}
	return e, true
}
