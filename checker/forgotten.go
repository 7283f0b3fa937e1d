package checker

import (
	"slices"

	"brokersim/checker/history"
)

// What a coordinator has lost with its power, and partitions with theirs, no transaction that
// was begun before is whole after. Kafka has neither wait for the disk of its own accord. A
// coordinator whose log has lost that a transaction began cannot end it; one that has lost more
// of its log than a partition has knows an older epoch than the partition does, which refuses
// its markers, and goes on being in the middle of that end (INVALID_PRODUCER_EPOCH in
// TransactionMarkerRequestCompletionHandler); one that has only lost the decision aborts, in
// time, what it had said was committed; and a partition that has lost a marker whose
// transaction is complete is given no other. Kafka leaves all that to kafka-transactions.sh.

// excuse is what a transaction is not held to, and why.
type excuse uint8

const (
	heldTo    excuse = iota
	forgotten        // a note says so
	followed         // from the loss of a record that is reported
)

// forgetsTxns takes note that the coordinator of a transactional id has lost some of what it
// knew: whom it had fenced, too. Whether that was on a disk is for who notes it to know: the
// topics of the run may be flushed, and internal ones not.
func (c *Checker) forgetsTxns(e *history.Event) {
	if c.forgot == nil {
		c.forgot = map[string][]int64{}
	}
	c.forgot[e.TxID] = append(c.forgot[e.TxID], e.I)
	if pid, known := c.pids[e.TxID]; known && !c.rules.strict[Fencing] {
		delete(c.pids, e.TxID)
		delete(c.fences, pid)
	}
}

// A transaction is sealed when its markers stand in all of its partitions. That its producer was
// told of its end does not say so, since the decision is enough for that; but until it is so a
// coordinator lets the producer add nothing to a next one, and gives nobody else its id
// (CONCURRENT_TRANSACTIONS). What a coordinator forgets then changes nothing of it.

// sealBefore takes note that a record of a transaction was acknowledged.
func (c *Checker) sealBefore(t *txn, i int64) {
	for n := t.before; n != 0; {
		x := &c.txns[n-1]
		if x.sealed < 0 {
			x.sealed = i
		}
		n, x.before = x.before, 0
	}
	t.before = 0
}

// sealAll takes note that somebody was given a transactional.id, for which he had asked at an
// event.
func (c *Checker) sealAll(h *holder, asked, i int64) {
	h.begun = slices.DeleteFunc(h.begun, func(n int32) bool {
		t := &c.txns[n-1]
		if t.met < asked && t.sealed < 0 {
			t.sealed = i
		}
		return t.sealed >= 0
	})
}

// sentBelow is when the last record of a transaction was sent that lies below an offset, as far
// as anybody knows by now: an event, or None.
func (c *Checker) sentBelow(tp history.TP, off int64) int64 {
	last := int64(history.None)
	for n := range c.recs.n {
		if r := c.recs.at(n); r.x != 0 && r.tp == tp && r.off >= 0 && r.off < off {
			last = max(last, r.invI)
		}
	}
	return last
}

// mayEndOtherwise reports whether a transaction that has a record at an offset need not have
// ended as its producer asked, as far as is noted by now.
func (c *Checker) mayEndOtherwise(p *part, t *txn, off int64) bool {
	for _, i := range c.forgot[t.txid] {
		if t.met < i && (t.sealed < 0 || i < t.sealed) {
			return true
		}
	}
	return slices.ContainsFunc(p.noCopy, func(s noCopy) bool {
		// The marker stands behind the record, and so it is lost with what is there; but not if
		// it stands before what was sent later and is not lost.
		return s.until > off && t.met < s.i && (s.synced || !c.rules.onDisk) && (t.sealed < 0 || s.sent < t.sealed)
	})
}

// excuses finds the transactions that are not held to their ends.
func (f *finish) excuses() {
	c := f.c
	for n := range c.recs.n {
		r := c.recs.at(n)
		if r.x == 0 {
			continue
		}
		t := &c.txns[r.x-1]
		switch p, from := c.part(r.tp), max(r.off, r.seen, 0); {
		case c.mayEndOtherwise(p, t, from):
			t.excuse = forgotten
		case t.excuse == heldTo && p.follows(from, infinite):
			t.excuse = followed
		}
	}
}

// excusedEnd reports whether a transaction is not held to its end, and counts one that would
// be reported but for what is reported already.
func (f *finish) excusedEnd(property int, n int32) bool {
	if f.c.rules.strict[Properties()[property]] {
		return false
	}
	is := f.c.txns[n-1].excuse
	if is == followed {
		f.found[property].folded++
	}
	return is != heldTo
}
