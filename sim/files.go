package sim

import (
	"io/fs"
	"maps"
	"slices"
	"sort"
	"time"

	"brokersim/broker/machine"
)

// files is a node's page cache over its disk: machine.Files. It outlives the
// node's lives.
//
// What a file holds is a list of extents whose bytes never change once written:
// reads are slices of them. An append may write behind the last byte of the last
// extent, where no reader looks; a truncation takes away the right to.
type files struct {
	s     *Sim
	node  *node
	cache map[string]*inode // as the node sees it
	disk  map[string]*inode // as after a power loss
	cold  time.Duration     // what reading cold has cost this step
	syncs counter
	era   uint32 // grows at each power loss: syncs of before are void

	powerLosses uint64

	used    int64 // by all files of cache
	faults  diskFaults
	waiting []diskOp // done but for the disk, which is stalled
	reading []int32  // of Sim.runs: steps that have read from it
	blows   counter  // flaws, by what they were about

	disks  disks
	memory pageCache
}

// inode is a file apart from its name.
type inode struct {
	image             // as the node sees it
	durable  image    // what a power loss leaves at least
	shared   int64    // of durable: what no truncation since has touched
	syncing  []*image // under way: their shared part shrinks too
	issued   uint64   // syncs
	poisoned bool
	onDisk   []string // its names in files.disk
	first    [1]string
	resident []bool // by block of 1 MiB; those beyond are resident
	pages    *pages // nil: no disk is modelled, or nothing was written yet
	flaws    []flaw
}

// image is what a file holds at a time. Images share extents.
type image struct {
	extents []extent
	size    int64
	seq     uint64 // of the sync that asked for it
	kept    int64  // of a sync under way: what no truncation since has touched
	spare   []byte // what is left of the memory of the last small extent
}

// extent is literal if it has no source.
type extent struct {
	off    int64
	b      []byte
	source machine.Source
}

func (e *extent) len() int64 {
	if e.source != nil {
		return e.source.Len()
	}
	return int64(len(e.b))
}

// slice is bytes [from, to) of the extent.
func (e *extent) slice(from, to int64) machine.Bytes {
	if e.source != nil {
		return machine.Made(e.source).Slice(from, to)
	}
	return machine.Literal(e.b[from:to])
}

const (
	blockSize = 1 << 20
	minChunk  = 512
	maxChunk  = 256 << 10
	// Pieces of at least this size are kept as they are, instead of copied.
	bigPiece = 8 << 10
)

func newFiles(s *Sim, n *node) *files {
	f := &files{s: s, node: n, cache: make(map[string]*inode), disk: make(map[string]*inode)}
	f.disks = s.newDisks(n)
	if f.disks.spec != nil {
		f.memory.limit = n.cfg.Hardware.PageCache
	}
	return f
}

func (f *files) List() []string { return slices.Sorted(maps.Keys(f.cache)) }

func (f *files) Size(name string) (int64, bool) {
	i := f.cache[name]
	if i == nil {
		return 0, false
	}
	return i.size, true
}

func (f *files) Append(name string, b machine.Bytes) error {
	if err := f.refuses(name, b.Len()); err != nil {
		return err
	}
	i := f.cache[name]
	if i == nil {
		i = &inode{}
		f.cache[name] = i
	}
	i.append(b)
	f.used += b.Len()
	f.wrote(name, i, b.Len())
	return nil
}

func (im *image) append(b machine.Bytes) {
	for literal, source := range b.Parts {
		if source == nil {
			im.appendLiteral(literal)
			continue
		}
		im.extents = append(im.extents, extent{off: im.size, source: source})
		im.size += source.Len()
	}
}

func (im *image) appendLiteral(p []byte) {
	if k := len(im.extents) - 1; k >= 0 {
		if last := &im.extents[k]; cap(last.b)-len(last.b) >= len(p) {
			last.b = append(last.b, p...)
			im.spare = last.b[len(last.b):]
			im.size += int64(len(p))
			return
		}
	}
	switch {
	case len(p) >= bigPiece:
		p = p[:len(p):len(p)]
	case cap(im.spare) >= len(p): // what came between has extents of its own
		p = append(im.spare, p...)
		im.spare = p[len(p):]
	default:
		size := int64(len(p)) // of a file that may never grow
		if im.size > 0 {
			size = max(size, min(max(im.size, minChunk), maxChunk))
		}
		p = append(make([]byte, 0, size), p...)
		im.spare = p[len(p):]
	}
	im.extents = append(im.extents, extent{off: im.size, b: p})
	im.size += int64(len(p))
}

func (f *files) Truncate(name string, size int64) error {
	i := f.cache[name]
	if i == nil {
		return fs.ErrNotExist
	}
	if size >= i.size {
		return nil
	}
	was := i.size
	f.used -= i.size - max(size, 0)
	i.image = i.image.prefix(max(size, 0))
	f.truncated(i, was)
	i.shared = min(i.shared, i.size)
	i.cover(i.size)
	for _, s := range i.syncing {
		s.kept = min(s.kept, i.size)
	}
	return nil
}

// prefix is the first n bytes of an image, to which nothing can be appended in
// place: what follows may be somebody's.
func (im image) prefix(n int64) image {
	k := sort.Search(len(im.extents), func(k int) bool { return im.extents[k].off >= n })
	out := image{extents: slices.Clone(im.extents[:k]), size: n}
	if k > 0 {
		last := &out.extents[k-1]
		if n -= last.off; last.source != nil {
			last.source = machine.Made(last.source).Slice(0, n).Source()
		} else {
			last.b = last.b[:n:n]
		}
	}
	return out
}

func (f *files) Rename(from, to string) error {
	i := f.cache[from]
	if i == nil {
		return fs.ErrNotExist
	}
	if to != from {
		f.forget(to)
		delete(f.cache, from)
		f.cache[to] = i
	}
	return nil
}

func (f *files) Remove(name string) error {
	f.forget(name)
	return nil
}

// forget has a name mean nothing.
func (f *files) forget(name string) {
	if i := f.cache[name]; i != nil {
		f.used -= i.size
		f.gone(i)
		delete(f.cache, name)
	}
}

func (f *files) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	i := f.cache[name]
	if i == nil {
		return machine.Bytes{}, fs.ErrNotExist
	}
	if off < 0 || n < 0 {
		return machine.Bytes{}, machine.ErrIO
	}
	n = min(n, i.size-off)
	if n <= 0 {
		return machine.Bytes{}, nil
	}
	if i.unreadable(off, n) {
		return machine.Bytes{}, machine.ErrIO
	}
	if lo, hi := i.blocks(off, n); lo < hi {
		f.readCold(name, i, off, lo, hi)
	}
	return i.read(off, n), nil
}

func (im *image) read(off, n int64) machine.Bytes {
	k := sort.Search(len(im.extents), func(k int) bool { return im.extents[k].off > off }) - 1
	e := &im.extents[k]
	from := off - e.off
	if to := from + n; to <= e.len() {
		return e.slice(from, to)
	}
	var few [8]machine.Bytes
	parts := append(few[:0], e.slice(from, e.len()))
	for n -= e.len() - from; n > 0; n -= e.len() {
		k++
		e = &im.extents[k]
		parts = append(parts, e.slice(0, min(n, e.len())))
	}
	return machine.Concat(parts...)
}

func (f *files) Resident(name string, off, n int64) bool {
	i := f.cache[name]
	if i == nil || off < 0 {
		return true // the read says what is wrong
	}
	lo, hi := i.blocks(off, n)
	return !slices.Contains(i.resident[lo:hi], false)
}

// warm makes blocks resident.
func (i *inode) warm(lo, hi int) {
	for b := lo; b < hi; b++ {
		i.resident[b] = true
	}
}

// blocks are those of a range that may be cold.
func (i *inode) blocks(off, n int64) (lo, hi int) {
	last := int64(len(i.resident))
	hi = int(min((min(off+max(n, 0), i.size)+blockSize-1)/blockSize, last))
	return int(min(off/blockSize, int64(hi))), hi
}
