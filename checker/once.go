package checker

import (
	"fmt"

	"brokersim/checker/history"
)

// holdOnce holds a member to the promise that its group finishes with each record once: nobody
// promises that of his own accord, since whoever dies between his work and his commit has it done
// again. It can be kept where nobody dies, if what is committed before a partition is given back
// counts.
func (c *Checker) holdOnce(p *process, run *history.Run, e *history.Event) {
	x := p.group.at(run.TP)
	x.events = append(x.events, whenOf(e))
	for j := range run.Records {
		r := &run.Records[j]
		c.looked[processedOnce]++
		if was := x.firsts.Get(r.Offset); was != 0 {
			c.finishedTwice(p, x, run.TP, r, x.events[was-1], e)
			continue
		}
		x.firsts.Set(r.Offset, int32(len(x.events)))
	}
}

func (c *Checker) finishedTwice(p *process, x *claimable, tp history.TP, r *history.Record, first when, e *history.Event) {
	c.tell(processedOnce, func() violation {
		of := func(w when) witness {
			return c.line(&history.Event{I: w.i, T: w.t, E: w.e, F: w.f, ID: w.op, P: w.p, Group: p.group.name,
				Runs: []history.Run{{TP: tp, Records: []history.Record{*r}}}})
		}
		v := violation{
			what: fmt.Sprintf("Processed twice: %s of group %s finished at %s with the record at offset %d of %s, with which %s had finished at %s.",
				c.say().member(p.p), p.group.name, moment(e.T), r.Offset, c.h.Name(tp), c.say().member(first.p), moment(first.t)),
			witness: []witness{of(first)},
		}
		if n := x.refused - 1; n >= 0 && c.commits[n].off > r.Offset && c.commits[n].asked.i > first.i {
			v.witness = append(v.witness, c.committed(&c.commits[n]))
		}
		v.witness = append(v.witness, of(whenOf(e)))
		return v
	})
}
