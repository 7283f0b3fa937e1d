package checker

import (
	"fmt"

	"brokersim/checker/history"
)

// record is what is known of one sent record. A million of them are kept, so
// it holds no pointer and nothing twice.
type record struct {
	value, key int64
	op         int64 // id of the send
	invI, invT int64
	ackI, ackT int64
	off        int64 // as acknowledged, or None
	seen       int64 // the first offset at which anyone read it, or None
	floor      int64 // how far the log was proven to reach when the send began
	floorBy    int32 // what proved it, as in proof
	seenBy     int32 // the read that saw it first: index into Checker.reads
	lo         int32 // leader epoch that had answered a reader when the send began
	tp         history.TP
	p, life    int32 // the process, and how often it had died
	x          int32 // 1 + its transaction: index into Checker.txns; 0 is none
	flags      uint16
	state      state
	ackE       history.Kind
}

type state uint8

const (
	open   state = iota // not completed, or nobody knows
	acked               // acknowledged, perhaps without an offset
	failed              // certainly not written
)

const (
	unsent  uint16 = 1 << iota // somebody read or acknowledged it but nobody had sent it
	inLog                      // in the final read
	reused                     // sent twice: then nothing can be said of it
	late                       // sent only after it had been read
	several                    // read at more than one offset
	lost                       // acknowledged, and not in the final read
	allowed                    // lost, and a NoCopy note excuses it
	undone                     // in the final read, and in no committed transaction
	wrong                      // acknowledged at an offset where it is not, though it is elsewhere
)

const pageSize = 1 << 12

// records is a list that never moves what it holds.
type records struct {
	pages [][]record
	n     int32
}

func (l *records) at(i int32) *record { return &l.pages[i/pageSize][i%pageSize] }

func (l *records) add() (int32, *record) {
	i := l.n
	if int(i/pageSize) == len(l.pages) {
		l.pages = append(l.pages, make([]record, pageSize))
	}
	l.n++
	return i, l.at(i)
}

// readRef is a completed read, as far as a witness needs it.
type readRef struct {
	i, t, op   int64
	invI, invT int64 // of its invocation; None if there was none
	p          int32
	e          history.Kind
	f          history.Func
}

// read returns the index of the read that is being observed.
func (c *Checker) read() int32 {
	if c.curRead < 0 {
		e := c.cur
		c.curRead = int32(len(c.reads))
		c.reads = append(c.reads, readRef{e.I, e.T, e.ID, c.asked.i, c.asked.t, e.P, e.E, e.F})
	}
	return c.curRead
}

// find returns the record with a value. One that nobody has sent is made up,
// so that it is reported once and compared afterwards like any other.
func (c *Checker) find(tp history.TP, value int64) int32 {
	if n := c.values.Get(value); n != 0 {
		return n - 1
	}
	n, r := c.recs.add()
	*r = record{value: value, key: history.None, off: history.None, seen: history.None,
		invI: history.None, tp: tp, lo: history.None, flags: unsent}
	c.values.Set(value, n+1)
	return n
}

// part is what is known of one partition.
type part struct {
	tp history.TP

	ackAt  history.Table[int32] // offset -> 1 + the record last acknowledged there
	readAt history.Table[int32] // offset -> 1 + the record last read there
	logAt  history.Table[int32] // offset -> 1 + the record in the final read

	shownRec history.Table[int32] // offset -> 1 + the record of a transaction that a reader of committed ones was last shown there
	shownAt  history.Table[int32] // offset -> 1 + the read that first showed it
	batches  []history.Batch      // of the final read
	fates    []fate               // of each batch
	markers  []int32              // the batch that ended it, or None
	lso      int64                // of the final read; None is not said

	whole    []proof // how far the log was proven to reach, in ascending order
	epochs   []epochFloor
	maxEpoch int32 // the highest that was noted or claimed
	answered int32 // the highest in which a reader was answered
	noted    bool  // the history says when leaders change

	noCopy []noCopy
	dump   dump

	readable []int64 // offsets that a reader could have read; see finish.readableIn
	sorted   bool
	dead     []deadRun
}

// noCopy says that from event i on no disk has the bytes that lay in a span. It
// says nothing of what was sent later and came to lie there.
type noCopy struct {
	span
	i      int64
	sent   int64 // when the last of the records below it was sent, of those in transactions; or None
	synced bool  // a disk has lost what it had synced
}

// span is [from, until).
type span struct{ from, until int64 }

func (s span) overlaps(from, until int64) bool { return s.from < until && from < s.until }

func (c *Checker) part(tp history.TP) *part {
	if tp < 0 {
		panic(fmt.Sprintf("checker: partition %d", tp))
	}
	for int(tp) >= len(c.parts) {
		c.parts = append(c.parts, nil)
	}
	if c.parts[tp] == nil {
		c.parts[tp] = &part{tp: tp, lso: history.None, maxEpoch: history.None, answered: history.None}
	}
	return c.parts[tp]
}
