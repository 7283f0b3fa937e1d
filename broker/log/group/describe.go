package group

import (
	"strings"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeGroups is DescribeGroups.
func (m *Machine) describeGroups(from coordinator.Caller, req *kmsg.DescribeGroupsRequest) {
	r := kmsg.NewPtrDescribeGroupsResponse()
	r.Version, r.Groups = req.Version, make([]kmsg.DescribeGroupsResponseGroup, 0, len(req.Groups))
	for _, id := range req.Groups {
		r.Groups = append(r.Groups, m.describeGroup(id, req.Version))
	}
	m.answer(from.Token, r)
}

func (m *Machine) describeGroup(id string, version int16) kmsg.DescribeGroupsResponseGroup {
	r := kmsg.NewDescribeGroupsResponseGroup()
	r.Group, r.State, r.Members = id, "Dead", []kmsg.DescribeGroupsResponseGroupMember{}
	g := m.groups[id]
	if g == nil || g.consumer != nil {
		if version >= 6 { // KIP-1043
			text := "Group " + id + " not found."
			if g != nil || m.shares[id] != nil {
				text = "Group " + id + " is not a classic group."
			}
			r.ErrorCode, r.ErrorMessage = wire.GroupIDNotFound, &text
		}
		return r
	}
	r.State, r.ProtocolType = g.state.String(), g.protocolType
	if g.state == stable {
		r.Protocol = *g.protocol
	}
	for _, mem := range g.members {
		x := kmsg.NewDescribeGroupsResponseGroupMember()
		x.MemberID, x.InstanceID, x.ClientID, x.ClientHost = mem.id, mem.instance, mem.clientID, mem.host
		x.MemberAssignment, x.ProtocolMetadata = mem.assignment, []byte{}
		if g.state == stable {
			x.ProtocolMetadata = mem.metadata(g.protocol)
		}
		r.Members = append(r.Members, x)
	}
	return r
}

// listGroups is ListGroups, of this partition.
func (m *Machine) listGroups(from coordinator.Caller, req *kmsg.ListGroupsRequest) {
	r := kmsg.NewPtrListGroupsResponse()
	r.Version, r.Groups = req.Version, []kmsg.ListGroupsResponseGroup{}
	for _, g := range m.sorted() {
		x := kmsg.NewListGroupsResponseGroup()
		x.Group, x.ProtocolType, x.GroupState, x.GroupType = g.id, g.protocolType, g.state.String(), "classic" // as Kafka spells it here (Group.GroupType)
		if g.consumer != nil {
			x.ProtocolType, x.GroupState, x.GroupType = consumerProtocol, g.consumer.describe(), "consumer"
		}
		if oneOf(req.StatesFilter, x.GroupState) && oneOf(req.TypesFilter, x.GroupType) {
			r.Groups = append(r.Groups, x)
		}
	}
	for _, g := range m.shareGroups() {
		x := kmsg.NewListGroupsResponseGroup()
		x.Group, x.ProtocolType, x.GroupState, x.GroupType = g.id, "share", g.state(), "share"
		if oneOf(req.StatesFilter, x.GroupState) && oneOf(req.TypesFilter, x.GroupType) {
			r.Groups = append(r.Groups, x)
		}
	}
	m.answer(from.Token, r)
}

// oneOf is true of an empty filter.
func oneOf(filter []string, name string) bool {
	for _, f := range filter {
		if strings.EqualFold(strings.TrimSpace(f), name) {
			return true
		}
	}
	return len(filter) == 0
}

// deleteGroups is DeleteGroups.
func (m *Machine) deleteGroups(from coordinator.Caller, req *kmsg.DeleteGroupsRequest) {
	r := kmsg.NewPtrDeleteGroupsResponse()
	r.Version, r.Groups = req.Version, make([]kmsg.DeleteGroupsResponseGroup, 0, len(req.Groups))
	seen := map[string]bool{}
	for _, id := range req.Groups {
		if seen[id] {
			continue
		}
		seen[id] = true
		x := kmsg.NewDeleteGroupsResponseGroup()
		x.Group = id
		switch g, shared := m.groups[id], m.shares[id]; {
		case shared != nil && len(shared.members) > 0:
			x.ErrorCode = wire.NonEmptyGroup
		case shared != nil:
			m.shareTombstones(shared)
		case g == nil:
			x.ErrorCode = wire.GroupIDNotFound
		case g.state != empty || g.consumer != nil && len(g.consumer.members) > 0:
			x.ErrorCode = wire.NonEmptyGroup
		default:
			m.deleteGroup(g)
		}
		r.Groups = append(r.Groups, x)
	}
	m.answer(from.Token, r)
}

// deleteGroup has a group go with all its offsets, those of open transactions too.
func (m *Machine) deleteGroup(g *group) {
	all := map[partition]*committed{}
	// unordered: into a set
	for p, c := range g.offsets {
		all[p] = c
	}
	// unordered: into a set
	for _, offsets := range g.transactional {
		// unordered: into a set
		for p, c := range offsets {
			all[p] = c
		}
	}
	for _, p := range partitions(all) {
		m.record(coordinator.Record{Key: m.offsetKey(g.id, p)})
	}
	m.groupTombstones(g)
}

// groupTombstones end a group that is empty.
func (m *Machine) groupTombstones(g *group) {
	if g.consumer != nil {
		m.consumerTombstones(g)
		return
	}
	m.record(coordinator.Record{Key: metadataKey(g.id)})
}
