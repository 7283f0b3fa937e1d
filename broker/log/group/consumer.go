package group

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// consumer is a group whose assignment the coordinator makes (KIP-848). All of it is in the
// log, and changes by replay alone.
type consumer struct {
	epoch       int32 // rises with every change of members, subscriptions or topics
	targetEpoch int32 // the epoch of which the target assignment is
	members     map[string]*consumerMember
	ids         []string // of the members, sorted
	byInstance  map[string]string
	target      map[string]share
	topics      []Topic // that the members read, as of the last epoch, sorted by name
	expressions map[string]expression

	// What follows from these.
	owners      map[TopicID]map[int32]string // who has a partition, or has not yet given it back
	subscribers map[string]int               // members by the topics that they read
	assignors   map[string]int               // members by the assignors that they want
	users       map[string]int               // members by their regular expressions
	classics    int                          // members that use the classic protocol
	protocols   map[string]int               // and what those know

	// Soft.
	stale bool // the topics may have changed since they were looked at
}

// memberState is how far a member has come towards its target.
type memberState int8

const (
	settled    memberState = 0 // it has what it is to have
	unrevoked  memberState = 1 // it must give back partitions first
	unreleased memberState = 2 // others must
)

// The member epochs of those who leave, for good and for a moment (static members).
const (
	leaves     int32 = -1
	leavesBack int32 = -2
)

// consumerMember is a member of a consumer group. It never changes: replay puts another into
// its place.
type consumerMember struct {
	id               string
	instance, rack   *string
	clientID, host   string
	names            []string // subscribed by name, sorted
	regex            *string  // subscribed by an expression (RE2); nil or empty: none
	rebalanceTimeout int32    // ms
	assignor         *string  // nil: whatever the others want
	classic          *classicMember

	epoch, previous    int32
	state              memberState
	assigned, revoking share
}

// classicMember is what a member that uses the classic protocol has said by it.
type classicMember struct {
	sessionTimeout int32 // ms
	protocols      []classicProtocol
}

type classicProtocol struct {
	name     string
	metadata []byte
}

// expression is a regular expression with the topics that match.
type expression struct {
	topics  []string // sorted
	version int64    // of the metadata in which they were looked up
	at      int64    // ms of the wall clock
}

func newConsumer() *consumer {
	return &consumer{
		targetEpoch: -1,
		members:     map[string]*consumerMember{}, byInstance: map[string]string{},
		target: map[string]share{}, expressions: map[string]expression{},
		owners: map[TopicID]map[int32]string{}, subscribers: map[string]int{},
		assignors: map[string]int{}, users: map[string]int{}, protocols: map[string]int{},
	}
}

func (mem *consumerMember) expression() string {
	if mem.regex == nil {
		return ""
	}
	return *mem.regex
}

func (mem *consumerMember) isStatic() bool { return mem.instance != nil }

func (mem *consumerMember) timeout() time.Duration { return millis(mem.rebalanceTimeout) }

// reads are the topics that a member reads, sorted, whether or not they exist.
func (c *consumer) reads(mem *consumerMember) []string {
	x := mem.expression()
	if x == "" || len(c.expressions[x].topics) == 0 {
		return mem.names
	}
	if len(mem.names) == 0 {
		return c.expressions[x].topics
	}
	all := slices.Concat(mem.names, c.expressions[x].topics)
	slices.Sort(all)
	return slices.Compact(all)
}

// put puts a member into the place of the one of its id.
func (c *consumer) put(mem *consumerMember) {
	old := c.members[mem.id]
	c.count(old, -1)
	if old == nil {
		i, _ := slices.BinarySearch(c.ids, mem.id)
		c.ids = slices.Insert(c.ids, i, mem.id)
	}
	c.members[mem.id] = mem
	c.count(mem, 1)
	if mem.instance != nil {
		c.byInstance[*mem.instance] = mem.id
	}
}

func (c *consumer) remove(id string) {
	old := c.members[id]
	if old == nil {
		return
	}
	c.count(old, -1)
	delete(c.members, id)
	if i, ok := slices.BinarySearch(c.ids, id); ok {
		c.ids = slices.Delete(c.ids, i, i+1)
	}
	if old.instance != nil && c.byInstance[*old.instance] == id {
		delete(c.byInstance, *old.instance)
	}
}

// count adds a member to what follows from all members, or takes it out.
func (c *consumer) count(mem *consumerMember, n int) {
	if mem == nil {
		return
	}
	for _, s := range []share{mem.assigned, mem.revoking} {
		for i := range s {
			for _, p := range s[i].partitions {
				c.own(s[i].id, p, mem.id, n > 0)
			}
		}
	}
	for _, t := range c.reads(mem) {
		add(c.subscribers, t, n)
	}
	if mem.assignor != nil {
		add(c.assignors, *mem.assignor, n)
	}
	if x := mem.expression(); x != "" {
		add(c.users, x, n)
	}
	if mem.classic != nil {
		c.classics += n
		for _, p := range mem.classic.protocols {
			add(c.protocols, p.name, n)
		}
	}
}

func add(m map[string]int, key string, n int) {
	if m[key] += n; m[key] == 0 {
		delete(m, key)
	}
}

func (c *consumer) own(id TopicID, p int32, member string, owns bool) {
	switch {
	case !owns && c.owners[id][p] == member:
		delete(c.owners[id], p)
		if len(c.owners[id]) == 0 {
			delete(c.owners, id)
		}
	case owns:
		if c.owners[id] == nil {
			c.owners[id] = map[int32]string{}
		}
		c.owners[id][p] = member
	}
}

// resolve sets, or takes away, what an expression comes to.
func (c *consumer) resolve(regex string, x expression, is bool) {
	if is {
		c.expressions[regex] = x
	} else {
		delete(c.expressions, regex)
	}
	if c.users[regex] == 0 {
		return
	}
	clear(c.subscribers)
	for _, id := range c.ids {
		for _, t := range c.reads(c.members[id]) {
			add(c.subscribers, t, 1)
		}
	}
}

func (c *consumer) isSubscribed(topic string) bool { return c.subscribers[topic] > 0 }

func (c *consumer) isSettled(mem *consumerMember) bool {
	return mem.state == settled && mem.epoch == c.targetEpoch
}

// describe is the state of a group, by Kafka's names.
func (c *consumer) describe() string {
	switch {
	case len(c.members) == 0:
		return "Empty"
	case c.epoch > c.targetEpoch:
		return "Assigning"
	}
	for _, id := range c.ids {
		if !c.isSettled(c.members[id]) {
			return "Reconciling"
		}
	}
	return "Stable"
}

// preferred is the assignor that most members want; of several the first by name.
func preferred(assignors map[string]int, preset string) string {
	best := preset
	most := 0
	for _, name := range slices.Sorted(maps.Keys(assignors)) {
		if assignors[name] > most {
			best, most = name, assignors[name]
		}
	}
	return best
}

// waits says whether a partition that a member is to have is still another's.
func (c *consumer) waits(mem *consumerMember) bool {
	if mem.state != unreleased {
		return false
	}
	for _, t := range c.target[mem.id] {
		for _, p := range t.partitions {
			if owner := c.owners[t.id][p]; owner != "" && !mem.assigned.has(t.id, p) {
				return true
			}
		}
	}
	return false
}

// assignorNames are those that the broker has, its default first.
func (m *Machine) assignorNames() []string {
	var names []string
	for name := range strings.SplitSeq(m.cfg.Broker.GroupConsumerAssignors, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return []string{"uniform"}
	}
	return names
}
