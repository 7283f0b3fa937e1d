package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
)

// deletion is that of a group which was certainly deleted, from its being asked for to its being
// acknowledged. Of none both are never.
type deletion struct{ asked, end when }

// aside is what a fetch has read of a group that may be deleted at that moment.
type aside struct {
	n, read int32 // index into Checker.commits, and into Checker.reads
	stable  bool
}

// deletes begins the deletion of a group (DeleteGroups, KIP-229). Until its end is known it may be
// that nothing is committed, and that its generations begin anew: so nothing is held to what was
// before, and what is read is put aside. One that is refused has changed nothing.
func (g *group) deletes(e *history.Event) { g.deleters = append(g.deleters, e.P) }

// mayBeGone reports whether what was asked for at an event may have met the group after it was
// deleted, and what is known of it be of before.
func (g *group) mayBeGone(asked int64) bool { return len(g.deleters) > 0 || asked < g.gone }

// deletionEnds takes what became of a deletion. Of which errors say that nothing was done its
// history decides: those by which a coordinator gives up what it has written, such as
// NOT_COORDINATOR, do not.
func (c *Checker) deletionEnds(e *history.Event, x *call) {
	g := x.group
	if g == nil {
		return
	}
	if i := slices.Index(g.deleters, x.p); x.known && i >= 0 {
		g.deleters = slices.Delete(g.deleters, i, i+1)
	}
	if e.E == history.Fail {
		if len(g.deleters) == 0 {
			c.takeBack(g)
		}
		return
	}
	g.mayHaveGone(e.I)
	if e.E == history.OK && x.known {
		g.deleted = deletion{asked: x.asked, end: whenOf(e)}
	}
}

// deleterDied takes note that nobody will be told what became of a deletion that a process has
// asked for.
func (g *group) deleterDied(p int32, i int64) {
	if slices.Contains(g.deleters, p) {
		g.deleters = slices.DeleteFunc(g.deleters, func(x int32) bool { return x == p })
		g.mayHaveGone(i)
	}
}

// mayHaveGone takes note that the group was deleted, or may have been. A coordinator deletes only
// groups without members, so whoever thinks that he owns something is held off by being fenced.
func (g *group) mayHaveGone(i int64) {
	g.gone = i
	g.aside = g.aside[:0]
	g.forgets(i)
	g.beginsAnew()
}

// takeBack counts what was put aside: the group was not deleted.
func (c *Checker) takeBack(g *group) {
	for _, x := range g.aside {
		c.looked[commitRegister]++
		c.commits[x.n].readBy(c, x.read, x.stable)
	}
	g.aside = g.aside[:0]
}

// resurrected holds the reading of a commit to the deletion of its group: what was committed before
// that was asked for, nobody reads who asks after it was acknowledged.
func (c *Checker) resurrected(e *history.Event, m *commit, by *call) {
	d := &m.group.deleted
	if d.end.i < 0 || !by.known || by.i < d.end.i || m.off < 0 {
		return
	}
	c.looked[commitRegister]++
	if m.state != acked || m.end.i > d.asked.i {
		return
	}
	c.tell(commitRegister, func() violation {
		return violation{
			what: fmt.Sprintf("A deleted group is back: %s reads offset %d of %s of group %s, which was deleted at %s, after that was committed.",
				c.fetcher(e), m.off, c.h.Name(m.tp), m.group.name, moment(d.end.t)),
			witness: []witness{c.committed(m), c.line(&history.Event{I: d.end.i, T: d.end.t, E: d.end.e, F: d.end.f, ID: d.end.op, P: d.end.p, Group: m.group.name}), c.asking(by, e), c.line(e)},
		}
	})
}
