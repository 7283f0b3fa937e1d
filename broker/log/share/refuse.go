package share

import "github.com/twmb/franz-go/pkg/kmsg"

// spoil makes an answer one that nothing has come of.
func spoil(body kmsg.Response, code int16) {
	switch r := body.(type) {
	case *kmsg.InitializeShareGroupStateResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].ErrorCode = code
			}
		}
	case *kmsg.ReadShareGroupStateResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].ErrorCode = code
			}
		}
	case *kmsg.WriteShareGroupStateResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].ErrorCode = code
			}
		}
	case *kmsg.DeleteShareGroupStateResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].ErrorCode = code
			}
		}
	case *kmsg.ReadShareGroupStateSummaryResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].ErrorCode = code
			}
		}
	}
}

// Refuse implements [coordinator.Machine].
func (m *Machine) Refuse(command any, code int16) kmsg.Response { return Refuse(command, code) }

// Refuse is the answer to a command that is not let in; nil for one that has no answer.
func Refuse(command any, code int16) kmsg.Response {
	switch req := command.(type) {
	case *kmsg.InitializeShareGroupStateRequest:
		r := kmsg.NewPtrInitializeShareGroupStateResponse()
		for i := range req.Topics {
			t := kmsg.NewInitializeShareGroupStateResponseTopic()
			t.TopicID = req.Topics[i].TopicID
			for _, p := range req.Topics[i].Partitions {
				t.Partitions = append(t.Partitions, kmsg.InitializeShareGroupStateResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			r.Topics = append(r.Topics, t)
		}
		return r
	case *kmsg.ReadShareGroupStateRequest:
		r := kmsg.NewPtrReadShareGroupStateResponse()
		for i := range req.Topics {
			t := kmsg.NewReadShareGroupStateResponseTopic()
			t.TopicID = req.Topics[i].TopicID
			for _, p := range req.Topics[i].Partitions {
				t.Partitions = append(t.Partitions, kmsg.ReadShareGroupStateResponseTopicPartition{Partition: p.Partition, ErrorCode: code, StartOffset: uninitialized})
			}
			r.Topics = append(r.Topics, t)
		}
		return r
	case *kmsg.WriteShareGroupStateRequest:
		r := kmsg.NewPtrWriteShareGroupStateResponse()
		for i := range req.Topics {
			t := kmsg.NewWriteShareGroupStateResponseTopic()
			t.TopicID = req.Topics[i].TopicID
			for j := range req.Topics[i].Partitions {
				t.Partitions = append(t.Partitions, kmsg.WriteShareGroupStateResponseTopicPartition{Partition: req.Topics[i].Partitions[j].Partition, ErrorCode: code})
			}
			r.Topics = append(r.Topics, t)
		}
		return r
	case *kmsg.DeleteShareGroupStateRequest:
		r := kmsg.NewPtrDeleteShareGroupStateResponse()
		for i := range req.Topics {
			t := kmsg.NewDeleteShareGroupStateResponseTopic()
			t.TopicID = req.Topics[i].TopicID
			for _, p := range req.Topics[i].Partitions {
				t.Partitions = append(t.Partitions, kmsg.DeleteShareGroupStateResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			r.Topics = append(r.Topics, t)
		}
		return r
	case *kmsg.ReadShareGroupStateSummaryRequest:
		r := kmsg.NewPtrReadShareGroupStateSummaryResponse()
		for i := range req.Topics {
			t := kmsg.NewReadShareGroupStateSummaryResponseTopic()
			t.TopicID = req.Topics[i].TopicID
			for _, p := range req.Topics[i].Partitions {
				t.Partitions = append(t.Partitions, kmsg.ReadShareGroupStateSummaryResponseTopicPartition{Partition: p.Partition, ErrorCode: code, StartOffset: uninitialized, DeliveryCompleteCount: -1})
			}
			r.Topics = append(r.Topics, t)
		}
		return r
	}
	return nil
}
