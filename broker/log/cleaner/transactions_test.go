package cleaner

import (
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

// txWorld is a compacted log with transactions, and what was ever said to it. Its owner is
// played by what a scan of it says.
type txWorld struct {
	t     *rapid.T
	disk  *storagetest.Disk
	log   *storage.Log
	now   int64
	flaws Flaws

	said   []txSaid        // by offset; of a marker nothing
	open   map[int64]int64 // by producer: where its transaction begins
	last   map[int64]int64
	epochs map[int64]int16
	looked int64
	stats  Stats
}

// txSaid is a record as the log has taken it.
type txSaid struct {
	key, value string // value is empty: a tombstone
	producer   int64
	fate       fate
}

type fate uint8

const (
	marker fate = iota
	plain       // of no transaction
	undecided
	committed
	aborted
)

func newTxWorld(t *rapid.T, f Flaws) *txWorld {
	w := &txWorld{t: t, disk: storagetest.New(), now: 1000, flaws: f, open: map[int64]int64{}, last: map[int64]int64{}, epochs: map[int64]int16{}}
	w.reopen()
	return w
}

func (w *txWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *txWorld) reopen() {
	o := storage.Defaults()
	o.Holes, o.IndexInterval = true, 100
	log, recovery, err := storage.OpenWith(w.disk, dir, o)
	w.must(err)
	w.log = log
	_, list := w.scan()
	w.must(log.PutAborted(list, &recovery))
}

// scan says which transactions are open, and which were aborted, by what is in the log.
func (w *txWorld) scan() (open map[int64]int64, list []storage.AbortedTxn) {
	open = map[int64]int64{}
	for from := w.log.Base(); from < w.log.End(); {
		b, err := w.log.ReadStored(from, storage.All, 1)
		w.must(err)
		h, err := wire.CheckStored(b)
		w.must(err)
		from = h.NextOffset()
		first, isOpen := open[h.ProducerID]
		switch {
		case h.IsControl():
			if m, ok, err := wire.ReadMarker(b); err == nil && ok && isOpen {
				delete(open, h.ProducerID)
				if !m.Commit {
					stable := h.NextOffset()
					for _, f := range open { // unordered: the least of them
						stable = min(stable, f)
					}
					list = append(list, storage.AbortedTxn{ProducerID: h.ProducerID, FirstOffset: first, LastOffset: h.BaseOffset, LastStableOffset: stable})
				}
			}
		case h.IsTransactional() && !isOpen:
			open[h.ProducerID] = h.BaseOffset
		}
	}
	return open, list
}

func (w *txWorld) append(b *wire.Builder) {
	batch := wire.Stamp(b.Bytes(), w.log.End(), 0)
	h, err := wire.ReadBatch(batch)
	w.must(err)
	limits := storage.Limits{Bytes: 1 << 20, Millis: 1 << 40}
	if rapid.IntRange(0, 2).Draw(w.t, "roll") == 0 {
		limits.Bytes = 1
	}
	_, err = w.log.Roll(storage.Header(h), limits)
	w.must(err)
	w.must(w.log.Append(batch))
	w.sync(w.log.Unsynced(0))
}

func (w *txWorld) sync(files []string) {
	for _, f := range files {
		w.disk.Sync(f)
	}
}

func (w *txWorld) produce() {
	w.now += int64(rapid.IntRange(0, 20).Draw(w.t, "later"))
	pid := int64(rapid.IntRange(1, 3).Draw(w.t, "producer"))
	_, isOpen := w.open[pid]
	transactional := isOpen || rapid.IntRange(0, 3).Draw(w.t, "transactional") > 0
	b := wire.NewBuilder(pid, w.epochs[pid], 0)
	if !transactional {
		b = wire.NewBuilder(-1, -1, -1)
	} else {
		b.Transactional()
	}
	base := w.log.End()
	for range rapid.IntRange(1, 2).Draw(w.t, "records") {
		s := txSaid{key: fmt.Sprint(rapid.IntRange(0, 3).Draw(w.t, "key")), value: fmt.Sprint("v", len(w.said)), fate: plain}
		var value []byte
		if rapid.IntRange(0, 4).Draw(w.t, "tombstone") == 0 {
			s.value = ""
		} else {
			value = []byte(s.value)
		}
		if transactional {
			s.producer, s.fate = pid, undecided
		}
		b.Append(w.now, []byte(s.key), value, nil)
		w.said = append(w.said, s)
	}
	w.append(b)
	if transactional {
		if !isOpen {
			w.open[pid] = base
		}
		w.last[pid] = w.log.End() - 1
	}
}

func (w *txWorld) end() {
	pid := int64(rapid.IntRange(1, 3).Draw(w.t, "producer"))
	m := wire.Marker{Commit: rapid.Bool().Draw(w.t, "commit")}
	if rapid.Bool().Draw(w.t, "bump") {
		w.epochs[pid]++
		delete(w.last, pid)
	}
	at := w.log.End()
	b := wire.NewBuilder(pid, w.epochs[pid], -1)
	b.Transactional()
	b.Control()
	w.must(wire.EachRecord(m.Batch(w.now, pid, w.epochs[pid]), func(r *wire.Record) error {
		b.Append(w.now, r.Key, r.Value, nil)
		return nil
	}))
	w.append(b)
	w.said = append(w.said, txSaid{fate: marker})
	first, isOpen := w.open[pid]
	if !isOpen {
		return
	}
	delete(w.open, pid)
	for i := range w.said {
		if s := &w.said[i]; s.producer == pid && s.fate == undecided {
			if s.fate = aborted; m.Commit {
				s.fate = committed
			}
		}
	}
	if !m.Commit {
		w.must(w.log.AppendAborted(storage.AbortedTxn{ProducerID: pid, FirstOffset: first, LastOffset: at, LastStableOffset: w.stable()}))
		w.sync(w.log.Unsynced(0))
	}
}

// stable is the last stable offset, with everything committed.
func (w *txWorld) stable() int64 {
	stable := w.log.End()
	for _, first := range w.open { // unordered: the least of them
		stable = min(stable, first)
	}
	return stable
}

func (w *txWorld) clean() {
	until := min(w.stable(), w.log.ActiveBase())
	until -= int64(rapid.IntRange(0, 3).Draw(w.t, "less"))
	if until <= w.looked {
		return
	}
	epochs := maps.Clone(w.epochs)
	maps.DeleteFunc(epochs, func(id int64, _ int16) bool { _, has := w.last[id]; return has })
	p := Begin(w.log, Rules{
		First: w.looked, Until: until, Now: w.now, DeleteRetention: retention,
		SegmentBytes: rapid.SampledFrom([]int64{1, 300, 1 << 20}).Draw(w.t, "segment bytes"), IndexBytes: 1 << 20,
		MapBytes: 1 << 20, MapLoad: 900_000, Last: w.last, Epochs: epochs, Flaws: w.flaws,
	})
	for n := 0; ; n++ {
		first, over := p.Done()
		if over {
			w.looked = first
			break
		}
		_, sync, err := p.Slice(int64(rapid.IntRange(1, 400).Draw(w.t, "slice")))
		w.must(err)
		for len(sync) > 0 {
			w.sync(sync)
			sync, _, err = p.Synced()
			w.must(err)
		}
		if n > 10_000 {
			w.t.Fatal("the pass does not end")
		}
	}
	w.stats.MarkersDropped += p.stats.MarkersDropped
	w.stats.Aborted += p.stats.Aborted
}

// read reads as a consumer with read_committed does that begins at an offset.
func (w *txWorld) read(from int64, f func(offset int64, r *wire.Record)) {
	stable := w.stable()
	list := w.log.CollectAborted(nil, from, stable)
	slices.SortFunc(list, func(a, b storage.AbortedTxn) int { return int(a.FirstOffset - b.FirstOffset) })
	dead := map[int64]bool{}
	for at := from; at < stable; {
		b, err := w.log.ReadStored(at, stable, 1)
		w.must(err)
		if b.Len() == 0 {
			return
		}
		h, err := wire.CheckStored(b)
		w.must(err)
		at = h.NextOffset()
		for len(list) > 0 && list[0].FirstOffset <= h.LastOffset() {
			dead[list[0].ProducerID] = true
			list = list[1:]
		}
		if h.IsControl() {
			if m, ok, err := wire.ReadMarker(b); err == nil && ok && !m.Commit {
				delete(dead, h.ProducerID)
			}
		} else if !h.IsTransactional() || !dead[h.ProducerID] {
			w.must(wire.EachRecord(b, func(r *wire.Record) error {
				f(h.BaseOffset+int64(r.OffsetDelta), r)
				return nil
			}))
		}
	}
}

func (w *txWorld) check() {
	want, got := map[string]string{}, map[string]string{}
	set := func(m map[string]string, key, value string) {
		if m[key] = value; value == "" {
			delete(m, key)
		}
	}
	for i, s := range w.said {
		if int64(i) < w.stable() && (s.fate == plain || s.fate == committed) {
			set(want, s.key, s.value)
		}
	}
	w.read(0, func(offset int64, r *wire.Record) {
		set(got, string(r.Key), string(r.Value))
	})
	if !maps.Equal(want, got) {
		w.t.Fatalf("read_committed comes to %v, want %v", got, want)
	}
	from := rapid.Int64Range(0, w.log.End()).Draw(w.t, "from")
	w.read(from, func(offset int64, r *wire.Record) {
		if s := w.said[offset]; s.fate != plain && s.fate != committed || s.key != string(r.Key) || s.value != string(r.Value) {
			w.t.Fatalf("from %d on read_committed sees offset %d, key %s: %+v", from, offset, r.Key, s)
		}
	})
	if open, _ := w.scan(); !slices.Equal(slices.Sorted(maps.Keys(open)), slices.Sorted(maps.Keys(w.open))) {
		w.t.Fatalf("the log says that %v are open, and %v are", open, w.open)
	}
}

func TestCleaningKeepsTransactions(t *testing.T) {
	var met Stats
	rapid.Check(t, func(t *rapid.T) { met = playTransactions(t, Flaws{}, met) })
	t.Logf("%+v", met)
	if !t.Failed() && (met.Aborted == 0 || met.MarkersDropped == 0) {
		t.Errorf("%+v: the runs show nothing", met)
	}
}

func playTransactions(t *rapid.T, f Flaws, met Stats) Stats {
	w := newTxWorld(t, f)
	for range rapid.IntRange(10, 40).Draw(t, "steps") {
		switch rapid.IntRange(0, 9).Draw(t, "step") {
		case 0, 1, 2, 3:
			w.produce()
		case 4, 5, 6:
			w.end()
		case 7:
			w.clean()
		case 8:
			w.now += retention
			w.clean()
		case 9:
			w.disk.PowerLoss(0)
			w.reopen()
		}
		w.check()
	}
	met.Aborted += w.stats.Aborted
	met.MarkersDropped += w.stats.MarkersDropped
	return met
}

// txLog appends batches, each of which begins a segment: "7a" is a record of producer 7 with
// key a, "7+" commits its transaction and "7-" aborts it.
func txLog(t *testing.T, batches ...string) *storage.Log {
	t.Helper()
	o := storage.Defaults()
	o.Holes = true
	log, _, err := storage.OpenWith(storagetest.New(), dir, o)
	first := map[byte]int64{}
	for _, s := range append(batches, "active") {
		b := wire.NewBuilder(int64(s[0]-'0'), 0, 0)
		b.Transactional()
		at, batch := log.End(), machine.Bytes{}
		switch s[1] {
		case '+', '-':
			batch = wire.Marker{Commit: s[1] == '+'}.Batch(1, int64(s[0]-'0'), 0)
		default:
			b.Append(1, []byte(s[1:]), []byte("v"), nil)
			batch = b.Bytes()
			if _, open := first[s[0]]; !open {
				first[s[0]] = at
			}
		}
		batch = wire.Stamp(batch, at, 0)
		h, _ := wire.ReadBatch(batch)
		if err == nil {
			_, err = log.Roll(storage.Header(h), storage.Limits{Bytes: 1, Millis: 1 << 40})
		}
		if err == nil {
			err = log.Append(batch)
		}
		if err == nil && s[1] == '-' {
			err = log.AppendAborted(storage.AbortedTxn{ProducerID: int64(s[0] - '0'), FirstOffset: first[s[0]], LastOffset: at, LastStableOffset: at + 1})
		}
		if s[1] == '+' || s[1] == '-' {
			delete(first, s[0])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// cleanAt cleans all segments but the active one, and says which offsets are there then that
// have records, with their delete horizons.
func cleanAt(t *testing.T, log *storage.Log, now, segmentBytes int64, f Flaws) (left string) {
	t.Helper()
	return cleanUpTo(t, log, log.ActiveBase(), now, segmentBytes, f)
}

// cleanUpTo is cleanAt of what is below an offset.
func cleanUpTo(t *testing.T, log *storage.Log, until, now, segmentBytes int64, f Flaws) (left string) {
	t.Helper()
	p := Begin(log, Rules{Until: until, Now: now, DeleteRetention: retention, SegmentBytes: segmentBytes, IndexBytes: 1 << 20, MapBytes: 1 << 20, MapLoad: 900_000, Flaws: f})
	for {
		if _, over := p.Done(); over {
			break
		}
		_, sync, err := p.Slice(1 << 20)
		for err == nil && len(sync) > 0 {
			sync, _, err = p.Synced()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for h, err := range log.Batches(0) {
		b := wire.Batch(h)
		if err != nil || b.BaseOffset >= log.ActiveBase() {
			break
		}
		left += fmt.Sprint(" ", b.BaseOffset)
		if at, has := b.DeleteHorizon(); has {
			left += fmt.Sprint("@", at)
		}
		if b.Count == 0 {
			left += "!"
		}
	}
	return left
}

// What stays of transactions, pass by pass; ! is a header alone, which ends a segment.
func TestMarkersStay(t *testing.T) {
	const one = 1 << 20 // segment
	for _, c := range []struct {
		what    string
		batches []string
		bytes   int64
		flaws   Flaws
		want    [3]string // after passes at 100, 120 and 200
	}{
		{"a commit stays while its data does", []string{"7a", "7+", "8b", "8+"}, one, Flaws{}, [3]string{" 0 1 2 3", " 0 1 2 3", " 0 1 2 3"}},
		{"and in another group", []string{"7a", "7+", "8b", "8+"}, 1, Flaws{}, [3]string{" 0 1 2 3", " 0 1 2 3", " 0 1 2 3"}},
		{"S13", []string{"7a", "7+", "8b", "8+"}, one, Flaws{MarkerKeys: true}, [3]string{" 0 2 3", " 0 2 3", " 0 2 3"}},
		{"S14", []string{"7a", "7+", "8b", "8+"}, 1, Flaws{PerGroup: true}, [3]string{" 0 1@150 2 3@150", " 0 1@150 2 3@150", " 0 1! 2 3!"}},
		{"what was aborted goes at once, its marker later", []string{"7a", "7-", "8b", "8+"}, one, Flaws{}, [3]string{" 1 2 3", " 1@170 2 3", " 2 3"}},
		{"a commit of nothing", []string{"7+", "8b", "8+"}, one, Flaws{}, [3]string{" 0@150 1 2", " 0@150 1 2", " 1 2"}},
		{"an abort makes nothing old", []string{"7a", "7+", "8a", "8-"}, one, Flaws{}, [3]string{" 0 1 3", " 0 1 3@170", " 0 1 3!"}},
		{"a later value of the same key", []string{"7a", "7+", "8a", "8+"}, one, Flaws{}, [3]string{" 1 2 3", " 1@170 2 3", " 2 3"}},
	} {
		log := txLog(t, c.batches...)
		for i, now := range []int64{100, 120, 200} {
			if got := cleanAt(t, log, now, c.bytes, c.flaws); got != c.want[i] {
				t.Errorf("%s, at %d:%s, want%s", c.what, now, got, c.want[i])
			}
		}
	}
}
