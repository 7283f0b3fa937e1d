package storage

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
)

// one is a batch of one record with a timestamp.
func one(base, timestamp int64) machine.Bytes {
	b := make([]byte, HeaderSize+20)
	be := binary.BigEndian
	be.PutUint64(b[0:], uint64(base))
	be.PutUint32(b[atLength:], uint32(len(b)-overhead))
	b[16] = 2
	be.PutUint64(b[27:], uint64(timestamp))
	be.PutUint64(b[35:], uint64(timestamp))
	be.PutUint64(b[43:], ^uint64(0))
	be.PutUint32(b[57:], 1)
	be.PutUint32(b[17:], crc32.Checksum(b[atAttributes:], crc32.MakeTable(crc32.Castagnoli)))
	return machine.Literal(b)
}

// putProducer has a batch be of an idempotent producer.
func putProducer(b []byte, id int64, sequence int32) {
	be := binary.BigEndian
	be.PutUint64(b[43:], uint64(id))
	be.PutUint32(b[53:], uint32(sequence))
	be.PutUint32(b[17:], crc32.Checksum(b[atAttributes:], crc32.MakeTable(crc32.Castagnoli)))
}

// fill appends records, two to a segment.
func fill(t *testing.T, l *Log, until int64) {
	t.Helper()
	for at := l.End(); at < until; at++ {
		b := one(at, at)
		roll(t, l, b, Limits{Bytes: 2 * b.Len(), Millis: 1 << 40})
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

func roll(t *testing.T, l *Log, b machine.Bytes, max Limits) bool {
	t.Helper()
	h, err := readHeader(b, 0, &headerBytes{})
	if err != nil {
		t.Fatal(err)
	}
	rolled, err := l.Roll(h, max)
	if err != nil {
		t.Fatal(err)
	}
	return rolled
}

func segmented(t *testing.T, d *storagetest.Disk) (*Log, Recovery) {
	t.Helper()
	l, cut, err := Open(d, "t-0")
	if err != nil {
		t.Fatal(err)
	}
	return l, cut
}

func sync(d *storagetest.Disk, l *Log, from int64) []string {
	files := l.Unsynced(from)
	for _, f := range files {
		d.Sync(f)
	}
	return files
}

func names(bases ...string) []string {
	var list []string
	for _, b := range bases {
		list = append(list, "t-0/"+strings.Repeat("0", 20-len(b))+b+".log")
	}
	return list
}

// logs are those of some names that are of segments.
func logs(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasSuffix(name, ".log") })
}

// A log of several files reads like one, a segment at a time, and is opened again.
func TestSegments(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	fill(t, l, 7)
	if got := logs(d.List()); !slices.Equal(got, names("0", "2", "4", "6")) {
		t.Errorf("files %v", got)
	}
	for _, l := range []*Log{l, func() *Log { l, _ := segmented(t, d); return l }()} {
		if l.Start() != 0 || l.End() != 7 || l.Size() != 7*81 {
			t.Errorf("[%d, %d), %d bytes", l.Start(), l.End(), l.Size())
		}
		for from := range int64(7) {
			b, err := l.Read(from, All, 1<<20, false)
			if want := 2 - from%2; from < 6 && (err != nil || b.Len() != want*81) {
				t.Errorf("from %d: %d bytes, %v", from, b.Len(), err)
			}
		}
	}
	if got := l.Unsynced(3); !slices.Equal(logs(got), names("2", "4", "6")) || len(got) != 3+2*4 {
		t.Errorf("unsynced from 3: %v", got)
	}
	if got := l.Unsynced(3); !slices.Equal(got, names("2", "4", "6")) {
		t.Errorf("unsynced from 3 when the indexes were named: %v", got)
	}
}

// By time, a segment ends with the record that is too late for its first.
func TestRollByTime(t *testing.T) {
	l, _ := segmented(t, storagetest.New())
	var rolled []int64
	for at := range int64(8) {
		if roll(t, l, one(at, 10*at), Limits{Bytes: 1 << 20, Millis: 25}) {
			rolled = append(rolled, at)
		}
		if err := l.Append(one(at, 10*at)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(rolled, []int64{3, 6}) {
		t.Errorf("rolled at %v", rolled)
	}
}

// What was deleted stays deleted, and a crash knows where the log starts.
func TestDeleteOldest(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	whole, _ := segmented(t, storagetest.New())
	fill(t, l, 7)
	fill(t, whole, 7)
	sync(d, l, 0)
	if o, ok := l.Oldest(); !ok || o != (Oldest{Next: 2, Bytes: 162, Last: 1}) {
		t.Errorf("%+v %v", o, ok)
	}
	for range 2 {
		if err := l.DeleteOldest(); err != nil {
			t.Fatal(err)
		}
	}
	if got := logs(sync(d, l, l.End())); !slices.Equal(got, names("0", "2", "6")) {
		t.Errorf("synced %v", got)
	}
	d.PowerLoss(0)
	again, cut := segmented(t, d)
	for _, l := range []*Log{l, again} {
		if l.Start() != 4 || l.End() != 7 || l.Size() != 3*81 || cut.TornBytes != 0 {
			t.Errorf("[%d, %d), %d bytes, %+v", l.Start(), l.End(), l.Size(), cut)
		}
		if _, err := l.Read(3, All, 1<<20, true); !errors.Is(err, ErrOutOfRange) {
			t.Errorf("read below the start: %v", err)
		}
		if !l.Same(whole, 7) || !whole.Same(l, 7) || l.Common(whole) != 7 || whole.Common(l) != 7 || !l.Same(whole, 2) {
			t.Errorf("not the same as one with a beginning: common up to %d", l.Common(whole))
		}
	}
	fill(t, again, 9)
	if again.Same(l, 9) || again.Common(l) != 7 || again.Common(whole) != 7 {
		t.Errorf("common up to %d", again.Common(l))
	}
}

// Segments behind one that lost its end continue nothing.
func TestHole(t *testing.T) {
	for _, torn := range []int{0, 40, 81, 100} {
		d := storagetest.New()
		l, _ := segmented(t, d)
		fill(t, l, 7)
		for _, name := range names("0", "4", "6") {
			d.Sync(name)
		}
		d.PowerLoss(torn) // of the segment at 2
		l, cut := segmented(t, d)
		want := 2 + int64(torn/81)
		if l.End() != want || cut.TornBytes == 0 || cut.Reason == "" || len(logs(d.List())) > 2 {
			t.Errorf("torn %d: ends at %d, want %d; %+v; %v", torn, l.End(), want, cut, d.List())
		}
		fill(t, l, 9)
		if again, cut := segmented(t, d); again.End() != 9 || cut.TornBytes != 0 {
			t.Errorf("torn %d: ends at %d again, %+v", torn, again.End(), cut)
		}
	}
}

// A truncation deletes the segments above it.
func TestTruncateSegments(t *testing.T) {
	for to := range int64(8) {
		d := storagetest.New()
		l, _ := segmented(t, d)
		fill(t, l, 7)
		if err := l.TruncateTo(to); err != nil {
			t.Fatal(err)
		}
		again, cut := segmented(t, d)
		if l.End() != min(to, 7) || again.End() != l.End() || cut.TornBytes != 0 || again.Digest(to) != l.Digest(to) {
			t.Errorf("to %d: ends at %d, and again at %d, %+v, %v", to, l.End(), again.End(), cut, d.List())
		}
		fill(t, l, 9)
		if again, _ := segmented(t, d); again.End() != 9 {
			t.Errorf("to %d: ends at %d", to, again.End())
		}
	}
}

// A follower whose leader has forgotten what it needs begins anew.
func TestStartAt(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	fill(t, l, 5)
	if err := l.StartAt(20); err != nil {
		t.Fatal(err)
	}
	if l.Start() != 20 || l.End() != 20 || l.Size() != 0 || len(logs(d.List())) != 0 {
		t.Errorf("[%d, %d), %v", l.Start(), l.End(), d.List())
	}
	fill(t, l, 23)
	if again, _ := segmented(t, d); again.Start() != 20 || again.End() != 23 {
		t.Errorf("[%d, %d) again, %v", again.Start(), again.End(), d.List())
	}
}
