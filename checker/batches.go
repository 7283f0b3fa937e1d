package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
)

// fate is what became of a batch, by the markers of its partition (KIP-98).
type fate uint8

const (
	fateless  fate = iota // it is in no transaction, or the final read does not tell
	committed             // the next marker of its producer commits
	aborted
	unended // there is no marker behind it
)

// producing is what a partition knows of a producer as the final read goes on.
type producing struct {
	epoch int32
	top   int32   // the batch that has the highest epoch so far
	seq   int32   // the sequence of the record that must come next
	last  int32   // the last batch of the epoch, or None
	open  []int32 // batches of the transaction that no marker has ended yet
}

// batches follows the producers of each partition through the final read.
func (f *finish) batches() {
	for _, p := range f.c.parts {
		if p == nil || len(p.batches) == 0 {
			continue
		}
		slices.SortStableFunc(p.batches, func(a, b history.Batch) int { // pieces may overlap: equal ones are one
			switch {
			case a.Base < b.Base:
				return -1
			case a.Base > b.Base:
				return 1
			}
			return 0
		})
		p.batches = slices.CompactFunc(p.batches, func(a, b history.Batch) bool { return a.Base == b.Base })
		p.fates, p.markers = make([]fate, len(p.batches)), make([]int32, len(p.batches))
		f.producers(p)
	}
}

func (f *finish) producers(p *part) {
	known := map[int64]*producing{}
	ended := map[int32]int32{} // 1 + transaction -> the marker that ended its records here
	for i := range p.batches {
		b := &p.batches[i]
		p.markers[i] = history.None
		x := known[b.PID]
		if x == nil {
			x = &producing{epoch: b.Epoch, top: int32(i), last: history.None}
			known[b.PID] = x
		}
		f.epochOf(p, x, int32(i))
		switch b.Kind {
		case history.Data:
			f.sequence(p, x, int32(i))
		case history.TxnData:
			f.sequence(p, x, int32(i))
			p.fates[i] = unended
			x.open = append(x.open, int32(i))
		default:
			f.marker(p, x, int32(i), ended)
		}
	}
}

// epochOf holds a batch to the epochs of its producer before it.
func (f *finish) epochOf(p *part, x *producing, i int32) {
	b := &p.batches[i]
	f.looked[fencing]++
	switch {
	case b.Epoch > x.epoch:
		x.epoch, x.top = b.Epoch, i
		was := x.last
		x.last = history.None
		if was >= 0 && b.Seq > 0 && !f.c.compacted(p.tp) {
			f.looked[order]++
			f.outOfSequence(p, i, was, 0)
		}
	case b.Epoch < x.epoch:
		f.c.ledger.ZombieWrite++
		f.violated(fencing, func() violation {
			top := &p.batches[x.top]
			return violation{
				what: fmt.Sprintf("A fenced producer wrote: %s of epoch %d of producer id %d is at %s, behind its epoch %d at offset %d.",
					kindOf(b), b.Epoch, b.PID, f.slot(p.tp, b.Base), top.Epoch, top.Base),
				witness: []witness{f.dumpedBatches(p, x.top, i)},
			}
		})
	}
}

func kindOf(b *history.Batch) string {
	switch b.Kind {
	case history.CommitMarker:
		return "a commit marker"
	case history.AbortMarker:
		return "an abort marker"
	}
	return "a batch"
}

// sequence holds a batch to the sequence numbers of its producer's epoch (KIP-98): the next
// follows, and after the highest there is comes 0.
func (f *finish) sequence(p *part, x *producing, i int32) {
	b := &p.batches[i]
	if b.Seq < 0 || b.Epoch < x.epoch || f.c.compacted(p.tp) {
		return
	}
	if x.last >= 0 {
		f.looked[order]++
		f.looked[dups]++
		if b.Seq != x.seq {
			f.outOfSequence(p, i, x.last, x.seq)
		}
	}
	x.last = i
	x.seq = int32((int64(b.Seq) + b.Last - b.Base + 1) & 0x7fffffff)
}

func (f *finish) outOfSequence(p *part, i, before, want int32) {
	b, was := &p.batches[i], &p.batches[before]
	if f.forgiven(order, p, was.Base, b.Last+1, f.beganBatch(p, was)) {
		return
	}
	// A sequence a little back is a repetition, one further on leaves others out.
	if back := (want - b.Seq) & 0x7fffffff; back < 1<<30 {
		f.violated(dups, func() violation {
			return violation{
				what: fmt.Sprintf("A batch was appended again: sequence %d of producer id %d, epoch %d, is at %s, where sequence %d must follow.",
					b.Seq, b.PID, b.Epoch, f.slot(p.tp, b.Base), want),
				witness: []witness{f.dumpedBatches(p, before, i)},
			}
		})
		return
	}
	f.violated(order, func() violation {
		return violation{
			what: fmt.Sprintf("Accepted out of sequence: sequence %d of producer id %d, epoch %d, is at %s, where sequence %d must follow.",
				b.Seq, b.PID, b.Epoch, f.slot(p.tp, b.Base), want),
			witness: []witness{f.dumpedBatches(p, before, i)},
		}
	})
}

// beganBatch is when the first record of a batch was sent.
func (f *finish) beganBatch(p *part, b *history.Batch) int64 {
	for off := b.Base; off <= b.Last; off++ {
		if n := p.logAt.Get(off); n != 0 {
			return f.c.recs.at(n - 1).invI
		}
	}
	return history.None
}

// marker ends what its producer has open. All that is of one transaction, and nothing of it
// was ended before.
func (f *finish) marker(p *part, x *producing, i int32, ended map[int32]int32) {
	b := &p.batches[i]
	first := int32(0)
	for _, k := range x.open {
		p.fates[k], p.markers[k] = aborted, i
		if b.Kind == history.CommitMarker {
			p.fates[k] = committed
		}
		t := f.transactionOf(p, &p.batches[k])
		if t == 0 {
			continue
		}
		f.looked[atomic]++
		switch was, again := ended[t]; {
		case again && was != i:
			f.torn(t, func() violation {
				return violation{
					what: fmt.Sprintf("A marker hit a transaction that was not its own: %s at %s is in the middle of %s, which has records behind it.",
						kindOf(&p.batches[was]), f.slot(p.tp, p.batches[was].Base), f.transaction(t)),
					witness: []witness{f.dumpedBatches(p, was, k, i)},
				}
			})
		case first != 0 && first != t && !f.excusedEnd(atomic, first):
			f.torn(t, func() violation {
				return violation{
					what: fmt.Sprintf("One marker ended two transactions: %s at %s ends %s and %s.",
						kindOf(b), f.slot(p.tp, b.Base), f.transaction(first), f.transaction(t)),
					witness: []witness{f.dumpedBatches(p, x.open[0], k, i)},
				}
			})
		}
		if first == 0 {
			first = t
		}
		ended[t] = i
	}
	x.open = x.open[:0]
}

// transactionOf is 1 + the transaction whose records a batch has, or 0.
func (f *finish) transactionOf(p *part, b *history.Batch) int32 {
	for off := b.Base; off <= b.Last; off++ {
		if n := p.logAt.Get(off); n != 0 {
			if x := f.c.recs.at(n - 1).x; x != 0 {
				return x
			}
		}
	}
	return 0
}

// transaction names one in a sentence.
func (f *finish) transaction(n int32) string {
	t := &f.c.txns[n-1]
	if t.txid == "" {
		return fmt.Sprintf("transaction %d", t.x)
	}
	return fmt.Sprintf("transaction %d of %s", t.x, t.txid)
}

// torn reports one violation of a transaction, and counts no other.
func (f *finish) torn(n int32, say func() violation) {
	t := &f.c.txns[n-1]
	switch {
	case t.torn:
		f.found[atomic].folded++
		return
	case f.excusedEnd(atomic, n):
		return
	}
	t.torn = true
	f.violated(atomic, say)
}

// dumpedBatches is the final read cut down to some batches, in ascending order.
func (f *finish) dumpedBatches(p *part, list ...int32) witness {
	slices.Sort(list)
	e := f.readEvent(p.dump.by)
	for _, i := range slices.Compact(list) {
		e.Batches = append(e.Batches, p.batches[i])
	}
	return f.line(e)
}

// batchAt is the batch of an offset, or None.
func (p *part) batchAt(off int64) int32 {
	n, ok := slices.BinarySearchFunc(p.batches, off, func(b history.Batch, off int64) int {
		switch {
		case b.Last < off:
			return -1
		case b.Base > off:
			return 1
		}
		return 0
	})
	if !ok {
		return history.None
	}
	return int32(n)
}

// fateOf is what became of the record at an offset of the final read.
func (f *finish) fateOf(p *part, off int64) fate {
	if i := p.batchAt(off); i >= 0 && len(p.fates) > 0 {
		return p.fates[i]
	}
	return fateless
}

// hidden reports whether readers of committed records do not get a record of a partition: its
// transaction was not committed, or nobody can tell.
func (f *finish) hidden(p *part, off int64) bool {
	switch f.fateOf(p, off) {
	case committed:
		return false
	case aborted, unended:
		return true
	}
	n := p.logAt.Get(off)
	if n == 0 {
		n = p.readAt.Get(off)
	}
	if n == 0 {
		return false
	}
	r := f.c.recs.at(n - 1)
	return r.x != 0 && f.c.txns[r.x-1].ending() != isCommitted
}

// seenBy drops from offsets those whose records a process is not shown.
func (f *finish) seenBy(x *process, p *part, offs []int64) []int64 {
	if !x.rc || len(f.c.txns) == 0 {
		return offs
	}
	return slices.DeleteFunc(slices.Clone(offs), func(off int64) bool { return f.hidden(p, off) })
}

// transactions weighs each: what the log has of it, what its producer was told, and what
// readers of committed records were shown.
func (f *finish) transactions() {
	c := f.c
	if len(c.txns) == 0 {
		return
	}
	for n := range c.recs.n {
		r := c.recs.at(n)
		if r.x == 0 || r.flags&(inLog|reused) != inLog {
			continue
		}
		off := f.inLogAt(n, r)
		if off < 0 {
			continue
		}
		is := f.fateOf(c.part(r.tp), off)
		c.txns[r.x-1].in[is].add(n)
		if is == aborted || is == unended || is == fateless && c.txns[r.x-1].ending() == isAborted {
			r.flags |= undone
		}
	}
	for n := range c.txns {
		f.weigh(int32(n)+1, &c.txns[n])
	}
	for _, p := range c.parts {
		if p != nil {
			p.shownAt.All(func(off int64, by int32) { f.shown(p, off, by-1) })
		}
	}
	for i := range c.zombies {
		f.zombie(&c.zombies[i])
	}
}

// inLogAt is where the final read has a record, or None.
func (f *finish) inLogAt(n int32, r *record) int64 {
	p := f.c.part(r.tp)
	switch {
	case r.off >= 0 && p.logAt.Get(r.off) == n+1:
		return r.off
	case r.seen >= 0 && p.logAt.Get(r.seen) == n+1:
		return r.seen
	}
	return history.None
}

// weigh decides whether one transaction is whole.
func (f *finish) weigh(n int32, t *txn) {
	is := &t.in
	if is[committed].n+is[aborted].n+is[unended].n == 0 {
		return
	}
	f.looked[atomic]++
	end := t.ending()
	switch {
	case is[committed].n > 0 && is[aborted].n > 0:
		f.torn(n, func() violation {
			return f.sayTorn(n, "A transaction is torn: %s has %d record(s) that are committed and %d that are aborted.", is[committed], is[aborted])
		})
	case is[committed].n > 0 && is[unended].n > 0:
		if t.excuse == heldTo && !f.quiet(t.asked.t) {
			f.open++ // its markers may still be on their way
			return
		}
		f.torn(n, func() violation {
			return f.sayTorn(n, "A transaction is torn: %s has %d record(s) that are committed and %d that no marker has ended.", is[committed], is[unended])
		})
	case end == isCommitted && is[aborted].n > 0:
		f.torn(n, func() violation {
			v := f.sayTorn(n, "A committed transaction was aborted: the commit of %s succeeded, and %d of its records are aborted.", is[aborted], tally{})
			v.witness = append(v.witness, f.ended(t, t.committed))
			return v
		})
	case end == isAborted && is[committed].n > 0:
		f.torn(n, func() violation {
			at, how := t.aborted, "was aborted"
			if at.i < 0 {
				at, how = t.refused, "certainly failed to commit"
			}
			v := f.sayTorn(n, "An aborted transaction was committed: %s "+how+", and %d of its records are committed.", is[committed], tally{})
			v.witness = append(v.witness, f.ended(t, at))
			return v
		})
	case end == unasked && is[committed].n > 0:
		f.torn(n, func() violation {
			return f.sayTorn(n, "A transaction was committed by nobody: nobody had asked to commit %s, and %d of its records are committed.", is[committed], tally{})
		})
	}
}

func (f *finish) sayTorn(n int32, what string, a, b tally) violation {
	args := []any{f.transaction(n), a.n}
	if b.n > 0 {
		args = append(args, b.n)
	}
	v := violation{what: fmt.Sprintf(what, args...)}
	for _, t := range []tally{a, b} {
		if t.n > 0 {
			r := f.c.recs.at(t.first)
			p := f.c.part(r.tp)
			off := f.inLogAt(t.first, r)
			v.witness = append(v.witness, f.sent(r), f.markedBy(p, off))
		}
	}
	return v
}

// markedBy is the final read cut down to the batch at an offset and the marker that ended it.
func (f *finish) markedBy(p *part, off int64) witness {
	i := p.batchAt(off)
	if i < 0 {
		return f.endClaim(p.dump.by, p.tp, p.dump.next, history.None)
	}
	if m := p.markers[i]; m >= 0 {
		return f.dumpedBatches(p, i, m)
	}
	return f.dumpedBatches(p, i)
}

// ended is the end of a transaction as a witness.
func (f *finish) ended(t *txn, at when) witness {
	return f.line(&history.Event{I: at.i, T: at.t, E: at.e, F: at.f, ID: at.op, P: at.p, X: t.x, TxID: t.txid, PID: t.pid, Epoch: t.epoch})
}

// shown holds a record that was shown to a reader of committed records to its fate.
func (f *finish) shown(p *part, off int64, by int32) {
	c := f.c
	n := p.shownRec.Get(off)
	r := c.recs.at(n - 1)
	if r.flags&reused != 0 || p.logAt.Get(off) != 0 && p.logAt.Get(off) != n {
		return
	}
	t := &c.txns[r.x-1]
	how := ""
	switch f.fateOf(p, off) {
	case aborted:
		how = "and was aborted"
	case unended:
		how = "and no marker has ended it"
	case fateless:
		if t.ending() != isAborted {
			return
		}
		how = "and was aborted"
	default:
		return
	}
	switch {
	case t.shown:
		f.found[committedReads].folded++
		return
	case f.excusedEnd(committedReads, r.x):
		return
	}
	t.shown = true
	c.ledger.AbortedVisible++
	f.violated(committedReads, func() violation {
		v := violation{
			what: fmt.Sprintf("Read of a record that was not committed: %s returned %s at %s, which is of %s %s.",
				f.reader(by), f.name(r), f.slot(p.tp, off), f.transaction(r.x), how),
			witness: []witness{f.sent(r), f.readAt(by, p.tp, off, r.value)},
		}
		switch {
		case len(p.fates) > 0 && p.batchAt(off) >= 0:
			v.witness = append(v.witness, f.markedBy(p, off))
		case t.aborted.i >= 0:
			v.witness = append(v.witness, f.ended(t, t.aborted))
		}
		return v
	})
}

// zombie reports what a fenced producer has written.
func (f *finish) zombie(x *zombie) {
	r := f.c.recs.at(x.rec)
	if r.flags&(inLog|reused) != inLog && r.state != acked {
		return
	}
	f.c.ledger.ZombieWrite++
	f.violated(fencing, func() violation {
		v := violation{
			what: fmt.Sprintf("A fenced producer wrote: the send of %s began at %s, after its epoch was fenced at %s, and was not refused.",
				f.name(r), moment(r.invT), moment(x.by.t)),
			witness: []witness{x.by.by, f.sent(r)},
		}
		if r.state == acked {
			v.witness = append(v.witness, f.ack(r))
		} else {
			v.witness = append(v.witness, f.readAt(r.seenBy, r.tp, r.seen, r.value))
		}
		return v
	})
}
