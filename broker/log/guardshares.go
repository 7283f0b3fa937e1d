package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
)

func guardShareHeartbeat(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.ShareGroupHeartbeatRequest)
	switch {
	case !a.group(acl.Read, body.GroupID):
		return refusedWhole(body, noGroup)
	case slices.ContainsFunc(body.SubscribedTopicNames, func(t string) bool { return !a.topic(acl.Describe, t) }):
		return refusedWhole(body, noTopic)
	}
	return nil
}

func guardShareGroupDescribe(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.ShareGroupDescribeRequest)
	refused := keep(&body.GroupIDs, func(id *string) bool { return a.group(acl.Describe, *id) })
	left := len(body.GroupIDs)
	if len(refused) == 0 {
		left = 1
	}
	return c.refine(req, left, func(r kmsg.Response) {
		resp := r.(*kmsg.ShareGroupDescribeResponse)
		for i := range resp.Groups {
			if x := &resp.Groups[i]; body.IncludeAuthorizedOperations && x.ErrorCode == 0 {
				x.AuthorizedOperations = a.of(groupOperations, acl.Group, x.GroupID)
			}
		}
		resp.Groups = append(resp.Groups, each(refused, func(id *string, x *kmsg.ShareGroupDescribeResponseGroup) {
			*x = kmsg.NewShareGroupDescribeResponseGroup()
			x.GroupID, x.ErrorCode, x.ErrorMessage, x.Members = *id, noGroup, notAuthorized(noGroup), []kmsg.ShareGroupDescribeResponseGroupMember{}
		})...)
	})
}

// readsShares is the error for who may not read the topics of ids with a group; 0 if he may.
// Kafka says it of each partition; here nothing of the request is done.
func (a access) readsShares(group *string, topics func(func([16]byte) bool)) int16 {
	if group == nil || !a.group(acl.Read, *group) {
		return noGroup
	}
	for id := range topics {
		if t := a.b.image.ByID[id]; t != nil && !a.topic(acl.Read, t.Name) {
			return noTopic
		}
	}
	return 0
}

func guardShareFetch(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.ShareFetchRequest)
	code := a.readsShares(body.GroupID, func(yield func([16]byte) bool) {
		for i := range body.Topics {
			if !yield(body.Topics[i].TopicID) {
				return
			}
		}
	})
	if code == 0 {
		return nil
	}
	resp := kmsg.NewPtrShareFetchResponse()
	resp.ErrorCode, resp.ErrorMessage, resp.Topics = code, notAuthorized(code), []kmsg.ShareFetchResponseTopic{}
	resp.NodeEndpoints = []kmsg.ShareFetchResponseNodeEndpoint{}
	return resp
}

func guardShareAcknowledge(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.ShareAcknowledgeRequest)
	code := a.readsShares(body.GroupID, func(yield func([16]byte) bool) {
		for i := range body.Topics {
			if !yield(body.Topics[i].TopicID) {
				return
			}
		}
	})
	if code == 0 {
		return nil
	}
	resp := kmsg.NewPtrShareAcknowledgeResponse()
	resp.ErrorCode, resp.ErrorMessage, resp.Topics = code, notAuthorized(code), []kmsg.ShareAcknowledgeResponseTopic{}
	resp.NodeEndpoints = []kmsg.ShareAcknowledgeResponseNodeEndpoint{}
	return resp
}

// guardDescribeShareOffsets refuses groups, and leaves out topics that may not be described.
func guardDescribeShareOffsets(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DescribeShareGroupOffsetsRequest)
	refused := keep(&body.Groups, func(g *kmsg.DescribeShareGroupOffsetsRequestGroup) bool { return a.group(acl.Describe, g.GroupID) })
	left := len(body.Groups)
	if len(refused) == 0 {
		left = 1
	}
	topics := make(map[string][]kmsg.DescribeShareGroupOffsetsRequestGroupTopic)
	for i := range body.Groups {
		g := &body.Groups[i]
		topics[g.GroupID] = append(topics[g.GroupID], keep(&g.Topics, func(t *kmsg.DescribeShareGroupOffsetsRequestGroupTopic) bool { return a.topic(acl.Describe, t.Topic) })...)
	}
	return c.refine(req, left, func(r kmsg.Response) {
		resp := r.(*kmsg.DescribeShareGroupOffsetsResponse)
		for i := range resp.Groups {
			g := &resp.Groups[i]
			keep(&g.Topics, func(t *kmsg.DescribeShareGroupOffsetsResponseGroupTopic) bool { return a.topic(acl.Describe, t.Topic) })
			no := topics[g.GroupID]
			delete(topics, g.GroupID) // they are told of once, however often the group is named
			g.Topics = append(g.Topics, each(no, func(t *kmsg.DescribeShareGroupOffsetsRequestGroupTopic, x *kmsg.DescribeShareGroupOffsetsResponseGroupTopic) {
				x.Topic = t.Topic
				x.Partitions = each(t.Partitions, func(n *int32, y *kmsg.DescribeShareGroupOffsetsResponseGroupTopicPartition) {
					*y = kmsg.NewDescribeShareGroupOffsetsResponseGroupTopicPartition()
					y.Partition, y.ErrorCode, y.ErrorMessage = *n, noTopic, notAuthorized(noTopic)
				})
			})...)
		}
		resp.Groups = append(resp.Groups, each(refused, func(g *kmsg.DescribeShareGroupOffsetsRequestGroup, x *kmsg.DescribeShareGroupOffsetsResponseGroup) {
			x.GroupID, x.ErrorCode, x.ErrorMessage, x.Topics = g.GroupID, noGroup, notAuthorized(noGroup), []kmsg.DescribeShareGroupOffsetsResponseGroupTopic{}
		})...)
	})
}

func guardAlterShareOffsets(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.AlterShareGroupOffsetsRequest)
	if !a.group(acl.Read, body.GroupID) {
		resp := kmsg.NewPtrAlterShareGroupOffsetsResponse()
		resp.ErrorCode, resp.ErrorMessage, resp.Topics = noGroup, notAuthorized(noGroup), []kmsg.AlterShareGroupOffsetsResponseTopic{}
		return resp
	}
	refused := keep(&body.Topics, func(t *kmsg.AlterShareGroupOffsetsRequestTopic) bool { return a.topic(acl.Read, t.Topic) })
	if len(refused) == 0 {
		return nil
	}
	return c.refine(req, len(body.Topics), func(r kmsg.Response) {
		resp := r.(*kmsg.AlterShareGroupOffsetsResponse)
		resp.Topics = append(resp.Topics, each(refused, func(t *kmsg.AlterShareGroupOffsetsRequestTopic, x *kmsg.AlterShareGroupOffsetsResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.AlterShareGroupOffsetsRequestTopicPartition, y *kmsg.AlterShareGroupOffsetsResponseTopicPartition) {
				y.Partition, y.ErrorCode, y.ErrorMessage = p.Partition, noTopic, notAuthorized(noTopic)
			})
		})...)
	})
}

func guardDeleteShareOffsets(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DeleteShareGroupOffsetsRequest)
	if !a.group(acl.Delete, body.GroupID) {
		resp := kmsg.NewPtrDeleteShareGroupOffsetsResponse()
		resp.ErrorCode, resp.ErrorMessage, resp.Topics = noGroup, notAuthorized(noGroup), []kmsg.DeleteShareGroupOffsetsResponseTopic{}
		return resp
	}
	refused := keep(&body.Topics, func(t *kmsg.DeleteShareGroupOffsetsRequestTopic) bool { return a.topic(acl.Read, t.Topic) })
	if len(refused) == 0 {
		return nil
	}
	return c.refine(req, len(body.Topics), func(r kmsg.Response) {
		resp := r.(*kmsg.DeleteShareGroupOffsetsResponse)
		resp.Topics = append(resp.Topics, each(refused, func(t *kmsg.DeleteShareGroupOffsetsRequestTopic, x *kmsg.DeleteShareGroupOffsetsResponseTopic) {
			x.Topic, x.ErrorCode, x.ErrorMessage = t.Topic, noTopic, notAuthorized(noTopic)
		})...)
	})
}

// guardShareState lets brokers alone keep the state of shares.
func guardShareState(a access, _ *conn, req *wire.Request) kmsg.Response {
	if a.cluster(acl.ClusterAction) {
		return nil
	}
	const code = wire.ClusterAuthorizationFailed
	return share.Refuse(req.Body, share.Answer{Code: code, Message: notAuthorized(code)})
}
