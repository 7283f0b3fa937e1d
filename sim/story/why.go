package story

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker"
	"brokersim/checker/history"
)

// why says in sentences what made the violation possible, as far as that can be
// read from what was taken down.
func (t *telling) why() []string {
	list := []string{}
	if len(t.records) > 0 && len(t.tps) > 0 {
		switch t.property {
		case checker.NoAckedLoss:
			list = append(list, t.whyLost(t.records[0], t.tps[0])...)
		case checker.NoDuplicate:
			list = append(list, t.whyTwice(t.records[0], t.tps[0])...)
		case checker.PerKeyOrder:
			list = append(list, t.whyOrder(t.tps[0])...)
		}
	}
	if t.property == checker.NoStaleEnd && len(t.tps) > 0 {
		list = append(list, t.whyStale(t.tps[0])...)
	}
	if len(list) == 0 {
		list = append(append(list, t.whyAppended()...), t.whyElections()...)
	}
	return list
}

// whyAppended says which leaders have appended what is in question, and where.
func (t *telling) whyAppended() (list []string) {
	const most = 4
	for i := range t.moments {
		m := &t.moments[i]
		for k := range m.changes {
			if c := &m.changes[k]; c.kind == appended && c.is.leads && t.touchesRecords(c) && len(list) < most {
				list = append(list, fmt.Sprintf("At %s: %s, the leader, %s.", moment3(m.At), m.Node, t.say(c)))
			}
		}
	}
	return list
}

// whyLost says who held a record when it was acknowledged, who was elected without
// it, and how each of the holders lost it.
func (t *telling) whyLost(record int64, tp wire.TP) (list []string) {
	if s := t.whyAcked(record, tp); s != "" {
		list = append(list, s)
	}
	for i := range t.moments {
		m := &t.moments[i]
		t.at = i
		for k := range m.changes {
			c := &m.changes[k]
			if c.tp != tp || c.is == nil {
				continue
			}
			lost := c.was.holds(record) && !c.is.holds(record)
			switch {
			case c.kind == began && t.lacks(c) && i <= t.broken:
				list = append(list, t.whyElected(i, m, c))
			case c.kind == truncated && lost:
				list = append(list, whyTruncated(m, c))
			case c.kind == vanished && lost && c.from < c.was.durable:
				list = append(list, fmt.Sprintf("%s held it and had synced it, but did not find it when it started at %s.", m.Node, moment3(m.At)))
			case c.kind == vanished && lost:
				list = append(list, fmt.Sprintf("%s held it in its page cache only and did not find it when it started at %s: it had not been synced.", m.Node, moment3(m.At)))
			}
		}
	}
	return list
}

// whyTruncated says on whose word a log was cut.
func whyTruncated(m *moment, c *change) string {
	leader, epoch := brokerName(c.is.state.Leader), c.is.state.LeaderEpoch
	text := fmt.Sprintf("%s held it and truncated its log to offset %d at %s", m.Node, c.from, moment3(m.At))
	if m.Kind == machine.Received && m.Peer == leader {
		return text + fmt.Sprintf(", because %s, whom it follows in epoch %d, has another log.", leader, epoch)
	}
	if c.is.state.Leader < 0 {
		return text + fmt.Sprintf(", as soon as it heard that there is no leader in epoch %d: its high watermark was %d.", epoch, c.was.hw)
	}
	return text + fmt.Sprintf(", as soon as it heard that it follows %s in epoch %d: its high watermark was %d.", leader, epoch, c.was.hw)
}

// whyAcked says what an acknowledgement rested on.
func (t *telling) whyAcked(record int64, tp wire.TP) string {
	at := t.answered(record)
	if at < 0 {
		return ""
	}
	leader := t.moments[at].Node
	now := t.replicasAt(at)
	l := now[place{leader, tp}]
	if l == nil {
		return ""
	}
	var holders []string
	all := places(now, tp)
	for _, p := range all {
		if now[p].holds(record) {
			holders = append(holders, p.node)
		}
	}
	isr := set(l.state.ISR)
	if !slices.Contains(holders, leader) {
		return fmt.Sprintf("%s acknowledged it at %s though its own log did not hold it: it took the batch for one that it had (KIP-98).", leader, moment3(t.moments[at].At))
	}
	who := "{" + strings.Join(holders, ",") + "}"
	text := fmt.Sprintf("%s acknowledged it at %s when %d of %d replicas held it: %s.", leader, moment3(t.moments[at].At), len(holders), len(all), who)
	switch setting := t.header.Set.Acks; {
	case setting != "all" && setting != "-1":
		text += fmt.Sprintf(" acks=%s does not wait for the others.", setting)
	case who == isr && len(holders) < len(all):
		text += fmt.Sprintf(" acks=all waits for the ISR, and the ISR was %s; min.insync.replicas is %d.", isr, t.header.Set.MinISR)
	case who != isr:
		text += fmt.Sprintf(" acks=all waits for the ISR, which was %s: the leader has not waited.", isr)
	}
	return text
}

// answered is the step in which a broker sent the acknowledgement of a record.
func (t *telling) answered(record int64) int {
	for i := range t.moments {
		for k := range t.moments[i].heard {
			if acknowledges(&t.moments[i].heard[k], record) {
				return t.cause(&t.moments[i])
			}
		}
	}
	return -1
}

// whyElected says what a leader lacked, and whether it was in sync.
func (t *telling) whyElected(i int, m *moment, c *change) string {
	text := fmt.Sprintf("%s came to lead in epoch %d at %s with a log that ends at offset %d.", m.Node, c.epoch, moment3(m.At), c.is.end)
	var before []int32
	for k := range i {
		for j := range t.moments[k].changes {
			if x := &t.moments[k].changes[j]; x.tp == c.tp && (x.kind == elected && x.epoch < c.epoch || x.kind == inSync) {
				before = x.isr
			}
		}
	}
	in := slices.ContainsFunc(before, func(id int32) bool { return brokerName(id) == m.Node })
	switch {
	case before == nil:
	case in:
		text += fmt.Sprintf(" It was in the ISR %s, so that Kafka takes it to have everything that is committed.", set(before))
	default:
		text += fmt.Sprintf(" It was not in the ISR %s: the election was unclean.", set(before))
	}
	return text
}

// whyTwice says why a leader took a batch that it had for a new one.
func (t *telling) whyTwice(record int64, tp wire.TP) (list []string) {
	if t.broken >= len(t.moments) {
		return nil
	}
	leader := t.moments[t.broken].Node
	x := t.replicasAt(t.broken)[place{leader, tp}]
	if x == nil {
		return nil
	}
	var copies []entry
	for _, e := range x.entries {
		if e.record == record {
			copies = append(copies, e)
		}
	}
	if len(copies) < 2 {
		return nil
	}
	a, b := copies[0], copies[1]
	list = append(list, fmt.Sprintf("%s has it at offset %d (epoch %d) and at offset %d (epoch %d).", leader, a.offset, a.epoch, b.offset, b.epoch))
	switch {
	case a.producer < 0 || b.producer < 0:
		list = append(list, "The producer is not idempotent: nothing tells a retry from a new batch.")
	case a.producer == b.producer && a.pepoch == b.pepoch && a.sequence == b.sequence:
		list = append(list, fmt.Sprintf("Both came from producer %d in epoch %d with sequence %d: the leader should have known the second one (KIP-98).", a.producer, a.pepoch, a.sequence))
	case a.producer == b.producer:
		list = append(list, fmt.Sprintf("Both came from producer %d, but as sequence %d of epoch %d and as sequence %d of epoch %d: the producer has sent it again as a new one (KAFKA-14034).", a.producer, a.sequence, a.pepoch, b.sequence, b.pepoch))
	default:
		list = append(list, fmt.Sprintf("They came from two producer ids, %d and %d: nothing connects the two.", a.producer, b.producer))
	}
	return list
}

// whyOrder says how the records in question were numbered by their producer.
func (t *telling) whyOrder(tp wire.TP) (list []string) {
	now := t.replicasAt(min(t.broken, len(t.moments)-1))
	for _, p := range places(now, tp) {
		if !now[p].leads {
			continue
		}
		for _, e := range now[p].entries {
			if !t.hasRecord(e.record) {
				continue
			}
			how := "from a producer that is not idempotent"
			if e.producer >= 0 {
				how = fmt.Sprintf("as sequence %d of producer %d in its epoch %d", e.sequence, e.producer, e.pepoch)
			}
			list = append(list, fmt.Sprintf("Record %d was appended by %s at offset %d, leader epoch %d, %s.", e.record, p.node, e.offset, e.epoch, how))
		}
		if n := t.header.Set.InFlight; n > 1 {
			list = append(list, fmt.Sprintf("max.in.flight.requests.per.connection is %d.", n))
		}
		break
	}
	return list
}

// whyStale says what each broker knew when it said where the log ends.
func (t *telling) whyStale(tp wire.TP) (list []string) {
	for i := range t.moments {
		m := &t.moments[i]
		from := t.cause(m)
		if from < 0 || !slices.ContainsFunc(m.heard, func(e history.Event) bool { return slices.Contains(t.events, e.I) }) {
			continue
		}
		x := t.replicasAt(from)[place{t.moments[from].Node, tp}]
		if x == nil {
			continue
		}
		list = append(list, fmt.Sprintf("%s answered %s at %s as the leader of epoch %d: its log ended at %d, its high watermark was %d.",
			t.moments[from].Node, m.Node, moment3(t.moments[from].At), x.state.LeaderEpoch, x.end, x.hw))
	}
	return list
}

// whyElections says who led when, for want of something more exact.
func (t *telling) whyElections() (list []string) {
	const most = 6
	for i := t.firstOrZero(); i < min(t.broken+1, len(t.moments)); i++ {
		for k := range t.moments[i].changes {
			c := &t.moments[i].changes[k]
			if c.kind == elected && t.hasTP(c.tp) && len(list) < most {
				list = append(list, fmt.Sprintf("At %s: the controller %s.", moment3(t.moments[i].At), t.say(c)))
			}
		}
	}
	return list
}

func (t *telling) firstOrZero() int {
	if t.first >= len(t.moments) {
		return 0
	}
	return t.first
}
