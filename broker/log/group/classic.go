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

// state is where a classic group is in its life.
type state uint8

const (
	empty      state = iota // no members; offsets, perhaps
	preparing               // waits for members to join
	completing              // waits for the leader's assignment
	stable
)

var stateNames = [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable"}

func (s state) String() string { return stateNames[s] }

const consumerProtocol = "consumer" // the protocol type of consumers

// newMemberJoinTimeout is how long a new member may wait in a rebalance: it has no member id
// to send heartbeats with (Kafka's classicGroupNewMemberJoinTimeoutMs).
const newMemberJoinTimeout = 5 * time.Minute

// classic is a group whose members agree by JoinGroup and SyncGroup. What the log has of it
// is as of the last assignment; members that have joined since are soft.
type classic struct {
	state, previous state
	stateAt         int64 // ms of the wall clock; -1: unknown
	generation      int32
	protocolType    string // empty: of no members ever, offsets were committed by hand
	protocol        *string
	leader          string // empty: none

	members    []*member // in the order in which they came
	byID       map[string]*member
	byInstance map[string]*member // static members (KIP-345)
	supported  map[string]int     // members by the protocols that they know

	// subscribed are the topics of all members; nil if that is not known.
	subscribed map[string]bool

	// Soft.
	pending   map[string]*timer // member ids given out by MEMBER_ID_REQUIRED (KIP-394)
	joining   int               // members that wait for the end of the join phase
	unsynced  int               // members that have not yet sent SyncGroup
	newMember bool              // somebody has come since the initial delay began
	join      timer             // the end of the join phase
	sync      timer             // the end of the sync phase
	delay     time.Duration     // of the initial rebalance: what it waits for now
	remaining time.Duration     // and what it may yet
}

// member is a member of a classic group.
type member struct {
	id               string
	instance         *string // group.instance.id; nil: dynamic
	clientID, host   string
	rebalanceTimeout time.Duration
	sessionTimeout   time.Duration
	protocols        []kmsg.JoinGroupRequestProtocol
	assignment       []byte

	// Soft.
	isNew    bool // waits in its first rebalance
	join     waiter
	sync     waiter
	unsynced bool
	session  timer
}

func newClassic() *classic {
	return &classic{
		stateAt: -1,
		byID:    map[string]*member{}, byInstance: map[string]*member{},
		supported: map[string]int{}, pending: map[string]*timer{},
	}
}

// enter is the one place where the state of a group changes.
func (m *Machine) enter(g *group, s state) {
	g.previous, g.state, g.stateAt = g.state, s, m.wall()
}

func (g *classic) add(mem *member) {
	if g.leader == "" {
		g.leader = mem.id
	}
	g.members = append(g.members, mem)
	g.byID[mem.id] = mem
	if mem.instance != nil {
		g.byInstance[*mem.instance] = mem
	}
	g.support(mem, 1)
}

func (g *classic) support(mem *member, n int) {
	for i := range mem.protocols {
		name := mem.protocols[i].Name
		if g.supported[name] += n; g.supported[name] == 0 {
			delete(g.supported, name)
		}
	}
}

// remove takes a member out. If it led, whoever came first leads.
func (m *Machine) remove(g *group, mem *member) {
	m.timers.stop(&mem.session)
	if mem.join.waits {
		g.joining--
	}
	m.done(&mem.join)
	m.done(&mem.sync)
	g.synced(mem)
	g.members = slices.DeleteFunc(g.members, func(x *member) bool { return x == mem })
	delete(g.byID, mem.id)
	if mem.instance != nil {
		delete(g.byInstance, *mem.instance)
	}
	g.support(mem, -1)
	if g.leader == mem.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

func (g *classic) synced(mem *member) {
	if mem.unsynced {
		mem.unsynced = false
		g.unsynced--
	}
}

// forgetPending takes back a member id that nobody has joined with.
func (m *Machine) forgetPending(g *group, id string) {
	if t := g.pending[id]; t != nil {
		m.timers.stop(t)
		delete(g.pending, id)
	}
}

// validate finds a member by its ids, or says why it is none (KIP-345).
func (m *Machine) validate(g *group, id string, instance *string) (*member, int16) {
	if instance != nil {
		mem := g.byInstance[*instance]
		switch {
		case mem == nil:
			return nil, wire.UnknownMemberID
		case mem.id != id && m.cfg.Failpoints.OnAbout(failpoint.G09NoInstanceFence, g.id, 0, 0):
			return mem, wire.None
		case mem.id != id:
			return nil, wire.FencedInstanceID
		}
	}
	if mem := g.byID[id]; mem != nil {
		return mem, wire.None
	}
	return nil, wire.UnknownMemberID
}

func (g *classic) allJoined() bool { return g.joining == len(g.members) && len(g.pending) == 0 }

// rebalanceTimeout is the longest of all members.
func (g *classic) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, mem := range g.members {
		longest = max(longest, mem.rebalanceTimeout)
	}
	return longest
}

// accepts says whether somebody of that protocol type, who knows these protocols, can be in
// the group.
func (g *classic) accepts(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if g.state == empty {
		return protocolType != "" && len(protocols) > 0
	}
	return g.protocolType == protocolType && slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool {
		return g.supported[p.Name] == len(g.members)
	})
}

// selectProtocol is the protocol that most members want of those that all know. Kafka leaves
// open which of several; here it is the one that the members who came first want.
func (g *classic) selectProtocol() *string {
	votes := map[string]int{}
	var best string
	for _, mem := range g.members {
		for i := range mem.protocols {
			if name := mem.protocols[i].Name; g.supported[name] == len(g.members) {
				votes[name]++
				break
			}
		}
	}
	most := 0
	for _, mem := range g.members {
		for i := range mem.protocols {
			if name := mem.protocols[i].Name; votes[name] > most {
				best, most = name, votes[name]
			}
		}
	}
	return &best
}

// metadata is what a member says under a protocol.
func (mem *member) metadata(protocol *string) []byte {
	if protocol != nil {
		for i := range mem.protocols {
			if mem.protocols[i].Name == *protocol {
				return mem.protocols[i].Metadata
			}
		}
	}
	return nil
}

func (mem *member) matches(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(mem.protocols, protocols, func(a, b kmsg.JoinGroupRequestProtocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// subscription finds out what the members of a consumer group have subscribed to: the
// broker knows what clients say to each other (KIP-211).
func (g *classic) subscription() {
	g.subscribed = nil
	if g.protocolType != consumerProtocol || g.protocol == nil && len(g.members) > 0 {
		return
	}
	all := map[string]bool{}
	for _, mem := range g.members {
		topics, ok := subscribedTopics(mem.metadata(g.protocol))
		if !ok {
			return
		}
		for _, t := range topics {
			all[t] = true
		}
	}
	g.subscribed = all
}

// isSubscribed is also true of what cannot be known.
func (g *group) isSubscribed(topic string) bool {
	switch {
	case g.consumer != nil:
		return g.consumer.isSubscribed(topic)
	case g.subscribed != nil:
		return g.subscribed[topic]
	}
	return g.protocolType == consumerProtocol
}

// subscribedTopics reads the topics of ConsumerProtocolSubscription, of any version.
func subscribedTopics(metadata []byte) ([]string, bool) {
	var s kmsg.ConsumerMemberMetadata
	if len(metadata) < 2 {
		return nil, false
	}
	// Later versions only add behind the first: the topics and the user data.
	first := append([]byte{0, 0}, metadata[2:]...)
	if s.ReadFrom(first) != nil {
		return nil, false
	}
	return s.Topics, true
}

// heard gives a member another session.
func (m *Machine) heard(mem *member) { m.session(mem, mem.sessionTimeout) }

func (m *Machine) session(mem *member, d time.Duration) {
	m.timers.set(&mem.session, m.now.Mono.Add(d))
}

func (m *Machine) loadedClassic(g *group) {
	for _, mem := range g.members {
		m.heard(mem)
	}
	if len(g.members) > int(m.cfg.Broker.GroupMaxSize) {
		m.prepareRebalance(g)
	}
}

// sessionOver is a member that was not heard of for a whole session.
func (m *Machine) sessionOver(g *group, mem *member) {
	if m.cfg.Failpoints.OnAbout(failpoint.G08DeadMember, g.id, 0, 0) {
		return
	}
	if !mem.isNew && (mem.join.waits || mem.sync.waits) {
		return // its request is here: it is alive
	}
	m.removeMember(g, mem)
	m.membersGone(g)
}

// removeMember has a member that waits to join begin again, and takes it out.
func (m *Machine) removeMember(g *group, mem *member) {
	m.completeJoin(g, mem, func(r *kmsg.JoinGroupResponse) {
		r.ErrorCode, r.MemberID = wire.UnknownMemberID, ""
	})
	if to := m.done(&mem.sync); to != 0 {
		r := kmsg.NewPtrSyncGroupResponse()
		r.Version, r.ErrorCode = mem.sync.version, wire.UnknownMemberID
		m.answerAtOnce(to, r)
	}
	m.remove(g, mem)
}

// membersGone has the rest of a group go on when sessions are over.
func (m *Machine) membersGone(g *group) {
	switch {
	case g.state == stable || g.state == completing:
		m.prepareRebalance(g)
	case g.state == preparing && g.allJoined():
		m.endJoin(g)
	}
}

// completeJoin answers a member that waits to join. The answer says nothing that is in the
// log: a generation is there when it has an assignment.
func (m *Machine) completeJoin(g *group, mem *member, fill func(*kmsg.JoinGroupResponse)) {
	if !mem.join.waits {
		return
	}
	g.joining--
	version := mem.join.version
	to := m.done(&mem.join)
	if to == 0 {
		return
	}
	r := newJoinResponse(version)
	fill(r)
	m.answerAtOnce(to, r)
}

// memberID makes a member id as Kafka does: what the client calls itself, and 128 bits that
// nobody else has.
func (m *Machine) memberID(g *group, from coordinator.Caller, instance *string) string {
	prefix := from.ClientID
	if instance != nil {
		prefix = *instance
	}
	g.drawn++
	return prefix + "-" + uuid(m.cfg.Seed, g.id, uint64(g.born), g.drawn)
}

// drop is the end of a group. What offsets it has stay: they have records of their own.
func (m *Machine) drop(g *group) {
	m.stop(g)
	g.recorded, g.classic = false, newClassic()
	m.timersOf(g)
	m.dropBare(g)
}

// stop stops all timers of a group.
func (m *Machine) stop(g *group) {
	for _, mem := range g.members {
		m.timers.stop(&mem.session)
	}
	// unordered: each is stopped
	for _, t := range g.pending {
		m.timers.stop(t)
	}
	m.timers.stop(&g.classic.join)
	m.timers.stop(&g.classic.sync)
}

// dropBare forgets a group that is nothing: not in the log, and nobody is about to join.
func (m *Machine) dropBare(g *group) {
	if !g.recorded && g.consumer == nil && len(g.offsets) == 0 && len(g.transactional) == 0 && len(g.members) == 0 && len(g.pending) == 0 && g.state == empty {
		delete(m.groups, g.id)
	}
}

// sorted are the groups by id.
func (m *Machine) sorted() []*group {
	all := make([]*group, 0, len(m.groups))
	// unordered: sorted below
	for _, g := range m.groups {
		all = append(all, g)
	}
	// total: ids are distinct
	slices.SortFunc(all, func(a, b *group) int { return strings.Compare(a.id, b.id) })
	return all
}
