package checker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokersim/checker/history"
)

// product is a record that was made of another, by who reads, processes and writes.
type product struct {
	rec int32
	of  int64 // the other's value
}

// chained is what a chain has made of one record for one topic, as readers of committed
// records see it.
type chained struct{ in, topic int32 }

// products are how many records were made of one, and the first two of them.
type products struct{ n, first, second int32 }

// chain counts what became of each record that a group has committed to have read: of one that
// was made once in each topic that the chain writes, that is well; of none, it is lost; of two,
// it is doubled. Whether that is wrong is for the promise to say: with transactions and
// read_committed neither may be (KIP-129), without them the second may.
func (f *finish) chain() {
	c := f.c
	if len(c.made) == 0 {
		return
	}
	outs := map[chained]products{} // records, visible at the end
	topics := map[int32][]int32{}  // of a topic that is read: those that are written from it
	topicOf, names := f.topics()
	for _, x := range c.made {
		n := c.values.Get(x.of)
		r := c.recs.at(x.rec)
		if n == 0 || r.flags&reused != 0 {
			continue
		}
		from, to := topicOf[c.recs.at(n-1).tp], topicOf[r.tp]
		if !slices.Contains(topics[from], to) {
			topics[from] = append(topics[from], to)
		}
		p := c.part(r.tp)
		if off := f.inLogAt(x.rec, r); r.flags&inLog != 0 && (off < 0 || !f.hidden(p, off)) {
			made := outs[chained{n - 1, to}]
			switch made.n++; made.n {
			case 1:
				made.first = x.rec
			case 2:
				made.second = x.rec
			}
			outs[chained{n - 1, to}] = made
		}
	}
	readers := make([]*claimable, len(topicOf))
	for tp := range readers {
		readers[tp] = f.readBy(history.TP(tp))
	}
	for n := range c.recs.n {
		r := c.recs.at(n)
		if r.flags&(inLog|unsent|reused) != inLog || len(topics[topicOf[r.tp]]) == 0 {
			continue
		}
		off := f.inLogAt(n, r)
		if off < 0 || f.hidden(c.part(r.tp), off) {
			continue
		}
		by := readers[r.tp]
		for _, to := range topics[topicOf[r.tp]] {
			made := outs[chained{n, to}]
			passed := by != nil && off >= by.from && off < by.committedTo(c)
			if !passed && made.n == 0 {
				continue
			}
			f.looked[exactlyOnce]++
			switch {
			case made.n == 0:
				c.ledger.OutputsLost++
				f.violated(exactlyOnce, func() violation {
					return violation{
						what: fmt.Sprintf("A record was read and nothing made of it: %s at %s is below the committed offset %d, and %s has no record of it.",
							f.name(r), f.slot(r.tp, off), by.committedTo(c), names[to]),
						witness: append([]witness{f.sent(r)}, f.passing(by, off)...),
					}
				})
			case made.n > 1:
				c.ledger.OutputsDoubled += int64(made.n - 1)
				f.violated(exactlyOnce, func() violation {
					v := violation{what: fmt.Sprintf("A record was processed %d times: of %s at %s, %s has %s and %s.",
						made.n, f.name(r), f.slot(r.tp, off), names[to], f.placed(made.first), f.placed(made.second))}
					for _, k := range []int32{made.first, made.second} {
						v.witness = append(v.witness, f.sent(c.recs.at(k)))
					}
					return v
				})
			}
		}
	}
}

// placed names a record of the final read with its place.
func (f *finish) placed(n int32) string {
	r := f.c.recs.at(n)
	return fmt.Sprintf("record %s at %s", f.c.h.Text(r.value), f.slot(r.tp, f.inLogAt(n, r)))
}

// passing is the first commit that went over an offset.
func (f *finish) passing(x *claimable, off int64) []witness {
	for _, n := range x.reg.list {
		if m := &f.c.commits[n]; m.off > off && m.state == acked {
			return []witness{f.c.committed(m)}
		}
	}
	return nil
}

// readBy is the partition as the group sees it that has come furthest in it, or nil.
func (f *finish) readBy(tp history.TP) *claimable {
	var best *claimable
	for _, name := range slices.Sorted(maps.Keys(f.c.groups)) {
		g := f.c.groups[name]
		if int(tp) < len(g.parts) && g.parts[tp] != nil && (best == nil || g.parts[tp].committedTo(f.c) > best.committedTo(f.c)) {
			best = g.parts[tp]
		}
	}
	return best
}

// topics are the topics of all partitions, by number, and their names.
func (f *finish) topics() (of []int32, names []string) {
	for tp := range max(len(f.c.h.TPs), len(f.c.parts)) {
		name := f.c.h.Name(history.TP(tp))
		if k := strings.LastIndexAny(name, "-/"); k > 0 {
			name = name[:k]
		}
		n := slices.Index(names, name)
		if n < 0 {
			n, names = len(names), append(names, name)
		}
		of = append(of, int32(n))
	}
	return of, names
}
