package workloads

import (
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// GroupRemover is an operator that deletes groups, and says so in the history.
type GroupRemover struct {
	client *client.GroupRemover
	scribe scribe
}

// NewGroupRemover returns it with the number of its process.
func NewGroupRemover(c *client.GroupRemover, id int32, rec *history.Recorder) *GroupRemover {
	return &GroupRemover{client: c, scribe: scribe{rec: rec, process: id}}
}

// Left is what has not been done yet.
func (x *GroupRemover) Left() []client.GroupRemoval { return x.client.Left() }

// Step is one step of the machine.
func (x *GroupRemover) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.client.Step(now, in, out)
	x.record()
	x.client.Run(now, out)
	x.record()
}

func (x *GroupRemover) record() {
	group, list := x.client.Events()
	for i := range list {
		x.scribe.group(&list[i], group, "")
	}
}

// Deadline is when the machine next wants a Tick.
func (x *GroupRemover) Deadline() machine.Instant { return x.client.Deadline() }
