package group

import (
	"time"

	"brokersim/faults/failpoint"
)

// memberName is a member of a consumer group.
type memberName struct{ group, member string }

// clock has the timers of a member of a consumer group. They are soft, and go by names, since
// members change with every record: a timer looks whether it still means somebody.
type clock struct {
	session   timer
	rebalance timer // for a member that has to give back partitions
	epoch     int32 // in which it has to
	join      timer // for a member of the classic protocol that has to join again
	sync      timer // and one that has to ask for its assignment
}

// retryFence is when a member is fenced again whose fencing could not be appended (Kafka's
// CoordinatorRuntime).
const retryFence = 500 * time.Millisecond

func (m *Machine) clock(id, member string) *clock {
	name := memberName{id, member}
	if c := m.clocks[name]; c != nil {
		return c
	}
	c := &clock{}
	m.clocks[name] = c
	over := func(t *timer, still func(*consumerMember) bool) func() {
		return func() {
			g := m.groups[id]
			if g == nil || g.consumer == nil || g.consumer.members[member] == nil {
				m.stopClock(name)
				return
			}
			if mem := g.consumer.members[member]; still(mem) {
				m.fence(g, mem)
				m.undo = func(int16) { m.timers.set(t, m.now.Mono.Add(retryFence)) }
			}
		}
	}
	always := func(*consumerMember) bool { return true }
	c.session.fire = over(&c.session, func(*consumerMember) bool {
		return !m.cfg.Failpoints.OnAbout(failpoint.G08DeadMember, id, 0, 0)
	})
	c.rebalance.fire = over(&c.rebalance, func(mem *consumerMember) bool { return mem.epoch == c.epoch })
	c.join.fire = over(&c.join, always)
	c.sync.fire = over(&c.sync, always)
	return c
}

func (m *Machine) stopClock(name memberName) {
	c := m.clocks[name]
	if c == nil {
		return
	}
	for _, t := range []*timer{&c.session, &c.rebalance, &c.join, &c.sync} {
		m.timers.stop(t)
	}
	delete(m.clocks, name)
}

// rebalanceClock gives a member that has to give back partitions its rebalance timeout to do
// so. It begins when it has to, not with every heartbeat.
func (m *Machine) rebalanceClock(c *clock, mem *consumerMember) {
	switch {
	case mem.state != unrevoked || mem.classic != nil:
		m.timers.stop(&c.rebalance)
	case c.rebalance.place == 0 || c.epoch != mem.epoch:
		c.epoch = mem.epoch
		m.timers.set(&c.rebalance, m.now.Mono.Add(mem.timeout()))
	}
}

// loadedConsumer gives all members whole sessions.
func (m *Machine) loadedConsumer(g *group) {
	g.consumer.stale = true // nobody knows which topics the one before has seen
	for _, id := range g.consumer.ids {
		mem := g.consumer.members[id]
		c := m.clock(g.id, id)
		m.timers.set(&c.session, m.now.Mono.Add(m.sessionOf(g.id, mem)))
		m.rebalanceClock(c, mem)
	}
}

func (m *Machine) sessionOf(id string, mem *consumerMember) time.Duration {
	if mem.classic != nil {
		return millis(mem.classic.sessionTimeout)
	}
	return m.setting(id, "consumer.session.timeout.ms", m.cfg.Broker.GroupConsumerSessionTimeout)
}
