package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"syscall"

	"brokersim/broker/machine"
)

// files is a directory as a node's page cache: [machine.Files]. Only who has the turn to step
// the machine uses it, but for close.
type files struct {
	root *os.Root
	lock *os.File
	list map[string]*file
	dirs map[string]int // files in each directory, those below not counted
	// changed are the directories whose entries have changed since they were synced,
	// or are about to be.
	changed map[string]bool
	failed  error // of a directory: no sync is believed any more
	scratch []byte
	open    int
	uses    uint64
}

// file is one file. It may be closed while it is not pinned, and is opened again when
// it is wanted.
type file struct {
	size     int64
	f        *os.File // nil: not open
	used     uint64   // when, in files.uses
	pins     int      // syncs and loads under way
	gone     bool     // it has been removed
	unsynced bool     // written to since the last sync was asked for
	failed   error    // of a sync, or of an append that could not be taken back
}

// maxOpen is how many files are kept open.
const maxOpen = 512

const lockName = ".lock"

func openFiles(dir string) (*files, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockDirectory(root)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	fl := &files{root: root, lock: lock, list: make(map[string]*file), dirs: make(map[string]int), changed: make(map[string]bool)}
	if err := fl.scan(); err != nil {
		fl.close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return fl, nil
}

// scan finds the files that are there.
func (fl *files) scan() error {
	return fs.WalkDir(fl.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || name == lockName {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fl.list[name] = &file{size: info.Size()}
		fl.dirs[path.Dir(name)]++
		return nil
	})
}

func (fl *files) List() []string { return slices.Sorted(maps.Keys(fl.list)) }

func (fl *files) Size(name string) (int64, bool) {
	f := fl.list[name]
	if f == nil {
		return 0, false
	}
	return f.size, true
}

func (fl *files) Append(name string, b machine.Bytes) error {
	f, err := fl.writable(name)
	if err != nil {
		return err
	}
	f.unsynced = true
	at := f.size
	for p := range fl.pieces(b).Pieces {
		n, err := f.f.WriteAt(p, at)
		if at += int64(n); err != nil {
			return fl.takeBack(f, err)
		}
	}
	f.size = at
	return nil
}

// pieces is what to write, one call for each of its pieces: a small append is copied into one,
// as a batch is two, the place that it was given and what came.
func (fl *files) pieces(b machine.Bytes) machine.Bytes {
	if b.Len() > smallAppend {
		return b
	}
	fl.scratch = b.AppendTo(fl.scratch[:0])
	return machine.Literal(fl.scratch)
}

// smallAppend is the size up to which an append is written by one call.
const smallAppend = 16 << 10

// writable is the open file of a name, made if there is none.
func (fl *files) writable(name string) (*file, error) {
	f := fl.list[name]
	if f == nil {
		if !fs.ValidPath(name) || name == lockName {
			return nil, fmt.Errorf("%w: %q is no file name", machine.ErrIO, name)
		}
		f = &file{}
		if err := fl.create(name, f); err != nil {
			return nil, ioError(err)
		}
		fl.list[name] = f
		fl.dirs[path.Dir(name)]++
		return f, nil
	}
	if f.failed != nil {
		return nil, f.failed
	}
	return f, fl.opened(name, f)
}

// create makes a file and the directories that it is in.
func (fl *files) create(name string, f *file) error {
	for dir := path.Dir(name); dir != "." && fl.dirs[dir] == 0; dir = path.Dir(dir) {
		fl.changed[path.Dir(dir)] = true
	}
	if dir := path.Dir(name); dir != "." {
		if err := fl.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	fl.changed[path.Dir(name)] = true
	return fl.openAs(name, f, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// opened opens a file that is not.
func (fl *files) opened(name string, f *file) error {
	if f.f == nil {
		if err := fl.openAs(name, f, os.O_RDWR); err != nil {
			return ioError(err)
		}
	}
	fl.uses++
	f.used = fl.uses
	return nil
}

func (fl *files) openAs(name string, f *file, flags int) error {
	if fl.open >= maxOpen {
		fl.closeOne()
	}
	opened, err := fl.root.OpenFile(name, flags, 0o644)
	if err != nil {
		return err
	}
	f.f = opened
	fl.open++
	return nil
}

// closeOne closes the file that was not used for longest.
func (fl *files) closeOne() {
	var oldest *file
	for _, f := range fl.list {
		if f.f != nil && f.pins == 0 && (oldest == nil || f.used < oldest.used) {
			oldest = f
		}
	}
	if oldest != nil {
		fl.closeFile(oldest)
	}
}

func (fl *files) closeFile(f *file) {
	if f.f != nil && f.pins == 0 {
		f.f.Close() // what a close could tell, a sync has been asked for or nobody cares
		f.f = nil
		fl.open--
	}
}

// takeBack removes what a failed append has written of it.
func (fl *files) takeBack(f *file, why error) error {
	why = ioError(why)
	if err := f.f.Truncate(f.size); err != nil {
		f.failed = fmt.Errorf("%w, nor could what was written of it be removed: %w", why, err)
		return f.failed
	}
	return why
}

func (fl *files) Truncate(name string, size int64) error {
	f := fl.list[name]
	switch {
	case f == nil:
		return fs.ErrNotExist
	case f.failed != nil:
		return f.failed
	case size >= f.size:
		return nil
	}
	if err := fl.opened(name, f); err != nil {
		return err
	}
	size = max(size, 0)
	if err := f.f.Truncate(size); err != nil {
		return ioError(err)
	}
	f.size, f.unsynced = size, true
	return nil
}

func (fl *files) Rename(from, to string) error {
	f := fl.list[from]
	switch {
	case f == nil:
		return fs.ErrNotExist
	case from == to:
		return nil
	case !fs.ValidPath(to) || to == lockName:
		return fmt.Errorf("%w: %q is no file name", machine.ErrIO, to)
	}
	if dir := path.Dir(to); fl.dirs[dir] == 0 && dir != "." {
		if err := fl.root.MkdirAll(dir, 0o755); err != nil {
			return ioError(err)
		}
		for ; dir != "." && fl.dirs[dir] == 0; dir = path.Dir(dir) {
			fl.changed[path.Dir(dir)] = true
		}
	}
	if err := fl.root.Rename(from, to); err != nil {
		return ioError(err)
	}
	fl.forget(to)
	delete(fl.list, from)
	fl.list[to] = f
	fl.dirs[path.Dir(to)]++
	fl.changed[path.Dir(to)], fl.changed[path.Dir(from)] = true, true
	fl.dirs[path.Dir(from)]--
	fl.prune(path.Dir(from))
	return nil
}

func (fl *files) Remove(name string) error {
	if fl.list[name] == nil {
		return nil
	}
	if err := fl.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ioError(err)
	}
	fl.forget(name)
	fl.changed[path.Dir(name)] = true
	fl.prune(path.Dir(name))
	return nil
}

// forget has a name mean no file any more.
func (fl *files) forget(name string) {
	f := fl.list[name]
	if f == nil {
		return
	}
	f.gone = true
	fl.closeFile(f)
	delete(fl.list, name)
	fl.dirs[path.Dir(name)]--
}

// prune removes a directory in which there is nothing any more.
func (fl *files) prune(dir string) {
	for ; dir != "." && fl.dirs[dir] == 0; dir = path.Dir(dir) {
		if fl.root.Remove(dir) != nil { // there are directories in it
			return
		}
		delete(fl.dirs, dir)
		delete(fl.changed, dir)
		fl.changed[path.Dir(dir)] = true
	}
}

func (fl *files) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	f := fl.list[name]
	switch {
	case f == nil:
		return machine.Bytes{}, fs.ErrNotExist
	case off < 0 || n < 0:
		return machine.Bytes{}, machine.ErrIO
	}
	if n = min(n, f.size-off); n <= 0 {
		return machine.Bytes{}, nil
	}
	if err := fl.opened(name, f); err != nil {
		return machine.Bytes{}, err
	}
	b := make([]byte, n)
	if k, err := f.f.ReadAt(b, off); err != nil && (err != io.EOF || int64(k) < n) {
		return machine.Bytes{}, ioError(err)
	}
	return machine.Literal(b), nil
}

// Resident asks the kernel, where there is a way to; elsewhere everything is.
func (fl *files) Resident(name string, off, n int64) bool {
	f := fl.list[name]
	if f == nil || off < 0 || n < 0 {
		return false
	}
	if n = min(n, f.size-off); n <= 0 || fl.opened(name, f) != nil {
		return true // to read it costs nothing, or fails at once
	}
	return resident(f.f, off, n)
}

// ioError is what an error of the operating system means to a machine.
func ioError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", machine.ErrNoSpace, err)
	}
	return fmt.Errorf("%w: %w", machine.ErrIO, err)
}
