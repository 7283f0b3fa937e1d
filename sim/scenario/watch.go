package scenario

import (
	"fmt"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
)

// after looks at a node after each of its steps, before what it wants to send has
// left. It is called for every event of the run: where nothing has changed it
// must cost next to nothing.
func (r *run) after(node int) {
	r.observing, r.stepped = true, r.sim.Now()
	c := r.cluster
	switch {
	case c.opaque: // half of a cluster cannot be audited
	case node < len(c.brokers):
		c.afterBroker(node)
	case node < len(c.brokers)+len(c.controllers):
		c.afterController(node - len(c.brokers))
	}
	if len(c.steps.armed) > 0 {
		c.passed(r.sim.Nodes()[node])
	}
	if len(c.steps.stopping) > 0 && node < len(c.brokers)+len(c.controllers) {
		c.stopped(r.sim.Nodes()[node])
	}
	if r.Watch != nil {
		r.show(node)
	}
	r.observing = false
}

func (c *cluster) afterBroker(i int) {
	b := c.brokers[i]
	if !c.started[i] {
		c.started[i] = b.Err() == nil // one that a disk's error ended has recovered nothing
		c.recovered(i)
		if c.started[i] {
			if broken := c.auditor.Started(b); broken != nil {
				c.r.audits.add(c.r.sim.Now(), broken...)
			}
		}
	}
	if offset := b.Image().Offset; offset != c.images[i] {
		c.images[i] = offset
		if broken := c.auditor.Image(brokerName(b.ID()), b.Image()); broken != nil {
			c.r.audits.add(c.r.sim.Now(), broken...)
		}
		c.noteLeaders(i)
		c.judgeLeader(i)
		c.capture(i)
	}
	if n := b.Served(); n != c.served[i] && len(c.coordinators) > 0 {
		c.served[i] = n
		c.noteCoordinators(i)
	}
	if broken := c.auditor.Step(i, c.brokers, c.controller()); broken != nil {
		c.r.audits.add(c.r.sim.Now(), broken...)
	}
}

// auditEnd looks at the brokers once more when nothing will happen any more, as they are since
// the last step: what reading whole logs does to the page cache changes nothing. The logs of a load are left alone, which
// has a cluster of its own to measure.
func (r *run) auditEnd() {
	if r.cluster == nil || r.cluster.opaque || r.load != nil {
		return
	}
	r.observing = true
	if broken := r.cluster.auditor.Ended(r.cluster.brokers); broken != nil {
		r.audits.add(r.stepped, broken...)
	}
	r.observing = false
}

// afterController audits the metadata when more of it is committed: what a
// controller that loses power has not made durable never was.
func (c *cluster) afterController(i int) {
	n := c.controllers[i]
	if broken := c.auditor.Quorum(i, c.controllers); broken != nil {
		c.r.audits.add(c.r.sim.Now(), broken...)
	}
	offset := n.Image().Offset
	if !n.Active() || offset == c.committed || offset >= n.HighWatermark() {
		return
	}
	if len(c.controllers) > 1 && offset < c.committed { // another is active in a later epoch
		return
	}
	c.committed = offset
	if c.r.load != nil {
		c.r.load.mark()
	}
	if broken := c.auditor.Controller(len(c.brokers), n); broken != nil {
		c.r.audits.add(c.r.sim.Now(), broken...)
	}
}

// noteLeaders tells the history of leader epochs. The first broker that learns
// of one learns it no later than its leader does, so before anybody is answered
// in it; and what a broker learns is committed.
func (c *cluster) noteLeaders(i int) {
	im := c.brokers[i].Image()
	for k, tp := range c.r.topology.tps {
		info := im.Partition(tp.Topic, tp.Partition)
		if info == nil || info.LeaderEpoch <= c.epochs[k] {
			continue
		}
		c.epochs[k] = info.LeaderEpoch
		if info.Leader < 0 {
			continue
		}
		c.r.rec.Event(&history.Event{E: history.Note, F: history.Leader, TP: history.TP(k), Broker: brokerName(info.Leader), Epoch: info.LeaderEpoch})
	}
}

// noteCoordinators tells the history who coordinates the groups of the run, when he serves: who
// leads the partition of __consumer_offsets in which they have their home, and knows what those
// before him have decided. While he does not, he acknowledges heartbeats unseen
// (GroupCoordinatorService.heartbeat, COORDINATOR_LOAD_IN_PROGRESS), and nothing is decided.
func (c *cluster) noteCoordinators(i int) {
	b := c.brokers[i]
	topic := b.Image().Topics[coordinator.Offsets]
	if topic == nil {
		return
	}
	for k, g := range c.r.clients.groups {
		home := wire.TP{Topic: coordinator.Offsets, Partition: coordinator.PartitionFor(g.id, int32(len(topic.Partitions)))}
		epoch, serving := b.Coordinates(home)
		if serving && epoch > c.coordinators[k] {
			c.coordinators[k] = epoch
			c.r.rec.Event(&history.Event{E: history.Note, F: history.Coordinator, Group: g.id, Broker: brokerName(b.ID()), Epoch: epoch, Gen: history.None})
		}
	}
}

// mostAudits is how many broken invariants a result lists.
const mostAudits = 20

// audits are the broken invariants of a run, each sentence once, with the time at
// which it was first found.
type audits struct {
	list []string
	said map[string]bool
}

func (a *audits) add(at machine.Instant, sentences ...string) {
	for _, s := range sentences {
		if a.said[s] || len(a.list) > mostAudits {
			continue
		}
		if a.said == nil {
			a.said = make(map[string]bool)
		}
		a.said[s] = true
		if len(a.list) == mostAudits {
			a.list = append(a.list, fmt.Sprintf("%s more invariants were broken, which are not listed", seconds(at)))
			continue
		}
		a.list = append(a.list, seconds(at)+" "+s)
	}
}
