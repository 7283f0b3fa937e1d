package checker

import (
	"fmt"

	"brokersim/checker/history"
)

// deletion is that of a group which was certainly deleted, from its being asked for to its being
// acknowledged. Of none both are never.
type deletion struct{ asked, end when }

// deleting begins the deletion of a group: from here on it may be that nothing is committed, and
// that its generations begin anew. A coordinator deletes only groups without members (DeleteGroups,
// KIP-229), so whoever thinks that he owns something is held off by being fenced.
func (g *group) deleting(e *history.Event) {
	g.forgets(e.I)
	g.beginsAnew()
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
