package host

import (
	"sync"
	"time"
)

// Way is one direction between two nodes, with its faults. They are applied at the end
// that dials: what is sent waits there, and what comes is not read. A nil Way has none.
type Way struct {
	mu     sync.Mutex
	cut    bool
	slow   time.Duration
	healed chan struct{} // closed when it is no longer cut; nil while nobody waits
}

// Cut has frames wait in order, and dials, until it is healed.
func (w *Way) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
}

// Slow has what is sent at a time take d longer; 0 ends it.
func (w *Way) Slow(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = d
}

// Heal ends all faults.
func (w *Way) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut, w.slow = false, 0
	if w.healed != nil {
		close(w.healed)
		w.healed = nil
	}
}

// blocked is a channel that is closed when a cut way is healed, nil if it is not cut.
func (w *Way) blocked() (healed <-chan struct{}, slow time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cut {
		return nil, w.slow
	}
	if w.healed == nil {
		w.healed = make(chan struct{})
	}
	return w.healed, w.slow
}

// pass waits as long as the faults of the way ask for, or until over is closed: then
// it reports false.
func (w *Way) pass(over <-chan struct{}) bool {
	if w == nil {
		return true
	}
	for {
		healed, slow := w.blocked()
		if healed == nil {
			return slow <= 0 || within(over, slow)
		}
		select {
		case <-healed:
		case <-over:
			return false
		}
	}
}

// opens waits until the way is not cut, at most until a time.
func (w *Way) opens(over <-chan struct{}, until time.Time) bool {
	if w == nil {
		return true
	}
	for {
		healed, _ := w.blocked()
		if healed == nil {
			return true
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-healed:
			timer.Stop()
		case <-timer.C:
			return false
		case <-over:
			timer.Stop()
			return false
		}
	}
}

// within lets d pass. It reports false if over is closed before.
func within(over <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-over:
		return false
	}
}
