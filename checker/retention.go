package checker

import (
	"fmt"

	"brokersim/checker/history"
)

// What retention may delete: a record that is older than retention.ms by its timestamp,
// which is what Kafka goes by, and not before the newest of its segment is. A scenario must
// state that, since brokers go by clocks that a schedule may have set wrong.

// stamp takes down the timestamp of a record that somebody read.
func (c *Checker) stamp(p *part, x *history.Record) {
	n := p.readAt.Get(x.Offset)
	if n == 0 {
		return
	}
	if c.stamped == nil {
		c.stamped = map[int32]int64{}
	}
	c.stamped[n-1] = x.Time
}

// retention looks at the records that the log does not begin with any more when the run is
// over: none may be so young still.
func (f *finish) retention() {
	if !f.c.rules.strict[Retention] {
		return
	}
	for _, p := range f.c.parts {
		if p == nil || !p.dump.done {
			continue
		}
		t := f.c.topic(p.tp)
		if t == nil || t.Retention <= 0 {
			continue
		}
		by := f.c.reads[p.dump.by]
		for n := range f.c.recs.n {
			r := f.c.recs.at(n)
			stamp, known := f.c.stamped[n]
			if r.tp != p.tp || !known || r.seen < 0 || r.flags&(reused|unsent) != 0 {
				continue
			}
			f.looked[retains]++
			age := by.t/1_000_000 + f.c.h.Set.Wall - stamp
			if r.seen < p.dump.start && age < t.Retention {
				f.violated(retains, func() violation {
					return violation{
						what: fmt.Sprintf("%s at %s was deleted when it was %d ms old, or sooner: retention.ms is %d. The log starts at offset %d.",
							capital(f.name(r)), f.slot(r.tp, r.seen), age, t.Retention, p.dump.start),
						witness: f.evidence(r, placedRecord{r.seen, n, false}, f.line(f.readEvent(p.dump.by))),
					}
				})
			}
		}
	}
}
