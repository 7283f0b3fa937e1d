package host

import "testing"

// Who gives the turn back wakes the loop for what has come meanwhile, and for a time that the
// loop has missed; for nothing else.
func TestTurn(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(b *inbox)
		wakes     bool
	}{
		"nothing":           {func(*inbox) {}, false},
		"an event":          {func(b *inbox) { b.put(event{}) }, true},
		"a frame":           {func(b *inbox) { b.putFirst(event{}) }, true},
		"an event, taken":   {func(b *inbox) { b.put(event{}); b.take(nil) }, false},
		"the loop's claim":  {func(b *inbox) { b.claim() }, true},
		"the end of it all": {func(b *inbox) { b.close() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			var b inbox
			b.init()
			if ok, mine := b.putFirst(event{}); !ok || !mine {
				t.Fatalf("the first frame: %v, %v", ok, mine)
			}
			if ok, mine := b.putFirst(event{}); !ok || mine {
				t.Fatalf("the second frame: %v, %v", ok, mine)
			}
			if list, ok := b.take(nil); len(list) != 2 || !ok {
				t.Fatalf("took %d, %v", len(list), ok)
			}
			test.meanwhile(&b)
			b.giveBack()
			if woken := len(b.wake) > 0; woken != test.wakes {
				t.Errorf("woken: %v", woken)
			}
		})
	}
	var b inbox
	b.init()
	if b.put(event{}); len(b.wake) != 1 {
		t.Error("an event has not woken the loop")
	}
	if mine, closed := b.claim(); !mine || closed {
		t.Errorf("the loop's turn: %v, %v", mine, closed)
	}
	if b.close(); b.turn {
		if mine, closed := b.claim(); mine || closed {
			t.Errorf("closed, while somebody steps: %v, %v", mine, closed)
		}
	}
	b.giveBack()
	if _, closed := b.claim(); !closed {
		t.Error("closed, and nobody steps: the loop goes on")
	}
}
