package sim

import (
	"testing"
	"time"

	"brokersim/broker/machine"
)

// busyToy is a node that ticks every millisecond and works on each of that for half.
func busyToy(s *Sim, h Hardware) (ticks *[]machine.Instant) {
	ticks = new([]machine.Instant)
	h.Prices = Prices{Request: 500 * time.Microsecond}
	s.Add(NodeConfig{Name: "a", ID: 1, Hardware: h, Boot: func() machine.Machine {
		return &toy{deadline: machine.Never, step: func(t *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
			if in.Kind == machine.Tick {
				*ticks = append(*ticks, now.Mono)
				out.Work(machine.Work{Requests: 1})
			}
			t.deadline = now.Mono.Add(time.Millisecond)
		}}
	}})
	return ticks
}

// Collections come as a Poisson process of the configured mean, each as long as its
// distribution says, and nothing happens on the node meanwhile. They are the same
// ones whatever else happens, others for another seed, and none if it is off.
func TestCollectionsOfGarbage(t *testing.T) {
	h := Hardware{GC: Interference{Every: 500 * time.Millisecond, For: LogNormal(15*time.Millisecond, 60*time.Millisecond)}}
	run := func(seed uint64, h Hardware, disturb func(s *Sim)) (ticks []machine.Instant, u Usage) {
		s := New(Config{Seed: seed})
		got := busyToy(s, h)
		if disturb != nil {
			disturb(s)
		}
		s.Run(500_000 * ms)
		return *got, s.Usage("a")
	}
	gaps := func(ticks []machine.Instant) (n int, sum time.Duration) {
		for i := 1; i < len(ticks); i++ {
			if d := ticks[i].Sub(ticks[i-1]); d > 2*time.Millisecond {
				n, sum = n+1, sum+d
			}
		}
		return n, sum
	}
	ticks, u := run(1, h, nil)
	// 1000 are expected, with a deviation of 32; a mean of 15 ms * exp(0.596^2/2) = 17.9
	// with one of 0.37.
	if u.Collections < 870 || u.Collections > 1130 {
		t.Errorf("%d collections in 500 s, want about 1000", u.Collections)
	}
	if mean := u.Stood / u.Collections; mean < 16_400_000 || mean > 19_400_000 {
		t.Errorf("they take %d ns on average, want 17.9 ms", mean)
	}
	n, sum := gaps(ticks)
	if int64(n) < u.Collections*9/10 || int64(sum) < u.Stood*95/100 {
		t.Errorf("the node has %d gaps of %v altogether in its ticks, for %d collections of %d ns", n, sum, u.Collections, u.Stood)
	}
	_, crashed := run(1, h, func(s *Sim) {
		s.At(100_000*ms, func() { s.Pause("a") })
		s.At(100_500*ms, func() { s.Resume("a") })
		s.At(200_000*ms, func() { s.Crash("a") })
		s.At(200_000*ms+1, func() { s.Restart("a") })
	})
	if d := crashed.Collections - u.Collections; d > 1 || d < -1 {
		t.Errorf("%d collections beside %d because of a pause and a crash", crashed.Collections, u.Collections)
	}
	if _, other := run(2, h, nil); other.Stood == u.Stood {
		t.Error("another seed has the same collections")
	}
	ticks, u = run(1, Hardware{PageCache: 1}, nil)
	if n, _ := gaps(ticks); n != 0 || u.Collections != 0 {
		t.Errorf("%d gaps and %d collections though it is off", n, u.Collections)
	}
}

// A pause within a collection, and a collection within a pause, end with the later.
func TestPausesAndCollectionsOverlap(t *testing.T) {
	for _, row := range []struct{ pause, resume, collect, takes, want machine.Instant }{
		{100 * ms, 150 * ms, 120 * ms, 10 * ms, 150 * ms},
		{100 * ms, 120 * ms, 110 * ms, 50 * ms, 160 * ms},
		{120 * ms, 130 * ms, 110 * ms, 50 * ms, 160 * ms},
		{120 * ms, 180 * ms, 110 * ms, 50 * ms, 180 * ms},
	} {
		s := New(Config{})
		ticks := busyToy(s, Hardware{PageCache: 1})
		s.At(row.pause, func() { s.Pause("a") })
		s.At(row.resume, func() { s.Resume("a") })
		s.At(row.collect, func() { s.collect(s.nodes[0], time.Duration(row.takes)) })
		s.Run(300 * ms)
		after := machine.Instant(0)
		for i, at := range *ticks {
			if i > 0 && at.Sub((*ticks)[i-1]) > 5*time.Millisecond {
				after = at
			}
		}
		if after < row.want || after > row.want+ms {
			t.Errorf("%+v: the node goes on at %d", row, after)
		}
	}
}

// Two collections that overlap are one, from the beginning of the first to the later
// end.
func TestCollectionsOverlap(t *testing.T) {
	s := New(Config{})
	ticks := busyToy(s, Hardware{PageCache: 1})
	for at, takes := range map[machine.Instant]time.Duration{100 * ms: 50 * time.Millisecond, 120 * ms: 60 * time.Millisecond, 130 * ms: time.Millisecond} { // unordered: each at its time
		s.At(at, func() { s.collect(s.nodes[0], takes) })
	}
	s.Run(300 * ms)
	for i, at := range *ticks {
		if i > 0 && at > 100*ms && at < 180*ms {
			t.Errorf("the node ticks at %d", at)
		}
	}
	if u := s.Usage("a"); u.Stood != int64(80*time.Millisecond) || u.Collections != 2 {
		t.Errorf("it stood still %d times, for %d", u.Collections, u.Stood)
	}
}

// A drive that stands still makes syncs wait for as long.
func TestStallsOfDrives(t *testing.T) {
	h := Hardware{Disk: Disk{Write: 100 * megabyte, Flush: Fixed(time.Millisecond), Stalls: Interference{Every: time.Second, For: Fixed(100 * time.Millisecond)}}}
	s, _ := disked(Config{Seed: 4}, h, 1, every(10*time.Millisecond, 20_000), func(w *writer, k int, out *machine.Effects) { out.Sync("log", 1) })
	late, all := 0, 0
	s.Synced = func(x *SyncTimes) {
		all++
		if x.Done.Sub(x.Asked) > 2*time.Millisecond {
			late++
		}
		if x.Done.Sub(x.Asked) > 400*time.Millisecond {
			t.Errorf("a sync takes from %d to %d", x.Asked, x.Done)
		}
	}
	s.Run(300_000 * ms)
	// A tenth of the time, less where stalls overlap: exp(-0.1) of it nothing stands still.
	if share := float64(late) / float64(all); all != 20_000 || share < 0.075 || share > 0.115 {
		t.Errorf("%d of %d syncs are late", late, all)
	}
}
