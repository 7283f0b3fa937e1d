package scenario

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/history"
	"brokersim/faults/failpoint"
)

// steps are the named steps at which a node is to be ended: it has done what the step
// says and has it in its page cache, and nothing of it has left.
type steps struct {
	armed   []armedStep
	changes int64 // how often one was armed, or taken back
	ended   map[string]int64

	stopping []string // nodes that were asked to end in good order and have not
}

type armedStep struct {
	node  string
	step  failpoint.Site
	from  uint64 // how often the node had passed it before
	power bool
}

// Ended reports whether a line of the faults as they were applied says that a node was
// ended by something that was waiting for it, and what it says without that.
func Ended(text string) (what string, ok bool) {
	for _, why := range []string{stepPassed, limitPassed} {
		if what, ok = strings.CutSuffix(text, why); ok {
			return what, true
		}
	}
	return text, false
}

const (
	stepPassed  = ": the step was passed"
	limitPassed = ": its memory was at an end"
)

// outOfMemory ends a node that takes more memory than it may.
func (r *run) outOfMemory(node string) {
	r.world().Crash(node)
	text := fmt.Sprintf("# %s crash-at-limit %s%s", seconds(r.sim.Now()), node, limitPassed)
	r.tell(text)
	r.rec.Event(&history.Event{E: history.Note, F: history.Fault, Why: text})
}

// ShutDown asks a broker or a controller to end in good order. Clients know of no such thing,
// nor does a broker that nobody can look into: they end at once.
func (w world) ShutDown(node string) {
	c := w.cluster
	switch {
	case !c.has(node) || c.opaque || c.r.solo != nil:
		w.Crash(node)
	case c.alive(node) && !slices.Contains(c.steps.stopping, node):
		c.steps.stopping = append(c.steps.stopping, node)
		w.Sim.ShutDown(node)
	}
}

func (c *cluster) alive(node string) bool {
	if i := c.controllerPlace(node); i >= 0 {
		return c.controllers[i] != nil
	}
	return c.brokers[c.place(node)] != nil
}

// stopped ends the process of a node that was asked to end and has.
func (c *cluster) stopped(node string) {
	if !slices.Contains(c.steps.stopping, node) {
		return
	}
	done := false
	if i := c.controllerPlace(node); i >= 0 {
		done = c.controllers[i].Stopped()
	} else if b := c.brokers[c.place(node)]; b.Stopped() {
		done = true
	}
	if done {
		c.r.world().Crash(node)
		c.r.tell(fmt.Sprintf("# %s %s has stopped", seconds(c.r.sim.Now()), node))
	}
}

// CrashAt has a node crash when it next passes a step. A restart ends the waiting.
func (w world) CrashAt(step, node string) { w.cluster.endAt(step, node, false) }

// PowerLossAt has a node lose power when it next passes a step.
func (w world) PowerLossAt(step, node string) { w.cluster.endAt(step, node, true) }

func (c *cluster) endAt(step, node string, power bool) {
	site, err := failpoint.ParseStep(step)
	set := c.pointsOf(node)
	if err != nil || set == nil {
		return // somebody without steps
	}
	c.steps.armed = append(c.steps.armed, armedStep{node, site, set.Reached(site), power})
	c.steps.changes++
}

// pointsOf is the failpoints of a broker, a controller or a client.
func (c *cluster) pointsOf(node string) *failpoint.Set {
	if i := c.controllerPlace(node); i >= 0 {
		return c.points[len(c.names)+i]
	}
	if i := c.place(node); i >= 0 {
		return c.points[i]
	}
	for _, n := range c.r.Spec.clientNodes() {
		if i := slices.Index(c.numbers, n.id); n.name == node && i >= 0 {
			return c.points[i]
		}
	}
	return nil
}

// disarm takes back what a node waits for.
func (c *cluster) disarm(node string) {
	kept := c.steps.armed[:0]
	for _, a := range c.steps.armed {
		if a.node != node {
			kept = append(kept, a)
		}
	}
	if len(kept) < len(c.steps.armed) {
		c.steps.changes++
	}
	c.steps.armed = kept
}

// passed ends a node that has just passed a step at which it is to end, before
// anything of that has left it.
func (c *cluster) passed(node string) {
	for _, a := range c.steps.armed {
		if a.node != node || c.pointsOf(node).Reached(a.step) == a.from {
			continue
		}
		c.disarm(node)
		if c.steps.ended == nil {
			c.steps.ended = make(map[string]int64)
		}
		what := "crash-at-" + a.step.String()
		if a.power {
			what = "power-loss-at-" + a.step.String()
			c.r.world().PowerLoss(node)
		} else {
			c.r.world().Crash(node)
		}
		c.steps.ended[what]++
		text := fmt.Sprintf("# %s %s %s%s", seconds(c.r.sim.Now()), what, node, stepPassed)
		c.r.tell(text)
		c.r.rec.Event(&history.Event{E: history.Note, F: history.Fault, Why: text})
		return
	}
}
