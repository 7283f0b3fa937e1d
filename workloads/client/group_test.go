package client

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/group"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupWorld is members of one group around the real coordinator, and the partitions of one
// topic, which are empty: who owns what is all that happens in it.
type groupWorld struct {
	t       *testing.T
	now     machine.Instant
	machine *group.Machine
	parts   int32
	members []*member
	asks    map[coordinator.Token]*heldAsk
	tokens  coordinator.Token
	offset  int64
	fetches []*heldAsk
	owner   map[wire.TP]*member
	overlap int // how often a partition was assigned that another still had
	said    strings.Builder
}

type member struct {
	*double
	g      *GroupConsumer
	name   string
	dead   bool
	silent bool // its application does not poll
	points *failpoint.Set
}

type heldAsk struct {
	d   *double
	a   *ask
	due machine.Instant
}

func (w *groupWorld) Topic(name string) (group.Topic, bool) {
	return group.Topic{ID: topicID, Name: "t", Partitions: w.parts}, name == "t"
}
func (w *groupWorld) TopicWithID(id group.TopicID) (group.Topic, bool) {
	return w.topicIf(id == topicID)
}
func (w *groupWorld) topicIf(is bool) (group.Topic, bool) {
	return group.Topic{ID: topicID, Name: "t", Partitions: w.parts}, is
}
func (w *groupWorld) Names() []string { return []string{"t"} }

var topicID = [16]byte{1, 2, 3}

func newGroupWorld(t *testing.T, parts int32) *groupWorld {
	b := config.DefaultBroker()
	w := &groupWorld{t: t, parts: parts, asks: map[coordinator.Token]*heldAsk{}, owner: map[wire.TP]*member{}}
	w.machine = group.New(group.Config{Broker: &b, Topics: w, Seed: 7})
	w.apply(w.machine.Loaded(w.at()))
	return w
}

func (w *groupWorld) at() machine.Now { return machine.Now{Mono: w.now, Wall: w.now} }

func (w *groupWorld) apply(o coordinator.Outcome) {
	for _, r := range o.Records {
		if err := w.machine.Replay(coordinator.Position{Offset: w.offset, ProducerID: -1}, r.Key, r.Value); err != nil {
			w.t.Fatal(err)
		}
		w.offset++
	}
	for _, a := range o.Answers {
		h := w.asks[a.To]
		delete(w.asks, a.To)
		if h != nil && slices.Contains(h.d.held, h.a) {
			h.d.answer(h.a, a.Body, nil)
		}
	}
}

// add is a member that begins to poll.
func (w *groupWorld) add(name string, pairs ...[2]string) *member {
	w.t.Helper()
	m := &member{double: newDouble(w.t, 1), name: name, points: failpoint.New(1, 1)}
	m.table = m.table.With([]wire.API{{Key: wire.FindCoordinator, Max: 4}, {Key: wire.JoinGroup, Max: 9}, {Key: wire.SyncGroup, Max: 5}, {Key: wire.Heartbeat, Max: 4},
		{Key: wire.LeaveGroup, Max: 5}, {Key: wire.OffsetCommit, Max: 9}, {Key: wire.OffsetFetch, Max: 9}, {Key: wire.ConsumerGroupHeartbeat, Max: 1}})
	m.now, m.ids = w.now, map[string][16]byte{"t": topicID}
	set := settings(w.t, "consumer", append([][2]string{{"group.id", "g"}}, pairs...)).Consumer("")
	m.g = NewGroupConsumer(GroupConfig{ConsumerConfig: ConsumerConfig{Name: name, Seed: 1, Bootstrap: m.addrs(), Settings: set, Failpoints: m.points}, Topics: []string{"t"}})
	m.client = m.g
	m.after = func() { w.look(m) }
	m.sawAsk = func(a *ask) {
		switch a.Key {
		case wire.ApiVersions:
		case wire.Metadata:
			m.topics["t"] = nil
			m.topic("t", int(w.parts))
		case wire.Fetch:
			w.fetches = append(w.fetches, &heldAsk{m.double, a, w.now.Add(500 * time.Millisecond)})
		default:
			w.tokens++
			w.asks[w.tokens] = &heldAsk{d: m.double, a: a}
		}
	}
	w.members = append(w.members, m)
	m.step(machine.Input{Kind: machine.Start})
	w.run(w.now)
	return m
}

// look takes what a member has said.
func (w *groupWorld) look(m *member) {
	for _, e := range m.g.Events() {
		switch e.What {
		case GroupAssigned:
			for _, tp := range e.TPs {
				if o := w.owner[tp]; o != nil && o != m && !o.dead {
					w.overlap++
				}
				w.owner[tp] = m
			}
			fmt.Fprintf(&w.said, "%s+%v ", m.name, e.TPs)
		case GroupRevoked, GroupLost:
			for _, tp := range e.TPs {
				if w.owner[tp] == m {
					delete(w.owner, tp)
				}
			}
			fmt.Fprintf(&w.said, "%s-%v ", m.name, e.TPs)
		}
	}
	m.g.Forget()
	if !m.silent && !m.dead {
		m.g.Poll(machine.Now{Mono: m.now, Wall: m.now}, 500)
		m.g.Forget()
	}
}

// run lets time pass.
func (w *groupWorld) run(until machine.Instant) {
	for n := 0; ; n++ {
		if n > 2_000_000 {
			for _, m := range w.members {
				w.t.Logf("%s %v due %v, group %v, links %v", m.name, m.dead, m.g.Deadline(), m.g.gdue, m.g.net.due())
			}
			w.t.Fatalf("time does not pass: %v, coordinator %v", w.now, w.machine.Deadline())
		}
		if w.work() {
			continue
		}
		next := w.machine.Deadline()
		for _, m := range w.members {
			if !m.dead {
				next = min(next, m.g.Deadline())
			}
		}
		for _, f := range w.fetches {
			next = min(next, f.due)
		}
		if next > until {
			break
		}
		w.now = max(w.now, next)
		for _, m := range w.members {
			m.now = w.now
			if !m.dead && m.g.Deadline() <= w.now {
				m.step(machine.Input{Kind: machine.Tick})
			}
		}
		if w.machine.Deadline() <= w.now {
			w.apply(w.machine.Tick(w.at()))
		}
	}
	w.now = until
}

// work delivers what is under way, and reports whether there was anything.
func (w *groupWorld) work() (any bool) {
	for _, m := range w.members {
		m.now = w.now
		if m.dead {
			m.queue = nil
		}
		if len(m.queue) > 0 {
			any = true
			m.settle()
		}
	}
	for t := coordinator.Token(1); t <= w.tokens; t++ {
		h := w.asks[t]
		if h == nil || h.due != 0 {
			continue
		}
		h.due, any = 1, true
		switch req := h.a.Body.(type) {
		case *kmsg.FindCoordinatorRequest:
			resp := kmsg.NewPtrFindCoordinatorResponse()
			resp.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{{Key: "g", NodeID: 1, Host: "b1", Port: 9092}}
			delete(w.asks, t)
			h.d.answer(h.a, resp, nil)
		case *kmsg.ListOffsetsRequest:
			resp := kmsg.NewPtrListOffsetsResponse()
			for _, x := range req.Topics {
				rt := kmsg.NewListOffsetsResponseTopic()
				rt.Topic = x.Topic
				for _, p := range x.Partitions {
					rp := kmsg.NewListOffsetsResponseTopicPartition()
					rp.Partition, rp.Offset, rp.LeaderEpoch = p.Partition, 0, -1
					rt.Partitions = append(rt.Partitions, rp)
				}
				resp.Topics = append(resp.Topics, rt)
			}
			delete(w.asks, t)
			h.d.answer(h.a, resp, nil)
		default:
			w.apply(w.machine.Request(w.at(), coordinator.Caller{Token: t, ClientID: "c"}, h.a.Body))
		}
	}
	for i := 0; i < len(w.fetches); i++ {
		f := w.fetches[i]
		if f.due > w.now {
			continue
		}
		w.fetches = slices.Delete(w.fetches, i, i+1)
		i--
		if slices.Contains(f.d.held, f.a) {
			any = true
			resp, records := emptyFetch(f.a.Body.(*kmsg.FetchRequest))
			f.d.answer(f.a, resp, records)
		}
	}
	return any
}

func emptyFetch(req *kmsg.FetchRequest) (resp *kmsg.FetchResponse, records []wire.Records) {
	resp = kmsg.NewPtrFetchResponse()
	for _, x := range req.Topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic = x.Topic
		for _, p := range x.Partitions {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition = p.Partition
			rt.Partitions, records = append(rt.Partitions, rp), append(records, machine.Bytes{})
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, records
}

// grow gives the topic more partitions.
func (w *groupWorld) grow(parts int32) {
	w.parts = parts
	w.apply(w.machine.Request(w.at(), coordinator.Caller{}, group.MetadataChanged{}))
}

func (w *groupWorld) pass(d time.Duration) { w.run(w.now.Add(d)) }

// divided is how many partitions each living member has; it fails if one has no owner.
func (w *groupWorld) divided() (list []int) {
	w.t.Helper()
	total := 0
	for _, m := range w.members {
		if !m.dead {
			n := len(m.g.Owned())
			total += n
			list = append(list, n)
		}
	}
	slices.Sort(list)
	if total != int(w.parts) {
		w.t.Fatalf("%d of %d partitions have an owner: %v\n%s", total, w.parts, list, w.said.String())
	}
	return list
}

func (w *groupWorld) want(want ...int) {
	w.t.Helper()
	if got := w.divided(); !slices.Equal(got, want) {
		w.t.Fatalf("members have %v, want %v\n%s", got, want, w.said.String())
	}
}

// Members join one after the other, one leaves, one dies, one does not poll, and there are
// more partitions: at each time all are divided, by each assignor, and no partition has two
// owners who both believe to be members.
func TestMembersOfAGroup(t *testing.T) {
	for _, pairs := range [][][2]string{
		nil,
		{{"partition.assignment.strategy", config.AssignorRoundRobin}},
		{{"partition.assignment.strategy", config.AssignorSticky}},
		{{"partition.assignment.strategy", config.AssignorCooperativeSticky}},
		{{"group.protocol", "consumer"}},
	} {
		t.Run(fmt.Sprint(pairs), func(t *testing.T) {
			w := newGroupWorld(t, 6)
			pairs := append(pairs, [2]string{"metadata.max.age.ms", "20000"}, [2]string{"max.poll.interval.ms", "60000"})
			a := w.add("a", pairs...)
			w.pass(10 * time.Second)
			w.want(6)
			b := w.add("b", pairs...)
			w.pass(20 * time.Second)
			w.want(3, 3)
			c := w.add("c", pairs...)
			w.pass(20 * time.Second)
			w.want(2, 2, 2)
			w.grow(9)
			w.pass(50 * time.Second)
			w.want(3, 3, 3)
			c.g.Close(w.at())
			w.pass(20 * time.Second)
			if !c.g.Closed() {
				t.Fatal("not closed")
			}
			c.dead = true
			w.want(4, 5)
			b.dead = true // a crash: its session is over after 45 s
			w.pass(60 * time.Second)
			w.want(9)
			d := w.add("d", pairs...)
			w.pass(20 * time.Second)
			w.want(4, 5)
			a.silent = true
			a.g.Away()
			w.pass(80 * time.Second)
			if len(d.g.Owned()) != 9 || a.points.Reached(failpoint.PollIntervalExceeded) != 1 {
				t.Fatalf("a does not poll and d has %v", d.g.Owned())
			}
			if owned := a.g.Owned(); len(owned) == 0 {
				t.Fatal("nobody has told a, which has not polled")
			}
			a.silent = false
			a.g.Poll(w.at(), 1)
			a.step(machine.Input{Kind: machine.Tick})
			w.pass(20 * time.Second)
			w.want(4, 5)
			if cooperative := len(pairs) == 3 && (strings.Contains(pairs[0][1], "Cooperative") || pairs[0][1] == "consumer"); cooperative != (b.points.Reached(failpoint.CooperativeRevoke)+a.points.Reached(failpoint.CooperativeRevoke) > 0) {
				t.Error("who is cooperative is wrong")
			}
			// Of a member that does not poll others take what it still has: its lease is over.
			if w.overlap > 5 {
				t.Errorf("%d partitions had two owners\n%s", w.overlap, w.said.String())
			}
		})
	}
}

// A static member that comes again within its session gets what it had, and nobody else
// rebalances; of two with one id the first is fenced (KIP-345).
func TestStaticMember(t *testing.T) {
	w := newGroupWorld(t, 4)
	a := w.add("a", [2]string{"group.instance.id", "i1"})
	b := w.add("b", [2]string{"group.instance.id", "i2"})
	w.pass(30 * time.Second)
	w.want(2, 2)
	had, rebalances := fmt.Sprint(a.g.Owned()), b.points.Reached(failpoint.Rebalance)
	a.dead = true
	w.pass(10 * time.Second)
	again := w.add("a2", [2]string{"group.instance.id", "i1"})
	w.pass(10 * time.Second)
	if got := fmt.Sprint(again.g.Owned()); got != had || b.points.Reached(failpoint.Rebalance) != rebalances {
		t.Errorf("it has %s and had %s; %d rebalances of the other, before %d", got, had, b.points.Reached(failpoint.Rebalance), rebalances)
	}
	w.add("twin", [2]string{"group.instance.id", "i1"})
	w.pass(10 * time.Second)
	if again.g.Fatal() != wire.FencedInstanceID {
		t.Errorf("the one before is told %s", wire.ErrorName(again.g.Fatal()))
	}
}

// A member that does not poll is given a partition and told to give it back before it has
// looked. It has nothing to give back then, and says so all the same: the broker waits for that
// (LocalAssignment.localEpoch).
func TestGivenAndTakenBack(t *testing.T) {
	w := newGroupWorld(t, 2)
	modern := [2]string{"group.protocol", "consumer"}
	a, b := w.add("a", modern), w.add("b", modern)
	w.pass(30 * time.Second)
	w.want(1, 1)
	a.silent = true
	a.g.Away()
	b.g.Close(w.at())
	w.pass(12 * time.Second)
	b.dead = true
	w.add("c", modern)
	w.pass(12 * time.Second)
	a.silent = false
	a.g.Poll(w.at(), 1)
	a.step(machine.Input{Kind: machine.Tick})
	w.pass(12 * time.Second)
	w.want(1, 1)
}

// A member that always has more records than it can take joins again all the same, and is given
// what it is to have: poll does what the coordinator is owed before it looks at them.
func TestRejoinsBeforeBacklog(t *testing.T) {
	for _, pair := range [][2]string{
		{"partition.assignment.strategy", config.AssignorRange},
		{"partition.assignment.strategy", config.AssignorCooperativeSticky},
		{"group.protocol", "consumer"},
	} {
		t.Run(pair[1], func(t *testing.T) {
			w := newGroupWorld(t, 4)
			var all []*member
			for _, name := range []string{"a", "b", "c"} {
				m := w.add(name, pair)
				all = append(all, m)
				m.after = func() {
					for _, x := range m.g.parts {
						if x.state == fetching && x.empty() {
							x.buffer, x.next, x.nextEp = []Fetched{{Offset: x.offset}}, x.offset+1, x.epoch
						}
					}
					w.look(m)
				}
				w.pass(20 * time.Second)
			}
			w.want(1, 1, 2)
			for _, m := range all {
				if x := m.g.parts[0]; len(m.g.parts) > 1 {
					x.state, m.g.offsetsAt = initial, w.now.Add(100*time.Millisecond) // as after an error
				}
			}
			w.pass(time.Second)
			for _, m := range all {
				for _, x := range m.g.parts {
					if x.state != fetching {
						t.Errorf("%s has not been told where to read %v", m.name, x.tp)
					}
				}
			}
		})
	}
}

// What auto-commits would commit while the coordinator is unknown is not what has been consumed
// when it is found: nothing waits for that.
func TestNoAutoCommitWithoutCoordinator(t *testing.T) {
	for _, protocol := range []string{"classic", "consumer"} {
		w := newGroupWorld(t, 1)
		m := w.add("a", [2]string{"group.protocol", protocol}, [2]string{"auto.commit.interval.ms", "200"})
		w.pass(10 * time.Second)
		m.broker("b1").state = "down"
		m.lose(m.broker("b1"))
		w.pass(3 * time.Second)
		if m.g.co.known || len(m.g.jobs) > 0 {
			t.Errorf("%s: %d commits wait, and the coordinator is known: %v", protocol, len(m.g.jobs), m.g.co.known)
		}
		m.broker("b1").state = "up"
		before := m.g.tag
		w.pass(3 * time.Second)
		if m.g.tag == before {
			t.Errorf("%s: nothing is committed when it is back", protocol)
		}
	}
}
