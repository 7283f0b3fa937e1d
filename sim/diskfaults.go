package sim

import (
	"path"
	"slices"
	"strings"
	"time"

	"brokersim/broker/machine"
)

// diskFaults are what is wrong with a disk until somebody ends it. It outlives the
// node's lives.
type diskFaults struct {
	failAppends patterns
	failSyncs   patterns
	slow        int64 // how many times longer everything takes; 0 is as 1
	stalled     bool
	full        bool
	fullAt      int64 // bytes
	lies        bool
	reorders    bool // un-synced sectors, when the power is lost
	misdirects  bool // one of them
	wiped       bool // at the next start
}

// patterns are what files are named by in faults.
type patterns []string

// has reports whether a file is meant by one of the patterns.
func (p patterns) has(file string) bool {
	return len(p) > 0 && slices.ContainsFunc(p, func(x string) bool { return matches(x, file) })
}

// set adds a pattern or takes it away, and reports whether that changed anything.
func (p *patterns) set(pattern string, on bool) bool {
	i := slices.Index(*p, pattern)
	if on == (i >= 0) {
		return false
	}
	if on {
		*p = append(*p, pattern)
	} else {
		*p = slices.Delete(*p, i, i+1)
	}
	return true
}

// matches reports whether a pattern means a file: it is empty, or matches the
// file's name or that of a directory that it is in, as path.Match does.
func matches(pattern, file string) bool {
	for pattern != "" {
		if ok, _ := path.Match(pattern, file); ok {
			return true
		}
		slash := strings.LastIndexByte(file, '/')
		if slash < 0 {
			return false
		}
		file = file[:slash]
	}
	return true
}

// slowed is what something takes that takes d on a disk that is well.
func (t *diskFaults) slowed(d time.Duration) time.Duration { return d * time.Duration(max(t.slow, 1)) }

// maxSlow bounds how many times slower a disk may be.
const maxSlow = 1_000_000

// Of the faults below, those that take "on" last until they are called with false,
// or until [Sim.MendDisk]. They outlive crashes and power losses. Where they take a
// pattern, it means the files whose name it matches as path.Match does, those in
// the directories that it matches, and if it is empty all files.

// FailAppends has appends to files fail with machine.ErrIO.
func (s *Sim) FailAppends(name, files string, on bool) {
	s.apply(s.node(name).files.faults.failAppends.set(files, on))
}

// FailSyncs has syncs of files fail with machine.ErrIO when they would be done. A
// file whose sync has failed is poisoned until the node loses power: later syncs
// claim success and keep nothing.
func (s *Sim) FailSyncs(name, files string, on bool) {
	s.apply(s.node(name).files.faults.failSyncs.set(files, on))
}

// LieOnSync has syncs claim success and keep nothing. The first honest one
// afterwards keeps it all.
func (s *Sim) LieOnSync(name string, on bool) { s.toggle(&s.node(name).files.faults.lies, on) }

// ReorderSectors has each power loss leave un-synced sectors in any order, as
// Config.ReorderedSectors has it with a chance.
func (s *Sim) ReorderSectors(name string, on bool) {
	s.toggle(&s.node(name).files.faults.reorders, on)
}

// MisdirectWrites has each power loss find an un-synced sector written to another
// place, over whatever is there, as Config.MisdirectedWrites has it with a chance.
func (s *Sim) MisdirectWrites(name string, on bool) {
	s.toggle(&s.node(name).files.faults.misdirects, on)
}

// FillDisk leaves no room on a disk: appends fail with machine.ErrNoSpace but for as
// much as is removed or truncated from then on.
func (s *Sim) FillDisk(name string, on bool) {
	f := s.node(name).files
	if s.toggle(&f.faults.full, on) && on {
		f.faults.fullAt = f.used
	}
}

// refuses is why a file cannot take n more bytes.
func (f *files) refuses(name string, n int64) error {
	t := &f.faults
	switch room := f.node.cfg.DiskBytes; {
	case t.failAppends.has(name):
		return machine.ErrIO
	case t.full && n > 0 && f.used+n > t.fullAt, room > 0 && f.used+n > room:
		return machine.ErrNoSpace
	}
	return nil
}

// StallDisk has syncs, loads and steps that have read from the disk wait, until the
// end of it lets all of them go on.
func (s *Sim) StallDisk(name string, on bool) {
	f := s.node(name).files
	if s.toggle(&f.faults.stalled, on) && !on {
		s.endStall(f)
	}
}

func (s *Sim) endStall(f *files) {
	waiting, reading := f.waiting, f.reading
	f.waiting, f.reading = nil, nil
	for _, op := range waiting {
		s.diskDone(op)
	}
	for _, i := range reading {
		s.queue.push(event{at: s.now, kind: evDone, idx: i})
	}
	s.goOnDrives(f)
}

// SlowDisk has what a disk is asked for from now on take so many times longer, at
// most a million; 1 ends it.
func (s *Sim) SlowDisk(name string, times int64) {
	t := &s.node(name).files.faults
	times = min(max(times, 1), maxSlow)
	if s.apply(times != max(t.slow, 1)) {
		t.slow = times
	}
}

// MendDisk ends whatever of the above is wrong with a disk. Flaws stay.
func (s *Sim) MendDisk(name string) {
	f := s.node(name).files
	t := &f.faults
	if !s.apply(len(t.failAppends)+len(t.failSyncs) > 0 || t.slow > 1 || t.stalled || t.full || t.lies || t.reorders || t.misdirects) {
		return
	}
	stalled := t.stalled
	*t = diskFaults{wiped: t.wiped}
	if stalled {
		s.endStall(f)
	}
}

// Wipe has a node find its disk empty at its next start, as after an exchange.
func (s *Sim) Wipe(name string) { s.toggle(&s.node(name).files.faults.wiped, true) }

// wipe empties the disk.
func (f *files) wipe() {
	for _, name := range f.names() {
		l := Loss{At: f.s.now, Node: f.node.cfg.Name, File: name, Wiped: true}
		if i := f.cache[name]; i != nil {
			l.Written, l.Durable = i.size, i.shared
		}
		f.s.losses = append(f.s.losses, l)
	}
	f.era++ // what the disk was about to do concerns files that are gone
	f.lostPower()
	f.cache, f.disk = make(map[string]*inode), make(map[string]*inode)
	f.used, f.waiting, f.faults.wiped = 0, nil, false
}

func (s *Sim) toggle(what *bool, on bool) bool {
	does := *what != on
	*what = on
	return s.apply(does)
}
