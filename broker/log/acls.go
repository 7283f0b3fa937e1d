package log

import (
	"cmp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// describeACLs tells of entries, by what they are about (KIP-133), as AclApis does.
func (b *Broker) describeACLs(body *kmsg.DescribeACLsRequest) *kmsg.DescribeACLsResponse {
	resp := kmsg.NewPtrDescribeACLsResponse()
	resp.Resources = []kmsg.DescribeACLsResponseResource{}
	if b.rules == nil {
		why := "No Authorizer is configured on the broker"
		resp.ErrorCode, resp.ErrorMessage = wire.SecurityDisabled, &why
		return resp
	}
	f := acl.Filter{
		Resource: acl.Resource(body.ResourceType), Pattern: acl.Pattern(body.ResourcePatternType), Name: body.ResourceName,
		Principal: body.Principal, Host: body.Host, Operation: acl.Operation(body.Operation), Permission: acl.Permission(body.PermissionType),
	}
	if f.Unknown() != "" {
		why := malformed
		resp.ErrorCode, resp.ErrorMessage = wire.InvalidRequest, &why
		return resp
	}
	var list []acl.Entry
	for _, e := range b.image.EachACL {
		if f.Matches(e) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b acl.Entry) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), strings.Compare(a.Name, b.Name), cmp.Compare(a.Pattern, b.Pattern))
	})
	for i, e := range list {
		if i == 0 || e.Resource != list[i-1].Resource || e.Name != list[i-1].Name || e.Pattern != list[i-1].Pattern {
			x := kmsg.NewDescribeACLsResponseResource()
			x.ResourceType, x.ResourcePatternType, x.ResourceName = kmsg.ACLResourceType(e.Resource), kmsg.ACLResourcePatternType(e.Pattern), e.Name
			resp.Resources = append(resp.Resources, x)
		}
		x := kmsg.NewDescribeACLsResponseResourceACL()
		x.Principal, x.Host, x.Operation, x.PermissionType = e.Principal, e.Host, kmsg.ACLOperation(e.Operation), kmsg.ACLPermissionType(e.Permission)
		last := &resp.Resources[len(resp.Resources)-1]
		last.ACLs = append(last.ACLs, x)
	}
	return resp
}

// forwardACLs passes on what is to become of entries. Without an authorizer there are none.
func (b *Broker) forwardACLs(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	if b.rules != nil {
		b.forward(now.Mono, c, req, req.Body, int32(controllerTimeout.Milliseconds()))
		return
	}
	resp := refused(req.Body, wire.SecurityDisabled)
	why := "No Authorizer is configured."
	switch resp := resp.(type) {
	case *kmsg.CreateACLsResponse:
		for i := range resp.Results {
			resp.Results[i].ErrorMessage = &why
		}
	case *kmsg.DeleteACLsResponse:
		for i := range resp.Results {
			resp.Results[i].ErrorMessage = &why
		}
	}
	b.answer(c, &req, resp, nil, out)
}
