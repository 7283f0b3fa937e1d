package log

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// describeClientQuotas answers a DescribeClientQuotas request (KIP-546) with what the
// broker has heard of.
func (b *Broker) describeClientQuotas(body *kmsg.DescribeClientQuotasRequest) *kmsg.DescribeClientQuotasResponse {
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	if code, why := checkQuotaFilter(body.Components); code != 0 {
		resp.ErrorCode, resp.ErrorMessage = code, &why // and a null in the place of entries
		return resp
	}
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	for q := range b.image.EachQuota {
		if matchesQuota(q.Entity, body) {
			resp.Entries = append(resp.Entries, describeQuota(q))
		}
	}
	return resp
}

// checkQuotaFilter says what is wrong with a filter (ClientQuotasImage.describe).
func checkQuotaFilter(filter []kmsg.DescribeClientQuotasRequestComponent) (code int16, why string) {
	seen := make(map[string]bool)
	for i := range filter {
		c := &filter[i]
		switch {
		case c.EntityType == "":
			return wire.InvalidRequest, "Invalid empty entity type."
		case seen[c.EntityType]:
			return wire.InvalidRequest, fmt.Sprintf("Entity type %s cannot appear more than once in the filter.", c.EntityType)
		case c.EntityType != controller.QuotaIP && c.EntityType != controller.QuotaUser && c.EntityType != controller.QuotaClientID:
			return wire.UnsupportedVersion, "Unsupported entity type " + c.EntityType
		}
		seen[c.EntityType] = true
		switch c.MatchType {
		case kmsg.QuotasMatchTypeExact:
			if c.Match == nil {
				return wire.InvalidRequest, "Request specified MATCH_TYPE_EXACT, but set match string to null."
			}
		case kmsg.QuotasMatchTypeDefault:
			if c.Match != nil {
				return wire.InvalidRequest, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."
			}
		case kmsg.QuotasMatchTypeAny:
			if c.Match != nil {
				return wire.InvalidRequest, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."
			}
		default:
			return wire.InvalidRequest, fmt.Sprintf("Unknown match type %d", c.MatchType)
		}
	}
	if seen[controller.QuotaIP] && len(seen) > 1 {
		return wire.InvalidRequest, "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component."
	}
	return 0, ""
}

// matchesQuota reports whether an entity has all parts that a filter names, and if it is
// strict no others.
func matchesQuota(e controller.QuotaEntity, filter *kmsg.DescribeClientQuotasRequest) bool {
	for i := range filter.Components {
		c := &filter.Components[i]
		part, ok := e.Part(c.EntityType)
		switch {
		case !ok:
			return false
		case c.MatchType == kmsg.QuotasMatchTypeExact && (part.Default || part.Name != *c.Match):
			return false
		case c.MatchType == kmsg.QuotasMatchTypeDefault && !part.Default:
			return false
		}
	}
	return !filter.Strict || len(e) == len(filter.Components)
}

func describeQuota(q *controller.QuotaInfo) kmsg.DescribeClientQuotasResponseEntry {
	x := kmsg.NewDescribeClientQuotasResponseEntry()
	for _, p := range q.Entity {
		y := kmsg.NewDescribeClientQuotasResponseEntryEntity()
		if y.Type = p.Type; !p.Default {
			y.Name = &p.Name
		}
		x.Entity = append(x.Entity, y)
	}
	for _, key := range slices.Sorted(maps.Keys(q.Values)) {
		y := kmsg.NewDescribeClientQuotasResponseEntryValue()
		y.Key, y.Value = key, q.Value(key)
		x.Values = append(x.Values, y)
	}
	return x
}
