package log

import (
	"cmp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// forward passes a request on to the controller, for a client or for the broker itself
// (KIP-590). Should the answer be lost the request is made again, and the client may be
// told that its own topic exists already.
func (b *Broker) forward(now machine.Instant, c *conn, req wire.Request, body kmsg.Request, timeoutMillis int32) {
	until := now.Add(time.Duration(timeoutMillis) * time.Millisecond)
	b.commands.forwards = append(b.commands.forwards, &forward{conn: c, req: req, body: body, until: until})
	b.sortForwards()
}

// sortForwards puts the forwards into the order of their deadlines.
func (b *Broker) sortForwards() {
	slices.SortStableFunc(b.commands.forwards, func(f, g *forward) int { return cmp.Compare(f.until, g.until) })
}

// forwardDeleteTopics passes on a request in the shape of its latest version.
func (b *Broker) forwardDeleteTopics(now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
	body := req.Body.(*kmsg.DeleteTopicsRequest)
	body.Topics, body.TopicNames = controller.DeleteTopicsOf(body), nil
	b.forward(now.Mono, c, req, body, body.TimeoutMillis)
}

// forwardConfigs passes on a change of configuration, for which the client sets no time.
func (b *Broker) forwardConfigs(now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
	b.forward(now.Mono, c, req, req.Body, int32(controllerTimeout/time.Millisecond))
}

// forwarded hands the controller's answer on.
func (b *Broker) forwarded(f *forward, resp kmsg.Response, out *machine.Effects) {
	if f.conn != nil {
		b.answer(f.conn, &f.req, resp, nil, out)
	}
}

func (b *Broker) forwardTimedOut(f *forward, out *machine.Effects) {
	b.forwarded(f, refused(f.body, wire.RequestTimedOut), out)
}

// refused is the answer to a request that may be passed on: an error for each thing that
// it asks for. It is nil for any other request.
func refused(req kmsg.Request, code int16) kmsg.Response {
	switch req := req.(type) {
	case *kmsg.CreateTopicsRequest:
		resp := kmsg.NewPtrCreateTopicsResponse()
		resp.Topics = []kmsg.CreateTopicsResponseTopic{}
		for i := range req.Topics {
			x := kmsg.NewCreateTopicsResponseTopic()
			x.Topic, x.ErrorCode, x.NumPartitions, x.ReplicationFactor = req.Topics[i].Topic, code, -1, -1
			x.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
			resp.Topics = append(resp.Topics, x)
		}
		return resp
	case *kmsg.DeleteTopicsRequest:
		resp := kmsg.NewPtrDeleteTopicsResponse()
		resp.Topics = []kmsg.DeleteTopicsResponseTopic{}
		for _, t := range controller.DeleteTopicsOf(req) {
			x := kmsg.NewDeleteTopicsResponseTopic()
			x.Topic, x.TopicID, x.ErrorCode = t.Topic, t.TopicID, code
			resp.Topics = append(resp.Topics, x)
		}
		return resp
	case *kmsg.CreatePartitionsRequest:
		resp := kmsg.NewPtrCreatePartitionsResponse()
		resp.Topics = []kmsg.CreatePartitionsResponseTopic{}
		for i := range req.Topics {
			x := kmsg.NewCreatePartitionsResponseTopic()
			x.Topic, x.ErrorCode = req.Topics[i].Topic, code
			resp.Topics = append(resp.Topics, x)
		}
		return resp
	case *kmsg.AlterConfigsRequest:
		resp := kmsg.NewPtrAlterConfigsResponse()
		resp.Resources = []kmsg.AlterConfigsResponseResource{}
		for i := range req.Resources {
			x := kmsg.NewAlterConfigsResponseResource()
			x.ResourceType, x.ResourceName, x.ErrorCode = req.Resources[i].ResourceType, req.Resources[i].ResourceName, code
			resp.Resources = append(resp.Resources, x)
		}
		return resp
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
		resp.Resources = []kmsg.IncrementalAlterConfigsResponseResource{}
		for i := range req.Resources {
			x := kmsg.NewIncrementalAlterConfigsResponseResource()
			x.ResourceType, x.ResourceName, x.ErrorCode = req.Resources[i].ResourceType, req.Resources[i].ResourceName, code
			resp.Resources = append(resp.Resources, x)
		}
		return resp
	}
	return nil
}

// notActive reports whether the controller that has answered is not the active one.
func notActive(resp kmsg.Response) bool {
	code := int16(0)
	switch resp := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		if len(resp.Topics) > 0 {
			code = resp.Topics[0].ErrorCode
		}
	case *kmsg.DeleteTopicsResponse:
		if len(resp.Topics) > 0 {
			code = resp.Topics[0].ErrorCode
		}
	case *kmsg.CreatePartitionsResponse:
		if len(resp.Topics) > 0 {
			code = resp.Topics[0].ErrorCode
		}
	case *kmsg.AlterConfigsResponse:
		if len(resp.Resources) > 0 {
			code = resp.Resources[0].ErrorCode
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		if len(resp.Resources) > 0 {
			code = resp.Resources[0].ErrorCode
		}
	}
	return code == wire.NotController
}
