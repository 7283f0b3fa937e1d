package scenario

import (
	"brokersim/sim"
)

// Machines are what the nodes of a run are made of.
type Machines struct {
	Latency                  *sim.Latency // of a frame, one way; nil is [sim.Datacenter]
	Broker, Producer, Reader Machine
}

// Machine is what one node runs on. The zero value bounds nothing and costs nothing.
type Machine struct {
	Cores    int
	Hardware sim.Hardware
}

// on has a node run on a machine.
func (m *Machine) on(c sim.NodeConfig) sim.NodeConfig {
	c.Cores, c.Hardware = m.Cores, m.Hardware
	return c
}

// machines are those of the scenario; the zero value where it has none.
func (s *Spec) machines() *Machines {
	switch {
	case s.Bulk != nil && s.Bulk.Machines != nil:
		return s.Bulk.Machines
	case s.Machines != nil:
		return s.Machines
	}
	return &Machines{}
}
