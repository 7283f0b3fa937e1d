package story

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Told is how a run came to a violation.
type Told struct {
	Story result.Story
	Why   []string // sentences: what made it possible
}

// Audit is the property of a violation that is a broken invariant of the brokers,
// or a panic: a sentence that begins with its time.
const Audit = result.Audits

// Tell makes the run of a case, which must be one that can be run, and tells how
// it came to a violation of a property. The violation is one of that run.
func Tell(c scenario.Case, property string, v *result.Violation) (result.Result, Told) {
	rec := newRecorder()
	c.Watch = rec
	c.History = func(h *history.Header) history.Sink {
		rec.header = h
		return rec
	}
	r := scenario.Run(c)
	if rec.header == nil { // refused
		return r, Told{}
	}
	t := &telling{recorder: rec, scenario: c, subject: newSubject(property, v, rec.header), violation: v}
	t.words = newWords(rec.metadata.topics, t.subject.tps, scenario.FrameNames(c))
	return r, t.tell()
}

// telling is a story in the making.
type telling struct {
	*recorder
	*subject
	scenario  scenario.Case
	violation *result.Violation
	words     *words

	first  int     // the moment in which the subject is heard of first
	broken int     // the moment in which the promise was broken; len(moments) if behind all
	marks  []mark  // by moment
	rowOf  []int   // by moment; -1: it is not told
	told   []told  // by row
	at     int     // the moment that is being told of
	lost   []flown // frames about the subject that were never taken
}

// told is where a row comes from.
type told struct {
	moment int
	lost   *flown // not nil: it is of a frame that the moment has sent
}

// flown is a frame on its way: who has sent it, and when.
type flown struct {
	moment, send int
}

// mark says how much a moment matters.
type mark uint8

const (
	nothing mark = iota
	context      // it shows how things were
	chain        // the violation hangs on it
)

func (t *telling) tell() Told {
	t.locate()
	t.broken = t.findBroken()
	t.markAll()
	t.choose()
	story := result.Story{Rows: []result.Row{}, Strips: []result.Strip{}, Lanes: []result.Lane{}}
	at := -1
	for i, x := range t.told {
		row := t.row(x)
		if x.lost == nil && at < 0 && x.moment >= t.broken {
			row.Violation, row.Chain, at = true, true, i
		}
		story.Rows = append(story.Rows, row)
	}
	if row, ok := t.judgement(); ok {
		story.Rows = append(story.Rows, row)
		if at < 0 {
			at = len(story.Rows) - 1
			story.Rows[at].Violation = true
		}
	}
	story.Lanes = t.lanes(story.Rows)
	story.Strips = t.strips()
	events := int64(0)
	for i := range story.Rows {
		if story.Rows[i].Event > 0 && story.Rows[i].Kind != result.RowLost {
			events++
		}
	}
	story.Omitted = int64(len(t.byEvent)-1) - events
	return Told{Story: story, Why: t.why()}
}

// locate adds to the subject the offsets at which its records were appended by a
// leader, and finds where it is heard of first.
func (t *telling) locate() {
	t.addUnanswered()
	known := len(t.slots) > 0
	t.first = len(t.moments)
	for i := range t.moments {
		m := &t.moments[i]
		for k := range m.changes {
			c := &m.changes[k]
			if c.kind != appended || !t.hasTP(c.tp) || known {
				continue
			}
			for _, e := range c.is.span(c.from, c.until) {
				if t.hasRecord(e.record) {
					t.addSlot(c.tp, e.offset)
				}
			}
		}
		if i < t.first && t.heardOf(m) {
			t.first = i
		}
	}
}

// addUnanswered adds to the subject of a violation of liveness that names a producer, and
// nothing else, what that has waited for longest: a record, or the end of a transaction and the
// first record of that.
func (t *telling) addUnanswered() {
	if t.property != checker.Liveness || t.group != "" || len(t.tps)+len(t.records)+len(t.events) > 0 {
		return
	}
	var open, sends []*history.Event
	for i := range t.moments {
		for k := range t.moments[i].heard {
			e := &t.moments[i].heard[k]
			ends := e.F == history.TxnCommit || e.F == history.TxnAbort
			switch {
			case e.F != history.Send && !ends || !strings.Contains(t.violation.What, fmt.Sprintf(" p%d (", e.P)):
			case e.E != history.Inv:
				open = slices.DeleteFunc(open, func(x *history.Event) bool { return x.ID == e.ID })
			default:
				open = append(open, e)
				if !ends {
					sends = append(sends, e)
				}
			}
		}
	}
	if len(open) == 0 {
		return
	}
	first := open[0]
	t.events = append(t.events, first.I)
	if i := slices.IndexFunc(sends, func(e *history.Event) bool { return e.P == first.P && e.X == first.X }); first.F != history.Send && i >= 0 {
		first = sends[i]
	}
	for _, s := range first.Sends {
		t.addTP(t.header.Name(s.TP))
		t.addRecord(s.Value)
	}
}

// heardOf reports whether a client says something of the subject's records.
func (t *telling) heardOf(m *moment) bool {
	for i := range m.heard {
		if e := &m.heard[i]; slices.Contains(t.events, e.I) || t.speaksOf(e) || t.isOfGroup(e) {
			return true
		}
	}
	return false
}

// speaksOf reports whether an event of the history is about a record in question.
func (t *telling) speaksOf(e *history.Event) bool {
	for i := range e.Sends {
		if t.hasRecord(e.Sends[i].Value) {
			return true
		}
	}
	for i := range e.Runs {
		for k := range e.Runs[i].Records {
			if t.hasRecord(e.Runs[i].Records[k].Value) {
				return true
			}
		}
	}
	return false
}

// lanes are the nodes of the rows: producers, brokers, the controller, readers.
func (t *telling) lanes(rows []result.Row) []result.Lane {
	var nodes []string
	for i := range rows {
		for _, n := range []string{rows[i].Node, rows[i].From} {
			if n != "" {
				nodes = addTo(nodes, n)
			}
		}
	}
	for i := range t.moments { // whoever was taken down belongs into the picture
		nodes = t.addDown(nodes, t.moments[i].down)
	}
	names := scenario.Services(t.scenario)
	list := []result.Lane{}
	for _, group := range []struct{ letter, role string }{{"p", "producer"}, {"b", "broker"}, {"c", "controller"}, {"k", "reader"}, {"", "reader"}} {
		var of []string
		for _, n := range nodes {
			if numbered(n) && n[:1] == group.letter || !numbered(n) && group.letter == "" {
				of = append(of, n)
			}
		}
		slices.SortStableFunc(of, byNumber)
		for _, n := range of {
			name := names[n]
			if name == "" {
				name = n
			}
			list = append(list, result.Lane{Node: n, Role: group.role, Name: name})
		}
	}
	return list
}

func (t *telling) addDown(nodes, down []string) []string {
	for _, n := range down {
		nodes = addTo(nodes, n)
	}
	return nodes
}

// numbered reports whether a node has a letter and a number, as all have that a
// schedule can name.
func numbered(node string) bool {
	return len(node) > 1 && strings.Trim(node[1:], "0123456789") == ""
}

// replicasAt are all replicas that there were, as they were after a moment.
func (t *telling) replicasAt(until int) map[place]*replica {
	now := make(map[place]*replica)
	for i := range min(until+1, len(t.moments)) {
		m := &t.moments[i]
		for k := range m.changes {
			if c := &m.changes[k]; c.is != nil {
				now[place{m.Node, c.tp}] = c.is
			}
		}
	}
	return now
}

// places are the replicas of a partition, by broker.
func places(of map[place]*replica, tp wire.TP) (list []place) {
	for p := range of { // unordered: sorted below
		if p.tp == tp {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b place) int { return byNumber(a.node, b.node) })
	return list
}

// byNumber orders nodes of one letter by their numbers: b9 before b10.
func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }
