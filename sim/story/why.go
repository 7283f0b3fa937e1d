package story

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

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
			list = append(list, t.whyOrder()...)
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
	} else if t.header.Set.Acks == "0" {
		list = append(list, "Its producer asks for no answer (acks=0): nobody tells it what became of the record.")
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
				list = append(list, fmt.Sprintf("%s held it and had synced it, and yet its disk did not have it when it started at %s.", m.Node, moment3(m.At)))
			case c.kind == vanished && lost:
				list = append(list, fmt.Sprintf("%s held it in its page cache only, and its disk did not have it when it started at %s: it had not been synced.", m.Node, moment3(m.At)))
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
	var holders []int32
	all := places(now, tp)
	for _, p := range all {
		if now[p].holds(record) {
			holders = append(holders, brokerID(p.node))
		}
	}
	if !slices.Contains(holders, brokerID(leader)) {
		return fmt.Sprintf("%s acknowledged it at %s though its own log did not hold it: it took the batch for one that it had (KIP-98).", leader, moment3(t.moments[at].At))
	}
	text := fmt.Sprintf("%s acknowledged it at %s when %d of %d replicas held it: %s.", leader, moment3(t.moments[at].At), len(holders), len(all), set(holders))
	lacking := slices.DeleteFunc(slices.Clone(l.state.ISR), func(id int32) bool { return slices.Contains(holders, id) })
	switch setting := t.acksOf(record); {
	case setting != "all":
		text += fmt.Sprintf(" acks=%s does not wait for the others.", setting)
	case len(lacking) > 0:
		text += fmt.Sprintf(" acks=all waits for the ISR, which was %s: %s has not waited for %s.", set(l.state.ISR), leader, set(lacking))
	case len(holders) < len(all):
		text += fmt.Sprintf(" acks=all waits for the ISR, and the ISR was %s; min.insync.replicas is %d.", set(l.state.ISR), t.header.Set.MinISR)
	}
	return text + t.whyUnheard(tp, at, leader, l)
}

// whyUnheard says what the controller had decided that whoever acknowledged a record
// had not heard of.
func (t *telling) whyUnheard(tp wire.TP, at int, leader string, l *replica) string {
	decided, c := t.decidedAt(tp, at)
	if c == nil || !t.unheard(c, l) {
		return ""
	}
	when := moment3(t.moments[decided].At)
	switch {
	case c.epoch > l.state.LeaderEpoch && c.leader >= 0:
		return fmt.Sprintf(" It had not heard that the controller had elected %s in epoch %d, with the ISR %s, at %s.", brokerName(c.leader), c.epoch, set(c.isr), when)
	case c.epoch > l.state.LeaderEpoch:
		return fmt.Sprintf(" It had not heard that it leads no longer, since epoch %d, at %s.", c.epoch, when)
	}
	return fmt.Sprintf(" For the controller the ISR was %s, since %s: %s had not heard so.", set(c.isr), when, leader)
}

// acksOf is the acks of the request in which a record came to its leader.
func (t *telling) acksOf(record int64) string {
	for i := range t.moments {
		m := &t.moments[i]
		if m.N == 0 || api(m.Ident.Class) != wire.Produce || response(m.Ident.Class) ||
			!slices.ContainsFunc(m.changes, func(c change) bool { return c.kind == appended && c.adds(record) }) {
			continue
		}
		if r, err := wire.DecodeRequest(m.frame, t.words.broker); err == nil {
			if x, ok := r.Body.(*kmsg.ProduceRequest); ok {
				return acks(x.Acks)
			}
		}
	}
	if set := t.header.Set.Acks; set != "-1" {
		return set
	}
	return "all"
}

// answered is the step in which a broker sent the acknowledgement of a record.
func (t *telling) answered(record int64) int {
	for i := range t.moments {
		for k := range t.moments[i].heard {
			if t.acknowledges(&t.moments[i].heard[k], record) {
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
	in := slices.Contains(before, brokerID(m.Node))
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
	case a.producer == b.producer && a.pepoch == b.pepoch:
		list = append(list, fmt.Sprintf("Both came from producer %d in epoch %d, but as sequences %d and %d: the producer has numbered it anew.", a.producer, a.pepoch, a.sequence, b.sequence))
	case a.producer == b.producer:
		list = append(list, fmt.Sprintf("Both came from producer %d, but as sequence %d of epoch %d and as sequence %d of epoch %d: the producer has sent it again as a new one (KAFKA-14034).", a.producer, a.sequence, a.pepoch, b.sequence, b.pepoch))
	default:
		list = append(list, fmt.Sprintf("They came from two producer ids, %d and %d: nothing connects the two.", a.producer, b.producer))
	}
	return list
}

// whyOrder says who has appended the records in question, in which order, and how
// their producer had numbered them.
func (t *telling) whyOrder() (list []string) {
	const most = 6
	for i := range t.moments {
		m := &t.moments[i]
		for k := range m.changes {
			c := &m.changes[k]
			if c.kind != appended || !c.is.leads || !t.hasTP(c.tp) {
				continue
			}
			for _, e := range c.is.span(c.from, c.until) {
				if t.hasRecord(e.record) && len(list) < most {
					list = append(list, fmt.Sprintf("At %s %s, the leader of epoch %d, appended record %d at offset %d, %s.", moment3(m.At), m.Node, e.epoch, e.record, e.offset, sequenceOf(e)))
				}
			}
		}
	}
	if n := t.header.Set.InFlight; n > 1 && len(list) > 0 {
		list = append(list, fmt.Sprintf("max.in.flight.requests.per.connection is %d.", n))
	}
	return list
}

// sequenceOf says what idempotence goes by.
func sequenceOf(e entry) string {
	if e.producer < 0 {
		return "from a producer that is not idempotent"
	}
	return fmt.Sprintf("as sequence %d of producer %d in its epoch %d", e.sequence, e.producer, e.pepoch)
}

// whyStale says what each broker knew when it said where the log ends.
func (t *telling) whyStale(tp wire.TP) (list []string) {
	for i := range t.moments {
		m := &t.moments[i]
		from := t.cause(m)
		if from < 0 || m.Kind != machine.Received || !slices.ContainsFunc(m.heard, func(e history.Event) bool { return e.E == history.OK && slices.Contains(t.events, e.I) }) {
			continue
		}
		x := t.replicasAt(from)[place{m.Peer, tp}]
		if x == nil {
			continue
		}
		list = append(list, fmt.Sprintf("At %s %s told %s: %s. Its log ended at %d, its high watermark was %d; it was %s.",
			moment3(t.moments[from].At), m.Peer, m.Node, t.words.frame(m.frame, m.Ident.Class, m.version), x.end, x.hw, role(x)))
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
