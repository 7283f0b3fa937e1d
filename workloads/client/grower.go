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
type Grower struct{ errands[Growth] }

// NewGrower returns a client that will let topics grow, in the order of the list.
func NewGrower(cfg AdminConfig, list []Growth) *Grower {
	x := &Grower{}
	x.todo, x.draw = slices.Clone(list), cfg.draw()
	x.net.init(cfg.network(x.draw, wire.NewTable(metadataAPI(), wire.API{Key: wire.CreatePartitions, Min: 0, Max: 3}), wire.Metadata, wire.CreatePartitions))
	for i := range x.todo {
		x.net.meta.add(x.todo[i].Topic)
	}
	return x
}

// Step takes an input.
func (x *Grower) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono, x.answered)
}

// Run does what is due.
func (x *Grower) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono, x.answered)
	x.run(now.Mono, func(t *Growth) machine.Instant { return t.At }, x.ask, out)
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

// answered goes on to the next topic, or asks again. INVALID_PARTITIONS is said of a topic
// that has them already: an earlier answer was lost.
func (x *Grower) answered(now machine.Instant, o *outcome) {
	if resp, is := o.body.(*kmsg.CreatePartitionsResponse); is {
		for i := range resp.Topics {
			if c := resp.Topics[i].ErrorCode; c == wire.None || c == wire.InvalidPartitions {
				x.todo = x.todo[1:]
				return
			}
		}
	}
	x.again(now, x.tries)
}
