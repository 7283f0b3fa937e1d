package workloads

import (
	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/workloads/client"
)

// TrimmerConfig is what deletes records of a run.
type TrimmerConfig struct {
	Name      string
	Seed      uint64
	Bootstrap []string
	Settings  config.Consumer // connections, time-outs, back-offs
	Trims     []client.Trim
}

// Trimmer has logs begin later.
type Trimmer struct{ client *client.Trimmer }

// NewTrimmer returns a node that deletes records.
func NewTrimmer(cfg TrimmerConfig) *Trimmer {
	return &Trimmer{client.NewTrimmer(client.AdminConfig{Name: cfg.Name, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings}, cfg.Trims)}
}

// Step is one step of the machine.
func (x *Trimmer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.client.Step(now, in, out)
	x.client.Run(now, out)
}

// Deadline is when the machine next wants a Tick.
func (x *Trimmer) Deadline() machine.Instant { return x.client.Deadline() }

// Left is what has not been deleted yet.
func (x *Trimmer) Left() []client.Trim { return x.client.Left() }
