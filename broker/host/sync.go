package host

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"brokersim/broker/machine"
)

// diskOp is a Sync or a Load that waits for the background.
type diskOp struct {
	tag    machine.Tag
	file   *file // nil: none has the name, only directories are synced
	handle *os.File
	dirs   []string
	load   bool
	off, n int64
}

// syncDone answers all Syncs of one file that were done by one fsync, or one Load.
type syncDone struct {
	ops []diskOp
	err error
	dir bool // the error is of a directory
}

// sync asks for a file to be made durable, with its name and with whatever else has
// changed in directories.
func (fl *files) sync(s *syncer, name string, tag machine.Tag) {
	op := diskOp{tag: tag, file: fl.list[name]}
	err := fl.failed
	if f := op.file; f != nil && err == nil {
		if err = f.failed; err == nil {
			err = fl.opened(name, f)
		}
	}
	if err != nil {
		s.report(syncDone{ops: []diskOp{op}, err: err, dir: fl.failed != nil})
		return
	}
	if f := op.file; f != nil {
		op.handle, f.unsynced = f.f, false
		f.pins++
	}
	op.dirs = slices.Sorted(maps.Keys(fl.changed))
	clear(fl.changed)
	s.put(op)
}

// load brings a range into the computer's page cache.
func (fl *files) load(s *syncer, name string, off, n int64, tag machine.Tag) {
	op := diskOp{tag: tag, file: fl.list[name], load: true, off: off, n: n}
	if f := op.file; f != nil {
		if err := fl.opened(name, f); err != nil {
			s.report(syncDone{ops: []diskOp{op}, err: err})
			return
		}
		op.handle = f.f
		f.pins++
	}
	s.put(op)
}

// synced takes an answer from the background and returns the tags that are to hear of
// it.
func (fl *files) synced(d *syncDone) []machine.Tag {
	var tags []machine.Tag
	for i := range d.ops {
		op := &d.ops[i]
		if op.tag != 0 {
			tags = append(tags, op.tag)
		}
		f := op.file
		if f == nil {
			continue
		}
		if op.handle != nil {
			f.pins--
		}
		if d.err != nil && !op.load && f.failed == nil {
			f.failed = d.err
		}
		if f.gone {
			fl.closeFile(f)
		}
	}
	if d.dir && fl.failed == nil {
		fl.failed = d.err
	}
	return tags
}

// syncer does in the background what the disk must be waited for. Whatever has come
// while it was at work is done together: one fsync for all Syncs of a file.
type syncer struct {
	report func(syncDone)
	mu     sync.Mutex
	filled sync.Cond
	ops    []diskOp
	ends   bool
	over   chan struct{}

	root        *os.Root
	files, dirs atomic.Int64 // fsyncs
}

func startSyncer(root *os.Root, report func(syncDone)) *syncer {
	s := &syncer{report: report, over: make(chan struct{}), root: root}
	s.filled.L = &s.mu
	go s.run()
	return s
}

func (s *syncer) put(op diskOp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops = append(s.ops, op)
	s.filled.Signal()
}

// stop returns when all that was asked for is done.
func (s *syncer) stop() {
	s.mu.Lock()
	s.ends = true
	s.filled.Signal()
	s.mu.Unlock()
	<-s.over
}

func (s *syncer) run() {
	defer close(s.over)
	for {
		s.mu.Lock()
		for len(s.ops) == 0 && !s.ends {
			s.filled.Wait()
		}
		ops := s.ops
		s.ops = nil
		s.mu.Unlock()
		if len(ops) == 0 {
			return
		}
		s.do(ops)
	}
}

func (s *syncer) do(ops []diskOp) {
	var dirErr error
	for len(ops) > 0 {
		same := []diskOp{ops[0]}
		var rest []diskOp
		for _, op := range ops[1:] {
			if !op.load && !same[0].load && op.file == same[0].file {
				same = append(same, op)
			} else {
				rest = append(rest, op)
			}
		}
		ops = rest
		if same[0].load {
			s.report(syncDone{ops: same, err: s.read(&same[0])})
			continue
		}
		err := s.syncFile(same[0].handle)
		for _, op := range same {
			if err := s.syncDirs(op.dirs); err != nil && dirErr == nil {
				dirErr = err
			}
		}
		if err == nil {
			err = dirErr
		}
		s.report(syncDone{ops: same, err: err, dir: dirErr != nil})
	}
}

func (s *syncer) syncFile(f *os.File) error {
	if f == nil {
		return nil
	}
	s.files.Add(1)
	if err := f.Sync(); err != nil {
		return fmt.Errorf("fsync %s: %w", f.Name(), ioError(err))
	}
	return nil
}

// syncDirs makes the entries of directories durable. One that has been removed since
// is no concern: the one that it was in is named, too.
func (s *syncer) syncDirs(dirs []string) error {
	for _, dir := range dirs {
		if err := syncDir(s.root, dir); err != nil {
			return err
		}
		s.dirs.Add(1)
	}
	return nil
}

func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return ioError(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("fsync %s: %w", dir, ioError(err))
	}
	return nil
}

func (s *syncer) read(op *diskOp) error {
	if op.handle == nil {
		return nil
	}
	buf := make([]byte, min(op.n, 1<<20))
	for at := op.off; at < op.off+op.n; {
		n, err := op.handle.ReadAt(buf[:min(int64(len(buf)), op.off+op.n-at)], at)
		at += int64(n)
		if n == 0 || err != nil {
			return nil // the read by call will say what is wrong
		}
	}
	return nil
}

// syncAll makes everything durable that is not, at the end of a life in which nobody
// else uses the files any more.
func (fl *files) syncAll() error {
	var first error
	note := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for _, name := range fl.List() {
		f := fl.list[name]
		if !f.unsynced || f.failed != nil {
			continue
		}
		if err := fl.opened(name, f); err != nil {
			note(err)
			continue
		}
		note(f.f.Sync())
	}
	for _, dir := range slices.Sorted(maps.Keys(fl.changed)) {
		note(syncDir(fl.root, dir))
	}
	return first
}

// close closes all files and lets others use the directory. It may be called again.
func (fl *files) close() {
	for _, name := range fl.List() {
		if f := fl.list[name]; f.f != nil {
			f.f.Close() // it has been synced, or nobody was promised anything
			f.f = nil
		}
	}
	clear(fl.list)
	if fl.lock != nil {
		fl.lock.Close()
		fl.lock = nil
	}
	fl.root.Close()
}
