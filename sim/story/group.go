package story

import (
	"fmt"
	"strings"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
)

// A group that does not come to rest is no matter of records: its story is who has joined, what
// each was given and has given back, whom the coordinator refused, and what it has written by
// itself, such as when a session was over.

// mostOfMember is how much of what a member went through last the violation hangs on.
const mostOfMember = 4

// groupIn is the group that a sentence names first, or empty.
func groupIn(sentence string) string {
	_, rest, ok := strings.Cut(sentence, " group ")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, " ")
	return strings.TrimRight(name, ".,;:")
}

// home is the partition whose leader coordinates the group.
func (t *telling) home() wire.TP {
	n := int32(0)
	for i := range t.metadata.partitions {
		if t.metadata.partitions[i].Topic == coordinator.Offsets {
			n++
		}
	}
	return wire.TP{Topic: coordinator.Offsets, Partition: coordinator.PartitionFor(t.group, max(n, 1))}
}

// isOfGroup reports whether an event is a step of the group's life. A heartbeat is if it was
// refused, and a join that was told its member id is not yet one (KIP-394).
func (t *telling) isOfGroup(e *history.Event) bool {
	if t.group == "" || e.Group != t.group {
		return false
	}
	switch e.F {
	case history.Subscribe, history.Unsubscribe, history.Assigned, history.Revoked, history.Lost, history.Coordinator:
		return true
	case history.Join:
		return e.E == history.OK || e.E == history.Fail && e.Why != "MEMBER_ID_REQUIRED"
	case history.Sync:
		return e.E == history.OK || e.E == history.Fail
	case history.Heartbeat, history.Leave:
		return e.E == history.Fail
	}
	return false
}

// markGroup marks the lives of the members: what each went through last, and before that what
// shows how it came to be in it.
func (t *telling) markGroup() {
	if t.group == "" {
		return
	}
	left := map[int32]int{}
	for i := min(t.broken, len(t.moments)-1); i >= 0; i-- {
		for k := range t.moments[i].heard {
			e := &t.moments[i].heard[k]
			if !t.isOfGroup(e) {
				continue
			}
			is := context
			if left[e.P] < mostOfMember {
				is = chain
			}
			left[e.P]++
			t.marks[i] = max(t.marks[i], is)
		}
	}
}

// weighHome says how much a change of the coordinator's own partition matters: who leads it, and
// what was written there though nobody had asked.
func (t *telling) weighHome(i int, c *change) mark {
	switch c.kind {
	case began, elected:
		return chain
	case appended:
		if m := &t.moments[i]; c.is.leads && m.Kind != machine.Received && m.Kind != machine.DiskDone {
			return context
		}
	}
	return nothing
}

// sayGroup says what a step of the group's life is.
func (t *telling) sayGroup(e *history.Event) string {
	var names []string
	for _, tp := range e.TPs {
		names = append(names, t.header.Name(tp))
	}
	of := strings.Join(names, ", ")
	if of == "" {
		of = "nothing"
	}
	refused := e.E == history.Fail
	switch {
	case e.F == history.Subscribe:
		return fmt.Sprintf("takes part in group %s, for %s", e.Group, of)
	case e.F == history.Unsubscribe:
		return "takes part in group " + e.Group + " no longer"
	case e.F == history.Assigned:
		return fmt.Sprintf("is assigned %s%s", of, inGeneration(e))
	case e.F == history.Revoked:
		return "gives back " + of + inGeneration(e)
	case e.F == history.Lost:
		return "finds that it does not own " + of + " any more"
	case e.F == history.Coordinator:
		return fmt.Sprintf("%s coordinates group %s from epoch %d on", e.Broker, e.Group, e.Epoch)
	case refused:
		return fmt.Sprintf("is refused a %v: %s", e.F, e.Why)
	case e.F == history.Join && e.Leads:
		return "has joined" + inGeneration(e) + ", and leads it"
	case e.F == history.Join:
		return "has joined" + inGeneration(e)
	}
	return "is told its share" + inGeneration(e)
}

func inGeneration(e *history.Event) string {
	if e.Gen < 0 {
		return ""
	}
	return fmt.Sprintf(" in generation %d", e.Gen)
}
