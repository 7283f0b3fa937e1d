package scenario

import "brokersim/checker/history"

// eaten remembers which disks may have lost bytes that they had synced. Under a flush
// policy that has an acknowledgement wait for the disk a loss of power takes nothing
// that was acknowledged, and excuses nothing: only such a disk does.
type eaten struct {
	// Of each broker: something has happened, or is so until it is ended, that the
	// next start after a loss of power, or of the disk, will show.
	once  []bool
	lasts []lasting

	// By partition: the hull of the offsets that such disks have lost.
	lost []missing
}

// lasting is a set of faults that last, each of which may end before another.
type lasting uint8

const (
	lies lasting = 1 << iota
	misdirects
	failsSyncs

	nothingLasts lasting = 0
)

func (e *eaten) init(brokers, partitions int) {
	e.once, e.lasts = make([]bool, brokers), make([]lasting, brokers)
	e.lost = make([]missing, partitions)
}

// bites notes that a disk fault takes what was synced: at once, or for as long as it
// lasts as well.
func (c *cluster) bites(node string, lasts lasting) {
	if i := c.place(node); i >= 0 {
		c.eaten.once[i] = true
		c.eaten.lasts[i] |= lasts
	}
}

// mended notes the end of what lasts. It may show at the next loss of power.
func (c *cluster) mended(node string, ends lasting) {
	if i := c.place(node); i >= 0 {
		c.eaten.lasts[i] &^= ends
	}
}

// shown is told what a broker has recovered of a partition. It reports whether its
// disk may have lost what it had synced.
func (e *eaten) shown(i, k int, had, has int64) bool {
	if !e.once[i] || has >= had {
		return e.once[i]
	}
	m := &e.lost[k]
	if m.until <= m.from {
		*m = missing{from: has, until: had}
	} else {
		m.from, m.until = min(m.from, has), max(m.until, had)
	}
	return true
}

// recovered is told that a broker has recovered everything.
func (e *eaten) recovered(i int) { e.once[i] = e.lasts[i] != nothingLasts }

// noteNoCopy tells the history what is on no disk any more.
func (c *cluster) noteNoCopy(k int, from, until int64) {
	note := func(from, until int64, synced bool) {
		if from < until {
			c.r.rec.Event(&history.Event{E: history.Note, F: history.NoCopy, TP: history.TP(k), Offset: from, Until: until, Synced: synced})
		}
	}
	note(from, until, false)
	m := c.eaten.lost[k]
	note(max(from, m.from), min(until, m.until), true)
}

// Faults of disks that can take what was synced.

// BitRot flips a bit on the disk.
func (w world) BitRot(node, files string) {
	w.cluster.bites(node, nothingLasts)
	w.Sim.BitRot(node, files)
}

// LatentError leaves a sector that cannot be read.
func (w world) LatentError(node, files string) {
	w.cluster.bites(node, nothingLasts)
	w.Sim.LatentError(node, files)
}

// LieOnSync has syncs keep nothing.
func (w world) LieOnSync(node string, on bool) {
	w.lasting(node, lies, on)
	w.Sim.LieOnSync(node, on)
}

// MisdirectWrites has a power loss put a sector over another.
func (w world) MisdirectWrites(node string, on bool) {
	w.lasting(node, misdirects, on)
	w.Sim.MisdirectWrites(node, on)
}

// FailSyncs has syncs fail. What the page cache holds of such a file is taken for
// synced from then on, until the power is lost.
func (w world) FailSyncs(node, files string, on bool) {
	if on { // off may be of other files than what fails: MendDisk ends it for certain
		w.cluster.bites(node, failsSyncs)
	}
	w.Sim.FailSyncs(node, files, on)
}

// MendDisk ends what lasts.
func (w world) MendDisk(node string) {
	w.cluster.mended(node, lies|misdirects|failsSyncs)
	w.Sim.MendDisk(node)
}

func (w world) lasting(node string, what lasting, on bool) {
	if on {
		w.cluster.bites(node, what)
	} else {
		w.cluster.mended(node, what)
	}
}
