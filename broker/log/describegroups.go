package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// groupOperations are what clients may do with a group where nobody is refused anything, as
// bits of AclOperation (KIP-430).
const groupOperations = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11

// describeGroups tells of classic groups.
func (b *Broker) describeGroups(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.DescribeGroupsRequest)
	askGroups(b, now, c, req, body.Groups, func(of []int) kmsg.Request {
		part := *body
		part.Groups = pick(body.Groups, of)
		return &part
	}, func(resp kmsg.Response) []kmsg.DescribeGroupsResponseGroup {
		return resp.(*kmsg.DescribeGroupsResponse).Groups
	}, func(groups []kmsg.DescribeGroupsResponseGroup) kmsg.Response {
		resp := kmsg.NewPtrDescribeGroupsResponse()
		resp.Groups = groups
		for i := range groups {
			if body.IncludeAuthorizedOperations && groups[i].ErrorCode == 0 {
				groups[i].AuthorizedOperations = groupOperations
			}
		}
		return resp
	}, out)
}

// describeConsumerGroups tells of groups of the next generation (KIP-848).
func (b *Broker) describeConsumerGroups(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.ConsumerGroupDescribeRequest)
	askGroups(b, now, c, req, body.Groups, func(of []int) kmsg.Request {
		part := *body
		part.Groups = pick(body.Groups, of)
		return &part
	}, func(resp kmsg.Response) []kmsg.ConsumerGroupDescribeResponseGroup {
		return resp.(*kmsg.ConsumerGroupDescribeResponse).Groups
	}, func(groups []kmsg.ConsumerGroupDescribeResponseGroup) kmsg.Response {
		resp := kmsg.NewPtrConsumerGroupDescribeResponse()
		resp.Groups = groups
		for i := range groups {
			if body.IncludeAuthorizedOperations && groups[i].ErrorCode == 0 {
				groups[i].AuthorizedOperations = groupOperations
			}
		}
		return resp
	}, out)
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
	kind := &b.coordinators.groups
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Groups = []kmsg.ListGroupsResponseGroup{}
	var asked []*shard
	for _, s := range b.coordinators.shards {
		if s.kind == kind && s.stage != broken {
			asked = append(asked, s)
		}
	}
	left := len(asked)
	if left == 0 {
		b.answer(c, &req, resp, nil, out)
		return
	}
	for _, s := range asked {
		b.coordinate(now, s.p.TP().Partition, &inquiry{kind: kind, command: req.Body, conn: c, req: req, then: func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
			switch part := part.(*kmsg.ListGroupsResponse); part.ErrorCode {
			case wire.None:
				resp.Groups = append(resp.Groups, part.Groups...)
			case wire.NotCoordinator: // any more
			default:
				resp.ErrorCode = part.ErrorCode
			}
			if left--; left > 0 {
				return
			}
			if resp.ErrorCode != 0 {
				resp.Groups = []kmsg.ListGroupsResponseGroup{}
			}
			b.answer(c, &req, resp, nil, out)
		}}, out)
	}
}
