package checker

import "brokersim/checker/history"

// conflict is two records at one offset.
type conflict struct {
	tp   history.TP
	off  int64
	a, b int32 // a was there before b
	kind conflictKind
	by   int32 // the read that showed b, or a if b was acknowledged later
}

type conflictKind uint8

const (
	readRead conflictKind = iota
	ackRead               // a was acknowledged, b was read
	ackAck
)

// double is one record at a second offset.
type double struct {
	rec   int32
	off   int64
	by    int32
	inLog bool
}

// sighting is a record that should not have been seen.
type sighting struct {
	rec int32
	tp  history.TP
	off int64
	by  int32
}

// dump is the final read of one partition, which may come in several pieces.
type dump struct {
	begun       bool
	done        bool
	start       int64 // log start offset
	from, next  int64 // what the pieces cover without a gap
	first, last int64 // event numbers at which the first and last piece were asked for
	by          int32 // the last piece
}

// covers reports whether the final read would have shown the slot at off.
func (d *dump) covers(off int64) bool { return d.done && off >= d.from && off < d.next }

func (c *Checker) readEnds(e *history.Event) {
	o, known := c.ops[e.ID]
	delete(c.ops, e.ID)
	if known {
		c.asked = o
	} else {
		o = op{} // as if it had been asked before all else: then nothing is held against it
	}
	c.curRC = c.isolated(e)
	fin := e.F == history.Dump && (e.Fin || o.fin) && e.E == history.OK && !c.curRC
	if e.F == history.Poll {
		c.process(e.P).reads = true
	}
	for k := range e.Runs {
		run := &e.Runs[k]
		p := c.part(run.TP)
		for j := range run.Records {
			c.saw(p, &run.Records[j], fin)
			if c.rules.strict[Retention] {
				c.stamp(p, &run.Records[j])
			}
		}
		if c.h.Set.Compacted && e.F == history.Poll && c.compacted(run.TP) {
			c.sawKeys(run, epochIn(e, run.TP))
		}
		if e.F == history.Poll {
			c.ledger.Delivered += int64(len(run.Records))
		}
	}
	if e.E != history.OK {
		return
	}
	for k := range e.At {
		c.claim(&e.At[k], e, o)
	}
	c.unclaimed(e)
	switch {
	case e.F == history.Poll:
		c.polled(e)
	case fin:
		for k := range e.Batches {
			p := c.part(e.Batches[k].TP)
			p.batches = append(p.batches, e.Batches[k])
		}
		for k := range e.At {
			c.dumped(c.part(e.At[k].TP), &e.At[k], endOf(e, e.At[k].TP), o.i)
		}
		c.dumpedUnclaimed(e, o.i)
	}
}

// saw takes one record that somebody read.
func (c *Checker) saw(p *part, x *history.Record, fin bool) {
	n := p.readAt.Get(x.Offset) - 1
	if n < 0 || c.recs.at(n).value != x.Value {
		n = c.sawFirst(p, n, x, fin)
	} else {
		c.looked[slots]++
	}
	if c.curRC && c.recs.at(n).x != 0 {
		c.showed(p, n, c.recs.at(n), x.Offset)
	}
	if fin && p.logAt.Get(x.Offset) != n+1 {
		p.logAt.Set(x.Offset, n+1)
		r := c.recs.at(n)
		if r.flags&inLog != 0 {
			c.ledger.DupLog++
		}
		r.flags |= inLog
		c.ledger.InLog++
	}
}

// sawFirst takes a record at an offset where it was not read before: there was
// was, or nothing if was < 0. It returns the record.
func (c *Checker) sawFirst(p *part, was int32, x *history.Record, fin bool) int32 {
	n := c.find(p.tp, x.Value)
	r := c.recs.at(n)
	by := c.read()
	c.looked[phantom]++
	if r.flags&unsent != 0 || r.tp != p.tp {
		c.phantoms = append(c.phantoms, sighting{rec: n, tp: p.tp, off: x.Offset, by: by})
	}
	if was >= 0 {
		c.looked[slots]++
		c.conflicts = append(c.conflicts, conflict{tp: p.tp, off: x.Offset, a: was, b: n, kind: readRead, by: by})
	}
	if m := p.ackAt.Get(x.Offset); m != 0 {
		c.looked[slots]++
		if m-1 != n {
			c.conflicts = append(c.conflicts, conflict{tp: p.tp, off: x.Offset, a: m - 1, b: n, kind: ackRead, by: by})
		}
	}
	p.readAt.Set(x.Offset, n+1)
	p.sorted = false
	c.looked[dups]++
	switch {
	case r.seen == history.None:
		r.seen, r.seenBy = x.Offset, by
		if r.state == open && r.flags&unsent == 0 && r.tp == p.tp {
			c.holdAppend(p, n, r, x.Offset)
		}
	case r.seen != x.Offset || r.tp != p.tp:
		r.flags |= several
		c.doubles = append(c.doubles, double{rec: n, off: x.Offset, by: by, inLog: fin})
	}
	return n
}

// endOf returns the offset after the last record of a partition in e, or None.
func endOf(e *history.Event, tp history.TP) int64 {
	end := int64(history.None)
	for k := range e.Runs {
		if rs := e.Runs[k].Records; e.Runs[k].TP == tp && len(rs) > 0 {
			end = max(end, rs[len(rs)-1].Offset+1)
		}
	}
	return end
}

// claim holds a broker's answer to what was proven, and then takes it as proof.
func (c *Checker) claim(cl *history.Claim, e *history.Event, o op) {
	p := c.part(cl.TP)
	p.maxEpoch = max(p.maxEpoch, cl.Epoch)
	reached := endOf(e, cl.TP)
	list := e.F == history.Offsets
	if list && e.Spec == "earliest" {
		return
	}
	c.aboveLSO(cl, e, reached, c.curRC)
	c.lsoFloor(p, cl, e, o.i)
	end := cl.End
	if end < 0 && !cl.Limited && !list && !c.curRC && max(reached, cl.From) >= 0 {
		end = max(reached, cl.From)
	}
	if end >= 0 {
		c.holdClaim(p, cl, end, o.i, list)
	}
	c.showsRead(p, cl.Epoch, max(end, reached))
	p.answered = max(p.answered, cl.Epoch)
}

// unclaimed takes the records of partitions for which no claim was made as
// proof that the log reaches as far.
func (c *Checker) unclaimed(e *history.Event) {
	for k := range e.Runs {
		if tp := e.Runs[k].TP; !claimed(e, tp) {
			c.showsRead(c.part(tp), history.None, endOf(e, tp))
		}
	}
}

func claimed(e *history.Event, tp history.TP) bool {
	for k := range e.At {
		if e.At[k].TP == tp {
			return true
		}
	}
	return false
}

// dumped takes one piece of the final read.
func (c *Checker) dumped(p *part, cl *history.Claim, reached, asked int64) {
	d := &p.dump
	start := max(cl.Start, 0)
	from := cl.From
	if from < 0 {
		from = start
	}
	next := max(from, reached)
	if !cl.Limited {
		next = max(next, cl.End)
	}
	if d.begun && from > d.next && c.compacted(p.tp) {
		d.next = from // compaction has left nothing in between
	}
	switch {
	case !d.begun || from > d.next || next < d.from:
		*d = dump{begun: true, from: from, next: next, first: asked}
	default:
		d.from = min(d.from, from)
		d.next = max(d.next, next)
	}
	if cl.LSO >= 0 {
		p.lso = cl.LSO
	}
	d.done, d.start, d.last, d.by = !cl.Limited, start, asked, c.read()
}

// dumpedUnclaimed takes a final read that says nothing of the end for whole.
func (c *Checker) dumpedUnclaimed(e *history.Event, asked int64) {
	whole := history.Claim{From: 0, End: history.None, LSO: history.None, Start: 0}
	for k := range e.Runs {
		if tp := e.Runs[k].TP; !claimed(e, tp) {
			c.dumped(c.part(tp), &whole, endOf(e, tp), asked)
		}
	}
	for _, tp := range e.TPs {
		if !claimed(e, tp) && endOf(e, tp) < 0 {
			c.dumped(c.part(tp), &whole, 0, asked)
		}
	}
}
