package workloads

import "brokersim/broker/machine"

// operation is a client of package client that changes something of a cluster.
type operation interface {
	Step(machine.Now, *machine.Input, *machine.Effects)
	Run(machine.Now, *machine.Effects)
	Deadline() machine.Instant
}

// Operator is a node that runs one: creates topics, or recreates them, moves replicas,
// deletes records.
type Operator[C operation] struct{ Client C }

// Operate returns a node that runs an operator's client.
func Operate[C operation](client C) *Operator[C] { return &Operator[C]{client} }

// Step is one step of the machine.
func (o *Operator[C]) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	o.Client.Step(now, in, out)
	o.Client.Run(now, out)
}

// Deadline is when the machine next wants a Tick.
func (o *Operator[C]) Deadline() machine.Instant { return o.Client.Deadline() }
