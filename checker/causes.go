package checker

import (
	"fmt"

	"brokersim/checker/history"
)

// holder is who has a transactional.id.
type holder struct {
	p      int32   // the process whose InitProducerId was answered last
	since  int64   // the event at which it was asked for; None: nobody saw that
	asking []int32 // those whose has no answer: it may come about at any time
	begun  []int32 // 1 + the transactions that were begun and are not known to be sealed
}

// others reports whether somebody else than a process has the transactional.id, or may have it.
func (h *holder) others(p int32) bool {
	if h.p != p {
		return true
	}
	for _, x := range h.asking {
		if x != p {
			return true
		}
	}
	return false
}

// initAsked takes the invocation of InitProducerId.
func (c *Checker) initAsked(e *history.Event) {
	if c.holders == nil {
		c.holders = map[string]*holder{}
	}
	h := c.holders[e.TxID]
	if h == nil {
		h = &holder{p: e.P, since: history.None}
		c.holders[e.TxID] = h
	}
	h.asking = append(h.asking, e.P)
}

// initAnswered takes its answer. One that is not known stays with those that have none.
func (c *Checker) initAnswered(e *history.Event, asked *call) {
	h := c.holders[e.TxID]
	if h == nil || e.E == history.Info {
		return
	}
	for i, x := range h.asking {
		if x == asked.p {
			h.asking = append(h.asking[:i], h.asking[i+1:]...)
			break
		}
	}
	if e.E == history.OK {
		h.p, h.since = asked.p, history.None
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
	limit := c.h.Set.TxnTimeout * 1_000_000
	if why == producerFenced && limit <= 0 {
		return
	}
	t.fenced = true
	c.looked[fencing]++
	since := t.since
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
	case e.T-since < limit-limit/10:
		c.tell(fencing, func() violation {
			return violation{
				what: fmt.Sprintf("A producer was fenced without cause: %v of transaction %d was refused at %s with %s. Nobody else has its transactional.id %s, and it was open for %d of %d ms.",
					e.F, t.x, moment(e.T), why, t.txid, (e.T-since)/1_000_000, c.h.Set.TxnTimeout),
				witness: []witness{c.say().ended(t, t.begun), c.line(e)},
			}
		})
	}
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
