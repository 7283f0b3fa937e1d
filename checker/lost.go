package checker

import (
	"slices"

	"brokersim/checker/history"
)

// deadRun is a run of neighbouring offsets whose records, once acknowledged or
// read, are not there at the end. If one of them is an acknowledged record
// whose loss is reported then the run as a whole is that loss: a log is cut from
// some offset on. A loss that is allowed forgives nothing but by its NoCopy note.
type deadRun struct {
	span
	lost bool
}

// fates settles what became of every record.
func (f *finish) fates() {
	c := f.c
	for n := range c.recs.n {
		r := c.recs.at(n)
		if r.flags&(reused|unsent) != 0 {
			continue
		}
		d := &c.part(r.tp).dump
		switch r.state {
		case acked:
			f.fateOfAcked(n, r)
		case failed:
			if r.seen >= 0 {
				f.resurrected(n, r)
			}
		default:
			if d.done && r.flags&inLog == 0 && r.seen == history.None {
				c.ledger.LostUnacked++
			}
		}
	}
}

func (f *finish) fateOfAcked(n int32, r *record) {
	c := f.c
	p := c.part(r.tp)
	d := &p.dump
	switch {
	case r.flags&inLog != 0:
		f.looked[loss]++
		if r.off >= 0 && d.done && p.logAt.Get(r.off) != n+1 && (d.covers(r.off) || r.off >= d.next) {
			r.flags |= wrong
		}
	case !d.done:
		f.undecided++
		if r.off >= 0 && r.seen >= 0 && p.readAt.Get(r.off) != n+1 {
			r.flags |= wrong
		}
	case r.off >= 0 && r.off < d.start || p.logAt.Get(max(r.off, 0)) == 0 && d.covers(r.off) && c.compacted(r.tp):
		// Retention took it, which is not looked at here, or compaction: compaction.go.
	case d.covers(r.off), r.off >= d.next && r.ackI < d.last, r.off < 0 && r.ackI < d.first && d.from == 0:
		f.looked[loss]++
		f.lostAcked(n, r)
	default:
		f.undecided++
	}
}

// lostAcked reports an acknowledged record that is in no log at the end.
func (f *finish) lostAcked(n int32, r *record) {
	c := f.c
	p := c.part(r.tp)
	r.flags |= lost
	until := r.off + 1
	from := r.off
	if from < 0 { // it may have been anywhere
		from, until = 0, 1<<62
	}
	if f.excused(loss, p, from, until, r.invI) {
		r.flags |= allowed
	}
	if r.off >= 0 {
		f.die(p, r.off, r)
	}
	if r.flags&allowed != 0 {
		c.ledger.LostAllowed++
		return
	}
	c.ledger.LostAcked++
	f.violated(loss, func() violation { return f.sayLost(n, r, p) })
}

// die marks an offset whose record r is not there at the end.
func (f *finish) die(p *part, off int64, r *record) {
	p.dead = append(p.dead, deadRun{span{off, off + 1}, r.flags&(lost|allowed) == lost})
}

// runs joins the dead offsets of each partition.
func (f *finish) runs() {
	for _, p := range f.c.parts {
		if p == nil || len(p.dead) == 0 {
			continue
		}
		slices.SortStableFunc(p.dead, func(a, b deadRun) int {
			switch {
			case a.from < b.from:
				return -1
			case a.from > b.from:
				return 1
			}
			return 0 // equal offsets are joined, whatever their order
		})
		joined := p.dead[:1]
		for _, d := range p.dead[1:] {
			if last := &joined[len(joined)-1]; d.from <= last.until {
				last.until = max(last.until, d.until)
				last.lost = last.lost || d.lost
			} else {
				joined = append(joined, d)
			}
		}
		p.dead = joined
	}
}

// follows reports whether something in [from, until) was acknowledged and
// lost: then what is odd there follows from that.
func (p *part) follows(from, until int64) bool {
	n, _ := slices.BinarySearchFunc(p.dead, from, func(d deadRun, from int64) int {
		if d.until <= from {
			return -1
		}
		return 1
	})
	for ; n < len(p.dead) && p.dead[n].from < until; n++ {
		if p.dead[n].lost {
			return true
		}
	}
	return false
}

// excused reports whether bytes of [from, until) were lost by every disk that
// had them, and whether that is an excuse for this property. began is the event
// at which that operation was invoked which wrote, or showed, what is gone: its
// answer may be late, but had it begun after the loss then it is no part of it.
func (f *finish) excused(property int, p *part, from, until, began int64) bool {
	if f.c.rules.strict[Properties()[property]] {
		return false
	}
	for _, s := range p.noCopy {
		if (s.synced || !f.c.rules.onDisk) && began < s.i && s.overlaps(from, until) {
			return true
		}
	}
	return false
}

// compacted reports whether the topic of a partition is compacted, so that
// holes in it mean nothing.
func (c *Checker) compacted(tp history.TP) bool {
	t := c.topic(tp)
	return t != nil && t.Compacted()
}

// topic is what the header says of the topic of a partition; nil if it says nothing.
func (c *Checker) topic(tp history.TP) *history.Topic {
	name := c.h.Name(tp)
	for i := range c.h.Topics {
		t := &c.h.Topics[i]
		if len(name) > len(t.Name) && name[:len(t.Name)] == t.Name && (name[len(t.Name)] == '-' || name[len(t.Name)] == '/') && digits(name[len(t.Name)+1:]) {
			return t
		}
	}
	return nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

// addAcked makes readable what was acknowledged where no final read can tell.
func (f *finish) addAcked(p *part) {
	if !f.c.rules.acksAll {
		return
	}
	n := len(p.readable)
	p.ackAt.All(func(off int64, m int32) {
		if r := f.c.recs.at(m - 1); !p.dump.covers(off) && p.readAt.Get(off) == 0 && r.flags&(wrong|lost) == 0 {
			p.readable = append(p.readable, off)
		}
	})
	if len(p.readable) > n {
		slices.Sort(p.readable)
	}
}

// readableIn returns the offsets in [from, until) at which there was a record
// to read, in ascending order.
func (f *finish) readableIn(p *part, from, until int64) []int64 {
	if !p.sorted {
		p.sorted, p.readable = true, p.readable[:0]
		p.readAt.All(func(off int64, _ int32) {
			if !p.dump.covers(off) || p.logAt.Get(off) != 0 {
				p.readable = append(p.readable, off)
			}
		})
		f.addAcked(p)
	}
	lo, _ := slices.BinarySearch(p.readable, from)
	hi, _ := slices.BinarySearch(p.readable, until)
	return p.readable[lo:max(lo, hi)]
}
