package group

import (
	"slices"

	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// owned are the partitions that a member says it has; nil: it does not say.
type owned []kmsg.ConsumerGroupHeartbeatRequestTopic

// holds says whether a member may still have some of s. Who does not say may have all.
func (o owned) holds(s share) bool {
	if o == nil {
		return true
	}
	for i := range o {
		for _, p := range o[i].Partitions {
			if s.has(o[i].TopicID, p) {
				return true
			}
		}
	}
	return false
}

// within says whether a member has nothing but what is in s.
func (o owned) within(s share) bool {
	if o == nil {
		return false
	}
	for i := range o {
		for _, p := range o[i].Partitions {
			if !s.has(o[i].TopicID, p) {
				return false
			}
		}
	}
	return true
}

// reconcile brings a member a step nearer to its target. What it must give back it gives back
// first, in the epoch in which it has it; what is free it is given in the epoch of the target,
// and what others have when those have given it back.
func (m *Machine) reconcile(g *group, c *consumer, mem *consumerMember, target share, targetEpoch int32, o owned) *consumerMember {
	epoch := mem.epoch
	switch mem.state {
	case settled:
		if mem.epoch == targetEpoch {
			return mem
		}
	case unrevoked:
		if o.holds(mem.revoking) {
			return mem
		}
		epoch++
	case unreleased:
		if mem.epoch == targetEpoch && m.cfg.Failpoints.OnAbout(failpoint.G11SkipFollowUp, g.id, 0, 0) {
			return mem
		}
	}
	next := *mem
	next.previous, next.epoch = mem.epoch, targetEpoch
	next.assigned = mem.assigned.and(target)
	next.revoking = mem.assigned.without(next.assigned)
	if len(next.revoking) > 0 && o.holds(next.revoking) {
		next.state, next.epoch = unrevoked, epoch
		return changed(mem, &next)
	}
	next.revoking = nil
	missing := target.without(next.assigned)
	free := missing.filter(func(id TopicID, p int32) bool { return m.isFree(g, c, id, p) })
	next.state = settled
	if free.count() < missing.count() {
		next.state = unreleased
	}
	next.assigned = next.assigned.plus(free)
	return changed(mem, &next)
}

// isFree says whether nobody has a partition any more.
func (m *Machine) isFree(g *group, c *consumer, id TopicID, p int32) bool {
	owner := c.owners[id][p]
	if owner == "" {
		return true
	}
	mem := c.members[owner]
	return mem != nil && mem.revoking.has(id, p) && m.cfg.Failpoints.OnAbout(failpoint.G03ForgetRevocation, g.id, 0, 0)
}

// changed is the new member, or the old one if they are equal.
func changed(old, mem *consumerMember) *consumerMember {
	if old.epoch == mem.epoch && old.previous == mem.previous && old.state == mem.state &&
		old.assigned.equal(mem.assigned) && old.revoking.equal(mem.revoking) {
		return old
	}
	return mem
}

// saysTheSame compares what two members say of themselves.
func (mem *consumerMember) saysTheSame(o *consumerMember) bool {
	return same(mem.instance, o.instance) && same(mem.rack, o.rack) && mem.clientID == o.clientID && mem.host == o.host &&
		slices.Equal(mem.names, o.names) && same(mem.regex, o.regex) && mem.rebalanceTimeout == o.rebalanceTimeout &&
		same(mem.assignor, o.assignor) && mem.classic.same(o.classic)
}

func same(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

func (c *classicMember) same(o *classicMember) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.sessionTimeout == o.sessionTimeout && slices.EqualFunc(c.protocols, o.protocols, func(a, b classicProtocol) bool {
		return a.name == b.name && string(a.metadata) == string(b.metadata)
	})
}
