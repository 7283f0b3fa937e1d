package client

import (
	"slices"
	"strconv"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Commit is one call of commitSync or commitAsync, or an auto-commit. A commitSync is one
// request after another until one is answered for good; each is a GroupOp of its own, with
// tags of its own.
type Commit struct {
	Offs []GroupOffset
	// Code is Kafka's error once it has ended: RebalanceInProgress or IllegalGeneration,
	// UnknownMemberID, ... for CommitFailedException; RequestTimedOut for one whose time is over.
	Code int16

	how     commitHow
	op      *GroupOp // in flight
	by      machine.Instant
	retryAt machine.Instant
	fails   uint32
	over    bool
}

type commitHow uint8

const (
	commitAsync commitHow = iota
	commitSync
	commitAuto
	commitPrepare // the auto-commit before a rebalance
)

// CommitSync commits offsets, and tries again as long as that may help and
// default.api.timeout.ms is not over. No offsets are a commit that ends at once.
func (g *GroupConsumer) CommitSync(now machine.Now, offs []GroupOffset) *Commit {
	return g.commit(now.Mono, offs, commitSync, now.Mono.Add(g.set.DefaultAPITimeout))
}

// CommitAsync commits offsets with one request.
func (g *GroupConsumer) CommitAsync(now machine.Now, offs []GroupOffset) *Commit {
	return g.commit(now.Mono, offs, commitAsync, now.Mono.Add(g.set.DefaultAPITimeout))
}

// Ended reports whether a commit has ended.
func (c *Commit) Ended() bool { return c.over }

func (g *GroupConsumer) commit(now machine.Instant, offs []GroupOffset, how commitHow, by machine.Instant) *Commit {
	c := &Commit{Offs: offs, how: how, by: by}
	if len(offs) == 0 {
		c.over = true
		return c
	}
	g.jobs = append(g.jobs, c)
	return c
}

// autoCommitAt is when auto.commit.interval.ms is over, or never while nothing is committed by
// itself: what poll would commit is what has been consumed when the coordinator is known, not
// when it was lost, and a member by the consumer protocol has one such commit at a time
// (ConsumerCoordinator.poll, CommitRequestManager.poll and shouldAutoCommit).
func (g *GroupConsumer) autoCommitAt() machine.Instant {
	if !g.set.EnableAutoCommit || !g.co.known {
		return machine.Never
	}
	if g.modern() && slices.ContainsFunc(g.jobs, func(c *Commit) bool { return c.how == commitAuto }) {
		return machine.Never
	}
	return g.commitAt
}

// autoCommit commits what earlier polls have given out, whatever the application has made of
// it by now.
func (g *GroupConsumer) autoCommit(now machine.Instant) {
	g.commitAt = now.Add(max(g.set.AutoCommitInterval, 1e6))
	g.commit(now, g.consumed(), commitAuto, machine.Never)
}

// consumed are the positions of what the member has (SubscriptionState.allConsumed).
func (g *GroupConsumer) consumed() (offs []GroupOffset) {
	for _, a := range g.parts {
		if a.state == fetching && a.offset >= 0 {
			o := GroupOffset{TP: a.tp, Offset: a.offset, Epoch: a.epoch}
			if g.fail.On(failpoint.F01SaveFetched, uint64(a.tp.Partition)) {
				o.Offset, o.Epoch = g.Fetched(a.tp)
			}
			offs = append(offs, o)
		}
	}
	slices.SortStableFunc(offs, func(a, b GroupOffset) int { return a.TP.Compare(b.TP) })
	return offs
}

// sendCommits sends what may be sent. Those that wait for the coordinator have it be found.
func (g *GroupConsumer) sendCommits(now machine.Instant, out *machine.Effects) {
	for _, c := range slices.Clone(g.jobs) {
		switch {
		case c.op != nil:
			continue
		case c.how == commitAuto && !g.co.known && !g.modern():
			g.commitAt = now.Add(g.set.RetryBackoff) // what is not sent is lost with the connection
			g.endCommit(now, c, wire.NetworkException)
			continue
		case now >= c.by:
			g.endCommit(now, c, wire.RequestTimedOut)
			continue
		case now < c.retryAt:
			g.wait(min(c.retryAt, c.by))
			continue
		}
		if c.by < machine.Never {
			g.wait(c.by)
		}
		if code := g.side.committable(); code != 0 {
			g.endCommit(now, c, code)
			continue
		}
		if l := g.co.ready(now, out); l != nil {
			g.sendCommit(now, c, l, out)
		}
	}
}

func (g *GroupConsumer) sendCommit(now machine.Instant, c *Commit, l *link, out *machine.Effects) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = g.set.GroupID, g.member, g.generation, g.instancePtr()
	op := &GroupOp{Kind: GroupCommit, Gen: g.generation, Member: g.member, Offs: slices.Clone(c.Offs), job: c}
	for i := range op.Offs {
		o := &op.Offs[i]
		o.Tag, o.Code = g.tag, 0
		g.tag++
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != o.TP.Topic {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = o.TP.Topic
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = o.TP.Partition, o.Offset, o.Epoch, tagText(o.Tag)
		t.Partitions = append(t.Partitions, p)
	}
	c.op = g.began(op)
	g.net.send(now, &call{what: callOffsetCommit, request: req, group: op}, l, nil, true, out)
}

// committed takes the answer to an OffsetCommit, or its loss.
func (g *GroupConsumer) committed(now machine.Instant, o *outcome) {
	op := o.call.group
	c := op.job
	c.op = nil
	resp, is := o.body.(*kmsg.OffsetCommitResponse)
	op.Lost = !is
	worst := wire.None
	if !is {
		worst = wire.NetworkException
		g.co.lost()
	} else {
		for i := range op.Offs {
			x := &op.Offs[i]
			x.Code = committedPart(resp, x.TP)
			if worst == 0 {
				worst = x.Code // the handler stops at the first
			}
		}
		op.Code = worst
	}
	g.finished(op)
	if worst == wire.RequestTimedOut {
		g.co.hangUp()
	}
	g.notCoordinator(worst)
	again := false
	switch worst {
	case wire.None, wire.UnknownServerError:
	case wire.NetworkException, wire.CoordinatorLoadInProgress, wire.UnknownTopicOrPartition, wire.CoordinatorNotAvailable, wire.NotCoordinator, wire.RequestTimedOut:
		again = true
	case wire.StaleMemberEpoch:
		// The member may have another epoch by now: CommitRequestManager.
		again = g.generation > 0 && (c.how == commitSync || c.how == commitPrepare)
	default:
		g.side.commitRefused(now, worst, op)
	}
	switch {
	case again && c.how == commitAuto:
		g.commitAt = now.Add(g.set.RetryBackoff)
		g.endCommit(now, c, worst)
	case again && c.how != commitAsync:
		c.retryAt = now + g.backoffOf("commit", c.fails)
		c.fails++
	default:
		g.endCommit(now, c, worst)
	}
}

func committedPart(resp *kmsg.OffsetCommitResponse, tp wire.TP) int16 {
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if x := &resp.Topics[i].Partitions[j]; x.Partition == tp.Partition && resp.Topics[i].Topic == tp.Topic {
				return x.ErrorCode
			}
		}
	}
	return wire.UnknownServerError
}

func (g *GroupConsumer) endCommit(_ machine.Instant, c *Commit, code int16) {
	c.Code, c.over = code, true
	g.jobs = slices.DeleteFunc(g.jobs, func(x *Commit) bool { return x == c })
	g.ended = append(g.ended, c)
}

// seeks reports whether what the group has committed is to be asked for, and can be: that comes
// before what was fetched, too (updateFetchPositions).
func (g *GroupConsumer) seeks(now machine.Instant) bool {
	if g.fetchingOffsets || now < g.offsetsAt || g.co.up() == nil || !g.side.settled() {
		return false
	}
	return slices.ContainsFunc(g.parts, func(a *assigned) bool { return a.state == initial })
}

// fetchOffsets asks for what the group has committed of the partitions whose position is not
// known.
func (g *GroupConsumer) fetchOffsets(now machine.Instant, out *machine.Effects) {
	var tps []wire.TP
	for _, a := range g.parts {
		if a.state == initial {
			tps = append(tps, a.tp)
		}
	}
	if len(tps) == 0 || g.fetchingOffsets {
		return
	}
	if now < g.offsetsAt {
		g.wait(g.offsetsAt)
		return
	}
	l := g.co.ready(now, out)
	if l == nil {
		return
	}
	req, op := offsetFetch(g.set.GroupID, tps)
	op.Gen, op.Member = g.generation, g.member
	if g.modern() {
		req.Groups[0].MemberID, req.Groups[0].MemberEpoch = &g.member, g.generation
	}
	g.fetchingOffsets = true
	g.net.send(now, &call{what: callOffsetFetch, request: req, group: g.began(op)}, l, nil, true, out)
}

// offsetFetch is a request for what a group has committed of some partitions, in the shape of
// all versions, by nobody in particular.
func offsetFetch(group string, tps []wire.TP) (*kmsg.OffsetFetchRequest, *GroupOp) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = group, true
	of := kmsg.NewOffsetFetchRequestGroup()
	of.Group = group
	op := &GroupOp{Kind: GroupFetch, Gen: -1, Stable: true}
	for _, t := range byTopic(tps) {
		old, x := kmsg.NewOffsetFetchRequestTopic(), kmsg.NewOffsetFetchRequestGroupTopic()
		old.Topic, old.Partitions = t.topic, t.partitions
		x.Topic, x.Partitions = t.topic, t.partitions
		req.Topics, of.Topics = append(req.Topics, old), append(of.Topics, x)
		for _, p := range t.partitions {
			op.Offs = append(op.Offs, GroupOffset{TP: wire.TP{Topic: t.topic, Partition: p}, Offset: -1, Epoch: -1, Tag: -1})
		}
	}
	req.Groups = append(req.Groups, of)
	return req, op
}

// offsetsFetched takes the answer, or its loss.
func (g *GroupConsumer) offsetsFetched(now machine.Instant, o *outcome) {
	op := o.call.group
	g.fetchingOffsets = false
	resp, is := o.body.(*kmsg.OffsetFetchResponse)
	op.Lost = !is
	code := wire.NetworkException
	if is {
		code = readOffsets(resp, op.Offs)
		op.Code = code
	}
	if code == wire.StaleMemberEpoch {
		g.fail.Hit(failpoint.StaleFetch)
		if g.fail.OnAbout(failpoint.F12StaleIsNone, g.member, uint64(op.genA), 0) {
			code = wire.None
		}
	}
	g.finished(op)
	if code != wire.None {
		if !is {
			g.co.lost()
		}
		g.notCoordinator(code)
		g.offsetsAt = now + g.backoffOf("offsets", g.offsetsFails)
		g.offsetsFails++
		return
	}
	g.offsetsFails = 0
	for _, x := range op.Offs {
		a := g.find(x.TP)
		if a == nil || a.state != initial {
			continue
		}
		if x.Offset < 0 {
			g.reset(a)
			continue
		}
		a.offset, a.epoch, a.state = x.Offset, x.Epoch, fetching
	}
}

// readOffsets reads the offsets of an answer, and returns the error that has the whole be
// asked again.
func readOffsets(resp *kmsg.OffsetFetchResponse, offs []GroupOffset) (code int16) {
	found := 0
	take := func(topic string, partition int32, offset int64, epoch int32, metadata *string, err int16) {
		for i := range offs {
			x := &offs[i]
			if x.TP.Partition != partition || x.TP.Topic != topic {
				continue
			}
			found++
			x.Offset, x.Epoch, x.Tag, x.Code = offset, epoch, -1, err
			if metadata != nil && offset >= 0 {
				if tag, bad := strconv.ParseInt(*metadata, 10, 64); bad == nil {
					x.Tag = tag
				}
			}
			if code == 0 {
				code = err
			}
		}
	}
	code = resp.ErrorCode
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			p := &resp.Topics[i].Partitions[j]
			take(resp.Topics[i].Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode)
		}
	}
	for k := range resp.Groups { // version 8 and later
		of := &resp.Groups[k]
		code = of.ErrorCode
		for i := range of.Topics {
			for j := range of.Topics[i].Partitions {
				p := &of.Topics[i].Partitions[j]
				take(of.Topics[i].Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode)
			}
		}
	}
	if code == 0 && found < len(offs) {
		return wire.UnknownServerError
	}
	return code
}
