package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Recreation is a topic that has held something else before: as soon as it is there a few
// records are written into each partition, and at an instant it is deleted and created
// again under its name.
type Recreation struct {
	At      machine.Instant
	Topic   NewTopic
	Records int // in each partition
}

// Recreator does so with some topics, one after the other.
type Recreator struct {
	net     network
	draw    machine.Draw
	todo    []Recreation
	step    recreating
	filled  int32 // the partition that is filled next
	asking  bool
	tries   uint32
	retryAt machine.Instant
	due     machine.Instant
}

type recreating uint8

const (
	filling recreating = iota
	deleting
	creating
)

// NewRecreator returns a client that will recreate topics, which somebody else creates for
// the first time.
func NewRecreator(cfg AdminConfig, list []Recreation) *Recreator {
	x := &Recreator{todo: slices.Clone(list)}
	x.draw = cfg.draw()
	x.net.init(cfg.network(x.draw, wire.NewTable(metadataAPI(), wire.API{Key: wire.Produce, Min: 3, Max: 9},
		wire.API{Key: wire.CreateTopics, Min: 4, Max: 5}, wire.API{Key: wire.DeleteTopics, Min: 1, Max: 5}), wire.Metadata, wire.Produce, wire.CreateTopics, wire.DeleteTopics))
	for i := range x.todo {
		x.net.meta.add(x.todo[i].Topic.Name)
	}
	return x
}

// Done reports whether all topics have been created again.
func (x *Recreator) Done() bool { return len(x.todo) == 0 }

// Deadline is when the client next wants Run to be called.
func (x *Recreator) Deadline() machine.Instant { return x.due }

// Step takes an input.
func (x *Recreator) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono)
}

// Run does what is due.
func (x *Recreator) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono)
	x.due, x.net.meta.due = machine.Never, machine.Never // who needs metadata asks for them below
	if x.Done() {
		return
	}
	if !x.asking {
		if x.step == filling && now.Mono >= x.todo[0].At { // it is late enough for what has been written
			x.step, x.filled = deleting, 0
		}
		at := x.retryAt
		if x.step == deleting {
			at = max(at, x.todo[0].At)
		}
		if now.Mono < at {
			x.due = at
		} else {
			x.ask(now, out)
		}
	}
	x.due = min(x.due, x.net.due())
}

func (x *Recreator) ask(now machine.Now, out *machine.Effects) {
	if x.step == filling {
		x.fill(now, out)
		return
	}
	l := x.net.leastLoaded(now.Mono, x.draw.Of("ask").With(uint64(x.tries)), out)
	if l == nil {
		return
	}
	t := &x.todo[0].Topic
	c := &call{what: callDeleteTopics}
	if x.step == deleting {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.TimeoutMillis, req.TopicNames = int32(x.net.cfg.requestTimeout.Milliseconds()), []string{t.Name}
		c.request = req
	} else {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.TimeoutMillis, req.Topics = int32(x.net.cfg.requestTimeout.Milliseconds()), []kmsg.CreateTopicsRequestTopic{t.request()}
		c.what, c.request = callCreateTopics, req
	}
	x.asking = true
	x.net.send(now.Mono, c, l, nil, true, out)
}

// fill writes what nobody asks for any more into the next partition.
func (x *Recreator) fill(now machine.Now, out *machine.Effects) {
	r := &x.todo[0]
	tp := wire.TP{Topic: r.Topic.Name, Partition: x.filled}
	l := x.net.leader(x.net.meta.partition(tp))
	if l == nil {
		x.net.meta.stale = true
		x.net.refresh(now.Mono, out)
		return
	}
	if !x.net.connect(now.Mono, l, out) {
		return
	}
	b := wire.NewBuilder(-1, -1, -1)
	for range r.Records {
		b.Append(now.Wall.Millis(), nil, []byte("of the topic that was here before"), nil)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, int32(x.net.cfg.requestTimeout.Milliseconds())
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition = tp.Partition
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.Partitions = tp.Topic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	x.asking = true
	x.net.send(now.Mono, &call{what: callProduce, request: req}, l, []wire.Records{b.Bytes()}, true, out)
}

func (x *Recreator) answers(now machine.Instant) {
	ended := x.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			x.net.metadataAnswered(now, *o)
		default:
			x.answered(now, o)
		}
	}
	release(ended)
}

// answered goes on to the next step, or tries the same again.
func (x *Recreator) answered(now machine.Instant, o *outcome) {
	x.asking = false
	r := &x.todo[0]
	switch resp := o.body.(type) {
	case *kmsg.ProduceResponse:
		if answer := answerFor(resp, wire.TP{Topic: r.Topic.Name, Partition: x.filled}); answer != nil && answer.ErrorCode == 0 {
			if x.filled++; x.filled == r.Topic.Partitions {
				x.step, x.filled = deleting, 0
			}
			return
		}
		x.net.meta.stale = true
	case *kmsg.DeleteTopicsResponse:
		for i := range resp.Topics { // one of that name is unknown when an earlier answer was lost
			if code := resp.Topics[i].ErrorCode; code == wire.None || code == wire.UnknownTopicOrPartition {
				x.step = creating
				return
			}
		}
	case *kmsg.CreateTopicsResponse:
		for i := range resp.Topics {
			if code := resp.Topics[i].ErrorCode; code == wire.None || code == wire.TopicAlreadyExists {
				x.todo, x.step = x.todo[1:], filling
				return
			}
		}
	}
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, 0, x.draw.Of("backoff").With(uint64(x.tries))))
	x.tries++
}
