package share

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// The five requests to share coordinators, and the answers to them, are of one build: topics, and of
// each topic partitions. What is said of a partition is a [Call] or an [Answer], whichever it is of.

// Call is what a share coordinator is asked about one share partition. What its API has no field
// for is 0.
type Call struct {
	API                     int16 // of the request
	Key                     Key
	StateEpoch, LeaderEpoch int32
	Start                   int64
	Done                    int32
	Batches                 []Batch
}

// Answer is the answer to one. What its API has no field for is not told.
type Answer struct {
	Partition               int32
	Code                    int16
	Message                 *string
	StateEpoch, LeaderEpoch int32
	Start                   int64
	Done                    int32
	Batches                 []Batch
}

// Topic is what a message says of the partitions of one topic, with the fields of the protocol's
// types.
type Topic[P any] struct {
	TopicID     [16]byte
	Partitions  []P
	UnknownTags kmsg.Tags
}

// Calls are those of a request to a share coordinator.
func Calls(req kmsg.Request) []Topic[Call] {
	api := req.Key()
	switch r := req.(type) {
	case *kmsg.InitializeShareGroupStateRequest:
		return over[Topic[Call]](r.Topics, func(topic [16]byte, p *kmsg.InitializeShareGroupStateRequestTopicPartition) Call {
			return Call{API: api, Key: Key{r.GroupID, topic, p.Partition}, StateEpoch: p.StateEpoch, Start: p.StartOffset}
		})
	case *kmsg.ReadShareGroupStateRequest:
		return over[Topic[Call]](r.Topics, func(topic [16]byte, p *kmsg.ReadShareGroupStateRequestTopicPartition) Call {
			return Call{API: api, Key: Key{r.GroupID, topic, p.Partition}, LeaderEpoch: p.LeaderEpoch}
		})
	case *kmsg.WriteShareGroupStateRequest:
		return over[Topic[Call]](r.Topics, func(topic [16]byte, p *kmsg.WriteShareGroupStateRequestTopicPartition) Call {
			return Call{API: api, Key: Key{r.GroupID, topic, p.Partition}, StateEpoch: p.StateEpoch, LeaderEpoch: p.LeaderEpoch,
				Start: p.StartOffset, Done: p.DeliveryCompleteCount, Batches: batchesOf(p.StateBatches)}
		})
	case *kmsg.DeleteShareGroupStateRequest:
		return over[Topic[Call]](r.Topics, func(topic [16]byte, p *kmsg.DeleteShareGroupStateRequestTopicPartition) Call {
			return Call{API: api, Key: Key{r.GroupID, topic, p.Partition}}
		})
	case *kmsg.ReadShareGroupStateSummaryRequest:
		return over[Topic[Call]](r.Topics, func(topic [16]byte, p *kmsg.ReadShareGroupStateSummaryRequestTopicPartition) Call {
			return Call{API: api, Key: Key{r.GroupID, topic, p.Partition}, LeaderEpoch: p.LeaderEpoch}
		})
	}
	panic("share: " + kmsg.NameForKey(api) + " is not for share coordinators")
}

// Request is a request of calls that are all of one API and one group. Each has a topic to itself.
func Request(calls []Call) kmsg.Request {
	topics := make([]Topic[Call], len(calls))
	for i := range calls {
		topics[i] = Topic[Call]{TopicID: calls[i].Key.Topic, Partitions: calls[i : i+1]}
	}
	switch api, group := calls[0].API, calls[0].Key.Group; api {
	case wire.InitializeShareState:
		r := kmsg.NewPtrInitializeShareGroupStateRequest()
		r.GroupID, r.Topics = group, over[kmsg.InitializeShareGroupStateRequestTopic](topics, func(_ [16]byte, c *Call) kmsg.InitializeShareGroupStateRequestTopicPartition {
			return kmsg.InitializeShareGroupStateRequestTopicPartition{Partition: c.Key.Partition, StateEpoch: c.StateEpoch, StartOffset: c.Start}
		})
		return r
	case wire.ReadShareState:
		r := kmsg.NewPtrReadShareGroupStateRequest()
		r.GroupID, r.Topics = group, over[kmsg.ReadShareGroupStateRequestTopic](topics, func(_ [16]byte, c *Call) kmsg.ReadShareGroupStateRequestTopicPartition {
			return kmsg.ReadShareGroupStateRequestTopicPartition{Partition: c.Key.Partition, LeaderEpoch: c.LeaderEpoch}
		})
		return r
	case wire.WriteShareState:
		r := kmsg.NewPtrWriteShareGroupStateRequest()
		r.GroupID, r.Topics = group, over[kmsg.WriteShareGroupStateRequestTopic](topics, func(_ [16]byte, c *Call) kmsg.WriteShareGroupStateRequestTopicPartition {
			return kmsg.WriteShareGroupStateRequestTopicPartition{Partition: c.Key.Partition, StateEpoch: c.StateEpoch, LeaderEpoch: c.LeaderEpoch,
				StartOffset: c.Start, DeliveryCompleteCount: c.Done, StateBatches: stateBatches[kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch](c.Batches)}
		})
		return r
	case wire.DeleteShareState:
		r := kmsg.NewPtrDeleteShareGroupStateRequest()
		r.GroupID, r.Topics = group, over[kmsg.DeleteShareGroupStateRequestTopic](topics, func(_ [16]byte, c *Call) kmsg.DeleteShareGroupStateRequestTopicPartition {
			return kmsg.DeleteShareGroupStateRequestTopicPartition{Partition: c.Key.Partition}
		})
		return r
	case wire.SummarizeShareState:
		r := kmsg.NewPtrReadShareGroupStateSummaryRequest()
		r.GroupID, r.Topics = group, over[kmsg.ReadShareGroupStateSummaryRequestTopic](topics, func(_ [16]byte, c *Call) kmsg.ReadShareGroupStateSummaryRequestTopicPartition {
			return kmsg.ReadShareGroupStateSummaryRequestTopicPartition{Partition: c.Key.Partition, LeaderEpoch: c.LeaderEpoch}
		})
		return r
	default:
		panic("share: " + kmsg.NameForKey(api) + " is not for share coordinators")
	}
}

// Answers are those of a response of a share coordinator.
func Answers(resp kmsg.Response) []Topic[Answer] {
	switch r := resp.(type) {
	case *kmsg.InitializeShareGroupStateResponse:
		return over[Topic[Answer]](r.Topics, answerOf[kmsg.InitializeShareGroupStateResponseTopicPartition])
	case *kmsg.ReadShareGroupStateResponse:
		return over[Topic[Answer]](r.Topics, func(_ [16]byte, p *kmsg.ReadShareGroupStateResponseTopicPartition) Answer {
			return Answer{Partition: p.Partition, Code: p.ErrorCode, Message: p.ErrorMessage, StateEpoch: p.StateEpoch, Start: p.StartOffset, Batches: batchesOf(p.StateBatches)}
		})
	case *kmsg.WriteShareGroupStateResponse:
		return over[Topic[Answer]](r.Topics, answerOf[kmsg.WriteShareGroupStateResponseTopicPartition])
	case *kmsg.DeleteShareGroupStateResponse:
		return over[Topic[Answer]](r.Topics, answerOf[kmsg.DeleteShareGroupStateResponseTopicPartition])
	case *kmsg.ReadShareGroupStateSummaryResponse:
		return over[Topic[Answer]](r.Topics, func(_ [16]byte, p *kmsg.ReadShareGroupStateSummaryResponseTopicPartition) Answer {
			return Answer{Partition: p.Partition, Code: p.ErrorCode, Message: p.ErrorMessage,
				StateEpoch: p.StateEpoch, LeaderEpoch: p.LeaderEpoch, Start: p.StartOffset, Done: p.DeliveryCompleteCount}
		})
	}
	return nil
}

// Response is the response of an API.
func Response(api int16, topics []Topic[Answer]) kmsg.Response {
	switch api {
	case wire.InitializeShareState:
		r := kmsg.NewPtrInitializeShareGroupStateResponse()
		r.Topics = over[kmsg.InitializeShareGroupStateResponseTopic](topics, outcomeOf[kmsg.InitializeShareGroupStateResponseTopicPartition])
		return r
	case wire.ReadShareState:
		r := kmsg.NewPtrReadShareGroupStateResponse()
		r.Topics = over[kmsg.ReadShareGroupStateResponseTopic](topics, func(_ [16]byte, a *Answer) kmsg.ReadShareGroupStateResponseTopicPartition {
			return kmsg.ReadShareGroupStateResponseTopicPartition{Partition: a.Partition, ErrorCode: a.Code, ErrorMessage: a.Message,
				StateEpoch: a.StateEpoch, StartOffset: a.Start, StateBatches: stateBatches[kmsg.ReadShareGroupStateResponseTopicPartitionStateBatch](a.Batches)}
		})
		return r
	case wire.WriteShareState:
		r := kmsg.NewPtrWriteShareGroupStateResponse()
		r.Topics = over[kmsg.WriteShareGroupStateResponseTopic](topics, outcomeOf[kmsg.WriteShareGroupStateResponseTopicPartition])
		return r
	case wire.DeleteShareState:
		r := kmsg.NewPtrDeleteShareGroupStateResponse()
		r.Topics = over[kmsg.DeleteShareGroupStateResponseTopic](topics, outcomeOf[kmsg.DeleteShareGroupStateResponseTopicPartition])
		return r
	case wire.SummarizeShareState:
		r := kmsg.NewPtrReadShareGroupStateSummaryResponse()
		r.Topics = over[kmsg.ReadShareGroupStateSummaryResponseTopic](topics, func(_ [16]byte, a *Answer) kmsg.ReadShareGroupStateSummaryResponseTopicPartition {
			return kmsg.ReadShareGroupStateSummaryResponseTopicPartition{Partition: a.Partition, ErrorCode: a.Code, ErrorMessage: a.Message,
				StateEpoch: a.StateEpoch, LeaderEpoch: a.LeaderEpoch, StartOffset: a.Start, DeliveryCompleteCount: a.Done}
		})
		return r
	}
	panic("share: " + kmsg.NameForKey(api) + " is not for share coordinators")
}

// Flat is what is said of the partitions, in its order.
func Flat[P any](topics []Topic[P]) (list []P) {
	for i := range topics {
		list = append(list, topics[i].Partitions...)
	}
	return list
}

// topicOf is any type of the protocol that is a Topic.
type topicOf[P any] interface {
	~struct {
		TopicID     [16]byte
		Partitions  []P
		UnknownTags kmsg.Tags
	}
}

// over are topics with something else of each of their partitions: the one way through a message.
func over[U topicOf[Q], T topicOf[P], P, Q any](topics []T, f func(topic [16]byte, p *P) Q) []U {
	list := make([]U, len(topics))
	for i := range topics {
		t := Topic[P](topics[i])
		partitions := make([]Q, len(t.Partitions))
		for j := range t.Partitions {
			partitions[j] = f(t.TopicID, &t.Partitions[j])
		}
		list[i] = U(Topic[Q]{TopicID: t.TopicID, Partitions: partitions})
	}
	return list
}

// outcome is any of the types of the protocol that tell of a partition only what has come of it.
type outcome interface {
	~struct {
		Partition    int32
		ErrorCode    int16
		ErrorMessage *string
		UnknownTags  kmsg.Tags
	}
}

// answerOf and outcomeOf are the two ways between that and an Answer.
func answerOf[P outcome](_ [16]byte, p *P) Answer {
	x := kmsg.InitializeShareGroupStateResponseTopicPartition(*p)
	return Answer{Partition: x.Partition, Code: x.ErrorCode, Message: x.ErrorMessage}
}

func outcomeOf[P outcome](_ [16]byte, a *Answer) P {
	return P(kmsg.InitializeShareGroupStateResponseTopicPartition{Partition: a.Partition, ErrorCode: a.Code, ErrorMessage: a.Message})
}

// stateBatch is any of the protocol's types of a batch.
type stateBatch interface {
	~struct {
		FirstOffset, LastOffset int64
		DeliveryState           int8
		DeliveryCount           int16
		UnknownTags             kmsg.Tags
	}
}

// batchesOf and stateBatches are the two ways between those and batches.
func batchesOf[B stateBatch](list []B) (batches []Batch) {
	for i := range list {
		x := kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch(list[i])
		batches = append(batches, Batch{Range{x.FirstOffset, x.LastOffset}, State(x.DeliveryState), x.DeliveryCount})
	}
	return batches
}

func stateBatches[B stateBatch](batches []Batch) (list []B) {
	for _, b := range batches {
		list = append(list, B(kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch{
			FirstOffset: b.First, LastOffset: b.Last, DeliveryState: int8(b.State), DeliveryCount: b.Count}))
	}
	return list
}
