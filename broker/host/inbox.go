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

// inbox is what waits for the machine, in the order in which it came, and the turn to step
// it, which one goroutine has at a time. It is bounded by the gates of the connections.
type inbox struct {
	mu     sync.Mutex
	list   []event
	turn   bool // somebody has it, and looks here again before giving it back
	missed bool // the loop has wanted it meanwhile
	closed bool
	wake   chan struct{} // holds one word to the loop: there is something
}

func (b *inbox) init() { b.wake = make(chan struct{}, 1) }

// put adds an event, and has the loop take it. It reports false if nobody will.
func (b *inbox) put(e event) bool {
	b.mu.Lock()
	ok := !b.closed
	if ok {
		b.list = append(b.list, e)
	}
	wake := ok && !b.turn && len(b.list) == 1
	b.mu.Unlock()
	if wake {
		b.rouse()
	}
	return ok
}

// putFirst adds an event. If nobody steps the machine, the caller has the turn now, and steps.
func (b *inbox) putFirst(e event) (ok, mine bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false, false
	}
	b.list = append(b.list, e)
	mine = !b.turn
	b.turn = true
	return true, mine
}

// claim has the loop take the turn. Who has it instead will wake it, also when the inbox is
// closed: that is the end when nobody steps any more.
func (b *inbox) claim() (mine, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.turn:
		b.missed = true
		return false, false
	case b.closed:
		return false, true
	}
	b.turn = true
	return true, false
}

// take returns all that waits and leaves an empty list, for which it takes old's memory. ok
// is false when the inbox is closed. Only who has the turn may take.
func (b *inbox) take(old []event) (list []event, ok bool) {
	clear(old)
	b.mu.Lock()
	defer b.mu.Unlock()
	list, b.list = b.list, old[:0]
	return list, !b.closed
}

// giveBack ends a turn. What has come meanwhile is the loop's.
func (b *inbox) giveBack() {
	b.mu.Lock()
	b.turn = false
	wake := len(b.list) > 0 || b.missed
	b.missed = false
	b.mu.Unlock()
	if wake {
		b.rouse()
	}
}

func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.rouse()
}

func (b *inbox) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
