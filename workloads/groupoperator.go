package workloads

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// GroupOperator does errands about groups as a member of none, and says so in the history.
type GroupOperator struct {
	client *client.GroupOperator
	scribe scribe
}

// NewGroupOperator returns it with the number of its process. Fin says that it is the last look
// at what groups have committed; tps gives the numbers of the partitions that it reads.
func NewGroupOperator(c *client.GroupOperator, id int32, rec *history.Recorder, tps func(wire.TP) history.TP, fin bool) *GroupOperator {
	return &GroupOperator{client: c, scribe: scribe{rec: rec, tps: tps, process: id, fin: fin}}
}

// Left is what has not been done yet.
func (x *GroupOperator) Left() []client.GroupErrand { return x.client.Left() }

// Step is one step of the machine.
func (x *GroupOperator) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.client.Step(now, in, out)
	x.record()
	x.client.Run(now, out)
	x.record()
}

func (x *GroupOperator) record() {
	group, list := x.client.Events()
	for i := range list {
		x.scribe.group(&list[i], group, "")
	}
}

// Deadline is when the machine next wants a Tick.
func (x *GroupOperator) Deadline() machine.Instant { return x.client.Deadline() }
