package cleaner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

const dir = "table-0"

// said is a record as the log has taken it.
type said struct {
	offset, at int64 // at in ms
	key, value string
	tombstone  bool
	producer   int64
}

// world is a compacted log on a disk, and what was ever said to it.
type world struct {
	t    *rapid.T
	disk *storagetest.Disk
	log  *storage.Log
	now  int64
	said []said
	last map[int64]int64
	met  map[int64]int64 // tombstones, and when the last pass began that has met what they delete

	looked int64 // what no pass has looked at
	pass   *Pass
	asked  []string // to be synced
	until  int64    // of the pass: nothing is cleaned from there on
}

const retention = 50 // ms

func newWorld(t *rapid.T) *world {
	w := &world{t: t, disk: storagetest.New(), last: map[int64]int64{}, met: map[int64]int64{}, now: 1000}
	w.open()
	return w
}

func (w *world) open() {
	o := storage.Defaults()
	o.Holes, o.IndexInterval = true, 100
	var err error
	if w.log, _, err = storage.OpenWith(w.disk, dir, o); err != nil {
		w.t.Fatal(err)
	}
	w.pass, w.asked = nil, nil
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// append appends a batch, and sometimes begins a segment with it.
func (w *world) append() {
	w.now += int64(rapid.IntRange(0, 20).Draw(w.t, "later"))
	producer := int64(rapid.IntRange(-1, 2).Draw(w.t, "producer"))
	b := wire.NewBuilder(producer, 0, 0)
	base := w.log.End()
	n := rapid.IntRange(1, 4).Draw(w.t, "records")
	for i := range n {
		s := said{offset: base + int64(i), at: w.now, key: fmt.Sprint(rapid.IntRange(0, 5).Draw(w.t, "key")), producer: producer}
		s.value, s.tombstone = fmt.Sprint("v", s.offset), rapid.IntRange(0, 2).Draw(w.t, "tombstone") == 0
		var value []byte
		if !s.tombstone {
			value = []byte(s.value)
		}
		b.Append(w.now, []byte(s.key), value, []wire.Header{{Key: "of", Value: []byte(s.value)}})
		w.said = append(w.said, s)
	}
	batch := wire.Stamp(b.Bytes(), base, 0)
	if codec := rapid.IntRange(0, 4).Draw(w.t, "codec"); codec > 0 {
		batch = zipped(w.t, batch, int8(codec))
	}
	h, err := wire.ReadBatch(batch)
	w.must(err)
	limits := storage.Limits{Bytes: 1 << 20, Millis: 1 << 40}
	if rapid.IntRange(0, 3).Draw(w.t, "roll") == 0 {
		limits.Bytes = 1
	}
	_, err = w.log.Roll(storage.Header(h), limits)
	w.must(err)
	w.must(w.log.Append(batch))
	w.last[producer] = base + int64(n) - 1
	w.sync(w.log.Unsynced(0))
}

func zipped(t interface{ Fatal(...any) }, batch machine.Bytes, codec int8) machine.Bytes {
	out, err := wire.Compress(batch, codec)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *world) sync(files []string) {
	for _, f := range files {
		w.disk.Sync(f)
	}
}

// begin begins a pass over a part of what is not in the active segment.
func (w *world) begin() {
	if w.pass != nil {
		return
	}
	w.until = rapid.Int64Range(0, w.log.ActiveBase()).Draw(w.t, "until")
	if w.until <= w.looked {
		return
	}
	w.meet()
	w.pass = Begin(w.log, Rules{
		First: w.looked, Until: w.until, Now: w.now, DeleteRetention: retention,
		SegmentBytes: rapid.SampledFrom([]int64{1, 500, 1 << 20}).Draw(w.t, "segment bytes"), IndexBytes: 1 << 20,
		MapBytes: rapid.SampledFrom([]int64{10 * slotBytes, 1 << 20}).Draw(w.t, "map bytes"), MapLoad: 900_000,
		Last: w.last,
	})
}

// meet takes note of the tombstones that have anything to delete.
func (w *world) meet() {
	keys := map[string]bool{}
	there := w.there()
	for _, s := range w.said {
		if s.tombstone && keys[s.key] {
			w.met[s.offset] = w.now
		}
		keys[s.key] = keys[s.key] || there[s.offset]
	}
}

// goOn goes on with the pass.
func (w *world) goOn() {
	switch {
	case w.pass == nil:
		return
	case len(w.asked) > 0:
		w.sync(w.asked)
		var err error
		w.asked, _, err = w.pass.Synced()
		w.must(err)
	default:
		var err error
		_, w.asked, err = w.pass.Slice(int64(rapid.IntRange(1, 400).Draw(w.t, "slice")))
		w.must(err)
	}
	if first, over := w.pass.Done(); over {
		if first < w.looked || first > w.until {
			w.t.Fatalf("a pass from %d up to %d has looked at what is below %d", w.looked, w.until, first)
		}
		w.looked, w.pass = first, nil
	}
}

// crash ends the process, or the power is lost as well when some of what was asked for is
// synced.
func (w *world) crash() {
	if rapid.Bool().Draw(w.t, "power") {
		for _, f := range w.asked {
			if rapid.Bool().Draw(w.t, "synced") {
				w.disk.Sync(f)
			}
		}
		w.disk.PowerLoss(0)
	}
	end := w.log.End()
	w.open()
	if w.log.End() != end {
		w.t.Fatalf("the log ends at %d after a crash, and did at %d", w.log.End(), end)
	}
}

// truncate cuts the log where nothing was cleaned.
func (w *world) truncate() {
	to := rapid.Int64Range(w.looked, w.log.End()).Draw(w.t, "to")
	if w.pass != nil {
		to = max(to, w.log.ActiveBase())
	}
	if to = max(to, w.looked); to >= w.log.End() || to < w.log.ActiveBase() {
		return
	}
	w.must(w.log.TruncateTo(to))
	w.sync(w.log.Unsynced(0))
	w.said = w.said[:w.log.End()]
	// What was the last but one of a producer may be gone: of the log below the active
	// segment its snapshot tells, too.
	maps.DeleteFunc(w.last, func(_, offset int64) bool { return offset >= w.log.End() })
	maps.DeleteFunc(w.met, func(offset, _ int64) bool { return offset >= w.log.End() })
	if w.pass != nil {
		if !w.pass.Abandoned() {
			w.t.Fatal("a pass goes on over a log that was cut")
		}
		w.must(w.pass.GiveUp())
		w.pass, w.asked = nil, nil
	}
}

// check holds the log to what was said: order and offsets are as they were, the last record
// of each key is there, and what is missing may be.
func (w *world) check() {
	there := w.there()
	latest := map[string]said{}
	for _, s := range w.said {
		latest[s.key] = s
	}
	for _, s := range w.said {
		l := latest[s.key]
		switch {
		case there[s.offset]:
			if l.tombstone && !there[l.offset] && s.offset < l.offset {
				w.t.Fatalf("the tombstone at %d of key %s is gone, and the value at %d is not", l.offset, l.key, s.offset)
			}
		case s.offset == l.offset && !s.tombstone:
			w.t.Fatalf("the last value of key %s, at %d, is gone", s.key, s.offset)
		case s.offset == l.offset && w.now < max(s.at, w.met[s.offset])+retention:
			w.t.Fatalf("the tombstone at %d is gone after %d ms, and %d ms after a pass met what it deletes", s.offset, w.now-s.at, w.now-w.met[s.offset])
		}
	}
	for producer, last := range w.last { // unordered: each is looked at by itself
		if producer < 0 {
			continue
		}
		b, err := w.log.ReadStored(last, storage.All, 1)
		w.must(err)
		if h, err := wire.CheckStored(b); err != nil || h.ProducerID != producer || h.LastOffset() != last {
			w.t.Fatalf("of the last batch of producer %d, at %d, nothing is left: %+v, %v", producer, last, h, err)
		}
	}
}

// there are the offsets that have a record, which is what was said.
func (w *world) there() map[int64]bool {
	there := map[int64]bool{}
	next := int64(0)
	for from := w.log.Base(); from < w.log.End(); {
		b, err := w.log.ReadStored(from, storage.All, 1)
		w.must(err)
		h, err := wire.CheckStored(b)
		w.must(err)
		if h.BaseOffset < next {
			w.t.Fatalf("a batch of offset %d stands behind %d", h.BaseOffset, next)
		}
		w.must(wire.EachRecord(b, func(r *wire.Record) error {
			s := w.said[h.BaseOffset+int64(r.OffsetDelta)]
			if string(r.Key) != s.key || (r.Value == nil) != s.tombstone || r.Value != nil && string(r.Value) != s.value ||
				h.BaseTimestamp+r.TimestampDelta != s.at || h.ProducerID != s.producer || string(r.Headers[0].Value) != s.value {
				w.t.Fatalf("offset %d has %+v, want %+v", s.offset, r, s)
			}
			there[s.offset] = true
			return nil
		}))
		next, from = h.NextOffset(), h.NextOffset()
	}
	if next != w.log.End() {
		w.t.Fatalf("the log ends at %d, its batches at %d", w.log.End(), next)
	}
	return there
}

// A log that is cleaned, cut, and crashed in the middle of that keeps what it must.
func TestCleaningKeepsLastValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		actions := map[string]func(*rapid.T){
			"append": func(*rapid.T) { w.append() }, "append again": func(*rapid.T) { w.append() },
			"begin": func(*rapid.T) { w.begin() }, "go on": func(*rapid.T) { w.goOn() }, "go on again": func(*rapid.T) { w.goOn() },
			"to the end": func(*rapid.T) {
				w.begin()
				for w.pass != nil {
					w.goOn()
				}
			},
			"crash": func(*rapid.T) { w.crash() }, "truncate": func(*rapid.T) { w.truncate() },
			"later": func(*rapid.T) { w.now += retention },
			"":      func(*rapid.T) { w.check() },
		}
		t.Repeat(actions)
	})
}

// After a pass over everything of which all tombstones are old there is one record a key.
func TestCleaningTakesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range 30 {
			w.append()
		}
		for range 2 {
			w.now += retention + 1
			w.looked, w.pass = 0, Begin(w.log, Rules{Until: w.log.ActiveBase(), Now: w.now, DeleteRetention: retention, SegmentBytes: 1 << 20, IndexBytes: 1 << 20, MapBytes: 1 << 20, MapLoad: 900_000})
			w.until = w.log.ActiveBase()
			if w.until == 0 {
				return
			}
			for w.pass != nil {
				w.goOn()
			}
		}
		var keys []string
		for _, s := range w.log.Inactive() {
			b, err := w.log.ReadStored(s.Base, s.Next, 1<<20)
			w.must(err)
			w.must(eachBatch(b, 0, func(_ *wire.Batch, batch machine.Bytes) (bool, error) {
				return false, wire.EachRecord(batch, func(r *wire.Record) error {
					if r.Value == nil || slices.Contains(keys, string(r.Key)) {
						return fmt.Errorf("key %s is there twice, or deleted", r.Key)
					}
					keys = append(keys, string(r.Key))
					return nil
				})
			}))
		}
	})
}

// A pass that ends in the middle of a segment, because something is not stable there, does not
// begin the time of a tombstone behind its end: the next pass is the first to take out what
// that deletes.
func TestTombstoneBehindTheEnd(t *testing.T) {
	o := storage.Defaults()
	o.Holes = true
	log, _, err := storage.OpenWith(storagetest.New(), dir, o)
	for i, value := range [][]byte{[]byte("other"), []byte("v"), nil, []byte("active")} {
		b := wire.NewBuilder(-1, -1, -1)
		b.Append(1, []byte{"oaax"[i]}, value, nil)
		batch := wire.Stamp(b.Bytes(), int64(i), 0)
		h, _ := wire.ReadBatch(batch)
		if err == nil && i == 3 {
			_, err = log.Roll(storage.Header(h), storage.Limits{Bytes: 1, Millis: 1 << 40})
		}
		if err == nil {
			err = log.Append(batch)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		until, now int64
		want       string
	}{{1, 100, " 0 1 2"}, {3, 200, " 0 2@250"}, {3, 249, " 0 2@250"}, {3, 250, " 0 2!"}} {
		if got := cleanUpTo(t, log, c.until, c.now, 1<<20, Flaws{}); got != c.want {
			t.Errorf("up to %d at %d:%s, want%s", c.until, c.now, got, c.want)
		}
	}
}

// A batch that is not as it was written ends a pass, which says where, and nothing is
// changed.
func TestCorruptBatchIsNotCleaned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for w.log.ActiveBase() == 0 {
			w.append()
		}
		file := fmt.Sprintf("%s/%020d.log", dir, 0)
		was := w.disk.Get(file)
		at := rapid.IntRange(12, len(was)-1).Draw(t, "at")
		garbled := slices.Clone(was)
		garbled[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		w.disk.Put(file, garbled)
		p := Begin(w.log, Rules{Until: w.log.ActiveBase(), SegmentBytes: 1 << 20, IndexBytes: 1 << 20, MapBytes: 1 << 20, MapLoad: 900_000})
		for range 1000 {
			_, _, err := p.Slice(100)
			if err == nil {
				if p.phase > writing {
					if covered(was, at) {
						t.Fatalf("byte %d is not as it was, and nobody has noticed", at)
					}
					return
				}
				continue
			}
			if !errors.Is(err, ErrCorrupt) || p.GiveUp() != nil || !slices.Equal(w.disk.Get(file), garbled) {
				t.Fatalf("byte %d: %v", at, err)
			}
			return
		}
	})
}

// covered reports whether a byte of some batches is under a checksum, or is one.
func covered(b []byte, at int) bool {
	for _, batch := range wire.SplitBatches(machine.Literal(b)) {
		if n := int(batch.Len()); at >= n {
			at -= n
			continue
		}
		return at >= 16 // not the offset and the leader epoch
	}
	return false
}
