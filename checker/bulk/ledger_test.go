package bulk

import (
	"testing"

	"brokersim/checker/result"
)

// story is a ledger of one producer, two groups and one partition, with the first n
// records sent and acknowledged at the offsets of their numbers.
func story(n uint64) *Ledger {
	l := New([]string{"p1001"}, []string{"live", "audit"}, []string{"orders-0", "orders-1"})
	for i := range n {
		l.Sent(0, int64(i)*10, int64(i)*10+1)
	}
	for i := range n {
		l.Acked(0, i, 0, int64(i))
	}
	return l
}

func (l *Ledger) readTo(n uint64, skip func(group int, number uint64) bool) *Ledger {
	for g := range l.groups {
		for i := range n {
			if skip == nil || !skip(g, i) {
				l.Read(g, 0, int64(i), 0, i)
			}
		}
	}
	return l
}

func outcome(findings []result.Finding, property string) result.Verdict {
	for _, f := range findings {
		if f.Property == property {
			return f.Outcome
		}
	}
	return "missing"
}

func TestAllIsWellAndForgotten(t *testing.T) {
	const n = 3*blockSize + 5
	l := story(n).readTo(n, nil)
	if p := &l.producers[0]; len(p.blocks) != 1 || p.first != 3 {
		t.Errorf("%d blocks are kept, from block %d on: want the last one", len(p.blocks), p.first)
	}
	led, findings := l.Finish(Properties(), true)
	if led.Sent != n || led.Acked != n || led.InLog != n || led.Delivered != 2*n || led.LostAcked+led.DupLog+led.Reordered+led.Skipped != 0 {
		t.Errorf("ledger %+v", led)
	}
	for _, f := range findings {
		if f.Outcome != result.Kept || f.Looked == 0 {
			t.Errorf("%s: %s, looked at %d", f.Property, f.Outcome, f.Looked)
		}
	}
}

func TestWhenItWasDue(t *testing.T) {
	l := New([]string{"p1001"}, []string{"live"}, []string{"orders-0"})
	n := l.Sent(0, 100, 170)
	if due, first := l.Read(0, 0, 0, 0, n); due != 100 || !first { // readers may be told before the producer
		t.Errorf("read: due %d, first %t", due, first)
	}
	if due, sent := l.Acked(0, n, 0, 0); due != 100 || sent != 170 {
		t.Errorf("acknowledged: due %d, sent %d", due, sent)
	}
}

// TestWhatGoesWrongIsFound has one thing go wrong for each property.
func TestWhatGoesWrongIsFound(t *testing.T) {
	const n = 10_000
	for property, spoil := range map[string]func(*Ledger){
		"no-acked-loss": func(l *Ledger) { l.readTo(n, func(g int, i uint64) bool { return g == 1 && i == 5000 }) },
		"no-skip":       func(l *Ledger) { l.readTo(n, func(g int, i uint64) bool { return g == 0 && i == 9000 }) },
		"no-duplicate":  func(l *Ledger) { l.readTo(n, nil).Read(0, 0, n, 0, 17) },
		"per-key-order": func(l *Ledger) {
			l.readTo(n, nil)
			a, b := l.Sent(0, 0, 0), l.Sent(0, 0, 0)
			l.Read(0, 1, 0, 0, b)
			l.Read(0, 1, 1, 0, a)
		},
		"no-phantom": func(l *Ledger) {
			l.readTo(n, nil)
			a := l.Sent(0, 0, 0)
			l.Read(0, 1, 0, 0, a)
			l.Rejected(0, a)
		},
		"slot-agreement": func(l *Ledger) {
			l.readTo(n, nil)
			a := l.Sent(0, 0, 0)
			l.Acked(0, a, 0, n)
			l.Read(0, 0, n+1, 0, a)
		},
	} {
		l := story(n)
		spoil(l)
		_, findings := l.Finish(Properties(), true)
		if got := outcome(findings, property); got != result.Broken {
			t.Errorf("%s is %s", property, got)
		}
	}
}

func TestANumberThatNobodyHasSent(t *testing.T) {
	l := story(10).readTo(10, nil)
	l.Read(0, 0, 10, 0, 99)
	if _, findings := l.Finish(Properties(), true); outcome(findings, "no-phantom") != result.Broken {
		t.Error("not found")
	}
}

func TestWhatWasNotReadYetIsNotLost(t *testing.T) {
	l := story(100).readTo(40, nil)
	if l.Behind() != 60 {
		t.Errorf("the slowest group is %d behind: want 60", l.Behind())
	}
	led, findings := l.Finish(Properties(), false)
	if led.LostAcked != 0 || outcome(findings, "no-acked-loss") != result.Unknown {
		t.Errorf("%d lost, %s", led.LostAcked, outcome(findings, "no-acked-loss"))
	}
	if led, _ := story(100).readTo(40, nil).Finish(Properties(), true); led.LostAcked != 60 {
		t.Errorf("%d lost of 60 that cannot be read", led.LostAcked)
	}
}

func TestWithoutReadersNothingIsShown(t *testing.T) {
	l := New([]string{"p1001"}, nil, []string{"orders-0"})
	l.Acked(0, l.Sent(0, 0, 0), 0, 0)
	if _, findings := l.Finish(Properties(), true); outcome(findings, "no-acked-loss") != result.Vacuous {
		t.Error("a loss could not have been seen")
	}
}

// TestUnknownMayBeInTheLogOrNot keeps what nobody knows until the end.
func TestUnknownMayBeInTheLogOrNot(t *testing.T) {
	l := New([]string{"p1001"}, []string{"live"}, []string{"orders-0"})
	for range 2 * blockSize {
		l.Unknown(0, l.Sent(0, 5, 6))
	}
	if due, first := l.Read(0, 0, 0, 0, 3); due != 5 || !first {
		t.Errorf("due %d, first %t", due, first)
	}
	if led, _ := l.Finish(Properties(), true); led.InLog != 1 || led.LostUnacked != 2*blockSize-1 {
		t.Errorf("%d in the log, %d lost", led.InLog, led.LostUnacked)
	}
}

// What a producer that dies has sent and not heard of is unknown, and nothing waits for
// it: it may be read, and none of it is lost.
func TestAProducerDies(t *testing.T) {
	l := New([]string{"p1001", "p1002"}, []string{"live"}, []string{"orders-0"})
	for i := range uint64(4) {
		l.Sent(0, 0, 0)
		l.Sent(1, 0, 0)
		l.Acked(1, i, 0, int64(i))
	}
	l.Acked(0, 0, 0, 4)
	l.Rejected(0, 1)
	l.Died(0)
	if l.Pending() != 0 {
		t.Errorf("%d records wait for their outcome", l.Pending())
	}
	for i := range uint64(4) {
		l.Read(0, 0, int64(i), 1, i)
	}
	l.Read(0, 0, 4, 0, 0)
	l.Read(0, 0, 5, 0, 3)
	led, findings := l.Finish(Properties(), true)
	if led.Acked != 5 || led.Rejected != 1 || led.Unknown != 2 || led.LostAcked != 0 || led.LostUnacked != 1 || led.InLog != 6 {
		t.Errorf("ledger %+v", led)
	}
	for _, f := range findings {
		if f.Outcome != result.Kept {
			t.Errorf("%s is %s: %v", f.Property, f.Outcome, f.Violations)
		}
	}
}
