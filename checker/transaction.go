package checker

import (
	"fmt"
	"math"

	"brokersim/checker/history"
)

// when is when an event was, as far as a witness needs it.
type when struct {
	i, t, op int64 // i is None if it never was
	p        int32
	e        history.Kind
	f        history.Func
}

func whenOf(e *history.Event) when { return when{e.I, e.T, e.ID, e.P, e.E, e.F} }

// never is an event that has not been.
var never = when{i: history.None}

// txn is one transaction. Many are kept, so that what may be asked of each of its records is
// with the record.
type txn struct {
	x, pid    int64
	met       int64 // the first event that tells of it
	txid      string
	epoch, p  int32
	begun     when // as its client says
	asked     when // its first commit was asked for
	committed when // a commit, or an abort, was answered with success
	aborted   when
	refused   when  // the last end that certainly failed
	since     int64 // when its coordinator began to count its time at the earliest; None: nobody knows
	sealed    int64 // the first event that shows that all its markers were written; or None
	before    int32 // 1 + the one that its producer had begun before, if that is not sealed
	pending   int32 // commits that nobody knows of, or that are under way
	fenced    bool  // its producer was told that it is, or that it is in no transaction
	heard     bool  // something of it was acknowledged: its coordinator knows of it, and its producer knows that
	shown     bool  // to a reader of committed records, when it should not have been, and that is reported
	hung      bool  // it is reported that no marker has ended it
	torn      bool  // one violation of it as a whole is reported
	excuse    excuse

	in [4]tally // its records in the final read, by fate
}

// tally is how many records there are, and the first of them.
type tally struct{ n, first int32 }

func (t *tally) add(rec int32) {
	if t.n++; t.n == 1 {
		t.first = rec
	}
}

// ending is what clients know of the end of a transaction.
type ending uint8

const (
	unasked     ending = iota // nobody has asked to commit it
	uncertain                 // somebody has, and nobody knows
	isCommitted               // a commit succeeded
	isAborted                 // an abort succeeded, or every commit certainly failed
)

func (t *txn) ending() ending {
	switch {
	case t.committed.i >= 0:
		return isCommitted
	case t.aborted.i >= 0:
		return isAborted
	case t.asked.i < 0:
		return unasked
	case t.pending == 0:
		return isAborted
	}
	return uncertain
}

// transaction returns 1 + the index of the transaction that an event is part of, or 0.
func (c *Checker) transaction(e *history.Event) int32 {
	if e.X <= 0 {
		return 0
	}
	if n := c.txnOf.Get(e.X); n != 0 {
		if t := &c.txns[n-1]; t.txid == "" {
			t.txid = e.TxID
		}
		return n
	}
	c.txns = append(c.txns, txn{x: e.X, met: e.I, pid: e.PID, txid: e.TxID, epoch: e.Epoch, p: e.P, begun: never, asked: never, committed: never, aborted: never, refused: never, since: history.None, sealed: history.None})
	n := int32(len(c.txns))
	c.txnOf.Set(e.X, n)
	return n
}

// endAsked takes the invocation of a commit or abort.
func (c *Checker) endAsked(e *history.Event) {
	n := c.transaction(e)
	if n == 0 {
		return
	}
	if t := &c.txns[n-1]; e.F == history.TxnCommit {
		if t.asked.i < 0 {
			t.asked = whenOf(e)
		}
		t.pending++
	}
}

// endDone takes what became of a commit or abort.
func (c *Checker) endDone(e *history.Event, asked *call) {
	n := asked.x
	if n == 0 {
		if n = c.transaction(e); n == 0 {
			return
		}
	}
	t := &c.txns[n-1]
	if e.F == history.TxnCommit && e.E != history.Info && asked.known {
		t.pending--
	}
	if e.E != history.OK {
		c.toldFenced(e, t, e.Why)
	}
	switch {
	case e.E == history.Fail:
		t.refused = whenOf(e)
	case e.E == history.OK && e.F == history.TxnCommit:
		t.committed = whenOf(e)
	case e.E == history.OK:
		t.aborted = whenOf(e)
	}
	if e.F == history.TxnAbort {
		// Whoever has read to write goes back to what is committed.
		for _, pos := range c.process(t.p).pos {
			if pos != nil {
				pos.assigned, pos.working = true, false
			}
		}
	}
	c.endFenced(e, asked)
}

// fence is how far the epochs of a producer id are fenced off, and the event that says so.
type fence struct {
	epoch int32
	by    witness
	t     int64
}

// initialized takes the answer to InitProducerId: whoever had the transactional.id before is
// fenced from here on (KIP-98).
func (c *Checker) initialized(e *history.Event) {
	if e.TxID == "" {
		return
	}
	if c.fences == nil {
		c.fences, c.pids = map[int64]fence{}, map[string]int64{}
	}
	by := c.line(e)
	if old, known := c.pids[e.TxID]; known && old != e.PID {
		c.fences[old] = fence{math.MaxInt32, by, e.T} // its epochs were exhausted, or its id was forgotten
	}
	if old, known := c.fences[e.PID]; !known || e.Epoch > old.epoch {
		c.fences[e.PID] = fence{e.Epoch, by, e.T}
	}
	c.pids[e.TxID] = e.PID
}

// fenced returns what fences off the producer of an event.
func (c *Checker) fenced(e *history.Event) (fence, bool) {
	if len(c.fences) == 0 || e.PID < 0 || e.Epoch < 0 {
		return fence{}, false
	}
	x, known := c.fences[e.PID]
	return x, known && e.Epoch < x.epoch
}

// zombie is a record that a fenced producer has begun to send.
type zombie struct {
	rec int32
	by  fence
}

// endFenced holds the answer to a commit or abort against who was fenced when it was asked.
func (c *Checker) endFenced(e *history.Event, asked *call) {
	if !asked.known || len(c.fences) == 0 {
		return
	}
	c.looked[fencing]++
	if e.E != history.OK || !asked.zombie {
		return
	}
	c.ledger.ZombieWrite++
	c.tell(fencing, func() violation {
		return violation{
			what: fmt.Sprintf("A fenced producer was obeyed: %v of transaction %d at %s, by epoch %d of producer id %d, was asked for after that epoch was fenced at %s.",
				e.F, e.X, moment(e.T), asked.epoch, asked.pid, moment(asked.by.t)),
			witness: []witness{asked.by.by, c.line(e)},
		}
	})
}

// reads committed records only.
func (c *Checker) isolated(e *history.Event) bool {
	if e.F == history.Dump {
		return e.Iso == "rc"
	}
	return e.Iso == "rc" || e.Iso == "" && c.h.Set.Iso == "rc"
}

// showed takes a record of a transaction that a reader of committed records was given.
func (c *Checker) showed(p *part, n int32, r *record, off int64) {
	c.looked[committedReads]++
	if p.shownRec.Get(off) != n+1 {
		p.shownRec.Set(off, n+1)
		p.shownAt.Set(off, c.read()+1)
	}
	t := &c.txns[r.x-1]
	if t.asked.i >= 0 || t.shown || c.mayEndOtherwise(p, t, off) && !c.rules.strict[ReadCommitted] {
		return
	}
	t.shown = true
	c.ledger.AbortedVisible++
	e := c.cur
	c.tell(committedReads, func() violation {
		return violation{
			what: fmt.Sprintf("Read of a record that was not committed: %s returned %s at %s, and transaction %d had not been asked to commit.",
				c.say().reader(c.read()), c.say().name(r), c.say().slot(p.tp, off), t.x),
			witness: []witness{c.say().sent(r), c.seen(e, p.tp, off, r.value)},
		}
	})
}

// aboveLSO holds the records that a reader of committed records was given, and what the broker
// said of the end, against the last stable offset of the same answer.
func (c *Checker) aboveLSO(cl *history.Claim, e *history.Event, reached int64, isolated bool) {
	if cl.LSO < 0 || e.F == history.Offsets {
		return
	}
	c.looked[committedReads]++
	what := ""
	switch {
	case cl.End >= 0 && cl.LSO > cl.End:
		what = fmt.Sprintf("last stable offset %d of %s is above the high watermark %d", cl.LSO, c.h.Name(cl.TP), cl.End)
	case isolated && reached > cl.LSO:
		what = fmt.Sprintf("offset %d of %s was returned to a reader of committed records, and the last stable offset is %d", reached-1, c.h.Name(cl.TP), cl.LSO)
	default:
		return
	}
	c.tell(committedReads, func() violation {
		return violation{fmt.Sprintf("Beyond the last stable offset: in %s %s.", c.say().reader(c.read()), what), []witness{c.claimed(e, cl)}}
	})
}

// lsoFloor holds a last stable offset to those that the same leader had shown before.
func (c *Checker) lsoFloor(p *part, cl *history.Claim, e *history.Event, inv int64) {
	if cl.LSO < 0 || cl.Epoch < 0 || e.F == history.Offsets {
		return
	}
	f := p.epoch(cl.Epoch)
	if was, ok := before(f.stable, inv); ok {
		c.looked[committedReads]++
		if cl.LSO < was.end {
			c.tell(committedReads, func() violation {
				x := c.reads[^was.by]
				return violation{
					what: fmt.Sprintf("The last stable offset of %s went back: %s says that it is %d, although %s had shown %d, before it began, in the same leader epoch %d.",
						c.h.Name(cl.TP), c.say().reader(c.read()), cl.LSO, c.say().reader(^was.by), was.end, cl.Epoch),
					witness: []witness{c.claimed(&history.Event{I: x.i, T: x.t, E: x.e, F: x.f, ID: x.op, P: x.p},
						&history.Claim{TP: cl.TP, From: history.None, End: history.None, LSO: was.end, Start: history.None, Epoch: cl.Epoch}),
						c.say().asked(c.read()), c.claimed(e, cl)},
				}
			})
		}
	}
	f.stable = c.raiseByRead(f.stable, cl.LSO)
}
