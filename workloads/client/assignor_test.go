package client

import (
	"fmt"
	"slices"
	"testing"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// someGroup is a group of members that take and give partitions, with what each had before.
type someGroup struct {
	draw    machine.Draw
	members []subscriber
	parts   partitionCounts
	turn    uint64
}

func (g *someGroup) n(n uint64) int {
	g.turn++
	return int(g.draw.With(g.turn).N(n))
}

func newGroup(seed uint64, same bool) *someGroup {
	g := &someGroup{draw: machine.NewDraw(seed, "group"), parts: partitionCounts{}}
	for i := range 1 + g.n(4) {
		g.parts[fmt.Sprintf("t%d", i)] = int32(g.n(9))
	}
	for i := range 1 + g.n(6) {
		m := subscriber{id: fmt.Sprintf("m%d-%d", g.n(100), i), generation: -1}
		if g.n(4) == 0 {
			m.instance = fmt.Sprintf("i%d", i)
		}
		for t := range len(g.parts) {
			if same || g.n(3) > 0 {
				m.topics = append(m.topics, fmt.Sprintf("t%d", t))
			}
		}
		if len(m.topics) == 0 {
			m.topics = []string{"t0"}
		}
		g.members = append(g.members, m)
	}
	return g
}

// change has members leave and come, and partitions be added, after an assignment of a
// generation.
func (g *someGroup) change(assigned [][]wire.TP, generation int32) {
	for i := range g.members {
		g.members[i].owned, g.members[i].generation = assigned[i], generation
	}
	switch g.n(4) {
	case 0:
		if len(g.members) > 1 {
			i := g.n(uint64(len(g.members)))
			g.members = slices.Delete(g.members, i, i+1)
		}
	case 1:
		g.members = append(g.members, subscriber{id: fmt.Sprintf("n%d", g.n(1000)), topics: g.members[0].topics, generation: -1})
	case 2:
		g.parts["t0"] += int32(g.n(5))
	}
}

// asked is the group as another client's leader is told of it, through our own bytes.
func (g *someGroup) asked(a *assignor) (list []kmsg.JoinGroupResponseMember) {
	for i := range g.members {
		m := &g.members[i]
		x := kmsg.NewJoinGroupResponseMember()
		x.MemberID = m.id
		if m.instance != "" {
			x.InstanceID = kmsg.StringPtr(m.instance)
		}
		said := *m
		if !a.cooperative {
			said.owned = nil // it has given up all
		}
		x.ProtocolMetadata = encodeSubscription(a, &said, m.owned, m.generation)
		list = append(list, x)
	}
	return list
}

// theirs is what franz-go's balancer makes of the group.
func (g *someGroup) theirs(t *testing.T, b kgo.GroupBalancer, a *assignor) [][]wire.TP {
	t.Helper()
	var sorted []kmsg.JoinGroupResponseMember // as its client does before it asks a balancer
	for _, m := range bySeniority(g.members) {
		sorted = append(sorted, g.asked(a)[m])
	}
	mb, _, err := b.MemberBalancer(sorted)
	if err != nil {
		t.Fatal(err)
	}
	topics := map[string]int32{}
	for name, n := range g.parts {
		topics[name] = n
	}
	out := make([][]wire.TP, len(g.members))
	balanced, err := mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(topics)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range balanced.IntoSyncAssignment() {
		tps, err := decodeAssignment(x.MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		out[slices.IndexFunc(g.members, func(m subscriber) bool { return m.id == x.MemberID })] = tps
	}
	return out
}

// heard are the members as our leader reads them from the same bytes.
func (g *someGroup) heard(t *testing.T, a *assignor) (list []subscriber) {
	t.Helper()
	for _, x := range g.asked(a) {
		m, err := decodeSubscription(a, x.MemberID, x.InstanceID, x.ProtocolMetadata)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// Range and round robin give every partition to whom franz-go's, and Kafka's, give it.
func TestAssignorsAreThoseOfOthers(t *testing.T) {
	for seed := range uint64(2000) {
		for i, b := range []kgo.GroupBalancer{kgo.RangeBalancer(), kgo.RoundRobinBalancer()} {
			a := assignors()[i]
			if b.ProtocolName() != a.name {
				t.Fatalf("%s is not %s", a.name, b.ProtocolName())
			}
			g := newGroup(seed, seed%2 == 0)
			ours, theirs := a.assign(g.heard(t, a), g.parts), g.theirs(t, b, a)
			for m := range ours {
				slices.SortFunc(ours[m], compareTPs)
			}
			if fmt.Sprint(ours) != fmt.Sprint(theirs) {
				t.Fatalf("seed %d, %s of %v over %v:\n ours   %v\n theirs %v", seed, a.name, g.members, g.parts, ours, theirs)
			}
		}
	}
}

// The sticky assignor is free in its choice where several are as good. It has to balance as
// well as franz-go's and to move no more.
func TestStickyIsAsGoodAsOthers(t *testing.T) {
	ours, theirs := 0, 0
	for seed := range uint64(2000) {
		g, a := newGroup(seed, seed%2 == 0), assignors()[2]
		for generation := range int32(4) {
			x, y := assignSticky(g.heard(t, a), g.parts), g.theirs(t, kgo.StickyBalancer(), a)
			check(t, g, x)
			if squares(x) != squares(y) {
				t.Fatalf("seed %d, generation %d: balance %d, franz-go's %d\n ours   %v\n theirs %v\nof %+v over %v", seed, generation, squares(x), squares(y), x, y, g.members, g.parts)
			}
			ours, theirs = ours+moved(g, x), theirs+moved(g, y)
			if seed%2 == 0 && moved(g, x) > moved(g, y) {
				t.Fatalf("seed %d, generation %d: %d moves, franz-go's %d\n ours   %v\n theirs %v\nof %+v over %v", seed, generation, moved(g, x), moved(g, y), x, y, g.members, g.parts)
			}
			g.change(x, generation)
		}
	}
	if ours > theirs*102/100 {
		t.Errorf("%d partitions are moved, franz-go moves %d", ours, theirs)
	}
}

// A partition never passes from one owner to the next in one rebalance, and is with somebody
// when no more are asked for.
func TestCooperativeHandsOver(t *testing.T) {
	a := assignors()[3]
	for seed := range uint64(2000) {
		g := newGroup(seed, seed%2 == 0)
		g.change(assignSticky(g.heard(t, a), g.parts), 0)
		for generation := int32(1); ; generation++ {
			members := g.heard(t, a)
			x := a.assign(members, g.parts)
			handOver(members, x)
			again := false
			for i := range members {
				for j := range members {
					for _, tp := range x[j] {
						if i != j && slices.Contains(members[i].owned, tp) {
							t.Fatalf("seed %d: %v goes from %s to %s at once", seed, tp, members[i].id, members[j].id)
						}
					}
				}
				for _, tp := range members[i].owned {
					again = again || !slices.Contains(x[i], tp)
				}
			}
			if !again {
				check(t, g, x)
				break
			}
			if generation > 3 {
				t.Fatalf("seed %d: no end of rebalances", seed)
			}
			for i := range g.members {
				g.members[i].owned, g.members[i].generation = x[i], generation
			}
		}
	}
}

// Who claims what a later generation has given to another does not own it, and of two who
// claim it in one generation nobody keeps it at once (KAFKA-12984, KAFKA-13406).
func TestStaleClaims(t *testing.T) {
	tp := wire.TP{Topic: "t", Partition: 0}
	topics, parts := []string{"t"}, partitionCounts{"t": 1}
	members := []subscriber{{id: "a", topics: topics, owned: []wire.TP{tp}, generation: 4}, {id: "b", topics: topics, owned: []wire.TP{tp}, generation: 5}}
	x := assignSticky(members, parts)
	if handOver(members, x); len(x[0]) != 0 || len(x[1]) != 1 {
		t.Errorf("%v: want it to stay with b", x)
	}
	members[0].generation = 5
	x = assignSticky(members, parts)
	if handOver(members, x); len(x[0])+len(x[1]) != 0 {
		t.Errorf("%v: want neither to have it", x)
	}
}

// check holds an assignment to what any has to be: every partition that somebody wants is
// with one member that wants it.
func check(t *testing.T, g *someGroup, assigned [][]wire.TP) {
	t.Helper()
	has := map[wire.TP]int{}
	for i, tps := range assigned {
		for _, tp := range tps {
			has[tp]++
			if tp.Partition >= g.parts[tp.Topic] || !slices.Contains(g.members[i].topics, tp.Topic) {
				t.Fatalf("%s is given %v, of %v", g.members[i].id, tp, g.parts)
			}
		}
	}
	for _, topic := range topicsOf(g.members) {
		for p := range g.parts[topic] {
			if tp := (wire.TP{Topic: topic, Partition: p}); has[tp] != 1 {
				t.Fatalf("%v is given %d times: %v", tp, has[tp], assigned)
			}
		}
	}
}

func squares(assigned [][]wire.TP) (n int) {
	for _, tps := range assigned {
		n += len(tps) * len(tps)
	}
	return n
}

// moved is how many partitions are not with the member that had them.
func moved(g *someGroup, assigned [][]wire.TP) (n int) {
	for i := range g.members {
		for _, tp := range g.members[i].owned {
			if !slices.Contains(assigned[i], tp) {
				n++
			}
		}
	}
	return n
}

func FuzzSubscription(f *testing.F) {
	me := subscriber{id: "m", topics: []string{"a", "b"}, owned: []wire.TP{{Topic: "a", Partition: 3}}, generation: 7}
	for i := range assignors() {
		f.Add(encodeSubscription(assignors()[i], &me, me.owned, 7))
	}
	f.Add(encodeAssignment(me.owned))
	f.Fuzz(func(t *testing.T, b []byte) {
		for i := range assignors() {
			if m, err := decodeSubscription(assignors()[i], "m", nil, b); err == nil {
				again, err := decodeSubscription(assignors()[i], "m", nil, encodeSubscription(assignors()[i], &m, m.owned, max(m.generation, 0)))
				if err != nil || !slices.Equal(again.topics, m.topics) {
					t.Errorf("%v: %+v, then %+v", err, m, again)
				}
			}
		}
		if tps, err := decodeAssignment(b); err == nil {
			if again, err := decodeAssignment(encodeAssignment(tps)); err != nil || !slices.Equal(again, tps) {
				t.Errorf("%v: %v, then %v", err, tps, again)
			}
		}
		readStickyData(b)
	})
}
