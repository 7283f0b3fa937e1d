package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Durable is what the log says of groups: their offsets, those of open transactions, and all
// that a consumer group is. Who is in a classic group may be ahead of the log, and is left out.
func (m *Machine) Durable() string {
	var b strings.Builder
	for _, g := range m.sorted() {
		for _, p := range partitions(g.offsets) {
			fmt.Fprintf(&b, "%q: %s-%d %+v\n", g.id, p.topic, p.index, *g.offsets[p])
		}
		for _, id := range slices.Sorted(maps.Keys(g.transactional)) {
			for _, p := range partitions(g.transactional[id]) {
				fmt.Fprintf(&b, "%q: %s-%d %+v once producer %d commits\n", g.id, p.topic, p.index, *g.transactional[id][p], id)
			}
		}
		if g.consumer != nil {
			g.consumer.durable(&b, g.id)
		}
	}
	for _, g := range m.shareGroups() {
		g.durable(&b)
	}
	return b.String()
}

func (g *shareGroup) durable(b *strings.Builder) {
	fmt.Fprintf(b, "%q: share group, epoch %d, hash %x, target of %d, begins %s, has begun %s, ends %x\n", g.id, g.epoch, uint64(g.hash), g.targetEpoch, g.initializing, g.initialized, g.deleting)
	for _, member := range g.ids {
		mem := g.members[member]
		fmt.Fprintf(b, "%q: member %q, client %q, reads %q, epoch %d after %d, has %s\n", g.id, member, mem.clientID, mem.topics, mem.epoch, mem.previous, mem.assigned)
	}
	for _, member := range slices.Sorted(maps.Keys(g.target)) {
		fmt.Fprintf(b, "%q: %q is to have %s\n", g.id, member, g.target[member])
	}
}

func (c *consumer) durable(b *strings.Builder, id string) {
	fmt.Fprintf(b, "%q: epoch %d, target of %d, reads", id, c.epoch, c.targetEpoch)
	for _, t := range c.topics {
		fmt.Fprintf(b, " %s=%d", t.Name, t.Partitions)
	}
	for _, x := range slices.Sorted(maps.Keys(c.expressions)) {
		fmt.Fprintf(b, ", %q is %q", x, c.expressions[x].topics)
	}
	b.WriteString("\n")
	for _, member := range c.ids {
		mem := c.members[member]
		fmt.Fprintf(b, "%q: member %q of %q, client %q, reads %q and %q", id, member, deref(mem.instance), mem.clientID, mem.names, mem.expression())
		fmt.Fprintf(b, ", epoch %d after %d, state %d, has %s, gives back %s\n", mem.epoch, mem.previous, mem.state, mem.assigned, mem.revoking)
	}
	for _, member := range slices.Sorted(maps.Keys(c.target)) {
		fmt.Fprintf(b, "%q: %q is to have %s\n", id, member, c.target[member])
	}
}
