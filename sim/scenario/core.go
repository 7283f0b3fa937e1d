package scenario

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
)

// core is the phase in which only as many brokers are well as must suffice, and the
// others stay dead (TigerBeetle's VOPR): whoever waits for one that is not needed waits
// for ever. A run that heals everything at once does not show that.
//
// What suffices is derived from what the controller has committed: of each partition
// somebody who is in sync, so that there can be a leader who has everything, and
// min.insync.replicas replicas. The controller, the clients and all links between those
// who are left are well.
type core struct {
	on      bool
	in      []bool // by broker
	healed  machine.Instant
	skipped int64 // there was nobody who could be done without
	orphans int64 // partitions of which nobody in the core was in sync any more
}

// planCore has the phase begin CoreFor before the load ends: what the producers send
// from then on is for the core.
func (r *run) planCore() {
	if r.Spec.CoreFor > 0 && !r.cluster.opaque {
		r.sim.At(machine.Instant(max(r.Spec.For-r.Spec.CoreFor, 0)), r.healCore)
	}
}

// healCore heals a core that is drawn from the seed, and ends the others.
func (r *run) healCore() {
	draw := machine.NewDraw(r.Seed, "core")
	k := &r.core
	k.in = r.cluster.drawCore(draw)
	if !slices.Contains(k.in, false) {
		k.skipped++
		return
	}
	k.on, k.healed = true, r.sim.Now()
	w := r.world()
	w.HealAll()
	var well, dead []string
	for _, node := range r.sim.Nodes() {
		if i := r.cluster.place(node); i >= 0 && !k.in[i] {
			dead = append(dead, node)
			continue
		}
		w.MendDisk(node)
		w.LimitMemory(node, 0)
		w.Restart(node)
		w.Resume(node)
		if r.cluster.has(node) {
			well = append(well, node)
		}
	}
	how := pick(swarm{draw, r.Spec.Swarm}, "how", "crash", "pause", "cut off")
	for _, node := range dead {
		switch how {
		case "crash":
			w.Crash(node)
		case "pause":
			w.Pause(node)
		default:
			r.cutOff(node)
		}
	}
	text := fmt.Sprintf("# %s healed are %s and all clients; %s: %s", seconds(k.healed), strings.Join(well, ","), how, strings.Join(dead, ","))
	r.tell(text)
	r.rec.Event(&history.Event{E: history.Note, F: history.Fault, Why: text})
}

func (r *run) cutOff(node string) {
	for _, other := range r.sim.Nodes() {
		if other != node {
			r.sim.Cut(node, other)
			r.sim.Cut(other, node)
		}
	}
}

// drawCore takes brokers out, in an order that is drawn, as long as the rest
// suffices; at least one stays, and how many go at most is drawn, too.
func (c *cluster) drawCore(draw machine.Draw) []bool {
	in := make([]bool, len(c.brokers))
	for i := range in {
		in[i] = true
	}
	if c.controller() == nil || !c.controller().Active() {
		return in
	}
	left := 1 + int(draw.Of("how many").N(uint64(max(len(in)-1, 1))))
	order := make([]int, len(in))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) uint64 { return draw.Of("rank").With(uint64(i)).Uint64() }
	slices.SortStableFunc(order, func(a, b int) int {
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
	for _, i := range order {
		if in[i] = false; left == 0 || !c.suffices(in) {
			in[i] = true
			continue
		}
		left--
	}
	return in
}

// suffices reports whether every partition can go on with some brokers alone.
func (c *cluster) suffices(in []bool) bool {
	im := c.controller().Image()
	for _, tp := range c.r.topology.tps {
		info := im.Partition(tp.Topic, tp.Partition)
		if info == nil {
			return false
		}
		among := func(ids []int32) (n int) {
			for _, id := range ids {
				if in[id-1] {
					n++
				}
			}
			return n
		}
		minISR := min(int(c.r.set.Topic(tp.Topic).MinInsyncReplicas), len(info.Replicas))
		inSync := slices.ContainsFunc(info.ISR, func(id int32) bool { return in[id-1] && c.stands(id) })
		if !inSync || among(info.Replicas) < max(minISR, 1) {
			return false
		}
	}
	return true
}

// stands reports whether a broker is in the life that the controller knows of, so that
// it does not lose its place in an ISR with the session of an earlier one.
func (c *cluster) stands(id int32) bool {
	b, info := c.brokers[id-1], c.controller().Image().Brokers[id]
	return b != nil && b.Err() == nil && info != nil && !info.Fenced && b.Epoch() == info.Epoch
}

// coreProgress waits, for no longer than Settle, until the core has done all that it
// can do without the others.
func (r *run) coreProgress() {
	if !r.core.on {
		return
	}
	l := &r.liveness
	l.looked += int64(len(r.topology.tps) + len(r.Spec.Producers))
	if open := r.waitFor(r.openInCore); len(open) > 0 {
		l.pending = append(l.pending, r.pendingSince(r.core.healed, "a core that suffices was healed", "had not made progress", open))
	}
	if r.stopped {
		return
	}
	r.core.on = false
	if n := r.cluster.controller(); n != nil {
		for _, tp := range r.topology.tps {
			if r.cluster.nobodyInSync(tp) {
				r.core.orphans++
			}
		}
	}
}

// nobodyInSync reports whether nobody of the core may lead a partition: whoever was in
// sync when the others died has fallen out since, by what was under way then.
func (c *cluster) nobodyInSync(tp wire.TP) bool {
	info := c.controller().Image().Partition(tp.Topic, tp.Partition)
	return info != nil && !c.r.set.Topic(tp.Topic).UncleanLeaderElection &&
		!slices.ContainsFunc(info.ISR, func(id int32) bool { return c.r.core.in[id-1] })
}

// openInCore is what the core has still to do.
func (r *run) openInCore() []string {
	if open := r.openOfClients(); len(open) > 0 {
		return open
	}
	c := r.cluster
	if c.controller() == nil || !c.controller().Active() {
		return []string{"the controller is not active"}
	}
	var open []string
	for k, tp := range r.topology.tps {
		if what := c.openPartition(k, tp); what != "" {
			open = append(open, fmt.Sprintf("%v %s", tp, what))
		}
	}
	if len(open) > 0 {
		return open
	}
	return r.unreadByAll()
}

// openPartition is what keeps a partition from being as well as the core can have it.
func (c *cluster) openPartition(k int, tp wire.TP) string {
	info := c.controller().Image().Partition(tp.Topic, tp.Partition)
	if info == nil {
		return "does not exist"
	}
	if c.nobodyInSync(tp) {
		return ""
	}
	var want []int32
	for _, id := range info.Replicas {
		if c.r.core.in[id-1] {
			want = append(want, id)
		}
	}
	isr := slices.Sorted(slices.Values(info.ISR))
	slices.Sort(want)
	switch {
	case info.Leader < 0 || !c.r.core.in[info.Leader-1]:
		return fmt.Sprintf("has no leader in the core, of which %d have a replica", want)
	case !slices.Equal(isr, want):
		return fmt.Sprintf("has the ISR %d, and in the core are %d", isr, want)
	}
	b := c.brokers[info.Leader-1]
	if b == nil || b.Replica(tp) == nil || !b.Replica(tp).Leads() || c.epochs[k] != info.LeaderEpoch {
		return fmt.Sprintf("is not led yet by %s", brokerName(info.Leader))
	}
	// Where nobody fetches or appends any more Kafka's leader does not look again, though
	// those whom it has waited for are dead: then it is enough that it would go on.
	if r := b.Replica(tp); r.HighWatermark() != r.LogEnd() && r.Held() != r.LogEnd() {
		return fmt.Sprintf("has the high watermark %d, log end offset %d", r.HighWatermark(), r.LogEnd())
	}
	return ""
}
