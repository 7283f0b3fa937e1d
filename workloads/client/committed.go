package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetReader reads what groups have committed, as an admin does: it is a member of none.
type OffsetReader struct {
	net   network
	draw  machine.Draw
	todo  []GroupOffsets
	co    finder
	at    int // of todo, that co is about; -1 before the first
	op    *GroupOp
	tries uint32

	retryAt machine.Instant
	events  []GroupEvent
	group   string // of the events
	due     machine.Instant
}

// GroupOffsets are the partitions of a group that are read.
type GroupOffsets struct {
	Group string
	TPs   []wire.TP
}

// NewOffsetReader returns a client that reads the offsets of groups, one after the other.
func NewOffsetReader(cfg AdminConfig, list []GroupOffsets) *OffsetReader {
	x := &OffsetReader{todo: slices.Clone(list), at: -1}
	x.draw = cfg.draw()
	net := cfg.network(x.draw, groupTable(), wire.Metadata, wire.FindCoordinator, wire.OffsetFetch)
	net.coordinators = 1
	x.net.init(net)
	for i := range list {
		for _, tp := range list[i].TPs {
			x.net.meta.add(tp.Topic)
		}
	}
	return x
}

// Left is what has not been read yet.
func (x *OffsetReader) Left() []GroupOffsets { return x.todo }

// Events are the requests that have left and ended since the last call, all of one group.
func (x *OffsetReader) Events() (group string, list []GroupEvent) {
	list, x.events = x.events, nil
	return x.group, list
}

// Deadline is when the client next wants Run to be called.
func (x *OffsetReader) Deadline() machine.Instant { return x.due }

// Step takes an input.
func (x *OffsetReader) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono)
}

// Run does what is due.
func (x *OffsetReader) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono)
	x.due = machine.Never
	if len(x.todo) == 0 {
		return
	}
	if x.at < 0 {
		x.at, x.group = 0, x.todo[0].Group
		x.co = newFinder(&x.net, 0, ofGroup, x.group, x.draw.Of(x.group))
	}
	x.co.check(now.Mono)
	switch {
	case x.op != nil:
	case now.Mono < x.retryAt:
		x.due = x.retryAt
	default:
		if l := x.co.ready(now.Mono, out); l != nil {
			x.ask(now.Mono, l, out)
		}
	}
	x.net.refresh(now.Mono, out)
	x.due = min(x.due, x.net.due(), x.co.due())
}

func (x *OffsetReader) ask(now machine.Instant, l *link, out *machine.Effects) {
	req, op := offsetFetch(x.group, x.todo[0].TPs)
	op.Broker = x.co.name
	x.op = op
	x.events = append(x.events, GroupEvent{What: GroupBegan, Op: op})
	x.net.send(now, &call{what: callOffsetFetch, request: req, group: op}, l, nil, true, out)
}

func (x *OffsetReader) answers(now machine.Instant) {
	ended := x.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			x.net.metadataAnswered(now, *o)
		case callFindCoordinator:
			x.co.found(now, o)
		case callOffsetFetch:
			x.answered(now, o)
		}
	}
	release(ended)
}

// answered goes on to the next group, or asks again.
func (x *OffsetReader) answered(now machine.Instant, o *outcome) {
	op := x.op
	x.op = nil
	resp, is := o.body.(*kmsg.OffsetFetchResponse)
	if op.Lost = !is; is {
		op.Code = readOffsets(resp, op.Offs)
	}
	x.events = append(x.events, GroupEvent{What: GroupEnded, Op: op})
	if is && op.Code == wire.None {
		x.todo, x.at, x.tries = x.todo[1:], -1, 0
		return
	}
	if !is || op.Code == wire.NotCoordinator || op.Code == wire.CoordinatorNotAvailable {
		x.co.lost()
	}
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, x.tries, x.draw.Of("backoff").With(uint64(x.tries))))
	x.tries++
}

// offsetFetch is a request for what a group has committed of some partitions, in the shape of
// all versions, by nobody in particular.
func offsetFetch(group string, tps []wire.TP) (*kmsg.OffsetFetchRequest, *GroupOp) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = group, true
	of := kmsg.NewOffsetFetchRequestGroup()
	of.Group = group
	op := &GroupOp{Kind: GroupFetch, Gen: -1, Stable: true}
	for _, t := range byTopic(tps) {
		old, x := kmsg.NewOffsetFetchRequestTopic(), kmsg.NewOffsetFetchRequestGroupTopic()
		old.Topic, old.Partitions = t.topic, t.partitions
		x.Topic, x.Partitions = t.topic, t.partitions
		req.Topics, of.Topics = append(req.Topics, old), append(of.Topics, x)
		for _, p := range t.partitions {
			op.Offs = append(op.Offs, GroupOffset{TP: wire.TP{Topic: t.topic, Partition: p}, Offset: -1, Epoch: -1, Tag: -1})
		}
	}
	req.Groups = append(req.Groups, of)
	return req, op
}
