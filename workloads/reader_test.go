package workloads

import (
	"slices"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"

	"pgregory.net/rapid"
)

func readerSettings() config.Consumer {
	s := config.DefaultConsumer()
	s.AutoOffsetReset, s.MaxPollRecords = "earliest", 3
	return s
}

func partitionsOf(d *double) []wire.TP {
	var list []wire.TP
	for i := range d.logs {
		list = append(list, wire.TP{Topic: "t", Partition: int32(i)})
	}
	return list
}

func (d *double) newReader(life int, s config.Consumer) *Reader {
	return NewReader(ReaderConfig{ID: 1002, Name: "k1", Life: uint32(life), Seed: 1, Bootstrap: []string{"b1:9092"}, Settings: s,
		Partitions: partitionsOf(d), Work: time.Millisecond, Recorder: d.rec, TPs: d.tps})
}

// auditor follows the Process events: every record in order, none passed over,
// and none before the position behind it is durable.
type auditor struct {
	d     *double
	seen  int
	done  []int64
	again int
}

func (a *auditor) look() {
	t := a.d.t
	for ; a.seen < len(a.d.events); a.seen++ {
		e := &a.d.events[a.seen]
		if e.F != history.Process {
			continue
		}
		saved := a.d.files.newestDurable()
		for _, run := range e.Runs {
			for _, r := range run.Records {
				if r.Offset > a.done[run.TP] {
					t.Fatalf("at %d: finished with %d of partition %d, after %d: passed over some", e.T, r.Offset, run.TP, a.done[run.TP]-1)
				}
				if r.Offset < a.done[run.TP] {
					a.again++
				}
				if r.Value != r.Offset {
					t.Fatalf("value %d at %d", r.Value, r.Offset)
				}
				a.done[run.TP] = max(a.done[run.TP], r.Offset+1)
			}
			for _, p := range saved {
				if last := run.Records[len(run.Records)-1].Offset; a.d.tps(p.tp) == run.TP && p.next.offset <= last {
					t.Fatalf("at %d: finished with %d of partition %d, the durable position is %d", e.T, last, run.TP, p.next.offset)
				}
			}
		}
		if len(saved) == 0 {
			t.Fatalf("at %d: finished with records without any durable position", e.T)
		}
	}
}

// Whenever a reader dies, by itself or with its disk, and whichever syncs fail, it
// finishes with every record, in order, and only behind a durable position; a
// death costs no more than the records in hand once again.
func TestReaderPassesOverNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDouble(t, 2)
		for n := range d.logs {
			d.fill(n, rapid.IntRange(0, 30).Draw(t, "records"), rapid.IntRange(1, 5).Draw(t, "per batch"))
		}
		failures := rapid.IntRange(0, 4).Draw(t, "failing syncs")
		d.failed = func() bool {
			if failures == 0 || !rapid.Bool().Draw(t, "fails") {
				return false
			}
			failures--
			return true
		}
		s := readerSettings()
		a := &auditor{d: d, done: make([]int64, 2)}
		r := d.newReader(0, s)
		d.start(r)
		lives := rapid.IntRange(0, 6).Draw(t, "deaths")
		for life := range lives {
			d.run(d.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "ms"))*time.Millisecond), func() bool { a.look(); return false })
			if rapid.Bool().Draw(t, "power") {
				d.files.losePower(func(string) int { return rapid.IntRange(0, 2).Draw(t, "keep") })
			}
			r = d.newReader(life+1, s)
			d.start(r)
		}
		d.run(d.now.Add(10*time.Second), func() bool { a.look(); return a.done[0] == d.ends[0] && a.done[1] == d.ends[1] })
		for n := range d.logs {
			if a.done[n] != d.ends[n] {
				t.Fatalf("finished with %d of %d records of partition %d", a.done[n], d.ends[n], n)
			}
			if got := r.Position(wire.TP{Topic: "t", Partition: int32(n)}); got > a.done[n] {
				t.Fatalf("says %d where %d are finished with", got, a.done[n])
			}
		}
		if most := lives * int(s.MaxPollRecords); a.again > most {
			t.Fatalf("%d records were processed again in %d deaths", a.again, lives)
		}
		if lives == 0 && r.Processed() != d.ends[0]+d.ends[1] {
			t.Fatalf("says that it has processed %d", r.Processed())
		}
	})
}

// A reader that dies between the writing of its position and the news that it is
// durable has not said that it was finished: the next life does the records again.
// One that dies after the news does not.
func TestReaderDiesAroundASync(t *testing.T) {
	for _, c := range []struct {
		name  string
		after bool
		again int
	}{{"before", false, 3}, {"after", true, 0}} {
		t.Run(c.name, func(t *testing.T) {
			d := newDouble(t, 1)
			d.fill(0, 9, 9)
			a := &auditor{d: d, done: make([]int64, 1)}
			r := d.newReader(0, readerSettings())
			d.start(r)
			d.run(d.now.Add(time.Second), func() bool {
				a.look()
				if c.after {
					return a.done[0] == 6
				}
				return a.done[0] == 3 && r.state == syncing
			})
			from := a.done[0]
			d.start(d.newReader(1, readerSettings()))
			last := d.events[len(d.events)-1]
			if last.F != history.Assign || last.Reset {
				t.Fatalf("begins with %+v", last)
			}
			born := len(d.events)
			d.run(d.now.Add(time.Second), func() bool { a.look(); return a.done[0] == 9 })
			polled := int64(-1)
			for _, e := range d.events[born:] {
				if e.F == history.Poll && len(e.Runs) > 0 && polled < 0 {
					polled = e.Runs[0].Records[0].Offset
				}
			}
			if polled != from || a.again != 0 {
				t.Errorf("goes on at %d, %d records twice; want %d", polled, a.again, from)
			}
		})
	}
}

// A torn file is none: the one before it counts, and its name is not used again.
func TestLoadPositionsOfTornFiles(t *testing.T) {
	write := func(done, next int64, first bool) machine.Bytes {
		tp := wire.TP{Topic: "t"}
		return machine.Literal(encodePositions([]position{{tp: tp, done: place{done, 1}, next: place{next, 1}}}, first))
	}
	at := func(done, next int64) machine.Bytes { return write(done, next, false) }
	torn := at(0, 9).Slice(0, 20)
	for _, c := range []struct {
		name    string
		files   map[uint64]machine.Bytes
		offset  int64 // -1: none
		highest uint64
	}{
		{"nothing", nil, -1, 0},
		{"the first, of which nobody can tell", map[uint64]machine.Bytes{1: write(0, 3, true)}, 0, 1},
		{"one after a first that was lost", map[uint64]machine.Bytes{2: write(0, 3, true)}, 0, 2},
		{"one that is durable", map[uint64]machine.Bytes{2: at(0, 3)}, 3, 2},
		{"one that did not become durable", map[uint64]machine.Bytes{2: at(0, 3), 3: at(3, 6)}, 3, 3},
		{"one after another that failed", map[uint64]machine.Bytes{2: at(0, 3), 3: at(3, 6), 4: at(3, 6)}, 3, 4},
		{"a torn one", map[uint64]machine.Bytes{2: at(0, 3), 3: torn}, 3, 3},
		{"a torn one below", map[uint64]machine.Bytes{2: torn, 3: at(3, 6)}, 3, 3},
		{"nothing but torn ones", map[uint64]machine.Bytes{1: torn, 7: torn}, -1, 7},
		{"an empty one", map[uint64]machine.Bytes{5: {}}, -1, 5},
	} {
		f := &disk{cache: map[string]*file{"other": {}, "position.": {}, "position.x": {}, "position.0000000000009": {}}}
		for n, b := range c.files {
			if err := f.Append(positionFile(n), b); err != nil {
				t.Fatal(err)
			}
		}
		list, highest, _ := loadPositions(f, false)
		got := int64(-1)
		if len(list) > 0 {
			got = list[0].done.offset
			if list[0].next != list[0].done {
				t.Errorf("%s: %+v", c.name, list[0])
			}
		}
		if got != c.offset || highest != c.highest {
			t.Errorf("%s: goes on at %d after file %d, want %d after %d", c.name, got, highest, c.offset, c.highest)
		}
	}
}

// The final read takes every record of every partition, to the end that it was told
// after it had begun, and no sooner than it should.
func TestDumperReadsToTheEnd(t *testing.T) {
	d := newDouble(t, 3)
	d.fill(0, 20, 3)
	d.fill(1, 1, 1)
	dump := NewDumper(DumperConfig{ID: 9, Name: "dump", Seed: 1, Bootstrap: []string{"b1:9092"}, Settings: readerSettings(), Partitions: partitionsOf(d),
		From: machine.Instant(time.Second), Recorder: d.rec, TPs: d.tps})
	d.start(dump)
	d.run(machine.Instant(time.Second)-1, func() bool { return false })
	if len(d.events) > 0 || dump.Done() || d.conns > 0 {
		t.Fatal("has begun too early")
	}
	d.fill(1, 4, 2) // just before
	// What is appended while it reads is in the high watermarks that it sees.
	d.run(machine.Instant(20*time.Second), func() bool { return dump.Read() >= 15 })
	d.fill(0, 6, 3)
	d.run(machine.Instant(20*time.Second), dump.Done)
	if !dump.Done() || len(dump.Remaining()) > 0 {
		t.Fatalf("not read: %v", dump.Remaining())
	}
	next := make([]int64, 3)
	ends := make([]int64, 3)
	for _, e := range d.events {
		for _, run := range e.Runs {
			for _, r := range run.Records {
				if e.F != history.Dump || !e.Fin || r.Offset != next[run.TP] || r.Value != r.Offset {
					t.Fatalf("%+v in %+v, want offset %d", r, e, next[run.TP])
				}
				next[run.TP]++
			}
		}
		for _, c := range e.At {
			ends[c.TP] = max(ends[c.TP], c.End)
		}
	}
	for n := range next {
		if next[n] != d.ends[n] || ends[n] != d.ends[n] {
			t.Errorf("read %d of %d records of partition %d, told of %d", next[n], d.ends[n], n, ends[n])
		}
	}
	if dump.Read() != d.ends[0]+d.ends[1]+d.ends[2] {
		t.Errorf("says that it has read %d", dump.Read())
	}
}

// A reader that dies at work does again, or passes over, what its way to commit says.
func TestReaderDiesAtWork(t *testing.T) {
	for _, c := range []struct {
		name         string
		commit       Commit
		every        time.Duration
		dies, begins int64 // when so many are processed; where the next life begins, -1: by auto.offset.reset
	}{
		{"after, the first of a poll", CommitAfter, 0, 1, -1},
		{"after, the first of the second poll", CommitAfter, 0, 4, 3},
		{"before", CommitBefore, 0, 1, 3},
		{"before, the second poll", CommitBefore, 0, 4, 6},
		{"auto, before the interval", CommitAuto, time.Second, 7, -1},
		{"auto, every poll", CommitAuto, time.Microsecond, 7, 6},
		{"auto, behind the last poll", CommitAuto, time.Microsecond, 9, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDouble(t, 1)
			d.fill(0, 9, 9)
			boot := func(life int) *Reader {
				r := d.newReader(life, readerSettings())
				r.cfg.Commit, r.cfg.CommitEvery, r.cfg.Settle = c.commit, c.every, 2*time.Millisecond
				return r
			}
			r := boot(0)
			d.start(r)
			d.run(d.now.Add(time.Second), func() bool { return r.Processed() == c.dies })
			if c.dies == 9 {
				d.run(d.now.Add(time.Second), func() bool { return false })
			}
			if at := r.Position(wire.TP{Topic: "t"}); at != c.dies {
				t.Fatalf("says it has processed up to %d, and has %d", at, c.dies)
			}
			born := len(d.events)
			d.start(boot(1))
			if reset := d.events[len(d.events)-1].Reset; reset != (c.begins < 0) {
				t.Fatalf("begins with %+v", d.events[len(d.events)-1])
			}
			d.run(d.now.Add(time.Second), func() bool { return false })
			var got []int64
			for _, e := range d.events[born:] {
				if e.F == history.Process {
					for _, x := range e.Runs[0].Records {
						got = append(got, x.Offset)
					}
				}
			}
			want := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8}[max(c.begins, 0):]
			if !slices.Equal(got, want) {
				t.Errorf("the second life processes %v, want %v", got, want)
			}
		})
	}
}
