package scenario

import (
	"brokersim/broker/log"
	"brokersim/broker/machine"
	"brokersim/sim"
)

// Watcher sees a run as it happens, from outside and from inside. It must not
// change what it is shown.
type Watcher interface {
	// Step is called after each step of a node, before what it wants done has
	// begun. The moment is valid during the call.
	Step(m *Moment)
	// Fault is told of every step of the schedule, as it was applied, and which
	// nodes are down after it.
	Fault(at machine.Instant, text string, down []string)
}

// Moment is one step of one node.
type Moment struct {
	Event   sim.TraceEvent
	Input   *machine.Input
	Effects *machine.Effects

	// Audits are the invariants that were found broken after this step, as a result
	// has them.
	Audits []string

	// Broker or Controller is the node, if it is one of ours.
	Broker     *log.Broker
	Controller *log.ControllerNode

	sim  *sim.Sim
	node int
}

// Peer is the node at the other end of a connection, empty if it has ended.
func (m *Moment) Peer(c machine.ConnID) string { return m.sim.Peer(m.node, c) }

// Losses are what disks have lost so far: see [sim.Sim.Losses].
func (m *Moment) Losses() []sim.Loss { return m.sim.Losses() }

// look has whoever wants to see the events of the simulator do so.
func (r *run) look() {
	r.trace.out, r.trace.className = r.Trace, r.Spec.className
	switch {
	case r.Watch != nil:
		r.moment.sim = r.sim
		r.sim.Trace = func(e *sim.TraceEvent) {
			r.moment.Event = *e
			r.trace.event(e)
		}
	case r.Trace != nil:
		r.sim.Trace = r.trace.event
	}
}

// show has the watcher see the step that a node has made.
func (r *run) show(node int) {
	m := &r.moment
	m.node = node
	m.Input, m.Effects = r.sim.Doing()
	m.Broker, m.Controller = nil, nil
	m.Audits = r.audits.list[r.shown:]
	r.shown = len(r.audits.list)
	switch {
	case node < len(r.cluster.brokers):
		m.Broker = r.cluster.brokers[node]
	case node < len(r.cluster.brokers)+len(r.cluster.controllers):
		m.Controller = r.cluster.controllers[node-len(r.cluster.brokers)]
	}
	r.Watch.Step(m)
}

// showFault has the watcher see a step of the schedule that was applied.
func (r *run) showFault(text string) {
	var down []string
	for _, node := range r.sim.Nodes() {
		if !r.sim.Up(node) {
			down = append(down, node)
		}
	}
	r.Watch.Fault(r.sim.Now(), text, down)
}

// Services are the names that the clients of a case have in its scenario, by node.
func Services(c Case) map[string]string {
	names := make(map[string]string)
	if spec, err := c.Scenario(); err == nil {
		for _, n := range spec.nodes() {
			if n.role != n.name {
				names[n.name] = n.role
			}
		}
	}
	return names
}
