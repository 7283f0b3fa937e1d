package scenario

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults"
	"brokersim/sim"
)

// world is what faults act on: the simulator, with a word to the cluster before
// one of its nodes dies.
type world struct {
	*sim.Sim
	cluster *cluster
}

var _ faults.World = world{}

// Crash ends the process of a node.
func (w world) Crash(node string) {
	w.cluster.dies(node, false)
	w.Sim.Crash(node)
}

// PowerLoss ends a node and takes what its disk had not synced.
func (w world) PowerLoss(node string) {
	w.cluster.dies(node, true)
	w.Sim.PowerLoss(node)
}

// Wipe has a node start with an empty disk.
func (w world) Wipe(node string) {
	w.cluster.bites(node, nothingLasts)
	w.cluster.wiped(node)
	w.Sim.Wipe(node)
}

// Drift changes the rate of a clock. Those of clients keep the time of the run:
// when a record is due is in it, and a drift would have the load be another one.
func (w world) Drift(node string, ppm int64) {
	if w.cluster.has(node) {
		w.Sim.Drift(node, ppm)
	}
}

// Restart boots a node that is down, or has given up: its process has ended in all
// but name (Kafka halts when its log directory fails), and somebody starts it again.
func (w world) Restart(node string) {
	w.cluster.disarm(node)
	if w.cluster.gaveUp(node) || slices.Contains(w.cluster.steps.stopping, node) {
		w.Crash(node)
	}
	w.Sim.Restart(node)
}

// RestartAll does so with every node.
func (w world) RestartAll() {
	for _, node := range w.Sim.Nodes() {
		w.Restart(node)
	}
}

// gaveUp reports whether a node has met an error that it cannot go on after.
func (c *cluster) gaveUp(node string) bool {
	if i := c.controllerPlace(node); i >= 0 {
		return c.controllers[i] != nil && c.controllers[i].Err() != nil
	}
	if s := c.r.solo; s != nil {
		return node == s.name && s.err() != nil
	}
	i := c.place(node)
	return i >= 0 && c.brokers[i] != nil && c.brokers[i].Err() != nil
}

func (r *run) world() world { return world{r.sim, r.cluster} }

// planFaults has each step of the schedule applied at its time. Steps that are
// due when the load ends, or later, are not: everything is healed then.
func (r *run) planFaults() {
	plan := r.schedule.Plan(r.Seed)
	if r.Fork.At > 0 {
		plan = r.schedule.Replan(r.Seed, machine.Instant(r.Fork.At), r.Fork.Seed)
	}
	for _, step := range plan {
		if step.Time < machine.Instant(r.Spec.For) {
			r.sim.At(step.Time, func() { r.apply(step) })
		} else {
			r.late = append(r.late, planned(step))
		}
	}
}

// planned is a step as the plan has it, with the time that was drawn.
func planned(step *faults.At) string {
	s := step.Step
	s.From, s.For = step.Time.Sub(machine.Instant(0)), 0
	s.To = s.From
	return s.String()
}

// apply applies a step and tells of it, as a comment if it has changed nothing.
func (r *run) apply(step *faults.At) {
	if r.core.on { // those who are not of the core stay dead, and nothing befalls the others
		r.tell("# " + planned(step) + ": not applied: only a core goes on")
		return
	}
	before := r.applied()
	text, applied := step.Apply(r.world(), r.view)
	if applied && r.applied() == before {
		text, applied = "# "+text+": changed nothing", false
	}
	r.tell(text)
	if applied {
		r.note(&step.Step, text)
	}
}

// applied counts the faults that have changed something.
func (r *run) applied() int64 { return r.sim.Applied() + r.cluster.steps.changes }

// tell adds a line to the schedule as it was applied.
func (r *run) tell(text string) {
	r.faults = append(r.faults, text)
	r.trace.line("-- " + text)
	if r.load != nil {
		r.load.told(text)
	}
	if r.Watch != nil {
		r.showFault(text)
	}
}

// note writes an applied step into the history.
func (r *run) note(s *faults.Step, text string) {
	e := history.Event{E: history.Note, F: history.Fault, Why: text}
	switch s.Verb {
	case faults.Heal, faults.HealBoth, faults.Resume:
		e.F = history.Heal
	case faults.Slow:
		if s.By == 0 {
			e.F = history.Heal
		}
	case faults.Restart:
		e.F, e.Broker = history.Restart, s.A.Role
		if len(s.A.Nodes) > 0 {
			e.Broker = strings.Join(s.A.Nodes, ",")
		}
	}
	r.rec.Event(&e)
}

// healAll ends all faults when the load ends.
func (r *run) healAll() {
	r.healed = r.sim.Now()
	for _, step := range r.late {
		r.tell("# " + step + ": not applied: the load has ended")
	}
	var did []string
	do := func(what string, f func()) {
		before := r.applied()
		if f(); r.applied() != before {
			did = append(did, what)
		}
	}
	w := r.world()
	do("heal *", w.HealAll)
	for _, node := range r.sim.Nodes() {
		do("mend "+node, func() { w.MendDisk(node) })
		do("memory "+node+" 0", func() { w.LimitMemory(node, 0) })
		do("restart "+node, func() { w.Restart(node) })
		do("resume "+node, func() { w.Resume(node) })
	}
	if len(did) == 0 {
		return
	}
	text := fmt.Sprintf("# %s the load ends: %s", seconds(r.sim.Now()), strings.Join(did, ", "))
	r.tell(text)
	r.rec.Event(&history.Event{E: history.Note, F: history.Heal, Why: text})
}

// seconds prints a time of the run as reports do.
func seconds(t machine.Instant) string {
	return fmt.Sprintf("%d.%03ds", int64(t)/1e9, int64(t)/1e6%1000)
}
