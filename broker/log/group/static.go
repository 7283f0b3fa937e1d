package group

import (
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rename gives a static member another member id, in its place.
func (g *classic) rename(mem *member, id string) {
	delete(g.byID, mem.id)
	if g.leader == mem.id {
		g.leader = id
	}
	mem.id = id
	g.byID[id] = mem
}

// replaceStatic is a static member that has started again: it has forgotten its member id, and
// what it had is still its (KIP-345). Whoever goes on with the old id is fenced.
func (m *Machine) replaceStatic(g *group, mem *member, id string, from coordinator.Caller, req *kmsg.JoinGroupRequest, protocols []kmsg.JoinGroupRequestProtocol) {
	old := *mem
	leader := g.leader
	m.completeJoin(g, mem, func(r *kmsg.JoinGroupResponse) { r.ErrorCode, r.MemberID = wire.FencedInstanceID, old.id })
	if to := m.done(&mem.sync); to != 0 {
		r := kmsg.NewPtrSyncGroupResponse()
		r.Version, r.ErrorCode = mem.sync.version, wire.FencedInstanceID
		m.answerAtOnce(to, r)
	}
	g.rename(mem, id)
	m.updateMember(g, mem, from, req, protocols)
	m.heard(mem)
	switch g.state {
	case stable:
		if *g.selectProtocol() != *g.protocol {
			m.prepareRebalance(g)
			return
		}
		m.keepStatic(g, mem, &old, leader)
	case completing:
		// The leader may have been told of the old id, and would assign to nobody.
		m.prepareRebalance(g)
	case preparing:
		m.maybeEndJoin(g)
	}
}

// keepStatic takes a static member back without a rebalance. Until the new id is safe the old
// one counts, so the answer waits for the record.
func (m *Machine) keepStatic(g *group, mem, old *member, leader string) {
	g.joining--
	version := mem.join.version
	to := m.done(&mem.join)
	r := newJoinResponse(version)
	m.fillJoin(g, mem, r)
	if version >= 9 {
		r.SkipAssignment = mem.id == g.leader // the leader learns whom it leads (KIP-814)
	} else {
		r.LeaderID, r.Members = leader, []kmsg.JoinGroupResponseMember{}
	}
	m.answer(to, r)
	m.record(m.metadataRecord(g, assignments(g)))
	m.undo = func(int16) {
		g.support(mem, -1)
		mem.protocols, mem.rebalanceTimeout, mem.sessionTimeout = old.protocols, old.rebalanceTimeout, old.sessionTimeout
		g.support(mem, 1)
		g.rename(mem, old.id)
		m.heard(mem)
	}
}
