package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// groupOperations are what clients may do with a group where nobody is refused anything, as
// bits of AclOperation (KIP-430).
const groupOperations = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11

// description is how groups of one kind are described: by a request *Q that names them, and an answer
// R with a G of each.
type description[Q any, R kmsg.Response, G any] struct {
	asked  func(*Q) (ids *[]string, operations bool)
	groups func(R) *[]G
	told   func(*G) described
}

// described is what is told of groups of every kind.
type described struct {
	id         string
	code       int16
	message    **string
	operations *int32
}

// classicGroups, consumerGroups (KIP-848) and shareGroups (KIP-932) are described by APIs of their own.
var (
	classicGroups = description[kmsg.DescribeGroupsRequest, *kmsg.DescribeGroupsResponse, kmsg.DescribeGroupsResponseGroup]{
		asked:  func(r *kmsg.DescribeGroupsRequest) (*[]string, bool) { return &r.Groups, r.IncludeAuthorizedOperations },
		groups: func(r *kmsg.DescribeGroupsResponse) *[]kmsg.DescribeGroupsResponseGroup { return &r.Groups },
		told: func(g *kmsg.DescribeGroupsResponseGroup) described {
			return described{g.Group, g.ErrorCode, &g.ErrorMessage, &g.AuthorizedOperations}
		},
	}
	consumerGroups = description[kmsg.ConsumerGroupDescribeRequest, *kmsg.ConsumerGroupDescribeResponse, kmsg.ConsumerGroupDescribeResponseGroup]{
		asked: func(r *kmsg.ConsumerGroupDescribeRequest) (*[]string, bool) {
			return &r.Groups, r.IncludeAuthorizedOperations
		},
		groups: func(r *kmsg.ConsumerGroupDescribeResponse) *[]kmsg.ConsumerGroupDescribeResponseGroup {
			return &r.Groups
		},
		told: func(g *kmsg.ConsumerGroupDescribeResponseGroup) described {
			return described{g.Group, g.ErrorCode, &g.ErrorMessage, &g.AuthorizedOperations}
		},
	}
	shareGroups = description[kmsg.ShareGroupDescribeRequest, *kmsg.ShareGroupDescribeResponse, kmsg.ShareGroupDescribeResponseGroup]{
		asked: func(r *kmsg.ShareGroupDescribeRequest) (*[]string, bool) {
			return &r.GroupIDs, r.IncludeAuthorizedOperations
		},
		groups: func(r *kmsg.ShareGroupDescribeResponse) *[]kmsg.ShareGroupDescribeResponseGroup { return &r.Groups },
		told: func(g *kmsg.ShareGroupDescribeResponseGroup) described {
			return described{g.GroupID, g.ErrorCode, &g.ErrorMessage, &g.AuthorizedOperations}
		},
	}
)

// about is a request that names other groups.
func (d description[Q, R, G]) about(body *Q, ids []string) kmsg.Request {
	part := *body
	list, _ := d.asked(&part)
	*list = ids
	return any(&part).(kmsg.Request)
}

// describe is the handler.
func (d description[Q, R, G]) describe(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := any(req.Body).(*Q)
	ids, _ := d.asked(body)
	askGroups(b, now, c, req, *ids, func(of []int) kmsg.Request { return d.about(body, pick(*ids, of)) }, func(resp kmsg.Response) []G {
		return *d.groups(resp.(R))
	}, func(groups []G) kmsg.Response {
		resp := req.Body.ResponseKind().(R)
		*d.groups(resp) = groups
		d.allow(body, groups, func(string) int32 { return groupOperations })
		return resp
	}, out)
}

// allow has an answer tell what its client may do with groups, if the request asks for it.
func (d description[Q, R, G]) allow(body *Q, groups []G, operations func(id string) int32) {
	if _, asked := d.asked(body); !asked {
		return
	}
	for i := range groups {
		if x := d.told(&groups[i]); x.code == 0 {
			*x.operations = operations(x.id)
		}
	}
}

// deleteGroups deletes groups in which there is nobody. One that is named twice is deleted
// once.
func (b *Broker) deleteGroups(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.DeleteGroupsRequest)
	var groups []string
	seen := make(map[string]bool)
	for _, id := range body.Groups {
		if !seen[id] {
			seen[id] = true
			groups = append(groups, id)
		}
	}
	b.beforeDeletion(now, groups, func(now machine.Now, out *machine.Effects) {
		askGroups(b, now, c, req, groups, func(of []int) kmsg.Request {
			part := *body
			part.Groups = pick(groups, of)
			return &part
		}, func(resp kmsg.Response) []kmsg.DeleteGroupsResponseGroup {
			return resp.(*kmsg.DeleteGroupsResponse).Groups
		}, func(groups []kmsg.DeleteGroupsResponseGroup) kmsg.Response {
			resp := kmsg.NewPtrDeleteGroupsResponse()
			resp.Groups = groups
			return resp
		}, out)
	}, out)
}

// listGroups names the groups of all coordinators on this broker. While one of them does not
// know its groups yet, nobody is told of any.
func (b *Broker) listGroups(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Groups = []kmsg.ListGroupsResponseGroup{}
	askAll(b, now, &inquiry{kind: &b.coordinators.groups, command: req.Body, conn: c, req: req}, func(part *kmsg.ListGroupsResponse) {
		switch part.ErrorCode {
		case wire.None:
			resp.Groups = append(resp.Groups, part.Groups...)
		case wire.NotCoordinator: // any more
		default:
			resp.ErrorCode = part.ErrorCode
		}
	}, func(_ int, out *machine.Effects) {
		if resp.ErrorCode != 0 {
			resp.Groups = []kmsg.ListGroupsResponseGroup{}
		}
		b.answer(c, &req, resp, nil, out)
	}, out)
}
