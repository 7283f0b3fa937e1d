package checker

import "brokersim/checker/history"

// process is a client process. It keeps its number when it is started again.
type process struct {
	p     int32
	life  int32
	reads bool
	sends bool        // in transactions: it reads, processes and writes
	pos   []*position // by TP
	took  []taken     // in order; only if an application is promised anything
	group *group      // that it is a member of
	rc    bool        // it reads committed records only
	txn   int32       // 1 + the transaction that it began last: index into Checker.txns
	given string      // the transactional.id of which it was given a producer id, in this life
}

// position is where a reader stands in one partition.
type position struct {
	known    bool
	next     int64 // the offset that the next poll must not pass
	began    int64 // the event at which that operation was invoked which led to next
	assigned bool  // since the last poll: it may begin again further back
	fresh    bool  // ... or wherever auto.offset.reset says
	resumed  bool  // ... or further on, where an earlier life was before it was moved back
	working  bool
	done     int64  // the offset after the last that it has finished with
	inHand   span   // what it was given before it was moved back and had not finished with
	moved    []span // passed over for a reason, or reported already
	after    int64  // what a broker said it need not read again: of a commit that is no more than this
	resume   int64  // where it must go on since it was assigned: an offset, or settled, awaited or nowhere
	first    bool   // nobody of its group has read it yet
	refused  refusal
}

// refusal is that a reader was not told what is committed of a partition since it was assigned.
type refusal struct {
	by  witness
	t   int64
	why string // empty: there is none
}

// jump is a move of a reader that needs an explanation: over [from, until), or
// back from from to until.
type jump struct {
	p           int32
	tp          history.TP
	from, until int64
	began       int64 // of a move back: the event at which that operation was invoked which led to from
	by          int32
	processing  bool  // it was given the records but never finished with them
	reset       bool  // by auto.offset.reset: no violation, but the records count as skipped
	resumed     bool  // a new life went on where an earlier one had been
	epoch       int32 // in which the leader answered who made it jump, or None; of polls
	below, at   int32 // 1 + the record that lay last before the gap when it was jumped, and the one behind it; or 0: of polls
}

func (c *Checker) process(p int32) *process {
	x := c.procs[p]
	if x == nil {
		x = &process{p: p}
		c.procs[p] = x
	}
	return x
}

func (x *process) at(tp history.TP) *position {
	for int(tp) >= len(x.pos) {
		x.pos = append(x.pos, nil)
	}
	if x.pos[tp] == nil {
		x.pos[tp] = &position{resume: settled}
	}
	return x.pos[tp]
}

// died is the end of a life: what comes next may begin again further back.
func (x *process) died() {
	x.life++
	x.txn, x.given = 0, ""
	for _, pos := range x.pos {
		if pos != nil {
			pos.assigned, pos.inHand = true, span{}
		}
	}
}

// reset explains a move from one offset to another.
func (pos *position) reset(from, to, i int64) {
	if from < to {
		pos.moved = append(pos.moved, span{from, to})
	}
	pos.known, pos.next, pos.began, pos.assigned, pos.fresh = true, to, i, false, false
	pos.resume = settled
}

// sought is the application moving a reader.
func (c *Checker) sought(e *history.Event) {
	pos := c.process(e.P).at(e.TP)
	pos.known, pos.assigned, pos.fresh, pos.working, pos.resume, pos.after = false, true, false, false, settled, 0
	g := c.process(e.P).group
	if e.Group != "" {
		g = c.group(e.Group)
	}
	if g != nil {
		g.at(e.TP).reg.rewound = e.I
	}
}

func (c *Checker) assigned(e *history.Event) {
	x := c.process(e.P)
	x.reads = true
	for _, tp := range e.TPs {
		pos := x.at(tp)
		pos.assigned, pos.fresh = true, e.Reset
	}
}

// polled moves a reader through what a poll gave it.
func (c *Checker) polled(e *history.Event) {
	x := c.process(e.P)
	x.rc = c.curRC
	for k := range e.Runs {
		run := &e.Runs[k]
		if len(run.Records) == 0 {
			continue
		}
		pos := x.at(run.TP)
		first := run.Records[0].Offset
		c.starts(x, pos, run.TP, min(first, askedFor(e, run.TP, first)), e)
		if !pos.working {
			pos.working, pos.done = true, first
		}
		for j := range run.Records {
			off := run.Records[j].Offset
			c.looked[skips]++
			if off != pos.next {
				seen := &c.part(run.TP).readAt
				c.jumps = append(c.jumps, jump{p: x.p, tp: run.TP, from: pos.next, until: off, began: pos.began, by: c.read(), resumed: pos.resumed, epoch: epochIn(e, run.TP),
					below: seen.Get(pos.next - 1), at: seen.Get(off)})
				if off > pos.next {
					pos.moved = append(pos.moved, span{pos.next, off})
				}
			}
			pos.next, pos.began, pos.resumed = off+1, c.asked.i, false
		}
	}
	for k := range e.At {
		// A fetch beyond its position that brought nothing has still moved on.
		cl := &e.At[k]
		if x.group != nil {
			c.reached(x.at(cl.TP), cl)
		}
		if pos := x.at(cl.TP); cl.From >= 0 && endOf(e, cl.TP) < 0 && (!pos.known || cl.From > pos.next) {
			c.starts(x, pos, cl.TP, cl.From, e)
			if cl.From > pos.next {
				c.jumps = append(c.jumps, jump{p: x.p, tp: cl.TP, from: pos.next, until: cl.From, began: pos.began, by: c.read(), resumed: pos.resumed, epoch: cl.Epoch})
				pos.moved = append(pos.moved, span{pos.next, cl.From})
				pos.next, pos.began = cl.From, c.asked.i
			}
		}
	}
}

// reached takes note of how far a reader may commit without having been shown a record: up
// to where it says that it stands, or else to the end that it was told of.
func (c *Checker) reached(pos *position, cl *history.Claim) {
	if cl.Pos > 0 {
		pos.after = cl.Pos
	} else {
		pos.after = max(pos.after, cl.End, cl.LSO)
	}
}

// askedFor is the offset from which a poll asked for a partition, or def.
func askedFor(e *history.Event, tp history.TP, def int64) int64 {
	for k := range e.At {
		if e.At[k].TP == tp && e.At[k].From >= 0 {
			return e.At[k].From
		}
	}
	return def
}

// starts settles where a reader may begin when its position is new to us or
// it has been assigned again.
func (c *Checker) starts(x *process, pos *position, tp history.TP, first int64, e *history.Event) {
	if !pos.known {
		c.resumed(x, pos, tp, first, e)
		if pos.first && x.group != nil {
			pos.first, x.group.at(tp).from = false, first
		}
	}
	again, reset := pos.assigned, pos.fresh
	pos.assigned, pos.fresh, pos.resumed = false, false, pos.assigned && !pos.fresh
	switch {
	case !pos.known && reset && c.h.Set.Reset == "earliest":
		// From the log start offset, then: anything else is a jump.
		pos.next = 0
		for k := range e.At {
			if e.At[k].TP == tp {
				pos.next = min(max(e.At[k].Start, 0), first)
			}
		}
	case !pos.known:
		pos.next = first
	case again && reset:
		// What an earlier life was given and has not finished with goes as well.
		from := pos.next
		if pos.working {
			from = min(from, pos.done)
		}
		if from < first {
			c.jumps = append(c.jumps, jump{p: x.p, tp: tp, from: from, until: first, by: c.read(), reset: true})
			pos.moved = append(pos.moved, span{from, first})
		}
		pos.next = first
	case again && first <= pos.next:
		pos.next = first
	}
	pos.known = true
}

// truncated takes note that a log was found to part, at to, from what a reader was given of
// it up to from: it must finish with what follows there now. What it has in hand it may finish
// with first, since that a log has been truncated is found while records of it are worked on.
func (pos *position) truncated(from, to int64) {
	pos.inHand = span{}
	if pos.working {
		pos.inHand = span{max(pos.done, to), from}
	}
	pos.done = min(pos.done, to)
}

// movedBack takes note that a reader has been moved back to an offset, by a truncation or by
// auto.offset.reset. What a new life passed over, because it went on where an earlier one had
// been before it was moved back, it reads now after all: the position that it had saved was
// that of a log that is no more.
func (c *Checker) movedBack(p int32, tp history.TP, to int64) {
	for i := range c.jumps {
		if x := &c.jumps[i]; x.resumed && x.p == p && x.tp == tp {
			x.until = min(x.until, max(x.from, to))
		}
	}
}

// processed moves a reader through what it has finished with. To finish with a
// record twice is a cost, to pass over one that was polled is a skip.
func (c *Checker) processed(e *history.Event) {
	x := c.process(e.P)
	x.reads = true
	for k := range e.Runs {
		run := &e.Runs[k]
		pos := x.at(run.TP)
		c.ledger.Processed += int64(len(run.Records))
		if x.group != nil {
			c.groupFinished(x.group.at(run.TP), run, e.X)
			if e.X == 0 && c.rules.strict[ProcessedOnce] {
				c.holdOnce(x, run, e)
			}
		}
		for j := range run.Records {
			off := run.Records[j].Offset
			switch {
			case !pos.working:
				pos.working = true
			case off < pos.done:
				if x.group == nil {
					c.ledger.DupProcessed++
				}
				continue
			case off > pos.done && pos.inHand.overlaps(off, off+1):
				// It says nothing of the log that it reads since.
				pos.inHand.from = off + 1
				c.took(x, run.TP, &run.Records[j])
				continue
			case off > pos.done:
				c.jumps = append(c.jumps, jump{p: x.p, tp: run.TP, from: pos.done, until: off, by: c.read(), processing: true})
			}
			pos.done, pos.inHand = off+1, span{}
			c.took(x, run.TP, &run.Records[j])
		}
	}
}

// groupFinished counts what a group has finished with. What it did in a transaction it may
// have to do again.
func (c *Checker) groupFinished(x *claimable, run *history.Run, in int64) {
	x.working = true
	for j := range run.Records {
		off := run.Records[j].Offset
		n := x.finished.Get(off)
		if n > 0 && in == 0 {
			c.ledger.DupProcessed++
		}
		if n < 255 {
			x.finished.Set(off, n+1)
		}
	}
}
