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

// DeleteGroup is a group that an operator deletes at some time (DeleteGroups), if it has no
// members then.
type DeleteGroup struct {
	Group string // group.id
	At    time.Duration
}

// removerID is the number of the node that deletes groups; no schedule can name it.
const removerID = 900_008

// addRemover adds who deletes groups, if the scenario has that.
func (c *clients) addRemover(r *run) {
	if len(r.Spec.DeleteGroups) == 0 {
		return
	}
	var list []client.GroupErrand
	for _, x := range r.Spec.DeleteGroups {
		list = append(list, client.GroupErrand{At: machine.Instant(x.At), Group: x.Group, Delete: true})
	}
	slices.SortStableFunc(list, func(a, b client.GroupErrand) int { return cmp.Compare(a.At, b.At) })
	c.remover = workloads.NewGroupOperator(client.NewGroupOperator(r.operator("remover"), list), removerID, r.rec, nil, false)
	r.sim.Add(sim.NodeConfig{Name: "remover", ID: removerID, Boot: func() machine.Machine { return c.remover }})
}
