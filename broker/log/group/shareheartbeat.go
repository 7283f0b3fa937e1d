package group

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// shareHeartbeat is ShareGroupHeartbeat: how members of a share group join, leave, say what they
// read, and learn which partitions are theirs, with others.
func (m *Machine) shareHeartbeat(from coordinator.Caller, req *kmsg.ShareGroupHeartbeatRequest) {
	r := kmsg.NewPtrShareGroupHeartbeatResponse()
	r.Version = req.Version
	code, text := checkShareHeartbeat(req)
	switch {
	case code != 0:
	case req.MemberEpoch == leaves:
		code, text = m.shareLeave(req, r)
	default:
		code, text = m.shareBeat(from, req, r)
	}
	if code != wire.None {
		m.out.Records, m.undo = nil, nil
		r.ErrorCode, r.ErrorMessage = code, &text
	}
	m.answer(from.Token, r)
}

// checkShareHeartbeat is what can be said of a request without the group.
func checkShareHeartbeat(req *kmsg.ShareGroupHeartbeatRequest) (code int16, text string) {
	invalid := ""
	switch {
	case strings.TrimSpace(req.MemberID) == "":
		invalid = "MemberId can't be empty."
	case strings.TrimSpace(req.GroupID) == "":
		invalid = "GroupId can't be empty."
	case req.RackID != nil && strings.TrimSpace(*req.RackID) == "":
		invalid = "RackId can't be empty."
	case req.MemberEpoch < leaves:
		invalid = "MemberEpoch is invalid."
	case req.MemberEpoch == 0 && len(req.SubscribedTopicNames) == 0:
		invalid = "SubscribedTopicNames must be set in first request."
	}
	if invalid != "" {
		return wire.InvalidRequest, invalid
	}
	return wire.None, ""
}

// shareGroup is the share group of a request as it is, or a new one.
func (m *Machine) shareGroup(id string, create bool) (*shareGroup, int16, string) {
	g := m.shares[id]
	switch {
	case g != nil:
		return g, 0, ""
	case m.groups[id] != nil:
		return nil, wire.GroupIDNotFound, "Group " + id + " is not a share group."
	case !create:
		return nil, wire.GroupIDNotFound, "Group " + id + " not found."
	}
	return newShareGroup(id), 0, ""
}

// shareBeat is a member that joins or is there.
func (m *Machine) shareBeat(from coordinator.Caller, req *kmsg.ShareGroupHeartbeatRequest, r *kmsg.ShareGroupHeartbeatResponse) (code int16, text string) {
	joins := req.MemberEpoch == 0
	g, code, text := m.shareGroup(req.GroupID, joins)
	if code != 0 {
		if m.groups[req.GroupID] == nil {
			text = "Share group " + req.GroupID + " not found." // GroupMetadataManager.getOrMaybeCreateShareGroup
		}
		return code, text
	}
	mem := g.members[req.MemberID]
	switch {
	case mem == nil && !joins:
		return wire.UnknownMemberID, "Member " + req.MemberID + " is not a member of group " + g.id + "."
	case mem == nil && len(g.members) >= int(m.cfg.Broker.GroupShareMaxSize):
		return wire.GroupMaxSizeReached, "The share group has reached its maximum capacity of " + fmt.Sprint(m.cfg.Broker.GroupShareMaxSize) + " members."
	case mem == nil:
		mem = &shareMember{id: req.MemberID}
	case req.MemberEpoch > mem.epoch:
		return wire.FencedMemberEpoch, fmt.Sprintf(shareEpochText, "greater", req.MemberEpoch, mem.epoch, "")
	case !joins && req.MemberEpoch < mem.epoch && req.MemberEpoch != mem.previous:
		return wire.FencedMemberEpoch, fmt.Sprintf(shareEpochText, "smaller", req.MemberEpoch, mem.epoch, fmt.Sprintf(", and it does not match the previous member epoch (%d)", mem.previous))
	}
	next := *mem
	if req.RackID != nil {
		next.rack = clone(req.RackID)
	}
	if req.SubscribedTopicNames != nil {
		next.topics = slices.Clone(req.SubscribedTopicNames)
		slices.Sort(next.topics)
		next.topics = slices.Compact(next.topics)
	}
	next.clientID, next.host = from.ClientID, from.Host
	isNew := g.members[mem.id] == nil
	changed := isNew || !slices.Equal(mem.topics, next.topics)
	bump := changed || m.pending(g)
	if changed || deref(mem.rack) != deref(next.rack) || mem.clientID != next.clientID || mem.host != next.host {
		m.record(shareMemberRecord(g.id, &next))
	}
	if bump || g.stale || g.epoch > g.targetEpoch {
		m.changeShare(g, &next, bump)
	} else if next.epoch != g.targetEpoch {
		next.epoch, next.previous, next.assigned = g.targetEpoch, mem.epoch, g.target[mem.id]
	}
	if next.epoch != mem.epoch || !next.assigned.equal(mem.assigned) || !mem.assignmentIsMade {
		m.record(shareCurrentRecord(g.id, &next))
	}
	m.beatShare(g, mem.id)
	r.MemberID, r.MemberEpoch = &next.id, next.epoch
	r.HeartbeatIntervalMillis = int32(m.setting(g.id, "share.heartbeat.interval.ms", m.cfg.Broker.GroupShareHeartbeatInterval) / time.Millisecond)
	// Who says all anew has perhaps not heard what it was told.
	if full := joins || req.SubscribedTopicNames != nil; full || !next.assigned.equal(mem.assigned) {
		r.Assignment = &kmsg.ShareGroupHeartbeatResponseAssignment{TopicPartitions: []kmsg.ShareGroupHeartbeatResponseAssignmentTopicPartition{}}
		for _, t := range next.assigned {
			r.Assignment.TopicPartitions = append(r.Assignment.TopicPartitions, kmsg.ShareGroupHeartbeatResponseAssignmentTopicPartition{TopicID: t.id, Partitions: t.partitions})
		}
	}
	return 0, ""
}

const shareEpochText = "The share group member has a %s member epoch (%d) than the one known by the group coordinator (%d)%s. The member must abandon all its partitions and rejoin."

// changeShare raises the group epoch if there is something else to assign, or somebody else to
// assign it to, and makes a target of that epoch; partitions that no share coordinator knows of are
// noted. next is the member that has come, and is of the target then.
func (m *Machine) changeShare(g *shareGroup, next *shareMember, bump bool) {
	topics := g.subscribed(next.id, next)
	if missing := m.missing(g, topics); len(missing) > 0 {
		x := sharePartitionsOf(g)
		x.initializing, x.names = x.initializing.plus(missing), m.namesOf(g, missing)
		x.deleting = slices.DeleteFunc(slices.Clone(x.deleting), func(id TopicID) bool { return len(missing.partitionsOf(id)) > 0 })
		m.record(sharePartitionsRecord(g.id, x))
		m.undo = func(int16) { g.stale = true }
	}
	offers := m.offered(g, topics)
	hash := hashOf(offers)
	epoch := g.epoch
	g.stale = false
	undo := m.undo
	m.undo = func(code int16) {
		g.stale = true
		if undo != nil {
			undo(code)
		}
	}
	if bump || hash != g.hash || g.epoch == 0 {
		epoch++
		m.record(shareEpochRecord(g.id, epoch, hash))
	}
	if epoch == g.targetEpoch {
		if next.epoch != epoch {
			next.previous, next.epoch, next.assigned = next.epoch, epoch, g.target[next.id]
		}
		return
	}
	var seats []shareSeat
	at := -1
	for _, id := range g.ids {
		mem := g.members[id]
		if id == next.id {
			at, mem = len(seats), next
		}
		seats = append(seats, shareSeat{id: id, topics: mem.topics, had: g.target[id]})
	}
	if at < 0 {
		at, _ = slices.BinarySearchFunc(seats, next.id, func(s shareSeat, id string) int { return strings.Compare(s.id, id) })
		seats = slices.Insert(seats, at, shareSeat{id: next.id, topics: next.topics})
	}
	shares := simple(seats, offers)
	for i := range seats {
		if _, known := g.target[seats[i].id]; !known || !shares[i].equal(seats[i].had) {
			m.record(shareTargetRecord(g.id, seats[i].id, shares[i]))
		}
	}
	m.record(epochRecord(shareTargetMetadata, g.id, epoch))
	next.previous, next.epoch, next.assigned = next.epoch, epoch, shares[at]
}

// namesOf are the names of the topics of a group, and of some more.
func (m *Machine) namesOf(g *shareGroup, more share) map[TopicID]string {
	names := map[TopicID]string{}
	// unordered: into a map
	for id, name := range g.names {
		names[id] = name
	}
	for i := range more {
		if t, ok := m.topicWithID(more[i].id); ok {
			names[t.ID] = t.Name
		}
	}
	return names
}

func (m *Machine) shareLeave(req *kmsg.ShareGroupHeartbeatRequest, r *kmsg.ShareGroupHeartbeatResponse) (code int16, text string) {
	g, code, text := m.shareGroup(req.GroupID, false)
	if code != 0 {
		return code, text
	}
	mem := g.members[req.MemberID]
	if mem == nil {
		return wire.UnknownMemberID, "Member " + req.MemberID + " is not a member of group " + g.id + "."
	}
	m.fenceShare(g, mem.id)
	r.MemberID, r.MemberEpoch = &mem.id, leaves
	return 0, ""
}

// shareDescribe is ShareGroupDescribe.
func (m *Machine) shareDescribe(from coordinator.Caller, req *kmsg.ShareGroupDescribeRequest) {
	r := kmsg.NewPtrShareGroupDescribeResponse()
	r.Version, r.Groups = req.Version, make([]kmsg.ShareGroupDescribeResponseGroup, 0, len(req.GroupIDs))
	for _, id := range req.GroupIDs {
		x := kmsg.NewShareGroupDescribeResponseGroup()
		x.GroupID, x.Members = id, []kmsg.ShareGroupDescribeResponseGroupMember{}
		g, code, text := m.shareGroup(id, false)
		switch {
		case id == "":
			x.ErrorCode = wire.InvalidGroupID
		case code != 0:
			x.ErrorCode, x.ErrorMessage = code, &text
		default:
			x.GroupState, x.GroupEpoch, x.AssignmentEpoch, x.Assignor = g.state(), g.epoch, g.targetEpoch, "simple"
			for _, member := range g.ids {
				mem := g.members[member]
				y := kmsg.NewShareGroupDescribeResponseGroupMember()
				y.MemberID, y.RackID, y.MemberEpoch, y.ClientID, y.ClientHost = member, mem.rack, mem.epoch, mem.clientID, mem.host
				y.SubscribedTopicNames = append([]string{}, mem.topics...)
				a := m.describeShare(mem.assigned)
				for _, t := range a.TopicPartitions {
					y.Assignment.TopicPartitions = append(y.Assignment.TopicPartitions, kmsg.ShareGroupDescribeResponseGroupMemberAssignmentTopicPartition{TopicID: t.TopicID, Topic: t.Topic, Partitions: t.Partitions})
				}
				x.Members = append(x.Members, y)
			}
		}
		r.Groups = append(r.Groups, x)
	}
	m.answer(from.Token, r)
}
