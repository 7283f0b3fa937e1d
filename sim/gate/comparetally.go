package gate

import (
	"strconv"

	"brokersim/checker/history"
	"brokersim/sim/scenario"
)

// services are the readers of a scenario by process, whatever the kind of broker.
type services struct {
	group map[int32]int // by process: the number of its group
	alone []bool        // by group: it has one member
	n     int           // groups

	process map[string]int32 // by name
}

func servicesOf(s *scenario.Spec) services {
	x := services{group: map[int32]int{}}
	names := map[string]int{}
	byName := map[string]int32{}
	nodes := scenario.Services(scenario.Case{Spec: s})
	for node, name := range nodes { // unordered: into a map
		if id, err := strconv.ParseInt(node[1:], 10, 32); err == nil {
			byName[name] = int32(id)
		}
	}
	for i := range s.Readers {
		r := &s.Readers[i]
		name := r.Group
		if name == "" {
			name = r.Name
		}
		g, known := names[name]
		if !known {
			g = x.n
			names[name] = g
			x.n++
			x.alone = append(x.alone, true)
		} else {
			x.alone[g] = false
		}
		x.group[byName[r.Name]] = g
	}
	x.process = byName
	return x
}

// fates count what became of the records of one run, in the same way for every kind of
// broker: by what was finished with, not by what a broker has.
type fates struct {
	told       int64 // of which the producer was told that they were sent
	lost       int64 // told, and a group has not finished with it
	everywhere int64 // told, and every group has
	twice      int64 // finished with more than once by a reader that is alone
	finished   int64 // by readers that are alone, each record once
	inverted   int64 // of these, behind a later one of their key
	shared     int64 // finished with by a group of several readers, each record once
	doubled    int64 // of these, by more than one of them
	overtaken  int64 // of these, behind a later one of their key
	readable   int64 // told, and still to be read at the end
	again      int64 // finished with by somebody, and still to be read at the end
	any        int64 // finished with by somebody
	inLoad     int64 // finished with by readers that are alone, until the load ended
	loadNS     int64 // how long the load was
	late       int64 // finished with by readers that are alone, in its second half
	readers    int64 // that are alone
}

// tallier reads a history.
type tallier struct {
	services
	recs    map[int64]*followed
	order   []*followed
	sent    map[int32]int64 // by process
	lastSee map[seenKey]int64
	t       fates
	first   int64   // when the first was sent
	lastInv int64   // and the last
	times   []int64 // when readers that are alone have finished with records
}

// followed is a record on its way.
type followed struct {
	key, nth int64
	p        int32
	told     bool
	done     []int32 // by group: who finished with it first; 0: nobody
	by       []bool  // by group: several of its members
	left     bool
}

// seenKey is a line in which records should keep their order: a group, a producer's key.
type seenKey struct {
	group int
	p     int32
	key   int64
}

func newTallier(s services) *tallier {
	return &tallier{services: s, recs: map[int64]*followed{}, sent: map[int32]int64{}, lastSee: map[seenKey]int64{}}
}

// Event makes it a [history.Sink].
func (x *tallier) Event(e *history.Event) {
	switch {
	case e.F == history.Send && e.E == history.Inv:
		x.invoked(e)
	case e.F == history.Send && e.E == history.OK:
		for i := range e.Sends {
			if r := x.recs[e.Sends[i].Value]; r != nil && e.Sends[i].Err == "" && !r.told {
				r.told = true
				x.t.told++
			}
		}
	case e.F == history.Process && e.E != history.Inv:
		x.processed(e)
	case e.F == history.Dump && e.E == history.OK:
		for i := range e.Runs {
			for j := range e.Runs[i].Records {
				if r := x.recs[e.Runs[i].Records[j].Value]; r != nil {
					r.left = true
				}
			}
		}
	}
}

func (x *tallier) invoked(e *history.Event) {
	if len(x.order) == 0 {
		x.first = e.T
	}
	x.lastInv = e.T
	for i := range e.Sends {
		s := &e.Sends[i]
		r := &followed{key: s.Key, nth: x.sent[e.P], p: e.P, done: make([]int32, x.n), by: make([]bool, x.n)}
		x.sent[e.P]++
		x.recs[s.Value] = r
		x.order = append(x.order, r)
	}
}

func (x *tallier) processed(e *history.Event) {
	g, known := x.group[e.P]
	if !known {
		return
	}
	for i := range e.Runs {
		for j := range e.Runs[i].Records {
			if r := x.recs[e.Runs[i].Records[j].Value]; r != nil {
				x.finished(e, r, g)
			}
		}
	}
}

func (x *tallier) finished(e *history.Event, r *followed, g int) {
	if r.done[g] != 0 {
		if x.alone[g] {
			x.t.twice++
		} else if r.done[g] != e.P && !r.by[g] {
			r.by[g] = true
			x.t.doubled++
		}
		return
	}
	r.done[g] = e.P
	at := seenKey{g, r.p, r.key}
	last, some := x.lastSee[at]
	behind := some && r.nth < last && r.key != history.None
	if !behind {
		x.lastSee[at] = r.nth
	}
	if !x.alone[g] {
		x.t.shared++
		if behind {
			x.t.overtaken++
		}
		return
	}
	x.t.finished++
	x.times = append(x.times, e.T)
	if behind {
		x.t.inverted++
	}
}

func (x *tallier) finish() fates {
	t := &x.t
	t.loadNS = x.lastInv - x.first
	for _, at := range x.times {
		if at <= x.lastInv {
			t.inLoad++
			if at > x.lastInv-t.loadNS/2 {
				t.late++
			}
		}
	}
	for _, alone := range x.alone {
		if alone {
			t.readers++
		}
	}
	for _, r := range x.order {
		missing, some := false, false
		for _, by := range r.done {
			missing = missing || by == 0
			some = some || by != 0
		}
		if some {
			t.any++
			if r.left {
				t.again++
			}
		}
		if !r.told {
			continue
		}
		if missing {
			t.lost++
		} else {
			t.everywhere++
		}
		if r.left {
			t.readable++
		}
	}
	return *t
}
