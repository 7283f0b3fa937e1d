package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/result"
)

const livenessProperty = "liveness"

// look is how often the run is asked whether it has come to rest.
const look = 20 * time.Millisecond

// mostPending is how much of what is pending a sentence names.
const mostPending = 4

// liveness is whether everything that was under way came to its end, once
// nothing was wrong any more.
type liveness struct {
	looked  int64 // topics, producers, readers and partitions that had to
	pending []string
}

// comeToRest waits, for no longer than Settle, until nothing is under way: topics
// exist, producers have an outcome for every record, the cluster is as it should
// be, and readers have processed all that there is.
func (r *run) comeToRest() {
	l := &r.liveness
	l.looked += int64(len(r.Spec.Topics) + len(r.Spec.Producers) + len(r.Spec.Readers) + len(r.Spec.Processors) + len(r.topology.tps))
	r.await("had not come to rest", r.open)
}

// await waits until nothing is open, and takes note of what still is when that must have come
// to its end. What a loss of power may keep from it is left to a warning.
func (r *run) await(what string, open func() []string) {
	all := r.waitFor(open)
	if len(all) == 0 {
		return
	}
	r.forgiving = true
	if left := open(); len(left) > 0 {
		r.liveness.pending = append(r.liveness.pending, r.sentence(what, left))
		return
	}
	r.warnings = append(slices.Clone(r.warnings), "liveness is not promised where a loss of power has taken what was not flushed from coordinators, or markers from partitions: "+r.sentence(what, all))
}

// readAll reads every partition from its start to its end. Where nobody can look
// into the brokers, what it finds is how far the readers have to come.
func (r *run) readAll() {
	r.clients.addDumper(r)
	r.clients.addOffsetReader(r)
	r.liveness.looked += int64(len(r.topology.tps))
	r.await("could not be read to the end", func() []string {
		switch {
		case !r.clients.dumper.Done():
			return []string{"of the final read remain " + join(r.clients.dumper.Remaining())}
		case r.clients.offsets != nil && len(r.clients.offsets.Left()) > 0 && !r.offsetsMayHang():
			return []string{"what groups have committed could not be read"}
		case r.cluster.opaque:
			return r.unreadByAll()
		}
		return nil
	})
}

// waitFor lets the run go on until nothing is open, and returns what is still
// open after Settle.
func (r *run) waitFor(open func() []string) []string {
	until := r.sim.Now().Add(r.Spec.Settle)
	for {
		list := open()
		if len(list) == 0 || r.sim.Now() >= until || r.clients != nil && r.clients.topics.Client.Refused() != "" || r.stopped {
			return list
		}
		r.runTo(min(r.sim.Now().Add(look), until))
	}
}

func (r *run) sentence(what string, open []string) string {
	return r.pendingSince(r.healed, "everything was healed", what, open)
}

// pendingSince says what is still pending so long after something was healed.
func (r *run) pendingSince(healed machine.Instant, when, what string, open []string) string {
	if n := len(open); n > mostPending {
		open = append(open[:mostPending:mostPending], fmt.Sprintf("and %d more", n-mostPending))
	}
	return fmt.Sprintf("%v after %s the run %s: %s.", r.sim.Now().Sub(healed), when, what, strings.Join(open, "; "))
}

func join(tps []wire.TP) string {
	var names []string
	for _, tp := range tps {
		names = append(names, tp.String())
	}
	return strings.Join(names, ", ")
}

// open is what is still under way.
func (r *run) open() []string {
	list := r.openOfClients()
	if r.cluster.opaque || len(list) > 0 && !r.clients.topics.Client.Done() {
		return list
	}
	c := r.cluster
	list = append(list, c.auditor.Settled(c.brokers, c.controller())...)
	if list = append(list, c.auditor.SettledQuorum(c.controllers)...); len(list) > 0 {
		return list // where the ends are is not certain yet
	}
	return r.unreadByAll()
}

// openOfClients is what the clients have still to be told.
func (r *run) openOfClients() (list []string) {
	c := r.clients
	switch {
	case c.topics.Client.Refused() != "":
		return []string{"topics cannot be created: " + c.topics.Client.Refused()}
	case !c.topics.Client.Done():
		return []string{"topics have not been created, or have no leader"}
	case c.recreator != nil && !c.recreator.Client.Done():
		return []string{"topics have not been created again"}
	case c.grower != nil && len(c.grower.Client.Left()) > 0:
		return []string{fmt.Sprintf("topic %s has not been given more partitions", c.grower.Client.Left()[0].Topic)}
	case c.remover != nil && len(c.remover.Left()) > 0:
		return []string{fmt.Sprintf("group %s has not been deleted", c.remover.Left()[0].Group)}
	case c.trimmer != nil && len(c.trimmer.Client.Left()) > 0:
		return []string{fmt.Sprintf("the records of %v have not been deleted", c.trimmer.Client.Left()[0].TP)}
	}
	nodes := r.Spec.clientNodes()
	for i := range r.Spec.Producers {
		switch n, p := &nodes[i], c.publisher(i); {
		case r.waitsForForgotten(r.Spec.Producers[i].Name):
		case p.Pending() > 0:
			list = append(list, fmt.Sprintf("%s has no outcome yet for %d records", n, p.Pending()))
		case !p.Done():
			list = append(list, fmt.Sprintf("%s has not finished", n))
		}
	}
	return list
}

func (r *run) unreadByAll() (list []string) {
	nodes := r.Spec.clientNodes()[len(r.Spec.Producers):]
	for i := range r.Spec.Readers {
		if r.groupID(i) == "" {
			list = append(list, r.unread(i, &nodes[i])...)
		}
	}
	return slices.Concat(list, r.unfinished(), r.unprocessed())
}

// unread is what a reader has not processed. One that begins at the latest
// offset and was never given a record has nothing to process.
func (r *run) unread(i int, n *nodeName) (list []string) {
	spec := &r.Spec.Readers[i]
	latest := r.set.Consumer(spec.Name).AutoOffsetReset == "latest"
	for _, tp := range r.share(i) {
		at, end := r.clients.position(i, tp), r.goal(spec.Name, tp)
		if !r.clients.through(i, tp, end) && (at >= 0 || !latest && end > 0) {
			list = append(list, fmt.Sprintf("%s has processed %v up to offset %d of %d", n, tp, max(at, 0), end))
		}
	}
	return list
}

// end is where a partition that is at rest ends: what the final read has found, if
// the brokers cannot be asked.
func (r *run) end(tp wire.TP) int64 {
	if r.cluster.opaque {
		return r.clients.dumper.End(tp)
	}
	if r.core.on || r.Spec.Bulk != nil { // others may be down
		return r.cluster.committedEnd(tp)
	}
	return r.cluster.end(tp)
}

// committedEnd is how far a partition can be read from whoever leads it.
func (c *cluster) committedEnd(tp wire.TP) int64 {
	if a, known := c.assignment(tp); known && a.leader > 0 {
		if b := c.brokers[a.leader-1]; b != nil && b.Replica(tp) != nil {
			return b.Replica(tp).HighWatermark()
		}
	}
	return 0
}

// end is the log end offset of a partition that is at rest.
func (c *cluster) end(tp wire.TP) (end int64) {
	for _, b := range c.brokers {
		if b != nil {
			if r := b.Replica(tp); r != nil {
				end = max(end, r.LogEnd())
			}
		}
	}
	return end
}

// String is the node with the name of its service.
func (n *nodeName) String() string {
	if n.role == n.name {
		return n.name
	}
	return n.name + " (" + n.role + ")"
}

// finding is the verdict on liveness.
func (l *liveness) finding() result.Finding {
	f := result.Finding{Property: livenessProperty, Outcome: result.Kept, Looked: l.looked, Violations: []result.Violation{}}
	for _, what := range l.pending {
		f.Outcome = result.Broken
		f.Violations = append(f.Violations, result.Violation{What: what, Witness: []string{}})
	}
	if l.looked == 0 {
		f.Outcome = result.Vacuous // a panic came before
	}
	return f
}
