package sim

import (
	"maps"
	"slices"

	"brokersim/broker/machine"
)

// flaw is a range of a file that its disk does not hold well, until it is written
// again: a byte that is not what was written, or a sector that cannot be read. What
// the page cache holds of it is well, so that it shows only when it is read from the
// disk: after a power loss, or at once if it was not resident.
type flaw struct {
	from, to int64
	latent   bool // it cannot be read
	is       byte // what the disk holds, if it can
	covered  bool // by the page cache
}

// BitRot flips a bit of a byte that is on a node's disk: one of all durable bytes of
// the files that a pattern means, as [Sim.FailAppends] has it. The page cache keeps
// what was written: the node sees the flip when it reads from the disk, after a
// power loss. Draws are by node, pattern and how often they had a fault before.
func (s *Sim) BitRot(name, files string) {
	s.blow(name, "bit-rot", files, func(i *inode, at int64, d machine.Draw) flaw {
		was := i.durable.read(at, 1).Contiguous()[0]
		for _, old := range i.flaws {
			if !old.latent && old.from == at {
				was = old.is
			}
		}
		return flaw{from: at, to: at + 1, is: was ^ 1<<d.Of("bit").N(8)}
	})
}

// LatentError has a sector of a node's disk fail to be read with machine.ErrIO, until
// it is written again. It is found like the byte of [Sim.BitRot], and like that one
// it does not show while the page cache holds it.
func (s *Sim) LatentError(name, files string) {
	s.blow(name, "latent-error", files, func(i *inode, at int64, _ machine.Draw) flaw {
		from := at / sector * sector
		return flaw{from: from, to: min(from+sector, i.durable.size), latent: true}
	})
}

// blow draws one of the durable bytes of some files and has it or its surroundings
// become a flaw.
func (s *Sim) blow(name, what, pattern string, flawAt func(i *inode, at int64, d machine.Draw) flaw) {
	f := s.node(name).files
	d := machine.NewDraw(s.cfg.Seed, what).With(uint64(f.node.cfg.ID)).Of(pattern)
	d = s.drawn(d.With(uint64(f.blows.next(d.Uint64()))))
	i, at, ok := f.durableByte(pattern, d)
	if !s.apply(ok) {
		return
	}
	x := flawAt(i, at, d)
	if x.covered = i.isResident(at); !x.covered && at < i.shared {
		i.show(x)
	}
	i.flaws = append(i.flaws, x)
	i.cover(i.shared) // what was truncated since is read from the page cache only
}

// durableByte draws one of the durable bytes of the files that a pattern means.
func (f *files) durableByte(pattern string, d machine.Draw) (*inode, int64, bool) {
	var total int64
	var meant []*inode
	for _, name := range slices.Sorted(maps.Keys(f.disk)) {
		if i := f.disk[name]; matches(pattern, name) && !slices.Contains(meant, i) {
			meant = append(meant, i)
			total += i.durable.size
		}
	}
	at := int64(d.N(uint64(total)))
	for _, i := range meant {
		if at < i.durable.size {
			return i, at, true
		}
		at -= i.durable.size
	}
	return nil, 0, false
}

// isResident reports whether the page cache holds a byte.
func (i *inode) isResident(at int64) bool {
	b := at / blockSize
	return b >= int64(len(i.resident)) || i.resident[b]
}

// show has a flaw be what is read.
func (i *inode) show(x flaw) {
	if !x.latent {
		i.image = i.image.overwritten(x.from, []byte{x.is})
	}
}

// unreadable reports whether a part of a range cannot be read.
func (i *inode) unreadable(off, n int64) bool {
	for _, x := range i.flaws {
		if x.latent && !x.covered && x.from < off+n && off < x.to {
			return true
		}
	}
	return false
}

// cover has the page cache hold what a file holds from an offset on: nothing yet,
// after a truncation, and what will be appended.
func (i *inode) cover(from int64) {
	for k := range i.flaws {
		x := &i.flaws[k]
		switch {
		case x.covered || x.to <= from:
		case x.from >= from:
			x.covered = true
		default: // before it can be looked at again
			rest := *x
			x.to, rest.from, rest.covered = from, from, true
			i.flaws = append(i.flaws, rest)
		}
	}
}

// rewritten has the disk hold well what a file holds from an offset on.
func (i *inode) rewritten(from int64) {
	i.flaws = slices.DeleteFunc(i.flaws, func(x flaw) bool { return x.from >= from })
	for k := range i.flaws {
		i.flaws[k].to = min(i.flaws[k].to, from)
	}
}

// uncover has all flaws show that the file still has, and reports whether there was
// one that the page cache had covered.
func (i *inode) uncover() (news bool) {
	i.rewritten(i.size)
	for k := range i.flaws {
		x := &i.flaws[k]
		news = news || x.covered
		x.covered = false
		i.show(*x)
	}
	return news
}

// overwritten is an image with other bytes from an offset on. Nothing that shares
// its extents changes.
func (im image) overwritten(off int64, b []byte) image {
	out := im.prefix(off)
	out.appendLiteral(b)
	out.append(im.read(out.size, im.size-out.size))
	return out
}
