package host

import (
	"sync"

	"brokersim/broker/machine"
)

// event is an input that waits, or a call.
type event struct {
	kind   machine.Kind
	listen machine.Listener
	conn   *conn // Accepted, Opened, Received, Drained, Closed of one
	frame  []byte
	tag    machine.Tag // Opened, Closed of a dial
	err    error
	sync   syncDone
	call   func() // if set, instead of an input
}

// inbox is what waits for the machine, in the order in which it came. It is bounded
// by the gates of the connections.
type inbox struct {
	mu     sync.Mutex
	list   []event
	closed bool
	wake   chan struct{} // holds one word: there is something
}

func (b *inbox) init() { b.wake = make(chan struct{}, 1) }

// put adds an event. It reports false if nobody will take it.
func (b *inbox) put(e event) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.list = append(b.list, e)
	first := len(b.list) == 1
	b.mu.Unlock()
	if first {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take returns all that waits and leaves an empty list, for which it takes old's
// memory. ok is false when the inbox is closed.
func (b *inbox) take(old []event) (list []event, ok bool) {
	clear(old)
	b.mu.Lock()
	defer b.mu.Unlock()
	list, b.list = b.list, old[:0]
	return list, !b.closed
}

func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
