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
type Trimmer struct {
	net     network
	draw    machine.Draw
	todo    []Trim
	asking  bool
	tries   uint32
	retryAt machine.Instant
	due     machine.Instant
}

// NewTrimmer returns a client that will delete records, in the order of the list.
func NewTrimmer(cfg AdminConfig, list []Trim) *Trimmer {
	x := &Trimmer{todo: slices.Clone(list)}
	x.draw = cfg.draw()
	x.net.init(cfg.network(x.draw, wire.NewTable(metadataAPI(), wire.API{Key: wire.DeleteRecords, Min: 1, Max: 2}), wire.Metadata, wire.DeleteRecords))
	for i := range x.todo {
		x.net.meta.add(x.todo[i].TP.Topic)
	}
	return x
}

// Left is what has not been deleted yet.
func (x *Trimmer) Left() []Trim { return x.todo }

// Deadline is when the client next wants Run to be called.
func (x *Trimmer) Deadline() machine.Instant { return x.due }

// Step takes an input.
func (x *Trimmer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	x.net.step(now.Mono, in, out)
	x.answers(now.Mono)
}

// Run does what is due.
func (x *Trimmer) Run(now machine.Now, out *machine.Effects) {
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

func (x *Trimmer) answers(now machine.Instant) {
	ended := x.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			x.net.metadataAnswered(now, *o)
		case callDeleteRecords:
			x.answered(now, o)
		}
	}
	release(ended)
}

// answered goes on to the next partition, or asks again.
func (x *Trimmer) answered(now machine.Instant, o *outcome) {
	x.asking = false
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
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, 0, x.draw.Of("backoff").With(uint64(x.tries))))
	x.tries++
}
