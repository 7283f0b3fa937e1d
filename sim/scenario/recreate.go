package scenario

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// What a topic holds before it is created again, and how long after that instant those who
// produce and read begin: what they do belongs to the second topic of that name, and the
// history knows of no other.
const (
	recordsBefore = 20 // in each partition
	afterRecreate = 2 * time.Second
)

// recreatorID is the number of the node that recreates topics; no schedule can name it.
const recreatorID = 900_004

// recreated is when the last of the topics is created again; 0 if none is.
func (s *Spec) recreated() (at time.Duration) {
	for i := range s.Topics {
		at = max(at, s.Topics[i].Recreate)
	}
	return at
}

// addRecreator adds who recreates topics, if the scenario has any.
func (c *clients) addRecreator(r *run) {
	if r.Spec.recreated() == 0 {
		return
	}
	var list []client.Recreation
	for i, t := range r.newTopics() {
		if at := r.Spec.Topics[i].Recreate; at > 0 {
			list = append(list, client.Recreation{At: machine.Instant(at), Topic: t, Records: recordsBefore})
		}
	}
	c.recreator = workloads.Operate(client.NewRecreator(r.operator("recreator"), list))
	r.sim.Add(sim.NodeConfig{Name: "recreator", ID: recreatorID, Boot: func() machine.Machine { return c.recreator }})
}

// loadFrom is when the first records of the scenario are due.
func (s *Spec) loadFrom() machine.Instant { return max(loadFrom(s.For), s.readFrom()) }

// readFrom is when the first readers may begin: at once, unless there is something that is
// not meant for them.
func (s *Spec) readFrom() machine.Instant {
	if at := s.recreated(); at > 0 {
		return machine.Instant(at + afterRecreate)
	}
	return 0
}
