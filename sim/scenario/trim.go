package scenario

import (
	"cmp"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// trimmerID is the number of the node that deletes records; no schedule can name it.
const trimmerID = 900_005

// trims reports whether records are deleted during the load.
func (s *Spec) trims() bool {
	return slices.ContainsFunc(s.Topics, func(t Topic) bool { return t.DeleteRecords > 0 })
}

// addTrimmer adds who deletes records, if the scenario has that.
func (c *clients) addTrimmer(r *run) {
	if !r.Spec.trims() {
		return
	}
	var list []client.Trim
	for _, t := range r.Spec.Topics {
		for n := range t.Partitions {
			if t.DeleteRecords > 0 {
				list = append(list, client.Trim{At: machine.Instant(t.DeleteRecords), TP: wire.TP{Topic: t.Name, Partition: n}})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b client.Trim) int { return cmp.Compare(a.At, b.At) })
	c.trimmer = workloads.Operate(client.NewTrimmer(r.operator("trimmer"), list))
	r.sim.Add(sim.NodeConfig{Name: "trimmer", ID: trimmerID, Boot: func() machine.Machine { return c.trimmer }})
}
