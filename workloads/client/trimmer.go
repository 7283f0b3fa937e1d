package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Trim asks for what is committed of a partition at an instant, or a little later, to be
// deleted (DeleteRecords, KIP-107).
type Trim struct {
	At machine.Instant
	TP wire.TP
}

// Trimmer does so with some partitions, one after the other. It asks until it is told that
// no replica that is alive has the records any more.
type Trimmer struct{ errands[Trim] }

// NewTrimmer returns a client that will delete records, in the order of the list.
func NewTrimmer(cfg AdminConfig, list []Trim) *Trimmer {
	x := &Trimmer{}
	x.todo, x.draw = slices.Clone(list), cfg.draw()
	x.net.init(cfg.network(x.draw, wire.NewTable(metadataAPI(), wire.API{Key: wire.DeleteRecords, Min: 1, Max: 2}), wire.Metadata, wire.DeleteRecords))
	for i := range x.todo {
		x.net.meta.add(x.todo[i].TP.Topic)
	}
	return x
}

// Step takes an input.
func (x *Trimmer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono, x.answered)
}

// Run does what is due.
func (x *Trimmer) Run(now machine.Now, out *machine.Effects) {
	x.net.expire(now.Mono, out)
	x.answers(now.Mono, x.answered)
	x.run(now.Mono, func(t *Trim) machine.Instant { return t.At }, x.ask, out)
}

func (x *Trimmer) ask(now machine.Instant, out *machine.Effects) {
	tp := x.todo[0].TP
	l := x.net.leader(x.net.meta.partition(tp))
	if l == nil {
		x.net.meta.stale = true
		return
	}
	if !x.net.connect(now, l, out) {
		return
	}
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = tp.Partition, -1 // the high watermark
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic, t.Partitions = tp.Topic, append(t.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis, req.Topics = int32(x.net.cfg.requestTimeout.Milliseconds()/2), append(req.Topics, t)
	x.asking = true
	x.net.send(now, &call{what: callDeleteRecords, request: req}, l, nil, true, out)
}

// answered goes on to the next partition, or asks again.
func (x *Trimmer) answered(now machine.Instant, o *outcome) {
	if resp, is := o.body.(*kmsg.DeleteRecordsResponse); is {
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				if resp.Topics[i].Partitions[j].ErrorCode == wire.None {
					x.todo = x.todo[1:]
					return
				}
			}
		}
	}
	x.net.meta.stale = true // somebody else may lead by now
	x.again(now, 0)
}
