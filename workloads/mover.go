package workloads

import (
	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/workloads/client"
)

// MoverConfig is what moves the replicas of a run.
type MoverConfig struct {
	Name      string
	Seed      uint64
	Bootstrap []string
	Settings  config.Consumer // connections, time-outs, back-offs
	Moves     []client.Relocation
}

// Mover has partitions be held by other brokers.
type Mover struct{ client *client.Mover }

// NewMover returns a node that moves replicas.
func NewMover(cfg MoverConfig) *Mover {
	return &Mover{client.NewMover(client.AdminConfig{Name: cfg.Name, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings}, cfg.Moves)}
}

// Step is one step of the machine.
func (m *Mover) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	m.client.Step(now, in, out)
	m.client.Run(now, out)
}

// Deadline is when the machine next wants a Tick.
func (m *Mover) Deadline() machine.Instant { return m.client.Deadline() }
