package checker

import (
	"fmt"
	"slices"

	"brokersim/checker/history"
)

// group is a consumer group.
type group struct {
	name      string
	installed int32   // the highest generation that is certain: somebody was given his share of it
	by        witness // the event that said so
	byT       int64
	parts     []*claimable      // by TP
	members   map[int32]*member // by process
	twins     map[string]string // group.instance.id -> the member that was given its share last
	replaced  map[string]string // a static member -> the one that has taken its place since
	forgot    int64             // the event at which its coordinator had lost what was committed, or it was deleted; or None
	deleted   deletion
	gone      int64        // the end of the last deletion that has come about, or may have; or None
	deleters  []int32      // the processes that have asked for one, and have no answer
	aside     []aside      // what was read meanwhile
	seen      int64        // ns; when its coordinator last obeyed somebody in it, or None
	joins     bool         // members join it, by the classic protocol
	beats     bool         // they heartbeat
	shared    []history.TP // with several owners, as far as anybody has said; or with one by now
}

// consumer reports whether the group is of KIP-848, where each member has its own epoch: its
// history says so, or shows members that heartbeat and never join.
func (g *group) consumer(c *Checker) bool {
	return c.h.Set.Protocol == "consumer" || c.h.Set.Protocol == "" && g.beats && !g.joins
}

// claimable is a partition as a group sees it.
type claimable struct {
	owners   []owner // who has been assigned it and has not given it back
	last     owner   // the last that was assigned it
	wanted   bool    // somebody has subscribed to it
	reg      register
	finished history.Table[uint8] // offset -> how often the group has finished with it, up to 255
	from     int64                // where the group began to read it, or None
	working  bool                 // somebody has said what he has finished with
	to       int64                // how far it says that it has come, when that is settled
	settled  bool
	refused  int32 // 1 + the commit that was refused last, or 0
	// Who has finished with what, if that is promised to be once: offset -> 1 + index into events.
	firsts history.Table[int32]
	events []when
}

// owner is one who owns a partition.
type owner struct {
	p, gen   int32
	id       string // of the member
	instance string
	by       witness // his being assigned it
	t        int64
}

// member is a process as the member of a group.
type member struct {
	p, gen   int32 // the generation, or member epoch, of which it was last given its share
	instance string
	id       string
	joined   bool // it has subscribed, and not left
	assigned bool // its history says what it is assigned
	wants    []history.TP
}

func (c *Checker) group(name string) *group {
	g := c.groups[name]
	if g == nil {
		if c.groups == nil {
			c.groups = map[string]*group{}
		}
		g = &group{name: name, members: map[int32]*member{}, twins: map[string]string{}, replaced: map[string]string{},
			forgot: history.None, gone: history.None, seen: history.None, deleted: deletion{never, never}}
		c.groups[name] = g
	}
	return g
}

func (g *group) member(p int32) *member {
	m := g.members[p]
	if m == nil {
		m = &member{p: p}
		g.members[p] = m
	}
	return m
}

func (g *group) at(tp history.TP) *claimable {
	for int(tp) >= len(g.parts) {
		g.parts = append(g.parts, nil)
	}
	if g.parts[tp] == nil {
		g.parts[tp] = &claimable{from: history.None, reg: register{initial: initially, most: history.None, rewound: history.None}}
	}
	return g.parts[tp]
}

// grouped takes an event of a group that is no offset.
func (c *Checker) grouped(e *history.Event) {
	g := c.group(e.Group)
	m := g.member(e.P)
	if e.Instance != "" {
		m.instance = e.Instance
	}
	if e.Member != "" {
		m.id = e.Member
	}
	switch e.F {
	case history.Subscribe:
		c.changed(e)
		m.joined, m.wants = true, append(m.wants[:0], e.TPs...)
		c.process(e.P).group = g
	case history.Unsubscribe:
		c.left(g, m, e)
	case history.Assigned:
		c.changed(e)
		c.process(e.P).group = g
		m.assigned = true
		c.toldOf(g, m, e)
		now := owner{p: m.p, gen: e.Gen, id: m.id, instance: m.instance, by: c.line(e), t: e.T}
		for _, tp := range e.TPs {
			c.owns(g, m, e, tp, now)
		}
	case history.Revoked, history.Lost:
		c.changed(e)
		for _, tp := range e.TPs {
			g.at(tp).gives(e.P)
			c.process(e.P).at(tp).resume = settled
		}
	}
}

// left is the end of a membership.
func (c *Checker) left(g *group, m *member, e *history.Event) {
	c.changed(e)
	m.joined = false
	for _, x := range g.parts {
		if x != nil {
			x.gives(m.p)
		}
	}
}

func (x *claimable) owned(p int32) bool {
	return slices.ContainsFunc(x.owners, func(o owner) bool { return o.p == p })
}

// gives ends what a process owns.
func (x *claimable) gives(p int32) {
	x.owners = slices.DeleteFunc(x.owners, func(o owner) bool { return o.p == p })
}

// toldOf takes note that a member was told of a generation.
func (c *Checker) toldOf(g *group, m *member, e *history.Event) {
	if e.Gen < 0 {
		return
	}
	if m.instance != "" && e.Member != "" && g.replaced[e.Member] == "" {
		if was := g.twins[m.instance]; was != "" && was != e.Member {
			g.replaced[was] = e.Member
		}
		g.twins[m.instance] = e.Member
	}
	if e.Gen > g.installed {
		g.installed, g.by, g.byT = e.Gen, c.line(e), e.T
	}
	if e.Gen <= m.gen {
		return
	}
	m.gen = e.Gen
	for tp, x := range g.parts {
		if x == nil {
			continue
		}
		for i := range x.owners {
			o := &x.owners[i]
			if o.p != m.p || o.gen >= e.Gen {
				continue
			}
			c.looked[oneOwner]++
			if x.last.gen == e.Gen && x.last.p != m.p && !twins(&x.last, m.instance) && !g.mayBeGone(e.I) {
				c.twoOwners(g, history.TP(tp), o, &x.last, e)
			}
		}
	}
}

func twins(o *owner, instance string) bool { return instance != "" && o.instance == instance }

// owns takes the assignment of one partition.
func (c *Checker) owns(g *group, m *member, e *history.Event, tp history.TP, now owner) {
	x := g.at(tp)
	c.looked[oneOwner]++
	x.gives(m.p)
	for i := range x.owners {
		o := &x.owners[i]
		// Who was not there when a later generation came about may still think that it owns
		// what it did: all that holds it off then is that it is fenced.
		there := o.gen == e.Gen || o.gen < e.Gen && g.member(o.p).gen >= e.Gen
		if there && !twins(o, m.instance) && !g.mayBeGone(e.I) {
			c.twoOwners(g, tp, o, &now, e)
		}
	}
	if len(x.owners) > 0 && !slices.Contains(g.shared, tp) {
		g.shared = append(g.shared, tp)
	}
	x.owners = append(x.owners, now)
	x.last = now
	pos := c.process(m.p).at(tp)
	pos.known, pos.assigned, pos.fresh, pos.working, pos.resume, pos.refused = false, true, false, false, awaited, refusal{}
	if x.from == history.None {
		pos.first = true
	}
}

func (c *Checker) twoOwners(g *group, tp history.TP, a, b *owner, e *history.Event) {
	c.tell(oneOwner, func() violation {
		in := fmt.Sprintf("in generation %d", a.gen)
		if a.gen < 0 {
			in = "before its coordinator had lost what it knew"
		}
		v := violation{
			what: fmt.Sprintf("Two owners: in generation %d of group %s, %s was assigned to %s at %s, while %s, to which it was assigned at %s %s, had not given it back.",
				b.gen, g.name, c.h.Name(tp), c.say().member(b.p), moment(b.t), c.say().member(a.p), moment(a.t), in),
			witness: []witness{a.by, b.by},
		}
		if e.I != b.by.i {
			v.witness = append(v.witness, c.line(e))
		}
		return v
	})
}

// beginsAnew takes note that its coordinator may not know the group: its generations begin
// again, and who was in them believes what it did until it is told.
func (g *group) beginsAnew() {
	g.installed = 0
	clear(g.twins)
	clear(g.replaced)
	for _, m := range g.members { // unordered: each for itself
		m.gen = 0
	}
	for _, x := range g.parts {
		if x == nil {
			continue
		}
		x.last.gen = history.None
		for i := range x.owners {
			x.owners[i].gen = history.None
		}
	}
}

// beside is what a member owned, when it sent a heartbeat, of which another was the owner too.
type beside struct {
	tp           history.TP
	owner, other owner
}

// besides looks for what a member has not given back and another was assigned since. In a group
// of KIP-848 each has an epoch of its own, and who is to give back stays in his until he says
// that he has: so nothing is wrong if the other's is higher. But a partition becomes another's
// before that only if its owner was put out, and then none of his heartbeats is accepted any
// more until he joins again. Who was assigned it since is who was in a later epoch, and not who
// has heard of it later: one that wakes may take an old answer for his assignment, which keeps
// the owner from nothing.
func (g *group) besides(e *history.Event) *beside {
	if e.F != history.Heartbeat || e.Gen <= 0 || len(g.shared) == 0 {
		return nil
	}
	g.shared = slices.DeleteFunc(g.shared, func(tp history.TP) bool { return len(g.at(tp).owners) < 2 })
	for _, tp := range g.shared {
		owners := g.at(tp).owners
		i := slices.IndexFunc(owners, func(o owner) bool { return o.p == e.P && o.id == e.Member })
		if i < 0 || owners[i].gen < 0 { // its coordinator may have forgotten
			continue
		}
		for j := range owners {
			if j != i && owners[j].gen >= owners[i].gen && !twins(&owners[j], owners[i].instance) {
				return &beside{tp, owners[i], owners[j]}
			}
		}
	}
	return nil
}

// call is an operation of a group or of a transaction under way: what stood when it began.
type call struct {
	known    bool
	i, t     int64
	asked    when
	group    *group
	gen      int32
	member   string
	p        int32
	first, n int32        // its commits
	x        int32        // its transaction
	tps      []history.TP // of a fetch of what is committed
	stable   bool
	fin      bool

	unowned   bool // it commits of a partition that it was not assigned
	unownedTP history.TP

	newer    int32 // the generation that was installed, if that is higher; else None
	newerBy  witness
	newerT   int64
	twin     string // the member that had joined for the same instance since, or empty
	beside   *beside
	deposing int32 // the epoch of the coordinator that was known; None: none was
	deposer  string

	zombie bool // the producer was fenced
	by     fence
	epoch  int32
	pid    int64
}

// coordinator is who coordinates a group or a transactional.id, as far as the history says.
type coordinator struct {
	broker string
	epoch  int32
}

// called takes the invocation of an operation of a group or a transaction.
func (c *Checker) called(e *history.Event) {
	x := c.room()
	*x = call{known: true, tps: append(x.tps[:0], e.TPs...), i: e.I, t: e.T, asked: whenOf(e), gen: e.Gen, member: e.Member, p: e.P, first: int32(len(c.commits)),
		stable: e.Spec == "stable", fin: e.Fin, newer: history.None, deposing: history.None, epoch: e.Epoch, pid: e.PID}
	if e.Group != "" {
		g := c.group(e.Group)
		x.group = g
		c.expires(g, e)
		g.joins = g.joins || e.F == history.Join
		g.beats = g.beats || e.F == history.Heartbeat
		if e.Gen >= 0 && e.Gen < g.installed && (e.F != history.TxnOffsets || e.Gen > 0) {
			x.newer, x.newerBy, x.newerT = g.installed, g.by, g.byT
		}
		m := g.member(e.P)
		if e.Instance != "" {
			m.instance = e.Instance
		}
		x.twin = g.replaced[e.Member]
		x.beside = g.besides(e)
		if co, known := c.coordinators[e.Group]; known {
			x.deposing, x.deposer = co.epoch, co.broker
		}
	}
	x.by, x.zombie = c.fenced(e)
	switch e.F {
	case history.OffsetCommit, history.TxnOffsets:
		x.x = c.transaction(e)
		c.commitBegins(e, x)
	case history.TxnCommit, history.TxnAbort:
		x.x = c.transaction(e)
		c.endAsked(e)
	case history.Leave:
		if x.group != nil {
			c.left(x.group, x.group.member(e.P), e)
		}
	case history.InitProducer:
		c.initAsked(e)
	case history.Join:
		c.changed(e)
	case history.DeleteGroup:
		if x.group != nil {
			x.group.deletes(e)
		}
	}
	if c.calls == nil {
		c.calls = map[int64]*call{}
	}
	c.calls[e.ID] = x
}

// room returns a call to be filled in: one that was answered is used again.
func (c *Checker) room() *call {
	n := len(c.free)
	if n == 0 {
		return &call{}
	}
	x := c.free[n-1]
	c.free = c.free[:n-1]
	return x
}

// answered takes the completion of one.
func (c *Checker) answered(e *history.Event) {
	x := c.calls[e.ID]
	if x == nil {
		x = &call{} // nobody saw it begin
	} else {
		delete(c.calls, e.ID)
		defer func() { c.free = append(c.free, x) }()
	}
	if x.group == nil && e.Group != "" {
		x.group = c.group(e.Group)
	}
	if x.group != nil && e.E == history.OK && e.F != history.OffsetFetch {
		x.group.seen = e.T
	}
	switch e.F {
	case history.OffsetCommit, history.TxnOffsets:
		if x.x != 0 {
			if t := &c.txns[x.x-1]; e.E == history.OK {
				t.heard = true
			} else {
				c.toldFenced(e, t, e.Why)
			}
		}
		c.commitEnds(e, x)
	case history.OffsetFetch:
		if e.E == history.OK && x.group != nil {
			c.fetched(e, x)
		} else if e.E == history.Fail {
			c.fetchRefused(e, x)
		}
	case history.InitProducer:
		c.initAnswered(e, x)
		if e.E == history.OK {
			c.initialized(e)
		}
	case history.TxnCommit, history.TxnAbort:
		c.endDone(e, x)
	case history.DeleteGroup:
		c.deletionEnds(e, x)
	case history.Join, history.Sync, history.Heartbeat:
		if e.E == history.OK && x.group != nil {
			c.memberAnswered(e, x)
		}
	}
}

// memberAnswered takes the successful answer to a join, sync or heartbeat. What makes a
// generation, or a static member's new id, is the record that a sync is answered after: what a
// join was answered, or a heartbeat, a coordinator may forget that is deposed or moves, and
// the generation before goes on. A member epoch of KIP-848 is a record whenever it changes.
func (c *Checker) memberAnswered(e *history.Event, x *call) {
	g := x.group
	m := g.member(x.p)
	if e.F != history.Join {
		c.holdMember(e, x)
	}
	if x.beside != nil && x.deposing >= 0 && e.Broker == x.deposer && g.consumer(c) && !g.mayBeGone(x.i) {
		c.looked[oneOwner]++
		c.twoOwners(g, x.beside.tp, &x.beside.owner, &x.beside.other, e)
	}
	gen := e.Gen
	if gen == 0 {
		gen = x.gen
	}
	if gen <= 0 || e.F != history.Sync && (e.F != history.Heartbeat || !g.consumer(c)) {
		return
	}
	told := *e
	told.Gen, told.P = gen, x.p
	if told.Member == "" {
		told.Member = x.member
	}
	c.toldOf(g, m, &told)
}

// holdMember holds the answer to a sync or heartbeat against the generation that was there
// when it was asked for. A coordinator that was deposed and does not know it may go on
// answering, since that takes no record: so the history must say that this was none.
func (c *Checker) holdMember(e *history.Event, x *call) {
	if !x.known || x.deposing < 0 || e.Broker != x.deposer || x.group.consumer(c) {
		return
	}
	c.looked[fencing]++
	if x.group.mayBeGone(x.i) {
		return
	}
	if x.newer >= 0 {
		c.zombieMember(e, x)
	} else if x.twin != "" {
		c.twinMember(e, x)
	}
}

func (c *Checker) zombieMember(e *history.Event, x *call) {
	c.tell(fencing, func() violation {
		return violation{
			what: fmt.Sprintf("An old generation was accepted: %v of %s at %s, of generation %d of group %s, was asked for after generation %d was installed at %s.",
				e.F, c.say().member(x.p), moment(e.T), x.gen, x.group.name, x.newer, moment(x.newerT)),
			witness: []witness{x.newerBy, c.asking(x, e), c.line(e)},
		}
	})
}

func (c *Checker) twinMember(e *history.Event, x *call) {
	c.tell(fencing, func() violation {
		return violation{
			what: fmt.Sprintf("A fenced instance was accepted: %v of %s at %s, as member %s of group %s, was asked for after member %s had come in as the same group.instance.id %s.",
				e.F, c.say().member(x.p), moment(e.T), x.member, x.group.name, x.twin, x.group.member(x.p).instance),
			witness: []witness{c.asking(x, e), c.line(e)},
		}
	})
}

// asking is the invocation of an operation of a group.
func (c *Checker) asking(x *call, e *history.Event) witness {
	return c.line(&history.Event{I: x.i, T: x.t, E: history.Inv, F: e.F, ID: e.ID, P: x.p, Group: x.group.name, Gen: x.gen, Member: x.member})
}

// changed takes note that the group, or the cluster, was disturbed: see liveness.
func (c *Checker) changed(e *history.Event) {
	if c.finI == history.None {
		c.disturbed, c.disturbedBy = e.T, e.I
	}
}
