package storage

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
)

// Where to look for a timestamp is never too far on, and an index or less too far back.
func TestSearchTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := storagetest.New()
		opt := Options{IndexInterval: 200}
		open := func(o Options) *Log {
			l, _, err := OpenWith(d, "t-0", o)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		l := open(opt)
		var times []int64 // by offset
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				at := rapid.Int64Range(0, 40).Draw(t, "timestamp")
				if rapid.Bool().Draw(t, "later") && len(times) > 0 {
					at += slices.Max(times)
				}
				b := one(l.End(), at)
				h, err := readHeader(b, 0, &headerBytes{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := l.Roll(h, Limits{Bytes: 81 * rapid.SampledFrom([]int64{1, 1000}).Draw(t, "segment.bytes"), Millis: 1 << 40}); err != nil {
					t.Fatal(err)
				}
				if err := l.Append(b); err != nil {
					t.Fatal(err)
				}
				times = append(times, at)
			},
			"truncate": func(t *rapid.T) {
				to := rapid.Int64Range(0, l.End()).Draw(t, "to")
				if err := l.TruncateTo(to); err != nil {
					t.Fatal(err)
				}
				times = times[:to]
			},
			"open again": func(t *rapid.T) {
				o := opt
				o.Clean = rapid.Bool().Draw(t, "clean")
				l = open(o)
			},
			"": func(t *rapid.T) {
				if l.End() != int64(len(times)) {
					t.Fatalf("the log ends at %d, not %d", l.End(), len(times))
				}
				at := rapid.Int64Range(0, 100).Draw(t, "search")
				first := slices.IndexFunc(times, func(x int64) bool { return x >= at })
				from, ok := l.SearchTime(at)
				if ok != (first >= 0) {
					t.Fatalf("%d in %v: %t", at, times, ok)
				}
				if ok && (from > int64(first) || int64(first)-from > 200/81+3 && l.segmentOf(from) == l.segmentOf(int64(first))) {
					t.Fatalf("%d in %v is at %d; look from %d on", at, times, first, from)
				}
			},
		})
	})
}

// A time index of what does not rise is searched in vain: where to look is behind the first
// record that is no older. With the largest so far it never is (TimeIndex.maybeAppend).
func TestRawStamps(t *testing.T) {
	for _, tt := range []struct {
		name    string
		times   []int64 // of batches of one record each, by offset
		entries []int64 // the timestamps of the index, with the flaw
		late    []int64 // what is looked for too far on, with the flaw
	}{
		{"they rise", []int64{1, 3, 5, 7}, []int64{3, 5, 7}, nil},
		{"one falls", []int64{3, 1, 5}, []int64{1, 5}, []int64{1, 2, 3}},
		{"one falls behind", []int64{2, 4, 6, 1, 8}, []int64{4, 6, 1, 8}, []int64{1, 2, 3, 4, 5, 6}},
		{"a while", []int64{4, 6, 1, 2, 3, 8, 9}, []int64{6, 1, 2, 3, 8, 9}, []int64{1, 2, 3, 4, 5, 6}},
		{"two clocks", []int64{5, 1, 6, 2, 7, 3}, []int64{1, 6, 2, 7, 3}, []int64{1, 2, 3, 4, 5, 6, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, raw := range []bool{false, true} {
				l, _, err := OpenWith(storagetest.New(), "t-0", Options{Flaws: Flaws{RawStamps: raw}})
				if err != nil {
					t.Fatal(err)
				}
				for i, x := range tt.times {
					if err := l.Append(one(int64(i), x)); err != nil {
						t.Fatal(err)
					}
				}
				var entries, late []int64
				for _, e := range l.segments[0].times.entries {
					entries = append(entries, e.timestamp)
				}
				for at := range int64(10) {
					first := slices.IndexFunc(tt.times, func(x int64) bool { return x >= at })
					from, ok := l.SearchTime(at)
					if ok != (first >= 0) || ok && from > int64(first) {
						late = append(late, at)
					}
				}
				if raw && (!slices.Equal(entries, tt.entries) || !slices.Equal(late, tt.late)) || !raw && (late != nil || !slices.IsSorted(entries)) {
					t.Errorf("raw %t: entries %d, too far on %d", raw, entries, late)
				}
			}
		})
	}
}

// An index has an entry every index.interval.bytes, in the file as in memory; a roll ends
// the time index with the largest timestamp.
func TestIndexEntries(t *testing.T) {
	d := storagetest.New()
	l, _, err := OpenWith(d, "t-0", Options{IndexInterval: 100})
	if err != nil {
		t.Fatal(err)
	}
	for at, timestamp := range []int64{5, 9, 7, 8, 6, 20, 3} { // of 81 bytes each
		if err := l.Append(one(int64(at), timestamp)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(offsets, times []int64) {
		t.Helper()
		var wantOffsets, wantTimes []byte
		for i := 0; i < len(offsets); i += 2 {
			wantOffsets = binary.BigEndian.AppendUint32(wantOffsets, uint32(offsets[i]))
			wantOffsets = binary.BigEndian.AppendUint32(wantOffsets, uint32(offsets[i+1]))
		}
		for i := 0; i < len(times); i += 2 {
			wantTimes = binary.BigEndian.AppendUint64(wantTimes, uint64(times[i]))
			wantTimes = binary.BigEndian.AppendUint32(wantTimes, uint32(times[i+1]))
		}
		if got := d.Get("t-0/00000000000000000000.index"); !slices.Equal(got, wantOffsets) {
			t.Errorf("index %x, want %x", got, wantOffsets)
		}
		if got := d.Get("t-0/00000000000000000000.timeindex"); !slices.Equal(got, wantTimes) {
			t.Errorf("time index %x, want %x", got, wantTimes)
		}
	}
	check([]int64{2, 162, 4, 324, 6, 486}, []int64{9, 1, 20, 5})
	if err := l.TruncateTo(6); err != nil {
		t.Fatal(err)
	}
	check([]int64{2, 162, 4, 324}, []int64{9, 1})
	if !roll(t, l, one(6, 0), Limits{Bytes: 1, Millis: 1 << 40}) {
		t.Fatal("not rolled")
	}
	check([]int64{2, 162, 4, 324}, []int64{9, 1, 20, 5})
}

// What an index has no room for is written when there is; the batch is in the log.
func TestIndexOnAFullDisk(t *testing.T) {
	d := storagetest.New()
	l, _, err := OpenWith(fullFor{d, "index"}, "t-0", Options{IndexInterval: 100})
	if err != nil {
		t.Fatal(err)
	}
	for at := range int64(7) {
		if err := l.Append(one(at, at)); err != nil || l.End() != at+1 {
			t.Fatalf("append %d: %v, log end %d", at, err, l.End())
		}
	}
	if d.Get("t-0/00000000000000000000.index") != nil {
		t.Fatal("the disk was not full")
	}
	l.files = d
	if err := l.Append(one(7, 7)); err != nil || len(d.Get("t-0/00000000000000000000.index")) != 3*8 || len(d.Get("t-0/00000000000000000000.timeindex")) != 3*12 {
		t.Errorf("%v; index of %d bytes, time index of %d", err, len(d.Get("t-0/00000000000000000000.index")), len(d.Get("t-0/00000000000000000000.timeindex")))
	}
	if _, cut, err := OpenWith(d, "t-0", Options{IndexInterval: 100}); err != nil || cut.String() != "" {
		t.Errorf("opened again: %v, %v", cut, err)
	}
	// Any other error leaves the batch in the log as well, and says so.
	l.files = brokenFor{d, "index"}
	for at := int64(8); at < 10; at++ {
		if err = l.Append(one(at, at)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrIndex) || !errors.Is(err, machine.ErrIO) || l.End() != 9 && l.End() != 10 || int64(len(d.Get(l.File()))) != 81*l.End() {
		t.Errorf("%v, log end %d, %d bytes", err, l.End(), len(d.Get(l.File())))
	}
}

// fullFor has no room for files whose names end with so.
type fullFor struct {
	*storagetest.Disk
	suffix string
}

func (f fullFor) Append(name string, b machine.Bytes) error {
	if strings.HasSuffix(name, f.suffix) {
		return machine.ErrNoSpace
	}
	return f.Disk.Append(name, b)
}

// brokenFor fails for files whose names end with so.
type brokenFor struct {
	*storagetest.Disk
	suffix string
}

func (f brokenFor) Append(name string, b machine.Bytes) error {
	if strings.HasSuffix(name, f.suffix) {
		return machine.ErrIO
	}
	return f.Disk.Append(name, b)
}

// A segment is full, too, when an index is, or when an offset would not fit.
func TestRollWhenFull(t *testing.T) {
	d := storagetest.New()
	l, _, err := OpenWith(d, "t-0", Options{IndexInterval: 0, IndexBytes: 3 * 8})
	if err != nil {
		t.Fatal(err)
	}
	wide := Limits{Bytes: 1 << 30, Millis: 1 << 40}
	var rolled []int64
	for at := range int64(9) {
		if roll(t, l, one(at, at), wide) {
			rolled = append(rolled, at)
		}
		if err := l.Append(one(at, at)); err != nil {
			t.Fatal(err)
		}
	}
	// 24 bytes are two entries of a time index, one of which is for the roll.
	if !slices.Equal(rolled, []int64{2, 4, 6, 8}) {
		t.Errorf("rolled at %v", rolled)
	}
	far := Header{BaseOffset: 9, LastOffsetDelta: 1<<31 - 1, Length: 100}
	if ok, err := l.Roll(far, wide); !ok || err != nil {
		t.Errorf("not rolled for an offset that does not fit: %v", err)
	}
	if err := l.Append(one(9, 9)); err != nil {
		t.Fatal(err)
	}
	b := one(10, 9).Contiguous()
	binary.BigEndian.PutUint32(b[23:], 1<<31-1)
	if err := l.Append(machine.Literal(b)); !errors.Is(err, ErrSegmentFull) || l.End() != 10 {
		t.Errorf("appended an offset that does not fit: %v", err)
	}
}

// Jitter has a segment roll sooner, by its own time, the same whenever it is asked.
func TestRollJitter(t *testing.T) {
	seen := map[int64]bool{}
	for base := range int64(20) {
		s := newSegment("t-0", base, 0)
		j := s.jitter(Limits{Millis: 1000, JitterMillis: 300})
		if j < 0 || j >= 300 || j != s.jitter(Limits{Millis: 1000, JitterMillis: 300}) {
			t.Errorf("jitter %d", j)
		}
		seen[j] = true
	}
	if len(seen) < 10 {
		t.Errorf("jitters %v", seen)
	}
	l, _ := segmented(t, storagetest.New())
	if err := l.Append(one(0, 1000)); err != nil {
		t.Fatal(err)
	}
	max := Limits{Bytes: 1 << 20, Millis: 500, JitterMillis: 500}
	j := l.active().jitter(max)
	if roll(t, l, one(1, 1000+500-j), max) || !roll(t, l, one(1, 1000+500-j+1), max) {
		t.Errorf("jitter %d", j)
	}
}

// What was durable is there after any crash, whatever the recovery point says that was
// written down before it; and nothing else than what was appended.
func TestRecoveryPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := storagetest.New()
		open := func(o Options) (*Log, Recovery) {
			o.IndexInterval = 150
			l, r, err := OpenWith(d, "t-0", o)
			if err != nil {
				t.Fatal(err)
			}
			return l, r
		}
		l, _ := open(Options{})
		var appended []machine.Bytes // by offset
		durable, point := int64(0), int64(0)
		flush := func() {
			for _, f := range l.Unsynced(durable) {
				d.Sync(f)
			}
			durable = l.End()
		}
		check := func() {
			for at := l.Start(); at < l.End(); at++ {
				b, err := l.Read(at, at+1, 1, true)
				if err != nil || !slices.Equal(b.Contiguous(), appended[at].Contiguous()) {
					t.Fatalf("offset %d of [%d, %d): %d bytes, %v", at, l.Start(), l.End(), b.Len(), err)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				b := one(l.End(), rapid.Int64Range(0, 9).Draw(t, "timestamp"))
				h, err := readHeader(b, 0, &headerBytes{})
				if err != nil {
					t.Fatal(err)
				}
				if rolled, err := l.Roll(h, Limits{Bytes: 81 * 3, Millis: 1 << 40}); err != nil {
					t.Fatal(err)
				} else if rolled && rapid.Bool().Draw(t, "flush at roll") {
					flush()
				}
				if err := l.Append(b); err != nil {
					t.Fatal(err)
				}
				appended = append(appended, b)
			},
			"flush":      func(*rapid.T) { flush() },
			"checkpoint": func(*rapid.T) { point = durable },
			"crash": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "power loss") {
					d.PowerLoss(rapid.IntRange(0, 200).Draw(t, "torn"))
				}
				was := l.End()
				var r Recovery
				l, r = open(Options{RecoveryPoint: point})
				if l.End() < durable || l.End() > was {
					t.Fatalf("ends at %d; %d were durable of %d (%v)", l.End(), durable, was, r)
				}
				if point >= durable && r.Scanned < l.segments[l.segmentOf(point)].base {
					t.Fatalf("read again from %d on, the recovery point is %d", r.Scanned, point)
				}
				appended = appended[:l.End()]
				durable = min(durable, l.End())
				check()
			},
			"shut down": func(t *rapid.T) {
				flush()
				d.PowerLoss(0)
				was := l.End()
				var r Recovery
				l, r = open(Options{RecoveryPoint: point, Clean: true})
				// A segment that a life has removed which has crashed since may be there
				// again: nobody knew that it was to be made durable that it is not.
				again := r.TornBytes > 0 || l.End() > was
				if l.End() < was || !again && (r.Scanned != was || r.String() != "") {
					t.Fatalf("ends at %d of %d, read again from %d on, %v", l.End(), was, r.Scanned, r)
				}
				if err := l.TruncateTo(was); err != nil {
					t.Fatal(err)
				}
				check()
			},
		})
	})
}

// A hole behind a segment that was not read again has it read again: the recovery point
// lied.
func TestRecoveryPointThatLies(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	fill(t, l, 7)
	sync(d, l, 0)
	name := names("2")[0]
	file := d.Get(name)
	d.Put(name, file[:len(file)-20])
	l, cut, err := OpenWith(d, "t-0", Options{RecoveryPoint: 7})
	if err != nil || l.End() != 3 || !strings.Contains(cut.Reason, "offset 3") || cut.TornBytes != 61+3*81 {
		t.Errorf("ends at %d, %v, %v", l.End(), cut, err)
	}
	// So does an index that is not what it was.
	for _, file := range []string{"t-0/00000000000000000002.index", "t-0/00000000000000000000.timeindex"} {
		for _, wrong := range [][]byte{nil, {1}, slices.Repeat([]byte{1}, 24)} {
			d := storagetest.New()
			l, _ := segmented(t, d)
			fill(t, l, 7)
			sync(d, l, 0)
			was := d.Get(file)
			d.Put(file, wrong)
			if wrong == nil {
				if err := d.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			l, cut, err := OpenWith(d, "t-0", Options{IndexInterval: 4096, RecoveryPoint: 7})
			if err != nil || l.End() != 7 || !strings.Contains(cut.String(), file) || !slices.Equal(d.Get(file), was) {
				t.Errorf("%s is %x: ends at %d, %v, %v, index %x, was %x", file, wrong, l.End(), cut, err, d.Get(file), was)
			}
		}
	}
}

// A segment of which only the last record lies above the recovery point is read again.
func TestRecoveryPointInside(t *testing.T) {
	for point, want := range map[int64]int64{3: 3, 4: 7} { // unordered: independent rows
		d := storagetest.New()
		l, _ := segmented(t, d)
		fill(t, l, 7)
		sync(d, l, 0)
		name := names("2")[0]
		file := d.Get(name)
		file[len(file)-1]++ // of the record at 3
		d.Put(name, file)
		if l, _, err := OpenWith(d, "t-0", Options{IndexInterval: 4096, RecoveryPoint: point}); err != nil || l.End() != want {
			t.Errorf("recovery point %d: ends at %d, want %d; %v", point, l.End(), want, err)
		}
	}
}

// An index that is wrong where nobody has looked at the start misleads no reader.
func TestIndexWrongInBetween(t *testing.T) {
	wrongInBetween(t, 3)  // to no batch
	wrongInBetween(t, 81) // to the batch behind
}

func wrongInBetween(t *testing.T, by int64) {
	d := storagetest.New()
	opt := Options{IndexInterval: 100}
	l, _, err := OpenWith(d, "t-0", opt)
	if err != nil {
		t.Fatal(err)
	}
	for at := range int64(12) {
		if err := l.Append(one(at, at)); err != nil {
			t.Fatal(err)
		}
	}
	name := l.active().offsets.file
	index := d.Get(name)
	at := binary.BigEndian.Uint32(index[12:]) // the position of the second entry
	binary.BigEndian.PutUint32(index[12:], at+uint32(by))
	d.Put(name, index)
	opt.Clean = true
	if l, _, err = OpenWith(d, "t-0", opt); err != nil || l.known() != 12 {
		t.Fatalf("opened from %d on, %v", l.known(), err)
	}
	for at := range int64(12) {
		b, err := l.Read(at, at+1, 1, true)
		if err != nil || !slices.Equal(b.Contiguous(), one(at, at).Contiguous()) {
			t.Errorf("offset %d: %d bytes, %v", at, b.Len(), err)
		}
	}
}

// While a recovery point that is written down is too high, no segment is begun.
func TestHoldRoll(t *testing.T) {
	l, _ := segmented(t, storagetest.New())
	fill(t, l, 1)
	for _, held := range []bool{true, false} {
		l.HoldRoll(held)
		if roll(t, l, one(1, 1), Limits{Bytes: 1, Millis: 1 << 40}) == held {
			t.Errorf("held %t: rolled %t", held, !held)
		}
	}
}
