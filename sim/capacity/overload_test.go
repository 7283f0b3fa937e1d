package capacity

import (
	"reflect"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// slow is a study whose cluster ends at some thousand records a second: its network does.
func slow(t testing.TB) *Study {
	s, err := small().With("nic.baseline_MBps=2", "nic.burst_MBps=2", "load.value_bytes=1000")
	if err != nil {
		t.Fatal(err)
	}
	s.SLO.AckP99US, s.SLO.E2EP99US = 50_000, 0
	return s
}

// A run far beyond the knee ends at the first second that counts, and says why. It is
// the same run again.
func TestAnOverloadedRunIsStopped(t *testing.T) {
	s := slow(t)
	p := Probe{Rate: 20_000, Seed: 1, Warm: time.Second, For: 11 * time.Second}
	o := Run(s, p)
	x := &o.Point
	if x.StoppedUS == 0 || x.StoppedUS > 5_000_000 || x.Passed || !strings.HasPrefix(x.Why, "unsustainable: ") || !strings.HasSuffix(x.Why, " s of the load, and the run was stopped") {
		t.Errorf("stopped at %d us: %q", x.StoppedUS, x.Why)
	}
	if o.Ledger.LostAcked != 0 || o.Ledger.Acked == 0 {
		t.Errorf("%+v", o.Ledger)
	}
	if !reflect.DeepEqual(o, Run(s, p)) {
		t.Error("not the same run again")
	}
}

// Only runs are stopped that would not have met the SLO to their end: with and without
// it the same rates are met, around the knee as well.
func TestOnlyTheHopelessAreStopped(t *testing.T) {
	s, stopped, met := slow(t), 0, 0
	for rate := int64(300); rate <= 2400; rate += 150 {
		p := Probe{Rate: rate, Seed: uint64(rate), Warm: time.Second, For: 6 * time.Second}
		o := Run(s, p)
		p.Rows = true // a run that is watched goes on to its end
		whole := Run(s, p)
		if whole.Point.StoppedUS != 0 || whole.Point.Passed != o.Point.Passed {
			t.Errorf("at %d: %q, to its end: %q", rate, o.Point.Why, whole.Point.Why)
		}
		if o.Point.StoppedUS > 0 {
			stopped++
		}
		if o.Point.Passed {
			met++
		}
	}
	if stopped < 2 || met < 2 {
		t.Errorf("%d runs were stopped, %d rates met: the test shows nothing", stopped, met)
	}
}

// BenchmarkOverload is a run of the default study at 64 times its load, which is five
// times what it carries: it must not need more memory than one at the knee. Live is
// what collections find, used what is taken between them.
func BenchmarkOverload(b *testing.B) {
	src, _ := Source("i3en")
	s, err := Read("i3en", src)
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct {
		name string
		rate int64
	}{{"knee", 550_000}, {"x6", 3_200_000}} {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				peak := watchHeap()
				o := Run(s, s.Probe(x.rate, false))
				live, used := peak()
				b.ReportMetric(float64(live)/(1<<20), "liveMiB")
				b.ReportMetric(float64(used)/(1<<20), "peakMiB")
				b.ReportMetric(float64(o.Point.StoppedUS)/1e6, "stopped_s")
			}
		})
	}
}

// watchHeap looks at the heap until the function that it returns is called, which says
// what the most was.
func watchHeap() func() (live, used uint64) {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	done, most := make(chan bool), make(chan [2]uint64)
	go func() {
		var peak [2]uint64
		for every := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-every.C:
				metrics.Read(sample)
				for i := range peak {
					peak[i] = max(peak[i], sample[i].Value.Uint64())
				}
			case <-done:
				every.Stop()
				most <- peak
				return
			}
		}
	}()
	return func() (live, used uint64) {
		close(done)
		peak := <-most
		return peak[0], peak[1]
	}
}
