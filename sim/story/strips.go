package story

import (
	"fmt"
	"slices"

	logreplica "brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/checker/history"
	"brokersim/checker/result"
)

// Bounds of a strip.
const (
	cellsBefore = 6 // offsets before the first in question
	cellsAfter  = 5
	mostCells   = 24
)

// strips are the logs of the partitions in question when the promise was broken.
func (t *telling) strips() []result.Strip {
	list := []result.Strip{}
	at := min(t.broken, len(t.moments)-1)
	now, down := t.replicasAt(at), t.downAt(at)
	for _, tp := range t.tps {
		from, until := t.window(tp, now)
		for _, p := range places(now, tp) {
			list = append(list, t.strip(p, now[p], from, until, at, slices.Contains(down, p.node)))
		}
	}
	return list
}

// window is the offsets that are shown of a partition.
func (t *telling) window(tp wire.TP, now map[place]*replica) (from, until int64) {
	from, until = -1, -1
	for _, s := range t.slots {
		if s.tp != tp {
			continue
		}
		if from < 0 || s.offset < from {
			from = s.offset
		}
		until = max(until, s.offset+1)
	}
	end := int64(0)
	for _, p := range places(now, tp) {
		end = max(end, now[p].end)
	}
	if from < 0 {
		from, until = end, end
	}
	from, until = max(from-cellsBefore, 0), min(until+cellsAfter, max(end, until))
	return max(from, until-mostCells), until
}

func (t *telling) strip(p place, r *replica, from, until int64, at int, down bool) result.Strip {
	s := result.Strip{
		TP: p.tp.String(), Node: p.node, Role: role(r), Down: down,
		Start: r.start, End: r.end, HW: r.hw, Synced: r.durable, Cells: []result.Cell{},
	}
	if down {
		s.Role = "down"
	}
	for _, x := range t.partitionAt(p.tp, at) {
		s.InISR = s.InISR || brokerName(x) == p.node
	}
	for o := from; o < until; o++ {
		c := result.Cell{Offset: o, Epoch: -1, Subject: slices.Contains(t.slots, slot{p.tp, o})}
		if e, ok := r.at(o); ok {
			c.Record, c.Epoch = text(e.record), e.epoch
		}
		c.Ghost = t.ghost(p, o, at, c.Record)
		s.Cells = append(s.Cells, c)
	}
	return s
}

func text(record int64) string {
	if record == 0 {
		return "?"
	}
	return fmt.Sprint(record)
}

func role(r *replica) string {
	switch {
	case r.closed:
		return "not opened yet"
	case r.leads:
		return fmt.Sprintf("leader, epoch %d", r.state.LeaderEpoch)
	case r.state.Leader >= 0:
		return fmt.Sprintf("follower of %s, epoch %d", brokerName(r.state.Leader), r.state.LeaderEpoch)
	}
	return "no leader"
}

// ghost is the record that a replica has had at an offset and has lost; empty if
// there was none.
func (t *telling) ghost(p place, offset int64, until int, now string) string {
	last := ""
	for i := range until + 1 {
		m := &t.moments[i]
		if m.Node != p.node {
			continue
		}
		for k := range m.changes {
			c := &m.changes[k]
			if c.tp != p.tp || c.was == nil {
				continue
			}
			if e, ok := c.was.at(offset); ok && text(e.record) != now {
				last = text(e.record)
			}
		}
	}
	return last
}

// downAt are the nodes that are down after a moment.
func (t *telling) downAt(at int) (down []string) {
	for i := range at + 1 {
		m := &t.moments[i]
		switch {
		case m.N == 0:
			down = m.down
		case slices.Contains(down, m.Node):
			down = slices.DeleteFunc(slices.Clone(down), func(n string) bool { return n == m.Node })
		}
	}
	return down
}

// partitionAt is the ISR of a partition as the controller had it after a moment.
func (t *telling) partitionAt(tp wire.TP, at int) (isr []int32) {
	for i := range at + 1 {
		for k := range t.moments[i].changes {
			if c := &t.moments[i].changes[k]; c.tp == tp && (c.kind == elected || c.kind == inSync) {
				isr = c.isr
			}
		}
	}
	return isr
}

// partition is the partition that the history has a number for.
func (t *telling) partition(tp history.TP) wire.TP {
	x, _ := logreplica.ParseDir(t.header.Name(tp))
	return x
}
