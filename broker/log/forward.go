package log

import (
	"bytes"
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

// forwarded hands the controller's answer on.
func (b *Broker) forwarded(f *forward, resp kmsg.Response, out *machine.Effects) {
	if f.conn != nil {
		b.answer(f.conn, &f.req, resp, nil, out)
		return
	}
	if own, ok := resp.(*kmsg.CreateTopicsResponse); ok {
		b.notCreated(own)
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
		resp.Topics = each(req.Topics, func(t *kmsg.CreateTopicsRequestTopic, x *kmsg.CreateTopicsResponseTopic) {
			x.Topic, x.ErrorCode, x.NumPartitions, x.ReplicationFactor = t.Topic, code, -1, -1
			x.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		})
		return resp
	case *kmsg.DeleteTopicsRequest:
		resp := kmsg.NewPtrDeleteTopicsResponse()
		resp.Topics = each(controller.DeleteTopicsOf(req), func(t *kmsg.DeleteTopicsRequestTopic, x *kmsg.DeleteTopicsResponseTopic) {
			x.Topic, x.TopicID, x.ErrorCode = t.Topic, t.TopicID, code
		})
		return resp
	case *kmsg.CreatePartitionsRequest:
		resp := kmsg.NewPtrCreatePartitionsResponse()
		resp.Topics = each(req.Topics, func(t *kmsg.CreatePartitionsRequestTopic, x *kmsg.CreatePartitionsResponseTopic) {
			x.Topic, x.ErrorCode = t.Topic, code
		})
		return resp
	case *kmsg.AlterConfigsRequest:
		resp := kmsg.NewPtrAlterConfigsResponse()
		resp.Resources = each(req.Resources, func(r *kmsg.AlterConfigsRequestResource, x *kmsg.AlterConfigsResponseResource) {
			x.ResourceType, x.ResourceName, x.ErrorCode = r.ResourceType, r.ResourceName, code
		})
		return resp
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
		resp.Resources = each(req.Resources, func(r *kmsg.IncrementalAlterConfigsRequestResource, x *kmsg.IncrementalAlterConfigsResponseResource) {
			x.ResourceType, x.ResourceName, x.ErrorCode = r.ResourceType, r.ResourceName, code
		})
		return resp
	case *kmsg.AlterClientQuotasRequest:
		resp := kmsg.NewPtrAlterClientQuotasResponse()
		resp.Entries = each(req.Entries, func(e *kmsg.AlterClientQuotasRequestEntry, x *kmsg.AlterClientQuotasResponseEntry) {
			x.ErrorCode = code
			x.Entity = each(e.Entity, func(p *kmsg.AlterClientQuotasRequestEntryEntity, y *kmsg.AlterClientQuotasResponseEntryEntity) {
				y.Type, y.Name = p.Type, p.Name
			})
		})
		return resp
	case *kmsg.CreateACLsRequest:
		resp := kmsg.NewPtrCreateACLsResponse()
		resp.Results = each(req.Creations, func(_ *kmsg.CreateACLsRequestCreation, x *kmsg.CreateACLsResponseResult) {
			x.ErrorCode = code
		})
		return resp
	case *kmsg.DeleteACLsRequest:
		resp := kmsg.NewPtrDeleteACLsResponse()
		resp.Results = each(req.Filters, func(_ *kmsg.DeleteACLsRequestFilter, x *kmsg.DeleteACLsResponseResult) {
			x.ErrorCode, x.MatchingACLs = code, []kmsg.DeleteACLsResponseResultMatchingACL{}
		})
		return resp
	case *kmsg.AlterUserSCRAMCredentialsRequest:
		resp := kmsg.NewPtrAlterUserSCRAMCredentialsResponse()
		resp.Results = each(controller.AlterUserScramCredentials{AlterUserSCRAMCredentialsRequest: req}.Users(), func(user *string, x *kmsg.AlterUserSCRAMCredentialsResponseResult) {
			x.User, x.ErrorCode = *user, code
		})
		return resp
	case *kmsg.ElectLeadersRequest:
		resp := kmsg.NewPtrElectLeadersResponse()
		resp.ErrorCode = code
		resp.Topics = each(req.Topics, func(t *kmsg.ElectLeadersRequestTopic, x *kmsg.ElectLeadersResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(n *int32, y *kmsg.ElectLeadersResponseTopicPartition) {
				y.Partition, y.ErrorCode = *n, code
			})
		})
		return resp
	case *kmsg.AlterPartitionAssignmentsRequest:
		resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
		resp.ErrorCode = code
		resp.Topics = each(req.Topics, func(t *kmsg.AlterPartitionAssignmentsRequestTopic, x *kmsg.AlterPartitionAssignmentsResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.AlterPartitionAssignmentsRequestTopicPartition, y *kmsg.AlterPartitionAssignmentsResponseTopicPartition) {
				y.Partition, y.ErrorCode = p.Partition, code
			})
		})
		return resp
	case *kmsg.ListPartitionReassignmentsRequest:
		resp := kmsg.NewPtrListPartitionReassignmentsResponse()
		resp.ErrorCode, resp.Topics = code, []kmsg.ListPartitionReassignmentsResponseTopic{}
		return resp
	}
	return nil
}

// each answers each thing that was asked for. The answer of none is no null.
func each[Q, A any](asked []Q, answer func(*Q, *A)) []A {
	list := make([]A, len(asked))
	for i := range asked {
		answer(&asked[i], &list[i])
	}
	return list
}

// notActive reports whether the controller that has answered is not the active one. One that
// was asked for nothing cannot say so.
func notActive(req kmsg.Request, resp kmsg.Response) bool {
	refusal := func(code int16) []byte {
		r := refused(req, code)
		r.SetVersion(resp.GetVersion())
		return r.AppendTo(nil)
	}
	not := refusal(wire.NotController)
	return bytes.Equal(resp.AppendTo(nil), not) && !bytes.Equal(refusal(wire.None), not)
}
