package client

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// modernState is how far a member by the consumer protocol has come (MemberState).
type modernState uint8

const (
	modernJoining   modernState = iota // with epoch 0
	modernStable                       // it has what it was told to have
	modernReconcile                    // it is told to have something else
	modernAck                          // it has that, and is to say so
	modernFenced                       // the listener is told of what is lost; then it joins
	modernStale                        // it has left since nobody polled
)

// modern is a member by the consumer protocol (KIP-848): the broker divides, tells each
// member in the answer to its heartbeats what it is to have, and gives to others what a
// member says it has given up.
type modern struct {
	g     *GroupConsumer
	state modernState

	busy        bool // a heartbeat is under way
	heartbeatAt machine.Instant
	interval    machine.Instant // as the broker has said
	fails       uint32

	target   []topicParts16 // as the broker wants it; by topic id
	targeted bool           // there is one
	// Targets are numbered, since the broker waits to be told of one even if it comes back to
	// what the member has, of which it may not know (LocalAssignment.localEpoch).
	targetNo, settlingNo, ownedNo int
	settles                       bool // the reconciliation is under way
	phase                         reconcilePhase
	prepare                       *Commit
	assigned                      []wire.TP
	revoked                       []wire.TP

	sent struct { // with the last heartbeat that has all; what did not change is not said again
		all     bool
		owned   []wire.TP
		ownedNo int
	}
	left *GroupOp
}

type reconcilePhase uint8

const (
	phaseNone reconcilePhase = iota
	phaseCommits
	phaseRevokes
	phaseAssigns
)

// topicParts16 are partitions of a topic by its id.
type topicParts16 struct {
	id         [16]byte
	partitions []int32
}

// newModern gives the member its id, which is its own choice since Kafka 4.0 (KIP-1082).
func newModern(g *GroupConsumer, life uint32) *modern {
	d := g.draw.Of("member").With(uint64(life))
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], d.Uint64())
	binary.BigEndian.PutUint64(id[8:], d.With(1).Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a random UUID, as Kafka prints them
	g.member = base64.RawURLEncoding.EncodeToString(id[:])
	g.generation = 0
	return &modern{g: g}
}

func (m *modern) background(now machine.Instant, out *machine.Effects) {
	g := m.g
	switch {
	case m.state == modernFenced || m.state == modernStale || g.closing != closeNot:
		return
	case now >= g.pollBy && (!g.polling || g.calling):
		g.fail.Hit(failpoint.PollIntervalExceeded)
		m.leaveNow(now, out)
		m.state, g.generation, m.phase, m.settles = modernStale, -1, phaseNone, false
		return
	case m.busy:
		return
	case now >= m.heartbeatAt || m.state == modernAck || m.state == modernJoining && now >= m.heartbeatAt:
		if m.state == modernAck && m.fails > 0 && now < m.heartbeatAt {
			return // it has just failed
		}
		if l := g.co.ready(now, out); l != nil {
			m.heartbeat(now, l, out)
		}
	}
}

// heartbeat says what has changed since the last, and all when it joins or after an error.
func (m *modern) heartbeat(now machine.Instant, l *link, out *machine.Effects) {
	g := m.g
	kind := GroupHeartbeat
	if m.state == modernJoining {
		kind, g.generation, m.sent.all = GroupJoin, 0, false
	}
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Group, req.MemberID, req.MemberEpoch, req.InstanceID = g.set.GroupID, g.member, g.generation, g.instancePtr()
	req.RebalanceTimeoutMillis = -1
	owned := g.Owned()
	if !m.sent.all {
		req.RebalanceTimeoutMillis = millis(g.set.MaxPollInterval)
		req.SubscribedTopicNames = g.topics
		if g.set.GroupRemoteAssignor != "" {
			req.ServerAssignor = &g.set.GroupRemoteAssignor
		}
	}
	if !m.sent.all || m.sent.ownedNo != m.ownedNo || !slices.Equal(m.sent.owned, owned) {
		req.Topics = m.byID(owned)
	}
	m.sent.all, m.sent.owned, m.sent.ownedNo = true, owned, m.ownedNo
	m.busy = true
	m.heartbeatAt = now + max(m.interval, 1e6)
	op := g.began(&GroupOp{Kind: kind, Gen: g.generation, Member: g.member, Modern: true})
	g.net.send(now, &call{what: callConsumerHeartbeat, request: req, group: op}, l, nil, true, out)
	if m.state == modernAck {
		if m.state = modernStable; !m.reached() {
			m.state = modernReconcile
		}
	}
}

// byID are partitions as a heartbeat has them. A list that is empty and not nil says that
// there are none.
func (m *modern) byID(tps []wire.TP) []kmsg.ConsumerGroupHeartbeatRequestTopic {
	list := []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	for _, t := range byTopic(tps) {
		x := kmsg.NewConsumerGroupHeartbeatRequestTopic()
		if meta := m.g.net.meta.topic(t.topic); meta != nil {
			x.TopicID = meta.id
		}
		x.Partitions = t.partitions
		list = append(list, x)
	}
	return list
}

// names are the partitions of the target whose topics are known by now; all says whether
// these are all of it.
func (m *modern) names() (tps []wire.TP, all bool) {
	all = true
	for _, t := range m.target {
		name := ""
		for _, meta := range m.g.net.meta.topics {
			if meta.id == t.id {
				name = meta.name
			}
		}
		if name == "" {
			all = false
			continue
		}
		for _, p := range t.partitions {
			tps = append(tps, wire.TP{Topic: name, Partition: p})
		}
	}
	slices.SortStableFunc(tps, compareTPs)
	return tps, all
}

// reached reports whether the member has what it is to have.
func (m *modern) reached() bool {
	tps, all := m.names()
	return !m.targeted || all && slices.Equal(tps, m.g.Owned())
}

// foreground reconciles: it commits, if that is asked for, gives up what it is not to have,
// takes the rest, and says so.
func (m *modern) foreground(now machine.Instant, _ *machine.Effects) bool {
	g := m.g
	for {
		switch m.phase {
		case phaseNone:
			switch m.state {
			case modernFenced:
				if g.calling {
					return false
				}
				g.take(nil)
				m.rejoin(now)
				return false
			case modernReconcile:
				if !m.begin(now) {
					return true // nothing that could be done now
				}
				continue
			}
			return m.state == modernStable || m.state == modernAck
		case phaseCommits:
			if m.prepare != nil && !m.prepare.over {
				return false
			}
			m.prepare, m.phase = nil, phaseRevokes
			if len(m.revoked) > 0 {
				g.fail.Hit(failpoint.CooperativeRevoke)
				g.tell(now, GroupRevoked, m.revoked)
			}
		case phaseRevokes:
			if g.calling {
				return false
			}
			var added []wire.TP
			for _, tp := range m.assigned {
				if g.find(tp) == nil {
					added = append(added, tp)
				}
			}
			g.take(m.assigned)
			g.commitAt = min(g.commitAt, now.Add(g.set.AutoCommitInterval))
			m.phase = phaseAssigns
			if len(added) > 0 {
				g.tell(now, GroupAssigned, added)
			}
		case phaseAssigns:
			if g.calling {
				return false
			}
			g.fail.Hit(failpoint.Rebalance)
			m.phase, m.settles, m.state, m.ownedNo = phaseNone, false, modernAck, m.settlingNo
			g.wait(now) // that is said before anything else is asked
			return false
		}
	}
}

// begin begins to reconcile, if there is anything that can be reconciled.
func (m *modern) begin(now machine.Instant) bool {
	g := m.g
	tps, all := m.names()
	if !all {
		g.net.meta.invalidate()
	}
	owned := g.Owned()
	if slices.Equal(tps, owned) {
		if all {
			m.state, m.ownedNo = modernAck, m.targetNo
		}
		return false
	}
	m.assigned, m.revoked = tps, nil
	for _, tp := range owned {
		if !slices.Contains(tps, tp) {
			m.revoked = append(m.revoked, tp)
		}
	}
	m.settles, m.phase, m.prepare, m.settlingNo = true, phaseCommits, nil, m.targetNo
	if g.set.EnableAutoCommit {
		m.prepare = g.commit(now, g.consumed(), commitPrepare, now.Add(g.set.MaxPollInterval))
	}
	return true
}

// polled has a member that left because nobody polled join again.
func (m *modern) polled(now machine.Instant) {
	g := m.g
	if m.state != modernStale {
		return
	}
	if owned := g.Owned(); len(owned) > 0 {
		g.tell(now, GroupLost, owned)
	}
	m.state = modernFenced
}

// rejoin joins with epoch 0.
func (m *modern) rejoin(now machine.Instant) {
	m.state, m.targeted, m.target, m.phase, m.settles = modernJoining, false, nil, phaseNone, false
	m.g.generation, m.heartbeatAt = 0, now
	m.sent.all, m.sent.owned = false, nil
	m.g.wait(now)
}

func (m *modern) answered(now machine.Instant, o *outcome) {
	g, op := m.g, o.call.group
	resp, is := o.body.(*kmsg.ConsumerGroupHeartbeatResponse)
	op.Lost = !is
	if is {
		op.Code = resp.ErrorCode
		if op.Code == wire.None {
			op.Gen = resp.MemberEpoch
			if resp.MemberID != nil {
				op.Member = *resp.MemberID
			}
		}
	}
	g.finished(op)
	if op.Kind == GroupLeave {
		if m.left == op {
			m.left = nil
		}
		return
	}
	m.busy = false
	if m.state == modernStale || m.state == modernFenced || g.closing != closeNot {
		return // of what it was
	}
	switch {
	case !is:
		g.co.lost()
		m.failed(now)
	case op.Code == wire.None:
		m.beaten(now, resp)
	case op.Code == wire.NotCoordinator || op.Code == wire.CoordinatorNotAvailable:
		g.notCoordinator(op.Code)
		m.failed(now)
	case op.Code == wire.CoordinatorLoadInProgress:
		m.failed(now)
	case op.Code == wire.FencedMemberEpoch || op.Code == wire.UnknownMemberID:
		g.fail.Hit(failpoint.MemberFenced)
		if op.Code == wire.UnknownMemberID {
			g.fail.Hit(failpoint.MemberExpired)
		}
		m.state, g.generation, m.phase, m.settles, m.heartbeatAt = modernFenced, -1, phaseNone, false, now
		if owned := g.Owned(); len(owned) > 0 {
			g.tell(now, GroupLost, owned)
		}
	default:
		if op.Code == wire.FencedInstanceID || op.Code == wire.UnreleasedInstanceID {
			g.fail.Hit(failpoint.MemberFenced)
		}
		g.fatal = op.Code
	}
}

func (m *modern) failed(now machine.Instant) {
	m.sent.all = false
	m.heartbeatAt = now + m.g.backoffOf("heartbeat", m.fails)
	m.fails++
}

// beaten takes what the broker says.
func (m *modern) beaten(now machine.Instant, resp *kmsg.ConsumerGroupHeartbeatResponse) {
	g := m.g
	m.fails = 0
	if resp.MemberID != nil && *resp.MemberID != "" {
		g.member = *resp.MemberID
	}
	g.generation = resp.MemberEpoch
	m.interval = machine.Instant(resp.HeartbeatIntervalMillis) * 1e6
	m.heartbeatAt = now + max(m.interval, 1e6)
	if resp.Assignment != nil {
		was, had := m.target, m.targeted
		m.target, m.targeted = nil, true
		for i := range resp.Assignment.Topics {
			t := &resp.Assignment.Topics[i]
			m.target = append(m.target, topicParts16{t.TopicID, slices.Sorted(slices.Values(t.Partitions))})
		}
		slices.SortStableFunc(m.target, func(a, b topicParts16) int { return bytes.Compare(a.id[:], b.id[:]) })
		if !had || !slices.EqualFunc(was, m.target, func(a, b topicParts16) bool { return a.id == b.id && slices.Equal(a.partitions, b.partitions) }) {
			m.targetNo++
		}
		if g.set.GroupInstanceID != "" && m.state == modernJoining && g.lifeOf() > 0 {
			g.fail.Hit(failpoint.StaticRejoin)
		}
		m.state = modernReconcile
		return
	}
	if m.state == modernJoining {
		m.state = modernStable
	}
}

func (m *modern) committable() int16 {
	if m.g.generation <= 0 || m.state == modernFenced || m.state == modernStale || m.state == modernJoining {
		return wire.UnknownMemberID
	}
	return 0
}

func (m *modern) commitRefused(machine.Instant, int16, *GroupOp) {}

func (m *modern) leave(now machine.Instant, out *machine.Effects) { m.leaveNow(now, out) }

// leaveNow sends the heartbeat that says so: of a static member that it will be back.
func (m *modern) leaveNow(now machine.Instant, out *machine.Effects) {
	g := m.g
	l := g.co.up()
	if l == nil || g.generation <= 0 || m.state == modernFenced || m.state == modernStale {
		return
	}
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Group, req.MemberID, req.MemberEpoch, req.InstanceID, req.RebalanceTimeoutMillis = g.set.GroupID, g.member, -1, g.instancePtr(), -1
	if g.set.GroupInstanceID != "" {
		req.MemberEpoch = -2
	}
	op := g.began(&GroupOp{Kind: GroupLeave, Gen: req.MemberEpoch, Member: g.member, Modern: true})
	m.left = op
	g.net.send(now, &call{what: callConsumerHeartbeat, request: req, group: op}, l, nil, true, out)
}

func (m *modern) leaving() bool { return m.left != nil }

// held reports that partitions wait to be given up, or that a step of the reconciliation is due:
// poll takes that before it looks at what was fetched, of which there may be more than enough.
func (m *modern) held(machine.Instant) bool {
	switch {
	case m.state == modernFenced || m.state == modernStale:
		return true
	case m.phase == phaseNone && m.state == modernReconcile:
		tps, _ := m.names()
		return !slices.Equal(tps, m.g.Owned())
	case m.phase == phaseCommits:
		return m.prepare == nil || m.prepare.over
	}
	return m.phase != phaseNone
}

func (m *modern) settled() bool {
	return m.state == modernStable && m.phase == phaseNone && m.reached()
}

func (m *modern) due() machine.Instant {
	g := m.g
	if g.Fatal() != 0 || g.closing != closeNot || m.state == modernFenced || m.state == modernStale {
		return machine.Never
	}
	at := machine.Never
	if g.co.up() != nil && !m.busy {
		at = min(at, m.heartbeatAt)
	}
	if !g.polling || g.calling {
		at = min(at, g.pollBy)
	}
	return at
}
