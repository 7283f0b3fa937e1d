package sim

import (
	"time"
)

// How a node's hardware sees its files: which pages are dirty, and which in memory.

// block is a block of a file that came into memory; it counts only while it is there.
type block struct {
	file  *inode
	index int
}

// pageCache bounds the blocks in memory: the oldest leave first, however often they
// are read, as from a log most are read once. Those that are dirty or still grow stay.
type pageCache struct {
	limit  int64 // bytes; 0 is without bound
	blocks ring[block]
	held   int64 // blocks in memory

	evicted, cold int64
}

// wrote has the last n bytes of a file be new: dirty, and in memory. A step waits that
// writes above the limit of dirty bytes, until write-back can have made room.
func (f *files) wrote(name string, i *inode, n int64) {
	if n == 0 || f.disks.spec == nil {
		return
	}
	d := f.driveOf(name, i)
	d.soil(i.pages, n, f.s.now)
	if limit := d.share(d.spec().Limit); limit > 0 && d.dirty.Present > limit {
		f.cold = max(f.cold, d.takes(d.dirty.Present-limit, d.spec().Write))
	}
	f.s.startDrive(d)
	if f.memory.limit > 0 {
		f.brought(i, int((i.size-n)/blockSize), int((i.size-1)/blockSize)+1, n)
	}
}

// brought has blocks of a file be in memory that were not, of which n bytes at the
// end were written just now.
func (f *files) brought(i *inode, lo, hi int, n int64) {
	for b := lo; b < hi; b++ {
		if int64(b)*blockSize < i.size-n { // it began before: it is in memory, or cold as a whole
			continue
		}
		if b < len(i.resident) {
			i.resident[b] = true
		}
		f.hold(i, b)
	}
}

// hold has a block be in memory, and others leave for it.
func (f *files) hold(i *inode, b int) {
	m := &f.memory
	m.blocks.push(block{i, b})
	m.held++
	i.pages.cached++
	for tries := m.blocks.n; m.held*blockSize > m.limit && tries > 0; tries-- {
		f.evict(m.blocks.pop())
	}
}

// evict has a block leave the memory if it may, and else stand at the end of the line.
func (f *files) evict(x block) {
	i := x.file
	end := int64(x.index+1) * blockSize
	switch {
	case i.pages.cached == 0 || end-blockSize >= i.size || x.index < len(i.resident) && !i.resident[x.index]:
		return // it has gone already
	case end > i.size-i.pages.dirty:
		f.memory.blocks.push(x)
		return
	}
	for len(i.resident) <= x.index {
		i.resident = append(i.resident, true)
	}
	i.resident[x.index] = false
	i.pages.cached--
	f.memory.held--
	f.memory.evicted++
}

// truncated has a file end sooner than it did.
func (f *files) truncated(i *inode, was int64) {
	if i.pages == nil {
		return
	}
	i.pages.drive.cut(i.pages, was-i.size, f.s.now)
	if f.memory.limit > 0 {
		for b := (i.size + blockSize - 1) / blockSize; b < (was+blockSize-1)/blockSize; b++ {
			if int(b) >= len(i.resident) || i.resident[b] {
				i.pages.cached--
				f.memory.held--
			}
		}
	}
}

// gone has a file be no more.
func (f *files) gone(i *inode) {
	if i.pages == nil {
		return
	}
	i.pages.drive.cut(i.pages, i.pages.dirty, f.s.now)
	f.memory.held -= int64(i.pages.cached)
	i.pages.cached = 0
}

// readCold is what a step waits that reads so many blocks that were not in memory.
func (f *files) readCold(name string, i *inode, off int64, lo, hi int) {
	cold := int64(0)
	for b := lo; b < hi; b++ {
		if !i.resident[b] {
			cold++
		}
	}
	if cold == 0 {
		return
	}
	if f.disks.spec == nil {
		f.cold += f.faults.slowed(time.Duration(cold) * f.s.cfg.ColdRead)
		i.warm(lo, hi)
		return
	}
	d := f.driveOf(name, i)
	from := f.s.now.Add(f.cold)
	f.cold += d.readNow(from, d.readTakes(i.coldBytes(lo, hi), f.seekDraw(name, off))).Sub(from)
	f.warmed(name, i, lo, hi)
}

// driveFor is the drive that a read or a sync goes to.
func (f *files) driveFor(op *diskOp) *drive {
	if op.file == nil {
		return f.disks.of(op.name)
	}
	return f.driveOf(op.name, op.file)
}

// driveOf is the drive of a file, which may have been written in an earlier life of
// the disk.
func (f *files) driveOf(name string, i *inode) *drive {
	if i.pages == nil {
		i.pages = &pages{drive: f.disks.of(name)}
	}
	return i.pages.drive
}

// warmed has blocks be in memory that a drive has read.
func (f *files) warmed(name string, i *inode, lo, hi int) {
	hi = min(hi, len(i.resident))
	for b := lo; b < hi; b++ {
		if !i.resident[b] {
			i.resident[b] = true
			f.memory.cold++
			if f.memory.limit > 0 {
				f.driveOf(name, i)
				f.hold(i, b)
			}
		}
	}
}

// coldBytes is how many bytes of a range of blocks are not in memory.
func (i *inode) coldBytes(lo, hi int) (n int64) {
	for b := lo; b < min(hi, len(i.resident)); b++ {
		if !i.resident[b] {
			n += max(min(int64(b+1)*blockSize, i.size)-int64(b)*blockSize, 0)
		}
	}
	return n
}

// lostPower has nothing be in memory.
func (f *files) lostPower() {
	f.disks.losePower(f.s.now)
	f.memory.blocks, f.memory.held = ring[block]{}, 0
	for _, i := range f.cache { // unordered: each by itself
		if i.pages != nil {
			i.pages.cached = 0
		}
	}
	for _, i := range f.disk { // unordered: each by itself
		if i.pages != nil {
			i.pages.cached = 0
		}
	}
}

// goOnDrives has drives go on that a fault has held up.
func (s *Sim) goOnDrives(f *files) {
	for _, d := range f.disks.drives {
		s.startDrive(d)
	}
}
