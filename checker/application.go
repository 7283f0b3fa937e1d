package checker

import (
	"fmt"
	"maps"
	"slices"

	"brokersim/checker/history"
)

// The promises of applications. Nobody's configuration implies them: a scenario states
// them. What a record means is derived from its value's id and its key, so that a
// history alone is enough to decide them.
//
// An entity is what one life of a producer writes under one key: an order, an
// aggregate, a service. Its events are numbered in the order in which they were sent.
// The model is what an application must come to: every record that was acknowledged or
// is in the final read, in that order, without those whose loss is excused.
const (
	Delivered   = "delivered"    // every reader has finished with every record of the log
	EntityOrder = "entity-order" // no reader finishes with an event of an entity before those before it
	FoldedState = "folded-state" // every reader's fold of an entity's events is the model's, version for version
	WindowSums  = "window-sums"  // every reader's sum by key and window of event time is the model's
	NoAckedGap  = "no-acked-gap" // where an event of an entity is there, no acknowledged one before it is missing
	LastValue   = "last-value"   // every reader's table, key by key, is the model's
	GroupCounts = "group-counts" // every reader's count by type and window of event time is the log's
	Isolation   = "isolation"    // readers other than a slow one finish with 99 of 100 records in time
	Lateness    = "lateness"     // no more of a reader's records than may be come when their window is closed
)

// What records mean, by the ids of their values.
// Amount is what a record adds to a sum.
func Amount(value int64) int64 { return 1 + int64(history.Scrambled(value)%100) }

// EventType is the type of the event that a record is, of so many that there are.
func EventType(value, types int64) int64 { return int64(history.Scrambled(value) % uint64(types)) }

// Deletes reports whether a record deletes its key: one in ten does.
func Deletes(value int64) bool { return history.Deletes(value) }

// taken is a record at an offset that a reader has finished with for the first time.
type taken struct {
	off int64
	at  int64 // when
	rec int32
	tp  history.TP
}

// took keeps what a reader has finished with, if an application is promised anything.
func (c *Checker) took(x *process, tp history.TP, at *history.Record) {
	if c.rules.applications {
		if n := c.values.Get(at.Value); n != 0 {
			x.took = append(x.took, taken{at.Offset, c.last, n - 1, tp})
		}
	}
}

// entity is what one life of a producer writes under one key.
type entity struct {
	key     int64
	p, life int32
}

func (r *record) entity() entity { return entity{r.key, r.p, r.life} }

// model is what an application must come to.
type model struct {
	events map[entity][]int32 // of an entity, in the order in which they were sent
	place  map[int32]int      // of a record among the events of its entity
}

// modelled reports whether a record is part of the model.
func (r *record) modelled() bool {
	return r.flags&(reused|unsent|allowed|undone) == 0 && (r.flags&inLog != 0 || r.state == acked)
}

func (f *finish) newModel() *model {
	m := &model{events: map[entity][]int32{}, place: map[int32]int{}}
	for n := range f.c.recs.n {
		if r := f.c.recs.at(n); r.modelled() {
			e := r.entity()
			m.place[n] = len(m.events[e])
			m.events[e] = append(m.events[e], n)
		}
	}
	return m
}

// application is what one reader has made of its partitions.
type application struct {
	f *finish
	m *model
	x *process
}

// reads reports whether the reader was assigned the partition of a record.
func (a *application) reads(r *record) bool { return int(r.tp) < len(a.x.pos) && a.x.pos[r.tp] != nil }

// applications compares every reader with the model.
func (f *finish) applications() {
	c := f.c
	if !c.rules.applications {
		return
	}
	m := f.newModel()
	f.gapsInLog(m)
	for _, p := range slices.Sorted(maps.Keys(c.procs)) {
		x := c.procs[p]
		if !x.reads {
			continue
		}
		a := &application{f, m, x}
		done := a.done()
		a.delivered(done)
		a.order()
		a.gaps(done)
		a.folds()
		a.sums()
		a.table()
		a.counts()
		a.promptly()
		a.lateness()
	}
}

// undumped reports whether some partition has no final read: then what is in the log
// is not known.
func (f *finish) undumped() bool {
	return slices.ContainsFunc(f.c.parts, func(p *part) bool { return p != nil && !p.dump.done })
}

// done are the records that the reader has finished with.
func (a *application) done() map[int32]bool {
	done := map[int32]bool{}
	for _, t := range a.x.took {
		done[t.rec] = true
	}
	return done
}

// against reports a violation about a record.
func (a *application) against(property int, n int32, format string, args ...any) {
	a.f.violated(property, func() violation {
		r := a.f.c.recs.at(n)
		w := []witness{a.f.sent(r)}
		if r.state == acked {
			w = append(w, a.f.ack(r))
		}
		return violation{fmt.Sprintf("reader %d: ", a.x.p) + fmt.Sprintf(format, args...), w}
	})
}

// name is a record as a sentence has it.
func (a *application) name(n int32) string {
	r := a.f.c.recs.at(n)
	return fmt.Sprintf("event %d of key %s (record %s, %s)", a.m.place[n]+1, a.f.c.h.Text(r.key), a.f.c.h.Text(r.value), a.f.c.h.Name(r.tp))
}

func (a *application) delivered(done map[int32]bool) {
	for n := range a.f.c.recs.n {
		r := a.f.c.recs.at(n)
		if r.flags&inLog == 0 || !r.modelled() || !a.reads(r) {
			continue
		}
		if a.f.looked[delivered]++; !done[n] {
			a.against(delivered, n, "never finished with %s, which is in the log", a.name(n))
		}
	}
}

// order follows each entity: an event that is finished with is no further than the one
// after those that were.
func (a *application) order() {
	next := map[entity]int{}
	for _, t := range a.x.took {
		r := a.f.c.recs.at(t.rec)
		at, known := a.m.place[t.rec]
		if !known || r.key == history.None {
			continue
		}
		e := r.entity()
		if at > 0 {
			a.f.looked[entityOrder]++
		}
		if at > next[e] {
			before := a.m.events[e][next[e]]
			a.against(entityOrder, before, "finished with %s before %s", a.name(t.rec), a.name(before))
		}
		next[e] = max(next[e], at+1)
	}
}

// gapsInLog looks for acknowledged events that are not in the log although later ones of
// their entity are. With acks=1 a leader that fails may take with it what nobody was
// shown yet: then that is counted as lost, and no gap.
func (f *finish) gapsInLog(m *model) {
	a := &application{f: f, m: m}
	for n := range f.c.recs.n {
		r := f.c.recs.at(n)
		if r.state != acked || !r.modelled() || r.key == history.None {
			continue
		}
		events := m.events[r.entity()][m.place[n]+1:]
		later := slices.IndexFunc(events, func(n int32) bool { return f.c.recs.at(n).flags&inLog != 0 })
		if later < 0 {
			continue
		}
		f.looked[ackedGap]++
		if r.flags&inLog != 0 || !f.c.rules.acksAll && r.seen < 0 {
			continue
		}
		f.violated(ackedGap, func() violation {
			return violation{fmt.Sprintf("%s was acknowledged and is not in the log, and %s is", a.name(n), a.name(events[later])), []witness{f.sent(r), f.ack(r)}}
		})
	}
}

// gaps looks for the same in what the reader has finished with.
func (a *application) gaps(done map[int32]bool) {
	for _, events := range a.m.sorted() {
		missing := int32(history.None)
		for _, n := range events {
			r := a.f.c.recs.at(n)
			switch {
			case r.key == history.None || !a.reads(r) || r.flags&inLog == 0:
			case !done[n]:
				missing = n
			case missing >= 0:
				a.against(ackedGap, missing, "finished with %s and not with %s before it", a.name(n), a.name(missing))
				missing = history.None
			}
		}
	}
}

// sorted are the events of all entities, in the order of their first.
func (m *model) sorted() [][]int32 {
	list := slices.Collect(maps.Values(m.events))                                  // unordered: sorted below
	slices.SortFunc(list, func(a, b []int32) int { return int(a[0]) - int(b[0]) }) // total: a record is of one entity
	return list
}

// folds compares versions and state: each event in its place, none missing and none
// twice.
func (a *application) folds() {
	got := map[entity][]int32{}
	for _, t := range a.x.took {
		e := a.f.c.recs.at(t.rec).entity()
		got[e] = append(got[e], t.rec)
	}
	for _, events := range a.m.sorted() {
		r := a.f.c.recs.at(events[0])
		if r.key == history.None || !a.reads(r) {
			continue
		}
		a.f.looked[folded]++
		have := got[r.entity()]
		for v, n := range events {
			if v == len(have) || have[v] != n {
				was := "nothing"
				if v < len(have) {
					was = a.name(have[v])
				}
				a.against(folded, n, "version %d of key %s is %s; the model has %s", v+1, a.f.c.h.Text(r.key), was, a.name(n))
				break
			}
		}
		if len(have) > len(events) {
			a.against(folded, have[len(events)], "key %s is at version %d, the model at %d", a.f.c.h.Text(r.key), len(have), len(events))
		}
	}
}

// cell is a key or type, and a window of event time.
type cell struct{ of, window int64 }

func (a cell) compare(b cell) int {
	if a.window != b.window {
		return int(a.window - b.window)
	}
	return int(max(min(a.of-b.of, 1), -1))
}

// cells adds up the model and what the reader has finished with.
func (a *application) cells(at func(*record) (cell, int64), in func(*record) bool) (want, got map[cell]int64, first map[cell]int32) {
	want, got, first = map[cell]int64{}, map[cell]int64{}, map[cell]int32{}
	for n := range a.f.c.recs.n {
		if r := a.f.c.recs.at(n); in(r) && a.reads(r) {
			x, add := at(r)
			want[x] += add
			if _, known := first[x]; !known {
				first[x] = n
			}
		}
	}
	for _, t := range a.x.took {
		x, add := at(a.f.c.recs.at(t.rec))
		got[x] += add
		if _, known := first[x]; !known {
			first[x] = t.rec
		}
	}
	return want, got, first
}

// unsaid reports whether a property needs what the history's header does not say: how
// long windows are, how many types there are, or what may take how long.
func (f *finish) unsaid(property int) bool {
	set := &f.c.h.Set
	switch promise := &f.c.h.Promise; property {
	case sums:
		return set.Window <= 0
	case counts:
		return set.Window <= 0 || set.Types <= 0
	case lively:
		return promise.Settle <= 0
	case isolated:
		return promise.Within <= 0
	case lateEvents:
		return set.Window <= 0 || promise.Grace <= 0
	}
	return false
}

func (a *application) sums() {
	if a.f.unsaid(sums) {
		return
	}
	window := a.f.c.h.Set.Window
	want, got, first := a.cells(func(r *record) (cell, int64) { return cell{r.key, r.invT / window}, Amount(r.value) }, (*record).modelled)
	for _, x := range slices.SortedFunc(maps.Keys(first), cell.compare) { // total: of keys of a map
		if a.f.looked[sums]++; want[x] != got[x] {
			a.against(sums, first[x], "the sum of key %s in the window from %d ms is %d, that of the generator %d",
				a.f.c.h.Text(x.of), x.window*window/1_000_000, got[x], want[x])
		}
	}
}

func (a *application) counts() {
	if a.f.unsaid(counts) {
		return
	}
	window, types := a.f.c.h.Set.Window, a.f.c.h.Set.Types
	want, got, first := a.cells(func(r *record) (cell, int64) { return cell{EventType(r.value, types), r.invT / window}, 1 },
		func(r *record) bool { return r.modelled() && r.flags&inLog != 0 })
	for _, x := range slices.SortedFunc(maps.Keys(first), cell.compare) { // total: of keys of a map
		if a.f.looked[counts]++; want[x] != got[x] {
			a.against(counts, first[x], "%d events of type %d in the window from %d ms, the log has %d",
				got[x], x.of, x.window*window/1_000_000, want[x])
		}
	}
}

// row is a row of a table: a key of a partition.
type row struct {
	tp  history.TP
	key int64
}

func (a row) compare(b row) int {
	if a.tp != b.tp {
		return int(a.tp) - int(b.tp)
	}
	return int(max(min(a.key-b.key, 1), -1))
}

func (r *record) row() row { return row{r.tp, r.key} }

// table compares the last value of each row, where a record may have deleted it.
func (a *application) table() {
	last, want := map[row]int32{}, map[row]int32{}
	for _, t := range a.x.took {
		last[a.f.c.recs.at(t.rec).row()] = t.rec
	}
	for n := range a.f.c.recs.n {
		if r := a.f.c.recs.at(n); r.modelled() && r.key != history.None && a.reads(r) {
			want[r.row()] = n
		}
	}
	for _, x := range slices.SortedFunc(maps.Keys(want), row.compare) { // total: of keys of a map
		a.f.looked[lastValue]++
		n, known := last[x]
		switch is := a.f.c.recs.at(n); {
		case !known:
			a.against(lastValue, want[x], "key %s is not in the table; the model has it %s", a.f.c.h.Text(x.key), a.said(want[x]))
		case n != want[x] && (is.state == acked || is.p == a.f.c.recs.at(want[x]).p):
			// What a dead producer left under way may arrive behind the next one's.
			a.against(lastValue, want[x], "key %s is %s; the model has it %s", a.f.c.h.Text(x.key), a.said(n), a.said(want[x]))
		}
	}
}

// said is what a record makes of its row.
func (a *application) said(n int32) string {
	if Deletes(a.f.c.recs.at(n).value) {
		return "deleted by " + a.name(n)
	}
	return "as of " + a.name(n)
}
