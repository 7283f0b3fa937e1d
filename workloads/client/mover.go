package client

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Relocation asks for a partition to be held by other brokers (KIP-455).
type Relocation struct {
	At       machine.Instant // not before
	TP       wire.TP
	Replicas []int32 // nil: what was asked for last is called off
}

// Mover asks for partitions to be moved, one after the other. A request is made again until
// it is answered, or the next is due.
type Mover struct {
	net     network
	draw    machine.Draw
	moves   []Relocation // the first is the one that is asked for, or comes next
	asking  bool
	retryAt machine.Instant
	due     machine.Instant
	tries   uint32
}

// NewMover returns a client that will ask for moves, which are in the order of their times.
func NewMover(cfg AdminConfig, moves []Relocation) *Mover {
	m := &Mover{moves: moves}
	m.draw = cfg.draw()
	m.net.init(cfg.network(m.draw, wire.NewTable(metadataAPI(), wire.API{Key: wire.AlterReassignments, Min: 0, Max: 0}), wire.AlterReassignments))
	return m
}

// Deadline is when the client next wants Run to be called.
func (m *Mover) Deadline() machine.Instant { return m.due }

// Step takes an input.
func (m *Mover) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	m.net.step(now.Mono, in, out)
	m.answers(now.Mono)
}

// Run does what is due.
func (m *Mover) Run(now machine.Now, out *machine.Effects) {
	m.net.expire(now.Mono, out)
	m.answers(now.Mono)
	for len(m.moves) > 1 && !m.asking && m.moves[1].At <= now.Mono {
		m.moves = m.moves[1:] // nobody has answered in time
	}
	m.due = machine.Never
	if len(m.moves) == 0 {
		return
	}
	if at := max(m.moves[0].At, m.retryAt); now.Mono < at {
		m.due = at
	} else if !m.asking {
		m.ask(now.Mono, out)
	}
	m.due = min(m.due, m.net.due())
}

// ask asks any broker, which passes the request on to the controller (KIP-590).
func (m *Mover) ask(now machine.Instant, out *machine.Effects) {
	l := m.net.leastLoaded(now, m.draw.Of("ask").With(uint64(m.tries)), out)
	if l == nil {
		return
	}
	want := &m.moves[0]
	x := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	x.Partition, x.Replicas = want.TP.Partition, want.Replicas
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic, t.Partitions = want.TP.Topic, append(t.Partitions, x)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis = int32(m.net.cfg.requestTimeout.Milliseconds())
	req.Topics = append(req.Topics, t)
	m.asking = true
	m.net.send(now, &call{what: callMove, request: req}, l, nil, true, out)
}

func (m *Mover) answers(now machine.Instant) {
	ended := m.net.take()
	for i := range ended {
		if o := &ended[i]; o.call.what == callMove {
			m.asked(now, o)
		}
	}
	release(ended)
}

// asked takes an answer. Whatever the controller has said, it is the word upon this move.
func (m *Mover) asked(now machine.Instant, o *outcome) {
	m.asking = false
	if resp, is := o.body.(*kmsg.AlterPartitionAssignmentsResponse); is && resp.ErrorCode == 0 {
		m.moves = m.moves[1:]
		return
	}
	m.retryAt = now.Add(backoff(m.net.cfg.retry, m.net.cfg.retryMax, 0, m.draw.Of("backoff").With(uint64(m.tries))))
	m.tries++
}
