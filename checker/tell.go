package checker

import "brokersim/checker/history"

// told are the violations of one property that are certain when they are met: those that
// will be listed, and how many there are.
type told struct {
	n    int64
	list []violation
}

// tell reports a violation that nothing later can excuse. It is worded only if it will be
// listed, so that a broken run costs no more than its first violations.
func (c *Checker) tell(property int, say func() violation) {
	x := &c.told[property]
	if x.n++; x.n <= MaxViolations {
		x.list = append(x.list, say())
	}
}

// say has the sentences of a finish, for what is reported before it.
func (c *Checker) say() *finish { return &finish{c: c} }

// line is an event as a witness.
func (c *Checker) line(e *history.Event) witness { return c.say().line(e) }

// seen is a read cut down to one record.
func (c *Checker) seen(e *history.Event, tp history.TP, off, value int64) witness {
	x := history.Event{I: e.I, T: e.T, E: e.E, F: e.F, ID: e.ID, P: e.P, Iso: e.Iso,
		Runs: []history.Run{{TP: tp, Records: []history.Record{{Offset: off, Value: value, Key: history.None}}}}}
	return c.line(&x)
}

// claimed is a read cut down to one claim.
func (c *Checker) claimed(e *history.Event, cl *history.Claim) witness {
	x := history.Event{I: e.I, T: e.T, E: e.E, F: e.F, ID: e.ID, P: e.P, Iso: e.Iso, At: []history.Claim{*cl}}
	return c.line(&x)
}
