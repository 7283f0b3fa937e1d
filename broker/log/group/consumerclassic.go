package group

import (
	"slices"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Here are members of a consumer group that use the classic protocol, while a group is being
// upgraded or downgraded (KIP-848). Their generation is their member epoch.

// joinConsumer is JoinGroup to a consumer group with members.
func (m *Machine) joinConsumer(g *group, from coordinator.Caller, req *kmsg.JoinGroupRequest) {
	c := g.consumer
	id := req.MemberID
	refuse := func(code int16) { m.refuseJoin(from, req, req.MemberID, code) }
	protocols := distinct(req.Protocols)
	var said kmsg.ConsumerMemberMetadata
	readable := false
	if len(protocols) > 0 {
		said, readable = parseSubscription(protocols[0].Metadata)
	}
	switch {
	case len(c.members) >= int(m.cfg.Broker.GroupConsumerMaxSize) && c.members[id] == nil:
		refuse(wire.GroupMaxSizeReached)
		return
	case req.ProtocolType != consumerProtocol || !c.knowsOneOf(protocols):
		refuse(wire.InconsistentGroupProtocol)
		return
	case !readable:
		refuse(wire.UnknownServerError)
		return
	}
	if id == "" {
		id = m.memberID(g, from, req.InstanceID)
		if req.InstanceID == nil && req.Version >= 4 {
			// Nothing is remembered: whoever comes with an id is let in.
			m.refuseJoin(from, req, id, wire.MemberIDRequired)
			return
		}
	}
	mem, replaced := c.members[id], ""
	if req.InstanceID != nil {
		switch there := c.members[c.byInstance[*req.InstanceID]]; {
		case req.MemberID == "" && there != nil:
			mem, replaced = m.takePlace(g, c, there, id), there.id
		case req.MemberID == "":
		case there == nil:
			refuse(wire.UnknownMemberID)
			return
		case there.id != id:
			refuse(wire.FencedInstanceID)
			return
		default:
			mem = there
		}
	}
	if mem == nil {
		mem = &consumerMember{id: id}
	}
	next := *mem
	if req.InstanceID != nil {
		next.instance = clone(req.InstanceID)
	}
	if said.Rack != nil {
		next.rack = said.Rack
	}
	next.clientID, next.host, next.assignor = from.ClientID, from.Host, nil
	next.rebalanceTimeout, next.names = req.RebalanceTimeoutMillis, said.Topics
	if req.Version == 0 {
		next.rebalanceTimeout = req.SessionTimeoutMillis
	}
	slices.Sort(next.names)
	next.names = slices.Compact(next.names)
	next.classic = &classicMember{sessionTimeout: req.SessionTimeoutMillis}
	for i := range protocols {
		next.classic.protocols = append(next.classic.protocols, classicProtocol{protocols[i].Name, protocols[i].Metadata})
	}
	ch := m.change(g, c, mem, &next, replaced)
	after := m.advance(g, ch, m.ownedBy(said.OwnedPartitions))
	if replaced != "" && m.mayDowngrade(c, replaced, len(c.members)) {
		m.downgrade(g, replaced, after)
	} else {
		k := m.clock(g.id, id)
		m.timers.stop(&k.join)
		m.timers.set(&k.session, m.now.Mono.Add(millis(req.SessionTimeoutMillis)))
		m.timers.set(&k.sync, m.now.Mono.Add(next.timeout()))
	}
	r := newJoinResponse(req.Version)
	protocolType := consumerProtocol
	r.MemberID, r.Generation, r.ProtocolType, r.Protocol = after.id, after.epoch, &protocolType, &next.classic.protocols[0].name
	m.answer(from.Token, r)
}

// knowsOneOf says whether there is a protocol that all classic members know.
func (c *consumer) knowsOneOf(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return c.protocols[p.Name] == c.classics })
}

// ownedBy is what a classic member says it has. It always says.
func (m *Machine) ownedBy(topics []kmsg.ConsumerMemberMetadataOwnedPartition) owned {
	o := owned{}
	for _, t := range topics {
		if topic, ok := m.topic(t.Topic); ok {
			o = append(o, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: topic.ID, Partitions: t.Partitions})
		}
	}
	return o
}

// classicMember finds a member of the classic protocol in a consumer group.
func (c *consumer) classicMember(id string, instance *string) (*consumerMember, int16) {
	mem := c.members[id]
	if instance != nil {
		there := c.members[c.byInstance[*instance]]
		switch {
		case there == nil:
			return nil, wire.UnknownMemberID
		case there.id != id:
			return nil, wire.FencedInstanceID
		}
		mem = there
	}
	if mem == nil || mem.classic == nil {
		return nil, wire.UnknownMemberID
	}
	return mem, wire.None
}

// syncConsumer is SyncGroup to a consumer group: the coordinator has the assignment already.
func (m *Machine) syncConsumer(g *group, from coordinator.Caller, req *kmsg.SyncGroupRequest) {
	c := g.consumer
	mem, code := c.classicMember(req.MemberID, req.InstanceID)
	switch {
	case code != wire.None:
	case mem.epoch != req.Generation:
		code = wire.IllegalGeneration
	case req.ProtocolType != nil && *req.ProtocolType != consumerProtocol || req.Protocol != nil && *req.Protocol != mem.classic.protocols[0].name:
		code = wire.InconsistentGroupProtocol
	case c.epoch > mem.epoch && mem.state != unrevoked:
		m.mustJoin(g, mem)
		code = wire.RebalanceInProgress
	}
	if code != wire.None {
		m.refuseSync(from, req, code)
		return
	}
	k := m.clock(g.id, mem.id)
	m.timers.stop(&k.sync)
	m.timers.set(&k.session, m.now.Mono.Add(m.sessionOf(g.id, mem)))
	r := kmsg.NewPtrSyncGroupResponse()
	r.Version, r.ProtocolType, r.Protocol = req.Version, clone(req.ProtocolType), clone(req.Protocol)
	r.MemberAssignment = m.assignment(mem.assigned, mem.classic.protocols[0].metadata)
	m.answer(from.Token, r)
}

// mustJoin gives a member its rebalance timeout to join again, from when it was told first.
func (m *Machine) mustJoin(g *group, mem *consumerMember) {
	if k := m.clock(g.id, mem.id); k.join.place == 0 {
		m.timers.set(&k.join, m.now.Mono.Add(mem.timeout()))
	}
}

// beatConsumer is Heartbeat to a consumer group: it tells a member to join again when the
// group has gone on, when it is to give back partitions, and when those that it waits for are
// free.
func (m *Machine) beatConsumer(g *group, req *kmsg.HeartbeatRequest) int16 {
	c := g.consumer
	mem, code := c.classicMember(req.MemberID, req.InstanceID)
	switch {
	case code != wire.None:
		return code
	case mem.epoch != req.Generation:
		return wire.IllegalGeneration
	}
	m.timers.set(&m.clock(g.id, mem.id).session, m.now.Mono.Add(m.sessionOf(g.id, mem)))
	if mem.epoch < c.epoch || mem.state == unrevoked || mem.state == unreleased && !c.waits(mem) {
		m.mustJoin(g, mem)
		return wire.RebalanceInProgress
	}
	return wire.None
}

// leaveConsumer is LeaveGroup to a consumer group. It returns those that leave.
func (c *consumer) leaving(id string, instance *string) (*consumerMember, int16) {
	if id == "" && instance != nil {
		mem := c.members[c.byInstance[*instance]]
		if mem == nil || mem.classic == nil {
			return nil, wire.UnknownMemberID
		}
		return mem, wire.None
	}
	return c.classicMember(id, instance)
}
