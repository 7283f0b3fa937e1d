package workloads

import (
	"brokersim/broker/machine"
	"brokersim/workloads/client"
)

// ChannelOutlet publishes to a channel of a pub/sub broker.
type ChannelOutlet struct {
	*client.PubSub
	Channel string
	ended   []Posted
}

// Publish is as [Outlet] says.
func (o *ChannelOutlet) Publish(now machine.Now, p Post, out *machine.Effects) bool {
	return o.PubSub.Publish(now, client.PubSubMessage{Ticket: p.Ticket, Channel: o.Channel, Body: machine.Literal(p.Value)}, out)
}

// Ended is as [Outlet] says. That nobody listened is no failure: the broker has done all
// that it promises.
func (o *ChannelOutlet) Ended() []Posted {
	o.ended = o.ended[:0]
	for _, r := range o.Results() {
		o.ended = append(o.ended, Posted{Post: Post{r.Message.Ticket, r.Message.Body.Contiguous()}, Outcome: r.Outcome, Session: r.Session, Why: r.Why})
	}
	return o.ended
}

// ChannelInlet listens to channels of a pub/sub broker.
type ChannelInlet struct {
	*client.PubSub
	arrived []Arrival
	turns   []Turn
}

// Arrived is as [Inlet] says. Nothing ever comes again.
func (i *ChannelInlet) Arrived() []Arrival {
	i.arrived = i.arrived[:0]
	for _, d := range i.Deliveries() {
		i.arrived = append(i.arrived, Arrival{From: d.Channel, Value: d.Body.Contiguous(), Session: d.Session})
	}
	return i.arrived
}

// Turns is as [Inlet] says.
func (i *ChannelInlet) Turns() []Turn {
	i.turns = i.turns[:0]
	for _, e := range i.Events() {
		i.turns = append(i.turns, Turn(e.Up))
	}
	return i.turns
}

// Settle does nothing: the broker has forgotten the record.
func (i *ChannelInlet) Settle(*Arrival) {}
