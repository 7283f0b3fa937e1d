package sim

import (
	"maps"
	"slices"

	"brokersim/broker/machine"
)

// Loss is what one file of a node lost with the power.
type Loss struct {
	At      machine.Instant
	Node    string
	File    string
	Written int64 // length before
	Durable int64 // of that, what had been synced and not touched since: kept but for a misdirected write, a flaw, a wipe
	Kept    int64 // length after
	Garbled bool  // the last bytes that were kept are not those that were written

	Holes      int64 // un-synced sectors that were lost though later ones were kept
	Overwrites int64 // bytes that a misdirected write has put over whatever was there
	Rotten     bool  // a flaw of the disk has come to light
	Wiped      bool  // not a power loss: the disk was found empty
}

// differs reports whether a file is otherwise than its node saw it.
func (l *Loss) differs() bool {
	return l.Garbled || l.Rotten || l.Kept != l.Written || l.Holes > 0 || l.Overwrites > 0
}

// Losses are all files that a power loss, or a wipe, left otherwise than their
// node saw them, in order of time, node and name.
func (s *Sim) Losses() []Loss { return slices.Clone(s.losses) }

// losePower leaves on the disk, and in the cache, what a power loss leaves: of
// each file what was synced and a part of the rest, of each name what was synced
// or what it came to mean since. Draws are by node, file and how often the node
// has lost power.
func (f *files) losePower() {
	f.era++
	f.powerLosses++
	f.waiting = nil
	f.lostPower()
	draw := machine.NewDraw(f.s.cfg.Seed, "power-loss").With(uint64(f.node.cfg.ID)).With(f.powerLosses)
	names := f.names()
	left := f.namesLeft(names, draw)
	losses := make([]Loss, len(names))
	tails := make([]tail, 0, len(names))
	for k, name := range names {
		loss := &losses[k]
		*loss = Loss{At: f.s.now, Node: f.node.cfg.Name, File: name}
		if was := f.cache[name]; was != nil {
			loss.Written, loss.Durable = was.size, was.shared
		}
		if is := left[name]; is != nil && is.shared < is.size {
			tails = append(tails, tail{is, is.image, is.shared, loss})
		}
	}
	for k, name := range names {
		if is := left[name]; is != nil {
			is.losePower(f, draw.Of(name), &losses[k])
		}
	}
	if d := draw.Of("misdirected"); f.happens(f.faults.misdirects, f.s.cfg.MisdirectedWrites, d) {
		misdirect(tails, names, left, losses, d)
	}
	f.used = 0
	for k, name := range names {
		if i := left[name]; i != nil {
			i.settle(&losses[k])
			f.used += i.size
		}
		if losses[k].differs() || f.cache[name] != left[name] {
			f.s.losses = append(f.s.losses, losses[k])
		}
	}
	for _, i := range left { // unordered: each by itself
		i.onDisk = nil
	}
	f.cache, f.disk = left, make(map[string]*inode, len(left))
	for _, name := range names {
		if i := left[name]; i != nil {
			f.setDisk(name, i)
		}
	}
}

// happens reports whether a disk does what a fault has it do for certain, and the
// world's configuration with a chance.
func (f *files) happens(certain bool, chance machine.Threshold, d machine.Draw) bool {
	return certain || chance > 0 && f.s.drawn(d).Below(chance)
}

// names are those of all files that the node sees or would see after a power loss.
func (f *files) names() []string {
	names := slices.Collect(maps.Keys(f.cache)) // unordered: sorted below
	for name := range f.disk {                  // unordered: sorted below
		if f.cache[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// namesLeft is what the names mean after a power loss. What was not synced may
// have reached the disk or not, each name on its own, but a rename is atomic.
func (f *files) namesLeft(names []string, draw machine.Draw) map[string]*inode {
	left := make(map[string]*inode)
	for _, name := range names {
		i := f.disk[name]
		if now := f.cache[name]; now != i && f.s.drawn(draw.Of("name").Of(name)).N(2) == 0 {
			i = now
		}
		if i != nil {
			left[name] = i
		}
	}
	for _, from := range names {
		i := f.disk[from]
		if i == nil || f.cache[from] == i {
			continue
		}
		for _, to := range names {
			switch {
			case f.cache[to] != i:
			case left[from] == i && left[to] == i:
				delete(left, from)
			case left[from] != i && left[to] != i:
				left[to] = i
			}
		}
	}
	return left
}

// losePower leaves of a file what was synced and a part of what was written since.
func (i *inode) losePower(f *files, draw machine.Draw, loss *Loss) {
	s := f.s
	if i.shared < i.durable.size && s.drawn(draw.Of("truncation")).N(2) == 0 {
		i.image = i.durable.prefix(i.durable.size) // it has not reached the disk
		return
	}
	kept := i.size
	if unsynced := i.size - i.shared; unsynced > 0 {
		switch how := s.drawn(draw.Of("tail")); how.N(4) {
		case 0:
			kept = i.shared
		case 1: // all of it had been written back
		default:
			kept = i.shared + int64(how.Of("length").N(uint64(unsynced)+1))
		}
	}
	if how := draw.Of("reordered"); i.shared < i.size && f.happens(f.faults.reorders, s.cfg.ReorderedSectors, how) {
		loss.Holes = i.reorder(how)
	} else {
		i.image = i.image.prefix(kept)
	}
	i.rewritten(i.shared)
	if how := draw.Of("garbled"); i.size > i.shared && s.drawn(how).N(4) == 0 {
		i.garble(max(i.shared, (i.size-1)/sector*sector), how)
		loss.Garbled = true
	}
}

// settle has what a file holds be what its disk holds, flaws and all.
func (i *inode) settle(loss *Loss) {
	loss.Rotten = i.uncover()
	loss.Kept = i.size
	i.durable, i.shared, i.syncing, i.poisoned = i.image, i.size, nil, false
	i.resident = make([]bool, (i.size+blockSize-1)/blockSize)
}

// garble replaces every byte from an offset on by another.
func (i *inode) garble(from int64, draw machine.Draw) {
	b := i.read(from, i.size-from).AppendTo(nil)
	for k := range b {
		b[k] ^= byte(1 + draw.With(uint64(k)).N(255))
	}
	i.image = i.image.prefix(from)
	i.appendLiteral(b)
}
