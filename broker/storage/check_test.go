package storage_test

import (
	"strings"
	"testing"

	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

// What no log may be is told, each in its own words; a sound one is silent.
func TestCheck(t *testing.T) {
	const file = dir + "/00000000000000000000.log"
	three := func(t *testing.T) (*storagetest.Disk, *storage.Log) {
		d := storagetest.New()
		l, _, err := storage.OpenWith(d, dir, storage.Options{IndexInterval: 0, IndexBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(3) {
			if err := l.Append(machine.Literal(batch(i, int32(i), 1, "x"))); err != nil {
				t.Fatal(err)
			}
		}
		return d, l
	}
	size := int64(len(batch(0, 0, 1, "x")))
	put := func(d *storagetest.Disk, at int64, b []byte) {
		whole := d.Get(file)
		copy(whole[at:], b)
		d.Put(file, whole)
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, d *storagetest.Disk, l *storage.Log)
		want  string // of CheckRead
		end   string // of CheckEnd
	}{
		{"sound", func(*testing.T, *storagetest.Disk, *storage.Log) {}, "", ""},
		{"a bit", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) { put(d, size+size-1, []byte{0xff}) }, "batch does not match its CRC-32C", ""},
		{"no batch", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) { put(d, size+16, []byte{1}) }, "not a batch of magic 2", ""},
		{"an offset again", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) { put(d, 2*size, batch(1, 2, 1, "x")) }, "batch does not begin at the log end offset", ""},
		{"an epoch that falls", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) { put(d, 2*size, batch(2, 0, 1, "x")) }, "leader epoch falls", ""},
		{"an index that points elsewhere", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) { put(d, 2*size, batch(3, 2, 1, "x")) }, "index: offset 2 is not at byte", ""},
		{"bytes behind the end", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) {
			d.Put(file, append(d.Get(file), batch(3, 2, 1, "x")...))
		}, "", "and the log ends at byte"},
		{"half a batch", func(_ *testing.T, d *storagetest.Disk, _ *storage.Log) {
			d.Put(file, append(d.Get(file), batch(3, 2, 1, "x")[:65]...))
		}, "batch ends early", "and the log ends at byte"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, l := three(t)
			tt.spoil(t, d, l)
			for what, err := range map[string]error{tt.want: l.CheckRead(), "end " + tt.end: l.CheckEnd()} {
				text := strings.TrimPrefix(what, "end ")
				if (text == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), text) {
					t.Errorf("%v, want %q", err, text)
				}
			}
		})
	}
}

// What an opening has gone by the index for is not read again.
func TestCheckReadLeavesAlone(t *testing.T) {
	d := storagetest.New()
	l, _, err := storage.OpenWith(d, dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(4) {
		h := storage.Header{BaseOffset: i, LeaderEpoch: 0, Length: 60}
		if i == 2 {
			if _, err := l.Roll(h, storage.Limits{Bytes: 1}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Append(machine.Literal(batch(i, 0, 1, "x"))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range l.Unsynced(0) {
		d.Sync(name)
	}
	rot := func(name string) {
		whole := d.Get(name)
		whole[len(whole)-1] ^= 1
		d.Put(name, whole)
	}
	l, _, err = storage.OpenWith(d, dir, storage.Options{RecoveryPoint: 2})
	if err != nil || l.End() != 4 {
		t.Fatal(err, l.End())
	}
	rot(dir + "/00000000000000000000.log")
	if err := l.CheckRead(); err != nil {
		t.Errorf("of what was durable: %v", err)
	}
	rot(dir + "/00000000000000000002.log")
	if err := l.CheckRead(); err == nil {
		t.Error("nothing is said of what was read")
	}
}
