package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GroupErrand is what somebody who is a member of no group wants of one, at an instant or a
// little later.
type GroupErrand struct {
	At     machine.Instant
	Group  string
	Delete bool      // delete it (DeleteGroups, KIP-229), or else
	Read   []wire.TP // read what it has committed of these (OffsetFetch)
}

// GroupOperator does such errands, one after the other. Each is asked for of the group's
// coordinator until it is answered well, or so that asking again is of no use: a group that has
// members is let be.
type GroupOperator struct {
	net   network
	draw  machine.Draw
	todo  []GroupErrand
	co    finder
	begun bool     // co is about the first of todo
	op    *GroupOp // under way
	tries uint32

	retryAt machine.Instant
	events  []GroupEvent
	group   string // of the events
	due     machine.Instant
}

// NewGroupOperator returns a client that will do errands, in the order of the list.
func NewGroupOperator(cfg AdminConfig, list []GroupErrand) *GroupOperator {
	x := &GroupOperator{todo: slices.Clone(list)}
	x.draw = cfg.draw()
	keys := []int16{wire.Metadata, wire.FindCoordinator}
	for i := range list {
		if key := list[i].key(); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	net := cfg.network(x.draw, groupTable().With([]wire.API{{Key: wire.DeleteGroups, Min: 0, Max: 2}}), keys...)
	net.coordinators = 1
	x.net.init(net)
	for i := range list {
		for _, tp := range list[i].Read {
			x.net.meta.add(tp.Topic)
		}
	}
	return x
}

func (e *GroupErrand) key() int16 {
	if e.Delete {
		return wire.DeleteGroups
	}
	return wire.OffsetFetch
}

// Left is what has not been done yet.
func (x *GroupOperator) Left() []GroupErrand { return x.todo }

// Events are the requests that have left and ended since the last call, all of one group.
func (x *GroupOperator) Events() (group string, list []GroupEvent) {
	list, x.events = x.events, nil
	return x.group, list
}

// Deadline is when the client next wants Run to be called.
func (x *GroupOperator) Deadline() machine.Instant { return x.due }

// Step takes an input.
func (x *GroupOperator) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono)
}

// Run does what is due.
func (x *GroupOperator) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono)
	x.due = machine.Never
	if len(x.todo) == 0 {
		return
	}
	e := &x.todo[0]
	if from := max(x.retryAt, e.At); x.op == nil && now.Mono < from {
		x.due = from
	} else if x.op == nil {
		x.ask(now.Mono, e, out)
	}
	x.net.refresh(now.Mono, out)
	x.due = min(x.due, x.net.due())
}

// ask sends what an errand wants as soon as the coordinator can be asked.
func (x *GroupOperator) ask(now machine.Instant, e *GroupErrand, out *machine.Effects) {
	if !x.begun {
		x.begun, x.group, x.tries = true, e.Group, 0
		x.co = newFinder(&x.net, 0, ofGroup, e.Group, x.draw.Of(e.Group))
	}
	x.co.check(now)
	l := x.co.ready(now, out)
	if x.due = x.co.due(); l == nil {
		return
	}
	var c *call
	if e.Delete {
		req := kmsg.NewPtrDeleteGroupsRequest()
		req.Groups = []string{e.Group}
		c = &call{what: callDeleteGroups, request: req, group: &GroupOp{Kind: GroupDelete, Gen: -1}}
	} else {
		req, op := offsetFetch(e.Group, e.Read)
		c = &call{what: callOffsetFetch, request: req, group: op}
	}
	x.op = c.group
	x.op.Broker = x.co.name
	x.events = append(x.events, GroupEvent{What: GroupBegan, Op: x.op})
	x.net.send(now, c, l, nil, true, out)
}

func (x *GroupOperator) answers(now machine.Instant) {
	ended := x.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			x.net.metadataAnswered(now, *o)
		case callFindCoordinator:
			x.co.found(now, o)
		default:
			x.answered(now, o)
		}
	}
	release(ended)
}

// answered goes on to the next errand, or has this one asked for again.
func (x *GroupOperator) answered(now machine.Instant, o *outcome) {
	op := x.op
	x.op = nil
	op.Lost = o.lost
	switch resp := o.body.(type) {
	case *kmsg.OffsetFetchResponse:
		op.Code = readOffsets(resp, op.Offs)
	case *kmsg.DeleteGroupsResponse:
		op.Code = deletedGroup(resp, x.group)
	}
	x.events = append(x.events, GroupEvent{What: GroupEnded, Op: op})
	if !op.Lost && op.final() {
		x.todo, x.begun = x.todo[1:], false
		return
	}
	if op.Lost || op.Code == wire.NotCoordinator || op.Code == wire.CoordinatorNotAvailable {
		x.co.lost()
	}
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, x.tries, x.draw.Of("backoff").Of(x.group).With(uint64(x.tries))))
	x.tries++
}

// final reports whether an errand is not asked for again. A group that is not there may be one
// that an earlier request has deleted, whose answer was lost.
func (op *GroupOp) final() bool {
	switch op.Code {
	case wire.None:
		return true
	case wire.GroupIDNotFound, wire.NonEmptyGroup:
		return op.Kind == GroupDelete
	}
	return false
}

func deletedGroup(resp *kmsg.DeleteGroupsResponse, group string) int16 {
	for i := range resp.Groups {
		if resp.Groups[i].Group == group {
			return resp.Groups[i].ErrorCode
		}
	}
	return wire.UnknownServerError
}
