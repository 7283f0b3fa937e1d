package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GroupRemoval asks for a group to be deleted at an instant, or a little later.
type GroupRemoval struct {
	At    machine.Instant
	Group string
}

// GroupRemover does so with some groups, one after the other (DeleteGroups, KIP-229). It asks
// until it is told that a group is gone, or that it has members: such a group is let be.
type GroupRemover struct {
	net   network
	draw  machine.Draw
	todo  []GroupRemoval
	co    finder
	at    string   // the group that co is about
	op    *GroupOp // under way
	tries uint32

	retryAt machine.Instant
	events  []GroupEvent
	group   string // of the events
	due     machine.Instant
}

// NewGroupRemover returns a client that will delete groups, in the order of the list.
func NewGroupRemover(cfg AdminConfig, list []GroupRemoval) *GroupRemover {
	x := &GroupRemover{todo: slices.Clone(list)}
	x.draw = cfg.draw()
	net := cfg.network(x.draw, groupTable().With([]wire.API{{Key: wire.DeleteGroups, Min: 0, Max: 2}}), wire.Metadata, wire.FindCoordinator, wire.DeleteGroups)
	net.coordinators = 1
	x.net.init(net)
	return x
}

// Left is what has not been done yet.
func (x *GroupRemover) Left() []GroupRemoval { return x.todo }

// Events are the requests that have left and ended since the last call, all of one group.
func (x *GroupRemover) Events() (group string, list []GroupEvent) {
	list, x.events = x.events, nil
	return x.group, list
}

// Deadline is when the client next wants Run to be called.
func (x *GroupRemover) Deadline() machine.Instant { return x.due }

// Step takes an input.
func (x *GroupRemover) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono)
}

// Run does what is due.
func (x *GroupRemover) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono)
	x.due = machine.Never
	if len(x.todo) == 0 {
		return
	}
	if from := max(x.retryAt, x.todo[0].At); now.Mono < from {
		x.due = from
		return
	}
	if group := x.todo[0].Group; x.at != group {
		x.at, x.group = group, group
		x.co = newFinder(&x.net, 0, ofGroup, group, x.draw.Of(group))
	}
	x.co.check(now.Mono)
	if x.op == nil {
		if l := x.co.ready(now.Mono, out); l != nil {
			x.ask(now.Mono, l, out)
		}
	}
	x.net.refresh(now.Mono, out)
	x.due = min(x.net.due(), x.co.due())
}

func (x *GroupRemover) ask(now machine.Instant, l *link, out *machine.Effects) {
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = append(req.Groups, x.at)
	x.op = &GroupOp{Kind: GroupDelete, Gen: -1, Broker: x.co.name}
	x.events = append(x.events, GroupEvent{What: GroupBegan, Op: x.op})
	x.net.send(now, &call{what: callDeleteGroups, request: req, group: x.op}, l, nil, true, out)
}

func (x *GroupRemover) answers(now machine.Instant) {
	ended := x.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			x.net.metadataAnswered(now, *o)
		case callFindCoordinator:
			x.co.found(now, o)
		case callDeleteGroups:
			x.answered(now, o)
		}
	}
	release(ended)
}

// answered goes on to the next group, or asks again. A group that is not there may be one that
// an earlier request has deleted, whose answer was lost.
func (x *GroupRemover) answered(now machine.Instant, o *outcome) {
	op := x.op
	x.op = nil
	resp, is := o.body.(*kmsg.DeleteGroupsResponse)
	if op.Lost = !is; is {
		op.Code = wire.UnknownServerError
		for i := range resp.Groups {
			if resp.Groups[i].Group == x.at {
				op.Code = resp.Groups[i].ErrorCode
			}
		}
	}
	x.events = append(x.events, GroupEvent{What: GroupEnded, Op: op})
	if is && (op.Code == wire.None || op.Code == wire.GroupIDNotFound || op.Code == wire.NonEmptyGroup) {
		x.todo, x.at = x.todo[1:], ""
		return
	}
	if !is || op.Code == wire.NotCoordinator || op.Code == wire.CoordinatorNotAvailable {
		x.co.lost()
	}
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, x.tries, x.draw.Of("backoff").With(uint64(x.tries))))
	x.tries++
}
