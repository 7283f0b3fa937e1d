package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/wire"
)

const noTopic = wire.TopicAuthorizationFailed

func guardProduce(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.ProduceRequest)
	code := noTopic
	if id := body.TransactionID; id != nil && !a.transaction(acl.Write, *id) {
		code = wire.TransactionalIDAuthorizationFailed
	}
	// The records stand beside the request, one for each partition.
	var kept []wire.Records
	n := 0
	refused := keep(&body.Topics, func(t *kmsg.ProduceRequestTopic) bool {
		ok := code == noTopic && a.topic(acl.Write, t.Topic)
		if ok {
			kept = append(kept, req.Records[n:n+len(t.Partitions)]...)
		}
		n += len(t.Partitions)
		return ok
	})
	if len(refused) == 0 {
		return nil
	}
	req.Records = kept
	if body.Acks == 0 {
		body.Topics = nil // the connection is closed, and tells that something was wrong
	}
	return c.refine(req, len(body.Topics) > 0, func(r kmsg.Response) {
		resp := r.(*kmsg.ProduceResponse)
		resp.Topics = append(resp.Topics, each(refused, func(t *kmsg.ProduceRequestTopic, x *kmsg.ProduceResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.ProduceRequestTopicPartition, y *kmsg.ProduceResponseTopicPartition) {
				*y = kmsg.NewProduceResponseTopicPartition()
				y.Partition, y.ErrorCode, y.BaseOffset, y.LogStartOffset = p.Partition, code, -1, -1
				y.ErrorRecords = []kmsg.ProduceResponseTopicPartitionErrorRecord{}
			})
		})...)
	})
}

// guardFetch refuses who reads as a follower and is no broker. What a consumer may read is
// looked at partition by partition: a session names what it once has named (lookupFetched).
func guardFetch(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.FetchRequest)
	if id, _ := wire.FetchReplica(body); id < 0 || a.cluster(acl.ClusterAction) {
		return nil
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = each(body.Topics, func(t *kmsg.FetchRequestTopic, x *kmsg.FetchResponseTopic) {
		x.Topic, x.TopicID = t.Topic, t.TopicID
		x.Partitions = each(t.Partitions, func(p *kmsg.FetchRequestTopicPartition, y *kmsg.FetchResponseTopicPartition) {
			*y = kmsg.NewFetchResponseTopicPartition()
			y.Partition, y.ErrorCode, y.HighWatermark, y.LastStableOffset, y.LogStartOffset = p.Partition, noTopic, -1, -1, -1
		})
	})
	return resp
}

func guardListOffsets(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.ListOffsetsRequest)
	return refuseEach(c, req, &body.Topics, func(t *kmsg.ListOffsetsRequestTopic) bool { return a.topic(acl.Describe, t.Topic) },
		func(r *kmsg.ListOffsetsResponse) *[]kmsg.ListOffsetsResponseTopic { return &r.Topics },
		func(t *kmsg.ListOffsetsRequestTopic, x *kmsg.ListOffsetsResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.ListOffsetsRequestTopicPartition, y *kmsg.ListOffsetsResponseTopicPartition) {
				*y = kmsg.NewListOffsetsResponseTopicPartition()
				y.Partition, y.ErrorCode, y.Timestamp, y.Offset = p.Partition, noTopic, -1, -1
			})
		})
}

func guardOffsetForLeaderEpoch(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.OffsetForLeaderEpochRequest)
	if a.cluster(acl.ClusterAction) {
		return nil
	}
	return refuseEach(c, req, &body.Topics, func(t *kmsg.OffsetForLeaderEpochRequestTopic) bool { return a.topic(acl.Describe, t.Topic) },
		func(r *kmsg.OffsetForLeaderEpochResponse) *[]kmsg.OffsetForLeaderEpochResponseTopic { return &r.Topics },
		func(t *kmsg.OffsetForLeaderEpochRequestTopic, x *kmsg.OffsetForLeaderEpochResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.OffsetForLeaderEpochRequestTopicPartition, y *kmsg.OffsetForLeaderEpochResponseTopicPartition) {
				y.Partition, y.ErrorCode, y.LeaderEpoch, y.EndOffset = p.Partition, noTopic, -1, -1
			})
		})
}

// guardInitProducerID lets in who may write in transactions of the id, or, without one, who
// may write anything (KIP-679).
func guardInitProducerID(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.InitProducerIDRequest)
	switch id := body.TransactionalID; {
	case id != nil && !a.transaction(acl.Write, *id):
		return refusedWhole(body, wire.TransactionalIDAuthorizationFailed)
	case id == nil && !a.cluster(acl.IdempotentWrite) && !a.b.rules.AuthorizeAny(a.b.image.ACLs(), a.who, acl.Write, acl.Topic):
		return refusedWhole(body, wire.ClusterAuthorizationFailed)
	}
	return nil
}

func guardCreateTopics(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.CreateTopicsRequest)
	no := keep(&body.Topics, func(t *kmsg.CreateTopicsRequestTopic) bool { return a.creates(t.Topic) })
	// Also a request of none is the handler's.
	return c.refine(req, len(body.Topics) > 0 || len(no) == 0, func(r kmsg.Response) {
		resp := r.(*kmsg.CreateTopicsResponse)
		for i := range resp.Topics {
			if x := &resp.Topics[i]; x.ErrorCode == 0 && !a.topic(acl.DescribeConfigs, x.Topic) {
				x.ConfigErrorCode, x.NumPartitions, x.ReplicationFactor, x.Configs = noTopic, -1, -1, []kmsg.CreateTopicsResponseTopicConfig{}
			}
		}
		if len(no) > 0 {
			part := *body
			part.Topics = no
			resp.Topics = append(resp.Topics, refused(&part, noTopic).(*kmsg.CreateTopicsResponse).Topics...)
		}
	})
}

func guardDeleteTopics(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DeleteTopicsRequest)
	var no []kmsg.DeleteTopicsResponseTopic
	refuse := func(name *string, id [16]byte) {
		x := kmsg.NewDeleteTopicsResponseTopic()
		x.Topic, x.TopicID, x.ErrorCode, x.ErrorMessage = name, id, noTopic, notAuthorized(noTopic)
		no = append(no, x)
	}
	keep(&body.TopicNames, func(name *string) bool {
		ok := a.topic(acl.Delete, *name)
		if !ok {
			refuse(name, [16]byte{})
		}
		return ok
	})
	keep(&body.Topics, func(t *kmsg.DeleteTopicsRequestTopic) bool {
		name := t.Topic
		if info := a.b.image.ByID[t.TopicID]; name == nil && info != nil {
			name = &info.Name
		}
		ok := name == nil || a.topic(acl.Delete, *name)
		switch {
		case ok:
		case t.Topic == nil && !a.topic(acl.Describe, *name):
			refuse(nil, t.TopicID) // who knows the id does not hear of the name
		default:
			refuse(name, t.TopicID)
		}
		return ok
	})
	if len(no) == 0 {
		return nil
	}
	return c.refine(req, len(body.TopicNames)+len(body.Topics) > 0, func(r kmsg.Response) {
		resp := r.(*kmsg.DeleteTopicsResponse)
		resp.Topics = append(resp.Topics, no...)
	})
}

func guardDeleteRecords(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DeleteRecordsRequest)
	return refuseEach(c, req, &body.Topics, func(t *kmsg.DeleteRecordsRequestTopic) bool { return a.topic(acl.Delete, t.Topic) },
		func(r *kmsg.DeleteRecordsResponse) *[]kmsg.DeleteRecordsResponseTopic { return &r.Topics },
		func(t *kmsg.DeleteRecordsRequestTopic, x *kmsg.DeleteRecordsResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.DeleteRecordsRequestTopicPartition, y *kmsg.DeleteRecordsResponseTopicPartition) {
				y.Partition, y.ErrorCode, y.LowWatermark = p.Partition, noTopic, -1
			})
		})
}

func guardCreatePartitions(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.CreatePartitionsRequest)
	return refuseEach(c, req, &body.Topics, func(t *kmsg.CreatePartitionsRequestTopic) bool { return a.topic(acl.Alter, t.Topic) },
		func(r *kmsg.CreatePartitionsResponse) *[]kmsg.CreatePartitionsResponseTopic { return &r.Topics },
		func(t *kmsg.CreatePartitionsRequestTopic, x *kmsg.CreatePartitionsResponseTopic) {
			x.Topic, x.ErrorCode = t.Topic, noTopic
		})
}

func guardDescribeProducers(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DescribeProducersRequest)
	return refuseEach(c, req, &body.Topics, func(t *kmsg.DescribeProducersRequestTopic) bool { return a.topic(acl.Read, t.Topic) },
		func(r *kmsg.DescribeProducersResponse) *[]kmsg.DescribeProducersResponseTopic { return &r.Topics },
		func(t *kmsg.DescribeProducersRequestTopic, x *kmsg.DescribeProducersResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(n *int32, y *kmsg.DescribeProducersResponseTopicPartition) {
				y.Partition, y.ErrorCode, y.ErrorMessage = *n, noTopic, notAuthorized(noTopic)
				y.ActiveProducers = []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{}
			})
		})
}

// onResource is the error for a client that may not do something to what has settings; 0 if
// it may.
func (a access) onResource(op acl.Operation, kind kmsg.ConfigResourceType, name string) int16 {
	switch {
	case kind == kmsg.ConfigResourceTypeTopic && !a.topic(op, name):
		return noTopic
	case kind == kmsg.ConfigResourceTypeGroupConfig && !a.group(op, name):
		return wire.GroupAuthorizationFailed
	case kind != kmsg.ConfigResourceTypeTopic && kind != kmsg.ConfigResourceTypeGroupConfig && !a.cluster(op):
		return wire.ClusterAuthorizationFailed
	}
	return 0
}

func guardDescribeConfigs(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DescribeConfigsRequest)
	may := func(r *kmsg.DescribeConfigsRequestResource) int16 {
		return a.onResource(acl.DescribeConfigs, r.ResourceType, r.ResourceName)
	}
	return refuseEach(c, req, &body.Resources, func(r *kmsg.DescribeConfigsRequestResource) bool { return may(r) == 0 },
		func(r *kmsg.DescribeConfigsResponse) *[]kmsg.DescribeConfigsResponseResource { return &r.Resources },
		func(r *kmsg.DescribeConfigsRequestResource, x *kmsg.DescribeConfigsResponseResource) {
			x.ResourceType, x.ResourceName, x.Configs = r.ResourceType, r.ResourceName, []kmsg.DescribeConfigsResponseResourceConfig{}
			x.ErrorCode = may(r)
			x.ErrorMessage = notAuthorized(x.ErrorCode)
		})
}

func guardAlterConfigs(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.AlterConfigsRequest)
	may := func(r *kmsg.AlterConfigsRequestResource) int16 {
		return a.onResource(acl.AlterConfigs, r.ResourceType, r.ResourceName)
	}
	return refuseEach(c, req, &body.Resources, func(r *kmsg.AlterConfigsRequestResource) bool { return may(r) == 0 },
		func(r *kmsg.AlterConfigsResponse) *[]kmsg.AlterConfigsResponseResource { return &r.Resources },
		func(r *kmsg.AlterConfigsRequestResource, x *kmsg.AlterConfigsResponseResource) {
			x.ResourceType, x.ResourceName, x.ErrorCode = r.ResourceType, r.ResourceName, may(r)
			x.ErrorMessage = notAuthorized(x.ErrorCode)
		})
}

func guardIncrementalAlter(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.IncrementalAlterConfigsRequest)
	may := func(r *kmsg.IncrementalAlterConfigsRequestResource) int16 {
		return a.onResource(acl.AlterConfigs, r.ResourceType, r.ResourceName)
	}
	return refuseEach(c, req, &body.Resources, func(r *kmsg.IncrementalAlterConfigsRequestResource) bool { return may(r) == 0 },
		func(r *kmsg.IncrementalAlterConfigsResponse) *[]kmsg.IncrementalAlterConfigsResponseResource {
			return &r.Resources
		},
		func(r *kmsg.IncrementalAlterConfigsRequestResource, x *kmsg.IncrementalAlterConfigsResponseResource) {
			x.ResourceType, x.ResourceName, x.ErrorCode = r.ResourceType, r.ResourceName, may(r)
			x.ErrorMessage = notAuthorized(x.ErrorCode)
		})
}
