package validation

import (
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/capacity"
	"brokersim/sim/profile"
)

// What all published benchmarks agree on, whatever their machines: which of two
// configurations is ahead, and by about how much. That a quorum queue is ahead of a
// mirrored one is not among it: no replicated queue is modelled.

// made is a run of a study, changed by a function, with its seconds.
func made(t *testing.T, r run, change func(*run)) (*result.Point, []result.Second) {
	t.Helper()
	if change != nil {
		change(&r)
	}
	s := r.study
	if s.Hardware == nil {
		s.Hardware = sheet(profile.Hardware(s.Cluster.Profile))
	}
	s.Costs = sheet(profile.Costs("kafka"))
	o := capacity.Run(&s, capacity.Probe{Rate: r.rate, Seed: seed, Warm: r.warm, For: r.length, Rows: true})
	if o.Err != "" {
		t.Fatalf("%s: %s", s.Name, o.Err)
	}
	return &o.Point, o.Rows
}

func long(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of millions of records")
	}
}

// One sender is no faster with replicas that it does not wait for than without any, and
// much slower if it waits.
func TestReplicationCosts(t *testing.T) {
	long(t)
	rate := func(rf int64, acks string) int64 {
		p, _ := made(t, kreps("1p", 100, rf, 8196, 1_200_000), func(r *run) {
			r.study.Cluster.Acks, r.warm, r.length = acks, time.Second, 3*time.Second
		})
		return p.Achieved
	}
	none, async, sync := rate(1, "1"), rate(3, "1"), rate(3, "all")
	t.Logf("no replication %d, asynchronous %d, synchronous %d", none, async, sync)
	if none < async || async*10 <= sync*11 {
		t.Errorf("no replication %d, asynchronous %d, synchronous %d: want them to fall", none, async, sync)
	}
}

// Throughput is flat against what is stored, also when that has outgrown the memory.
func TestThroughputIsFlatAgainstStoredData(t *testing.T) {
	long(t)
	_, rows := made(t, kreps("flat", 1000, 3, 128_000, 80_000), func(r *run) {
		h := sheet(profile.Hardware(r.study.Cluster.Profile)).Clone()
		if err := h.Set(string(profile.RAM), "6"); err != nil { // which the heap takes: no page stays that is on a disk
			t.Fatal(err)
		}
		r.study.Hardware, r.warm, r.length = h, 2*time.Second, 14*time.Second
	})
	acked := func(rows []result.Second) (n int64) {
		for _, s := range rows {
			n += s.Acked
		}
		return n
	}
	rows = rows[3:] // of the warm-up
	rows = rows[:len(rows)/2*2]
	early, late := acked(rows[:len(rows)/2]), acked(rows[len(rows)/2:])
	t.Logf("%d and %d records in %d s each", early, late, len(rows)/2)
	if early == 0 || late*100 < early*97 {
		t.Errorf("%d records in the first half, %d in the second", early, late)
	}
}
