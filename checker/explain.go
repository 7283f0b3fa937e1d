package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
)

// witness is one event, cut down to the record or the claim in question.
type witness struct {
	i    int64
	line string
}

// lines returns the lines in the order of the history, each once.
func lines(ws []witness) []string {
	slices.SortStableFunc(ws, func(a, b witness) int {
		switch {
		case a.i < b.i:
			return -1
		case a.i > b.i:
			return 1
		}
		return 0
	})
	out := []string{}
	for _, w := range ws {
		if w.i >= 0 && !slices.Contains(out, w.line) {
			out = append(out, w.line)
		}
	}
	return out
}

func (f *finish) line(e *history.Event) witness {
	return witness{e.I, string(history.AppendEvent(nil, f.c.h, e))}
}

// sent is the invocation of a record's send.
func (f *finish) sent(r *record) witness {
	return f.line(&history.Event{I: r.invI, T: r.invT, E: history.Inv, F: history.Send, ID: r.op, P: r.p,
		Sends: []history.Sent{{TP: r.tp, Value: r.value, Key: r.key, Offset: history.None, Seq: history.None}}})
}

// ack is the acknowledgement of a record.
func (f *finish) ack(r *record) witness {
	return f.line(&history.Event{I: r.ackI, T: r.ackT, E: r.ackE, F: history.Send, ID: r.op, P: r.p,
		Sends: []history.Sent{{TP: r.tp, Value: r.value, Key: history.None, Offset: r.off, Seq: history.None}}})
}

func (f *finish) readEvent(by int32) *history.Event {
	x := f.c.reads[by]
	return &history.Event{I: x.i, T: x.t, E: x.e, F: x.f, ID: x.op, P: x.p}
}

// readAt is a read that showed a record.
func (f *finish) readAt(by int32, tp history.TP, off, value int64) witness {
	e := f.readEvent(by)
	if e.F == history.Send { // an acknowledgement of what nobody had sent
		e.Sends = []history.Sent{{TP: tp, Value: value, Key: history.None, Offset: off, Seq: history.None}}
		return f.line(e)
	}
	e.Runs = []history.Run{{TP: tp, Records: []history.Record{{Offset: off, Value: value, Key: history.None}}}}
	return f.line(e)
}

// endClaim is a read that showed the end of a partition.
func (f *finish) endClaim(by int32, tp history.TP, end int64, epoch int32) witness {
	e := f.readEvent(by)
	e.At = []history.Claim{{TP: tp, From: history.None, End: end, LSO: history.None, Start: history.None, Epoch: epoch}}
	return f.line(e)
}

// asked is the invocation of a read.
func (f *finish) asked(by int32) witness {
	x := f.c.reads[by]
	return f.line(&history.Event{I: x.invI, T: x.invT, E: history.Inv, F: x.f, ID: x.op, P: x.p})
}

// moment is a time in seconds.
func moment(t int64) string { return fmt.Sprintf("%d.%03d s", t/1e9, t%1e9/1e6) }

func (f *finish) name(r *record) string {
	if r.key == history.None {
		return "record " + f.c.h.Text(r.value)
	}
	return fmt.Sprintf("record %s (key %s)", f.c.h.Text(r.value), f.c.h.Text(r.key))
}

func (f *finish) slot(tp history.TP, off int64) string {
	if off < 0 {
		return f.c.h.Name(tp)
	}
	return fmt.Sprintf("%s@%d", f.c.h.Name(tp), off)
}

// reader names the process behind a read and what it did.
func (f *finish) reader(by int32) string {
	x := f.c.reads[by]
	switch x.f {
	case history.Dump:
		return fmt.Sprintf("the final read at %s", moment(x.t))
	case history.Offsets:
		return fmt.Sprintf("ListOffsets of %s at %s", f.process("k", x.p), moment(x.t))
	}
	if x.f == history.OffsetFetch {
		return fmt.Sprintf("a fetch of committed offsets of %s at %s", f.member(x.p), moment(x.t))
	}
	letter := "k"
	if p := f.c.procs[x.p]; p != nil && p.sends {
		letter = "p"
	}
	if x.f == history.Send {
		letter = "p"
	}
	return fmt.Sprintf("a %v of %s at %s", x.f, f.process(letter, x.p), moment(x.t))
}

// process names a process, in a simulated run as its traces name the node.
func (f *finish) process(letter string, p int32) string { return processName(f.c.h, letter, p) }

// member names a process that reads; one that writes as well is named for that.
func (f *finish) member(p int32) string {
	if x := f.c.procs[p]; x != nil && x.sends {
		return f.process("p", p)
	}
	return f.process("k", p)
}

func processName(h *history.Header, letter string, p int32) string {
	if h.From == "sim" {
		return fmt.Sprintf("%s%d", letter, p)
	}
	return fmt.Sprintf("process %d", p)
}

func (f *finish) sayLost(n int32, r *record, p *part) violation {
	v := violation{
		what:    fmt.Sprintf("Acknowledged %s was lost: acknowledged at %s (%s), it is in no log at the end", f.name(r), moment(r.ackT), f.slot(r.tp, r.off)),
		witness: []witness{f.sent(r), f.ack(r)},
	}
	if m := p.logAt.Get(r.off); r.off >= 0 && m != 0 && m-1 != n {
		other := f.c.recs.at(m - 1)
		v.what += fmt.Sprintf("; that offset holds record %s", f.c.h.Text(other.value))
		v.witness = append(v.witness, f.readAt(p.dump.by, p.tp, r.off, other.value))
	} else {
		v.witness = append(v.witness, f.endClaim(p.dump.by, p.tp, p.dump.next, history.None))
	}
	v.what += "."
	return v
}

func (f *finish) sayWrong(n int32, r *record, p *part) violation {
	by, at := r.seenBy, r.seen
	return violation{
		what: fmt.Sprintf("Acknowledgement and log disagree: %s was acknowledged at offset %d of %s (%s), but %s has it at offset %d.",
			f.name(r), r.off, f.c.h.Name(r.tp), moment(r.ackT), f.reader(by), at),
		witness: []witness{f.ack(r), f.readAt(by, r.tp, at, r.value)},
	}
}

func (f *finish) sayConflict(x *conflict, a, b *record) violation {
	h := f.c.h
	switch x.kind {
	case ackAck:
		return violation{
			what: fmt.Sprintf("Offset %s was acknowledged twice: for %s at %s and for %s at %s.",
				f.slot(x.tp, x.off), f.name(a), moment(a.ackT), f.name(b), moment(b.ackT)),
			witness: []witness{f.ack(a), f.ack(b)},
		}
	case ackRead:
		return violation{
			what: fmt.Sprintf("Offset %s was acknowledged for %s at %s, but %s found record %s there.",
				f.slot(x.tp, x.off), f.name(a), moment(a.ackT), f.reader(x.by), h.Text(b.value)),
			witness: []witness{f.ack(a), f.readAt(x.by, x.tp, x.off, b.value)},
		}
	}
	v := violation{
		what: fmt.Sprintf("Two reads disagree about offset %s: it held record %s, and in %s it held record %s.",
			f.slot(x.tp, x.off), h.Text(a.value), f.reader(x.by), h.Text(b.value)),
		witness: []witness{f.readAt(x.by, x.tp, x.off, b.value)},
	}
	if a.seen == x.off && a.tp == x.tp {
		v.witness = append(v.witness, f.readAt(a.seenBy, x.tp, x.off, a.value))
	}
	return v
}

func (f *finish) sayVanished(r *record, p *part, off int64) violation {
	return violation{
		what: fmt.Sprintf("A record that was shown to a reader is gone: %s returned %s at %s, and the final read has nothing there.",
			f.reader(r.seenBy), f.name(r), f.slot(p.tp, off)),
		witness: []witness{f.readAt(r.seenBy, p.tp, off, r.value), f.endClaim(p.dump.by, p.tp, p.dump.next, history.None)},
	}
}

func (f *finish) sayDouble(x *double, r *record) violation {
	return violation{
		what: fmt.Sprintf("Duplicate in the log: %s is at offsets %d and %d of %s.",
			f.name(r), min(r.seen, x.off), max(r.seen, x.off), f.c.h.Name(r.tp)),
		witness: []witness{f.readAt(r.seenBy, r.tp, r.seen, r.value), f.readAt(x.by, r.tp, x.off, r.value)},
	}
}

func (f *finish) sayOrder(a *record, aOff int64, b *record, bOff int64) violation {
	v := violation{
		what: fmt.Sprintf("Out of order: %s sent %s before %s, but their offsets in %s are %d and %d.",
			f.process("p", b.p), f.name(a), f.name(b), f.c.h.Name(b.tp), aOff, bOff),
		witness: []witness{f.sent(a), f.sent(b)},
	}
	for _, r := range []*record{a, b} {
		if r.state == acked {
			v.witness = append(v.witness, f.ack(r))
		} else {
			v.witness = append(v.witness, f.readAt(r.seenBy, r.tp, r.seen, r.value))
		}
	}
	return v
}

func (f *finish) sayResurrected(n int32, r *record) violation {
	return violation{
		what: fmt.Sprintf("A send that certainly failed was written: %s was rejected, but %s returned it at %s.",
			f.name(r), f.reader(r.seenBy), f.slot(r.tp, r.seen)),
		witness: []witness{f.sent(r), f.readAt(r.seenBy, r.tp, r.seen, r.value)},
	}
}

func (f *finish) sayPhantom(x *sighting) violation {
	r := f.c.recs.at(x.rec)
	v := violation{witness: []witness{f.readAt(x.by, x.tp, x.off, r.value)}}
	did := "returned"
	if f.c.reads[x.by].f == history.Send {
		did = "was told of"
	}
	head := fmt.Sprintf("%s %s record %s at %s", f.reader(x.by), did, f.c.h.Text(r.value), f.slot(x.tp, x.off))
	switch {
	case r.flags&unsent != 0:
		v.what = fmt.Sprintf("A record from nowhere: %s, which nobody ever sent.", head)
	case r.tp != x.tp:
		v.what = fmt.Sprintf("A record in the wrong partition: %s, which was sent to %s.", head, f.c.h.Name(r.tp))
		v.witness = append(v.witness, f.sent(r))
	default:
		v.what = fmt.Sprintf("A record before its time: %s, whose send began only at %s.", head, moment(r.invT))
		v.witness = append(v.witness, f.sent(r))
	}
	return v
}

func (f *finish) saySkip(x *jump, p *part, first, n int64) violation {
	m := p.readAt.Get(first)
	if m == 0 {
		m = p.ackAt.Get(first)
	}
	r := f.c.recs.at(m - 1)
	did := "polled"
	if x.processing {
		did = "finished with"
	}
	v := violation{
		what: fmt.Sprintf("Process %d skipped %d readable record(s) of %s: from offset %d it went on to %d and never %s %s at offset %d.",
			x.p, n, f.c.h.Name(x.tp), x.from, x.until, did, f.name(r), first),
		witness: []witness{f.movedTo(x, p)},
	}
	if r.seen == first {
		v.witness = append(v.witness, f.readAt(r.seenBy, x.tp, first, r.value))
	} else if r.state == acked {
		v.witness = append(v.witness, f.ack(r))
	}
	return v
}

func (f *finish) sayBack(x *jump) violation {
	p := f.c.part(x.tp)
	return violation{
		what: fmt.Sprintf("Process %d went back in %s from offset %d to %d without having been assigned or reset.",
			x.p, f.c.h.Name(x.tp), x.from, x.until),
		witness: []witness{f.movedTo(x, p)},
	}
}

// movedTo is the read that shows where a reader went: to a record, or only to
// an offset that it asked for.
func (f *finish) movedTo(x *jump, p *part) witness {
	if m := p.readAt.Get(x.until); m != 0 {
		return f.readAt(x.by, x.tp, x.until, f.c.recs.at(m-1).value)
	}
	e := f.readEvent(x.by)
	e.At = []history.Claim{{TP: x.tp, From: x.until, End: history.None, LSO: history.None, Start: history.None, Epoch: history.None}}
	return f.line(e)
}

func (f *finish) sayBehind(x *behind, p *part) violation {
	c := f.c
	var v violation
	before := ""
	if x.proof.by >= 0 {
		r := c.recs.at(x.proof.by)
		before = fmt.Sprintf("offset %d was acknowledged at %s", r.off, moment(r.ackT))
		v.witness = append(v.witness, f.ack(r))
	} else {
		by := ^x.proof.by
		before = fmt.Sprintf("%s had shown the log up to offset %d", f.reader(by), x.proof.end-1)
		v.witness = append(v.witness, f.endClaim(by, p.tp, x.proof.end, history.None))
	}
	if x.append {
		r := c.recs.at(x.rec)
		v.what = fmt.Sprintf("Append below the end: %s got offset %d of %s, although %s, before its send began at %s.",
			f.name(r), x.off, c.h.Name(p.tp), before, moment(r.invT))
		v.witness = append(v.witness, f.sent(r))
		if x.by < 0 {
			v.witness = append(v.witness, f.ack(r))
		} else {
			v.witness = append(v.witness, f.readAt(x.by, p.tp, x.off, r.value))
		}
		return v
	}
	v.what = fmt.Sprintf("Stale end: %s says that %s ends at %d, although %s, before it began.",
		f.reader(x.by), c.h.Name(p.tp), x.off, before)
	v.witness = append(v.witness, f.asked(x.by), f.endClaim(x.by, p.tp, x.off, x.epoch))
	return v
}
