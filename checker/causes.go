package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
)

// holder is who has a transactional.id.
type holder struct {
	p      int32   // the process whose InitProducerId was answered last
	since  int64   // the event at which it was asked for; None: nobody saw that
	got    int64   // the event at which it was answered; None: it was not
	asking []int32 // those whose has no answer: it may come about at any time
	begun  []int32 // 1 + the transactions that were begun and are not known to be sealed
}

// others reports whether somebody else than a process has the transactional.id, or may have it.
func (h *holder) others(p int32) bool { return h.p != p || h.wanted(p) }

// wanted reports whether somebody else than a process has asked for it and has no answer.
func (h *holder) wanted(p int32) bool {
	return slices.ContainsFunc(h.asking, func(x int32) bool { return x != p })
}

// initAsked takes the invocation of InitProducerId.
func (c *Checker) initAsked(e *history.Event) {
	if c.holders == nil {
		c.holders = map[string]*holder{}
	}
	h := c.holders[e.TxID]
	if h == nil {
		h = &holder{p: e.P, since: history.None, got: history.None}
		c.holders[e.TxID] = h
	}
	h.asking = append(h.asking, e.P)
}

// initAnswered takes its answer. One that is not known stays with those that have none.
func (c *Checker) initAnswered(e *history.Event, asked *call) {
	h := c.holders[e.TxID]
	if h == nil {
		return
	}
	if e.E != history.OK {
		c.initFenced(e, asked, h)
	}
	if e.E == history.Info {
		return
	}
	for i, x := range h.asking {
		if x == asked.p {
			h.asking = append(h.asking[:i], h.asking[i+1:]...)
			break
		}
	}
	if e.E == history.OK {
		h.p, h.since, h.got = asked.p, history.None, e.I
		c.process(asked.p).given = e.TxID
		if asked.known {
			h.since = asked.i
			c.sealAll(h, asked.i, e.I)
		}
	}
}

// begins takes the begin of a transaction. The coordinator may count it from the begin of the
// one before: who did not hear that partitions were added has ended it for itself alone, and the
// next goes on in what the coordinator knows (before KIP-890).
func (c *Checker) begins(e *history.Event) {
	n := c.transaction(e)
	if n == 0 {
		return
	}
	x := c.process(e.P)
	t := &c.txns[n-1]
	t.begun, t.since = whenOf(e), e.T
	if x.txn != 0 {
		if last := &c.txns[x.txn-1]; last.since >= 0 && (!last.heard || last.committed.i < 0 && last.aborted.i < 0) {
			t.since = last.since
		}
		t.before = x.txn
	}
	x.txn = n
	if h := c.holders[e.TxID]; h != nil {
		h.begun = append(h.begun, n)
	}
}

// What a producer is told that cannot go on with its transaction.
const (
	producerFenced = "PRODUCER_FENCED"
	invalidEpoch   = "INVALID_PRODUCER_EPOCH" // the same, of old versions
	wrongState     = "INVALID_TXN_STATE"
)

// toldFenced holds the refusal of something in a transaction to a cause: of its end, of offsets
// that it commits, or of a record. Who is fenced has a successor (KIP-98), or was open for longer
// than its transaction.timeout.ms, with a tenth for clocks. That it is in no transaction nobody
// is told who has begun one: whoever comes too late is fenced (KAFKA-20785). What is refused after
// that is so for the same cause.
func (c *Checker) toldFenced(e *history.Event, t *txn, why string) {
	h := c.holders[t.txid]
	if t.fenced || lostSince(c.forgot[t.txid], h) && !c.rules.strict[Fencing] {
		return // its coordinator may know of no such transaction, nor of its producer
	}
	if h == nil || t.since < 0 || why != producerFenced && why != wrongState {
		return
	}
	if why == producerFenced && c.h.Set.TxnTimeout <= 0 {
		return
	}
	t.fenced = true
	c.looked[fencing]++
	switch {
	case h.others(t.p):
	case why == wrongState:
		c.tell(fencing, func() violation {
			return violation{
				what: fmt.Sprintf("A producer was told that it is in no transaction: %v of transaction %d, which it began at %s, was refused at %s with %s. Nobody else has its transactional.id %s.",
					e.F, t.x, moment(t.begun.t), moment(e.T), why, t.txid),
				witness: []witness{c.say().ended(t, t.begun), c.line(e)},
			}
		})
	case !c.overdue(t, e.T):
		c.tell(fencing, func() violation {
			return violation{
				what: fmt.Sprintf("A producer was fenced without cause: %v of transaction %d was refused at %s with %s. Nobody else has its transactional.id %s, and it was open for %d of %d ms.",
					e.F, t.x, moment(e.T), why, t.txid, (e.T-t.since)/1_000_000, c.h.Set.TxnTimeout),
				witness: []witness{c.say().ended(t, t.begun), c.line(e)},
			}
		})
	}
}

// overdue reports whether a transaction that was open until an instant, in ns, may have been
// open for transaction.timeout.ms by then, with a tenth for clocks: its coordinator aborts it,
// and fences its producer. It may have been if nobody says what that is.
func (c *Checker) overdue(t *txn, until int64) bool {
	limit := c.h.Set.TxnTimeout * 1_000_000
	return until-t.since >= limit-limit/10
}

// anyOverdue reports whether some transaction of a transactional.id may have been open for its
// time: one that is not known to be over, or was not before that time was.
func (c *Checker) anyOverdue(h *holder, now int64) bool {
	for _, n := range h.begun {
		t := &c.txns[n-1]
		until := now
		if end := max(t.committed.t, t.aborted.t); t.heard && (t.committed.i >= 0 || t.aborted.i >= 0) {
			until = end
		}
		if t.sealed < 0 && c.overdue(t, until) {
			return true
		}
	}
	return false
}

// initFenced holds the refusal of InitProducerId to a cause. Who goes on says who he is, and is
// fenced if he is that no more (KIP-360): somebody else has come, or his transaction was open for
// its time. A coordinator that has just taken over knows the epoch before his as well, or it
// would fence who has not heard his answer and asks again (KAFKA-20357). Who comes anew is not
// held to what was, but two who come at once may be in each other's way.
func (c *Checker) initFenced(e *history.Event, asked *call, h *holder) {
	if e.Why != producerFenced && e.Why != invalidEpoch || !asked.known {
		return
	}
	if lostSince(c.forgot[e.TxID], h) && !c.rules.strict[Fencing] {
		return
	}
	x := c.process(asked.p)
	if x.txn != 0 && c.txns[x.txn-1].fenced {
		return // it is the same cause
	}
	c.looked[fencing]++
	goesOn := x.given == e.TxID
	if h.wanted(asked.p) || h.p != asked.p && (goesOn || h.got > asked.i) || c.anyOverdue(h, e.T) {
		return
	}
	c.tell(fencing, func() violation {
		who, nobody := "A producer that goes on", "Nobody else has its transactional.id"
		if !goesOn {
			who, nobody = "A new producer", "Nobody else has asked meanwhile for its transactional.id"
		}
		return violation{
			what: fmt.Sprintf("%s was fenced without cause: its %v was refused at %s with %s. %s %s, and no transaction was open for transaction.timeout.ms.",
				who, e.F, moment(e.T), e.Why, nobody, e.TxID),
			witness: []witness{c.line(&history.Event{I: asked.i, T: asked.t, E: history.Inv, F: e.F, ID: e.ID, P: asked.p, TxID: e.TxID, PID: history.None, Epoch: history.None}), c.line(e)},
		}
	})
}

// refusedFenced takes what a record was refused with.
func (c *Checker) refusedFenced(e *history.Event, r *record, why string) {
	if why == producerFenced && r.x != 0 {
		c.toldFenced(e, &c.txns[r.x-1], why)
	}
}

// lostSince reports whether a coordinator has lost something since somebody was given his
// producer id.
func lostSince(lost []int64, h *holder) bool {
	return len(lost) > 0 && (h == nil || h.since < lost[len(lost)-1])
}
