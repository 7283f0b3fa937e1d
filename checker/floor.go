package checker

import (
	"slices"
	"sort"

	"brokersim/checker/history"
)

// proof says that from event i on the log was known to reach end. by is the
// record whose acknowledgement showed it, or ^ the read that did.
type proof struct {
	i, end int64
	by     int32
}

// epochFloor is what was proven within one leader epoch. A fact whose epoch is
// certain is in same; loose holds facts of this epoch or an earlier one.
type epochFloor struct {
	epoch       int32
	same, loose []proof
	stable      []proof // last stable offsets that its leader showed
	own         int64   // the lowest offset that certainly holds a record of this epoch; None if unknown
}

// raise adds a proof if it proves more. Where no operation began since the
// last one, nobody can have been held to that, and it is replaced.
func (c *Checker) raise(list []proof, i, end int64, by int32) []proof {
	if n := len(list); n > 0 {
		if end <= list[n-1].end {
			return list
		}
		if list[n-1].i > c.lastInv {
			list[n-1] = proof{i, end, by}
			return list
		}
	}
	if len(list) == cap(list) && len(list) >= 256 {
		list = c.prune(list)
	}
	return append(list, proof{i, end, by})
}

// prune drops the proofs that no read under way can be held to any more.
func (c *Checker) prune(list []proof) []proof {
	oldest := c.cur.I
	for _, o := range c.ops { // unordered: a minimum
		if o.reads {
			oldest = min(oldest, o.i)
		}
	}
	n := sort.Search(len(list), func(k int) bool { return list[k].i >= oldest })
	if n = max(n-1, 0); n < len(list)/2 {
		return list
	}
	return append(list[:0], list[n:]...)
}

// before returns the last proof that stood before event i.
func before(list []proof, i int64) (proof, bool) {
	n := sort.Search(len(list), func(k int) bool { return list[k].i >= i })
	if n == 0 {
		return proof{}, false
	}
	return list[n-1], true
}

// epoch returns the floor of a leader epoch.
func (p *part) epoch(e int32) *epochFloor {
	n, ok := slices.BinarySearchFunc(p.epochs, e, func(f epochFloor, e int32) int { return int(f.epoch) - int(e) })
	if !ok {
		p.epochs = slices.Insert(p.epochs, n, epochFloor{epoch: e, own: history.None})
	}
	return &p.epochs[n]
}

// showsRead takes a completed read in epoch e as proof that the log reaches end.
func (c *Checker) showsRead(p *part, e int32, end int64) {
	if end <= 0 {
		return
	}
	p.whole = c.raiseByRead(p.whole, end)
	if e >= 0 {
		f := p.epoch(e)
		f.same = c.raiseByRead(f.same, end)
		return
	}
	f := p.epoch(max(p.maxEpoch, 0))
	f.loose = c.raiseByRead(f.loose, end)
}

func (c *Checker) raiseByRead(list []proof, end int64) []proof {
	if n := len(list); n > 0 && end <= list[n-1].end {
		return list // nothing new, and no reason to remember the read
	}
	return c.raise(list, c.cur.I, end, ^c.read())
}

// showsAck takes an acknowledgement as the same proof. Only acks=all proves
// anything: with less the acknowledgement precedes the high watermark. Its
// epoch is not on the wire. It is no lower than what had answered a reader
// before the send began, since that leader had stopped following any other; it
// is no higher than what was announced by now.
func (c *Checker) showsAck(p *part, n int32, r *record) {
	if !c.rules.acksAll {
		return
	}
	end := r.off + 1
	p.whole = c.raise(p.whole, c.cur.I, end, n)
	f := p.epoch(max(p.maxEpoch, 0))
	if r.lo == p.maxEpoch && r.lo >= 0 {
		f.same = c.raise(f.same, c.cur.I, end, n)
		if f.own == history.None || r.off < f.own {
			f.own = r.off
		}
		return
	}
	f.loose = c.raise(f.loose, c.cur.I, end, n)
}

// holdAppend compares the offset of an append with the whole floor that stood
// when its send began.
func (c *Checker) holdAppend(p *part, n int32, r *record, off int64) {
	if !c.rules.acksAll || r.floor == 0 {
		return
	}
	c.looked[stale]++
	if off < r.floor {
		c.behind = append(c.behind, behind{tp: p.tp, rec: n, off: off, proof: proof{end: r.floor, by: r.floorBy}, by: c.curRead, append: true})
	}
}

// holdClaim compares the end that a broker claimed in answer to an operation
// that began at event inv with what was proven before it: see the package
// documentation for which proofs a claim is held to.
func (c *Checker) holdClaim(p *part, cl *history.Claim, end, inv int64, list bool) {
	whole, ok := before(p.whole, inv)
	if c.rules.strict[NoStaleEnd] {
		if ok {
			c.looked[stale]++
		}
		if ok && end < whole.end {
			c.stale(p, cl, end, whole)
		}
		return
	}
	if cl.Epoch < 0 {
		if ok && end < whole.end {
			c.ledger.StaleReads++
		}
		return
	}
	var same, early proof
	own := int64(history.None)
	for i := range p.epochs {
		f := &p.epochs[i]
		if f.epoch > cl.Epoch {
			break
		}
		if x, ok := before(f.loose, inv); ok && x.end > early.end {
			early = x
		}
		x, ok := before(f.same, inv)
		switch {
		case f.epoch == cl.Epoch:
			same, own = x, f.own
		case ok && x.end > early.end:
			early = x
		}
	}
	held := same
	if early.end > held.end && (list || own != history.None && end > own) {
		held = early
	}
	if held.end > 0 {
		c.looked[stale]++
	}
	switch {
	case end < held.end:
		c.stale(p, cl, end, held)
	case ok && end < whole.end:
		c.ledger.StaleReads++
	}
}

func (c *Checker) stale(p *part, cl *history.Claim, end int64, f proof) {
	c.behind = append(c.behind, behind{tp: p.tp, rec: history.None, off: end, proof: f, by: c.read(), epoch: cl.Epoch})
}

// behind is an operation that lacks what was proven before it began: an append
// at off, or a claim that the log ends at off.
type behind struct {
	tp     history.TP
	rec    int32 // of an append
	off    int64
	proof  proof
	by     int32 // of a claim: the read that made it; of an append: the read that saw it, or None for its acknowledgement
	epoch  int32
	append bool
}
