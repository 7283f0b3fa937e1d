package sim

import "brokersim/broker/machine"

// sector is what a disk writes at once.
const sector = 512

// reorder leaves some of the un-synced sectors of a file, and of the others what
// was on the disk before, or nothing. The file ends with the last that was kept. It
// returns how many before that were not.
func (i *inode) reorder(draw machine.Draw) (holes int64) {
	out, lost := i.image.prefix(i.shared), int64(0)
	for from := i.shared; from < i.size; {
		to := min((from/sector+1)*sector, i.size)
		if draw.With(uint64(from/sector)).N(2) == 0 {
			lost++
		} else {
			holes += lost
			lost = 0
			i.fill(&out, from)
			out.appendLiteral(i.read(from, to-from).AppendTo(nil))
		}
		from = to
	}
	i.image = out
	return holes
}

// fill appends to an image of the file what a disk holds where nothing was written
// since the last sync: what was there before, and zeros.
func (i *inode) fill(im *image, to int64) {
	if old := min(to, i.durable.size); old > im.size {
		im.appendLiteral(i.durable.read(im.size, old-im.size).AppendTo(nil))
	}
	if to > im.size {
		im.appendLiteral(make([]byte, to-im.size))
	}
}

// tail is what a file held when the power was lost.
type tail struct {
	file   *inode
	held   image
	synced int64 // of that; the rest was being written
	loss   *Loss
}

// sectors is how many sectors were being written.
func (t *tail) sectors() int64 { return sectorsOf(t.held.size) - t.synced/sector }

func sectorsOf(size int64) int64 { return (size + sector - 1) / sector }

// misdirect puts one of the sectors that were being written over one of all that
// are left, and has where it belonged be as before it.
func misdirect(tails []tail, names []string, left map[string]*inode, losses []Loss, draw machine.Draw) {
	var writes, places uint64
	for i := range tails {
		writes += uint64(tails[i].sectors())
	}
	for _, name := range names {
		if i := left[name]; i != nil {
			places += uint64(sectorsOf(i.size))
		}
	}
	if writes == 0 || places == 0 {
		return
	}
	t, from := nthWrite(tails, int64(draw.Of("which").N(writes)))
	written := t.held.read(from, min(sector, t.held.size-from)).AppendTo(nil)
	if to := min(from+sector, t.file.size); to > max(from, t.synced) {
		t.file.takeBack(from, to)
		t.loss.Holes++
	}
	n := int64(draw.Of("where").N(places))
	for k, name := range names {
		i := left[name]
		if i == nil {
			continue
		}
		if have := sectorsOf(i.size); n >= have {
			n -= have
			continue
		}
		at := n * sector
		written = written[:min(int64(len(written)), i.size-at)]
		i.image = i.image.overwritten(at, written)
		losses[k].Overwrites = int64(len(written))
		return
	}
}

// nthWrite is the n-th of all sectors that were being written, and where it begins.
func nthWrite(tails []tail, n int64) (*tail, int64) {
	for i := range tails {
		t := &tails[i]
		if n < t.sectors() {
			return t, (t.synced/sector + n) * sector
		}
		n -= t.sectors()
	}
	panic("sim: more writes than there are")
}

// takeBack has a range be as before it was written, after the power was lost.
func (i *inode) takeBack(from, to int64) {
	old := image{size: from}
	i.fill(&old, to)
	i.image = i.image.overwritten(from, old.read(from, to-from).AppendTo(nil))
}
