package storage_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

// onDisk are the files of a directory, by the calls that a host makes.
type onDisk string

func (d onDisk) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d onDisk) List() (names []string) {
	_ = filepath.WalkDir(string(d), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(string(d), path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	slices.Sort(names)
	return names
}

func (d onDisk) Size(name string) (int64, bool) {
	i, err := os.Stat(d.path(name))
	if err != nil {
		return 0, false
	}
	return i.Size(), true
}

func (d onDisk) Append(name string, b machine.Bytes) error {
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(d.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Contiguous())
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func (d onDisk) Truncate(name string, size int64) error { return os.Truncate(d.path(name), size) }
func (d onDisk) Rename(from, to string) error           { return os.Rename(d.path(from), d.path(to)) }

func (d onDisk) Remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (d onDisk) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return machine.Bytes{}, err
	}
	defer f.Close()
	b := make([]byte, n)
	got, err := f.ReadAt(b, off)
	if got > 0 {
		err = nil
	}
	return machine.Literal(b[:got]), err
}

func (d onDisk) Resident(string, int64, int64) bool { return true }

// recoveryBytes is the size of the log that is recovered: BROKERSIM_RECOVER=1073741824 is
// a whole segment by Kafka's defaults.
func recoveryBytes(b *testing.B) int64 {
	if d, err := time.ParseDuration(os.Getenv("BROKERSIM_RECOVER") + "ns"); err == nil {
		return int64(d)
	}
	return 64 << 20
}

// Recovery of a log with a torn tail, in units of reading it once.
func BenchmarkRecover(b *testing.B) {
	d := onDisk(b.TempDir())
	open := func(o storage.Options) (*storage.Log, storage.Recovery, time.Duration) {
		began := time.Now()
		l, r, err := storage.OpenWith(d, dir, o)
		if err != nil {
			b.Fatal(err)
		}
		return l, r, time.Since(began)
	}
	l, _, _ := open(storage.Defaults())
	value := make([]byte, 1000)
	for size := recoveryBytes(b); l.Size() < size; {
		var many []machine.Bytes
		for next := l.End(); len(many) < 64; next += 16 {
			w := wire.NewBuilder(-1, -1, -1)
			for range 16 {
				w.Append(next, nil, value, nil)
			}
			many = append(many, wire.Stamp(w.Bytes(), next, 0))
		}
		if err := l.Append(machine.Concat(many...)); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Append(l.File(), machine.Literal(make([]byte, 777))); err != nil {
		b.Fatal(err)
	}
	size, _ := d.Size(l.File())
	read := func() time.Duration {
		began := time.Now()
		for at := int64(0); at < size; at += 1 << 20 {
			if _, err := d.ReadAt(l.File(), at, min(1<<20, size-at)); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	var reading, recovering, clean time.Duration
	for b.Loop() {
		reading += read()
		again, r, took := open(storage.Defaults())
		recovering += took
		if again.End() != l.End() || r.TornBytes != 777 && r.TornBytes != 0 {
			b.Fatalf("ends at %d of %d, %v", again.End(), l.End(), r)
		}
		_, _, took = open(storage.Options{IndexInterval: 4096, Clean: true, Remember: 1000})
		clean += took
	}
	b.ReportMetric(float64(recovering)/float64(reading), "recovery/reading")
	b.ReportMetric(float64(clean)/float64(reading), "clean-start/reading")
	b.ReportMetric(float64(size)/(1<<20), "MiB")
}

// A reader below the table goes by the index.
func BenchmarkReadByIndex(b *testing.B) {
	d := storagetest.New()
	l, _, err := storage.OpenWith(d, dir, storage.Options{IndexInterval: 4096, Remember: 100})
	if err != nil {
		b.Fatal(err)
	}
	for range 10_000 {
		if err := l.Append(machine.Literal(batch(l.End(), 0, 1, "some value"))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	at := int64(0)
	for b.Loop() {
		if _, err := l.Read(at, storage.All, 100_000, true); err != nil {
			b.Fatal(err)
		}
		at = (at + 7) % (l.End() - 300)
	}
}
