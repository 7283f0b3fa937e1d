package group

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerHeartbeat is ConsumerGroupHeartbeat: how members of a consumer group join, leave,
// say what they read and what they have, and learn what they are to have.
func (m *Machine) consumerHeartbeat(from coordinator.Caller, req *kmsg.ConsumerGroupHeartbeatRequest) {
	r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	r.Version = req.Version
	if code, text := m.checkHeartbeat(req); code != wire.None {
		m.refuseConsumer(from, r, code, text)
		return
	}
	var code int16
	var text string
	if req.MemberEpoch < 0 {
		code, text = m.consumerLeave(req, r)
	} else {
		code, text = m.consumerBeat(from, req, r)
	}
	if code != wire.None {
		m.out.Records, m.undo = nil, nil
		m.refuseConsumer(from, r, code, text)
		return
	}
	m.answer(from.Token, r)
}

func (m *Machine) refuseConsumer(from coordinator.Caller, r *kmsg.ConsumerGroupHeartbeatResponse, code int16, text string) {
	r.ErrorCode, r.ErrorMessage = code, &text
	m.answer(from.Token, r)
}

// checkHeartbeat is what can be said of a request without the group.
func (m *Machine) checkHeartbeat(req *kmsg.ConsumerGroupHeartbeatRequest) (code int16, text string) {
	blank := func(s *string) bool { return s != nil && strings.TrimSpace(*s) == "" }
	joins := req.MemberEpoch == 0
	invalid := ""
	switch {
	case !m.cfg.Broker.GroupConsumerProtocol:
		return wire.UnsupportedVersion, "The consumer group protocol is not enabled."
	case strings.TrimSpace(req.Group) == "":
		invalid = "GroupId can't be empty."
	case blank(req.InstanceID):
		invalid = "InstanceId can't be empty."
	case blank(req.RackID):
		invalid = "RackId can't be empty."
	case req.MemberEpoch < leavesBack:
		invalid = "MemberEpoch is invalid."
	case req.MemberEpoch == leavesBack && req.InstanceID == nil:
		invalid = "InstanceId can't be null."
	case req.MemberID == "" && (req.Version >= 1 || !joins):
		invalid = "MemberId can't be empty."
	case joins && req.RebalanceTimeoutMillis == -1:
		invalid = "RebalanceTimeoutMs must be provided in first request."
	case joins && (req.Topics == nil || len(req.Topics) > 0):
		invalid = "TopicPartitions must be empty when (re-)joining."
	case joins && req.SubscribedTopicNames == nil && req.SubscribedTopicRegex == nil:
		invalid = "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
	case req.ServerAssignor != nil && !slices.Contains(m.assignorNames(), *req.ServerAssignor):
		return wire.UnsupportedAssignor, "ServerAssignor " + *req.ServerAssignor + " is not supported. Supported assignors: " + strings.Join(m.assignorNames(), ", ") + "."
	case req.SubscribedTopicRegex != nil && *req.SubscribedTopicRegex != "":
		if _, err := regexp.Compile(*req.SubscribedTopicRegex); err != nil {
			return wire.InvalidRegularExpression, "SubscribedTopicRegex `" + *req.SubscribedTopicRegex + "` is not a valid regular expression: " + err.Error() + "."
		}
	}
	if invalid != "" {
		return wire.InvalidRequest, invalid
	}
	return wire.None, ""
}

// consumerGroup is the group of a heartbeat as it is, or as the records of this decision will
// make it: new, or one that was classic.
func (m *Machine) consumerGroup(id string, joins bool) (*group, *consumer, int16, string) {
	g := m.groups[id]
	switch {
	case g != nil && g.consumer != nil:
		return g, g.consumer, wire.None, ""
	case !joins && g == nil:
		return nil, nil, wire.GroupIDNotFound, "Consumer group " + id + " not found."
	case !joins:
		return nil, nil, wire.GroupIDNotFound, "Group " + id + " is not a consumer group."
	case g == nil:
		return &group{id: id, born: m.end}, newConsumer(), wire.None, ""
	case g.state == empty:
		if g.recorded {
			m.record(coordinator.Record{Key: metadataKey(id)})
		}
		return g, newConsumer(), wire.None, ""
	case m.mayUpgrade(g):
		if c, ok := m.upgrade(g); ok {
			return g, c, wire.None, ""
		}
		return nil, nil, wire.GroupIDNotFound, "Cannot upgrade the classic group " + id + " to consumer group because the embedded consumer protocol is malformed."
	}
	return nil, nil, wire.GroupIDNotFound, "Group " + id + " is not a consumer group."
}

// consumerBeat is a member that joins or is there.
func (m *Machine) consumerBeat(from coordinator.Caller, req *kmsg.ConsumerGroupHeartbeatRequest, r *kmsg.ConsumerGroupHeartbeatResponse) (code int16, text string) {
	joins := req.MemberEpoch == 0
	g, c, code, text := m.consumerGroup(req.Group, joins)
	if code != wire.None {
		return code, text
	}
	id := req.MemberID
	if len(c.members) >= int(m.cfg.Broker.GroupConsumerMaxSize) && c.members[id] == nil {
		return wire.GroupMaxSizeReached, "The consumer group has reached its maximum capacity."
	}
	if id == "" {
		// The records will make another group of one that is new, and its next member's id the
		// first that it draws.
		if m.groups[req.Group] == g {
			g.drawn++
		}
		id = uuid(m.cfg.Seed, g.id, uint64(g.born), g.drawn)
	}
	mem, replaced, code, text := m.consumerMember(g, c, id, req, joins)
	if code != wire.None {
		return code, text
	}
	next := *mem
	if req.InstanceID != nil {
		next.instance = clone(req.InstanceID)
	}
	if req.RackID != nil {
		next.rack = clone(req.RackID)
	}
	if req.RebalanceTimeoutMillis != -1 {
		next.rebalanceTimeout = req.RebalanceTimeoutMillis
	}
	if req.ServerAssignor != nil {
		next.assignor = clone(req.ServerAssignor)
	}
	if req.SubscribedTopicNames != nil {
		next.names = slices.Clone(req.SubscribedTopicNames)
		slices.Sort(next.names)
		next.names = slices.Compact(next.names)
	}
	if req.SubscribedTopicRegex != nil {
		next.regex = clone(req.SubscribedTopicRegex)
	}
	next.clientID, next.host, next.classic = from.ClientID, from.Host, nil
	ch := m.change(g, c, mem, &next, replaced)
	after := m.advance(g, ch, owned(req.Topics))
	clock := m.clock(g.id, id)
	m.timers.set(&clock.session, m.now.Mono.Add(m.setting(g.id, "consumer.session.timeout.ms", m.cfg.Broker.GroupConsumerSessionTimeout)))
	m.rebalanceClock(clock, after)
	r.MemberID, r.MemberEpoch = &after.id, after.epoch
	r.HeartbeatIntervalMillis = int32(m.setting(g.id, "consumer.heartbeat.interval.ms", m.cfg.Broker.GroupConsumerHeartbeatInterval).Milliseconds())
	full := joins || req.RebalanceTimeoutMillis != -1 && req.Topics != nil && (req.SubscribedTopicNames != nil || req.SubscribedTopicRegex != nil)
	if full || !after.assigned.equal(mem.assigned) {
		r.Assignment = &kmsg.ConsumerGroupHeartbeatResponseAssignment{Topics: []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{}}
		for _, t := range after.assigned {
			r.Assignment.Topics = append(r.Assignment.Topics, kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{TopicID: t.id, Partitions: t.partitions})
		}
	}
	return wire.None, ""
}

// consumerMember is the member that a heartbeat is of. A static member that comes back takes
// the place of the one that has left: replaced is that one's id.
func (m *Machine) consumerMember(g *group, c *consumer, id string, req *kmsg.ConsumerGroupHeartbeatRequest, joins bool) (mem *consumerMember, replaced string, code int16, text string) {
	mem = c.members[id]
	if req.InstanceID != nil {
		there := c.members[c.byInstance[*req.InstanceID]]
		switch {
		case joins && there == nil:
			if mem == nil {
				mem = &consumerMember{id: id}
			}
			return mem, "", wire.None, ""
		case joins && there.id == id:
			mem = there // it has not been heard of, or has left for a moment
		case joins:
			if there.classic == nil && there.epoch != leavesBack {
				return nil, "", wire.UnreleasedInstanceID, "Static member " + id + " with instance id " + *req.InstanceID + " cannot join the group because the instance id is owned by " + there.id + " member."
			}
			return m.takePlace(g, c, there, id), there.id, wire.None, ""
		case there == nil:
			return nil, "", wire.UnknownMemberID, "Instance id " + *req.InstanceID + " is unknown."
		case there.id != id:
			return nil, "", wire.FencedInstanceID, "Static member " + id + " with instance id " + *req.InstanceID + " was fenced by member " + there.id + "."
		default:
			mem = there
		}
	}
	switch {
	case mem == nil && joins:
		return &consumerMember{id: id}, "", wire.None, ""
	case mem == nil:
		return nil, "", wire.UnknownMemberID, "Member " + id + " is not a member of group " + g.id + "."
	case joins && mem.epoch <= 0:
		again := *mem // a static member that is back under its old id
		again.epoch, again.previous = 0, 0
		return &again, "", wire.None, ""
	case req.MemberEpoch > mem.epoch:
		return nil, "", wire.FencedMemberEpoch, fmt.Sprintf(epochText, "greater", req.MemberEpoch, mem.epoch)
	case req.MemberEpoch < mem.epoch && !joins && (req.MemberEpoch != mem.previous || !owned(req.Topics).within(mem.assigned)):
		// The epoch before is let in if the answer with the new one may have been lost.
		return nil, "", wire.FencedMemberEpoch, fmt.Sprintf(epochText, "smaller", req.MemberEpoch, mem.epoch)
	}
	return mem, "", wire.None, ""
}

const epochText = "The consumer group member has a %s member epoch (%d) than the one known by the group coordinator (%d). The member must abandon all its partitions and rejoin."

// takePlace puts a member into the place of another, with what that had.
func (m *Machine) takePlace(g *group, c *consumer, old *consumerMember, id string) *consumerMember {
	mem := *old
	mem.id, mem.epoch, mem.previous = id, 0, 0
	m.removeRecords(g.id, old.id)
	m.record(memberRecord(g.id, &mem))
	m.record(targetRecord(g.id, id, c.target[old.id]))
	m.record(currentRecord(g.id, &mem))
	return &mem
}

func (m *Machine) removeRecords(id, member string) {
	m.record(tombstone(currentAssignment, id, member))
	m.record(tombstone(targetMember, id, member))
	m.record(tombstone(memberMetadata, id, member))
}

// change is what a member that says something new does to its group.
type change struct {
	c        *consumer
	mem      *consumerMember // as it is to be
	replaced string          // the id whose place it has taken; empty: none
	epoch    int32
	topics   []Topic // what the members read
	// counts are the members by topic, with what is said now.
	counts      map[string]int
	expressions map[string]expression // those looked up now
}

// change puts what a member says into records, and raises the group epoch if that changes what
// is read.
func (m *Machine) change(g *group, c *consumer, old, mem *consumerMember, replaced string) change {
	ch := change{c: c, mem: mem, replaced: replaced, epoch: c.epoch, topics: c.topics}
	isNew := c.members[mem.id] == nil && replaced == ""
	bump := isNew
	if isNew || !mem.saysTheSame(old) {
		m.record(memberRecord(g.id, mem))
		bump = bump || !slices.Equal(old.names, mem.names) || old.expression() != mem.expression()
		if x := old.expression(); x != "" && x != mem.expression() && c.users[x] == 1 {
			m.record(tombstone(resolvedExpression, g.id, x)) // nobody else has it
		}
	}
	if !bump && !c.stale {
		return ch
	}
	ch.expressions = m.lookUp(g, c, mem)
	ch.counts = ch.count()
	ch.topics = m.existing(ch.counts)
	if !slices.Equal(ch.topics, c.topics) {
		bump = true
		m.record(topicsRecord(g.id, ch.topics))
	}
	if c.stale {
		c.stale = false
		m.undo = func(int16) { c.stale = true }
	}
	if bump {
		ch.epoch++
		m.record(epochRecord(consumerMetadata, g.id, ch.epoch))
	}
	return ch
}

// lookUp looks up the expressions that nobody has, or all if the topics have changed.
func (m *Machine) lookUp(g *group, c *consumer, mem *consumerMember) map[string]expression {
	want := map[string]bool{}
	if x := mem.expression(); x != "" {
		if _, known := c.expressions[x]; !known || c.stale {
			want[x] = true
		}
	}
	if c.stale {
		// unordered: into a set
		for x := range c.users {
			want[x] = true
		}
		if old := c.members[mem.id]; old != nil && old.expression() != mem.expression() && c.users[old.expression()] == 1 {
			delete(want, old.expression())
		}
	}
	found := map[string]expression{}
	for _, x := range slices.Sorted(maps.Keys(want)) {
		now := expression{topics: m.matching(x), version: m.end, at: m.wall()}
		if old, known := c.expressions[x]; known && slices.Equal(old.topics, now.topics) {
			continue
		}
		found[x] = now
		m.record(expressionRecord(g.id, x, now))
	}
	return found
}

// matching are the topics whose whole name an expression describes.
func (m *Machine) matching(x string) []string {
	re, err := regexp.Compile(`\A(?:` + x + `)\z`)
	if err != nil || m.cfg.Topics == nil {
		return nil
	}
	var topics []string
	for _, name := range m.cfg.Topics.Names() {
		if re.MatchString(name) {
			topics = append(topics, name)
		}
	}
	return topics
}

// reads is as of the consumer, with the expressions looked up now.
func (ch *change) reads(mem *consumerMember) []string {
	x, now := ch.expressions[mem.expression()]
	if !now {
		return ch.c.reads(mem)
	}
	all := slices.Concat(mem.names, x.topics)
	slices.Sort(all)
	return slices.Compact(all)
}

// others are the members but the one that changes, sorted by id.
func (ch *change) others(yield func(*consumerMember) bool) {
	for _, id := range ch.c.ids {
		if id != ch.mem.id && id != ch.replaced && !yield(ch.c.members[id]) {
			return
		}
	}
}

func (ch *change) count() map[string]int {
	counts := map[string]int{}
	if len(ch.expressions) == 0 {
		counts = maps.Clone(ch.c.subscribers)
		for _, id := range []string{ch.mem.id, ch.replaced} {
			if old := ch.c.members[id]; old != nil {
				for _, t := range ch.c.reads(old) {
					add(counts, t, -1)
				}
			}
		}
	} else {
		for mem := range ch.others {
			for _, t := range ch.reads(mem) {
				add(counts, t, 1)
			}
		}
	}
	for _, t := range ch.reads(ch.mem) {
		add(counts, t, 1)
	}
	return counts
}

// existing are those topics that exist, sorted by name.
func (m *Machine) existing(names map[string]int) []Topic {
	var topics []Topic
	if m.cfg.Topics == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if t, ok := m.cfg.Topics.Topic(name); ok {
			topics = append(topics, t)
		}
	}
	return topics
}

// advance makes a target for the new epoch, if there is one, and brings the member nearer to
// it.
func (m *Machine) advance(g *group, ch change, o owned) *consumerMember {
	c := ch.c
	target, targetEpoch := c.target[ch.mem.id], c.targetEpoch
	if ch.replaced != "" {
		target = c.target[ch.replaced]
	}
	if ch.epoch > c.targetEpoch {
		target, targetEpoch = m.assignTarget(g, ch, target), ch.epoch
	}
	after := m.reconcile(g, c, ch.mem, target, targetEpoch, o)
	if after != ch.mem || c.members[ch.mem.id] == nil && ch.replaced == "" {
		m.record(currentRecord(g.id, after))
	}
	return after
}

// assignTarget has the assignor share out the partitions, and puts into records what has
// changed. It returns the share of the member that changes; had is what that has had.
func (m *Machine) assignTarget(g *group, ch change, had share) share {
	c := ch.c
	if ch.counts == nil {
		ch.counts = c.subscribers
	}
	alike := true
	seats := m.seats[:0] // is not kept
	for mem := range ch.others {
		seats = append(seats, seat{id: mem.id, instance: mem.instance, had: c.target[mem.id]})
	}
	at, _ := slices.BinarySearchFunc(seats, ch.mem.id, func(s seat, id string) int { return strings.Compare(s.id, id) })
	seats = slices.Insert(seats, at, seat{id: ch.mem.id, instance: ch.mem.instance, had: had})
	m.seats = seats
	for _, t := range ch.topics {
		alike = alike && ch.counts[t.Name] == len(seats)
	}
	for i := range seats {
		if alike {
			seats[i].topics = ch.topics
			continue
		}
		mem := c.members[seats[i].id]
		if i == at {
			mem = ch.mem
		}
		names := ch.reads(mem)
		for _, t := range ch.topics {
			if _, ok := slices.BinarySearch(names, t.Name); ok {
				seats[i].topics = append(seats[i].topics, t)
			}
		}
	}
	wants := maps.Clone(c.assignors)
	for _, id := range []string{ch.mem.id, ch.replaced} {
		if old := c.members[id]; old != nil && old.assignor != nil {
			add(wants, *old.assignor, -1)
		}
	}
	if ch.mem.assignor != nil {
		add(wants, *ch.mem.assignor, 1)
	}
	var shares []share
	if preferred(wants, m.assignorNames()[0]) == "range" {
		shares = ranged(seats)
	} else {
		shares = uniform(seats, alike)
	}
	for i := range seats {
		if _, known := c.target[seats[i].id]; !shares[i].equal(seats[i].had) || !known && (i != at || ch.replaced == "") {
			m.record(targetRecord(g.id, seats[i].id, shares[i]))
		}
	}
	m.record(epochRecord(targetMetadata, g.id, ch.epoch))
	return shares[at]
}

// consumerLeave is a member that leaves: for good, or, if it is static, for a moment.
func (m *Machine) consumerLeave(req *kmsg.ConsumerGroupHeartbeatRequest, r *kmsg.ConsumerGroupHeartbeatResponse) (code int16, text string) {
	g, c, code, text := m.consumerGroup(req.Group, false)
	if code == wire.GroupIDNotFound && m.groups[req.Group] == nil {
		return code, "Group " + req.Group + " not found."
	}
	if code != wire.None {
		return code, text
	}
	mem := c.members[req.MemberID]
	if req.InstanceID != nil {
		there := c.members[c.byInstance[*req.InstanceID]]
		switch {
		case there == nil:
			return wire.UnknownMemberID, "Instance id " + *req.InstanceID + " is unknown."
		case there.id != req.MemberID:
			return wire.FencedInstanceID, "Static member " + req.MemberID + " with instance id " + *req.InstanceID + " was fenced by member " + there.id + "."
		}
		mem = there
	}
	if mem == nil {
		return wire.UnknownMemberID, "Member " + req.MemberID + " is not a member of group " + g.id + "."
	}
	r.MemberID, r.MemberEpoch = &mem.id, req.MemberEpoch
	if req.MemberEpoch == leavesBack {
		away := *mem
		away.epoch, away.revoking = leavesBack, nil
		m.record(currentRecord(g.id, &away))
		return wire.None, ""
	}
	m.fence(g, mem)
	return wire.None, ""
}

// fence takes members out of a group.
func (m *Machine) fence(g *group, gone ...*consumerMember) {
	c := g.consumer
	if len(gone) == 1 && m.mayDowngrade(c, gone[0].id, len(c.members)-1) && len(c.members) > 1 {
		m.downgrade(g, gone[0].id, nil)
		return
	}
	counts := maps.Clone(c.subscribers)
	users := maps.Clone(c.users)
	for _, mem := range gone {
		m.removeRecords(g.id, mem.id)
		for _, t := range c.reads(mem) {
			add(counts, t, -1)
		}
		if x := mem.expression(); x != "" {
			if add(users, x, -1); users[x] == 0 {
				m.record(tombstone(resolvedExpression, g.id, x))
			}
		}
	}
	if topics := m.existing(counts); !slices.Equal(topics, c.topics) {
		m.record(topicsRecord(g.id, topics))
	}
	m.record(epochRecord(consumerMetadata, g.id, c.epoch+1))
}
