package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

const dir = "orders-0"

// batch makes a batch of records that stands at an offset.
func batch(base int64, epoch int32, records int, value string) []byte {
	b := wire.NewBuilder(-1, -1, -1)
	for range records {
		b.Append(base, nil, []byte(value), nil)
	}
	return wire.Stamp(b.Bytes(), base, epoch).Contiguous()
}

// inPieces cuts b so that no reader can rely on where pieces end.
func inPieces(b []byte, sizes ...int) machine.Bytes {
	var parts []machine.Bytes
	for i := 0; len(b) > 0 && len(sizes) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(b))
		parts = append(parts, machine.Literal(b[:n]))
		b = b[n:]
	}
	return machine.Concat(append(parts, machine.Literal(b))...)
}

// open opens the log of a disk and demands that it is whole.
func open(t interface{ Fatalf(string, ...any) }, d *storagetest.Disk) *storage.Log {
	l, cut, err := storage.Open(d, dir)
	if err != nil || cut.String() != "" || cut.TornBytes != 0 {
		t.Fatalf("open: %+v, %v", cut, err)
	}
	return l
}

// dumb is a log as a list.
type dumb []entry

type entry struct {
	base, next int64
	epoch      int32
	bytes      []byte
}

func (m dumb) end() int64 {
	if len(m) == 0 {
		return 0
	}
	return m[len(m)-1].next
}

func (m dumb) epoch() int32 {
	if len(m) == 0 {
		return -1
	}
	return m[len(m)-1].epoch
}

func (m dumb) bytes() []byte {
	var all []byte
	for _, e := range m {
		all = append(all, e.bytes...)
	}
	return all
}

// below are the batches that lie wholly below an offset.
func (m dumb) below(offset int64) dumb {
	for i, e := range m {
		if e.next > offset {
			return m[:i]
		}
	}
	return m
}

func (m dumb) read(from, maxOffset, maxBytes int64, atLeastOne bool, rolls map[int64]bool) []byte {
	var out []byte
	for _, e := range m {
		switch {
		case e.next <= from:
		case e.next > maxOffset, len(out) > 0 && rolls[e.base]:
			return out
		case int64(len(out)+len(e.bytes)) <= maxBytes, atLeastOne && len(out) == 0:
			out = append(out, e.bytes...)
		default:
			return out
		}
	}
	return out
}

// more draws up to three batches that may follow.
func (m dumb) more(t *rapid.T) dumb {
	end, epoch := m.end(), m.epoch()
	var out dumb
	for range rapid.IntRange(1, 3).Draw(t, "batches") {
		n := rapid.IntRange(1, 2).Draw(t, "records")
		epoch = max(epoch, 0) + int32(rapid.IntRange(0, 1).Draw(t, "epochs"))
		value := rapid.SampledFrom([]string{"", "a", "b", "longer"}).Draw(t, "value")
		out = append(out, entry{end, end + int64(n), epoch, batch(end, epoch, n, value)})
		end += int64(n)
	}
	return out
}

func drawPieces(t *rapid.T, b []byte) machine.Bytes {
	return inPieces(b, rapid.SliceOfN(rapid.IntRange(1, 80), 0, 3).Draw(t, "pieces")...)
}

// agree compares everything that a log says with the model.
func agree(t *rapid.T, l *storage.Log, m dumb, d *storagetest.Disk) {
	all := m.bytes()
	if l.Start() != 0 || l.End() != m.end() || l.LastEpoch() != m.epoch() || l.Size() != int64(len(all)) {
		t.Fatalf("[%d, %d), epoch %d, %d bytes; want [0, %d), %d, %d", l.Start(), l.End(), l.LastEpoch(), l.Size(), m.end(), m.epoch(), len(all))
	}
	var files []byte
	for _, name := range d.List() {
		if strings.HasSuffix(name, ".log") {
			files = append(files, d.Get(name)...)
		}
	}
	if !bytes.Equal(files, all) {
		t.Fatalf("the files hold something else")
	}
	from := rapid.Int64Range(0, m.end()).Draw(t, "batches from")
	rest := m[len(m.below(from)):]
	for h, err := range l.Batches(from) {
		if err != nil || len(rest) == 0 || h.BaseOffset != rest[0].base || h.NextOffset() != rest[0].next || h.LeaderEpoch != rest[0].epoch || h.Size() != int64(len(rest[0].bytes)) {
			t.Fatalf("batches from %d: %+v, %v with %d to come", from, h, err, len(rest))
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		t.Fatalf("batches from %d: %d are missing", from, len(rest))
	}
}

// A log does what a list of batches does, whatever is done to it.
func TestLogIsAList(t *testing.T) {
	logIsAList(t, func(*rapid.T, *storage.Log) storage.Options { return storage.Defaults() })
}

// So it does when it goes by its indexes.
func TestIndexedLogIsAList(t *testing.T) {
	logIsAList(t, func(t *rapid.T, l *storage.Log) storage.Options {
		o := storage.Options{IndexInterval: 150, Remember: rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "remember")}
		if l != nil {
			o.Clean = rapid.Bool().Draw(t, "clean")
			o.RecoveryPoint = rapid.Int64Range(0, l.End()).Draw(t, "recovery point")
		}
		return o
	})
}

func logIsAList(t *testing.T, options func(*rapid.T, *storage.Log) storage.Options) {
	rapid.Check(t, func(t *rapid.T) {
		d := storagetest.New()
		reopen := func(t *rapid.T, was *storage.Log) *storage.Log {
			l, cut, err := storage.OpenWith(d, dir, options(t, was))
			if err != nil || cut.TornBytes != 0 || cut.String() != "" {
				t.Fatalf("open: %+v, %v", cut, err)
			}
			return l
		}
		l := reopen(t, nil)
		known := options(t, nil).IndexInterval == storage.Defaults().IndexInterval // all of it is
		rolls := map[int64]bool{}
		var m dumb
		digests := map[string]uint64{} // of the bytes of all batches below
		seen := map[uint64]string{}
		type held struct {
			b    machine.Bytes
			want []byte
		}
		var reads []held
		refused := func(t *rapid.T, b machine.Bytes, want error) {
			if err := l.Append(b); !errors.Is(err, want) {
				t.Fatalf("append: %v, want %v", err, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				more := m.more(t)
				next := storage.Header{BaseOffset: more[0].base, Length: 100}
				rolled, err := l.Roll(next, storage.Limits{Bytes: rapid.SampledFrom([]int64{1, 1 << 30}).Draw(t, "segment.bytes"), Millis: 1 << 60})
				if err == nil {
					err = l.Append(drawPieces(t, more.bytes()))
				}
				if err != nil {
					t.Fatal(err)
				}
				if rolled {
					rolls[m.end()] = true
				}
				m = append(slices.Clip(m), more...)
			},
			"append with a bad last": func(t *rapid.T) {
				more := m.more(t)
				last := len(more) - 1
				b := more[last].bytes
				want := storage.ErrOffset
				switch rapid.IntRange(0, 5).Draw(t, "how") {
				case 0:
					copy(b, batch(more[last].base+1, more[last].epoch, 1, "")[:8])
				case 1:
					copy(b, batch(more[last].base-1, more[last].epoch, 1, "")[:8])
				case 2:
					b, want = b[:rapid.IntRange(1, len(b)-1).Draw(t, "length")], storage.ErrShort
				case 3:
					b[16], want = 1, storage.ErrFormat
				case 4:
					copy(b[12:16], []byte{0xff, 0xff, 0xff, 0xfe})
					want = storage.ErrEpoch
				case 5:
					b[23], want = 0xff, storage.ErrFormat // last offset delta
				}
				more[last].bytes = b
				refused(t, drawPieces(t, more.bytes()), want)
			},
			"append to a full disk": func(t *rapid.T) {
				d.Err = machine.ErrNoSpace
				refused(t, machine.Literal(m.more(t).bytes()), machine.ErrNoSpace)
				d.Err = nil
			},
			"truncate": func(t *rapid.T) {
				to := rapid.Int64Range(0, m.end()+1).Draw(t, "to")
				if err := l.TruncateTo(to); err != nil {
					t.Fatal(err)
				}
				m = m.below(to)
				for at := range rolls { // unordered: each by itself
					if at >= m.end() {
						delete(rolls, at)
					}
				}
				l.Doomed()
			},
			"truncate on a broken disk": func(t *rapid.T) {
				if len(m) == 0 {
					t.Skip()
				}
				d.Err = machine.ErrIO
				if err := l.TruncateTo(m.end() - 1); !errors.Is(err, machine.ErrIO) {
					t.Fatalf("truncate: %v", err)
				}
				d.Err = nil
			},
			"reopen": func(t *rapid.T) { l = reopen(t, l) },
			"read": func(t *rapid.T) {
				from := rapid.Int64Range(0, m.end()).Draw(t, "from")
				maxOffset := rapid.OneOf(rapid.Int64Range(0, m.end()+1), rapid.Just(storage.All)).Draw(t, "max offset")
				maxBytes := rapid.Int32Range(-1, 400).Draw(t, "max bytes")
				if rapid.Bool().Draw(t, "just enough") {
					maxBytes = int32(len(m.read(from, maxOffset, int64(maxBytes), true, rolls)))
				}
				atLeastOne := rapid.Bool().Draw(t, "at least one")
				got, err := l.Read(from, maxOffset, maxBytes, atLeastOne)
				want := m.read(from, maxOffset, int64(maxBytes), atLeastOne, rolls)
				if err != nil || !bytes.Equal(got.Contiguous(), want) {
					t.Fatalf("read(%d, %d, %d, %t) is %d bytes, %v; want %d", from, maxOffset, maxBytes, atLeastOne, got.Len(), err, len(want))
				}
				reads = append(reads, held{got, want})
			},
			"read out of range": func(t *rapid.T) {
				for _, from := range []int64{-1, m.end() + 1} {
					if b, err := l.Read(from, storage.All, 1000, true); !errors.Is(err, storage.ErrOutOfRange) || b.Len() > 0 {
						t.Fatalf("read from %d of [0, %d]: %d bytes, %v", from, m.end(), b.Len(), err)
					}
				}
			},
			"digest": func(t *rapid.T) {
				if !known {
					t.Skip()
				}
				upTo := rapid.Int64Range(0, m.end()+1).Draw(t, "up to")
				content, got := string(m.below(upTo).bytes()), l.Digest(upTo)
				if want, ok := digests[content]; ok && got != want {
					t.Fatalf("two digests of the same batches")
				}
				if other, ok := seen[got]; ok && other != content {
					t.Fatalf("one digest of different batches")
				}
				digests[content], seen[got] = got, content
			},
			"": func(t *rapid.T) {
				agree(t, l, m, d)
				for _, r := range reads {
					if !bytes.Equal(r.b.Contiguous(), r.want) {
						t.Fatalf("what was read has changed")
					}
				}
			},
		})
	})
}

// Common is where two lists of batches begin to differ.
func TestCommon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grow := func(m dumb) dumb {
			for range rapid.IntRange(0, 3).Draw(t, "appends") {
				m = append(slices.Clip(m), m.more(t)...)
			}
			return m
		}
		shared := grow(nil)
		models := []dumb{grow(shared), grow(shared)}
		var logs []*storage.Log
		for _, m := range models {
			l := open(t, storagetest.New())
			if err := l.Append(machine.Literal(m.bytes())); err != nil {
				t.Fatal(err)
			}
			logs = append(logs, l)
		}
		want := int64(0)
		for i := range min(len(models[0]), len(models[1])) {
			if !bytes.Equal(models[0][i].bytes, models[1][i].bytes) {
				break
			}
			want = models[0][i].next
		}
		if got, back := logs[0].Common(logs[1]), logs[1].Common(logs[0]); got != want || back != want {
			t.Fatalf("common up to %d, and the other way round %d; want %d", got, back, want)
		}
		if logs[0].Common(logs[0]) != models[0].end() {
			t.Fatalf("a log differs from itself")
		}
	})
}

// A batch that differs in one field of its header only is another batch.
func TestCommonSeesTheHeader(t *testing.T) {
	first, whole := batch(0, 3, 1, "x"), batch(1, 3, 2, "a")
	log := func(second []byte) *storage.Log {
		l := open(t, storagetest.New())
		if err := l.Append(machine.Concat(machine.Literal(first), machine.Literal(second))); err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, other := range map[string][]byte{ // unordered: row by row
		"leader epoch": batch(1, 4, 2, "a"),
		"value":        batch(1, 3, 2, "b"),
		"records":      batch(1, 3, 1, "a"),
	} {
		if got := log(whole).Common(log(other)); got != 1 {
			t.Errorf("%s: common up to %d", name, got)
		}
	}
	elsewhere := open(t, storagetest.New())
	if err := elsewhere.Append(machine.Literal(append(batch(0, 3, 1, "y"), whole...))); err != nil {
		t.Fatal(err)
	}
	if got := log(whole).Common(elsewhere); got != 0 || elsewhere.Digest(3) == log(whole).Digest(3) {
		t.Errorf("after another first batch the same second is common up to %d", got)
	}
	if got := log(whole).Common(log(slices.Clone(whole))); got != 3 {
		t.Errorf("equal logs have %d in common", got)
	}
	if got := log(whole).Common(open(t, storagetest.New())); got != 0 {
		t.Errorf("common with an empty log: %d", got)
	}
}

// nowhere is a disk that keeps nothing: what is left is the log's own cost.
type nowhere struct{ *storagetest.Disk }

func (nowhere) Append(string, machine.Bytes) error { return nil }

func BenchmarkAppend(b *testing.B) {
	var l *storage.Log
	raw := batch(0, 0, 1, "some value")
	head := slices.Clone(raw[:16])
	stamped := machine.Concat(machine.Literal(head), machine.Literal(raw[16:]))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%(1<<16) == 0 { // as long as the log of a long run
			var err error
			if l, _, err = storage.Open(nowhere{storagetest.New()}, dir); err != nil {
				b.Fatal(err)
			}
		}
		binary.BigEndian.PutUint64(head, uint64(l.End()))
		if err := l.Append(stamped); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	l := open(b, storagetest.New())
	for range 10_000 {
		if err := l.Append(machine.Literal(batch(l.End(), 0, 1, "some value"))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	at := int64(0)
	for b.Loop() {
		if _, err := l.Read(at, storage.All, 1, true); err != nil {
			b.Fatal(err)
		}
		at = (at + 7) % l.End()
	}
}
