package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// writer is a machine that does what it is told at given times, and remembers when
// its syncs and loads were done.
type writer struct {
	at    []machine.Instant
	do    func(w *writer, k int, out *machine.Effects)
	files machine.Files
	next  int
	done  []machine.Instant
	zeros []byte
}

func (w *writer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		w.files = in.Files
	case machine.DiskDone:
		w.done = append(w.done, now.Mono)
	case machine.Tick:
		w.next++ // one a step: it may have to wait
		w.do(w, w.next-1, out)
	}
}

func (w *writer) Deadline() machine.Instant {
	if w.next == len(w.at) {
		return machine.Never
	}
	return w.at[w.next]
}

func (w *writer) write(name string, n int) {
	if len(w.zeros) < n {
		w.zeros = make([]byte, n)
	}
	if err := w.files.Append(name, machine.Literal(w.zeros[:n])); err != nil {
		panic(err)
	}
}

// every is times from 1 s on.
func every(d time.Duration, n int) (at []machine.Instant) {
	for k := range n {
		at = append(at, 1000*ms+machine.Instant(k)*machine.Instant(d))
	}
	return at
}

// disked is a world of one writer.
func disked(cfg Config, h Hardware, cores int, at []machine.Instant, do func(w *writer, k int, out *machine.Effects)) (*Sim, *writer) {
	w := &writer{at: at, do: do}
	s := New(cfg)
	s.Add(NodeConfig{Name: "a", ID: 1, Cores: cores, Hardware: h, Boot: func() machine.Machine { return w }})
	return s, w
}

const mib = 1 << 20

// settled fails unless all accounts of a node's disk obey Little's law at rest.
func settled(t *testing.T, u Usage) {
	t.Helper()
	balanced(t, "cores", u.Cores)
	balanced(t, "drives", u.Drives)
	balanced(t, "syncs", u.Syncs)
	d := u.Dirty
	if d.Present != 0 || d.Arrivals != d.Departures+d.Dropped {
		t.Errorf("%d bytes became dirty, %d were written, %d dropped, %d are dirty", d.Arrivals, d.Departures, d.Dropped, d.Present)
	}
	if off := d.Held - d.Stayed; off < -2 || off > 2 {
		t.Errorf("dirty bytes were held for %d byte-ms, and stayed for %d", d.Held, d.Stayed)
	}
}

// An append costs nothing until there are too many dirty bytes; then it costs what
// the drive needs to make room, and the rate of writes becomes that of the drive.
func TestWritersWaitAtTheLimit(t *testing.T) {
	h := Hardware{Disk: Disk{Write: 100 * megabyte, Background: 50 * megabyte, Limit: 100 * megabyte}}
	// 200 MB/s in pieces of 1 MB, for 10 s.
	s, w := disked(Config{}, h, 1, every(5*time.Millisecond, 2000), func(w *writer, k int, _ *machine.Effects) { w.write("log", megabyte) })
	s.Run(1700 * ms)
	if u := s.Usage("a"); u.Blocked != 0 || w.next < 139 {
		t.Errorf("below the limit %d writes have waited for %d ns", w.next, u.Blocked)
	}
	s.Run(6000 * ms)
	before := s.Usage("a")
	s.Run(11_000 * ms)
	u := s.Usage("a").Since(before)
	if rate := u.Dirty.Arrivals / 5; rate < 99*megabyte || rate > 101*megabyte {
		t.Errorf("at the limit %d bytes a second are written, the drive has 100 MB/s", rate)
	}
	if busy := u.Drives.BusyPerMillion(5 * time.Second); busy < 999_000 {
		t.Errorf("the drive is busy %d millionths of the time", busy)
	}
	if u.Dirty.Peak > 100*megabyte+writePiece || u.Dirty.Present < 95*megabyte || u.Blocked < int64(4900*time.Millisecond) {
		t.Errorf("dirty %d, at most %d; blocked for %d", u.Dirty.Present, u.Dirty.Peak, u.Blocked)
	}
	s.Run(120_000 * ms)
	settled(t, s.Usage("a"))
}

// Below the background nothing is written back until it expires; above it, until
// there is less.
func TestWriteBackBeginsAtTheBackground(t *testing.T) {
	h := Hardware{Disk: Disk{Write: 100 * megabyte, Background: 50 * megabyte, Limit: 100 * megabyte}}
	s, _ := disked(Config{}, h, 1, every(time.Millisecond, 2), func(w *writer, k int, _ *machine.Effects) {
		w.write(fmt.Sprint("log", k), []int{40, 20}[k]*megabyte)
	})
	for _, row := range []struct {
		at            machine.Instant
		dirty, writes int64
	}{
		{1000 * ms, 40 * megabyte, 0},
		{2000 * ms, 60*megabyte - 3*writePiece, 3},
		{30_999 * ms, 60*megabyte - 3*writePiece, 3},
		{32_000 * ms, 0, -1},
	} {
		s.Run(row.at)
		if u := s.Usage("a"); u.Dirty.Present != row.dirty || row.writes >= 0 && u.Drives.Departures != row.writes {
			t.Errorf("at %v %d bytes are dirty after %d writes, want %d after %d", row.at, u.Dirty.Present, u.Drives.Departures, row.dirty, row.writes)
		}
	}
	settled(t, s.Usage("a"))
}

// A run that begins with the dirty pages that it would have in the long run goes on
// as one that has warmed up.
func TestSteadyStartIsAWarmedRun(t *testing.T) {
	for _, row := range []struct {
		what string
		rate int64 // of writes, bytes a second
		disk Disk
	}{
		{"bounded by the background", 60 * megabyte, Disk{Write: 100 * megabyte, Background: 500 * megabyte, Limit: 1000 * megabyte}},
		{"bounded by expiry", 10 * megabyte, Disk{Write: 100 * megabyte, Background: 500 * megabyte, Limit: 1000 * megabyte}},
		{"more than the drive can", 130 * megabyte, Disk{Write: 100 * megabyte, Background: 500 * megabyte, Limit: 1000 * megabyte}},
	} {
		window := func(d Disk, from machine.Instant) Usage {
			s, _ := disked(Config{}, Hardware{Disk: d}, 1, every(100*time.Millisecond, 2000), func(w *writer, k int, _ *machine.Effects) {
				w.write(fmt.Sprint("log", k%4), int(row.rate/10))
			})
			s.Run(from)
			before := s.Usage("a")
			s.Run(from + 20_000*ms)
			return s.Usage("a").Since(before)
		}
		warm := window(row.disk, 100_000*ms)
		row.disk.Dirty = row.disk.SteadyDirty(row.rate)
		steady := window(row.disk, 2000*ms)
		for what, pair := range map[string][2]int64{ // unordered: each by itself
			"bytes held": {warm.Dirty.Held, steady.Dirty.Held},
			"written":    {warm.Dirty.Departures, steady.Dirty.Departures},
			"busy":       {warm.Drives.Busy, steady.Drives.Busy},
			"taken":      {warm.Dirty.Arrivals, steady.Dirty.Arrivals},
		} {
			if off := math.Abs(float64(pair[1])/float64(pair[0]) - 1); off > 0.06 {
				t.Errorf("%s: %s is %d when it begins so, %d when it has warmed up", row.what, what, pair[1], pair[0])
			}
		}
		if row.rate > row.disk.Write && (warm.Blocked == 0 || steady.Blocked == 0) {
			t.Errorf("%s: blocked for %d and %d", row.what, warm.Blocked, steady.Blocked)
		}
	}
}

// Syncs that one step asks for are made one after the other; those of another step are
// in the same flush.
func TestSyncsOfAStepAreSerial(t *testing.T) {
	h := Hardware{Disk: Disk{Write: 100 * megabyte, Flush: Fixed(2 * time.Millisecond)}}
	s, w := disked(Config{}, h, 8, every(time.Millisecond, 3), func(w *writer, k int, out *machine.Effects) {
		if k == 2 { // alone
			out.Sync("dir/other", 21)
			return
		}
		for i := range 4 {
			out.Sync(fmt.Sprint("dir/log", i), machine.Tag(10*k+i+1))
		}
	})
	s.Run(1000_000 * ms)
	// The first of four begins at once, to 1002; what has come by then, three of the first
	// step and four of the second, takes four times 2 ms, and then the last one its own.
	want := []machine.Instant{1002 * ms}
	for range 7 {
		want = append(want, 1010*ms)
	}
	want = append(want, 1012*ms)
	if !slices.Equal(w.done, want) {
		t.Errorf("syncs are done at %v, want %v", w.done, want)
	}
}

// A sync writes what its file has dirty, and then takes its own time; those that come
// meanwhile are one flush, whatever their files.
func TestSyncsAreGrouped(t *testing.T) {
	h := Hardware{Disk: Disk{Write: 100 * megabyte, Flush: Fixed(2 * time.Millisecond)}}
	s, w := disked(Config{}, h, 8, every(time.Millisecond, 5), func(w *writer, k int, out *machine.Effects) {
		name := fmt.Sprint("dir/log", k%2)
		w.write(name, megabyte)
		out.Sync(name, machine.Tag(k+1))
	})
	var times []SyncTimes
	s.Synced = func(x *SyncTimes) { times = append(times, *x) }
	s.Run(1000_000 * ms)
	// The first: 10 ms of its bytes and 2 of its own, to 1012. The other four came
	// meanwhile, and 2 ms of their 40 were written during that flush: 38 and 2 ms more.
	want := []machine.Instant{1012 * ms, 1052 * ms, 1052 * ms, 1052 * ms, 1052 * ms}
	if !slices.Equal(w.done, want) {
		t.Errorf("syncs are done at %v, want %v", w.done, want)
	}
	for i, x := range times {
		began, together := 1012*ms, 4
		if i == 0 {
			began, together = 1000*ms, 1
		}
		if x.Asked != 1000*ms+machine.Instant(i)*ms || x.Began != began || x.Done != w.done[i] || x.Together != together || x.Node != "a" || x.File != fmt.Sprint("dir/log", i%2) || x.Cause == 0 {
			t.Errorf("sync %d: %+v", i, x)
		}
	}
	u := s.Usage("a")
	if len(times) != 5 || u.Drives.Departures != 2 || u.Syncs.Departures != 5 || u.Syncs.Peak != 5 {
		t.Errorf("%d were seen, %+v", len(times), u)
	}
	settled(t, u)
}

// Poisson syncs, each of a file without dirty bytes, with a flush of D: whoever comes
// while the drive is busy waits for the rest of one flush, D/2 on average, and then all
// who wait are one. With a = rate*D the drive is busy a/(a+exp(-a)) of the time, and a
// flush has a+exp(-a) syncs.
func TestGroupCommitOracle(t *testing.T) {
	const flush = time.Millisecond
	for _, a := range []float64{0.3, 1, 3} {
		gap := time.Duration(float64(flush) / a)
		n := 0
		gaps, draw := Exponential(gap), machine.NewDraw(3, "gap")
		at := make([]machine.Instant, 400_000)
		last := 1000 * ms
		for k := range at {
			last = last.Add(gaps.Of(draw.With(uint64(k))))
			at[k] = last
		}
		s, _ := disked(Config{}, Hardware{Disk: Disk{Write: 1 << 40, Flush: Fixed(flush)}}, 1, at, func(w *writer, k int, out *machine.Effects) {
			n++
			out.Sync("log", 1)
		})
		busy := a / (a + math.Exp(-a))
		waits := measure(s, "a", oracleBatches, 9000*gap, func(u Usage) float64 { return waitOf(u.Syncs) })
		waits.against(t, fmt.Sprintf("group commit, %.1f syncs a flush time: wait in us", a), micros(busy*float64(flush)/2))
		u := s.Usage("a")
		together := batches{}
		before := Usage{}
		for range oracleBatches / 10 {
			s.Run(s.Now().Add(9000 * gap))
			now := s.Usage("a")
			if d := now.Since(before); before.At > 0 {
				together = append(together, float64(d.Syncs.Departures)/float64(d.Drives.Departures))
			}
			before = now
		}
		together.against(t, fmt.Sprintf("group commit, %.1f syncs a flush time: syncs a flush", a), a+math.Exp(-a))
		if u.Syncs.Departures < 300_000 {
			t.Errorf("only %d syncs", u.Syncs.Departures)
		}
	}
}

// What has left the page cache is read from the drive, behind what that does, and a
// reader of it takes turns with write-back.
func TestLaggingReaders(t *testing.T) {
	h := Hardware{PageCache: 8 * mib, Disk: Disk{Write: 100 * mib, Read: 200 * mib, Seek: Fixed(time.Millisecond), Background: mib, Limit: 1 << 40}}
	var resident []bool
	s, w := disked(Config{}, h, 8, []machine.Instant{1000 * ms, 5000 * ms, 6000 * ms, 7000 * ms, 8000 * ms}, func(w *writer, k int, out *machine.Effects) {
		switch k {
		case 0:
			for range 32 {
				w.write("log", mib)
			}
			w.write("log", 100)
		case 1: // most of it is on the drive, and a few blocks came after it had to go
			w.write("log", 9*mib)
			resident = append(resident, w.files.Resident("log", 0, mib), w.files.Resident("log", 40*mib, mib))
		case 2:
			out.Load("log", 0, 4*mib, 1) // 1 ms and 4 MiB at 200 a second
		case 3:
			resident = append(resident, w.files.Resident("log", 0, 4*mib))
			if b, err := w.files.ReadAt("log", 10*mib, 2*mib); err != nil || b.Len() != 2*mib { // by call: the step waits
				panic(err)
			}
			out.Sync("nothing", 2)
		case 4:
			resident = append(resident, w.files.Resident("log", 10*mib, 2*mib))
		}
	})
	s.Run(100_000 * ms)
	if fmt.Sprint(resident) != "[false true true true]" {
		t.Errorf("in memory: first and last block, what was loaded, what was read: %v", resident)
	}
	if want := []machine.Instant{6021 * ms}; len(w.done) != 2 || w.done[0] != want[0] {
		t.Errorf("a load of 4 MiB is done at %v, want %v", w.done, want)
	}
	u := s.Usage("a")
	if u.Blocked != int64(11*time.Millisecond) || u.Cold != 6 || u.Evicted < 30 {
		t.Errorf("blocked for %d, %d cold and %d evicted blocks", u.Blocked, u.Cold, u.Evicted)
	}
	if held := s.nodes[0].files.memory.held; held > 9 {
		t.Errorf("%d blocks are in memory, which holds 8", held)
	}
	settled(t, u)
}

// Reads and write-back share a drive in turns of one piece each: neither starves.
func TestReadersAndWriteBackTakeTurns(t *testing.T) {
	h := Hardware{PageCache: mib, Disk: Disk{Write: 400 * mib, Read: 100 * mib, Background: 1, Limit: 1 << 40}}
	s, w := disked(Config{}, h, 64, every(time.Second, 2), func(w *writer, k int, out *machine.Effects) {
		switch k {
		case 0:
			for range 64 {
				w.write("old", mib)
			}
		case 1:
			w.write("new", 40*mib) // ten pieces of 10 ms
			for b := range int64(10) {
				out.Load("old", b*mib, mib, 1) // 10 ms each
			}
		}
	})
	s.Run(100_000 * ms)
	for i, at := range w.done {
		if want := 2000*ms + machine.Instant(i+1)*20*ms; at != want {
			t.Errorf("read %d is done at %d, want %d", i, at, want)
		}
	}
	if len(w.done) != 10 {
		t.Errorf("%d reads are done", len(w.done))
	}
	settled(t, s.Usage("a"))
}

// Directories go to the drive that has fewest, and each drive works by itself.
func TestDirectoriesSpreadOverDrives(t *testing.T) {
	h := Hardware{Disk: Disk{Drives: 3, Write: 100 * megabyte, Flush: Fixed(0)}}
	s, w := disked(Config{}, h, 8, []machine.Instant{1000 * ms}, func(w *writer, k int, out *machine.Effects) {
		for p := range 6 {
			name := fmt.Sprintf("topic-%d/0.log", p)
			w.write(name, megabyte)
			out.Sync(name, machine.Tag(p+1))
		}
	})
	s.Run(10_000 * ms)
	// Two on each: the second waits for the first.
	if want := []machine.Instant{1010 * ms, 1010 * ms, 1010 * ms, 1020 * ms, 1020 * ms, 1020 * ms}; !slices.Equal(w.done, want) {
		t.Errorf("syncs are done at %v, want %v", w.done, want)
	}
	if u := s.Usage("a"); u.Drives.Servers != 3 || u.Drives.Departures != 6 {
		t.Errorf("%+v", u.Drives)
	}
}

// A read by call waits for what the drive is doing, and the next for it.
func TestReadsByCallWaitForTheDrive(t *testing.T) {
	h := Hardware{PageCache: 2 * mib, Disk: Disk{Write: 100 * mib, Read: 100 * mib, Flush: Fixed(0)}}
	s, w := disked(Config{}, h, 4, []machine.Instant{1000 * ms, 5000 * ms, 6000 * ms, 6010 * ms}, func(w *writer, k int, out *machine.Effects) {
		switch k {
		case 0:
			w.write("log", 8*mib)
			out.Sync("log", 1)
		case 1: // the first blocks have to go
			w.write("log", 2*mib)
		case 2: // 20 ms
			out.Sync("log", 2)
		case 3: // waits for 10 ms and reads for 20
			if _, err := w.files.ReadAt("log", 0, 2*mib); err != nil {
				panic(err)
			}
			out.Sync("nothing", 3)
		}
	})
	s.Run(20_000 * ms)
	if want := []machine.Instant{1080 * ms, 6020 * ms, 6040 * ms}; !slices.Equal(w.done, want) {
		t.Errorf("syncs are done at %v, want %v", w.done, want)
	}
	if u := s.Usage("a"); u.Blocked != int64(30*time.Millisecond) || u.Drives.Waited != int64(10*time.Millisecond) {
		t.Errorf("blocked for %d, and reads have waited for %d", u.Blocked, u.Drives.Waited)
	}
}

// Dirty blocks do not leave the memory, however full it is, until they are written.
func TestDirtyBlocksStay(t *testing.T) {
	h := Hardware{PageCache: mib, Disk: Disk{Write: 100 * mib, Flush: Fixed(0)}}
	var resident []bool
	s, _ := disked(Config{}, h, 1, []machine.Instant{1000 * ms, 2000 * ms, 3000 * ms}, func(w *writer, k int, out *machine.Effects) {
		w.write("log", 4*mib)
		resident = append(resident, w.files.Resident("log", 0, 4*mib))
		if k == 1 {
			out.Sync("log", 1)
		}
	})
	s.Run(4000 * ms)
	if fmt.Sprint(resident) != "[true true false]" {
		t.Errorf("the first 4 MiB are in memory: %v, want until they have been synced and more is written", resident)
	}
}
