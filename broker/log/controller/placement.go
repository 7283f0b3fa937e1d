package controller

import (
	"cmp"
	"maps"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// placer assigns brokers to the partitions of one new topic, as Kafka's striped
// placer does (StripedReplicaPlacer): leaders take turns, and the replicas of a partition are
// spread over as many racks as there are. A broker that is fenced has a replica only where too
// few live, and is not in its ISR; in Kafka it has one also where no other broker is of its rack.
type placer struct {
	draw    machine.Draw
	brokers int       // that live
	racks   [][]int32 // the live brokers of each rack, in some order
	fenced  []int32   // that may have replicas, in some order

	registered int

	turn     int // of which racks is the order
	shuffled bool
}

// placer is one for a topic whose first record will be at an offset.
func (c *Controller) placer(at int64) *placer {
	return newPlacer(c.image, machine.NewDraw(c.settings.Seed, "placement").With(uint64(at)), c.settings.PlaceOnFenced)
}

func newPlacer(im *Image, draw machine.Draw, onFenced bool) *placer {
	byRack := make(map[string][]int32)
	alive := im.AliveBrokers()
	for _, id := range alive {
		rack := im.Brokers[id].Rack
		byRack[rack] = append(byRack[rack], id)
	}
	p := &placer{draw: draw, brokers: len(alive), registered: len(im.Brokers)}
	for _, id := range im.BrokerIDs() {
		if b := im.Brokers[id]; onFenced && b.Fenced && b.ShutDownOffset < 0 { // one that shuts down has no new replicas
			p.fenced = append(p.fenced, id)
		}
	}
	for _, rack := range slices.Sorted(maps.Keys(byRack)) {
		p.racks = append(p.racks, byRack[rack])
	}
	return p
}

// enough is why a partition cannot have so many replicas.
func (p *placer) enough(factor int) *refusal {
	usable, state := p.brokers+len(p.fenced), "registered"
	switch {
	case p.brokers == 0 && factor <= usable:
		return refuse(wire.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): All brokers are currently fenced.", factor)
	case factor <= usable:
		return nil
	case factor <= p.registered:
		state = "alive"
	}
	return refuse(wire.InvalidReplicationFactor,
		"Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only %d broker(s) are %s.",
		factor, factor, usable, state)
}

// place returns the replicas of a partition, the preferred leader first, which lives. There
// must be [placer.enough] brokers. Partitions must be asked for in order.
//
// Every time that as many partitions have been placed as there are brokers, the
// orders are drawn anew: else the same brokers would always follow each other,
// and one that fails would leave all its work to the next.
func (p *placer) place(partition, factor int) []int32 {
	turn, at := partition/p.brokers, partition%p.brokers
	if !p.shuffled || turn != p.turn {
		p.shuffle(turn)
	}
	replicas := make([]int32, 0, factor)
	for round := 0; len(replicas) < min(factor, p.brokers); round++ {
		for i := range p.racks {
			rack := p.racks[(at+i)%len(p.racks)]
			if round < len(rack) && len(replicas) < factor {
				replicas = append(replicas, rack[(at/len(p.racks)+round)%len(rack)])
			}
		}
	}
	for i := range factor - len(replicas) {
		replicas = append(replicas, p.fenced[(at+i)%len(p.fenced)])
	}
	return replicas
}

func (p *placer) shuffle(turn int) {
	p.turn, p.shuffled = turn, true
	draw := p.draw.With(uint64(turn))
	by := func(id int32) uint64 { return draw.With(uint64(id)).Uint64() }
	less := func(a, b int32) int { return cmp.Or(cmp.Compare(by(a), by(b)), cmp.Compare(a, b)) }
	for _, rack := range p.racks {
		slices.SortFunc(rack, less) // total: ids differ
	}
	slices.SortFunc(p.fenced, less)                                                                // total: ids differ
	slices.SortFunc(p.racks, func(a, b []int32) int { return less(slices.Min(a), slices.Min(b)) }) // total: a broker is in one rack
}
