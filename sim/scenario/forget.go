package scenario

import (
	"slices"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/checker/history"
)

// home is a partition of an internal topic, and whom of the run its leader coordinates.
//
// Kafka has no coordinator wait for a disk: what it has decided is safe when it is replicated
// (log.flush.interval.messages holds for internal topics as for others). So a loss of power
// may take it from a coordinator, and KIP-966 says how that comes to lead again although
// others have more. What is noted is that it knows less than it was known to have committed
// when it lost power; whoever lacks more than that has a bug, as the oracle has it.
type home struct {
	tp     wire.TP
	groups []string
	txnIDs []string
}

// homes are those of all groups and transactional ids of the run.
func (p *plan) homes() (list []home) {
	set := p.set.Broker()
	at := func(topic, id string, partitions int32) *home {
		tp := wire.TP{Topic: topic, Partition: coordinator.PartitionFor(id, partitions)}
		i := slices.IndexFunc(list, func(h home) bool { return h.tp == tp })
		if i < 0 {
			i, list = len(list), append(list, home{tp: tp})
		}
		return &list[i]
	}
	for _, id := range p.groupIDs() {
		h := at(coordinator.Offsets, id, set.OffsetsTopicNumPartitions)
		h.groups = append(h.groups, id)
	}
	for _, id := range p.txnIDs() {
		h := at(coordinator.Transactions, id, set.TransactionLogNumPartitions)
		h.txnIDs = append(h.txnIDs, id)
	}
	return list
}

// groupIDs are the groups of members and of processors.
func (p *plan) groupIDs() (ids []string) {
	for _, g := range p.consumerGroups() {
		ids = append(ids, g.id)
	}
	for i := range p.Spec.Processors {
		if id := p.set.Consumer(p.Spec.Processors[i].Name).GroupID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// txnIDs are the transactional ids of the run.
func (p *plan) txnIDs() (ids []string) {
	for _, name := range p.transactionalServices() {
		if id := p.set.Producer(name).TransactionalID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// noteForgets tells the history that a coordinator which begins has lost, with the power of
// its broker, some of what was decided.
func (c *cluster) noteForgets(i int, h *home, m missing) {
	note := history.Event{E: history.Note, F: history.MayLose, Synced: m.synced, Why: brokerName(int32(i+1)) + " coordinates without what it knew before it lost power"}
	for _, id := range h.groups {
		e := note
		e.Group, e.Gen = id, history.None
		c.r.rec.Event(&e)
	}
	for _, id := range h.txnIDs {
		e := note
		e.TxID = id
		c.r.rec.Event(&e)
	}
}

// forgot reports whether the coordinator of a group or of a transactional id has come to that.
func (c *cluster) forgot(group, txnID string) bool {
	for i := range c.homes {
		h := &c.homes[i]
		if c.oracle.lacked[len(c.r.topology.tps)+i] && (group != "" && slices.Contains(h.groups, group) || slices.Contains(h.txnIDs, txnID)) {
			return true
		}
	}
	return false
}

// mayHang reports whether a transaction may be open in a partition for good: its coordinator
// does not know of it any more, or the partition has lost its marker. What comes behind it
// nobody reads who reads committed records, until an operator ends it
// (kafka-transactions.sh find-hanging, KIP-664).
func (c *cluster) mayHang(tp wire.TP) bool {
	if c.oracle.lacked[slices.Index(c.tps, tp)] {
		return true
	}
	return slices.ContainsFunc(c.r.txnIDs(), func(id string) bool { return c.forgot("", id) })
}

// goal is how far somebody must come in a partition that is at rest.
func (r *run) goal(name string, tp wire.TP) int64 {
	end := r.end(tp)
	if r.forgiving && !r.cluster.opaque && r.set.Consumer(name).IsolationLevel == readCommitted && r.cluster.mayHang(tp) {
		end = min(end, r.cluster.stable(tp))
	}
	return end
}

// stable is where what is stable of a partition ends, as its leader has it: behind the last
// record there is below the last stable offset, since compaction may have left a gap there.
func (c *cluster) stable(tp wire.TP) (end int64) {
	a, known := c.assignment(tp)
	if !known || a.leader <= 0 || c.brokers[a.leader-1] == nil {
		return 0
	}
	p := c.brokers[a.leader-1].Replica(tp)
	if p == nil {
		return 0
	}
	_ = p.Each(0, func(h *wire.Batch, _ *wire.Record) error { // what cannot be read nobody need have read
		if h.BaseOffset < p.LastStable() {
			end = h.NextOffset()
		}
		return nil
	})
	return end
}

// waitsForForgotten reports whether who has transactions may wait for good: for a transaction
// to end whose markers the partitions refuse, since they know later epochs of its producer; or
// for offsets that were committed in one which nobody ends.
func (r *run) waitsForForgotten(name string) bool {
	id, group := r.set.Producer(name).TransactionalID, r.set.Consumer(name).GroupID
	return r.forgiving && !r.cluster.opaque && id != "" && r.cluster.forgot(group, id)
}

// offsetsMayHang reports whether the offsets of some group may wait for the end of a transaction
// that never comes (KIP-447).
func (r *run) offsetsMayHang() bool {
	return slices.ContainsFunc(r.transactionalServices(), r.waitsForForgotten)
}
