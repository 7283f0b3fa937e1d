package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
)

var (
	guardShareFetch = onShares(
		func(r *kmsg.ShareFetchRequest) (*string, []kmsg.ShareFetchRequestTopic) { return r.GroupID, r.Topics },
		func(t *kmsg.ShareFetchRequestTopic) [16]byte { return t.TopicID },
	)
	guardShareAcknowledge = onShares(
		func(r *kmsg.ShareAcknowledgeRequest) (*string, []kmsg.ShareAcknowledgeRequestTopic) {
			return r.GroupID, r.Topics
		},
		func(t *kmsg.ShareAcknowledgeRequestTopic) [16]byte { return t.TopicID },
	)
)

// onShares refuses who may not read with a group, or topics whose ids are named. Kafka says it of each
// partition; here nothing of the request is done.
func onShares[T kmsg.Request, P any](of func(T) (group *string, topics []P), id func(*P) [16]byte) guard {
	return func(a access, _ *conn, req *wire.Request) kmsg.Response {
		group, topics := of(req.Body.(T))
		if group == nil || !a.group(acl.Read, *group) {
			return refusedWhole(req.Body, noGroup)
		}
		for i := range topics {
			if t := a.b.image.ByID[id(&topics[i])]; t != nil && !a.topic(acl.Read, t.Name) {
				return refusedWhole(req.Body, noTopic)
			}
		}
		return nil
	}
}

// guardDescribeShareOffsets refuses groups, and leaves out topics that may not be described.
func guardDescribeShareOffsets(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DescribeShareGroupOffsetsRequest)
	refused := keep(&body.Groups, func(g *kmsg.DescribeShareGroupOffsetsRequestGroup) bool { return a.group(acl.Describe, g.GroupID) })
	topics := make(map[string][]kmsg.DescribeShareGroupOffsetsRequestGroupTopic)
	for i := range body.Groups {
		g := &body.Groups[i]
		topics[g.GroupID] = append(topics[g.GroupID], keep(&g.Topics, func(t *kmsg.DescribeShareGroupOffsetsRequestGroupTopic) bool { return a.topic(acl.Describe, t.Topic) })...)
	}
	return c.refine(req, len(body.Groups) > 0 || len(refused) == 0, func(r kmsg.Response) {
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
		return refusedWhole(body, noGroup)
	}
	return refuseEach(c, req, &body.Topics, func(t *kmsg.AlterShareGroupOffsetsRequestTopic) bool { return a.topic(acl.Read, t.Topic) },
		func(r *kmsg.AlterShareGroupOffsetsResponse) *[]kmsg.AlterShareGroupOffsetsResponseTopic {
			return &r.Topics
		},
		func(t *kmsg.AlterShareGroupOffsetsRequestTopic, x *kmsg.AlterShareGroupOffsetsResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(p *kmsg.AlterShareGroupOffsetsRequestTopicPartition, y *kmsg.AlterShareGroupOffsetsResponseTopicPartition) {
				y.Partition, y.ErrorCode, y.ErrorMessage = p.Partition, noTopic, notAuthorized(noTopic)
			})
		})
}

func guardDeleteShareOffsets(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DeleteShareGroupOffsetsRequest)
	if !a.group(acl.Delete, body.GroupID) {
		return refusedWhole(body, noGroup)
	}
	return refuseEach(c, req, &body.Topics, func(t *kmsg.DeleteShareGroupOffsetsRequestTopic) bool { return a.topic(acl.Read, t.Topic) },
		func(r *kmsg.DeleteShareGroupOffsetsResponse) *[]kmsg.DeleteShareGroupOffsetsResponseTopic {
			return &r.Topics
		},
		func(t *kmsg.DeleteShareGroupOffsetsRequestTopic, x *kmsg.DeleteShareGroupOffsetsResponseTopic) {
			x.Topic, x.ErrorCode, x.ErrorMessage = t.Topic, noTopic, notAuthorized(noTopic)
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
