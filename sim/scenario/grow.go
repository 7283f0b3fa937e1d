package scenario

import (
	"cmp"
	"slices"
	"time"

	"brokersim/broker/machine"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// Grow is when a topic is given more partitions; At 0 is never.
type Grow struct {
	At time.Duration
	To int32 // partitions in all
}

// growerID is the number of the node that asks for them; no schedule can name it.
const growerID = 900_006

// most is how many partitions the topic comes to have.
func (t *Topic) most() int32 { return max(t.Partitions, t.Grow.To) }

// grows reports whether some topic is given more partitions during the load.
func (s *Spec) grows() bool {
	return slices.ContainsFunc(s.Topics, func(t Topic) bool { return t.Grow.At > 0 })
}

// addGrower adds who asks for more partitions, if the scenario has that.
func (c *clients) addGrower(r *run) {
	if !r.Spec.grows() {
		return
	}
	var list []client.Growth
	for _, t := range r.Spec.Topics {
		if t.Grow.At > 0 {
			list = append(list, client.Growth{At: machine.Instant(t.Grow.At), Topic: t.Name, Partitions: t.Grow.To})
		}
	}
	slices.SortStableFunc(list, func(a, b client.Growth) int { return cmp.Compare(a.At, b.At) })
	c.grower = workloads.Operate(client.NewGrower(r.operator("grower"), list))
	r.sim.Add(sim.NodeConfig{Name: "grower", ID: growerID, Boot: func() machine.Machine { return c.grower }})
}
