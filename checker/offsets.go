package checker

import (
	"fmt"
	"math"

	"brokersim/checker/history"
)

// initially is the commit that nobody made: nothing is committed.
const initially = -1

// commit is one offset that somebody has asked to be committed: a write of a register.
type commit struct {
	tag, off   int64
	asked, end when // end is of its completion
	group      *group
	tp         history.TP
	gen        int32
	x          int32 // 1 + its transaction, or 0
	state      state
	zombie     bool // it was accepted though its member, or producer, was fenced: reported
	stale      bool // it was asked for again after its reader had gone back behind it
	era        int64
	reads      [2]zone // of all fetches, and of those that wait for transactions
}

// zone is what fetches say of a commit: which saw it first, and which that saw it was asked
// for last.
type zone struct{ first, last int32 } // 1 + index into Checker.reads; 0 is none

// register is what is committed of one partition by one group.
type register struct {
	list    []int32 // its commits: indexes into Checker.commits
	initial int32   // index of the commit that nobody made, or initially until it was read
	most    int32   // of those that were acknowledged: the one of the highest offset; or None
	rewound int64   // the event at which the application last went back, or None
	final   int64   // what the last fetch that ends the run has read; None: nothing is committed
	known   bool    // final is
	finT    int64
	txn     bool // some commit of it is part of a transaction
	era     int64
}

func (c *Checker) newCommit(e *history.Event, g *group, x *history.Committed, by *call) int32 {
	reg := &g.at(x.TP).reg
	n := int32(len(c.commits))
	c.commits = append(c.commits, commit{tag: x.Tag, off: x.Offset, asked: by.asked, end: never, group: g, tp: x.TP, gen: by.gen, x: by.x, era: reg.era})
	reg.list = append(reg.list, n)
	reg.txn = reg.txn || by.x != 0
	if x.Tag >= 0 {
		if c.tags.Get(x.Tag) != 0 {
			c.twice++
		}
		c.tags.Set(x.Tag, n+1)
	}
	return n
}

func (c *Checker) commitBegins(e *history.Event, by *call) {
	if by.group == nil {
		return
	}
	for k := range e.Offs {
		x := &e.Offs[k]
		m := &c.commits[c.newCommit(e, by.group, x, by)]
		m.stale = c.goneBackBehind(e, m)
		by.n++
		c.withinReason(e, by, x)
	}
}

// goneBackBehind reports whether the reader that commits has gone back and not come as far again
// since: a commit that is tried again as long as that may help is of where the reader was when it
// was first asked for.
func (c *Checker) goneBackBehind(e *history.Event, m *commit) bool {
	p := c.process(e.P)
	return m.group.at(m.tp).reg.rewound >= 0 && int(m.tp) < len(p.pos) && p.pos[m.tp] != nil && p.pos[m.tp].known && m.off > p.pos[m.tp].next
}

// withinReason holds a commit to what its process has read.
func (c *Checker) withinReason(e *history.Event, by *call, x *history.Committed) {
	p := c.process(e.P)
	if p.group != by.group || by.gen == history.None && by.member == "" {
		return // somebody else commits for the group, by hand
	}
	if m := by.group.member(e.P); m.assigned {
		c.looked[commitRegister]++
		if !by.group.at(x.TP).owned(e.P) {
			by.unowned, by.unownedTP = true, x.TP
		}
	}
	if int(x.TP) >= len(p.pos) || p.pos[x.TP] == nil || !p.pos[x.TP].known {
		return
	}
	pos := p.pos[x.TP]
	c.looked[commitRegister]++
	if at := max(pos.next, pos.after); x.Offset > at {
		c.tell(commitRegister, func() violation {
			return violation{
				what: fmt.Sprintf("Commit of what was not read: %s commits offset %d of %s at %s, and has read up to %d.",
					c.say().member(e.P), x.Offset, c.h.Name(x.TP), moment(e.T), at),
				witness: []witness{c.line(e)},
			}
		})
	}
}

func (c *Checker) commitEnds(e *history.Event, by *call) {
	accepted := false
	for k := range e.Offs {
		x := &e.Offs[k]
		n := int32(history.None)
		for j := by.first; j < by.first+by.n; j++ {
			if m := &c.commits[j]; m.tp == x.TP && (m.tag == x.Tag || x.Tag < 0) {
				n = j
				break
			}
		}
		if n < 0 {
			if by.group == nil {
				continue
			}
			if by.asked.i == 0 && !by.known {
				by.asked = whenOf(e)
			}
			n = c.newCommit(e, by.group, x, by)
		}
		m := &c.commits[n]
		m.end = whenOf(e)
		switch {
		case e.E == history.Info:
		case e.E == history.OK && x.Err == "":
			m.state, accepted = acked, true
			c.accepted(n, m, e, by)
		default:
			m.state = failed
			m.group.at(m.tp).refused = n + 1
		}
	}
	if len(e.Offs) == 0 { // it says of all together what became of them
		for j := by.first; j < by.first+by.n; j++ {
			m := &c.commits[j]
			m.end = whenOf(e)
			switch e.E {
			case history.OK:
				m.state, accepted = acked, true
				c.accepted(j, m, e, by)
			case history.Fail:
				m.state = failed
			}
		}
	}
	if by.known && (by.gen > 0 || by.zombie || len(c.fences) > 0) {
		c.looked[fencing]++
	}
	if accepted {
		c.holdCommit(e, by)
	}
}

// holdCommit holds an accepted commit against the generation that was installed when it was
// asked for. A commit is a record, which no coordinator can write that is not in office: so it
// is no excuse that another is.
func (c *Checker) holdCommit(e *history.Event, by *call) {
	if !by.known {
		return
	}
	gone := by.group != nil && by.group.mayBeGone(by.i)
	switch {
	case by.newer >= 0 && !gone && !by.group.consumer(c):
		c.ledger.ZombieWrite++
		c.zombieMember(e, by)
	case by.twin != "" && !gone:
		c.ledger.ZombieWrite++
		c.twinMember(e, by)
	case by.zombie:
		c.ledger.ZombieWrite++
		c.tell(fencing, func() violation {
			return violation{
				what: fmt.Sprintf("A fenced producer was obeyed: offsets of transaction %d at %s, by epoch %d of producer id %d, which was fenced at %s.",
					e.X, moment(e.T), by.epoch, by.pid, moment(by.by.t)),
				witness: []witness{by.by.by, c.line(e)},
			}
		})
	case by.unowned:
		c.tell(commitRegister, func() violation {
			return violation{
				what: fmt.Sprintf("Commit of what it does not own: group %s accepted at %s what %s had asked to be committed of %s, which was not assigned to it.",
					by.group.name, moment(e.T), c.say().member(by.p), c.h.Name(by.unownedTP)),
				witness: []witness{c.asking(by, e), c.line(e)},
			}
		})
		return
	default:
		return
	}
	for j := by.first; j < by.first+by.n; j++ {
		c.commits[j].zombie = true
	}
}

// accepted takes a commit that was acknowledged.
func (c *Checker) accepted(n int32, m *commit, e *history.Event, by *call) {
	x := m.group.at(m.tp)
	if m.x != 0 {
		return // it takes effect when the transaction commits
	}
	if was := x.reg.most; was >= 0 {
		w := &c.commits[was]
		c.looked[commitRegister]++
		if m.off < w.off && w.end.i < m.asked.i && x.reg.rewound < w.asked.i && w.era == m.era && len(m.group.deleters) == 0 && by.newer < 0 && by.twin == "" {
			c.tell(commitRegister, func() violation {
				return violation{
					what: fmt.Sprintf("A committed offset went back: group %s committed offset %d of %s at %s, and at %s only %d, although nobody had gone back.",
						m.group.name, w.off, c.h.Name(m.tp), moment(w.end.t), moment(e.T), m.off),
					witness: []witness{c.committed(w), c.committed(m)},
				}
			})
		}
		if m.off <= w.off && x.reg.rewound < w.asked.i {
			return
		}
	}
	if !m.stale { // what comes behind has gone back
		x.reg.most = n
	}
}

// fetched takes what a fetch of committed offsets has read.
func (c *Checker) fetched(e *history.Event, by *call) {
	g := by.group
	// Who was deposed and does not know it answers what it knows (as a deposed leader does).
	deposed := by.deposing >= 0 && e.Broker != "" && e.Broker != by.deposer
	for k := range e.Offs {
		x := &e.Offs[k]
		if x.Err != "" {
			continue
		}
		c.resumes(e, x)
		reg := &g.at(x.TP).reg
		if by.fin || e.Fin {
			reg.final, reg.known, reg.finT = x.Offset, true, e.T
		}
		n := c.commitRead(e, g, x)
		if n < 0 {
			continue
		}
		m := &c.commits[n]
		c.resurrected(e, m, by)
		if m.era != reg.era || by.known && by.i < g.forgot {
			continue // its coordinator had lost it
		}
		if len(g.deleters) > 0 && !deposed {
			g.aside = append(g.aside, aside{n, c.readCommitted(by), by.stable})
			continue
		}
		c.looked[commitRegister]++
		if deposed {
			if most := reg.most; most >= 0 && m.off < c.commits[most].off {
				c.ledger.StaleReads++
			}
			continue
		}
		m.readBy(c, c.readCommitted(by), by.stable)
	}
}

// readBy takes note that a fetch has read the commit.
func (m *commit) readBy(c *Checker, r int32, stable bool) {
	m.reads[0].saw(c, r)
	if stable {
		m.reads[1].saw(c, r)
	}
}

// readCommitted is the fetch in hand as a read: one that nobody saw begin is held to nothing.
func (c *Checker) readCommitted(by *call) int32 {
	if c.curRead < 0 {
		c.asked = op{i: history.None}
		if by.known {
			c.asked = op{i: by.i, t: by.t, p: by.p}
		}
	}
	return c.read()
}

func (z *zone) saw(c *Checker, r int32) {
	if z.first == 0 || c.reads[r].i < c.reads[z.first-1].i {
		z.first = r + 1
	}
	if z.last == 0 || c.reads[r].invI > c.reads[z.last-1].invI {
		z.last = r + 1
	}
}

// commitRead returns the commit that a fetch has read, or None if that is out of the question
// and reported, or cannot be told.
func (c *Checker) commitRead(e *history.Event, g *group, x *history.Committed) int32 {
	reg := &g.at(x.TP).reg
	if x.Tag < 0 {
		if x.Offset >= 0 {
			return history.None // nobody can tell which commit that was
		}
		if reg.initial == initially {
			reg.initial = int32(len(c.commits))
			c.commits = append(c.commits, commit{tag: history.None, off: history.None, asked: never, end: never, group: g, tp: x.TP, state: acked, era: reg.era})
			reg.list = append(reg.list, reg.initial)
		}
		return reg.initial
	}
	n := c.tags.Get(x.Tag) - 1
	why := ""
	var m *commit
	switch {
	case n < 0:
		why = "which nobody ever committed"
	default:
		m = &c.commits[n]
		switch {
		case m.group != g || m.tp != x.TP:
			why = fmt.Sprintf("which was committed for %s of group %s", c.h.Name(m.tp), m.group.name)
		case m.off != x.Offset:
			why = fmt.Sprintf("which was of offset %d", m.off)
		case m.state == failed:
			why = "which certainly failed"
		default:
			return n
		}
	}
	c.looked[commitRegister]++
	c.tell(commitRegister, func() violation {
		v := violation{
			what: fmt.Sprintf("A committed offset from nowhere: %s reads offset %d of %s of group %s, as of commit %d, %s.",
				c.fetcher(e), x.Offset, c.h.Name(x.TP), g.name, x.Tag, why),
			witness: []witness{c.line(e)},
		}
		if m != nil {
			v.witness = append(v.witness, c.committed(m))
		}
		return v
	})
	return history.None
}

func (c *Checker) fetcher(e *history.Event) string {
	return fmt.Sprintf("a fetch of committed offsets of %s at %s", c.say().member(e.P), moment(e.T))
}

// committed is a commit as a witness: its completion, or its invocation if it has none.
func (c *Checker) committed(m *commit) witness {
	at := m.end
	if at.i < 0 {
		at = m.asked
	}
	e := &history.Event{I: at.i, T: at.t, E: at.e, F: at.f, ID: at.op, P: at.p, Group: m.group.name, Gen: m.gen,
		Offs: []history.Committed{{TP: m.tp, Offset: m.off, Tag: m.tag}}}
	if m.x != 0 {
		e.X = c.txns[m.x-1].x
	}
	return c.line(e)
}

// forgets takes note that what a group had committed is gone.
func (c *Checker) forgets(e *history.Event) {
	g := c.group(e.Group)
	c.forgetsGroup(g, e)
	g.deleted = deletion{never, never} // it may not know of that either
}

// expires takes note that what a group had committed may be forgotten, since for
// offsets.retention.minutes nobody was in it.
func (c *Checker) expires(g *group, e *history.Event) {
	if kept := c.h.Set.OffsetsKept; kept > 0 && g.seen != history.None && e.T-g.seen >= kept {
		g.seen = e.T
		c.forgetsGroup(g, e)
	}
}

func (c *Checker) forgetsGroup(g *group, e *history.Event) {
	if !c.rules.strict[OneOwner] && !c.rules.strict[Fencing] {
		g.beginsAnew()
	}
	if c.rules.strict[CommitRegister] {
		return
	}
	g.forgets(e.I)
}

// forgets has nothing be committed from an event on, as far as anybody knows.
func (g *group) forgets(i int64) {
	g.forgot = i
	for _, x := range g.parts {
		if x != nil {
			x.reg.era++
			x.reg.most, x.reg.initial = history.None, initially
		}
	}
}

// What a partition that was assigned waits for: see position.resume.
const (
	settled = -3 // nothing: its reader may be anywhere
	awaited = -2 // that what is committed is fetched
	nowhere = -1 // nothing is committed: auto.offset.reset decides
)

// resumes takes note of where a reader must go on.
func (c *Checker) resumes(e *history.Event, x *history.Committed) {
	p := c.process(e.P)
	if int(x.TP) >= len(p.pos) || p.pos[x.TP] == nil {
		return
	}
	if pos := p.pos[x.TP]; pos.resume != settled && !pos.known {
		pos.resume = x.Offset
	}
}

// fetchRefused takes note that a member was not told what is committed.
func (c *Checker) fetchRefused(e *history.Event, by *call) {
	p := c.process(e.P)
	for _, tp := range by.tps {
		if int(tp) < len(p.pos) && p.pos[tp] != nil && p.pos[tp].resume == awaited {
			p.pos[tp].refused = refusal{c.line(e), e.T, e.Why}
		}
	}
}

// resumed holds the first fetch of a partition that was assigned to what was committed.
func (c *Checker) resumed(x *process, pos *position, tp history.TP, first int64, e *history.Event) {
	at := pos.resume
	pos.resume = settled
	from := askedFor(e, tp, history.None)
	if from < 0 && at >= 0 && first < at {
		from = first // it was given what lies before
	}
	if at == awaited && pos.refused.why != "" && x.group != nil && from >= 0 {
		c.looked[commitRegister]++
		c.untold(x, pos, tp, from, e)
	}
	if x.group == nil || at == awaited || at == settled || from < 0 {
		return
	}
	c.looked[commitRegister]++
	if at == nowhere {
		if began := x.group.at(tp).from; c.h.Set.Reset == "latest" && began >= 0 && began < from {
			pos.moved = append(pos.moved, span{began, from}) // by auto.offset.reset, again
		}
		at = startOf(e, tp)
		if c.h.Set.Reset != "earliest" || at < 0 || from <= at {
			return
		}
		c.tell(commitRegister, func() violation {
			return violation{
				what: fmt.Sprintf("Not by auto.offset.reset: %s was assigned %s, of which nothing is committed, and began to read it at offset %d; the log starts at %d.",
					c.say().member(x.p), c.h.Name(tp), from, at),
				witness: []witness{c.asksFrom(e, tp, from)},
			}
		})
		return
	}
	if from == at {
		return
	}
	c.tell(commitRegister, func() violation {
		return violation{
			what: fmt.Sprintf("Not where the group left off: %s was assigned %s, of which it read that offset %d is committed, and began to read it at offset %d.",
				c.say().member(x.p), c.h.Name(tp), at, from),
			witness: []witness{c.asksFrom(e, tp, from)},
		}
	})
}

// untold reports a reader that was refused what is committed, and went on without.
func (c *Checker) untold(x *process, pos *position, tp history.TP, from int64, e *history.Event) {
	c.tell(commitRegister, func() violation {
		return violation{
			what: fmt.Sprintf("Not told where the group left off: %s was assigned %s, was refused at %s what is committed of it (%s), and began to read it at offset %d all the same.",
				c.say().member(x.p), c.h.Name(tp), moment(pos.refused.t), pos.refused.why, from),
			witness: []witness{pos.refused.by, c.asksFrom(e, tp, from)},
		}
	})
}

// startOf is the log start offset that an answer names, or None.
func startOf(e *history.Event, tp history.TP) int64 {
	for k := range e.At {
		if e.At[k].TP == tp {
			return e.At[k].Start
		}
	}
	return history.None
}

func (c *Checker) asksFrom(e *history.Event, tp history.TP, from int64) witness {
	return c.claimed(e, &history.Claim{TP: tp, From: from, End: history.None, LSO: history.None, Start: history.None, Epoch: history.None})
}

// infinite is when a commit of unknown outcome has ended.
const infinite = math.MaxInt64
