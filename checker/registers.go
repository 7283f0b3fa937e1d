package checker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"brokersim/checker/history"
)

// What is committed of one partition by one group is a register, and each commit has a tag of
// its own, so that a fetch says which commit it has read. Gibbons and Korach (1997) decide such
// a register without a search. All that is known of one value, its write and its reads, is a
// zone: from the first completion to the last invocation. If that is forward in time then the
// value was there throughout; if it is backward, the value was there at some moment of it. The
// register is linearizable if and only if no two forward zones overlap, no backward one lies
// within a forward one, and nothing is read before it is written.
//
// A commit of unknown outcome may be written at any later time, or never. So may one that is
// part of a transaction, by what a fetch says that does not wait for transactions under way;
// for one that does, it has ended when its transaction has (KIP-447).

// stretch is the zone of one commit.
type stretch struct {
	n      int32 // index into Checker.commits
	lo, hi int64
}

// groups judges what each group has committed and finished with.
func (f *finish) groups() {
	for _, name := range slices.Sorted(maps.Keys(f.c.groups)) {
		g := f.c.groups[name]
		for tp, x := range g.parts {
			if x == nil {
				continue
			}
			if len(x.reg.list) > 0 {
				f.register(&x.reg)
			}
			f.unfinished(g, history.TP(tp), x)
		}
	}
}

// register holds one register to the test, once for each time that its coordinator has lost
// what it had.
func (f *finish) register(reg *register) {
	which := 0
	if reg.txn {
		which = 1 // fetches that do not wait prove nothing of transactions
		for _, n := range reg.list {
			f.dirtyOffsets(n)
		}
	}
	for era := int64(0); era <= reg.era; era++ {
		f.zones(reg, era, which)
	}
}

// written is when a commit was asked for, and when it was certainly written: infinite if
// nobody knows that it was. It is none at all if it certainly was not.
func (f *finish) written(m *commit) (from, until int64, any bool) {
	from, until = m.asked.i, infinite
	switch {
	case m.tag == history.None && m.off == history.None: // what nobody wrote
		return history.None, history.None, true
	case m.state == failed:
		return 0, 0, false
	case m.x == 0:
		if m.state == acked {
			until = m.end.i
		}
		return from, until, true
	}
	t := &f.c.txns[m.x-1]
	from = max(from, t.asked.i)
	switch t.ending() {
	case unasked, isAborted:
		return 0, 0, false
	case isCommitted:
		if m.state == acked {
			until = t.committed.i
		}
	}
	return from, until, true
}

func (f *finish) zones(reg *register, era int64, which int) {
	var forward, backward []stretch
	c := f.c
	for _, n := range reg.list {
		m := &c.commits[n]
		if m.era != era {
			continue
		}
		z := m.reads[which]
		from, until, any := f.written(m)
		if !any {
			f.readOfNothing(m, z)
			continue
		}
		if z.first == 0 && until == infinite {
			continue // it may never have been written
		}
		f.looked[commitRegister]++
		if z.first != 0 {
			if c.reads[z.first-1].i < from {
				f.violated(commitRegister, func() violation {
					return f.sayFetch("A committed offset before its time: %s reads offset %d of %s of group %s, and nobody had asked yet for that to take effect.", z.first-1, m)
				})
			}
			until, from = min(until, c.reads[z.first-1].i), max(from, c.reads[z.last-1].invI)
		}
		if until < from {
			forward = append(forward, stretch{n, until, from})
		} else {
			backward = append(backward, stretch{n, from, until})
		}
	}
	byLow := func(a, b stretch) int { return cmp.Compare(a.lo, b.lo) }
	slices.SortStableFunc(forward, byLow)
	slices.SortStableFunc(backward, byLow)
	told := map[int32]bool{}
	for i := 1; i < len(forward); i++ {
		if a, b := forward[i-1], forward[i]; b.lo < a.hi {
			told[a.n] = true
			f.back(&c.commits[a.n], &c.commits[b.n], which)
		}
	}
	for _, b := range slices.Backward(backward) { // the last says it best
		i, _ := slices.BinarySearchFunc(forward, b.lo, func(a stretch, lo int64) int { return cmp.Compare(a.lo, lo) })
		if i == 0 {
			continue
		}
		if a := forward[i-1]; b.hi < a.hi && !told[a.n] {
			told[a.n] = true
			f.back(&c.commits[a.n], &c.commits[b.n], which)
		}
	}
}

// dirtyOffsets looks for fetches that have read what a transaction that was not committed had
// to commit.
func (f *finish) dirtyOffsets(n int32) {
	m := &f.c.commits[n]
	if m.x == 0 || m.state == failed {
		return
	}
	f.looked[atomic]++
	z := m.reads[0]
	if z.first == 0 {
		return
	}
	t := &f.c.txns[m.x-1]
	if end := t.ending(); end == isAborted || end == unasked {
		f.torn(m.x, func() violation {
			v := f.sayFetch("Offsets of a transaction that was not committed: %s reads offset %d of %s of group %s.", z.first-1, m)
			if t.aborted.i >= 0 {
				v.witness = append(v.witness, f.ended(t, t.aborted))
			}
			return v
		})
	}
}

// readOfNothing is for fetches that have read what certainly was not written. Of a transaction
// dirtyOffsets tells.
func (f *finish) readOfNothing(m *commit, z zone) {
	if z.first == 0 || m.x != 0 && m.state != failed {
		return
	}
	f.violated(commitRegister, func() violation {
		return f.sayFetch("A commit that certainly failed took effect: %s reads offset %d of %s of group %s.", z.first-1, m)
	})
}

// fetch is one that has read a commit.
func (f *finish) fetch(by int32, m *commit) witness {
	x := f.c.reads[by]
	return f.line(&history.Event{I: x.i, T: x.t, E: x.e, F: x.f, ID: x.op, P: x.p, Group: m.group.name,
		Offs: []history.Committed{{TP: m.tp, Offset: m.off, Tag: m.tag}}})
}

// fetchAsked is its invocation.
func (f *finish) fetchAsked(by int32, m *commit) witness {
	x := f.c.reads[by]
	return f.line(&history.Event{I: x.invI, T: x.invT, E: history.Inv, F: x.f, ID: x.op, P: x.p, Group: m.group.name, TPs: []history.TP{m.tp}})
}

func (f *finish) sayFetch(what string, by int32, m *commit) violation {
	return violation{
		what:    fmt.Sprintf(what, f.reader(by), m.off, f.c.h.Name(m.tp), m.group.name),
		witness: []witness{f.c.committed(m), f.fetch(by, m)},
	}
}

// back reports that a fetch has read a, although b had taken its place before it began.
func (f *finish) back(a, b *commit, which int) {
	f.violated(commitRegister, func() violation {
		c := f.c
		late, seen := a.reads[which].last-1, b.reads[which].first-1
		if late < 0 { // a was only written
			a, b = b, a
			late, seen = a.reads[which].last-1, b.reads[which].first-1
		}
		_, until, _ := f.written(b)
		v := violation{witness: []witness{c.committed(b)}}
		before := ""
		switch {
		case seen < 0 || until < c.reads[seen].i:
			end := b.end
			if b.x != 0 && c.txns[b.x-1].committed.i >= 0 {
				t := &c.txns[b.x-1]
				end = t.committed
				v.witness = append(v.witness, f.ended(t, end))
			}
			before = fmt.Sprintf("the commit of offset %d had been acknowledged at %s", b.off, moment(end.t))
		case b.off < 0:
			before = fmt.Sprintf("%s had found nothing", f.reader(seen))
			v.witness[0] = f.fetch(seen, b)
		default:
			before = fmt.Sprintf("%s had read offset %d", f.reader(seen), b.off)
			v.witness = append(v.witness, f.fetch(seen, b))
		}
		if late < 0 {
			v.what = fmt.Sprintf("What is committed of %s by group %s is in no order: offset %d, and %s.", c.h.Name(a.tp), a.group.name, a.off, before)
			return v
		}
		v.what = fmt.Sprintf("A committed offset is lost: %s reads %s of %s of group %s, although %s, before it began.",
			f.reader(late), offsetOrNothing(a.off), c.h.Name(a.tp), a.group.name, before)
		v.witness = append(v.witness, f.fetchAsked(late, a), f.fetch(late, a))
		if a.off >= 0 {
			v.witness = append(v.witness, c.committed(a))
		}
		return v
	})
}

// committedTo is how far a group says that it has come in a partition, or None.
func (x *claimable) committedTo(c *Checker) int64 {
	if !x.settled {
		x.to, x.settled = x.committedAt(c), true
	}
	return x.to
}

func (x *claimable) committedAt(c *Checker) int64 {
	switch {
	case x.reg.known:
		return x.reg.final
	case x.reg.txn:
		at := int64(history.None)
		for _, n := range x.reg.list {
			m := &c.commits[n]
			if m.state == acked && (m.x == 0 || c.txns[m.x-1].ending() == isCommitted) {
				at = max(at, m.off)
			}
		}
		return at
	case x.reg.most >= 0:
		return c.commits[x.reg.most].off
	}
	return history.None
}

// unfinished looks for records that a group has left behind: what it has committed says that
// they are done, and none of its members has finished with them.
func (f *finish) unfinished(g *group, tp history.TP, x *claimable) {
	until := x.committedTo(f.c)
	if !x.working || x.from == history.None || until <= x.from || x.reg.rewound >= 0 {
		return
	}
	p := f.c.part(tp)
	first, n := int64(history.None), int64(0)
	for _, off := range f.seenBy(g.reader(f.c), p, f.readableIn(p, x.from, until)) {
		f.looked[skips]++
		if x.finished.Get(off) > 0 {
			continue
		}
		f.c.ledger.Skipped++
		if f.c.rules.early && !f.c.rules.strict[NoSkip] || f.movedOver(g, tp, off) || f.excused(skips, p, off, off+1, f.beganAt(p, off)) {
			continue
		}
		if n == 0 {
			first = off
		}
		n++
	}
	if n > 0 {
		f.violated(skips, func() violation { return f.sayUnfinished(g, tp, x, p, first, n, until) })
	}
}

// reader is a member that shows by what isolation level the group reads.
func (g *group) reader(c *Checker) *process {
	for _, p := range slices.Sorted(maps.Keys(g.members)) {
		if x := c.procs[p]; x != nil && x.rc {
			return x
		}
	}
	return &process{}
}

// movedOver reports whether some member was moved over an offset by auto.offset.reset, or
// seen to jump it, which is reported.
func (f *finish) movedOver(g *group, tp history.TP, off int64) bool {
	for p := range g.members { // unordered: whether any was
		x := f.c.procs[p]
		if x != nil && int(tp) < len(x.pos) && x.pos[tp] != nil &&
			slices.ContainsFunc(x.pos[tp].moved, func(s span) bool { return s.overlaps(off, off+1) }) {
			return true
		}
	}
	return false
}

func (f *finish) sayUnfinished(g *group, tp history.TP, x *claimable, p *part, first, n, until int64) violation {
	m := p.readAt.Get(first)
	if m == 0 {
		m = p.ackAt.Get(first)
	}
	r := f.c.recs.at(m - 1)
	v := violation{what: fmt.Sprintf("Group %s committed offset %d of %s and never finished with %d record(s) below it; the first is %s at offset %d.",
		g.name, until, f.c.h.Name(tp), n, f.name(r), first)}
	if r.seen == first {
		v.witness = append(v.witness, f.readAt(r.seenBy, tp, first, r.value))
	} else if r.state == acked {
		v.witness = append(v.witness, f.ack(r))
	}
	for _, n := range x.reg.list {
		if m := &f.c.commits[n]; m.off > first && m.state == acked {
			v.witness = append(v.witness, f.c.committed(m))
			break
		}
	}
	return v
}
