package story

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// row puts a moment into words.
func (t *telling) row(x told) result.Row {
	m := &t.moments[x.moment]
	t.at = x.moment
	if x.lost != nil {
		return t.lostRow(m, &m.sends[x.lost.send])
	}
	row := result.Row{Event: m.N, AtNS: int64(m.At), Kind: result.RowStep, Node: m.Node, Sent: -1, Chain: t.marks[x.moment] == chain}
	switch {
	case m.N == 0:
		row.Kind = result.RowFault
		_, row.What, _ = strings.Cut(strings.TrimPrefix(m.fault, "# "), " ")
		row.What, _ = scenario.Ended(row.What)
		return row
	case m.Kind == machine.Received:
		row.Kind, row.From = result.RowMessage, m.Peer
		row.What = t.words.frame(m.frame, m.Ident.Class, m.version)
		if from := t.cause(m); from >= 0 {
			row.Sent = t.rowOf[from]
		}
	default:
		row.Kind, row.What = t.step(m)
	}
	for k := range m.changes {
		if text := t.say(&m.changes[k]); text != "" {
			row.Does = append(row.Does, text)
		}
	}
	for k := range m.heard {
		if text := t.sayEvent(&m.heard[k]); text != "" {
			row.Does = append(row.Does, text)
			if m.Node == finalRead {
				row.Kind = result.RowJudge
			}
		}
	}
	if len(row.Does) == 0 { // it is told for what it has sent, which the row of that says
		row.Does = t.saySends(x.moment)
		row.Chain = row.Chain && row.Kind == result.RowMessage && api(m.Ident.Class) == wire.Produce
	}
	return row
}

// finalRead is the node that reads everything when all is over.
const finalRead = "final-read"

// step says what a node was told that was no frame.
func (t *telling) step(m *moment) (result.RowKind, string) {
	switch m.Kind {
	case machine.Start:
		return result.RowStep, "starts"
	case machine.Accepted:
		return result.RowStep, m.Peer + " connects"
	case machine.Opened:
		return result.RowStep, "is connected to " + m.Peer
	case machine.Closed:
		if m.Peer == "" {
			return result.RowStep, "cannot connect: " + m.Err
		}
		return result.RowStep, "connection with " + m.Peer + ": " + m.Err
	case machine.DiskDone:
		if m.Err != "" {
			return result.RowDisk, "the disk answers: " + m.Err
		}
		return result.RowDisk, "the disk has synced"
	}
	for k := range m.heard {
		if e := &m.heard[k]; e.E == history.Inv && e.F == history.Send && t.speaksOf(e) {
			return result.RowClient, "a record is due"
		}
	}
	for k := range m.changes {
		if c := &m.changes[k]; c.kind == fenced {
			return result.RowStep, "the session of " + brokerName(c.leader) + " is over"
		}
		if c := &m.changes[k]; t.group != "" && c.tp == t.home() && c.kind == appended && c.is.leads {
			return result.RowStep, "a timer of the coordinator is due"
		}
	}
	return result.RowStep, "a timer is due"
}

func (t *telling) lostRow(m *moment, s *sending) result.Row {
	version := s.version
	if response(s.ident.Class) && s.taken < 0 {
		version = t.speaks(s.to, api(s.ident.Class))
	}
	what := t.words.frame(s.frame, s.ident.Class, version) + ": never taken"
	if s.taken >= 0 {
		what = fmt.Sprintf("%s: taken only at %s", t.words.frame(s.frame, s.ident.Class, version), moment3(t.moments[s.taken].At))
	}
	return result.Row{Event: m.N, AtNS: int64(m.At), Kind: result.RowLost, Node: m.Node, From: s.to, Sent: -1, What: what}
}

// say puts a change into words, if it is one of those that a story tells.
func (t *telling) say(c *change) string {
	switch c.kind {
	case gaveUp:
		return "gives up: " + c.text
	case fenced:
		return "fences " + brokerName(c.leader)
	case unfenced:
		return "unfences " + brokerName(c.leader)
	}
	if t.group != "" && c.tp == t.home() && t.weighHome(t.at, c) == nothing || !t.hasTP(c.tp) && (t.group == "" || c.tp != t.home()) {
		return ""
	}
	switch c.kind {
	case appended:
		return t.sayAppended(c)
	case truncated:
		return fmt.Sprintf("truncates %v to offset %d%s", c.tp, c.from, t.without(c))
	case vanished:
		how := "had not been synced"
		if c.from < c.was.durable {
			how = "had been synced"
		}
		return fmt.Sprintf("finds its log of %v ending at offset %d: offsets %d to %d, which %s, are gone%s", c.tp, c.from, c.from, c.until-1, how, t.without(c))
	case committed:
		return fmt.Sprintf("high watermark of %v: %d", c.tp, c.until)
	case began:
		text := fmt.Sprintf("leads %v in epoch %d, log end %d", c.tp, c.epoch, c.is.end)
		if t.lacks(c) {
			text += fmt.Sprintf(", without record %d", t.records[0])
		}
		return text
	case ceased:
		return fmt.Sprintf("leads %v no longer (epoch %d)", c.tp, c.epoch)
	case elected:
		if c.leader < 0 {
			return fmt.Sprintf("finds no leader for %v, epoch %d, ISR %s", c.tp, c.epoch, set(c.isr))
		}
		return fmt.Sprintf("elects %s for %v, epoch %d, ISR %s", brokerName(c.leader), c.tp, c.epoch, set(c.isr))
	case inSync:
		return fmt.Sprintf("ISR of %v: %s", c.tp, set(c.isr))
	}
	return ""
}

// lacks reports whether a leader begins without the record that was acknowledged.
func (t *telling) lacks(c *change) bool {
	return t.at > t.first && len(t.records) > 0 && t.property == checker.NoAckedLoss && len(t.slots) > 0 && !c.is.holds(t.records[0]) && t.inRange(c.tp, c.is.end, 1<<62)
}

// without names the records in question that a log has lost.
func (t *telling) without(c *change) string {
	var lost []string
	for _, e := range c.was.span(c.from, c.until) {
		if t.hasRecord(e.record) {
			lost = append(lost, fmt.Sprintf("record %d (@%d)", e.record, e.offset))
		}
	}
	if len(lost) == 0 {
		return ""
	}
	return ", losing " + strings.Join(lost, ", ")
}

func (t *telling) sayAppended(c *change) string {
	var which []string
	epoch := int32(-1)
	for _, e := range c.is.span(c.from, c.until) {
		epoch = e.epoch
		if t.hasRecord(e.record) {
			which = append(which, fmt.Sprintf("record %d", e.record))
		}
	}
	at := fmt.Sprintf("%v@%d", c.tp, c.from)
	if c.until > c.from+1 {
		at += fmt.Sprintf("..%d", c.until-1)
	}
	text := "appends " + at
	if len(which) > 0 && len(which) <= 3 {
		text += ": " + strings.Join(which, ", ")
	}
	return text + inEpoch(epoch)
}

// sayEvent says what a client knows of the records in question.
func (t *telling) sayEvent(e *history.Event) string {
	if t.isOfGroup(e) {
		return t.sayGroup(e)
	}
	if e.E == history.Note || !t.speaksOf(e) && !slices.Contains(t.events, e.I) {
		return ""
	}
	var said []string
	for i := range e.Sends {
		if s := &e.Sends[i]; t.hasRecord(s.Value) {
			said = append(said, t.saySend(e, s))
		}
	}
	for i := range e.Runs {
		for _, r := range e.Runs[i].Records {
			if t.hasRecord(r.Value) {
				what := fmt.Sprintf("%s record %d", reads(e.F), r.Value)
				if r.Offset >= 0 {
					what += fmt.Sprintf(" at %s@%d", t.header.Name(e.Runs[i].TP), r.Offset)
				}
				said = append(said, what)
			}
		}
	}
	if e.F == history.TxnCommit || e.F == history.TxnAbort {
		said = append(said, fmt.Sprintf("asks for the end of transaction %d of %s", e.X, e.TxID))
	}
	if len(said) == 0 {
		for i := range e.Runs {
			if x := &e.Runs[i]; t.hasTP(t.partition(x.TP)) && len(x.Records) > 0 {
				said = append(said, fmt.Sprintf("%s %s@%d..%d", reads(e.F), t.header.Name(x.TP), x.Records[0].Offset, x.Records[len(x.Records)-1].Offset))
			}
		}
		for i := range e.At {
			if x := &e.At[i]; t.hasTP(t.partition(x.TP)) && x.End >= 0 {
				said = append(said, fmt.Sprintf("is told that %s ends at %d", t.header.Name(x.TP), x.End))
			}
		}
	}
	return strings.Join(said, "; ")
}

func reads(f history.Func) string {
	switch f {
	case history.Dump:
		return "finds"
	case history.Process:
		return "has processed"
	}
	return "polls"
}

func (t *telling) saySend(e *history.Event, s *history.Sent) string {
	what := fmt.Sprintf("record %d", s.Value)
	if s.Key != history.None {
		what += fmt.Sprintf(" (key %s)", t.header.Text(s.Key))
	}
	switch {
	case e.E == history.Inv:
		return fmt.Sprintf("sends %s to %s", what, t.header.Name(s.TP))
	case s.Err != "":
		return fmt.Sprintf("is told that %s failed: %s", what, s.Err)
	case e.E == history.OK && s.Offset >= 0, e.E == history.Info && s.Offset >= 0:
		return fmt.Sprintf("has %s acknowledged at %s@%d", what, t.header.Name(s.TP), s.Offset)
	case e.E == history.OK && !t.header.Set.Acknowledges():
		return fmt.Sprintf("has sent %s, and waits for no answer", what)
	case e.E == history.OK:
		return fmt.Sprintf("has %s acknowledged", what)
	case e.E == history.Fail:
		return fmt.Sprintf("gives %s up", what)
	}
	return fmt.Sprintf("does not know what became of %s", what)
}

// saySends says what a step has sent that is told of: it is why the step is told.
func (t *telling) saySends(at int) (list []string) {
	for k := range t.moments[at].sends {
		s := &t.moments[at].sends[k]
		if s.taken >= 0 && t.rowOf[s.taken] >= 0 && s.to != "" && len(list) < 3 {
			list = append(list, fmt.Sprintf("to %s: %s", s.to, t.words.frame(s.frame, s.ident.Class, s.version)))
		}
	}
	return list
}

// judgement is the row of what is wrong when it is none of the moments: a panic, or
// what never came to an end.
func (t *telling) judgement() (result.Row, bool) {
	if t.broken < len(t.moments) {
		return result.Row{}, false
	}
	row := result.Row{Kind: result.RowJudge, Sent: -1, What: t.violation.What, Chain: true}
	if n := len(t.moments); n > 0 {
		row.AtNS = int64(t.moments[n-1].At)
	}
	if t.property == Audit {
		_, row.What, _ = strings.Cut(row.What, " ")
	}
	return row, true
}

// moment3 is a time in seconds, to the millisecond.
func moment3(t machine.Instant) string {
	return fmt.Sprintf("%d.%03d s", int64(t)/1e9, int64(t)%1e9/1e6)
}
