package story

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/sim/scenario"
)

// findBroken finds the moment in which the promise was broken, for good.
func (t *telling) findBroken() int {
	switch {
	case t.property == Audit:
		return t.auditMoment()
	case len(t.records) > 0:
		at := -1
		switch t.property {
		case checker.NoAckedLoss:
			at = t.lostAt(t.records[0])
		case checker.NoDuplicate:
			at = t.appendedTwice(t.records[0])
		case checker.PerKeyOrder:
			at = t.lastAppend()
		}
		if at >= 0 {
			return at
		}
	}
	at := len(t.moments)
	if t.property == checker.Liveness && len(t.violation.Witness) == 0 {
		return at // what is waited for has not happened
	}
	for i := range t.moments {
		for k := range t.moments[i].heard {
			if slices.Contains(t.events, t.moments[i].heard[k].I) {
				at = i
			}
		}
	}
	return at
}

// auditMoment is the step after which an invariant was found broken. A panic ends the
// run within a step, and what is held against a cluster at rest comes after all.
func (t *telling) auditMoment() int {
	for i := range t.moments {
		if slices.Contains(t.moments[i].audits, t.violation.What) {
			return i
		}
	}
	return len(t.moments)
}

// lostAt is when an acknowledged record was lost: somebody came to lead without it
// after it had been acknowledged, or the last log that held it lost it.
func (t *telling) lostAt(record int64) int {
	acked, last := false, -1
	holders := make(map[place]bool)
	for i := range t.moments {
		m := &t.moments[i]
		for k := range m.changes {
			c := &m.changes[k]
			if c.is == nil || !t.hasTP(c.tp) {
				continue
			}
			at := place{m.Node, c.tp}
			switch {
			case acked && c.kind == began && !c.is.holds(record):
				return i
			case c.kind == appended && c.adds(record):
				holders[at] = true
			case (c.kind == truncated || c.kind == vanished) && holders[at] && !c.is.holds(record):
				if delete(holders, at); len(holders) == 0 {
					last = i
				}
			}
		}
		for k := range m.heard {
			acked = acked || t.acknowledges(&m.heard[k], record)
		}
	}
	return last
}

// acknowledges reports whether an event tells a producer that a record is in the
// log.
func (r *recorder) acknowledges(e *history.Event, record int64) bool {
	if !r.header.Set.Acknowledges() || e.F != history.Send || (e.E != history.OK && e.E != history.Info) {
		return false
	}
	return slices.ContainsFunc(e.Sends, func(s history.Sent) bool {
		return s.Value == record && s.Err == "" && (e.E == history.OK || s.Offset >= 0)
	})
}

// appendedTwice is when a leader appended a record that its log had.
func (t *telling) appendedTwice(record int64) int {
	for i := range t.moments {
		for k := range t.moments[i].changes {
			c := &t.moments[i].changes[k]
			if c.kind == appended && c.is.leads && c.was.holds(record) && c.adds(record) {
				return i
			}
		}
	}
	return -1
}

// adds reports whether an append is of a record.
func (c *change) adds(record int64) bool {
	return slices.ContainsFunc(c.is.span(c.from, c.until), func(e entry) bool { return e.record == record })
}

// lastAppend is when a leader appended the last of the records in question.
func (t *telling) lastAppend() int {
	at := -1
	for i := range t.moments {
		for k := range t.moments[i].changes {
			if c := &t.moments[i].changes[k]; c.kind == appended && c.is.leads && t.puts(c) {
				at = i
			}
		}
	}
	return at
}

// puts reports whether an append puts a record in question where the violation has it.
func (t *telling) puts(c *change) bool {
	return t.hasTP(c.tp) && slices.ContainsFunc(c.is.span(c.from, c.until), func(e entry) bool {
		return t.hasRecord(e.record) && (len(t.slots) == 0 || slices.Contains(t.slots, slot{c.tp, e.offset}))
	})
}

// touchesRecords reports whether a change of a log is about records, or offsets, in
// question.
func (t *telling) touchesRecords(c *change) bool {
	if !t.hasTP(c.tp) {
		return false
	}
	if t.inRange(c.tp, c.from, c.until) {
		return true
	}
	of := c.is
	if c.kind != appended {
		of = c.was
	}
	return slices.ContainsFunc(of.span(c.from, c.until), func(e entry) bool { return t.hasRecord(e.record) })
}

// markAll says of every moment how much it matters.
func (t *telling) markAll() {
	t.marks = make([]mark, len(t.moments))
	shown := map[int32]bool{} // processes that have been seen reading the subject
	for i := range t.moments {
		m := &t.moments[i]
		if m.N == 0 {
			if m.happened() {
				t.marks[i] = chain
			}
			continue
		}
		for k := range m.changes {
			t.marks[i] = max(t.marks[i], t.weigh(i, &m.changes[k]))
		}
		for k := range m.heard {
			t.marks[i] = max(t.marks[i], t.weighEvent(i, &m.heard[k], shown))
		}
	}
	t.markUnheard()
	t.markGroup()
	t.keepContext()
	for i := range t.moments { // and who has sent what mattered
		if t.marks[i] == nothing || t.moments[i].N == 0 {
			continue
		}
		if from := t.cause(&t.moments[i]); from >= 0 && (t.marks[i] == chain || i >= t.first) {
			t.marks[from] = max(t.marks[from], t.marks[i])
		}
	}
}

// markUnheard marks what the controller had decided last when a record was
// acknowledged, if whoever acknowledged it had not heard of it.
func (t *telling) markUnheard() {
	if t.property != checker.NoAckedLoss || len(t.records) == 0 || len(t.tps) == 0 {
		return
	}
	at := t.answered(t.records[0])
	if at < 0 {
		return
	}
	decided, c := t.decidedAt(t.tps[0], at)
	l := t.replicasAt(at)[place{t.moments[at].Node, t.tps[0]}]
	if c != nil && l != nil && t.unheard(c, l) {
		t.marks[decided] = chain
	}
}

// decidedAt is the last that the controller had decided about a partition before a
// moment, and when; nil if it was nothing.
func (t *telling) decidedAt(tp wire.TP, at int) (moment int, last *change) {
	for i := range min(at+1, len(t.moments)) {
		for k := range t.moments[i].changes {
			if c := &t.moments[i].changes[k]; c.tp == tp && (c.kind == elected || c.kind == inSync) {
				moment, last = i, c
			}
		}
	}
	return moment, last
}

// unheard reports whether a replica knows otherwise than the controller has decided.
func (t *telling) unheard(c *change, x *replica) bool {
	return c.epoch != x.state.LeaderEpoch || !sameSet(c.isr, x.state.ISR)
}

// happened reports whether a step of the schedule did anything. One that did not is a
// comment; but so are the end of the load and a node that has come to its end.
func (m *moment) happened() bool {
	_, ended := scenario.Ended(m.fault)
	return ended || !strings.HasPrefix(m.fault, "#") || strings.Contains(m.fault, " the load ends: ")
}

// weigh says how much a change matters.
func (t *telling) weigh(i int, c *change) mark {
	if c.kind == gaveUp {
		return chain
	}
	if c.kind == fenced {
		return t.ifReplica(c.leader)
	}
	if t.group != "" && c.tp == t.home() {
		return t.weighHome(i, c)
	}
	if !t.hasTP(c.tp) {
		return nothing
	}
	switch c.kind {
	case appended, truncated, vanished:
		if t.touchesRecords(c) && (i <= t.broken || c.kind != appended || c.is.leads) {
			return chain
		}
	case committed:
		if c.is.leads && t.inRange(c.tp, c.from, c.until) {
			return context
		}
	case began, elected, inSync:
		if i < t.first || i > t.broken {
			return context
		}
		return chain
	}
	return nothing
}

// ifReplica is context if a broker has a replica of a partition in question.
func (t *telling) ifReplica(broker int32) mark {
	for _, p := range t.metadata.partitions {
		if t.hasTP(wire.TP{Topic: p.Topic, Partition: p.Partition}) && slices.Contains(p.Replicas, broker) {
			return context
		}
	}
	return nothing
}

func (t *telling) weighEvent(i int, e *history.Event, shown map[int32]bool) mark {
	switch {
	case slices.Contains(t.events, e.I):
		return chain
	case !t.speaksOf(e):
		return nothing
	case e.F == history.Send:
		return chain
	case e.F == history.Poll && e.E == history.OK && !shown[e.P]:
		shown[e.P] = true
		return context
	}
	return nothing
}

// Bounds of a story.
const (
	mostRows   = 64
	mostBefore = 12 // moments before a broken invariant that names no record
)

// keepContext drops what shows how things were long before, or after it mattered.
func (t *telling) keepContext() {
	if len(t.slots) == 0 && t.group == "" {
		t.markRecent()
	}
	last := map[string]int{} // what was said last before the subject was heard of
	for i := range t.moments {
		if t.marks[i] != context {
			continue
		}
		if i > t.broken {
			t.marks[i] = nothing
			continue
		}
		if i >= t.first {
			continue
		}
		kind := t.moments[i].Node
		if before, ok := last[kind]; ok {
			t.marks[before] = nothing
		}
		last[kind] = i
	}
}

// markRecent marks the last steps that have changed the partitions in question: a
// broken invariant names no record.
func (t *telling) markRecent() {
	left := mostBefore
	for i := min(t.broken, len(t.moments)-1); i >= 0 && left > 0; i-- {
		m := &t.moments[i]
		if slices.ContainsFunc(m.changes, func(c change) bool { return t.hasTP(c.tp) && c.kind != updated }) {
			t.marks[i] = chain
			left--
		}
	}
}

// choose decides which moments become rows.
func (t *telling) choose() {
	t.flights()
	for least := context; ; least++ {
		t.told = t.told[:0]
		t.rowOf = make([]int, len(t.moments))
		for i := range t.moments {
			t.rowOf[i] = -1
			if t.marks[i] < least && i != t.broken {
				continue
			}
			t.rowOf[i] = len(t.told)
			t.told = append(t.told, told{moment: i})
			for k := range t.lost {
				if t.lost[k].moment == i {
					t.told = append(t.told, told{i, &t.lost[k]})
				}
			}
		}
		if len(t.told) <= mostRows || least == chain {
			break
		}
	}
	t.thin()
}

// thin leaves out of a story that is too long what stands between its beginning
// and the violation.
func (t *telling) thin() {
	if len(t.told) <= mostRows {
		return
	}
	at := len(t.told)
	for i := range t.told {
		if t.told[i].moment >= t.broken {
			at = i
			break
		}
	}
	half := mostRows / 2
	from := max(min(at-half/2, len(t.told)-half), half)
	kept := append(slices.Clone(t.told[:half]), t.told[from:min(len(t.told), from+half)]...)
	for i := range t.rowOf {
		t.rowOf[i] = -1
	}
	for i, x := range kept {
		if x.lost == nil {
			t.rowOf[x.moment] = i
		}
	}
	t.told = kept
}

// mostLost bounds the frames that are shown to be lost.
const mostLost = 8

// flights finds frames about the subject that nobody has taken before the promise
// was broken.
func (t *telling) flights() {
	for i := t.first; i < min(t.broken, len(t.moments)); i++ {
		for k := range t.moments[i].sends {
			s := &t.moments[i].sends[k]
			if s.taken >= 0 && s.taken <= t.broken || len(t.lost) >= mostLost || !t.carries(s) {
				continue
			}
			t.lost = append(t.lost, flown{i, k})
			t.marks[i] = max(t.marks[i], context)
		}
	}
}

// carries reports whether a frame that was not taken carries a record in question,
// or the answer about it.
func (t *telling) carries(s *sending) bool {
	switch api(s.ident.Class) {
	case wire.Produce:
		if response(s.ident.Class) {
			body, _, err := wire.DecodeResponse(s.frame, wire.Produce, t.speaks(s.to, wire.Produce))
			x, ok := body.(*kmsg.ProduceResponse)
			return err == nil && ok && t.isAbout(x)
		}
		r, err := wire.DecodeRequest(s.frame, t.words.broker)
		return err == nil && slices.ContainsFunc(r.Records, t.hasAny)
	case wire.Fetch:
		if !response(s.ident.Class) || strings.HasPrefix(s.to, "c") {
			return false
		}
		_, records, err := wire.DecodeResponse(s.frame, wire.Fetch, t.speaks(s.to, wire.Fetch))
		return err == nil && slices.ContainsFunc(records, t.hasAny)
	}
	return false
}

// isAbout reports whether an answer to a Produce is about a partition in question.
func (t *telling) isAbout(x *kmsg.ProduceResponse) bool {
	for _, topic := range x.Topics {
		for _, p := range topic.Partitions {
			if t.hasTP(wire.TP{Topic: topic.Topic, Partition: p.Partition}) {
				return true
			}
		}
	}
	return false
}

// speaks is the version of an API in which a node asks brokers, which an answer that
// it has not taken does not say: it has one of each, as long as all nodes are of one
// version.
func (t *telling) speaks(node string, key int16) int16 {
	for i := range t.moments {
		for k := range t.moments[i].sends {
			if s := &t.moments[i].sends[k]; t.moments[i].Node == node && s.ident.Class == wire.Class(key, false) && !strings.HasPrefix(s.to, "c") {
				return s.version
			}
		}
	}
	return 0
}

func (t *telling) hasAny(records wire.Records) bool {
	for _, b := range wire.SplitBatches(records) {
		for _, id := range recordIDs(b) {
			if t.hasRecord(id) {
				return true
			}
		}
	}
	return false
}
