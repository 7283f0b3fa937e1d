package scenario

import (
	"brokersim/broker/log/wire"
	"brokersim/checker/history"
)

// oracle says which committed records an unrestricted run may lose although some
// disk still has them. Those that no disk has any more are lost.go's, in every run.
//
// Kafka before KIP-966 elects whoever is in sync as far as the controller knows.
// A broker that has lost power is in that set until its session ends, and for good
// if it is the last of it. It may then come to lead with less than it had when it
// was found to be in sync, and the others truncate to it: what it had lost is gone,
// with acks=all, with min.insync.replicas=2, and without an unclean election.
// (KIP-966 calls the second the last replica standing; it keeps such a broker from
// being elected by the epoch that it registers with.)
//
// So a leader may lack what it once held itself and lost with its power, and
// nothing else. One that lacks what it never held was not in sync, and whoever
// counted it as such has a bug that no power loss excuses.
//
// A leader that has been replaced and has not heard of it still shows what is lost, and
// claims its end. What its readers saw was there until it ceased to lead: the loss is
// noted again then.
type oracle struct {
	missing [][]missing // by broker and partition
	led     [][]int32   // the epoch in which a broker began to lead last
	leads   [][]int32   // the same while it has not heard of another leader; -1
	noted   [][]noted   // by partition: what leaders lacked
	lacked  []bool      // by partition: some leader lacked something, in a run of any kind
	stale   [][]stale
}

// stale is a log that a broker has recovered and had cut off before: a truncation
// that did not reach the disk is not one. That it is as long as what is missing does
// not mean that this has come back. Its end is 0 if there is none.
type stale struct {
	end    int64
	digest uint64
}

// noted is what a leader lacked when it began an epoch.
type noted struct {
	missing
	epoch int32
}

// missing are the offsets of a log that its broker has lost with its power, and
// has not got back from a leader. Nothing is missing if until is not above from.
type missing struct {
	from, until int64
	synced      bool // its disk may have lost what it had synced
}

func (o *oracle) init(brokers, partitions int) {
	o.missing, o.led, o.leads = make([][]missing, brokers), make([][]int32, brokers), make([][]int32, brokers)
	o.noted, o.stale, o.lacked = make([][]noted, partitions), make([][]stale, brokers), make([]bool, partitions)
	for i := range brokers {
		o.missing[i], o.led[i], o.leads[i] = make([]missing, partitions), make([]int32, partitions), make([]int32, partitions)
		o.stale[i] = make([]stale, partitions)
		for k := range partitions {
			o.led[i][k], o.leads[i][k] = -1, -1
		}
	}
}

// recovered is told what a broker had of a partition when it lost power, and what
// it has recovered; synced if its disk may have lost what it had synced.
func (o *oracle) recovered(i, k int, had, has int64, synced bool) {
	m := &o.missing[i][k]
	if has >= had && m.until <= m.from {
		return
	}
	*m = missing{has, max(had, m.until), synced || m.synced}
}

// caughtUp forgets what a broker has got back.
func (o *oracle) caughtUp(i, k int, end int64) {
	m := &o.missing[i][k]
	if m.from = max(m.from, min(end, m.until)); m.until <= m.from {
		*m = missing{}
	}
}

// follows looks at how far a broker's log is by now.
func (o *oracle) follows(i, k int, r interface {
	LogEnd() int64
	Digest(upTo int64) uint64
}) {
	if s := &o.stale[i][k]; s.end > 0 {
		if r.LogEnd() >= s.end && r.Digest(s.end) == s.digest {
			return
		}
		*s = stale{}
	}
	o.caughtUp(i, k, r.LogEnd())
}

// judgeLeader looks at a broker that has just learned what it leads, before any of
// its answers has left: what it lacks of the committed log is lost from now on.
func (c *cluster) judgeLeader(i int) {
	o := &c.oracle
	im := c.brokers[i].Image()
	for k, tp := range c.tps {
		info := im.Partition(tp.Topic, tp.Partition)
		if info != nil && info.LeaderEpoch > o.leads[i][k] {
			c.ceasedToLead(i, k)
		}
		if info == nil || info.Leader != int32(i+1) || info.LeaderEpoch <= o.led[i][k] {
			continue
		}
		o.led[i][k], o.leads[i][k] = info.LeaderEpoch, info.LeaderEpoch
		if r := c.brokers[i].Replica(tp); r != nil {
			o.follows(i, k, r)
		}
		m := o.missing[i][k]
		if m.until <= m.from {
			continue
		}
		of := k - len(c.r.topology.tps)
		flushed := c.r.header.Set.Flush == "fsync" // before anybody was answered
		if of >= 0 {
			flushed = c.r.set.Broker().LogFlushIntervalMessages == 1
		}
		lacks := m.from < min(m.until, c.losses.committed[i][k]) && (m.synced || !flushed)
		o.lacked[k] = o.lacked[k] || lacks
		switch {
		case of >= 0 && lacks:
			c.noteForgets(i, &c.homes[of], m)
		case of < 0 && c.r.Spec.Swarm == Unrestricted:
			c.noteMayLose(i, k, tp, m)
		}
	}
}

// noteMayLose tells the history what a leader lacks of what others hold and is
// committed, as far as it was once held by the leader itself.
func (c *cluster) noteMayLose(i, k int, tp wire.TP, m missing) {
	c.captureAll()
	leader := c.brokers[i].Replica(tp)
	for j := range c.brokers {
		other := c.log(j)
		if j == i || other == nil || leader == nil || other.Replica(tp) == nil {
			continue
		}
		from := max(m.from, leader.Common(other.Replica(tp)))
		until := min(m.until, c.losses.committed[j][k], other.Replica(tp).LogEnd())
		if from < until {
			c.oracle.noted[k] = append(c.oracle.noted[k], noted{missing{from, until, m.synced}, c.oracle.led[i][k]})
			c.noteMayLost(i, k, missing{from, until, m.synced}, "leads without what it had before it lost power (KIP-966)")
		}
	}
}

func (c *cluster) noteMayLost(i, k int, m missing, why string) {
	c.r.rec.Event(&history.Event{E: history.Note, F: history.MayLose, TP: history.TP(k), Offset: m.from, Until: m.until, Synced: m.synced,
		Why: brokerName(int32(i+1)) + " " + why})
}

// ceasedToLead is told that a broker which led has heard of another leader, or has
// died: what later leaders lacked it may have shown until now.
func (c *cluster) ceasedToLead(i, k int) {
	since := c.oracle.leads[i][k]
	if since < 0 {
		return
	}
	c.oracle.leads[i][k] = -1
	for _, n := range c.oracle.noted[k] {
		if n.epoch > since {
			c.noteMayLost(i, k, n.missing, "led until now, and had what later leaders lacked")
		}
	}
}
