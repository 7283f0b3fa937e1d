package log

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// forwardCreateTopics passes a client's request on to the controller (KIP-590).
// Should the answer be lost the request is made again, and the client may be told
// that its own topic exists already.
func (b *Broker) forwardCreateTopics(now machine.Instant, c *conn, req wire.Request, body *kmsg.CreateTopicsRequest) {
	until := now.Add(time.Duration(body.TimeoutMillis) * time.Millisecond)
	b.commands.forwards = append(b.commands.forwards, &forward{conn: c, req: req, body: body, until: until})
	b.sortForwards()
}

// sortForwards puts the forwards into the order of their deadlines.
func (b *Broker) sortForwards() {
	slices.SortStableFunc(b.commands.forwards, func(f, g *forward) int {
		switch {
		case f.until < g.until:
			return -1
		case f.until > g.until:
			return 1
		}
		return 0
	})
}

// createTopic has a topic created that a client has asked about
// (auto.create.topics.enable).
func (b *Broker) createTopic(now machine.Instant, topic string) {
	if slices.ContainsFunc(b.commands.forwards, func(f *forward) bool { return f.conn == nil && f.topic() == topic }) {
		return
	}
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	body := kmsg.NewPtrCreateTopicsRequest()
	body.TimeoutMillis = int32(controllerTimeout / time.Millisecond)
	body.Topics = []kmsg.CreateTopicsRequestTopic{t}
	b.commands.forwards = append(b.commands.forwards, &forward{body: body, until: now.Add(controllerTimeout)})
	b.sortForwards()
}

func (f *forward) topic() string {
	if r, ok := f.body.(*kmsg.CreateTopicsRequest); ok && len(r.Topics) == 1 {
		return r.Topics[0].Topic
	}
	return ""
}

// forwarded hands the controller's answer on.
func (b *Broker) forwarded(f *forward, resp kmsg.Response, out *machine.Effects) {
	if f.conn != nil {
		b.answer(f.conn, &f.req, resp, nil, out)
	}
}

func (b *Broker) forwardTimedOut(f *forward, out *machine.Effects) {
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.Topics = []kmsg.CreateTopicsResponseTopic{}
	for _, t := range f.body.(*kmsg.CreateTopicsRequest).Topics {
		x := kmsg.NewCreateTopicsResponseTopic()
		x.Topic, x.ErrorCode, x.NumPartitions, x.ReplicationFactor = t.Topic, wire.RequestTimedOut, -1, -1
		x.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		resp.Topics = append(resp.Topics, x)
	}
	b.forwarded(f, resp, out)
}
