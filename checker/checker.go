package checker

import (
	"brokersim/checker/history"
	"brokersim/checker/result"
)

// Indexes into Checker.looked, in the order of Properties.
const (
	slots = iota
	loss
	dups
	order
	phantom
	skips
	stale
	delivered // those of applications begin here: application.go
	entityOrder
	folded
	sums
	ackedGap
	lastValue
	counts
	isolated // application_time.go
	lateEvents
	compacts // compaction.go
	retains  // retention.go
	atomic   // batches.go
	committedReads
	oneOwner       // group.go
	commitRegister // offsets.go
	fencing
	processedOnce // once.go
	exactlyOnce   // chain.go
	lively        // liveness.go
	decided       // how many of the properties are decided here
)

// Checker judges one history as it is written. It keeps what it must know of
// each record and of each slot, and no event.
type Checker struct {
	h     *history.Header
	other *deliveries // where records have no offsets, all is decided there
	rules rules

	recs    records
	values  history.Table[int32] // value -> 1 + index into recs
	parts   []*part              // by TP
	txns    []txn
	txnOf   history.Table[int32] // x -> 1 + index into txns
	made    []product            // records that were made of others
	fences  map[int64]fence      // by producer id
	pids    map[string]int64     // transactional.id -> the producer id that has it
	forgot  map[string][]int64   // transactional.id -> the events at which its coordinator had lost some of what it knew
	holders map[string]*holder   // by transactional.id

	groups       map[string]*group
	commits      []commit
	tags         history.Table[int32] // tag -> 1 + index into commits
	twice        int64                // tags that were used again
	coordinators map[string]coordinator
	calls        map[int64]*call // operations of groups and transactions under way
	free         []*call         // such as have been answered

	disturbed   int64 // when the cluster, or a group, last changed before the run's end; see liveness.go
	disturbedBy int64 // the event
	finI, finT  int64 // the first of the reads that end the run began; None: none has
	procs       map[int32]*process
	ops         map[int64]op // under way
	reads       []readRef

	events  int64
	last    int64 // time of the last event
	lastInv int64 // number of the last invocation
	cur     *history.Event
	curRC   bool  // the event in hand is a read of committed records
	curRead int32 // index into reads of the event in hand, or None
	asked   op    // the invocation that it completes, if it is a read; else its i is None
	reused  int64

	ledger result.Ledger
	looked [decided]int64

	// Suspicions, in the order of the history. What they come to is decided
	// at the end, when it is known what was lost.
	conflicts []conflict
	doubles   []double
	phantoms  []sighting
	behind    []behind
	jumps     []jump
	keyed     []keyedRead     // of compacted partitions
	zombies   []zombie        // records that fenced producers sent
	told      [decided]told   // what is certain already
	stamped   map[int32]int64 // the timestamps in ms of records, where retention is promised
}

// op is an operation under way.
type op struct {
	i, t  int64
	first int32 // its first record
	n     int32
	p     int32
	fin   bool // a read that ends the run
	reads bool // it is a read
}

// New returns a checker for the history that h is the head of. It reads the
// names in h again at the end: they may grow in the meantime.
func New(h *history.Header) *Checker {
	if h.Set.Keeps != "" {
		return &Checker{h: h, other: newDeliveries(h)}
	}
	return &Checker{
		h:       h,
		rules:   newRules(h),
		procs:   map[int32]*process{},
		ops:     map[int64]op{},
		lastInv: -1,
		finI:    history.None,
	}
}

// Event makes a Checker a [history.Sink].
func (c *Checker) Event(e *history.Event) { c.Observe(e) }

// Observe takes the next event. It keeps nothing of it.
func (c *Checker) Observe(e *history.Event) {
	if c.other != nil {
		c.other.observe(e)
		return
	}
	c.cur, c.curRead, c.asked = e, history.None, op{i: history.None}
	c.events++
	c.last = e.T
	if e.E == history.Inv {
		c.lastInv = e.I
	}
	switch e.F {
	case history.Send:
		if e.E == history.Inv {
			c.sendBegins(e)
		} else {
			c.sendEnds(e)
		}
	case history.Poll, history.Offsets, history.Dump:
		if e.E == history.Inv {
			c.ends(e)
			c.ops[e.ID] = op{i: e.I, t: e.T, p: e.P, fin: e.Fin, reads: true}
		} else {
			c.readEnds(e)
		}
	case history.Process:
		if e.E != history.Inv {
			c.processed(e)
		}
	case history.Assign:
		if e.E == history.OK || e.E == history.Note {
			c.assigned(e)
		}
	case history.OffsetCommit, history.OffsetFetch, history.Join, history.Sync, history.Heartbeat, history.Leave,
		history.InitProducer, history.TxnCommit, history.TxnAbort, history.TxnOffsets, history.DeleteGroup:
		if e.E == history.Inv {
			c.ends(e)
			c.called(e)
		} else {
			c.answered(e)
		}
	case history.TxnBegin:
		if e.E != history.Fail {
			c.begins(e)
		}
	case history.Crash:
		c.changed(e)
		for _, g := range c.groups { // unordered: each for itself
			if m := g.members[e.P]; m != nil {
				c.left(g, m, e)
			}
			g.deleterDied(e.P, e.I)
		}
		c.process(e.P).died()
		for id, o := range c.ops { // unordered: each is judged by itself
			if o.p == e.P && o.reads {
				delete(c.ops, id) // nobody is left to be answered
			}
		}
	default:
		c.noted(e)
	}
	c.cur = nil
}

// noted takes what happened to brokers and readers.
func (c *Checker) noted(e *history.Event) {
	switch e.F {
	case history.Leader:
		p := c.part(e.TP)
		p.noted = true
		p.maxEpoch = max(p.maxEpoch, e.Epoch)
	case history.Fault, history.Heal, history.Restart:
		c.changed(e)
	case history.Coordinator:
		if c.coordinators == nil {
			c.coordinators = map[string]coordinator{}
		}
		for _, name := range []string{e.Group, e.TxID} {
			if name != "" && e.Epoch >= c.coordinators[name].epoch {
				c.coordinators[name] = coordinator{e.Broker, e.Epoch}
			}
		}
	case history.Subscribe, history.Unsubscribe, history.Assigned, history.Revoked, history.Lost:
		c.grouped(e)
	case history.Seek:
		c.sought(e)
	case history.NoCopy, history.MayLose:
		switch {
		case e.Group != "":
			c.forgets(e)
			return
		case e.TxID != "":
			c.forgetsTxns(e)
			return
		}
		p := c.part(e.TP)
		p.noCopy = append(p.noCopy, noCopy{span{e.Offset, e.Until}, e.I, c.sentBelow(e.TP, e.Offset), e.Synced})
	case history.Skipped:
		if g := c.process(e.P).group; g != nil && e.Until < e.Offset {
			g.at(e.TP).reg.rewound = e.I
		}
		pos := c.process(e.P).at(e.TP)
		pos.reset(e.Offset, e.Until, e.I)
		if e.Why == history.Truncated {
			pos.truncated(e.Offset, e.Until)
		}
		if g := c.process(e.P).group; g != nil && pos.first {
			pos.first, g.at(e.TP).from = false, e.Until
		}
		c.movedBack(e.P, e.TP, e.Until)
		c.jumps = append(c.jumps, jump{p: e.P, tp: e.TP, from: e.Offset, until: max(e.Offset, e.Until), by: c.read(), reset: true})
	}
}

func (c *Checker) sendBegins(e *history.Event) {
	o := op{i: e.I, t: e.T, p: e.P, first: c.recs.n}
	life := c.process(e.P).life
	c.process(e.P).sends = c.process(e.P).sends || e.X != 0
	x := c.transaction(e)
	by, fenced := c.fenced(e)
	for k := range e.Sends {
		s := &e.Sends[k]
		c.ledger.Sent++
		if n := c.values.Get(s.Value); n != 0 {
			c.sentAgain(e, c.recs.at(n-1), s)
			continue
		}
		p := c.part(s.TP)
		n, r := c.recs.add()
		*r = record{value: s.Value, key: s.Key, op: e.ID, invI: e.I, invT: e.T, off: history.None, seen: history.None,
			lo: p.answered, tp: s.TP, p: e.P, life: life, x: x}
		if s.Of != 0 {
			c.made = append(c.made, product{n, s.Of})
		}
		if len(c.fences) > 0 && e.PID >= 0 {
			c.looked[fencing]++
			if fenced {
				c.zombies = append(c.zombies, zombie{n, by})
			}
		}
		if k := len(p.whole); k > 0 {
			r.floor, r.floorBy = p.whole[k-1].end, p.whole[k-1].by
		}
		c.values.Set(s.Value, n+1)
		o.n++
	}
	c.ops[e.ID] = o
}

// sentAgain takes a value that is known already: somebody read it too early,
// or values are not unique, and then there is no telling two records apart.
func (c *Checker) sentAgain(e *history.Event, r *record, s *history.Sent) {
	if r.flags&unsent == 0 {
		r.flags |= reused
		c.reused++
		return
	}
	r.flags = r.flags&^unsent | late
	r.key, r.op, r.invI, r.invT, r.p = s.Key, e.ID, e.I, e.T, e.P
}

func (c *Checker) sendEnds(e *history.Event) {
	o, known := c.ops[e.ID]
	delete(c.ops, e.ID)
	if len(e.Sends) == 0 && known && e.E != history.Info {
		for n := o.first; n < o.first+o.n; n++ {
			c.refusedFenced(e, c.recs.at(n), e.Why)
			c.outcome(e, n, c.recs.at(n), history.None, e.E == history.OK)
		}
		return
	}
	for k := range e.Sends {
		s := &e.Sends[k]
		n := o.first + int32(k)
		if !known || int32(k) >= o.n || c.recs.at(n).value != s.Value {
			n = c.find(s.TP, s.Value)
		}
		r := c.recs.at(n)
		ok := s.Err == "" && (e.E == history.OK || e.E == history.Info && s.Offset >= 0)
		c.refusedFenced(e, r, s.Err)
		if !ok && e.E == history.Info {
			continue
		}
		if ok && r.flags&unsent != 0 {
			c.phantoms = append(c.phantoms, sighting{rec: n, off: s.Offset, by: c.read()})
		}
		c.outcome(e, n, r, s.Offset, ok)
	}
}

// outcome completes one record.
func (c *Checker) outcome(e *history.Event, n int32, r *record, off int64, ok bool) {
	if r.state != open {
		return // a second completion changes nothing that was promised
	}
	if !ok {
		r.state = failed
		c.ledger.Rejected++
		return
	}
	if !c.h.Set.Acknowledges() {
		return // no broker has said anything: the record stays unknown
	}
	r.state, r.ackI, r.ackT, r.ackE, r.op = acked, e.I, e.T, e.E, e.ID
	c.ledger.Acked++
	if r.x != 0 {
		t := &c.txns[r.x-1]
		t.heard = true
		c.sealBefore(t, e.I)
	}
	if off < 0 {
		return
	}
	r.off = off
	p := c.part(r.tp)
	if m := p.ackAt.Get(off); m != 0 && m-1 != n {
		c.looked[slots]++
		c.conflicts = append(c.conflicts, conflict{tp: r.tp, off: off, a: m - 1, b: n, kind: ackAck})
	}
	if m := p.readAt.Get(off); m != 0 {
		c.looked[slots]++
		if m-1 != n {
			c.conflicts = append(c.conflicts, conflict{tp: r.tp, off: off, a: n, b: m - 1, kind: ackRead, by: c.recs.at(m - 1).seenBy})
		}
	}
	p.ackAt.Set(off, n+1)
	c.holdAppend(p, n, r, off)
	c.showsAck(p, n, r)
}
