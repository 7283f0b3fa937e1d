package sim

import (
	"testing"
	"time"

	"brokersim/broker/machine"
)

// balanced fails unless an empty queue has let go of all that came, and has held as
// many customers for as long as those stayed: Little's law, to the nanosecond.
func balanced(t interface {
	Helper()
	Errorf(format string, args ...any)
}, what string, q Queue) {
	t.Helper()
	if q.Present != 0 || q.Arrivals != q.Departures+q.Dropped {
		t.Errorf("%s: %d came, %d were served, %d dropped, %d are there", what, q.Arrivals, q.Departures, q.Dropped, q.Present)
	}
	if q.InSystem != q.Stayed {
		t.Errorf("%s: it held customers for %d ns, and they stayed for %d", what, q.InSystem, q.Stayed)
	}
	if q.Dropped == 0 && q.InSystem-q.Busy < q.Waited {
		t.Errorf("%s: customers waited for %d ns, the queue for %d", what, q.Waited, q.InSystem-q.Busy)
	}
}

// In every window of a busy run the law holds but for who is there at its ends: what
// they have spent outside of the window is at most their number times its length and
// the longest stay.
func TestUsageOfWindows(t *testing.T) {
	s, gap := queueOf(2, 0.7, Exponential(oracleMean))
	s.Run(1500 * ms)
	before := s.Usage("server")
	var sum Queue
	first := before
	for range 100 {
		s.Run(s.Now().Add(200 * gap))
		u := s.Usage("server")
		w := u.Since(before).Cores
		sum.InSystem += w.InSystem
		sum.Busy += w.Busy
		sum.Departures += w.Departures
		ends := (before.Cores.Present + u.Cores.Present) * int64(time.Millisecond)
		if d := w.InSystem - w.Stayed; d > ends || d < -ends || w.Arrivals-w.Departures != u.Cores.Present-before.Cores.Present {
			t.Fatalf("window %+v after %+v", w, before.Cores)
		}
		if w.Busy > 2*int64(u.At-before.At) || w.BusyPerMillion(u.At.Sub(before.At)) > 1_000_000 {
			t.Fatalf("two cores were busy for %d ns in %d", w.Busy, u.At-before.At)
		}
		before = u
	}
	if all := before.Since(first).Cores; all.InSystem != sum.InSystem || all.Busy != sum.Busy || all.Departures != sum.Departures {
		t.Errorf("windows add up to %+v, the whole is %+v", sum, all)
	}
	if u := New(Config{}); true {
		add(u, 1, "plain", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
		u.Run(ms)
		if got := u.Usage("plain"); got != (Usage{At: ms}) {
			t.Errorf("a node without hardware has used %+v", got)
		}
	}
}

// Whoever waits or is worked on when a node dies has left: dropped.
func TestUsageOfANodeThatDies(t *testing.T) {
	for _, dies := range []func(s *Sim){func(s *Sim) { s.Crash("to") }, func(s *Sim) { s.PowerLoss("to") }} {
		s := New(Config{Latency: Fixed(time.Millisecond)})
		at := make([]machine.Instant, 10)
		for i := range at {
			at[i] = 100*ms + machine.Instant(i)*ms
		}
		sender(s, 1, Hardware{}, at, []int{8, 8, 8, 8, 8, 8, 8, 8, 8, 8})
		s.Add(NodeConfig{Name: "to", ID: 2, Listeners: []string{"to:1"}, Cores: 2, Hardware: Hardware{Prices: Prices{Record: time.Millisecond}},
			Boot: func() machine.Machine { return &server{func(uint64) time.Duration { return 4 }} }})
		s.Run(106*ms + 1) // two have been served, four wait or are worked on
		before := s.Usage("to").Cores
		dies(s)
		if u := s.Usage("to").Cores; before.Present != 4 || u.Present != 0 || u.Dropped != 4 || u.Departures != before.Departures {
			t.Errorf("before the end %+v, then %+v", before, u)
		}
		s.RestartAll()
		s.Run(2000 * ms)
		u := s.Usage("to").Cores
		balanced(t, "cores", u)
		if want := int64(2 * 10 * ms); u.Busy > want {
			t.Errorf("the cores were busy for %d ns, at most %d of which before the end", u.Busy, want)
		}
	}
}
