package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

// wholePrefix is the length of what Open must keep of a file, found in the
// simplest way.
func wholePrefix(b []byte) (size int, end int64, epoch int32) {
	be := binary.BigEndian
	epoch = -1
	for {
		rest := b[size:]
		if len(rest) < storage.HeaderSize {
			return
		}
		n := int64(int32(be.Uint32(rest[8:]))) + 12
		if n < storage.HeaderSize || n > int64(len(rest)) || rest[16] != 2 {
			return
		}
		sum := crc32.Checksum(rest[21:n], crc32.MakeTable(crc32.Castagnoli))
		base, e, delta := int64(be.Uint64(rest)), int32(be.Uint32(rest[12:])), int32(be.Uint32(rest[23:]))
		if sum != be.Uint32(rest[17:]) || base != end || e < epoch || delta < 0 {
			return
		}
		size, end, epoch = size+int(n), end+int64(delta)+1, e
	}
}

// recovered opens what is on a disk and checks that exactly the whole beginning
// is left, that the log says what it cut, and that it goes on from there.
func recovered(t interface{ Fatalf(string, ...any) }, file []byte) *storage.Log {
	d := storagetest.New()
	l := open(t, d)
	d.Put(l.File(), file)
	size, end, epoch := wholePrefix(file)
	l, cut, err := storage.Open(d, dir)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if l.End() != end || l.LastEpoch() != epoch || l.Size() != int64(size) {
		t.Fatalf("kept %d bytes to offset %d, epoch %d; want %d, %d, %d", l.Size(), l.End(), l.LastEpoch(), size, end, epoch)
	}
	if cut.TornBytes != int64(len(file)-size) || (cut.Reason == "") != (cut.TornBytes == 0) {
		t.Fatalf("cut %+v of %d bytes", cut, len(file))
	}
	if !bytes.Equal(d.Get(l.File()), file[:size]) {
		t.Fatalf("what is left in the file is not its beginning")
	}
	if end < 1<<40 && epoch < 1<<30 {
		next := storage.Header{BaseOffset: end, LastOffsetDelta: 1, Length: 100}
		if _, err := l.Roll(next, storage.Limits{Bytes: 1 << 30, Millis: 1 << 60}); err != nil {
			t.Fatalf("roll after recovery: %v", err)
		}
		if err := l.Append(machine.Literal(batch(end, max(epoch, 0), 2, "after"))); err != nil {
			t.Fatalf("append after recovery: %v", err)
		}
		if again := open(t, d); again.End() != end+2 || again.Digest(end) != l.Digest(end) || again.Common(l) != end+2 {
			t.Fatalf("opened again up to %d of %d", again.End(), end+2)
		}
	}
	return l
}

// story is a log of a few batches, and where each begins and the last ends.
func story() (file []byte, ends []int) {
	ends = []int{0}
	for i, records := range []int{1, 3, 1, 2} {
		file = append(file, batch([]int64{0, 1, 4, 5}[i], int32(i/2), records, strings.Repeat("x", 5*i))...)
		ends = append(ends, len(file))
	}
	return file, ends
}

// A write that was torn at any byte leaves the batches before it.
func TestTornAnywhere(t *testing.T) {
	file, ends := story()
	for n := range len(file) + 1 {
		whole := 0
		for _, end := range ends {
			if end <= n {
				whole = end
			}
		}
		torn := file[:n]
		if size, _, _ := wholePrefix(torn); size != whole {
			t.Fatalf("the test's own scan keeps %d of %d bytes, not %d", size, n, whole)
		}
		recovered(t, torn)
		// The rest of the file may have become longer without becoming written.
		recovered(t, append(slices.Clone(torn), make([]byte, 200)...))
		recovered(t, append(slices.Clone(torn), bytes.Repeat([]byte{0xff}, 200)...))
	}
}

// A byte that was garbled anywhere leaves the batches before it, and no other,
// unless it is in a leader epoch, which nothing covers.
func TestGarbledAnywhere(t *testing.T) {
	file, ends := story()
	for at := range file {
		i, _ := slices.BinarySearch(ends, at+1)
		begin := ends[i-1]
		for bit := range 8 {
			garbled := slices.Clone(file)
			garbled[at] ^= 1 << bit
			size, _, _ := wholePrefix(garbled)
			if epoch := at-begin >= 12 && at-begin < 16; size < begin || size > begin && !epoch {
				t.Fatalf("bit %d of byte %d: the test's own scan keeps %d bytes; the batch begins at %d", bit, at, size, begin)
			}
			recovered(t, garbled)
		}
	}
}

// A batch may be larger than what is read at a time, and batches may end where
// that ends.
func TestRecoverLarge(t *testing.T) {
	empty := len(batch(0, 0, 1, ""))
	for _, size := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, 300 << 10} {
		small := batch(0, 0, 1, "first")
		for _, first := range [][]byte{nil, small} {
			offset := int64(min(len(first), 1))
			value := strings.Repeat("v", size-empty-len(first)-4)
			file := append(slices.Clone(first), batch(offset, 0, 1, value)...)
			file = append(file, batch(offset+1, 0, 1, "last")...)
			if l := recovered(t, file); l.End() != offset+2+2 {
				t.Errorf("size %d: log end %d", size, l.End())
			}
			recovered(t, file[:len(file)-1])
			recovered(t, file[:size-2])
		}
	}
}

// reasons are what an operator reads about a cut.
func TestRecoveryReason(t *testing.T) {
	file, ends := story()
	with := func(at int, b ...byte) []byte {
		out := slices.Clone(file)
		copy(out[ends[1]+at:], b)
		return out
	}
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"short header", file[:ends[1]+20], storage.ErrShort},
		{"short records", file[:ends[2]-1], storage.ErrShort},
		{"magic", with(16, 1), storage.ErrFormat},
		{"zeros", with(0, make([]byte, 61)...), storage.ErrFormat},
		{"length", with(8, 0, 0, 0, 48), storage.ErrFormat},
		{"negative length", with(8, 0xff), storage.ErrFormat},
		{"last offset delta", with(23, 0xff), storage.ErrFormat},
		{"huge length", with(8, 0x7f), storage.ErrShort},
		{"checksum", with(17, 0, 0, 0, 0), storage.ErrCRC},
		{"records", with(70, 0x55), storage.ErrCRC},
		{"offset", with(7, 9), storage.ErrOffset},
		{"epoch", with(12, 0xff, 0xff, 0xff, 0xfe), storage.ErrEpoch},
	} {
		d := storagetest.New()
		d.Put(open(t, d).File(), c.file)
		l, cut, err := storage.Open(d, dir)
		if err != nil || !strings.Contains(cut.Reason, "offset 1, byte ") || !strings.Contains(cut.Reason, c.want.Error()) {
			t.Errorf("%s: %+v, %v", c.name, cut, err)
		}
		if err == nil && l.End() != 1 {
			t.Errorf("%s: log end %d", c.name, l.End())
		}
	}
}

// Opening needs no room: a full disk is the matter of who writes.
func TestOpenOnAFullDisk(t *testing.T) {
	d := storagetest.New()
	d.Err = machine.ErrNoSpace
	l := open(t, d)
	if err := l.Append(machine.Literal(batch(0, 0, 1, "x"))); !errors.Is(err, machine.ErrNoSpace) || l.End() != 0 || l.LastEpoch() != -1 {
		t.Errorf("append: %v, log end %d", err, l.End())
	}
	if err := l.TruncateTo(0); err != nil || len(d.List()) > 0 {
		t.Errorf("truncated to nothing: %v, %q", err, d.List())
	}
	d.Err = nil
	if err := l.Append(machine.Literal(batch(0, 0, 1, "x"))); err != nil || open(t, d).End() != 1 {
		t.Errorf("append when there is room again: %v", err)
	}
}

// What a disk cannot do is an error of Open; a file is never cut for it.
func TestOpenOnABrokenDisk(t *testing.T) {
	file, _ := story()
	d := storagetest.New()
	name := open(t, d).File()
	d.Put(name, file[:len(file)-1])
	d.Err = machine.ErrIO
	if _, _, err := storage.Open(d, dir); !errors.Is(err, machine.ErrIO) {
		t.Errorf("a torn file that cannot be cut: %v", err)
	}
	d.Err = nil
	if _, _, err := storage.Open(unreadable{d, 0}, dir); !errors.Is(err, machine.ErrIO) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	if _, _, err := storage.Open(unreadable{d, 10}, dir); !errors.Is(err, storage.ErrShort) {
		t.Errorf("a file of which less is read than is there: %v", err)
	}
	if !bytes.Equal(d.Get(name), file[:len(file)-1]) {
		t.Errorf("the file was cut")
	}
	l, _, err := storage.Open(d, dir)
	if err != nil {
		t.Fatal(err)
	}
	d.Put(name, file[:20])
	if _, err := l.Read(0, storage.All, 1<<20, true); !errors.Is(err, storage.ErrShort) {
		t.Errorf("read of a file that became shorter behind the log's back: %v", err)
	}
	for _, err := range l.Batches(0) {
		if !errors.Is(err, storage.ErrShort) {
			t.Errorf("batches of a file that became shorter: %v", err)
		}
	}
}

// unreadable answers reads with an error, or with so many bytes at most.
type unreadable struct {
	*storagetest.Disk
	most int64
}

func (u unreadable) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	if u.most == 0 {
		return machine.Bytes{}, machine.ErrIO
	}
	return u.Disk.ReadAt(name, off, min(n, u.most))
}

// Whatever a crash does to what was not synced: what was synced is there.
func TestNothingDurableIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := storagetest.New()
		l := open(t, d)
		var m dumb
		durable := 0 // batches
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				more := m.more(t)
				if err := l.Append(drawPieces(t, more.bytes())); err != nil {
					t.Fatal(err)
				}
				m = append(slices.Clip(m), more...)
			},
			"sync": func(*rapid.T) {
				d.Sync(l.File())
				durable = len(m)
			},
			"power loss": func(t *rapid.T) {
				d.PowerLoss(rapid.IntRange(0, 400).Draw(t, "torn"))
				file, safe := d.Get(l.File()), len(m[:durable].bytes())
				if len(file) < safe {
					t.Fatalf("the test's disk has lost %d of %d synced bytes", safe-len(file), safe)
				}
				unsafe := file[safe:]
				for range rapid.IntRange(0, 2).Draw(t, "garbled") {
					if len(unsafe) > 0 {
						at := rapid.IntRange(0, len(unsafe)-1).Draw(t, "at")
						n := rapid.IntRange(1, len(unsafe)-at).Draw(t, "bytes")
						copy(unsafe[at:at+n], rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "garbage"))
					}
				}
				unsafe = append(unsafe, make([]byte, rapid.IntRange(0, 70).Draw(t, "zeros"))...)
				file = append(file[:safe:safe], unsafe...)
				d.Put(l.File(), file)
				size, end, _ := wholePrefix(file)
				var err error
				if l, _, err = storage.Open(d, dir); err != nil {
					t.Fatal(err)
				}
				if l.Size() != int64(size) || l.End() != end {
					t.Fatalf("kept %d bytes to %d, want %d to %d", l.Size(), l.End(), size, end)
				}
				// The model is what is there now: a cut that was not synced may come
				// undone at the next power loss, and a garbled epoch is nobody's to find.
				before := m
				m = nil
				for at := int64(0); at < int64(size); at = int64(len(m.bytes())) {
					h, err := wire.ReadBatch(machine.Literal(file[at:size]))
					if err != nil {
						t.Fatal(err)
					}
					m = append(m, entry{h.BaseOffset, h.NextOffset(), h.LeaderEpoch, file[at : at+h.Size()]})
				}
				if len(m) < durable || !bytes.Equal(m[:durable].bytes(), before[:durable].bytes()) {
					t.Fatalf("%d batches are left, %d were durable", len(m), durable)
				}
				durable = len(m)
			},
			"": func(t *rapid.T) { agree(t, l, m, d) },
		})
	})
}

// Whatever a file holds: Open keeps the whole batches that it begins with.
func FuzzOpen(f *testing.F) {
	file, ends := story()
	f.Add([]byte{})
	f.Add(file)
	f.Add(file[:ends[2]+70])
	f.Add(append(slices.Clone(file), make([]byte, 100)...))
	f.Add(append(slices.Clone(file[:ends[1]]), file...))
	wide := slices.Clone(file) // last offset delta of the last batch: the next is 2^31
	copy(wide[ends[3]+23:], []byte{0x7f, 0xff, 0xff, 0xff})
	binary.BigEndian.PutUint32(wide[ends[3]+17:], crc32.Checksum(wide[ends[3]+21:], crc32.MakeTable(crc32.Castagnoli)))
	f.Add(wide)
	f.Fuzz(func(t *testing.T, file []byte) { recovered(t, file) })
}
