package client

import (
	"maps"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// memberState is how far a member of a classic group has come (AbstractCoordinator).
type memberState uint8

const (
	unjoined   memberState = iota
	preparing              // a JoinGroup has left, or will
	completing             // a SyncGroup has
	stable
)

// classicStage is what a member does inside poll about a rebalance.
type classicStage uint8

const (
	stageNone     classicStage = iota
	stageCommits               // the auto-commit before it
	stageGivesUp               // the listener was told what is revoked, or lost, before it
	stageRevokes               // the listener was told what is revoked after it, of a cooperative one
	stageAssigned              // the listener was told what is assigned
)

// classic is a member of a classic group: it joins, the leader of the members divides, and
// everybody is told in the answer to SyncGroup. Heartbeats go on beside that.
type classic struct {
	g         *GroupConsumer
	assignors []*assignor
	// cooperative is Kafka's RebalanceProtocol: the most that all assignors can.
	cooperative bool

	state        memberState
	stage        classicStage
	protocol     *assignor // of the generation
	rejoin       bool      // it has to join again
	needsPrepare bool
	joining      bool // from the JoinGroup until the SyncGroup is answered, or one fails
	joinAt       machine.Instant
	prepare      *Commit

	leads     bool
	members   []kmsg.JoinGroupResponseMember // of the leader that has not assigned yet
	elected   uint64                         // the version of the metadata when it was elected
	skip      bool                           // KIP-814
	syncs     bool                           // a SyncGroup is to be sent
	given     []GroupShare
	snapshot  partitionCounts // what the leader has divided
	topics    []string        // of the whole group
	answer    []byte          // of the SyncGroup, until it is acted on
	answered_ bool
	assigned  []wire.TP // that are to be had when the listener has returned
	previous  []wire.TP // of the last rebalance, for sticky user data
	previousG int32

	heartbeatAt machine.Instant
	sessionBy   machine.Instant
	beatFails   uint32
	left        *GroupOp
}

// joinGroupLapse is how much longer than the rebalance a JoinGroup may take.
const joinGroupLapse = 5 * 1e9

func newClassic(g *GroupConsumer) *classic {
	m := &classic{g: g, assignors: assignorsOf(g.set.Assignors()), cooperative: true, rejoin: true, needsPrepare: true, previousG: -1}
	for _, a := range m.assignors {
		m.cooperative = m.cooperative && a.cooperative
	}
	m.cooperative = m.cooperative && len(m.assignors) > 0
	return m
}

// background is Kafka's heartbeat thread.
func (m *classic) background(now machine.Instant, out *machine.Effects) {
	g := m.g
	if m.syncs || m.members != nil {
		m.sync(now, out)
	}
	if m.state != completing && m.state != stable || g.closing != closeNot {
		return
	}
	switch {
	case !g.co.known:
		g.co.find(now, out)
	case now >= m.sessionBy:
		g.co.hangUp() // no answer for a whole session: it may be another's by now
		g.co.find(now, out)
	case now >= g.pollBy && (!g.polling || g.calling):
		g.fail.Hit(failpoint.PollIntervalExceeded)
		m.leaveNow(now, out)
		m.reset(true)
	case now >= m.heartbeatAt:
		if l := g.co.ready(now, out); l != nil {
			m.heartbeat(now, l, out)
		}
	}
}

func (m *classic) heartbeat(now machine.Instant, l *link, out *machine.Effects) {
	g := m.g
	m.heartbeatAt = now.Add(g.set.HeartbeatInterval)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = g.set.GroupID, g.member, g.generation, g.instancePtr()
	g.net.send(now, &call{what: callHeartbeat, request: req, group: g.began(&GroupOp{Kind: GroupHeartbeat, Gen: g.generation, Member: g.member})}, l, nil, true, out)
}

// foreground goes on with a rebalance.
func (m *classic) foreground(now machine.Instant, out *machine.Effects) bool {
	g := m.g
	for {
		switch m.stage {
		case stageNone:
			switch {
			case m.answered_:
				m.answered_ = false
				m.complete(now)
				continue
			case m.joining:
				return false
			case !m.rejoinNeeded():
				return true
			case now < m.joinAt:
				g.wait(m.joinAt)
				return false
			case g.co.ready(now, out) == nil:
				return false
			case m.needsPrepare:
				m.needsPrepare = false
				m.stage, m.prepare = stageCommits, nil
				continue
			}
			m.join(now, out)
			return false
		case stageCommits:
			if !m.commits(now) {
				return false
			}
			m.giveUp(now)
		case stageGivesUp:
			if g.calling {
				return false
			}
			g.take(m.assigned)
			m.stage, m.leads, m.snapshot = stageNone, false, nil
		case stageRevokes:
			if g.calling {
				return false
			}
			m.assign(now)
		case stageAssigned:
			if g.calling {
				return false
			}
			m.stage = stageNone
		}
	}
}

// commits is the auto-commit before a rebalance; it reports whether nothing more is to be
// waited for. What can be tried again is, for no longer than max.poll.interval.ms.
func (m *classic) commits(now machine.Instant) bool {
	g := m.g
	switch {
	case !g.set.EnableAutoCommit:
		return true
	case m.prepare == nil:
		m.prepare = g.commit(now, g.consumed(), commitPrepare, now.Add(g.set.MaxPollInterval))
	}
	return m.prepare.over
}

// giveUp tells the listener what the member gives up before it joins: of an eager one all;
// and all is lost to who is not a member any more (ConsumerCoordinator.onJoinPrepare).
func (m *classic) giveUp(now machine.Instant) {
	g := m.g
	owned := g.Owned()
	m.stage, m.prepare = stageGivesUp, nil
	switch {
	case g.generation < 0 || g.member == "":
		m.assigned = nil
		if len(owned) > 0 {
			g.tell(now, GroupLost, owned)
		}
	case m.cooperative:
		m.assigned = owned // topics never leave a subscription here
	default:
		m.assigned = nil
		if len(owned) > 0 {
			g.tell(now, GroupRevoked, owned)
		}
	}
}

// rejoinNeeded reports whether the member has to join again; a leader has to when what it
// has divided is not what there is.
func (m *classic) rejoinNeeded() bool {
	if m.snapshot != nil && !m.rejoin && !maps.Equal(m.snapshot, m.counts(m.topics)) {
		m.rejoin = true
	}
	return m.rejoin
}

// counts is how many partitions topics have, as far as is known.
func (m *classic) counts(topics []string) partitionCounts {
	parts := partitionCounts{}
	for _, name := range topics {
		if t := m.g.net.meta.topic(name); t != nil {
			parts[name] = int32(len(t.parts))
		}
	}
	return parts
}

func (m *classic) join(now machine.Instant, out *machine.Effects) {
	g := m.g
	l := g.co.up()
	if l == nil {
		return
	}
	m.state, m.joining = preparing, true
	me := subscriber{id: g.member, topics: g.topics, owned: g.Owned(), generation: g.generation}
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = g.set.GroupID, g.member, g.instancePtr(), protocolType
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = millis(g.set.SessionTimeout), millis(g.set.MaxPollInterval)
	for _, a := range m.assignors {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name, p.Metadata = a.name, encodeSubscription(a, &me, m.previous, m.previousG)
		req.Protocols = append(req.Protocols, p)
	}
	op := g.began(&GroupOp{Kind: GroupJoin, Gen: g.generation, Member: g.member})
	within := max(g.set.RequestTimeout, g.set.MaxPollInterval+joinGroupLapse)
	g.net.sendWithin(now, within, &call{what: callJoinGroup, request: req, group: op}, l, nil, true, out)
}

// joined takes the answer to a JoinGroup, or its loss.
func (m *classic) joined(now machine.Instant, o *outcome) {
	g, op := m.g, o.call.group
	resp, is := o.body.(*kmsg.JoinGroupResponse)
	op.Lost = !is
	if !is {
		g.finished(op)
		g.co.lost()
		m.failed(now, wire.NetworkException)
		return
	}
	op.Code = resp.ErrorCode
	if op.Code == wire.None {
		op.Gen, op.Member, op.Leads = resp.Generation, resp.MemberID, resp.LeaderID == resp.MemberID
	}
	if op.Code == wire.MemberIDRequired {
		op.Member = resp.MemberID
	}
	g.finished(op)
	switch op.Code {
	case wire.None:
		if m.state != preparing {
			m.failed(now, wire.UnknownMemberID) // it has left meanwhile
			return
		}
		m.protocol = nil
		for _, a := range m.assignors {
			if resp.Protocol != nil && a.name == *resp.Protocol {
				m.protocol = a
			}
		}
		if m.protocol == nil {
			g.fatal = wire.InconsistentGroupProtocol
			return
		}
		if g.set.GroupInstanceID != "" && op.memberA == "" && m.g.lifeOf() > 0 {
			g.fail.Hit(failpoint.StaticRejoin)
		}
		m.state, g.generation, g.member = completing, resp.Generation, resp.MemberID
		m.heartbeatAt, m.sessionBy = now.Add(g.set.HeartbeatInterval), now.Add(g.set.SessionTimeout)
		m.given, m.syncs, m.snapshot = nil, !op.Leads, nil
		if m.leads = op.Leads; m.leads {
			m.elect(resp)
		}
	case wire.UnknownMemberID:
		if g.same(op) {
			m.reset(true)
		}
		m.failed(now, op.Code)
	case wire.MemberIDRequired:
		g.member, g.generation = resp.MemberID, -1
		m.failed(now, op.Code)
	default:
		g.notCoordinator(op.Code)
		m.failed(now, op.Code)
	}
}

// elect begins to lead: what all members want has to be known before it is divided.
func (m *classic) elect(resp *kmsg.JoinGroupResponse) {
	m.members, m.skip = resp.Members, resp.SkipAssignment
	if m.members == nil {
		m.members = []kmsg.JoinGroupResponseMember{}
	}
	var all []subscriber
	for i := range resp.Members {
		x := &resp.Members[i]
		if s, err := decodeSubscription(m.protocol, x.MemberID, x.InstanceID, x.ProtocolMetadata); err == nil {
			all = append(all, s)
		}
	}
	m.topics = topicsOf(all)
	meta := &m.g.net.meta
	for _, t := range m.topics {
		if meta.topic(t) == nil {
			meta.add(t)
		}
	}
	m.elected = meta.version
}

// divide is what the leader does once it knows enough.
func (m *classic) divide() {
	g := m.g
	counts := m.counts(m.topics)
	m.snapshot = counts
	var all []subscriber
	for i := range m.members {
		x := &m.members[i]
		s, err := decodeSubscription(m.protocol, x.MemberID, x.InstanceID, x.ProtocolMetadata)
		if err != nil {
			s = subscriber{id: x.MemberID, generation: -1} // it gets nothing, as it wants nothing that can be read
		}
		all = append(all, s)
	}
	m.members, m.syncs = nil, true
	if m.skip {
		return
	}
	parts := m.protocol.assign(all, counts)
	if m.protocol.cooperative && !g.fail.On(failpoint.G10GiveAtOnce, uint64(g.generation)) {
		handOver(all, parts)
	}
	for i := range all {
		m.given = append(m.given, GroupShare{Member: all[i].id, TPs: parts[i]})
	}
	slices.SortStableFunc(m.given, func(a, b GroupShare) int { return strings.Compare(a.Member, b.Member) })
}

// sync sends the SyncGroup; of the leader when it has divided, for which metadata that are
// known to be wrong have to be asked for first.
func (m *classic) sync(now machine.Instant, out *machine.Effects) {
	g := m.g
	if m.members != nil {
		if meta := &g.net.meta; meta.stale && meta.version == m.elected {
			return // an answer brings us back
		}
		m.divide()
	}
	m.syncs = false
	l := g.co.up()
	if l == nil || m.state != completing {
		m.failed(now, wire.CoordinatorNotAvailable)
		return
	}
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = g.set.GroupID, g.member, g.generation, g.instancePtr()
	kind := protocolType
	req.ProtocolType, req.Protocol = &kind, &m.protocol.name
	for _, x := range m.given {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = x.Member, encodeAssignment(x.TPs)
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	op := g.began(&GroupOp{Kind: GroupSync, Gen: g.generation, Member: g.member, Leads: m.leads, Given: m.given})
	g.net.send(now, &call{what: callSyncGroup, request: req, group: op}, l, nil, true, out)
}

// synced takes the answer to a SyncGroup, or its loss.
func (m *classic) synced(now machine.Instant, o *outcome) {
	g, op := m.g, o.call.group
	resp, is := o.body.(*kmsg.SyncGroupResponse)
	op.Lost = !is
	if !is {
		g.finished(op)
		g.co.lost()
		m.failed(now, wire.NetworkException)
		return
	}
	op.Code = resp.ErrorCode
	if op.Code == wire.None {
		op.TPs, _ = decodeAssignment(resp.MemberAssignment)
	}
	g.finished(op)
	switch op.Code {
	case wire.None:
		if m.state != completing || g.generation < 0 {
			m.failed(now, wire.IllegalGeneration)
			return
		}
		m.state, m.joining, m.rejoin = stable, false, false
		m.answer, m.answered_ = resp.MemberAssignment, true
		g.fail.Hit(failpoint.Rebalance)
	case wire.UnknownMemberID, wire.IllegalGeneration:
		if g.same(op) {
			m.reset(op.Code != wire.IllegalGeneration)
		}
		m.failed(now, op.Code)
	default:
		g.notCoordinator(op.Code)
		m.failed(now, op.Code)
	}
}

// failed ends an attempt to join. The next begins at once, or after the back-off; what
// cannot help is an exception from poll.
func (m *classic) failed(now machine.Instant, code int16) {
	m.joining, m.rejoin, m.syncs, m.members, m.answered_ = false, true, false, nil, false
	switch code {
	case wire.UnknownMemberID, wire.IllegalGeneration, wire.RebalanceInProgress, wire.MemberIDRequired:
	case wire.NetworkException, wire.CoordinatorNotAvailable, wire.NotCoordinator, wire.CoordinatorLoadInProgress, wire.RequestTimedOut:
		m.joinAt = now.Add(m.g.set.RetryBackoff)
	default:
		if code == wire.FencedInstanceID {
			m.g.fail.Hit(failpoint.MemberFenced)
		}
		m.g.fatal = code
	}
}

// reset has the member be none any more, and join again (resetStateAndRejoin).
func (m *classic) reset(member bool) {
	g := m.g
	m.state, g.generation = unjoined, -1
	if member {
		g.member = ""
	}
	m.rejoin, m.needsPrepare, m.snapshot = true, true, nil
}

// complete acts on an assignment (ConsumerCoordinator.onJoinComplete).
func (m *classic) complete(now machine.Instant) {
	g := m.g
	if g.generation < 0 || m.state != stable {
		m.reset(true) // the heartbeats have found that it is no member any more
		return
	}
	m.needsPrepare = true
	tps, err := decodeAssignment(m.answer)
	m.answer = nil
	if err != nil {
		g.fatal = wire.UnknownServerError
		return
	}
	for _, tp := range tps {
		if !slices.Contains(g.topics, tp.Topic) {
			m.rejoin = true // of a subscription that was another
			return
		}
	}
	m.assigned = tps
	var revoked []wire.TP
	if m.cooperative {
		for _, tp := range g.Owned() {
			if !slices.Contains(tps, tp) {
				revoked = append(revoked, tp)
			}
		}
	}
	m.stage = stageRevokes
	if len(revoked) > 0 {
		g.fail.Hit(failpoint.CooperativeRevoke)
		g.tell(now, GroupRevoked, revoked)
		m.rejoin = true // for others to get what this one has given up
	}
}

// assign makes the assignment what the member has.
func (m *classic) assign(now machine.Instant) {
	g := m.g
	var added []wire.TP
	for _, tp := range m.assigned {
		if g.find(tp) == nil {
			added = append(added, tp)
		}
	}
	g.take(m.assigned)
	m.previous, m.previousG = m.assigned, g.generation
	g.commitAt = now.Add(g.set.AutoCommitInterval)
	m.stage = stageAssigned
	if len(added) > 0 {
		g.tell(now, GroupAssigned, added)
	}
}

func (m *classic) answered(now machine.Instant, o *outcome) {
	switch o.call.what {
	case callJoinGroup:
		m.joined(now, o)
	case callSyncGroup:
		m.synced(now, o)
	case callHeartbeat:
		m.beaten(now, o)
	case callLeaveGroup:
		op := o.call.group
		if resp, is := o.body.(*kmsg.LeaveGroupResponse); is {
			op.Code = resp.ErrorCode
			for i := range resp.Members {
				op.Code = max(op.Code, resp.Members[i].ErrorCode)
			}
		} else {
			op.Lost = true
		}
		if m.left == op {
			m.left = nil
		}
		m.g.finished(op)
	}
}

// beaten takes the answer to a Heartbeat, or its loss.
func (m *classic) beaten(now machine.Instant, o *outcome) {
	g, op := m.g, o.call.group
	resp, is := o.body.(*kmsg.HeartbeatResponse)
	op.Lost = !is
	if is {
		op.Code = resp.ErrorCode
	}
	g.finished(op)
	again := true
	switch {
	case !is:
		g.co.lost()
	case op.Code == wire.None:
		again = false
	case op.Code == wire.RebalanceInProgress:
		again = false
		if m.state == stable {
			m.rejoin = true
		}
	case op.Code == wire.UnknownMemberID, op.Code == wire.IllegalGeneration:
		if g.same(op) {
			g.fail.Hit(failpoint.MemberExpired)
			m.reset(op.Code != wire.IllegalGeneration)
		}
	case op.Code == wire.FencedInstanceID:
		if g.same(op) {
			g.fail.Hit(failpoint.MemberFenced)
			g.fatal = op.Code
		}
	default:
		g.notCoordinator(op.Code)
	}
	if again {
		m.heartbeatAt = now + g.backoffOf("heartbeat", m.beatFails)
		m.beatFails++
		return
	}
	m.beatFails, m.sessionBy = 0, now.Add(g.set.SessionTimeout)
}

func (m *classic) committable() int16 {
	switch m.state {
	case stable:
		return 0
	case preparing, completing:
		return wire.RebalanceInProgress
	}
	return wire.UnknownMemberID // CommitFailedException
}

// commitRefused is what else a commit's error says.
func (m *classic) commitRefused(_ machine.Instant, code int16, op *GroupOp) {
	g := m.g
	switch code {
	case wire.FencedInstanceID:
		if g.same(op) {
			g.fail.Hit(failpoint.MemberFenced)
			g.fatal = code
		}
	case wire.RebalanceInProgress:
		m.rejoin = true
	case wire.UnknownMemberID, wire.IllegalGeneration:
		if g.same(op) || m.state != preparing {
			g.fail.Hit(failpoint.MemberExpired)
			m.reset(code != wire.IllegalGeneration)
		}
	}
}

func (m *classic) leave(now machine.Instant, out *machine.Effects) {
	m.leaveNow(now, out)
	m.reset(true)
}

// leaveNow sends a LeaveGroup. A static member leaves by its session alone (KIP-345).
func (m *classic) leaveNow(now machine.Instant, out *machine.Effects) {
	g := m.g
	l := g.co.up()
	if g.set.GroupInstanceID != "" || l == nil || m.state == unjoined || g.member == "" {
		return
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = g.set.GroupID, g.member
	x := kmsg.NewLeaveGroupRequestMember()
	x.MemberID = g.member
	req.Members = append(req.Members, x)
	m.left = g.began(&GroupOp{Kind: GroupLeave, Gen: g.generation, Member: g.member})
	g.net.send(now, &call{what: callLeaveGroup, request: req, group: m.left}, l, nil, true, out)
}

func (m *classic) leaving() bool { return m.left != nil }

// held reports that what the member has is not handed over: an eager one has marked it for
// revocation while it commits; or that a step of a rebalance is due, which poll takes before it
// looks at what was fetched, of which there may be more than enough (ConsumerCoordinator.poll).
func (m *classic) held(now machine.Instant) bool {
	switch m.stage {
	case stageGivesUp, stageRevokes, stageAssigned:
		return true
	case stageCommits:
		return !m.cooperative || m.prepare == nil || m.prepare.over
	}
	switch {
	case m.state == unjoined:
		return true // what a member has that is none any more is lost before poll looks at what was fetched
	case m.answered_:
		return true
	}
	return !m.joining && m.rejoinNeeded() && now >= m.joinAt && m.g.co.up() != nil
}

func (m *classic) settled() bool {
	return m.state == stable && m.stage == stageNone && !m.rejoin && !m.joining && !m.answered_
}

func (m *classic) due() machine.Instant {
	g := m.g
	if g.Fatal() != 0 || g.closing != closeNot {
		return machine.Never
	}
	at := machine.Never
	if (m.state == completing || m.state == stable) && g.co.known { // or else it is to be found first
		at = min(at, m.sessionBy)
		if g.co.up() != nil {
			at = min(at, m.heartbeatAt)
		}
		if !g.polling || g.calling {
			at = min(at, g.pollBy)
		}
	}
	return at
}
