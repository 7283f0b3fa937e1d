package controller

import "slices"

// nobody is a broker id that no broker has.
const nobody int32 = -1

// fence is what fencing a broker comes to: the elections first, so that a fenced
// broker never leads.
func (c *Controller) fence(b *BrokerInfo) []Record {
	return append(c.without(b.ID), FenceBroker{b.ID, b.Epoch})
}

// without takes a broker out of the lead of all partitions and out of all ISRs
// where it is not the last.
func (c *Controller) without(id int32) []Record {
	var records []Record
	for p := range c.image.Partitions() {
		if slices.Contains(p.ISR, id) {
			records = c.reconsider(records, p, id, nobody)
		}
	}
	return records
}

// unfence is what a broker's coming back comes to: it may lead what has no
// leader.
func (c *Controller) unfence(b *BrokerInfo) []Record {
	records := []Record{UnfenceBroker{b.ID, b.Epoch}}
	for p := range c.image.Partitions() {
		if p.Leader == NoLeader {
			records = c.reconsider(records, p, nobody, b.ID)
		}
	}
	return records
}

// reconsider appends the change, if any, of a partition's leader and ISR when
// the broker gone stops being alive, or the broker come begins to be.
//
// The leader stays if it can. Otherwise the first replica leads that is in sync
// and alive, in the order of the assignment; an unclean election, where it is
// allowed, takes the first alive. Failing that there is no leader, and the ISR
// stays as it is.
func (c *Controller) reconsider(records []Record, p *PartitionInfo, gone, come int32) []Record {
	alive := func(id int32) bool { return id != gone && (id == come || c.image.Alive(id)) }
	isr := slices.DeleteFunc(slices.Clone(p.ISR), func(id int32) bool { return id == gone })
	inSync := func(id int32) bool { return slices.Contains(isr, id) && alive(id) }

	change := PartitionChange{TopicID: p.TopicID, Partition: p.Partition, Leader: NoLeaderChange, Recovery: p.Recovery}
	leader := p.Leader
	if !inSync(leader) {
		leader = first(p.Replicas, inSync)
	}
	if leader == NoLeader && c.uncleanElection(p.Topic) {
		if leader = first(p.Replicas, alive); leader != NoLeader {
			isr, change.Recovery = []int32{leader}, Recovering
		}
	}
	if leader != p.Leader {
		change.Leader = leader
	}
	if len(isr) > 0 && !slices.Equal(isr, p.ISR) {
		change.ISR = isr
	}
	if change.Leader == NoLeaderChange && change.ISR == nil {
		return records
	}
	return append(records, change)
}

// first is the first of ids for which ok holds, or NoLeader.
func first(ids []int32, ok func(int32) bool) int32 {
	if i := slices.IndexFunc(ids, ok); i >= 0 {
		return ids[i]
	}
	return NoLeader
}

// leads reports whether a broker leads any partition.
func (c *Controller) leads(id int32) bool {
	for p := range c.image.Partitions() {
		if p.Leader == id {
			return true
		}
	}
	return false
}

// uncleanElection reports whether a topic may be led by a replica that is not in
// sync: unclean.leader.election.enable.
func (c *Controller) uncleanElection(topic string) bool {
	switch c.image.Topics[topic].Configs[uncleanLeaderElection] {
	case "true":
		return true
	case "false":
		return false
	}
	switch c.image.BrokerConfigs[AllBrokers][uncleanLeaderElection] {
	case "true":
		return true
	case "false":
		return false
	}
	return c.settings.UncleanLeaderElection
}
