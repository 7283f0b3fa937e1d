package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Growth asks for a topic to have more partitions from an instant on (CreatePartitions).
type Growth struct {
	At         machine.Instant
	Topic      string
	Partitions int32 // in all
}

// Grower does so with some topics, one after the other. It asks until the topic has them.
type Grower struct {
	net     network
	draw    machine.Draw
	todo    []Growth
	asking  bool
	tries   uint32
	retryAt machine.Instant
	due     machine.Instant
}

// NewGrower returns a client that will let topics grow, in the order of the list.
func NewGrower(cfg AdminConfig, list []Growth) *Grower {
	x := &Grower{todo: slices.Clone(list)}
	x.draw = cfg.draw()
	x.net.init(cfg.network(x.draw, wire.NewTable(metadataAPI(), wire.API{Key: wire.CreatePartitions, Min: 0, Max: 3}), wire.Metadata, wire.CreatePartitions))
	for i := range x.todo {
		x.net.meta.add(x.todo[i].Topic)
	}
	return x
}

// Left is what has not been done yet.
func (x *Grower) Left() []Growth { return x.todo }

// Deadline is when the client next wants Run to be called.
func (x *Grower) Deadline() machine.Instant { return x.due }

// Step takes an input.
func (x *Grower) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono)
}

// Run does what is due.
func (x *Grower) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono)
	x.due = machine.Never
	if len(x.todo) == 0 {
		return
	}
	if !x.asking {
		if at := max(x.retryAt, x.todo[0].At); now.Mono < at {
			x.due = at
		} else {
			x.ask(now.Mono, out)
		}
	}
	x.net.refresh(now.Mono, out)
	x.due = min(x.due, x.net.due())
}

// ask asks any broker, which passes the request on to the controller (KIP-590).
func (x *Grower) ask(now machine.Instant, out *machine.Effects) {
	l := x.net.leastLoaded(now, x.draw.Of("grow").With(uint64(x.tries)), out)
	if l == nil {
		return
	}
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = x.todo[0].Topic, x.todo[0].Partitions
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis, req.Topics = int32(x.net.cfg.requestTimeout.Milliseconds()), append(req.Topics, t)
	x.asking = true
	x.net.send(now, &call{what: callCreatePartitions, request: req}, l, nil, true, out)
}

func (x *Grower) answers(now machine.Instant) {
	ended := x.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			x.net.metadataAnswered(now, *o)
		case callCreatePartitions:
			x.answered(now, o)
		}
	}
	release(ended)
}

// answered goes on to the next topic, or asks again. INVALID_PARTITIONS is said of a topic
// that has them already: an earlier answer was lost.
func (x *Grower) answered(now machine.Instant, o *outcome) {
	x.asking = false
	if resp, is := o.body.(*kmsg.CreatePartitionsResponse); is {
		for i := range resp.Topics {
			if c := resp.Topics[i].ErrorCode; c == wire.None || c == wire.InvalidPartitions {
				x.todo = x.todo[1:]
				return
			}
		}
	}
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, x.tries, x.draw.Of("backoff").With(uint64(x.tries))))
	x.tries++
}
