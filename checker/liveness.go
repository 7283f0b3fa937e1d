package checker

import (
	"fmt"
	"maps"
	"slices"

	"brokersim/checker/history"
)

// Liveness is that what was begun comes to an end. A scenario states it, and the bound
// ([history.Promise.Settle]): for so long no fault is applied or healed and no member comes or
// goes before the reads that end the run. Then
//
//   - every partition that a group subscribes to has an owner;
//   - no transaction whose end was asked for so long before is open in any partition, and the
//     last stable offset has moved on;
//   - a group has committed what it could have read so long before.

// ends takes note of the first of the reads that end the run, and with it of who owns what.
func (c *Checker) ends(e *history.Event) {
	if !e.Fin || c.finI != history.None {
		return
	}
	c.finI, c.finT = e.I, e.T
	if !c.settled(c.disturbed) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		c.complete(c.groups[name], e)
	}
}

// settled reports whether what began at t must have come to its end when the run did.
func (c *Checker) settled(t int64) bool {
	within := c.h.Promise.Settle
	return within > 0 && c.finI != history.None && c.finT-c.disturbed >= within && c.finT-t >= within
}

// complete looks for partitions that a group subscribes to and nobody owns.
func (c *Checker) complete(g *group, e *history.Event) {
	wanted := map[history.TP]bool{}
	for _, m := range g.members { // unordered: a union
		if m.joined {
			for _, tp := range m.wants {
				wanted[tp] = true
			}
		}
	}
	for _, tp := range slices.Sorted(maps.Keys(wanted)) {
		c.looked[lively]++
		if len(g.at(tp).owners) > 0 {
			continue
		}
		c.tell(lively, func() violation {
			v := violation{
				what: fmt.Sprintf("A partition without an owner: at %s nobody in group %s owns %s, although nothing has happened to it since %s.",
					moment(e.T), g.name, c.h.Name(tp), moment(c.disturbed)),
				witness: []witness{c.line(e)},
			}
			if last := g.at(tp).last; last.p != 0 {
				v.witness = append(v.witness, last.by)
			}
			return v
		})
	}
}

// quiet reports the same of a finished history.
func (f *finish) quiet(t int64) bool { return f.c.settled(t) }

// liveness looks for what has not come to its end.
func (f *finish) liveness() {
	for _, p := range f.c.parts {
		if p != nil && p.dump.done {
			f.hanging(p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.c.groups)) {
		g := f.c.groups[name]
		for tp, x := range g.parts {
			if x != nil && x.reg.known && len(x.owners) > 0 {
				f.lag(g, history.TP(tp), x)
			}
		}
	}
}

// hanging looks for transactions that are open at the end of a partition although they have
// ended, and for a last stable offset that has stayed behind.
func (f *finish) hanging(p *part) {
	open := int64(history.None)
	for i, is := range p.fates {
		if is != unended {
			continue
		}
		if open < 0 {
			open = p.batches[i].Base
		}
		n := f.transactionOf(p, &p.batches[i])
		if n == 0 {
			continue
		}
		t := &f.c.txns[n-1]
		at, what := t.asked, "its commit was asked for"
		switch {
		case t.committed.i >= 0:
			at, what = t.committed, "it was committed"
		case t.aborted.i >= 0:
			at, what = t.aborted, "it was aborted"
		}
		if at.i < 0 || !f.quiet(at.t) || t.hung {
			continue
		}
		t.hung = true
		f.looked[lively]++
		f.violated(lively, func() violation {
			return violation{
				what: fmt.Sprintf("A hanging transaction: %s at %s, and no marker has ended its records from %s on; nothing has happened since %s.",
					f.transaction(n)+", "+what, moment(at.t), f.slot(p.tp, p.batches[i].Base), moment(f.c.disturbed)),
				witness: []witness{f.ended(t, at), f.dumpedBatches(p, int32(i))},
			}
		})
	}
	if len(p.fates) == 0 || p.lso < 0 || !f.quiet(f.c.disturbed) {
		return
	}
	f.looked[lively]++
	should := p.dump.next
	if open >= 0 {
		should = open
	}
	if p.lso > should && open >= 0 {
		f.violated(committedReads, func() violation {
			return violation{
				what:    fmt.Sprintf("The last stable offset of %s is %d at the end, above an open transaction at offset %d.", f.c.h.Name(p.tp), p.lso, open),
				witness: []witness{f.dumpedBatches(p, p.batchAt(open))},
			}
		})
	}
	if p.lso < should {
		f.violated(lively, func() violation {
			return violation{
				what: fmt.Sprintf("The last stable offset of %s has stayed at %d: at %s it must be %d, and nothing has happened since %s.",
					f.c.h.Name(p.tp), p.lso, moment(f.c.finT), should, moment(f.c.disturbed)),
				witness: []witness{f.lsoClaim(p)},
			}
		})
	}
}

func (f *finish) lsoClaim(p *part) witness {
	e := f.readEvent(p.dump.by)
	e.At = []history.Claim{{TP: p.tp, From: history.None, End: p.dump.next, LSO: p.lso, Start: history.None, Epoch: history.None}}
	return f.line(e)
}

// lag looks for records that a group could have read long ago and has not committed.
func (f *finish) lag(g *group, tp history.TP, x *claimable) {
	if !f.quiet(f.c.disturbed) {
		return
	}
	p := f.c.part(tp)
	from := max(x.reg.final, 0)
	for _, off := range f.seenBy(g.reader(f.c), p, f.readableIn(p, from, infinite)) {
		n := p.logAt.Get(off)
		if n == 0 {
			continue
		}
		r := f.c.recs.at(n - 1)
		at := max(r.invT, r.ackT)
		if r.x != 0 {
			at = max(at, f.c.txns[r.x-1].committed.t)
		}
		if !f.quiet(at) {
			return
		}
		f.looked[lively]++
		f.violated(lively, func() violation {
			return violation{
				what: fmt.Sprintf("A group has stopped: at %s group %s has committed %s of %s, and %s at offset %d is there since %s.",
					moment(x.reg.finT), g.name, offsetOrNothing(x.reg.final), f.c.h.Name(tp), f.name(r), off, moment(at)),
				witness: []witness{f.sent(r), f.line(&history.Event{I: f.c.finI, T: f.c.finT, E: history.Inv, F: history.OffsetFetch, Group: g.name, Fin: true})},
			}
		})
		return
	}
	f.looked[lively]++
}

// offsetOrNothing is what is committed, in a sentence.
func offsetOrNothing(off int64) string {
	if off < 0 {
		return "nothing"
	}
	return fmt.Sprintf("offset %d", off)
}
