package capacity

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"brokersim/workloads"
)

// TestWhereTheTimeGoes has the parts of the budget come to the latency that was
// measured by itself, and the same run again come to the same.
func TestWhereTheTimeGoes(t *testing.T) {
	p := Probe{Rate: 3000, Seed: 1, Warm: time.Second, For: 5 * time.Second, Budget: true}
	o := Run(small(), p)
	if o.Err != "" || len(o.Budget) != 2 {
		t.Fatalf("%s %+v", o.Err, o.Budget)
	}
	for i, want := range []int64{o.Point.Ack.P50, o.Point.Ack.P99} {
		sum := int64(0)
		for _, part := range o.Budget[i].Parts {
			if part.US < 0 {
				t.Errorf("%s: %s takes %d us", o.Budget[i].At, part.Name, part.US)
			}
			if part.Name != "fetch wait" {
				sum += part.US
			}
		}
		if d := sum - want; d*20 > want || d*20 < -want {
			t.Errorf("%s: the parts come to %d us, the latency is %d us: %+v", o.Budget[i].At, sum, want, o.Budget[i].Parts)
		}
	}
	for _, name := range []string{cpu, networkIn, networkOut, clientCPU} {
		if u := resource(&o.Point, name); u == nil || u.Busy < 1 && name == cpu || u.Busy > 1000 || u.Mean > u.Busy {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if again := Run(small(), p); !reflect.DeepEqual(o, again) {
		t.Error("the same run came to something else")
	}
}

// What comes in batches of at most so many is never more, and a rate above that has not
// been met although everything that came was.
func TestBatchesBoundTheRate(t *testing.T) {
	s := small()
	s.Load.Arrivals.Batch = workloads.Batch{Every: 500 * time.Millisecond, Most: 100}
	most := 200 * s.Load.Producers * s.Load.Topics
	for rate, want := range map[int64]string{most: "", most + 1: fmt.Sprintf("no more than %d records a second are ever due", most)} {
		o := Run(s, Probe{Rate: rate, Seed: 1, Warm: time.Second, For: 4 * time.Second})
		if o.Point.Passed != (want == "") || !strings.Contains(o.Point.Why, want) {
			t.Errorf("at %d: %q, want %q", rate, o.Point.Why, want)
		}
	}
}

func TestTheBacklogGrows(t *testing.T) {
	for _, x := range []struct {
		backlog []int64
		slope   int64
	}{
		{nil, 0}, {[]int64{5}, 0}, {[]int64{9, 9, 100, 110, 120, 130}, 10}, {[]int64{0, 0, 50, 50, 50, 50}, 0}, {[]int64{0, 0, 40, 30, 20, 10}, -10},
	} {
		if got := slope(x.backlog); got != x.slope {
			t.Errorf("%v grows by %d a second, want %d", x.backlog, got, x.slope)
		}
	}
}

// What is a backlog that grows depends on the load, on how long it was looked at and on
// what may wait in time. At 10,000 records a second and 200 ms 2,000 may.
func TestABacklogOfChance(t *testing.T) {
	steady, waves := small(), small()
	steady.SLO.AckP99US, steady.SLO.E2EP99US = 0, 200_000
	waves.SLO = steady.SLO
	waves.Load.Arrivals = workloads.Arrivals{Process: workloads.Diurnal, Day: workloads.Day{Peak: 2500}}
	for _, x := range []struct {
		name    string
		s       *Study
		backlog []int64
		grows   bool
	}{
		{"a second has 56 more than the last", steady, []int64{200, 210, 190, 246}, false},
		{"all that may wait", steady, []int64{200, 210, 0, 2000}, false},
		{"more than may wait", steady, []int64{200, 210, 200, 2201}, true},
		{"as much in a wave", waves, []int64{200, 210, 200, 2201}, false},
		{"more than may wait in a wave", waves, []int64{200, 210, 200, 5201}, true},
		{"half a per cent for a minute", steady, growing(200, 50), false},
		{"more than that for a minute", steady, growing(200, 51), true},
		{"that much in waves", waves, growing(200, 51), true},
		{"it shrinks", steady, growing(9000, -100), false},
	} {
		if got := x.s.grows(x.backlog, 10_000); got != x.grows {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}

// TestABrokerIsKilled has the timeline say when that was noticed and mended, and that
// nothing was lost.
func TestABrokerIsKilled(t *testing.T) {
	s := small()
	p := NewPlan(s)
	p.planOn = 200
	o := Run(s, p.lossProbe())
	line := s.lossTimeline(&o)
	if o.Ledger.LostAcked != 0 || len(line.Rows) < 70 {
		t.Errorf("%d lost, %d rows", o.Ledger.LostAcked, len(line.Rows))
	}
	for i, what := range []string{"its loss was noticed", "every partition had a leader again", "every replica was in sync again"} {
		if got := line.Summary[1+i]; !strings.HasPrefix(got, "After ") || !strings.HasSuffix(got, what+".") {
			t.Errorf("%q: %q", what, got)
		}
	}
}

// TestDirtyPagesAreSteady compares a run that begins with the computed dirty pages
// with one that was warmed until they were there.
func TestDirtyPagesAreSteady(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	s, err := small().With("memory.ram_GiB=8", "disk.write_MBps=40", "disk.count=1", "load.value_bytes=1000")
	if err != nil {
		t.Fatal(err)
	}
	const rate = 20_000 // 20 MB/s into each log: 819 MB of background are full after 41 s, 600 MB are older than 30 s before
	busy := func(s *Study, warm time.Duration) int64 {
		o := Run(s, Probe{Rate: rate, Seed: 1, Warm: warm, For: warm + 10*time.Second})
		u := resource(&o.Point, diskWrite)
		if u == nil {
			return 0
		}
		return u.Busy
	}
	cold := *s
	cold.clean = true
	steady, warmed, begun := busy(s, 2*time.Second), busy(&cold, 50*time.Second), busy(&cold, 2*time.Second)
	if d := steady - warmed; d > 50 || d < -50 {
		t.Errorf("the drive is busy for %d thousandths from the computed state, and %d after 50 s", steady, warmed)
	}
	if begun > steady/2 {
		t.Errorf("without dirty pages the drive is busy for %d thousandths at once, and %d later: the test shows nothing", begun, steady)
	}
}
