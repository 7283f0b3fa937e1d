package log

import (
	"fmt"
	"slices"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// Auditor holds the brokers of a run against each other, which no client can do.
// It remembers what must hold over time and over restarts.
type Auditor struct {
	partitions map[wire.TP]*audited
	quorum     quorumAudit
}

// audited is what was seen of one partition.
type audited struct {
	tp       wire.TP
	topic    controller.TopicID // the topic that has the name; zero: the controller has not told
	leaders  []ledBy            // by epoch
	ofLog    []int32            // by broker: the leader epoch that it has heard of, in the life it is in
	exposed  []shown            // by broker: what it has shown as leader last
	lives    []*Broker
	epoch    int32   // of the controller
	inEpochs int32   // the partition epoch of the controller
	adding   []int32 // as of that epoch
}

type ledBy struct{ epoch, broker int32 }

// shown is a leader's high watermark and last stable offset, and the epoch in which it leads.
type shown struct {
	epoch         int32
	highWatermark int64
	stable        int64
}

// transactionsBump is the transaction version from which on each transaction has an epoch of its
// own (KIP-890).
const transactionsBump = 2

// NewAuditor returns an auditor that has seen nothing, for a cluster with so many
// controllers.
func NewAuditor(controllers int) *Auditor {
	return &Auditor{partitions: make(map[wire.TP]*audited), quorum: newQuorumAudit(controllers)}
}

// Started audits a broker that has taken its first step: whatever its disk had, the logs
// that it has recovered are batches with right checksums, with offsets and leader epochs
// that rise, and indexes that point at them; and what they say of transactions the broker knows.
func (a *Auditor) Started(b *Broker) (broken []string) {
	for _, p := range b.partitions {
		if err := p.CheckRead(); err != nil {
			broken = append(broken, fmt.Sprintf("%v on broker %d: recovered is %v", p.TP(), b.ID(), err))
		}
		if b.cfg.Coordinators {
			if err := p.CheckTransactions(); err != nil {
				broken = append(broken, fmt.Sprintf("%v on broker %d: recovered, %v", p.TP(), b.ID(), err))
			}
		}
	}
	return broken
}

// Ended audits the brokers of a run that is over: whoever asks one of them for the offset of a
// timestamp is given that of the first committed record that is no older, transactions are what
// the logs say of them, and a coordinator knows what its log says. It reads all there is.
func (a *Auditor) Ended(brokers []*Broker) (broken []string) {
	for _, b := range brokers {
		if b == nil || b.err != nil {
			continue
		}
		for _, p := range b.partitions {
			if err := p.CheckTimes(); err != nil {
				broken = append(broken, fmt.Sprintf("%v on broker %d: %v", p.TP(), b.ID(), err))
			}
			if err := p.CheckMarkers(b.cfg.TransactionVersion >= transactionsBump); err != nil {
				broken = append(broken, fmt.Sprintf("%v on broker %d: %v", p.TP(), b.ID(), err))
			}
		}
		broken = append(broken, b.auditCoordinators()...)
	}
	return broken
}

// Step audits the partitions that the last step of the broker at a place of
// brokers has changed; it is to be called after each of its steps. Brokers that
// are down are nil; the controller may be nil. Each broken invariant is a
// sentence:
//
//   - the high watermark is not above the log end, and no bytes are behind that;
//   - the last stable offset is not above the high watermark, and does not fall in an epoch;
//   - a replica's leader epoch does not fall while it lives, nor a partition's with
//     the controller, nor its partition epoch;
//   - a leader epoch has one leader, over the whole run;
//   - a reassignment is completed when all that it adds are in sync (KIP-455);
//   - of an ISR of several nobody is fenced: who is, is taken out of every ISR but one
//     in which it is the last (KIP-841);
//   - a leader's high watermark rises only while min.insync.replicas are in sync;
//   - what is below the high watermark of the newest leader is the same on
//     everybody whom it counts as in sync (StrongIsr);
//   - a coordinator leads its partition, in the epoch in which it began, and has told
//     nobody of what is not below the high watermark.
func (a *Auditor) Step(stepped int, brokers []*Broker, c *ControllerNode) []string {
	b := brokers[stepped]
	if b == nil || len(b.moved) == 0 {
		return nil
	}
	var broken []string
	for _, p := range b.moved {
		x := a.partition(p.TP(), len(brokers))
		if !x.holds(p) {
			continue // of a topic that had the name before
		}
		if err := p.CheckEnd(); err != nil && b.err == nil && b.partition(p.TP().Topic, p.TP().Partition) == p { // it was not deleted
			broken = append(broken, fmt.Sprintf("%v on broker %d: %v", p.TP(), b.ID(), err))
		}
		broken = append(broken, x.replica(stepped, b, b.see(p))...)
		broken = append(broken, x.inSync(brokers, c)...)
		broken = append(broken, auditShard(b, p)...)
	}
	return broken
}

// Controller audits the metadata after a step of the controller.
func (a *Auditor) Controller(brokers int, c *ControllerNode) []string {
	// What is not durable yet may be lost with the power: nobody has heard of it.
	if c == nil || !c.Active() || c.HighWatermark() <= c.Image().Offset {
		return nil
	}
	var broken []string
	there := 0
	for info := range c.Image().Partitions() {
		there++
		x := a.partition(wire.TP{Topic: info.Topic, Partition: info.Partition}, brokers)
		if x.topic != info.TopicID && x.topic != (controller.TopicID{}) { // another topic of the same name
			delete(a.partitions, x.tp)
			x = a.partition(x.tp, brokers)
		}
		x.topic = info.TopicID
		broken = append(broken, x.relocated(info)...)
		broken = append(broken, x.metadata(info.LeaderEpoch, info.PartitionEpoch)...)
		broken = append(broken, x.fenced(info.ISR, c)...)
	}
	if there < len(a.partitions) {
		for tp, x := range a.partitions { // unordered: each by itself
			if c.Image().Partition(tp.Topic, tp.Partition) == nil {
				x.topic = deleted
			}
		}
	}
	return broken
}

// relocated audits that old replicas leave only when all that are added are in sync
// (KIP-455). It can tell where it sees each change by itself.
func (x *audited) relocated(info *controller.PartitionInfo) (broken []string) {
	if info.PartitionEpoch == x.inEpochs+1 && len(x.adding) > 0 && !info.Reassigning() {
		for _, id := range x.adding {
			if slices.Contains(info.Replicas, id) && !slices.Contains(info.ISR, id) {
				broken = append(broken, fmt.Sprintf("%v: its reassignment is completed, and broker %d, which it adds, is not in the ISR %d", x.tp, id, info.ISR))
			}
		}
	}
	x.adding = info.Adding
	return broken
}

// deleted is the topic of a name that no topic has any more.
var deleted = controller.TopicID{0: 0xff, 15: 0xff}

// fenced audits that an ISR of several has nobody who is fenced.
func (x *audited) fenced(isr []int32, c *ControllerNode) (broken []string) {
	if len(isr) == 1 {
		return nil
	}
	for _, id := range isr {
		if b := c.Image().Brokers[id]; b == nil || b.Fenced {
			broken = append(broken, fmt.Sprintf("%v: broker %d is fenced and in the ISR %d", x.tp, id, isr))
		}
	}
	return broken
}

// metadata audits the epochs that the controller has for a partition.
func (x *audited) metadata(leaderEpoch, partitionEpoch int32) (broken []string) {
	if leaderEpoch < x.epoch || partitionEpoch < x.inEpochs {
		broken = append(broken, fmt.Sprintf("%v: the controller's leader epoch fell from %d to %d, or its partition epoch from %d to %d",
			x.tp, x.epoch, leaderEpoch, x.inEpochs, partitionEpoch))
	}
	x.epoch, x.inEpochs = leaderEpoch, partitionEpoch
	return broken
}

func (a *Auditor) partition(tp wire.TP, brokers int) *audited {
	x := a.partitions[tp]
	if x == nil {
		x = &audited{tp: tp, ofLog: make([]int32, brokers), exposed: make([]shown, brokers), lives: make([]*Broker, brokers)}
		a.partitions[tp] = x
	}
	return x
}

// holds reports whether a replica is one of the topic that has the name, and not of one
// that had it before. A broker that has just started may not know yet.
func (x *audited) holds(p *partition) bool {
	none := controller.TopicID{}
	return p.topicID == x.topic || p.topicID == none || x.topic == none
}

// seen is one replica as it is after a step.
type seen struct {
	broker                int32
	epoch                 int32 // its leader epoch
	leads                 bool
	highWatermark, logEnd int64
	logStart, stable      int64
	inSync, minISR        int // minISR is 0 when all are in sync
}

func (b *Broker) see(p *partition) seen {
	s := p.State()
	r := seen{broker: b.ID(), epoch: s.LeaderEpoch, leads: p.Leads(), highWatermark: p.HighWatermark(), logEnd: p.LogEnd(), logStart: p.LogStart(), stable: p.LastStable(), inSync: len(s.ISR)}
	if r.leads && r.inSync < len(s.Replicas) {
		r.minISR = min(int(b.topicConfig(p.TP().Topic).MinInsyncReplicas), len(s.Replicas))
	}
	return r
}

// replica audits one replica by itself, and against those who led before. It is
// of the broker at a place, in the life that it is in.
func (x *audited) replica(at int, life *Broker, r seen) (broken []string) {
	if r.highWatermark > r.logEnd {
		broken = append(broken, fmt.Sprintf("%v on broker %d: high watermark %d is above the log end offset %d", x.tp, r.broker, r.highWatermark, r.logEnd))
	}
	if x.lives[at] != life {
		x.lives[at], x.ofLog[at] = life, -1
	}
	if r.epoch < x.ofLog[at] {
		broken = append(broken, fmt.Sprintf("%v on broker %d: leader epoch fell from %d to %d", x.tp, r.broker, x.ofLog[at], r.epoch))
	}
	x.ofLog[at] = r.epoch
	broken = append(broken, x.isStable(at, r)...)
	broken = append(broken, x.committed(at, r)...)
	if !r.leads {
		return broken
	}
	i, led := slices.BinarySearchFunc(x.leaders, r.epoch, func(l ledBy, epoch int32) int { return int(l.epoch - epoch) })
	switch {
	case !led:
		x.leaders = slices.Insert(x.leaders, i, ledBy{r.epoch, r.broker})
	case x.leaders[i].broker != r.broker:
		broken = append(broken, fmt.Sprintf("%v: leader epoch %d is led by broker %d, and was by broker %d", x.tp, r.epoch, r.broker, x.leaders[i].broker))
	}
	return broken
}

// isStable audits that a last stable offset lies between the log start offset and the high
// watermark, and that what a leader has said in its epoch to be stable stays so.
func (x *audited) isStable(at int, r seen) []string {
	switch was := x.exposed[at]; {
	case r.stable < r.logStart && r.logStart <= r.highWatermark, r.stable > r.highWatermark:
		return []string{fmt.Sprintf("%v on broker %d: last stable offset %d, log start offset %d, high watermark %d", x.tp, r.broker, r.stable, r.logStart, r.highWatermark)}
	case r.leads && was.epoch == r.epoch && r.stable < was.stable:
		return []string{fmt.Sprintf("%v: leader %d (epoch %d) had last stable offset %d, and has %d", x.tp, r.broker, r.epoch, was.stable, r.stable)}
	}
	return nil
}

// committed audits that a leader whose high watermark has risen since its last step
// had as many in sync as the topic asks for: whoever waits with acks=all is told so.
func (x *audited) committed(at int, r seen) []string {
	was, is := x.exposed[at], shown{r.epoch, r.highWatermark, r.stable}
	if !r.leads {
		is.epoch = -1
	}
	x.exposed[at] = is
	if is.epoch < 0 || is.epoch != was.epoch || is.highWatermark <= was.highWatermark || r.inSync >= r.minISR {
		return nil
	}
	return []string{fmt.Sprintf("%v: leader %d (epoch %d) moved its high watermark while %d of min.insync.replicas=%d were in sync",
		x.tp, r.broker, r.epoch, r.inSync, r.minISR)}
}

// inSync audits the newest leader against its followers.
func (x *audited) inSync(brokers []*Broker, c *ControllerNode) (broken []string) {
	leader, r := x.leader(brokers, c)
	if leader == nil {
		return nil
	}
	committed := r.HighWatermark()
	for _, id := range r.State().ISR {
		follower := brokerOf(brokers, id)
		// Who has started again is in nobody's ISR any more, though the leader may
		// not know yet.
		if id == leader.ID() || follower == nil || committed == 0 || !knows(leader, follower) {
			continue
		}
		f := follower.partition(x.tp.Topic, x.tp.Partition)
		if f != nil && !x.holds(f) {
			f = nil
		}
		switch {
		case f == nil || f.LogEnd() < committed:
			end := int64(0)
			if f != nil {
				end = f.LogEnd()
			}
			broken = append(broken, fmt.Sprintf("%v: broker %d is in sync with leader %d (epoch %d) and ends at offset %d, below the high watermark %d",
				x.tp, id, leader.ID(), r.State().LeaderEpoch, end, committed))
		case !f.Same(r.Replica, committed):
			broken = append(broken, fmt.Sprintf("%v: broker %d is in sync with leader %d (epoch %d) and differs from offset %d on, below the high watermark %d",
				x.tp, id, leader.ID(), r.State().LeaderEpoch, f.Common(r.Replica), committed))
		}
	}
	return broken
}

// knows reports whether the life that a broker is in is the one that the leader's
// metadata speak of.
func knows(leader, other *Broker) bool {
	info := leader.image.Brokers[other.ID()]
	return info != nil && info.Epoch == other.Epoch()
}

// leader is the broker that leads in the newest epoch that anybody has heard of.
func (x *audited) leader(brokers []*Broker, c *ControllerNode) (*Broker, *partition) {
	newest := int32(-1)
	if c != nil && c.Active() {
		if info := c.Image().Partition(x.tp.Topic, x.tp.Partition); info != nil {
			newest = info.LeaderEpoch
		}
	}
	var leader *Broker
	var r *partition
	for _, b := range brokers {
		if b == nil {
			continue
		}
		p := b.partition(x.tp.Topic, x.tp.Partition)
		if p == nil || !x.holds(p) || p.State().LeaderEpoch < newest {
			continue
		}
		if p.State().LeaderEpoch > newest {
			leader, r, newest = nil, nil, p.State().LeaderEpoch
		}
		if p.Leads() {
			leader, r = b, p
		}
	}
	return leader, r
}

func brokerOf(brokers []*Broker, id int32) *Broker {
	for _, b := range brokers {
		if b != nil && b.ID() == id {
			return b
		}
	}
	return nil
}

// Settled audits a cluster that should be at rest: nothing is wrong any more and
// all clients are silent. What is not as it should be is one sentence each; none
// means that the cluster is at rest.
func (a *Auditor) Settled(brokers []*Broker, c *ControllerNode) []string {
	if c == nil || !c.Active() {
		return []string{"the controller is not active"}
	}
	var open []string
	for i, b := range brokers {
		switch {
		case b == nil:
			open = append(open, fmt.Sprintf("broker at place %d is down", i))
		case b.Err() != nil:
			open = append(open, fmt.Sprintf("broker %d has given up: %v", b.ID(), b.Err()))
		case !c.Image().Alive(b.ID()):
			open = append(open, fmt.Sprintf("broker %d is fenced", b.ID()))
		case b.image.Offset != c.Image().Offset:
			open = append(open, fmt.Sprintf("broker %d has replayed the metadata to offset %d of %d", b.ID(), b.image.Offset, c.Image().Offset))
		case len(b.parked.markers) > 0:
			open = append(open, fmt.Sprintf("broker %d has %d requests for markers in purgatory", b.ID(), len(b.parked.markers)))
		case len(b.parked.produces) > 0:
			open = append(open, fmt.Sprintf("broker %d has %d produce requests in purgatory", b.ID(), len(b.parked.produces)))
		}
	}
	for info := range c.Image().Partitions() {
		x := a.partition(wire.TP{Topic: info.Topic, Partition: info.Partition}, len(brokers))
		if s := x.settled(brokers, c, info.Replicas, info.ISR); s != "" {
			open = append(open, s)
		}
		if info.Reassigning() {
			open = append(open, fmt.Sprintf("%v is still being moved", x.tp))
		}
	}
	return open
}

func (x *audited) settled(brokers []*Broker, c *ControllerNode, replicas, isr []int32) string {
	leader, r := x.leader(brokers, c)
	if leader == nil {
		return fmt.Sprintf("%v has no leader", x.tp)
	}
	if len(isr) < len(replicas) {
		return fmt.Sprintf("%v: ISR %d of replicas %d", x.tp, isr, replicas)
	}
	if r.HighWatermark() != r.LogEnd() {
		return fmt.Sprintf("%v: high watermark %d, log end offset %d", x.tp, r.HighWatermark(), r.LogEnd())
	}
	for _, id := range replicas {
		b := brokerOf(brokers, id)
		if b == nil {
			return fmt.Sprintf("%v: broker %d is down", x.tp, id)
		}
		f := b.partition(x.tp.Topic, x.tp.Partition)
		switch {
		case f == nil || f.LogEnd() != r.LogEnd():
			return fmt.Sprintf("%v: broker %d has not the log of leader %d, which ends at offset %d", x.tp, id, leader.ID(), r.LogEnd())
		case f.LogStart() < r.LogStart():
			return fmt.Sprintf("%v: the log of broker %d starts at offset %d, before that of leader %d, at %d", x.tp, id, f.LogStart(), leader.ID(), r.LogStart())
		case !f.Same(r.Replica, r.LogEnd()):
			return fmt.Sprintf("%v: the logs of broker %d and leader %d differ from offset %d on", x.tp, id, leader.ID(), f.Common(r.Replica))
		}
	}
	return ""
}
