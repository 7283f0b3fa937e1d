package client

import (
	"math"
	"slices"
	"strconv"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// GroupConfig is what a member of a consumer group is made of.
type GroupConfig struct {
	ConsumerConfig
	Topics []string // that it subscribes to
	// Listens says that the owner takes its time for each rebalance that it is told of, and
	// then calls Return; otherwise a rebalance listener takes none.
	Listens bool
	// FirstTag is the tag of the first partition of the first commit; the next has the next.
	// Tags travel as the metadata of commits, so they should be unique in a run.
	FirstTag int64
}

// GroupKind is what a request about a group is for.
type GroupKind uint8

// The kinds of requests about groups. A ConsumerGroupHeartbeat (KIP-848) is a GroupJoin with
// epoch 0, a GroupLeave with a negative one, and a GroupHeartbeat otherwise.
const (
	GroupJoin GroupKind = iota
	GroupSync
	GroupHeartbeat
	GroupLeave
	GroupCommit
	GroupFetch
	GroupDelete // of a [GroupOperator]
)

// GroupOp is one request about a group, from its leaving to its end.
type GroupOp struct {
	Op     int64 // the caller's own
	Kind   GroupKind
	Broker string
	// Gen and Member are those in the request, and when it has ended those in its answer, of
	// a join: the generation, or member epoch, -1 if there is none, and the member id.
	Gen    int32
	Member string
	Stable bool // of a GroupFetch: it waits for transactions (KIP-447)
	Modern bool // it is a ConsumerGroupHeartbeat

	Lost bool  // without an answer
	Code int16 // Kafka's error, of the whole

	Leads bool          // of a GroupJoin: this member is the leader
	Given []GroupShare  // of the leader's GroupSync: what it gives to whom
	TPs   []wire.TP     // of a GroupSync that has ended well: what was given to this member
	Offs  []GroupOffset // of a GroupCommit, and of a GroupFetch, of which offsets come with the answer

	job     *Commit
	memberA string // as in the request
	genA    int32
}

// GroupShare is what the leader of a group gives to one member.
type GroupShare struct {
	Member string
	TPs    []wire.TP
}

// GroupOffset is one offset that is to be committed, or was fetched.
type GroupOffset struct {
	TP     wire.TP
	Offset int64 // of the next record to be read; -1: nothing is committed
	Epoch  int32 // leader epoch of the record before it; -1 if not known
	Tag    int64 // -1 of a fetch that found none
	Code   int16 // Kafka's error, of a request that was answered
}

// GroupWhat is what a GroupEvent says.
type GroupWhat uint8

// What a GroupEvent may say.
const (
	GroupBegan    GroupWhat = iota // a request has left: Op
	GroupEnded                     // it has ended: Op
	GroupAssigned                  // the member owns TPs, beside what it has
	GroupRevoked                   // it gives up TPs, and is done with them when the listener returns
	GroupLost                      // it does not own TPs any more, and somebody else may
)

// GroupEvent is something that happened to a member, in the order in which it did.
type GroupEvent struct {
	What   GroupWhat
	Op     *GroupOp
	TPs    []wire.TP
	Gen    int32 // of the rebalance; -1 if the member has none any more
	Member string
}

// GroupConsumer is Kafka's consumer as a member of a group, by the classic protocol or by
// that of KIP-848. It is used as a [Consumer], with these differences: it assigns to itself,
// and looks for what the group has committed there. Poll is called while the application is
// in its poll loop, in every step, until it gives records or the application does something
// else: who does not call it for max.poll.interval.ms leaves the group, as does who calls
// Close. After Step and after Run the owner looks at Events, beside the rest, before Forget.
type GroupConsumer struct {
	*Consumer
	topics  []string // sorted
	listens bool
	life    uint32
	co      finder
	side    membership
	fail    *failpoint.Set

	member     string // id; empty if there is none
	generation int32  // or member epoch; -1 if there is none
	fatal      int16  // Kafka's error because of which it has given up

	polling bool            // the application is inside poll
	pollBy  machine.Instant // it has to call poll again before that
	calling bool            // the rebalance listener has not returned

	closing closing
	closeBy machine.Instant

	jobs     []*Commit // that have not ended
	ended    []*Commit
	tag      int64
	commitAt machine.Instant // of the next auto-commit

	fetchingOffsets bool
	offsetsAt       machine.Instant
	offsetsFails    uint32

	events []GroupEvent
	gdue   machine.Instant
}

// membership is how a member takes part in its group.
type membership interface {
	// background is what happens whether the application polls or not; foreground is what
	// happens inside poll, and reports whether nothing of a rebalance is under way.
	background(now machine.Instant, out *machine.Effects)
	foreground(now machine.Instant, out *machine.Effects) bool
	answered(now machine.Instant, o *outcome)
	// committable is what a commit may say of the member; a code of Kafka's if it may not
	// commit now.
	committable() int16
	commitRefused(now machine.Instant, code int16, op *GroupOp)
	leave(now machine.Instant, out *machine.Effects) // sends that it leaves, if that can be sent
	leaving() bool                                   // and that has no answer yet
	held(now machine.Instant) bool                   // it is between two assignments, or about to be: what it has is not handed over
	settled() bool                                   // nothing of a rebalance is under way
	due() machine.Instant
}

type closing uint8

const (
	closeNot     closing = iota
	closeCommits         // what was consumed, if enable.auto.commit
	closeRevokes         // the listener has been told
	closeLeaves
	closeDone
)

// closeTimeout is that of Kafka's Consumer.close.
const closeTimeout = 30 * 1e9

// NewGroupConsumer returns a member that has not joined yet.
func NewGroupConsumer(cfg GroupConfig) *GroupConsumer {
	s := &cfg.Settings
	keys := []int16{wire.FindCoordinator, wire.OffsetCommit, wire.OffsetFetch}
	if s.GroupProtocol == "consumer" {
		keys = append(keys, wire.ConsumerGroupHeartbeat)
	} else {
		keys = append(keys, wire.JoinGroup, wire.SyncGroup, wire.Heartbeat, wire.LeaveGroup)
	}
	c := newConsumer(cfg.ConsumerConfig, groupTable(), 1, keys)
	g := &GroupConsumer{Consumer: c, listens: cfg.Listens, life: cfg.Life, generation: -1, tag: cfg.FirstTag, fail: cfg.Failpoints, pollBy: machine.Never, commitAt: machine.Never}
	g.topics = slices.Compact(slices.Sorted(slices.Values(cfg.Topics)))
	for _, t := range g.topics {
		c.net.meta.add(t)
	}
	c.group = g
	g.co = newFinder(&c.net, 0, ofGroup, s.GroupID, c.draw)
	if s.GroupProtocol == "consumer" {
		g.side = newModern(g, cfg.Life)
	} else {
		g.side = newClassic(g)
	}
	return g
}

// groupTable is what a member of a group speaks, beside what any consumer does. From
// OffsetCommit 10 and OffsetFetch 10 on it is topic ids.
func groupTable() *wire.Table {
	return consumerTable().With([]wire.API{
		{Key: wire.FindCoordinator, Min: 1, Max: 4}, {Key: wire.JoinGroup, Min: 4, Max: 9}, {Key: wire.SyncGroup, Min: 2, Max: 5},
		{Key: wire.Heartbeat, Min: 2, Max: 4}, {Key: wire.LeaveGroup, Min: 2, Max: 5}, {Key: wire.OffsetCommit, Min: 5, Max: 9},
		{Key: wire.OffsetFetch, Min: 4, Max: 9}, {Key: wire.ConsumerGroupHeartbeat, Min: 0, Max: 1},
	})
}

// Fatal is Kafka's error because of which the member has given up, as an exception from
// poll says: it was fenced, or the group does not take it. 0 is none.
func (g *GroupConsumer) Fatal() int16 {
	if g.fatal == 0 {
		return g.co.fatal
	}
	return g.fatal
}

// Member is the id of the member, which may be empty, and its generation, or member epoch;
// -1 if it has none.
func (g *GroupConsumer) Member() (id string, generation int32) { return g.member, g.generation }

// Instance is group.instance.id, or empty.
func (g *GroupConsumer) Instance() string { return g.set.GroupInstanceID }

// Owned are the partitions that the member has, sorted.
func (g *GroupConsumer) Owned() []wire.TP {
	var list []wire.TP
	for _, a := range g.parts {
		list = append(list, a.tp)
	}
	slices.SortStableFunc(list, compareTPs)
	return list
}

// Events are what happened since Forget was called.
func (g *GroupConsumer) Events() []GroupEvent { return g.events }

// Commits are those that have ended since Forget was called.
func (g *GroupConsumer) Commits() []*Commit { return g.ended }

// Forget empties what happened.
func (g *GroupConsumer) Forget() {
	g.Consumer.Forget()
	clear(g.events)
	clear(g.ended)
	g.events, g.ended = g.events[:0], g.ended[:0]
}

// Poll is [Consumer.Poll] of an application that is inside poll, and stays there until it
// gets records. Whatever a rebalance has to do happens in the next Run.
func (g *GroupConsumer) Poll(now machine.Now, limit int32) []Polled {
	g.enter(now.Mono)
	if g.calling || g.closing != closeNot || g.Fatal() != 0 || g.side.held(now.Mono) || g.seeks(now.Mono) {
		g.polled = g.polled[:0]
		return nil
	}
	if now.Mono >= g.autoCommitAt() && g.side.settled() {
		g.autoCommit(now.Mono)
	}
	list := g.Consumer.Poll(limit)
	if len(list) > 0 {
		g.polling = false
	}
	return list
}

// enter has the application be inside poll.
func (g *GroupConsumer) enter(now machine.Instant) {
	if !g.polling {
		g.polling = true
		if m, is := g.side.(*modern); is {
			m.polled(now)
		}
	}
	g.pollBy = now.Add(g.set.MaxPollInterval)
}

// Away has the application be outside of poll, though it got no records.
func (g *GroupConsumer) Away() { g.polling = false }

// Return says that the rebalance listener has returned.
func (g *GroupConsumer) Return() { g.calling = false }

// Calling reports whether the member waits for the listener to return.
func (g *GroupConsumer) Calling() bool { return g.calling }

// Rebalancing reports whether a rebalance is under way, as far as the member knows.
func (g *GroupConsumer) Rebalancing() bool { return !g.side.settled() }

// Close commits, if enable.auto.commit, gives up what the member has, and leaves. Closed
// tells when that is done, which may take 30 s if nobody answers.
func (g *GroupConsumer) Close(now machine.Now) {
	if g.closing == closeNot {
		g.closing, g.closeBy = closeCommits, now.Mono.Add(closeTimeout)
		if g.set.EnableAutoCommit && g.side.committable() == 0 {
			g.commit(now.Mono, g.consumed(), commitSync, g.closeBy)
		}
	}
}

// Closed reports whether Close has come to its end.
func (g *GroupConsumer) Closed() bool { return g.closing == closeDone }

// run does what is due about the group.
func (g *GroupConsumer) run(now machine.Instant, out *machine.Effects) machine.Instant {
	g.co.check(now)
	g.gdue = machine.Never
	if g.closing == closeDone {
		return g.gdue
	}
	if g.polling && !g.calling {
		g.pollBy = now.Add(g.set.MaxPollInterval)
	}
	if code := g.Fatal(); code != 0 {
		for _, c := range slices.Clone(g.jobs) {
			if c.op == nil {
				g.endCommit(now, c, code)
			}
		}
		if g.closing != closeNot {
			g.close(now, out)
		}
		return g.gdue
	}
	g.side.background(now, out)
	if g.closing != closeNot {
		g.close(now, out)
	} else if g.polling && g.Fatal() == 0 {
		if settled := g.side.foreground(now, out); settled {
			if now >= g.autoCommitAt() {
				g.autoCommit(now)
			}
			g.fetchOffsets(now, out)
			g.wait(g.autoCommitAt())
		}
	}
	g.sendCommits(now, out)
	g.gdue = min(g.gdue, g.side.due())
	if at := g.co.due(); at > now { // or it has been looked for, as far as links allow, or nobody looks
		g.gdue = min(g.gdue, at)
	}
	if g.closing != closeNot {
		g.gdue = min(g.gdue, g.closeBy)
	}
	return g.gdue
}

// wait has the next step be no later than an instant.
func (g *GroupConsumer) wait(at machine.Instant) { g.gdue = min(g.gdue, at) }

// close goes on with Close.
func (g *GroupConsumer) close(now machine.Instant, out *machine.Effects) {
	over := now >= g.closeBy || g.Fatal() != 0
	if g.closing == closeCommits && (over || len(g.jobs) == 0) {
		g.jobs = nil
		if owned := g.Owned(); len(owned) > 0 {
			what := GroupRevoked
			if g.generation < 0 || !g.side.settled() || g.Fatal() != 0 {
				what = GroupLost // ConsumerCoordinator.onLeavePrepare
			}
			g.tell(now, what, owned)
		}
		g.closing = closeRevokes
	}
	if g.closing == closeRevokes && (over || !g.calling) {
		g.take(nil)
		g.side.leave(now, out)
		g.closing = closeLeaves
	}
	if g.closing == closeLeaves && (over || !g.side.leaving()) {
		g.closing = closeDone
	}
}

// tell tells of a rebalance.
func (g *GroupConsumer) tell(now machine.Instant, what GroupWhat, tps []wire.TP) {
	g.events = append(g.events, GroupEvent{What: what, TPs: tps, Gen: g.generation, Member: g.member})
	g.calling = g.listens
	g.pollBy = now.Add(g.set.MaxPollInterval)
}

// take makes the partitions that the member reads those of a list. Of one that is new the
// position is what the group has committed.
func (g *GroupConsumer) take(tps []wire.TP) {
	for _, tp := range g.Owned() {
		if !slices.Contains(tps, tp) {
			g.Unassign(tp)
		}
	}
	for _, tp := range tps {
		if g.find(tp) == nil {
			g.parts = append(g.parts, &assigned{tp: tp, state: initial, offset: -1, epoch: -1, validated: -1, outOfRange: -1, failedAt: -1})
			g.net.meta.add(tp.Topic)
		}
	}
}

// began and finished tell of a request.
func (g *GroupConsumer) began(op *GroupOp) *GroupOp {
	op.memberA, op.genA = op.Member, op.Gen
	op.Broker = g.co.name
	g.events = append(g.events, GroupEvent{What: GroupBegan, Op: op})
	return op
}

func (g *GroupConsumer) finished(op *GroupOp) {
	g.events = append(g.events, GroupEvent{What: GroupEnded, Op: op, Gen: op.Gen, Member: op.Member})
}

// same reports whether the member is what it was when it asked.
func (g *GroupConsumer) same(op *GroupOp) bool {
	return g.member == op.memberA && g.generation == op.genA
}

// answered takes the end of a call about the group.
func (g *GroupConsumer) answered(now machine.Instant, o *outcome) {
	switch o.call.what {
	case callFindCoordinator:
		g.co.found(now, o)
		if m, is := g.side.(*classic); is && g.co.known {
			m.sessionBy = now.Add(g.set.SessionTimeout)
		}
	case callOffsetCommit:
		g.committed(now, o)
	case callOffsetFetch:
		g.offsetsFetched(now, o)
	default:
		g.side.answered(now, o)
	}
}

// notCoordinator takes the errors that say that a broker is not the coordinator, or may not
// be; it reports whether it was one.
func (g *GroupConsumer) notCoordinator(code int16) bool {
	switch code {
	case wire.NotCoordinator, wire.CoordinatorNotAvailable:
		g.co.hangUp()
		return true
	}
	return false
}

// modern reports whether the member is one by the consumer protocol (KIP-848).
func (g *GroupConsumer) modern() bool {
	_, is := g.side.(*modern)
	return is
}

// lifeOf is how often the member's node has been started before.
func (g *GroupConsumer) lifeOf() uint32 { return g.life }

func (g *GroupConsumer) instancePtr() *string {
	if g.set.GroupInstanceID == "" {
		return nil
	}
	return &g.set.GroupInstanceID
}

// backoffOf is retry.backoff.ms, grown and jittered, of the n-th failure of something.
func (g *GroupConsumer) backoffOf(what string, n uint32) machine.Instant {
	return machine.Instant(backoff(g.set.RetryBackoff, g.set.RetryBackoffMax, n, g.draw.Of(what).With(uint64(n))))
}

func millis(d interface{ Milliseconds() int64 }) int32 {
	return int32(min(d.Milliseconds(), math.MaxInt32))
}

func tagText(tag int64) *string {
	s := strconv.FormatInt(tag, 10)
	return &s
}
