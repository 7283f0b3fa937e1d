package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// newShares is a coordinator of share partitions (KIP-932).
func newShares(b *Broker, _, _ int32, _ *failpoint.Set) coordinator.Machine {
	return share.NewMachine(share.Config{Broker: &b.cfg.Settings, Exists: func(topic [16]byte, n int32) bool {
		t := b.image.ByID[topic]
		return t != nil && n >= 0 && int(n) < len(t.Partitions)
	}})
}

// shareStateRequest is the handler of requests to share coordinators, which leaders of partitions
// and coordinators of groups send: each share partition has a home of its own.
func (b *Broker) shareStateRequest(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	calls := share.Flat(share.Calls(req.Body))
	answers, left := make([]share.Answer, len(calls)), len(calls)
	if left == 0 {
		b.answer(c, &req, share.Response(req.Key, nil), nil, out)
		return
	}
	for i := range calls {
		// The inquiry is nobody's: what is asked is done whoever hears of it, and there may be many.
		b.askShare(now, &calls[i], &inquiry{}, func(_ machine.Now, a share.Answer, out *machine.Effects) {
			answers[i] = a
			if left--; left == 0 {
				b.answer(c, &req, share.Response(req.Key, byTopic(calls, answers)), nil, out)
			}
		}, out)
	}
}

// byTopic are the answers to calls. Calls about a topic that are one behind another are answered
// together.
func byTopic(calls []share.Call, answers []share.Answer) (topics []share.Topic[share.Answer]) {
	for i, a := range answers {
		if id := calls[i].Key.Topic; i == 0 || id != calls[i-1].Key.Topic {
			topics = append(topics, share.Topic[share.Answer]{TopicID: id})
		}
		t := &topics[len(topics)-1]
		t.Partitions = append(t.Partitions, a)
	}
	return topics
}

// askShare has a share coordinator on this broker decide about one share partition.
func (b *Broker) askShare(now machine.Now, call *share.Call, x *inquiry, then func(machine.Now, share.Answer, *machine.Effects), out *machine.Effects) {
	x.kind, x.command = &b.coordinators.shares, share.Request([]share.Call{*call})
	x.then = func(now machine.Now, resp kmsg.Response, out *machine.Effects) {
		then(now, share.Flat(share.Answers(resp))[0], out)
	}
	b.coordinate(now, b.home(x.kind, call.Key.Coordinator()), x, out)
}
