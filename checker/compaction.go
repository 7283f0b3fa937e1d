package checker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"brokersim/checker/history"
)

// What compaction may take out of a log, and what a reader may so pass over: a record of
// which a later one of its key stands behind it; and a tombstone when delete.retention.ms
// are over, which begin when what it deletes has been taken out. So a reader who comes
// from the start finds the last value of each key, and does not find one that was deleted.

// keyedRead is a record with a key that a reader was given of a compacted partition.
type keyedRead struct {
	p     int32
	tp    history.TP
	key   int64
	off   int64
	epoch int32 // of the leader who gave it
	asked int64 // when
}

// sawKeys takes down when a reader was given which keys.
func (c *Checker) sawKeys(run *history.Run, epoch int32) {
	for j := range run.Records {
		if x := &run.Records[j]; x.Key != history.None {
			c.keyed = append(c.keyed, keyedRead{c.cur.P, run.TP, x.Key, x.Offset, epoch, c.asked.t})
		}
	}
}

// epochIn is the leader epoch in which an event speaks of a partition, or None.
func epochIn(e *history.Event, tp history.TP) int32 {
	for k := range e.At {
		if e.At[k].TP == tp {
			return e.At[k].Epoch
		}
	}
	return history.None
}

// placedRecord is a record that is known to have been in a log for good. Of one that nobody
// knows to be committed or aborted nothing is asked; it may have made an earlier one old.
type placedRecord struct {
	off       int64
	rec       int32
	uncertain bool
}

// compactedPart is what must be known of a compacted partition to judge what it lacks.
type compactedPart struct {
	p         *part
	retention int64          // ns
	list      []placedRecord // by offset
	latest    map[int64]placedRecord
}

// compaction looks at the compacted partitions: at what the final read lacks, at what it
// has though it was deleted, and at what readers have passed over.
func (f *finish) compaction() {
	if !f.c.h.Set.Compacted || !f.c.rules.acksAll {
		return
	}
	parts := make([]*compactedPart, len(f.c.parts))
	for i, p := range f.c.parts {
		if p != nil && f.c.compacted(p.tp) {
			parts[i] = f.compactedPart(p)
			f.lackedAtEnd(parts[i])
			f.undeleted(parts[i])
		}
	}
	f.passedOver(parts)
}

func (f *finish) compactedPart(p *part) *compactedPart {
	x := &compactedPart{p: p, retention: f.c.topic(p.tp).DeleteRetention * 1_000_000, latest: map[int64]placedRecord{}}
	add := func(off int64, n int32) {
		r, end := f.c.recs.at(n-1), isCommitted
		if r.x != 0 {
			end = f.c.txns[r.x-1].ending()
		}
		// What was aborted compaction takes out, and it makes nothing old.
		if r.flags&(reused|unsent|wrong) == 0 && r.tp == p.tp && end != isAborted && end != unasked {
			x.list = append(x.list, placedRecord{off, n - 1, end == uncertain})
		}
	}
	p.readAt.All(add)
	p.ackAt.All(func(off int64, n int32) {
		if p.readAt.Get(off) == 0 {
			add(off, n)
		}
	})
	slices.SortFunc(x.list, func(a, b placedRecord) int { return cmp.Compare(a.off, b.off) }) // total: an offset is there once
	for _, at := range x.list {
		x.latest[f.c.recs.at(at.rec).key] = at
	}
	return x
}

// between are the records that were at offsets in [from, until).
func (x *compactedPart) between(from, until int64) []placedRecord {
	lo, _ := slices.BinarySearchFunc(x.list, from, func(a placedRecord, off int64) int { return cmp.Compare(a.off, off) })
	hi, _ := slices.BinarySearchFunc(x.list, until, func(a placedRecord, off int64) int { return cmp.Compare(a.off, off) })
	return x.list[lo:max(lo, hi)]
}

// superseded reports whether a later record of its key may have made one old for whoever
// was answered at event i: it had been sent by then. That it stands behind is known from
// the end of the run.
func (f *finish) superseded(x *compactedPart, at placedRecord, i int64) bool {
	r := f.c.recs.at(at.rec)
	if last := x.latest[r.key]; r.key == history.None || last.off > at.off && f.c.recs.at(last.rec).invI < i {
		return true
	}
	return x.latest[r.key].off > at.off && slices.ContainsFunc(x.between(at.off+1, math.MaxInt64), func(later placedRecord) bool {
		l := f.c.recs.at(later.rec)
		return l.key == r.key && l.invI < i
	})
}

// old reports whether a record is a tombstone whose time may be over at a time t.
func (x *compactedPart) old(r *record, t int64) bool {
	return history.Deletes(r.value) && t >= r.invT+x.retention
}

// lackedAtEnd looks at what the final read does not show.
func (f *finish) lackedAtEnd(x *compactedPart) {
	p := x.p
	if !p.dump.done {
		return
	}
	by := f.c.reads[p.dump.by]
	for _, at := range x.list {
		r := f.c.recs.at(at.rec)
		if at.off < p.dump.start || !p.dump.covers(at.off) || at.uncertain {
			continue
		}
		f.looked[compacts]++
		if p.logAt.Get(at.off) == 0 && !f.superseded(x, at, by.i) && !x.old(r, by.t) && !f.forgiven(compacts, p, at.off, at.off+1, r.invI) {
			f.violated(compacts, func() violation { return f.sayCompactedAway(x, at, r, p.dump.by) })
		}
	}
}

// undeleted looks for records that were deleted by a later one which is not there any more.
func (f *finish) undeleted(x *compactedPart) {
	p := x.p
	for _, at := range x.list {
		r := f.c.recs.at(at.rec)
		last := x.latest[r.key]
		del := f.c.recs.at(last.rec)
		if p.logAt.Get(at.off) == 0 || last.off <= at.off || last.uncertain || r.key == history.None || !history.Deletes(del.value) || !p.dump.covers(last.off) {
			continue
		}
		f.looked[compacts]++
		if p.logAt.Get(last.off) == 0 && !f.forgiven(compacts, p, last.off, last.off+1, del.invI) {
			f.violated(compacts, func() violation { return f.sayUndeleted(at, r, last, del) })
		}
	}
}

// passedOver looks at what readers were not given between two records.
func (f *finish) passedOver(parts []*compactedPart) {
	given := map[readerKey][]keyedRead{}
	for _, k := range f.c.keyed {
		by := readerKey{k.p, k.tp, k.key}
		given[by] = append(given[by], k)
	}
	for i := range f.c.jumps {
		j := &f.c.jumps[i]
		x := parts[j.tp]
		if x == nil || j.reset || j.processing || j.until <= j.from {
			continue
		}
		by := f.c.reads[j.by]
		for _, at := range x.between(j.from, j.until) {
			r := f.c.recs.at(at.rec)
			if at.uncertain || r.invI > by.i { // or sent later: then the log was cut there, and not cleaned
				continue
			}
			f.looked[compacts]++
			if f.superseded(x, at, by.i) {
				continue
			}
			why := "nothing came after it"
			if x.old(r, by.t) {
				why = x.tooSoon(given[readerKey{j.p, j.tp, r.key}], at.off, j.epoch, by.t)
			}
			if why != "" && !f.forgiven(compacts, x.p, at.off, at.off+1, r.invI) {
				f.violated(compacts, func() violation { return f.sayPassedOver(x, at, r, j, why) })
			}
		}
	}
}

// readerKey is a key as a reader sees it.
type readerKey struct {
	p   int32
	tp  history.TP
	key int64
}

// tooSoon is why a reader who has passed over a tombstone at a time should have been given
// it; empty if there is no reason. He had been given what it deletes not long before, by
// the same leader: when that was there no pass had taken it out, and delete.retention.ms
// begin only then. Half of it is left for the pass, which stamps what it writes and swaps
// later.
func (x *compactedPart) tooSoon(given []keyedRead, off int64, epoch int32, t int64) string {
	for k := len(given) - 1; k >= 0; k-- {
		g := &given[k]
		if g.off >= off || g.asked > t {
			continue
		}
		if g.epoch == epoch && epoch >= 0 && t-g.asked < x.retention/2 {
			return fmt.Sprintf("the reader was given what it deletes, @%d, only %d ms before", g.off, (t-g.asked)/1_000_000)
		}
		break
	}
	return ""
}

func (f *finish) sayCompactedAway(x *compactedPart, at placedRecord, r *record, by int32) violation {
	what := "the last of its key"
	if history.Deletes(r.value) {
		what = fmt.Sprintf("the tombstone of its key, sent %d ms before", (f.c.reads[by].t-r.invT)/1_000_000)
	}
	return violation{
		what:    fmt.Sprintf("The log lacks %s at %s, which is %s.", f.name(r), f.slot(r.tp, at.off), what),
		witness: f.evidence(r, at, f.endClaim(by, r.tp, x.p.dump.next, history.None)),
	}
}

func (f *finish) sayUndeleted(at placedRecord, r *record, last placedRecord, del *record) violation {
	return violation{
		what: fmt.Sprintf("%s is in the log at %s, and what has deleted it, %s at %s, is not.", capital(f.name(r)), f.slot(r.tp, at.off), f.name(del), f.slot(del.tp, last.off)),
		witness: append(f.evidence(r, at, f.sent(del)),
			f.readAt(f.c.part(r.tp).dump.by, r.tp, at.off, r.value)),
	}
}

func (f *finish) sayPassedOver(x *compactedPart, at placedRecord, r *record, j *jump, why string) violation {
	return violation{
		what: fmt.Sprintf("%s was not given %s at %s, though %s: it went on from offset %d at %d.", capital(f.process("k", j.p)), f.name(r), f.slot(r.tp, at.off),
			why, j.from, j.until),
		witness: f.evidence(r, at, f.line(f.readEvent(j.by))),
	}
}

// evidence is how a record came to be where it was, and what shows that it is not there.
func (f *finish) evidence(r *record, at placedRecord, shows witness) []witness {
	list := []witness{f.sent(r)}
	if r.state == acked {
		list = append(list, f.ack(r))
	}
	if r.seen == at.off {
		list = append(list, f.readAt(r.seenBy, r.tp, at.off, r.value))
	}
	return append(list, shows)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
