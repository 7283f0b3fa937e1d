package story

import (
	"encoding/binary"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/sim"
	"brokersim/sim/scenario"
)

// recorder takes a run down.
type recorder struct {
	header  *history.Header
	moments []moment
	byEvent []int // the moment of each event, by its number

	replicas map[place]*replica
	unseen   map[place]start            // since their node has started
	alive    map[string]machine.Instant // since when a node is in the life that it is in
	failed   map[string]bool            // nodes that have given up in it
	metadata metadata
	asked    map[question]int16 // versions of requests that may be answered
	heard    []history.Event    // since the last step
}

// moment is one step of one node, or a step of the schedule.
type moment struct {
	sim.TraceEvent // N is 0 for a step of the schedule
	frame          machine.Bytes
	version        int16 // of the API, of an answer
	sends          []sending
	changes        []change
	audits         []string
	heard          []history.Event // what clients know by it

	fault string
	down  []string // nodes, after a fault
}

// sending is a frame that a step has sent.
type sending struct {
	to      string
	ident   machine.Ident
	frame   machine.Bytes
	version int16
	taken   int // the moment in which it was; -1: never
}

// place is one replica: a node and a partition.
type place struct {
	node string
	tp   wire.TP
}

// question is a request on a connection of the node that asks.
type question struct {
	node        string
	conn        machine.ConnID
	correlation uint32
}

func newRecorder() *recorder {
	return &recorder{
		byEvent: []int{-1}, replicas: make(map[place]*replica), unseen: make(map[place]start), alive: make(map[string]machine.Instant), failed: make(map[string]bool), asked: make(map[question]int16),
		metadata: metadata{topics: make(map[[16]byte]string)},
	}
}

var _ scenario.Watcher = (*recorder)(nil)

// Event keeps what clients, or the world, say of the run.
func (r *recorder) Event(e *history.Event) {
	kept := *e
	kept.Sends, kept.At, kept.TPs = slices.Clone(e.Sends), slices.Clone(e.At), slices.Clone(e.TPs)
	kept.Runs = slices.Clone(e.Runs)
	for i := range kept.Runs {
		kept.Runs[i].Records = slices.Clone(kept.Runs[i].Records)
	}
	r.heard = append(r.heard, kept)
}

// Fault takes down a step of the schedule.
func (r *recorder) Fault(at machine.Instant, text string, down []string) {
	r.moments = append(r.moments, moment{TraceEvent: sim.TraceEvent{At: at}, fault: text, down: down})
}

// Step takes down a step of a node.
func (r *recorder) Step(m *scenario.Moment) {
	now := len(r.moments)
	x := moment{TraceEvent: m.Event, heard: r.heard, audits: slices.Clone(m.Audits)}
	r.heard = nil
	if m.Input.Kind == machine.Received {
		x.frame = m.Input.Frame
		x.version = r.versionOf(m.Event.Node, m.Event.Conn, m.Event.Ident, x.frame)
		r.take(&x, now)
	}
	for i := range m.Effects.List {
		if e := &m.Effects.List[i]; e.Kind == machine.DoSend {
			x.sends = append(x.sends, r.sending(m, e))
		}
	}
	r.moments = append(r.moments, x)
	r.byEvent = append(r.byEvent, now)
	var changes []change
	switch {
	case m.Broker != nil:
		if m.Input.Kind == machine.Start {
			r.started(m, now)
		}
		changes = r.brokerChanges(m.Event.Node, m.Broker)
	case m.Controller != nil && m.Controller.Active():
		changes = r.metadata.changes(m.Controller.Image())
	}
	r.moments[now].changes = append(r.moments[now].changes, changes...)
}

// sending takes down a frame that is about to leave.
func (r *recorder) sending(m *scenario.Moment, e *machine.Effect) sending {
	s := sending{to: m.Peer(e.Conn), ident: e.Ident, frame: e.Frame, taken: -1}
	if response(e.Ident.Class) {
		return s
	}
	if head := e.Frame.Slice(0, min(12, e.Frame.Len())).Contiguous(); len(head) == 12 {
		s.version = int16(binary.BigEndian.Uint16(head[6:]))
		r.asked[question{m.Event.Node, e.Conn, binary.BigEndian.Uint32(head[8:])}] = s.version
	}
	return s
}

// versionOf is the version of the API that an answer is of, which the answer itself
// does not say; 0 for a request.
func (r *recorder) versionOf(node string, conn machine.ConnID, id machine.Ident, frame machine.Bytes) int16 {
	if !response(id.Class) || frame.Len() < 8 {
		return 0
	}
	q := question{node, conn, binary.BigEndian.Uint32(frame.Slice(4, 8).Contiguous())}
	version := r.asked[q]
	delete(r.asked, q)
	return version
}

// take notes in the step that sent a frame when it was taken.
func (r *recorder) take(x *moment, now int) {
	from := r.cause(x)
	if from < 0 {
		return
	}
	sends := r.moments[from].sends
	for i := range sends {
		if s := &sends[i]; s.taken < 0 && s.to == x.Node && s.ident == x.Ident && s.frame.Len() == x.Len {
			if s.taken = now; response(s.ident.Class) {
				s.version = x.version // which the answer did not say when it was sent
			}
			return
		}
	}
}

// cause is the moment whose step led to that of x; -1 if none did.
func (r *recorder) cause(x *moment) int {
	if x.Cause <= 0 || x.Cause >= int64(len(r.byEvent)) {
		return -1
	}
	return r.byEvent[x.Cause]
}

// response reports whether frames of a class are answers.
func response(class uint16) bool { return class%2 == 1 }

// api is the API key of a class of frames.
func api(class uint16) int16 { return int16(class / 2) }
