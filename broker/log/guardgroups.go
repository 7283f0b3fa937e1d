package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/group"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/txn"
	"brokersim/broker/log/wire"
)

const (
	noGroup       = wire.GroupAuthorizationFailed
	noTransaction = wire.TransactionalIDAuthorizationFailed
)

func guardFindCoordinator(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.FindCoordinatorRequest)
	kind := body.CoordinatorType
	if body.Version == 0 {
		kind = ofGroup
	}
	code := noGroup
	switch kind {
	case ofTransaction:
		code = noTransaction
	case ofShares:
		code = wire.ClusterAuthorizationFailed
	}
	may := func(id *string) bool {
		switch kind {
		case ofTransaction:
			return a.transaction(acl.Describe, *id)
		case ofShares: // a version that has none of them is told so, whoever asks
			return body.Version < 6 || a.cluster(acl.ClusterAction)
		}
		return a.group(acl.Describe, *id)
	}
	const ofSeveral = 4
	if body.Version < ofSeveral {
		if may(&body.CoordinatorKey) {
			return nil
		}
		resp := kmsg.NewPtrFindCoordinatorResponse()
		resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Port = code, notAuthorized(code), replica.NoLeader, -1
		return resp
	}
	return refuseEach(c, req, &body.CoordinatorKeys, may,
		func(r *kmsg.FindCoordinatorResponse) *[]kmsg.FindCoordinatorResponseCoordinator {
			return &r.Coordinators
		},
		func(key *string, x *kmsg.FindCoordinatorResponseCoordinator) {
			x.Key, x.ErrorCode, x.ErrorMessage, x.NodeID, x.Port = *key, code, notAuthorized(code), replica.NoLeader, -1
		})
}

func guardOffsetCommit(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.OffsetCommitRequest)
	if !a.group(acl.Read, body.Group) {
		return refusedWhole(body, noGroup)
	}
	no := *body
	no.Topics = keep(&body.Topics, func(t *kmsg.OffsetCommitRequestTopic) bool { return a.topic(acl.Read, t.Topic) })
	if len(no.Topics) == 0 {
		return nil
	}
	return c.refine(req, len(body.Topics) > 0, func(r kmsg.Response) {
		resp := r.(*kmsg.OffsetCommitResponse)
		resp.Topics = append(resp.Topics, group.Refuse(&no, noTopic).(*kmsg.OffsetCommitResponse).Topics...)
	})
}

func guardTxnOffsetCommit(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.TxnOffsetCommitRequest)
	switch {
	case !a.transaction(acl.Write, body.TransactionalID):
		return refusedWhole(body, noTransaction)
	case !a.group(acl.Read, body.Group):
		return refusedWhole(body, noGroup)
	}
	no := *body
	no.Topics = keep(&body.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) bool { return a.topic(acl.Read, t.Topic) })
	if len(no.Topics) == 0 {
		return nil
	}
	return c.refine(req, len(body.Topics) > 0, func(r kmsg.Response) {
		resp := r.(*kmsg.TxnOffsetCommitResponse)
		resp.Topics = append(resp.Topics, group.Refuse(&no, noTopic).(*kmsg.TxnOffsetCommitResponse).Topics...)
	})
}

// guardOffsetFetch refuses groups, and topics of them; where all are asked for, those that
// may not be described are left out of the answer.
func guardOffsetFetch(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.OffsetFetchRequest)
	const ofSeveral = 8
	if body.Version < ofSeveral {
		return guardOffsetFetchOfOne(a, c, req, body)
	}
	asked := slices.Clone(body.Groups)
	no := keep(&body.Groups, func(g *kmsg.OffsetFetchRequestGroup) bool { return a.group(acl.Describe, g.Group) })
	topics := make(map[string][]kmsg.OffsetFetchRequestGroupTopic) // by group that is left
	for i := range body.Groups {
		g := &body.Groups[i]
		topics[g.Group] = append(topics[g.Group], keep(&g.Topics, func(t *kmsg.OffsetFetchRequestGroupTopic) bool { return a.topic(acl.Describe, t.Topic) })...)
	}
	return c.refine(req, len(body.Groups) > 0 || len(asked) == 0, func(r kmsg.Response) {
		resp := r.(*kmsg.OffsetFetchResponse)
		for i := range resp.Groups {
			g := &resp.Groups[i]
			keep(&g.Topics, func(t *kmsg.OffsetFetchResponseGroupTopic) bool { return a.topic(acl.Describe, t.Topic) })
			no := topics[g.Group]
			if g.ErrorCode != 0 || len(no) == 0 {
				continue
			}
			delete(topics, g.Group) // they are told of once, however often the group is named
			g.Topics = append(g.Topics, each(no, func(t *kmsg.OffsetFetchRequestGroupTopic, x *kmsg.OffsetFetchResponseGroupTopic) {
				x.Topic, x.TopicID = t.Topic, t.TopicID
				x.Partitions = each(t.Partitions, func(n *int32, y *kmsg.OffsetFetchResponseGroupTopicPartition) {
					none := ""
					y.Partition, y.ErrorCode, y.Offset, y.LeaderEpoch, y.Metadata = *n, noTopic, -1, -1, &none
				})
			})...)
		}
		resp.Groups = append(resp.Groups, each(no, func(g *kmsg.OffsetFetchRequestGroup, x *kmsg.OffsetFetchResponseGroup) {
			x.Group, x.ErrorCode, x.Topics = g.Group, noGroup, []kmsg.OffsetFetchResponseGroupTopic{}
		})...)
	})
}

func guardOffsetFetchOfOne(a access, c *conn, req *wire.Request, body *kmsg.OffsetFetchRequest) kmsg.Response {
	code, ok := noTopic, a.group(acl.Describe, body.Group)
	if !ok {
		code = noGroup
	}
	all := body.Topics == nil
	refused := keep(&body.Topics, func(t *kmsg.OffsetFetchRequestTopic) bool { return ok && a.topic(acl.Describe, t.Topic) })
	return c.refine(req, len(body.Topics) > 0 || ok && (all || len(refused) == 0), func(r kmsg.Response) {
		resp := r.(*kmsg.OffsetFetchResponse)
		keep(&resp.Topics, func(t *kmsg.OffsetFetchResponseTopic) bool { return a.topic(acl.Describe, t.Topic) })
		if !ok {
			resp.ErrorCode = noGroup
		}
		if !ok && body.Version >= 2 {
			resp.Topics = []kmsg.OffsetFetchResponseTopic{}
			return
		}
		resp.Topics = append(resp.Topics, each(refused, func(t *kmsg.OffsetFetchRequestTopic, x *kmsg.OffsetFetchResponseTopic) {
			x.Topic = t.Topic
			x.Partitions = each(t.Partitions, func(n *int32, y *kmsg.OffsetFetchResponseTopicPartition) {
				none := ""
				y.Partition, y.ErrorCode, y.Offset, y.LeaderEpoch, y.Metadata = *n, code, -1, -1, &none
			})
		})...)
	})
}

func guardOffsetDelete(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.OffsetDeleteRequest)
	if !a.group(acl.Delete, body.Group) {
		return refusedWhole(body, noGroup)
	}
	refused := keep(&body.Topics, func(t *kmsg.OffsetDeleteRequestTopic) bool { return a.topic(acl.Read, t.Topic) })
	if len(refused) == 0 {
		return nil
	}
	return c.refine(req, len(body.Topics) > 0, func(r kmsg.Response) {
		resp := r.(*kmsg.OffsetDeleteResponse)
		if resp.ErrorCode != 0 {
			return
		}
		resp.Topics = append(resp.Topics, each(refused, notDeleted(noTopic))...)
	})
}

// guard refuses groups, and says what may be done with the others.
func (d description[Q, R, G]) guard(a access, c *conn, req *wire.Request) kmsg.Response {
	body := any(req.Body).(*Q)
	ids, _ := d.asked(body)
	refused := keep(ids, func(id *string) bool { return a.group(acl.Describe, *id) })
	return c.refine(req, len(*ids) > 0 || len(refused) == 0, func(resp kmsg.Response) {
		groups := d.groups(resp.(R))
		d.allow(body, *groups, func(id string) int32 { return a.of(groupOperations, acl.Group, id) })
		no := *d.groups(group.Refuse(d.about(body, refused), noGroup).(R))
		for i := range no {
			*d.told(&no[i]).message = notAuthorized(noGroup)
		}
		*groups = append(*groups, no...)
	})
}

func guardListGroups(a access, c *conn, req *wire.Request) kmsg.Response {
	if a.cluster(acl.Describe) {
		return nil
	}
	return c.refine(req, true, func(r kmsg.Response) {
		keep(&r.(*kmsg.ListGroupsResponse).Groups, func(g *kmsg.ListGroupsResponseGroup) bool { return a.group(acl.Describe, g.Group) })
	})
}

func guardDeleteGroups(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DeleteGroupsRequest)
	return refuseEach(c, req, &body.Groups, func(id *string) bool { return a.group(acl.Delete, *id) },
		func(r *kmsg.DeleteGroupsResponse) *[]kmsg.DeleteGroupsResponseGroup { return &r.Groups },
		func(id *string, x *kmsg.DeleteGroupsResponseGroup) { x.Group, x.ErrorCode = *id, noGroup })
}

// guardAddPartitionsToTxn lets only brokers ask for several transactions (KIP-890). Of one,
// all partitions are added or none.
func guardAddPartitionsToTxn(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.AddPartitionsToTxnRequest)
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	const ofSeveral = 4
	if body.Version >= ofSeveral {
		if a.cluster(acl.ClusterAction) {
			return nil
		}
		resp.ErrorCode, resp.Transactions = wire.ClusterAuthorizationFailed, []kmsg.AddPartitionsToTxnResponseTransaction{}
		return resp
	}
	own := a.transaction(acl.Write, body.TransactionalID)
	code := func(topic string) int16 {
		switch {
		case !own:
			return noTransaction
		case !a.topic(acl.Write, topic):
			return noTopic
		}
		return wire.OperationNotAttempted
	}
	if own && !slices.ContainsFunc(body.Topics, func(t kmsg.AddPartitionsToTxnRequestTopic) bool { return code(t.Topic) == noTopic }) {
		return nil
	}
	resp.Topics = each(body.Topics, func(t *kmsg.AddPartitionsToTxnRequestTopic, x *kmsg.AddPartitionsToTxnResponseTopic) {
		x.Topic = t.Topic
		x.Partitions = each(t.Partitions, func(n *int32, y *kmsg.AddPartitionsToTxnResponseTopicPartition) {
			y.Partition, y.ErrorCode = *n, code(t.Topic)
		})
	})
	return resp
}

func guardAddOffsetsToTxn(a access, _ *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.AddOffsetsToTxnRequest)
	switch {
	case !a.transaction(acl.Write, body.TransactionalID):
		return refusedWhole(body, noTransaction)
	case !a.group(acl.Read, body.Group):
		return refusedWhole(body, noGroup)
	}
	return nil
}

func guardEndTxn(a access, _ *conn, req *wire.Request) kmsg.Response {
	if body := req.Body.(*kmsg.EndTxnRequest); !a.transaction(acl.Write, body.TransactionalID) {
		return refusedWhole(body, noTransaction)
	}
	return nil
}

func guardDescribeTransactions(a access, c *conn, req *wire.Request) kmsg.Response {
	body := req.Body.(*kmsg.DescribeTransactionsRequest)
	no := *body
	no.TransactionalIDs = keep(&body.TransactionalIDs, func(id *string) bool { return a.transaction(acl.Describe, *id) })
	return c.refine(req, len(body.TransactionalIDs) > 0 || len(no.TransactionalIDs) == 0, func(r kmsg.Response) {
		resp := r.(*kmsg.DescribeTransactionsResponse)
		for i := range resp.TransactionStates {
			keep(&resp.TransactionStates[i].Topics, func(t *kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
				return a.topic(acl.Describe, t.Topic)
			})
		}
		resp.TransactionStates = append(resp.TransactionStates, txn.Refused(&no, noTransaction).(*kmsg.DescribeTransactionsResponse).TransactionStates...)
	})
}

func guardListTransactions(a access, c *conn, req *wire.Request) kmsg.Response {
	return c.refine(req, true, func(r kmsg.Response) {
		keep(&r.(*kmsg.ListTransactionsResponse).TransactionStates, func(t *kmsg.ListTransactionsResponseTransactionState) bool {
			return a.transaction(acl.Describe, t.TransactionalID)
		})
	})
}
