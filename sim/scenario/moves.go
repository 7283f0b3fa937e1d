package scenario

import (
	"cmp"
	"slices"
	"time"

	"brokersim/broker/log"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// Reassign has replicas be moved between brokers during the load (KIP-455).
type Reassign struct {
	Every time.Duration // one partition, to brokers that are drawn; 0 is never
}

// callOffWithin is how soon a move is called off that is; a move of a few records takes
// some milliseconds if all are well.
const callOffWithin = 60 * time.Millisecond

// moverID is the number of the node that moves replicas; no schedule can name it.
const moverID = 900_003

// moves are drawn from the seed, each by its number: which partition, to whom, and whether
// it is called off, as every fourth is. There are none in the last quarter of the load, so
// that what they have come to is used.
func (r *run) moves() (list []client.Relocation) {
	var brokers []int32
	for i := range r.Spec.Brokers {
		brokers = append(brokers, int32(i+1))
	}
	for n := 1; time.Duration(n)*r.Spec.Reassign.Every <= r.Spec.For*3/4; n++ {
		draw := machine.NewDraw(r.Seed, "move").With(uint64(n))
		move := client.Relocation{
			At: machine.Instant(time.Duration(n) * r.Spec.Reassign.Every),
			TP: r.topology.tps[draw.Of("partition").N(uint64(len(r.topology.tps)))],
		}
		to := slices.Clone(brokers)
		rank := func(id int32) uint64 { return draw.Of("broker").With(uint64(id)).Uint64() }
		slices.SortFunc(to, func(a, b int32) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) }) // total: ids differ
		move.Replicas = to[:r.Spec.replication(move.TP)]
		list = append(list, move)
		if draw.Of("call off").N(4) == 0 {
			move.At = move.At.Add(time.Duration(draw.Of("when").N(uint64(min(callOffWithin, r.Spec.Reassign.Every)))))
			move.Replicas = nil
			list = append(list, move)
		}
	}
	return list
}

func (s *Spec) replication(tp wire.TP) int16 {
	return s.Topics[slices.IndexFunc(s.Topics, func(t Topic) bool { return t.Name == tp.Topic })].Replication
}

// addMover adds who moves replicas, if the scenario has that.
func (c *clients) addMover(r *run) {
	if r.Spec.Reassign.Every == 0 {
		return
	}
	m := workloads.Operate(client.NewMover(r.operator("mover"), r.moves()))
	r.sim.Add(sim.NodeConfig{Name: "mover", ID: moverID, Boot: func() machine.Machine { return m }})
}

// admin is how brokers of the run serve operators: not at all where there are none.
func (s *Spec) admin() *log.Admin {
	if s.Reassign.Every == 0 && s.recreated() == 0 && !s.trims() && !s.grows() {
		return nil
	}
	return &log.Admin{}
}
