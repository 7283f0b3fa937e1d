package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// entry is a record in a lab's log, or a marker.
type entry struct {
	at         coordinator.Position
	key, value []byte
	marker     bool
	commit     bool
}

// lab runs a machine over a log in memory. After each step, whoever replays the log must
// know what the machine knows.
type lab struct {
	broker config.Broker
	topics topicMap
	bugs   *failpoint.Set
	m      *Machine
	now    machine.Now
	log    []entry
	lives  uint64
	token  coordinator.Token
	drop   int16           // the code with which the next records cannot be appended
	lost   map[string]bool // groups that are ahead of the log, since a record was dropped

	sent    map[coordinator.Token]string // who has sent what is not answered
	answers []coordinator.Answer         // of the last step
	broken  func(format string, args ...any)
}

type topicMap map[string]Topic

func (t topicMap) Topic(name string) (Topic, bool) { x, ok := t[name]; return x, ok }

func (t topicMap) TopicWithID(id TopicID) (Topic, bool) {
	for _, x := range t {
		if x.ID == id {
			return x, true
		}
	}
	return Topic{}, false
}

func (t topicMap) Names() []string { return slices.Sorted(maps.Keys(t)) }

func (t topicMap) set(name string, partitions int32) {
	x := Topic{Name: name, Partitions: partitions}
	copy(x.ID[:], name)
	t[name] = x
}

func newLab(broken func(string, ...any)) *lab {
	l := &lab{
		broker: config.DefaultBroker(), topics: topicMap{}, broken: broken,
		now:  machine.Now{Mono: 0, Wall: machine.Instant(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())},
		sent: map[coordinator.Token]string{}, lost: map[string]bool{},
	}
	l.topics.set("a", 4)
	l.topics.set("b", 2)
	l.start()
	return l
}

func (l *lab) machine(seed uint64) *Machine {
	return New(Config{Seed: seed, Broker: &l.broker, Topics: l.topics, Failpoints: l.bugs})
}

// start begins a life: the log is replayed, as a new leader does.
func (l *lab) start() {
	l.lives++
	l.m = l.machine(l.lives)
	l.replay(l.m, l.log)
	clear(l.sent)
	clear(l.lost)
	l.take(l.m.Loaded(l.now))
}

func (l *lab) replay(m *Machine, log []entry) {
	for _, e := range log {
		if e.marker {
			m.Marker(e.at.ProducerID, e.at.Epoch, e.commit)
		} else if err := m.Replay(e.at, e.key, e.value); err != nil {
			l.broken("replay: %v", err)
		}
	}
}

func (l *lab) end() int64 { return int64(len(l.log)) }

// ask sends a command.
func (l *lab) ask(who string, command any) []coordinator.Answer {
	l.token++
	l.answers = nil
	switch command.(type) {
	case MetadataChanged, ShareInitialized, ShareDeleted:
	default:
		l.sent[l.token] = who
	}
	l.take(l.m.Request(l.now, coordinator.Caller{Token: l.token, ClientID: who, Host: "/10.0.0.1"}, command))
	return l.answers
}

// take does what a runner does with an outcome.
func (l *lab) take(o coordinator.Outcome) {
	if len(o.Records) > 0 && l.drop != 0 {
		code := l.drop
		l.drop = 0
		for _, r := range o.Records {
			if r.Key[1] == byte(groupMetadata) {
				l.lost[groupOf(r.Key)] = true
			}
		}
		o = l.m.Dropped(l.now, o, code)
		if len(o.Records) > 0 {
			l.broken("Dropped has %d records", len(o.Records))
		}
	}
	for _, r := range o.Records {
		at := coordinator.Position{Offset: l.end(), Timestamp: int64(l.now.Wall) / 1e6, ProducerID: -1, Epoch: -1}
		if o.Producer != nil {
			at.ProducerID, at.Epoch = o.Producer.ID, o.Producer.Epoch
		}
		l.log = append(l.log, entry{at: at, key: r.Key, value: r.Value})
		if r.Key[1] == byte(groupMetadata) {
			delete(l.lost, groupOf(r.Key))
		}
		if err := l.m.Replay(at, r.Key, r.Value); err != nil {
			l.broken("replay of what was decided: %v", err)
		}
	}
	for _, a := range o.Answers {
		if _, waits := l.sent[a.To]; !waits {
			l.broken("an answer to %d, who does not wait: %+v", a.To, a.Body)
		}
		delete(l.sent, a.To)
	}
	l.answers = append(l.answers, o.Answers...)
	if len(o.Records) > 0 {
		l.same()
	}
}

// same compares what the machine knows with what its log says, as it is and compacted.
func (l *lab) same() {
	if l.bugs != nil {
		return
	}
	ahead := map[string]bool{}
	for id, g := range l.m.groups {
		ahead[id] = g.consumer == nil && g.state == preparing || g.state == completing || l.lost[id]
	}
	want := durable(l.m, ahead)
	for name, log := range map[string][]entry{"the log": l.log, "the compacted log": compact(l.log)} {
		again := l.machine(99)
		l.replay(again, log)
		if got := durable(again, ahead); got != want {
			l.broken("%s says\n%s\nthe machine knows\n%s", name, got, want)
		}
	}
}

// advance lets time pass. Each answer is given to f.
func (l *lab) advance(d time.Duration, f func(coordinator.Answer)) {
	until := l.now.Mono.Add(d)
	for n := 0; ; n++ {
		next := l.m.Deadline()
		if next > until {
			break
		}
		if n > 100_000 {
			l.broken("the machine ticks without end")
			return
		}
		if next > l.now.Mono {
			l.pass(time.Duration(next - l.now.Mono))
		}
		l.answers = nil
		l.take(l.m.Tick(l.now))
		for _, a := range l.answers {
			f(a)
		}
	}
	l.pass(time.Duration(until - l.now.Mono))
}

func (l *lab) pass(d time.Duration) { l.now.Mono, l.now.Wall = l.now.Mono.Add(d), l.now.Wall.Add(d) }

func (l *lab) mark(pid int64, commit bool) {
	at := coordinator.Position{Offset: l.end(), ProducerID: pid}
	l.log = append(l.log, entry{at: at, marker: true, commit: commit})
	l.m.Marker(pid, 0, commit)
	l.same()
}

// compact is what the log cleaner makes of a log: below the first open transaction it keeps
// the last record of each key, without what was aborted.
func compact(log []entry) []entry {
	const open, aborted, good = 0, 1, 2
	fate := make([]int, len(log))
	ends := map[int64]int{}
	clean := len(log)
	for i := len(log) - 1; i >= 0; i-- {
		switch e := log[i]; {
		case e.marker && e.commit:
			ends[e.at.ProducerID] = good
		case e.marker:
			ends[e.at.ProducerID] = aborted
		case e.at.ProducerID < 0:
			fate[i] = good
		default:
			if fate[i] = ends[e.at.ProducerID]; fate[i] == open {
				clean = i
			}
		}
	}
	last := map[string]int{}
	for i, e := range log[:clean] {
		if !e.marker && fate[i] == good {
			last[string(e.key)] = i
		}
	}
	var out []entry
	for i, e := range log {
		if at, ok := last[string(e.key)]; e.marker || i >= clean || ok && at == i {
			out = append(out, e)
		}
	}
	return out
}

// durable is what a machine knows that is in the log. Of groups that are ahead of it, since
// they rebalance, it is only the offsets.
func durable(m *Machine, ahead map[string]bool) string {
	var b strings.Builder
	for _, g := range m.sorted() {
		if !g.recorded && g.consumer == nil && len(g.offsets) == 0 && len(g.transactional) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s recorded=%v\n", g.id, g.recorded)
		for _, p := range partitions(g.offsets) {
			fmt.Fprintf(&b, "  %v %+v\n", p, *g.offsets[p])
		}
		for _, pid := range slices.Sorted(maps.Keys(g.transactional)) {
			for _, p := range partitions(g.transactional[pid]) {
				fmt.Fprintf(&b, "  %d: %v %+v\n", pid, p, *g.transactional[pid][p])
			}
		}
		if g.consumer != nil {
			b.WriteString(consumerState(g.consumer))
		} else if !ahead[g.id] {
			b.WriteString(classicState(g))
		}
	}
	for _, pid := range slices.Sorted(maps.Keys(m.producers)) {
		fmt.Fprintf(&b, "%d %v\n", pid, slices.Sorted(maps.Keys(m.producers[pid])))
	}
	for _, g := range m.shareGroups() {
		g.durable(&b)
	}
	return b.String()
}

func classicState(g *group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %v at=%d generation=%d type=%q protocol=%s leader=%q subscribed=%v\n", g.state, g.stateAt, g.generation, g.protocolType, str(g.protocol), g.leader, g.subscribed)
	for _, mem := range g.members {
		fmt.Fprintf(&b, "  %s %s %s %s %v %v %x %x\n", mem.id, str(mem.instance), mem.clientID, mem.host, mem.sessionTimeout, mem.rebalanceTimeout, mem.metadata(g.protocol), mem.assignment)
	}
	return b.String()
}

func consumerState(c *consumer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  epoch=%d target=%d topics=%v expressions=%v subscribers=%v assignors=%v users=%v classics=%d protocols=%v\n  owners=%v instances=%v\n",
		c.epoch, c.targetEpoch, c.topics, c.expressions, c.subscribers, c.assignors, c.users, c.classics, c.protocols, c.owners, c.byInstance)
	for _, id := range c.ids {
		mem := c.members[id]
		fmt.Fprintf(&b, "  %s %s %s %s %s %v %s %d %s %v epoch=%d previous=%d state=%d %v revoking %v target %v\n", id, str(mem.instance), str(mem.rack), mem.clientID, mem.host,
			mem.names, str(mem.regex), mem.rebalanceTimeout, str(mem.assignor), mem.classic, mem.epoch, mem.previous, mem.state, mem.assigned, mem.revoking, c.target[id])
	}
	for _, id := range slices.Sorted(maps.Keys(c.target)) {
		if c.members[id] == nil {
			fmt.Fprintf(&b, "  target of nobody: %s\n", id)
		}
	}
	return b.String()
}

func str(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func groupOf(key []byte) string {
	var k kmsg.GroupMetadataKey
	if k.ReadFrom(key) != nil {
		return ""
	}
	return k.Group
}
