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

// shareCall is what a share coordinator is asked about one share partition, whatever the request.
type shareCall struct {
	api int16 // of the request
	key share.Key

	stateEpoch, leaderEpoch int32
	start                   int64
	done                    int32
	batches                 []share.Batch
}

// shareAnswer is the answer to one.
type shareAnswer struct {
	code        int16
	message     *string
	stateEpoch  int32
	leaderEpoch int32
	start       int64
	done        int32
	batches     []share.Batch
}

// shareCalls are the calls of a request, in its order.
func shareCalls(body kmsg.Request) (calls []shareCall) {
	add := func(c shareCall, group string, topic [16]byte, n int32) {
		c.api, c.key = body.Key(), share.Key{Group: group, Topic: topic, Partition: n}
		calls = append(calls, c)
	}
	switch r := body.(type) {
	case *kmsg.InitializeShareGroupStateRequest:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				add(shareCall{stateEpoch: p.StateEpoch, start: p.StartOffset}, r.GroupID, r.Topics[i].TopicID, p.Partition)
			}
		}
	case *kmsg.ReadShareGroupStateRequest:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				add(shareCall{leaderEpoch: p.LeaderEpoch}, r.GroupID, r.Topics[i].TopicID, p.Partition)
			}
		}
	case *kmsg.WriteShareGroupStateRequest:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				c := shareCall{stateEpoch: p.StateEpoch, leaderEpoch: p.LeaderEpoch, start: p.StartOffset, done: p.DeliveryCompleteCount}
				for _, b := range p.StateBatches {
					c.batches = append(c.batches, share.Batch{Range: share.Range{First: b.FirstOffset, Last: b.LastOffset}, State: share.State(b.DeliveryState), Count: b.DeliveryCount})
				}
				add(c, r.GroupID, r.Topics[i].TopicID, p.Partition)
			}
		}
	case *kmsg.DeleteShareGroupStateRequest:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				add(shareCall{}, r.GroupID, r.Topics[i].TopicID, p.Partition)
			}
		}
	case *kmsg.ReadShareGroupStateSummaryRequest:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				add(shareCall{leaderEpoch: p.LeaderEpoch}, r.GroupID, r.Topics[i].TopicID, p.Partition)
			}
		}
	}
	return calls
}

// shareRequest is the request of calls that are all of one API and one group.
func shareRequest(calls []shareCall) kmsg.Request {
	switch group := calls[0].key.Group; calls[0].api {
	case wire.InitializeShareState:
		r := kmsg.NewPtrInitializeShareGroupStateRequest()
		r.GroupID = group
		for i := range calls {
			c, t := &calls[i], kmsg.NewInitializeShareGroupStateRequestTopic()
			t.TopicID = c.key.Topic
			t.Partitions = append(t.Partitions, kmsg.InitializeShareGroupStateRequestTopicPartition{Partition: c.key.Partition, StateEpoch: c.stateEpoch, StartOffset: c.start})
			r.Topics = append(r.Topics, t)
		}
		return r
	case wire.ReadShareState:
		r := kmsg.NewPtrReadShareGroupStateRequest()
		r.GroupID = group
		for i := range calls {
			c, t := &calls[i], kmsg.NewReadShareGroupStateRequestTopic()
			t.TopicID = c.key.Topic
			t.Partitions = append(t.Partitions, kmsg.ReadShareGroupStateRequestTopicPartition{Partition: c.key.Partition, LeaderEpoch: c.leaderEpoch})
			r.Topics = append(r.Topics, t)
		}
		return r
	case wire.WriteShareState:
		r := kmsg.NewPtrWriteShareGroupStateRequest()
		r.GroupID = group
		for i := range calls {
			c, t := &calls[i], kmsg.NewWriteShareGroupStateRequestTopic()
			t.TopicID = c.key.Topic
			p := kmsg.NewWriteShareGroupStateRequestTopicPartition()
			p.Partition, p.StateEpoch, p.LeaderEpoch, p.StartOffset, p.DeliveryCompleteCount = c.key.Partition, c.stateEpoch, c.leaderEpoch, c.start, c.done
			for _, b := range c.batches {
				p.StateBatches = append(p.StateBatches, kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch{FirstOffset: b.First, LastOffset: b.Last, DeliveryState: int8(b.State), DeliveryCount: b.Count})
			}
			t.Partitions = append(t.Partitions, p)
			r.Topics = append(r.Topics, t)
		}
		return r
	case wire.DeleteShareState:
		r := kmsg.NewPtrDeleteShareGroupStateRequest()
		r.GroupID = group
		for i := range calls {
			c, t := &calls[i], kmsg.NewDeleteShareGroupStateRequestTopic()
			t.TopicID = c.key.Topic
			t.Partitions = append(t.Partitions, kmsg.DeleteShareGroupStateRequestTopicPartition{Partition: c.key.Partition})
			r.Topics = append(r.Topics, t)
		}
		return r
	default:
		r := kmsg.NewPtrReadShareGroupStateSummaryRequest()
		r.GroupID = group
		for i := range calls {
			c, t := &calls[i], kmsg.NewReadShareGroupStateSummaryRequestTopic()
			t.TopicID = c.key.Topic
			t.Partitions = append(t.Partitions, kmsg.ReadShareGroupStateSummaryRequestTopicPartition{Partition: c.key.Partition, LeaderEpoch: c.leaderEpoch})
			r.Topics = append(r.Topics, t)
		}
		return r
	}
}

// shareAnswers are the answers of a response, in its order.
func shareAnswers(body kmsg.Response) (list []shareAnswer) {
	switch r := body.(type) {
	case *kmsg.InitializeShareGroupStateResponse:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				list = append(list, shareAnswer{code: p.ErrorCode, message: p.ErrorMessage})
			}
		}
	case *kmsg.ReadShareGroupStateResponse:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				a := shareAnswer{code: p.ErrorCode, message: p.ErrorMessage, stateEpoch: p.StateEpoch, start: p.StartOffset}
				for _, b := range p.StateBatches {
					a.batches = append(a.batches, share.Batch{Range: share.Range{First: b.FirstOffset, Last: b.LastOffset}, State: share.State(b.DeliveryState), Count: b.DeliveryCount})
				}
				list = append(list, a)
			}
		}
	case *kmsg.WriteShareGroupStateResponse:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				list = append(list, shareAnswer{code: p.ErrorCode, message: p.ErrorMessage})
			}
		}
	case *kmsg.DeleteShareGroupStateResponse:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				list = append(list, shareAnswer{code: p.ErrorCode, message: p.ErrorMessage})
			}
		}
	case *kmsg.ReadShareGroupStateSummaryResponse:
		for i := range r.Topics {
			for _, p := range r.Topics[i].Partitions {
				list = append(list, shareAnswer{code: p.ErrorCode, message: p.ErrorMessage, stateEpoch: p.StateEpoch, leaderEpoch: p.LeaderEpoch, start: p.StartOffset, done: p.DeliveryCompleteCount})
			}
		}
	}
	return list
}

// shareResponse answers a request of calls.
func shareResponse(calls []shareCall, answers []shareAnswer, api int16) kmsg.Response {
	// of a topic the partitions come one behind another
	goesOn := func(i int) bool { return i > 0 && calls[i].key.Topic == calls[i-1].key.Topic }
	switch api {
	case wire.InitializeShareState:
		r := kmsg.NewPtrInitializeShareGroupStateResponse()
		for i, a := range answers {
			if !goesOn(i) {
				t := kmsg.NewInitializeShareGroupStateResponseTopic()
				t.TopicID = calls[i].key.Topic
				r.Topics = append(r.Topics, t)
			}
			t := &r.Topics[len(r.Topics)-1]
			t.Partitions = append(t.Partitions, kmsg.InitializeShareGroupStateResponseTopicPartition{Partition: calls[i].key.Partition, ErrorCode: a.code, ErrorMessage: a.message})
		}
		return r
	case wire.ReadShareState:
		r := kmsg.NewPtrReadShareGroupStateResponse()
		for i, a := range answers {
			if !goesOn(i) {
				t := kmsg.NewReadShareGroupStateResponseTopic()
				t.TopicID = calls[i].key.Topic
				r.Topics = append(r.Topics, t)
			}
			t := &r.Topics[len(r.Topics)-1]
			p := kmsg.NewReadShareGroupStateResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage, p.StateEpoch, p.StartOffset = calls[i].key.Partition, a.code, a.message, a.stateEpoch, a.start
			for _, b := range a.batches {
				p.StateBatches = append(p.StateBatches, kmsg.ReadShareGroupStateResponseTopicPartitionStateBatch{FirstOffset: b.First, LastOffset: b.Last, DeliveryState: int8(b.State), DeliveryCount: b.Count})
			}
			t.Partitions = append(t.Partitions, p)
		}
		return r
	case wire.WriteShareState:
		r := kmsg.NewPtrWriteShareGroupStateResponse()
		for i, a := range answers {
			if !goesOn(i) {
				t := kmsg.NewWriteShareGroupStateResponseTopic()
				t.TopicID = calls[i].key.Topic
				r.Topics = append(r.Topics, t)
			}
			t := &r.Topics[len(r.Topics)-1]
			t.Partitions = append(t.Partitions, kmsg.WriteShareGroupStateResponseTopicPartition{Partition: calls[i].key.Partition, ErrorCode: a.code, ErrorMessage: a.message})
		}
		return r
	case wire.DeleteShareState:
		r := kmsg.NewPtrDeleteShareGroupStateResponse()
		for i, a := range answers {
			if !goesOn(i) {
				t := kmsg.NewDeleteShareGroupStateResponseTopic()
				t.TopicID = calls[i].key.Topic
				r.Topics = append(r.Topics, t)
			}
			t := &r.Topics[len(r.Topics)-1]
			t.Partitions = append(t.Partitions, kmsg.DeleteShareGroupStateResponseTopicPartition{Partition: calls[i].key.Partition, ErrorCode: a.code, ErrorMessage: a.message})
		}
		return r
	default:
		r := kmsg.NewPtrReadShareGroupStateSummaryResponse()
		for i, a := range answers {
			if !goesOn(i) {
				t := kmsg.NewReadShareGroupStateSummaryResponseTopic()
				t.TopicID = calls[i].key.Topic
				r.Topics = append(r.Topics, t)
			}
			t := &r.Topics[len(r.Topics)-1]
			t.Partitions = append(t.Partitions, kmsg.ReadShareGroupStateSummaryResponseTopicPartition{Partition: calls[i].key.Partition, ErrorCode: a.code, ErrorMessage: a.message,
				StateEpoch: a.stateEpoch, LeaderEpoch: a.leaderEpoch, StartOffset: a.start, DeliveryCompleteCount: a.done})
		}
		return r
	}
}

// shareStateRequest is the handler of requests to share coordinators, which leaders of partitions
// and coordinators of groups send: each share partition has a home of its own.
func (b *Broker) shareStateRequest(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	calls := shareCalls(req.Body)
	answers, left := make([]shareAnswer, len(calls)), len(calls)
	if left == 0 {
		b.answer(c, &req, shareResponse(calls, answers, req.Key), nil, out)
		return
	}
	for i := range calls {
		// The inquiry is nobody's: what is asked is done whoever hears of it, and there may be many.
		b.askShare(now, &calls[i], &inquiry{}, func(_ machine.Now, a shareAnswer, out *machine.Effects) {
			answers[i] = a
			if left--; left == 0 {
				b.answer(c, &req, shareResponse(calls, answers, req.Key), nil, out)
			}
		}, out)
	}
}

// askShare has a share coordinator on this broker decide about one share partition.
func (b *Broker) askShare(now machine.Now, call *shareCall, x *inquiry, then func(machine.Now, shareAnswer, *machine.Effects), out *machine.Effects) {
	x.kind, x.command = &b.coordinators.shares, shareRequest([]shareCall{*call})
	x.then = func(now machine.Now, resp kmsg.Response, out *machine.Effects) { then(now, shareAnswers(resp)[0], out) }
	b.coordinate(now, b.home(x.kind, call.key.Coordinator()), x, out)
}
