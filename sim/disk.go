package sim

import (
	"slices"
	"time"

	"brokersim/broker/machine"
)

// diskOp is a Sync or a Load under way.
type diskOp struct {
	node *node
	life uint32
	era  uint32 // of the files
	tag  machine.Tag
	name string
	file *inode // nil: there is none of that name
	snap *image // of a Sync: what becomes durable
	off  int64  // of a Load
	n    int64

	cause int64 // the event in whose step it was asked for

	asked, began machine.Instant
	takes        time.Duration // of a Sync: what its own flush takes
}

// sync makes durable what a file holds now, when the disk has done so. Its time
// is drawn by the node, the file and its length.
func (s *Sim) sync(n *node, name string, tag machine.Tag) {
	f := n.files
	op := diskOp{node: n, life: n.life, era: f.era, tag: tag, name: name, file: f.cache[name], snap: s.takeImage(), cause: s.doing}
	if i := op.file; i != nil {
		i.issued++
		*op.snap = image{extents: i.extents, size: i.size, seq: i.issued, kept: i.size}
		i.syncing = append(i.syncing, op.snap)
	}
	d := machine.NewDraw(s.cfg.Seed, "sync").With(uint64(n.cfg.ID)).Of(name).With(uint64(op.snap.size))
	d = d.With(uint64(f.syncs.next(d.Uint64())))
	if f.disks.spec == nil {
		s.startDisk(op, s.cfg.SyncFor.Of(s.drawn(d)))
		return
	}
	flush := f.disks.spec.Flush
	if flush == nil {
		flush = s.cfg.SyncFor
	}
	op.takes = flush.Of(s.drawn(d))
	s.ask(f.driveFor(&op), op)
}

// load brings a range into memory.
func (s *Sim) load(n *node, x *machine.Effect) {
	op := diskOp{node: n, life: n.life, era: n.files.era, tag: x.Tag, name: x.Name, file: n.files.cache[x.Name], off: x.Off, n: x.N, cause: s.doing}
	var takes time.Duration
	if f := n.files; f.disks.spec != nil {
		s.ask(f.driveFor(&op), op)
		return
	}
	if i := op.file; i != nil {
		lo, hi := i.blocks(x.Off, x.N)
		for _, resident := range i.resident[lo:hi] {
			if !resident {
				takes += s.cfg.ColdRead
			}
		}
	}
	s.startDisk(op, takes)
}

func (s *Sim) startDisk(op diskOp, takes time.Duration) {
	takes = op.node.files.faults.slowed(takes)
	s.queue.push(event{at: s.now.Add(takes), kind: evDisk, idx: s.disks.put(op)})
}

// diskDone ends a Sync or a Load. The disk goes on when a process has died; not
// when the power has.
func (s *Sim) diskDone(op diskOp) {
	f := op.node.files
	if op.era != f.era {
		return
	}
	if f.faults.stalled {
		f.waiting = append(f.waiting, op)
		return
	}
	var err error
	switch {
	case op.snap != nil:
		err = s.synced(f, &op)
		*op.snap = image{}
		s.images = append(s.images, op.snap)
	case op.file == nil:
	case op.file.unreadable(op.off, op.n):
		err = machine.ErrIO
	default:
		lo, hi := op.file.blocks(op.off, op.n)
		if f.disks.spec == nil {
			op.file.warm(lo, hi)
		} else if op.file.pages != nil || f.cache[op.name] == op.file {
			f.warmed(op.name, op.file, lo, hi)
		}
	}
	if op.life == op.node.life && op.tag != 0 {
		s.ready(op.node, ready{kind: machine.DiskDone, tag: op.tag, err: err, cause: op.cause})
	}
}

func (s *Sim) synced(f *files, op *diskOp) error {
	i := op.file
	fails := f.faults.failSyncs.has(op.name)
	if i == nil {
		switch {
		case fails:
			return machine.ErrIO
		case f.faults.lies:
		case f.disk[op.name] != f.cache[op.name]:
			f.setDisk(op.name, nil)
		}
		return nil
	}
	i.syncing = slices.DeleteFunc(i.syncing, func(im *image) bool { return im == op.snap })
	switch {
	case fails:
		i.poisoned = true
		return machine.ErrIO
	case i.poisoned:
		return nil // as operating systems do: the pages are clean, and not on the disk
	case f.faults.lies:
		return nil
	}
	if op.snap.seq > i.durable.seq {
		i.rewritten(i.shared)
		i.durable, i.shared = *op.snap, op.snap.kept
	}
	f.nameSynced(op.name, i)
	return nil
}

// takeImage is an image to be filled in; one whose sync is over is used again.
func (s *Sim) takeImage() *image {
	if n := len(s.images); n > 0 {
		im := s.images[n-1]
		s.images = s.images[:n-1]
		return im
	}
	return &image{}
}

// nameSynced makes durable that a file had a name when its sync was asked for. A
// rename is atomic: the old name is gone from the disk when the new one is there.
func (f *files) nameSynced(name string, i *inode) {
	if f.cache[name] != i { // it has been renamed or removed since
		if f.disk[name] != nil && f.disk[name] == f.cache[name] {
			return // durably: another has its name
		}
		if len(i.onDisk) > 0 {
			return
		}
	}
	for k := len(i.onDisk) - 1; k >= 0; k-- {
		if other := i.onDisk[k]; f.cache[other] != i {
			f.setDisk(other, nil)
		}
	}
	f.setDisk(name, i)
}

// setDisk has a name mean a file on the disk, or nothing.
func (f *files) setDisk(name string, i *inode) {
	was := f.disk[name]
	if was == i {
		return
	}
	if was != nil {
		was.onDisk = slices.DeleteFunc(was.onDisk, func(x string) bool { return x == name })
	}
	if i == nil {
		delete(f.disk, name)
		return
	}
	f.disk[name] = i
	if i.onDisk == nil {
		i.onDisk = i.first[:0]
	}
	i.onDisk = append(i.onDisk, name)
}
