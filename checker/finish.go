package checker

import (
	"slices"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// MaxViolations is how many violations a finding lists; the rest are counted.
const MaxViolations = 10

// Verdict is what a history came to.
type Verdict struct {
	Outcome  result.Verdict
	Exit     int
	Promise  result.Promise // what the run was held to
	Findings []result.Finding
	Ledger   result.Ledger
	Events   int64 // lines of the history
}

// Fill writes the verdict into a result.
func (v *Verdict) Fill(r *result.Result) {
	r.Verdict, r.Exit = v.Outcome, v.Exit
	r.Promise, r.Findings = v.Promise, v.Findings
	unavailable := r.Ledger.UnavailableUS // what checker/measure may have filled in already
	r.Ledger = v.Ledger
	r.Ledger.UnavailableUS = unavailable
}

// finish weighs the suspicions of a history.
type finish struct {
	c         *Checker
	looked    [decided]int64
	found     [decided]found
	open      int64 // transactions of which some markers may still have been on their way
	undecided int64 // acknowledged records of which no final read tells
}

type found struct {
	violations []result.Violation
	n          int64
	folded     int64
}

// violation is a sentence and the events that show it.
type violation struct {
	what    string
	witness []witness
}

// Finish returns the verdict. The checker must not be used afterwards.
func (c *Checker) Finish() Verdict {
	if c.other != nil {
		return c.other.finish()
	}
	f := &finish{c: c, looked: c.looked}
	f.fates()
	f.deaths()
	f.runs()
	f.excuses()
	f.batches()
	f.transactions()
	f.wrongAcks()
	f.conflicts()
	f.vanished()
	f.doubles()
	f.order()
	f.phantoms()
	f.jumps()
	f.behind()
	f.compaction()
	f.retention()
	f.groups()
	f.chain()
	f.liveness()
	f.certain()
	f.applications()
	for _, x := range c.procs { // unordered: a count
		if x.reads {
			c.ledger.Readers++
		}
	}
	c.ledger.Unknown = c.ledger.Sent - c.ledger.Acked - c.ledger.Rejected
	v := Verdict{
		Promise: result.Promise{From: c.rules.promise.From, Properties: c.rules.promise.Properties},
		Ledger:  c.ledger,
		Events:  c.events,
	}
	for _, name := range c.rules.promise.Properties {
		v.Findings = append(v.Findings, f.finding(name))
	}
	v.Outcome = result.Overall(v.Findings)
	v.Exit = v.Outcome.Exit()
	return v
}

func (f *finish) finding(name string) result.Finding {
	n := slices.Index(Properties()[:decided], name)
	if n < 0 {
		return result.Finding{Property: name, Outcome: result.Unknown, Violations: []result.Violation{}}
	}
	x := &f.found[n]
	out := result.Finding{Property: name, Outcome: result.Kept, Looked: f.looked[n], Violations: x.violations, Folded: x.folded}
	out.More = x.n - int64(len(x.violations))
	switch {
	case x.n > 0:
		out.Outcome = result.Broken
	case n == loss && f.undecided > 0, f.c.reused > 0, n >= delivered && n < atomic && f.undumped(), n == exactlyOnce && f.undumped(),
		n == atomic && f.open > 0, n == commitRegister && f.c.twice > 0, f.unsaid(n):
		out.Outcome = result.Unknown
	case out.Looked == 0:
		out.Outcome = result.Vacuous
	}
	if out.Violations == nil {
		out.Violations = []result.Violation{}
	}
	return out
}

// violated counts a violation, and words it if it will be listed.
func (f *finish) violated(property int, say func() violation) {
	x := &f.found[property]
	x.n++
	if len(x.violations) < MaxViolations {
		v := say()
		x.violations = append(x.violations, result.Violation{What: v.what, Witness: lines(v.witness)})
	}
}

// certain adds what was reported when it was met.
func (f *finish) certain() {
	for n := range f.c.told {
		told, x := &f.c.told[n], &f.found[n]
		x.n += told.n
		for _, v := range told.list {
			if len(x.violations) < MaxViolations {
				x.violations = append(x.violations, result.Violation{What: v.what, Witness: lines(v.witness)})
			}
		}
	}
}

// forgiven reports whether a suspicion about [from, until) follows from a loss
// that is reported elsewhere, or is excused: see excused for began.
func (f *finish) forgiven(property int, p *part, from, until, began int64) bool {
	if p.follows(from, until) {
		f.found[property].folded++
		return true
	}
	return f.excused(property, p, from, until, began)
}

// beganShowing is when a record can first have been shown by a read: not before
// both its send and that read had begun.
func (f *finish) beganShowing(r *record, read int32) int64 {
	return max(r.invI, f.c.reads[read].invI)
}

// beganConflict is when the one of two records at an offset began to be there
// that may be gone: that is the earlier, whichever was seen first.
func (f *finish) beganConflict(x *conflict, a, b *record) int64 {
	first, second := a.invI, b.invI
	if x.kind == readRead && a.seen == x.off {
		first = f.beganShowing(a, a.seenBy)
	}
	if x.kind != ackAck {
		second = f.beganShowing(b, x.by)
	}
	return min(first, second)
}

// beganProof is when the operation began that proved how far a log reaches.
func (f *finish) beganProof(x proof) int64 {
	if x.by < 0 {
		return f.c.reads[^x.by].invI
	}
	return f.c.recs.at(x.by).invI
}

// beganAt is when the record began to be there that readableIn found at off.
func (f *finish) beganAt(p *part, off int64) int64 {
	r := f.c.recs.at(f.holds(p, off))
	if r.seen == off {
		return f.beganShowing(r, r.seenBy)
	}
	return r.invI
}

// holds is the record that readableIn found at off.
func (f *finish) holds(p *part, off int64) int32 {
	n := p.logAt.Get(off)
	if n == 0 {
		n = p.readAt.Get(off)
	}
	if n == 0 {
		n = p.ackAt.Get(off)
	}
	return n - 1
}

// deaths marks the offsets that were read, or passed over, and then held another record, or
// none.
func (f *finish) deaths() {
	for i := range f.c.conflicts {
		x := &f.c.conflicts[i]
		if p := f.c.part(x.tp); x.kind == readRead {
			f.die(p, x.off, f.c.recs.at(x.a))
		}
	}
	for _, p := range f.c.parts {
		if p != nil {
			f.eachVanished(p, func(off int64, n int32) { f.die(p, off, f.c.recs.at(n)) })
		}
	}
	for i := range f.c.jumps {
		x := &f.c.jumps[i]
		p := f.c.part(x.tp)
		for _, off := range f.readableIn(p, x.from, x.until) {
			if f.rewritten(x, p, off) {
				p.dead = append(p.dead, deadRun{span{off, off + 1}, false})
			}
		}
	}
}

// rewritten reports whether the record at off was sent when a reader had already passed over
// that offset: what it had passed over, such as a marker, is there no more.
func (f *finish) rewritten(x *jump, p *part, off int64) bool {
	return f.c.recs.at(f.holds(p, off)).invI > f.c.reads[x.by].i
}

// eachVanished calls g for what was read at an offset where the final read
// would have shown it, and did not show anything.
func (f *finish) eachVanished(p *part, g func(off int64, n int32)) {
	d := &p.dump
	if !d.done || f.c.compacted(p.tp) {
		return
	}
	p.readAt.All(func(off int64, n int32) {
		r := f.c.recs.at(n - 1)
		if p.logAt.Get(off) != 0 || off < d.start || r.seen != off {
			return
		}
		if d.covers(off) || off >= d.next && f.c.reads[r.seenBy].i < d.last {
			g(off, n-1)
		}
	})
}

// weak reports whether an acknowledgement alone proves nothing of an offset:
// with acks=1 the next leader may never have seen the record.
func (f *finish) weak() bool {
	return !f.c.rules.acksAll && !f.c.rules.strict[SlotAgreement]
}

func (f *finish) wrongAcks() {
	c := f.c
	for n := range c.recs.n {
		r := c.recs.at(n)
		if r.flags&wrong == 0 || f.weak() {
			continue
		}
		if p := c.part(r.tp); !f.forgiven(slots, p, r.off, r.off+1, r.invI) {
			f.violated(slots, func() violation { return f.sayWrong(n, r, p) })
		}
	}
}

func (f *finish) conflicts() {
	c := f.c
	type slot struct {
		tp  history.TP
		off int64
	}
	told := map[slot]bool{}
	for i := range c.conflicts {
		x := &c.conflicts[i]
		a, b := c.recs.at(x.a), c.recs.at(x.b)
		fate := a.flags
		if x.kind == ackAck {
			fate |= b.flags
		}
		p := c.part(x.tp)
		switch {
		case (a.flags|b.flags)&reused != 0, told[slot{x.tp, x.off}]:
		case x.kind != readRead && fate&(lost|wrong) != 0:
			f.found[slots].folded++
		case x.kind != readRead && f.weak():
		case f.forgiven(slots, p, x.off, x.off+1, f.beganConflict(x, a, b)):
		default:
			told[slot{x.tp, x.off}] = true
			f.violated(slots, func() violation { return f.sayConflict(x, a, b) })
		}
	}
}

func (f *finish) vanished() {
	for _, p := range f.c.parts {
		if p == nil {
			continue
		}
		f.eachVanished(p, func(off int64, n int32) {
			f.looked[slots]++
			if r := f.c.recs.at(n); r.flags&(reused|unsent) == 0 && !f.forgiven(slots, p, off, off+1, f.beganShowing(r, r.seenBy)) {
				f.violated(slots, func() violation { return f.sayVanished(r, p, off) })
			}
		})
	}
}

func (f *finish) doubles() {
	c := f.c
	for i := range c.doubles {
		x := &c.doubles[i]
		r := c.recs.at(x.rec)
		p := c.part(r.tp)
		d := &p.dump
		if r.flags&(reused|unsent) != 0 {
			continue
		}
		first, again := p.logAt.Get(r.seen), p.logAt.Get(x.off)
		if d.covers(r.seen) && d.covers(x.off) && (first != x.rec+1 || again != 0 && again != x.rec+1) {
			f.found[dups].folded++ // one of the two offsets holds something else now, which is reported
			continue
		}
		if !f.forgiven(dups, p, r.seen, r.seen+1, f.beganShowing(r, r.seenBy)) && !f.forgiven(dups, p, x.off, x.off+1, f.beganShowing(r, x.by)) {
			f.violated(dups, func() violation { return f.sayDouble(x, r) })
		}
	}
}

// order compares, per producer life, partition and key, the order of sends
// with that of offsets.
func (f *finish) order() {
	c := f.c
	type group struct {
		key     int64
		tp      history.TP
		p, life int32
	}
	highest := map[group]int32{} // 1 + the record with the highest offset so far
	for n := range c.recs.n {
		r := c.recs.at(n)
		off := f.place(n, r)
		if off < 0 {
			continue
		}
		g := group{r.key, r.tp, r.p, r.life}
		m := highest[g]
		if m == 0 {
			highest[g] = n + 1
			continue
		}
		f.looked[order]++
		before := c.recs.at(m - 1)
		at := f.place(m-1, before)
		if off > at {
			highest[g] = n + 1
			continue
		}
		c.ledger.Reordered++
		if p := c.part(r.tp); !f.forgiven(order, p, off, at+1, before.invI) {
			f.violated(order, func() violation { return f.sayOrder(before, at, r, off) })
		}
	}
}

// place is the offset of a record as far as the order of its key goes, or None.
// Without idempotence only what was acknowledged has an order: an attempt that
// was given up may still arrive.
func (f *finish) place(n int32, r *record) int64 {
	if r.flags&(reused|unsent|late|lost) != 0 || r.state == failed || r.state == open && !f.c.h.Set.Idem {
		return history.None
	}
	p := f.c.part(r.tp)
	switch {
	case r.flags&inLog != 0 && r.off >= 0 && p.logAt.Get(r.off) == n+1:
		return r.off
	case r.flags&inLog != 0 && p.logAt.Get(r.seen) == n+1:
		return r.seen
	case p.dump.done:
		return history.None
	case r.seen >= 0:
		return r.seen
	}
	return r.off
}

func (f *finish) resurrected(n int32, r *record) {
	f.c.ledger.Resurrected++
	f.violated(phantom, func() violation { return f.sayResurrected(n, r) })
}

func (f *finish) phantoms() {
	for i := range f.c.phantoms {
		x := &f.c.phantoms[i]
		f.looked[phantom]++
		f.violated(phantom, func() violation { return f.sayPhantom(x) })
	}
}

func (f *finish) jumps() {
	c := f.c
	for i := range c.jumps {
		x := &c.jumps[i]
		p := c.part(x.tp)
		if x.until < x.from {
			if !c.rules.unclean && !f.forgiven(skips, p, x.until, x.from, x.began) {
				f.violated(skips, func() violation { return f.sayBack(x) })
			}
			continue
		}
		if !x.reset && !x.processing && c.h.Set.Compacted && c.rules.acksAll && c.compacted(x.tp) {
			// What one replica has compacted away another, which leads later, may still have:
			// whether it could be passed over is for compaction.go to say.
			continue
		}
		first, n := int64(history.None), int64(0) // of those that nothing excuses
		moved := c.process(x.p).at(x.tp).moved
		for _, off := range f.seenBy(c.process(x.p), p, f.readableIn(p, x.from, x.until)) {
			if x.processing && slices.ContainsFunc(moved, func(s span) bool { return s.overlaps(off, off+1) }) {
				continue
			}
			// Of a cut that begins with a marker only the rest may be noted.
			if f.rewritten(x, p, off) && f.forgiven(skips, p, off, off+2, c.reads[x.by].invI) {
				continue
			}
			held := !x.reset && !(x.processing && c.rules.early && !c.rules.strict[NoSkip]) && !f.excused(skips, p, off, off+1, f.beganAt(p, off))
			if held && f.parted(x, p) {
				f.found[skips].folded++
				continue
			}
			c.ledger.Skipped++
			if !held {
				continue
			}
			if n == 0 {
				first = off
			}
			n++
		}
		if n > 0 {
			f.violated(skips, func() violation { return f.saySkip(x, p, first, n) })
		}
	}
}

// parted reports whether a reader that jumped was in a log that is no more: what lay right before
// the gap and right behind it is gone, both in a loss that is reported, and so is what lay
// between. What is there now is of another log, which came back, and is nothing that it skipped.
func (f *finish) parted(x *jump, p *part) bool {
	gone := func(off int64, n int32) bool { return n != 0 && p.follows(off, off+1) && p.logAt.Get(off) != n }
	return gone(x.from-1, x.below) && gone(x.until, x.at)
}

func (f *finish) behind() {
	c := f.c
	for i := range c.behind {
		x := &c.behind[i]
		p := c.part(x.tp)
		if x.proof.by >= 0 {
			by := c.recs.at(x.proof.by)
			if !x.append && !p.noted && p.maxEpoch > x.epoch && !c.rules.strict[NoStaleEnd] {
				// Nobody noted when that leader took over: the acknowledgement may be its own.
				c.ledger.StaleReads++
				continue
			}
			if by.flags&(wrong|lost) != 0 {
				f.found[stale].folded++
				continue
			}
		}
		if x.append {
			if r := c.recs.at(x.rec); r.flags&reused != 0 {
				continue
			} else if r.flags&(wrong|lost) != 0 {
				f.found[stale].folded++
				continue
			}
		}
		if !f.forgiven(stale, p, x.off, x.proof.end, f.beganProof(x.proof)) {
			f.violated(stale, func() violation { return f.sayBehind(x, p) })
		}
	}
}
