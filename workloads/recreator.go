package workloads

import (
	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/workloads/client"
)

// RecreatorConfig is what deletes topics of a run and creates them again.
type RecreatorConfig struct {
	Name      string
	Seed      uint64
	Bootstrap []string
	Settings  config.Consumer // connections, time-outs, back-offs
	Topics    []client.Recreation
}

// Recreator has topics have held something else before.
type Recreator struct{ client *client.Recreator }

// NewRecreator returns a node that recreates topics.
func NewRecreator(cfg RecreatorConfig) *Recreator {
	return &Recreator{client.NewRecreator(client.AdminConfig{Name: cfg.Name, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings}, cfg.Topics)}
}

// Step is one step of the machine.
func (x *Recreator) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.client.Step(now, in, out)
	x.client.Run(now, out)
}

// Deadline is when the machine next wants a Tick.
func (x *Recreator) Deadline() machine.Instant { return x.client.Deadline() }

// Done reports whether all topics have been created again.
func (x *Recreator) Done() bool { return x.client.Done() }
