package group

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func newJoinResponse(version int16) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	r.Version, r.Members = version, []kmsg.JoinGroupResponseMember{}
	return r
}

func (m *Machine) refuseJoin(from coordinator.Caller, req *kmsg.JoinGroupRequest, memberID string, code int16) {
	r := newJoinResponse(req.Version)
	r.ErrorCode, r.MemberID = code, memberID
	m.say(from.Token, r, code)
}

// millis is a time that a client has asked for.
func millis(n int32) time.Duration { return time.Duration(max(n, 0)) * time.Millisecond }

// clone is for what lives longer than where it comes from.
func clone(s *string) *string {
	if s == nil {
		return nil
	}
	c := strings.Clone(*s)
	return &c
}

// joinGroup is JoinGroup.
func (m *Machine) joinGroup(from coordinator.Caller, req *kmsg.JoinGroupRequest) {
	session := millis(req.SessionTimeoutMillis)
	switch g := m.groups[req.Group]; {
	case req.Group == "":
		m.refuseJoin(from, req, req.MemberID, wire.InvalidGroupID)
		return
	case req.SessionTimeoutMillis < 0 || session < m.cfg.Broker.GroupMinSessionTimeout || session > m.cfg.Broker.GroupMaxSessionTimeout:
		m.refuseJoin(from, req, req.MemberID, wire.InvalidSessionTimeout)
		return
	case g == nil && req.MemberID != "":
		m.refuseJoin(from, req, req.MemberID, wire.UnknownMemberID)
		return
	}
	g := m.groups[req.Group]
	if g != nil && g.consumer != nil {
		if len(g.consumer.members) > 0 {
			m.joinConsumer(g, from, req)
			return
		}
		m.joinEmptyConsumer(g, from, req)
		return
	}
	m.joinClassic(g, from, req)
}

// joinClassic is JoinGroup to a classic group; nil: to one that does not exist.
func (m *Machine) joinClassic(g *group, from coordinator.Caller, req *kmsg.JoinGroupRequest) {
	protocols := distinct(req.Protocols)
	isNew := g == nil
	if isNew {
		g = m.create(req.Group)
	}
	switch {
	case !m.hasRoomFor(g, req.MemberID):
		if mem := g.byID[req.MemberID]; mem != nil {
			m.remove(g, mem)
		}
		m.forgetPending(g, req.MemberID)
		m.refuseJoin(from, req, "", wire.GroupMaxSizeReached)
	case !g.accepts(req.ProtocolType, protocols):
		m.refuseJoin(from, req, req.MemberID, wire.InconsistentGroupProtocol)
	case req.MemberID == "":
		m.joinNew(g, from, req, protocols)
	default:
		m.joinKnown(g, from, req, protocols)
	}
	if !isNew {
		return
	}
	// A group that is in no record would not be there after a fail-over, and the member ids
	// that were given out would be unknown. One whose first member was refused is a group
	// too, an empty one (GroupMetadataManager.classicGroupJoinToClassicGroup), until it expires.
	m.record(m.metadataRecord(g, nil))
	for i := range m.out.Answers {
		m.out.Answers[i].AtOnce = false
	}
	m.undo = func(code int16) { m.discard(g, code) }
}

func (m *Machine) create(id string) *group {
	g := &group{
		id: id, classic: newClassic(), born: m.end,
		offsets: map[partition]*committed{}, transactional: map[int64]map[partition]*committed{},
	}
	m.timersOf(g)
	m.groups[id] = g
	return g
}

func (m *Machine) timersOf(g *group) {
	g.classic.join.fire = func() { m.joinPhaseOver(g) }
	g.classic.sync.fire = func() { m.syncPhaseOver(g) }
}

// discard ends a group that has not come into being.
func (m *Machine) discard(g *group, code int16) {
	for len(g.members) > 0 {
		mem := g.members[0]
		m.completeJoin(g, mem, func(r *kmsg.JoinGroupResponse) { r.ErrorCode = code })
		m.remove(g, mem)
	}
	m.drop(g)
}

// hasRoomFor is group.max.size. While a group rebalances, those count who have joined: who
// comes last is put out, if the size was made smaller.
func (m *Machine) hasRoomFor(g *group, memberID string) bool {
	most := int(m.cfg.Broker.GroupMaxSize)
	mem := g.byID[memberID]
	switch g.state {
	case empty:
		return true
	case preparing:
		return mem != nil && mem.join.waits || g.joining < most
	}
	return mem != nil || len(g.members) < most
}

// joinNew is somebody who has no member id.
func (m *Machine) joinNew(g *group, from coordinator.Caller, req *kmsg.JoinGroupRequest, protocols []kmsg.JoinGroupRequestProtocol) {
	id := m.memberID(g, from, req.InstanceID)
	switch {
	case req.InstanceID != nil && g.byInstance[*req.InstanceID] != nil:
		m.replaceStatic(g, g.byInstance[*req.InstanceID], id, from, req, protocols)
	case req.InstanceID == nil && req.Version >= 4:
		// Whoever gets no answer comes again without an id, and would be a member twice
		// (KIP-394).
		t := &timer{}
		t.fire = func() {
			delete(g.pending, id)
			if g.state == preparing && g.allJoined() {
				m.endJoin(g)
			}
		}
		g.pending[id] = t
		m.timers.set(t, m.now.Mono.Add(millis(req.SessionTimeoutMillis)))
		m.refuseJoin(from, req, id, wire.MemberIDRequired)
	default:
		m.addMember(g, id, from, req, protocols)
	}
}

// joinKnown is somebody with a member id.
func (m *Machine) joinKnown(g *group, from coordinator.Caller, req *kmsg.JoinGroupRequest, protocols []kmsg.JoinGroupRequestProtocol) {
	if g.pending[req.MemberID] != nil && req.InstanceID == nil {
		m.addMember(g, req.MemberID, from, req, protocols)
		return
	}
	mem, code := m.validate(g, req.MemberID, req.InstanceID)
	if code != wire.None {
		m.refuseJoin(from, req, req.MemberID, code)
		return
	}
	switch {
	case g.state == empty:
		m.refuseJoin(from, req, req.MemberID, wire.UnknownMemberID)
	case g.state == completing && mem.matches(protocols), g.state == stable && mem.id != g.leader && mem.matches(protocols):
		// The answer was lost, or a follower wants to know: the generation is as it was.
		r := newJoinResponse(req.Version)
		m.fillJoin(g, mem, r)
		m.answer(from.Token, r)
	default:
		// A leader that joins again wants a rebalance: the topics may have changed.
		m.updateMember(g, mem, from, req, protocols)
		m.rebalanceOrEndJoin(g)
	}
}

// fillJoin makes the answer to a member of the present generation. The leader learns what
// everybody has said.
func (m *Machine) fillJoin(g *group, mem *member, r *kmsg.JoinGroupResponse) {
	r.Generation, r.ProtocolType, r.Protocol = g.generation, clone(&g.protocolType), g.protocol
	r.LeaderID, r.MemberID = g.leader, mem.id
	if mem.id == g.leader {
		r.Members = g.describeToLeader()
	}
}

func (g *classic) describeToLeader() []kmsg.JoinGroupResponseMember {
	all := make([]kmsg.JoinGroupResponseMember, 0, len(g.members))
	for _, mem := range g.members {
		x := kmsg.NewJoinGroupResponseMember()
		x.MemberID, x.InstanceID, x.ProtocolMetadata = mem.id, mem.instance, mem.metadata(g.protocol)
		all = append(all, x)
	}
	return all
}

// addMember makes somebody a member.
func (m *Machine) addMember(g *group, id string, from coordinator.Caller, req *kmsg.JoinGroupRequest, protocols []kmsg.JoinGroupRequestProtocol) {
	m.forgetPending(g, id)
	mem := &member{id: id, instance: clone(req.InstanceID), clientID: from.ClientID, host: from.Host, isNew: true}
	mem.session.fire = func() { m.sessionOver(g, mem) }
	mem.said(req, protocols)
	if len(g.members) == 0 {
		g.protocolType = req.ProtocolType
	}
	g.add(mem)
	g.joining++
	m.wait(&mem.join, from, req.Version)
	if g.state == preparing && g.previous == empty {
		g.newMember = true
	}
	m.session(mem, newMemberJoinTimeout)
	m.rebalanceOrEndJoin(g)
}

// said is what a member has said of itself.
func (mem *member) said(req *kmsg.JoinGroupRequest, protocols []kmsg.JoinGroupRequestProtocol) {
	mem.protocols = protocols
	mem.sessionTimeout = millis(req.SessionTimeoutMillis)
	mem.rebalanceTimeout = millis(req.RebalanceTimeoutMillis)
	if req.Version == 0 {
		mem.rebalanceTimeout = mem.sessionTimeout
	}
}

// updateMember has a member join again.
func (m *Machine) updateMember(g *group, mem *member, from coordinator.Caller, req *kmsg.JoinGroupRequest, protocols []kmsg.JoinGroupRequestProtocol) {
	g.support(mem, -1)
	mem.said(req, protocols)
	g.support(mem, 1)
	// Only one request of a member can be the one that it waits for. Kafka leaves the other
	// without an answer.
	m.completeJoin(g, mem, func(r *kmsg.JoinGroupResponse) { r.ErrorCode, r.MemberID = wire.RebalanceInProgress, mem.id })
	g.joining++
	m.wait(&mem.join, from, req.Version)
}

// rebalanceOrEndJoin begins a rebalance, or ends one for which nobody is missing any more.
func (m *Machine) rebalanceOrEndJoin(g *group) {
	if g.state != preparing {
		m.prepareRebalance(g)
	} else {
		m.maybeEndJoin(g)
	}
}

func (m *Machine) maybeEndJoin(g *group) {
	if g.state == preparing && g.previous != empty && g.allJoined() {
		m.endJoin(g)
	}
}

// prepareRebalance has everybody join again.
func (m *Machine) prepareRebalance(g *group) {
	if g.state == completing {
		m.endSync(g, wire.RebalanceInProgress)
	}
	m.forgetSync(g)
	initial := g.state == empty
	m.enter(g, preparing)
	if initial {
		// Those who start together come one after the other, and each would be a rebalance
		// (KIP-134).
		g.newMember = false
		g.delay = m.cfg.Broker.GroupInitialRebalanceDelay
		g.remaining = max(g.rebalanceTimeout()-g.delay, 0)
		m.timers.set(&g.classic.join, m.now.Mono.Add(g.delay))
		return
	}
	if g.allJoined() || g.joining > 0 && m.cfg.Failpoints.OnAbout(failpoint.G16NoBarrier, g.id, uint64(g.generation), 0) {
		m.endJoin(g)
		return
	}
	m.timers.set(&g.classic.join, m.now.Mono.Add(g.rebalanceTimeout()))
}

// joinPhaseOver is the time that members had to join.
func (m *Machine) joinPhaseOver(g *group) {
	if g.previous == empty && g.newMember && g.remaining > 0 {
		g.newMember = false
		before := g.delay
		g.delay = min(m.cfg.Broker.GroupInitialRebalanceDelay, g.remaining)
		g.remaining = max(g.remaining-before, 0)
		m.timers.set(&g.classic.join, m.now.Mono.Add(g.delay))
		return
	}
	m.endJoin(g)
}

// leastRetry bounds how often a rebalance is looked at that nobody has joined: a client
// may have asked for no time at all.
const leastRetry = time.Second

// endJoin begins a generation with those who have joined. Static members stay although they
// have not (KIP-345).
func (m *Machine) endJoin(g *group) {
	m.timers.stop(&g.classic.join)
	for _, mem := range slices.Clone(g.members) {
		if !mem.join.waits && mem.instance == nil {
			m.remove(g, mem)
		}
	}
	if len(g.members) > 0 && !g.electLeader() {
		m.timers.set(&g.classic.join, m.now.Mono.Add(max(g.rebalanceTimeout(), leastRetry)))
		return
	}
	g.generation++
	if len(g.members) == 0 {
		g.protocol = nil
		m.enter(g, empty)
		g.subscription()
		m.record(m.metadataRecord(g, nil))
		return
	}
	g.protocol = g.selectProtocol()
	g.subscription()
	m.enter(g, completing)
	for _, mem := range g.members {
		m.completeJoin(g, mem, func(r *kmsg.JoinGroupResponse) { m.fillJoin(g, mem, r) })
		m.heard(mem)
		mem.isNew = false
		if !mem.unsynced {
			mem.unsynced = true
			g.unsynced++
		}
	}
	m.timers.set(&g.classic.sync, m.now.Mono.Add(g.rebalanceTimeout()))
}

// electLeader has one lead who has joined. It is false if nobody has.
func (g *classic) electLeader() bool {
	if leader := g.byID[g.leader]; leader != nil && leader.join.waits {
		return true
	}
	for _, mem := range g.members {
		if mem.join.waits {
			g.leader = mem.id
			return true
		}
	}
	return false
}

// distinct are the protocols without those whose name was there before. They are copies: a
// request is not kept.
func distinct(protocols []kmsg.JoinGroupRequestProtocol) []kmsg.JoinGroupRequestProtocol {
	out := make([]kmsg.JoinGroupRequestProtocol, 0, len(protocols))
	seen := make(map[string]bool, len(protocols))
	for i := range protocols {
		if p := &protocols[i]; !seen[p.Name] {
			seen[p.Name] = true
			out = append(out, kmsg.JoinGroupRequestProtocol{Name: p.Name, Metadata: bytes.Clone(p.Metadata)})
		}
	}
	return out
}

// joinEmptyConsumer is JoinGroup to a consumer group that nobody is in: it becomes a classic
// group.
func (m *Machine) joinEmptyConsumer(g *group, from coordinator.Caller, req *kmsg.JoinGroupRequest) {
	if req.MemberID != "" {
		m.refuseJoin(from, req, req.MemberID, wire.UnknownMemberID)
		return
	}
	// What the tombstones do must have been done before there is anybody to join.
	m.consumerTombstones(g)
	kept := *req
	kept.Protocols = distinct(req.Protocols)
	kept.InstanceID = clone(req.InstanceID)
	w, again := &waiter{}, &timer{}
	m.wait(w, from, req.Version)
	again.fire = func() {
		from.Token = m.done(w)
		m.joinGroup(from, &kept)
	}
	m.timers.set(again, m.now.Mono)
	m.undo = func(code int16) {
		m.timers.stop(again)
		from.Token = m.done(w)
		m.refuseJoin(from, &kept, "", code)
	}
}
