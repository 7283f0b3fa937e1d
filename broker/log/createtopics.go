package log

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// createTopic has a topic created that a client has asked about
// (auto.create.topics.enable), or that coordinators need.
func (b *Broker) createTopic(now machine.Instant, topic string) {
	if slices.ContainsFunc(b.commands.forwards, func(f *forward) bool { return f.conn == nil && f.topic() == topic }) {
		return
	}
	body := kmsg.NewPtrCreateTopicsRequest()
	body.TimeoutMillis = int32(controllerTimeout / time.Millisecond)
	body.Topics = []kmsg.CreateTopicsRequestTopic{b.creatable(topic)}
	b.forward(now, nil, wire.Request{}, body, body.TimeoutMillis)
}

func (f *forward) topic() string {
	if r, ok := f.body.(*kmsg.CreateTopicsRequest); ok && len(r.Topics) == 1 {
		return r.Topics[0].Topic
	}
	return ""
}
