package group

import (
	"slices"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (m *Machine) refuseSync(from coordinator.Caller, req *kmsg.SyncGroupRequest, code int16) {
	r := kmsg.NewPtrSyncGroupResponse()
	r.Version, r.ErrorCode = req.Version, code
	m.say(from.Token, r, code)
}

// syncGroup is SyncGroup.
func (m *Machine) syncGroup(from coordinator.Caller, req *kmsg.SyncGroupRequest) {
	g := m.groups[req.Group]
	switch {
	case req.Group == "":
		m.refuseSync(from, req, wire.InvalidGroupID)
		return
	case g != nil && g.consumer != nil:
		m.syncConsumer(g, from, req)
		return
	case g == nil || g.state == empty:
		m.refuseSync(from, req, wire.UnknownMemberID)
		return
	}
	mem, code := m.validate(g, req.MemberID, req.InstanceID)
	switch {
	case code != wire.None:
	case req.Generation != g.generation:
		code = wire.IllegalGeneration
	case differs(req.ProtocolType, &g.protocolType) || differs(req.Protocol, g.protocol):
		code = wire.InconsistentGroupProtocol
	case g.state == preparing:
		code = wire.RebalanceInProgress
	}
	if code != wire.None {
		m.refuseSync(from, req, code)
		return
	}
	g.synced(mem)
	if g.unsynced == 0 {
		m.timers.stop(&g.classic.sync)
	}
	if g.state == stable {
		m.answer(from.Token, g.syncResponse(mem, req.Version, mem.assignment))
		return
	}
	if to := m.done(&mem.sync); to != 0 { // of the same member, by another connection
		r := kmsg.NewPtrSyncGroupResponse()
		r.Version, r.ErrorCode = mem.sync.version, wire.RebalanceInProgress
		m.answerAtOnce(to, r)
	}
	m.wait(&mem.sync, from, req.Version)
	if mem.id == g.leader {
		m.assign(g, req)
	}
}

// differs is false if one does not say.
func differs(a, b *string) bool { return a != nil && b != nil && *a != *b }

func (g *classic) syncResponse(mem *member, version int16, assignment []byte) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	r.Version, r.MemberAssignment = version, assignment
	r.ProtocolType, r.Protocol = clone(&g.protocolType), g.protocol
	return r
}

// assign puts the leader's assignment into the log. All who wait for it are answered when it
// is safe there; those who come later, as soon as the group is stable, which replay makes it.
func (m *Machine) assign(g *group, req *kmsg.SyncGroupRequest) {
	shares := make(map[string][]byte, len(req.GroupAssignment))
	for i := range req.GroupAssignment {
		shares[req.GroupAssignment[i].MemberID] = req.GroupAssignment[i].MemberAssignment
	}
	m.record(m.metadataRecord(g, func(mem *member) []byte { return shares[mem.id] }))
	for _, mem := range g.members {
		if !mem.sync.waits {
			continue
		}
		version := mem.sync.version
		m.answer(m.done(&mem.sync), g.syncResponse(mem, version, append([]byte{}, shares[mem.id]...)))
		m.heard(mem)
	}
	m.undo = func(int16) { m.rebalanceOrEndJoin(g) }
}

// endSync answers all who wait for an assignment that there will be none.
func (m *Machine) endSync(g *group, code int16) {
	for _, mem := range g.members {
		mem.assignment = nil
		if !mem.sync.waits {
			continue
		}
		version := mem.sync.version
		if to := m.done(&mem.sync); to != 0 {
			r := kmsg.NewPtrSyncGroupResponse()
			r.Version, r.ErrorCode = version, code
			m.answerAtOnce(to, r)
		}
		m.heard(mem)
	}
}

func (m *Machine) forgetSync(g *group) {
	for _, mem := range g.members {
		mem.unsynced = false
	}
	g.unsynced = 0
	m.timers.stop(&g.classic.sync)
}

// syncPhaseOver puts out those who have not asked for their assignment in time.
func (m *Machine) syncPhaseOver(g *group) {
	if g.state != completing && g.state != stable {
		return
	}
	var late []*member
	for _, mem := range g.members {
		if mem.unsynced {
			late = append(late, mem)
		}
	}
	if len(late) == 0 {
		return
	}
	for _, mem := range late {
		m.remove(g, mem)
	}
	m.prepareRebalance(g)
}

// heartbeat is Heartbeat.
func (m *Machine) heartbeat(from coordinator.Caller, req *kmsg.HeartbeatRequest) {
	r := kmsg.NewPtrHeartbeatResponse()
	r.Version = req.Version
	g := m.groups[req.Group]
	switch {
	case req.Group == "":
		r.ErrorCode = wire.InvalidGroupID
	case g == nil:
		r.ErrorCode = wire.UnknownMemberID
	default:
		r.ErrorCode = m.beat(g, req)
	}
	m.say(from.Token, r, r.ErrorCode)
}

func (m *Machine) beat(g *group, req *kmsg.HeartbeatRequest) int16 {
	if g.consumer != nil {
		return m.beatConsumer(g, req)
	}
	mem, code := m.validate(g, req.MemberID, req.InstanceID)
	switch {
	case code != wire.None:
		return code
	case req.Generation != g.generation:
		return wire.IllegalGeneration
	}
	m.heard(mem)
	if g.state == preparing {
		return wire.RebalanceInProgress
	}
	return wire.None
}

// leaveGroup is LeaveGroup.
func (m *Machine) leaveGroup(from coordinator.Caller, req *kmsg.LeaveGroupRequest) {
	r := kmsg.NewPtrLeaveGroupResponse()
	r.Version, r.Members = req.Version, []kmsg.LeaveGroupResponseMember{}
	if req.Group == "" {
		r.ErrorCode = wire.InvalidGroupID
		m.answer(from.Token, r)
		return
	}
	leaving := req.Members
	if req.Version < 3 {
		leaving = []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	g := m.groups[req.Group]
	left := false
	var gone []*consumerMember
	for i := range leaving {
		x := kmsg.NewLeaveGroupResponseMember()
		x.MemberID, x.InstanceID = leaving[i].MemberID, leaving[i].InstanceID
		if g != nil && g.consumer != nil {
			var mem *consumerMember
			mem, x.ErrorCode = g.consumer.leaving(x.MemberID, x.InstanceID)
			if mem != nil && slices.Contains(gone, mem) {
				x.ErrorCode = wire.UnknownMemberID // it has left already
			} else if mem != nil {
				gone = append(gone, mem)
			}
			r.Members = append(r.Members, x)
			continue
		}
		x.ErrorCode = m.leave(g, x.MemberID, x.InstanceID)
		left = left || x.ErrorCode == wire.None
		r.Members = append(r.Members, x)
	}
	if req.Version < 3 {
		r.ErrorCode = r.Members[0].ErrorCode
	}
	if len(gone) > 0 {
		m.fence(g, gone...)
	}
	if left {
		switch g.state {
		case stable, completing:
			m.prepareRebalance(g)
		case preparing:
			m.maybeEndJoin(g)
		}
	}
	m.answer(from.Token, r)
}

func (m *Machine) leave(g *group, id string, instance *string) int16 {
	switch {
	case g == nil:
		return wire.UnknownMemberID
	case id == "":
		// An operator removes a static member by its instance alone.
		if instance == nil || g.byInstance[*instance] == nil {
			return wire.UnknownMemberID
		}
		m.removeMember(g, g.byInstance[*instance])
		return wire.None
	case g.pending[id] != nil:
		m.forgetPending(g, id)
		return wire.None
	}
	mem, code := m.validate(g, id, instance)
	if code == wire.None {
		m.removeMember(g, mem)
	}
	return code
}
