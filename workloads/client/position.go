package client

import (
	"errors"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// errNoWholeBatch is an answer that a broker may not give: the first batch of a
// Fetch is whole however large it is (KIP-74).
var errNoWholeBatch = errors.New("no whole batch in the answer")

// asked is one partition of a call, with what it was asked about.
type asked struct {
	a           *assigned
	offset      int64 // the position then
	leaderEpoch int32
	end         bool // List asked
}

// outOfRange decides what OFFSET_OUT_OF_RANGE means. A position whose epoch is
// known is first checked against the leader's log: a leader that has just been
// elected may refuse an offset that is valid a moment later, and a reset would
// skip or repeat what is there (KIP-207, KIP-320). Only when the leader says so
// again in the same epoch does auto.offset.reset decide.
func (c *Consumer) outOfRange(a *assigned) {
	if a.epoch >= 0 && a.meta.epoch >= 0 && a.outOfRange != a.meta.epoch && !c.fail.On(failpoint.F04ResetUnvalidated, uint64(a.tp.Partition)) {
		a.outOfRange = a.meta.epoch
		a.state = validating
		c.net.meta.invalidate()
		return
	}
	c.reset(a)
}

// reset lets auto.offset.reset decide about a position.
func (c *Consumer) reset(a *assigned) {
	a.state, a.outOfRange = resetting, -1
	if c.set.AutoOffsetReset == "none" {
		a.state = stopped
	}
}

// seek moves a position to where the leader of an epoch has said, and says so.
func (c *Consumer) seek(a *assigned, offset int64, epoch, by int32, truncated bool) {
	c.moves = append(c.moves, Move{TP: a.tp, From: a.offset, To: offset, Epoch: epoch, Truncated: truncated})
	a.offset, a.epoch, a.state = offset, epoch, fetching
	a.drop()
	a.fails, a.outOfRange, a.validated = 0, -1, by
}

// What ListOffsets takes for a timestamp.
const (
	latestTimestamp   = -1
	earliestTimestamp = -2
)

// list sends one ListOffsets to a broker for the positions that have to be
// reset, or for the ends that List asked for.
func (c *Consumer) list(now machine.Instant, l *link, w want, out *machine.Effects) {
	list := c.gather(now, l, w)
	if len(list) == 0 || !c.net.free(l) {
		return
	}
	timestamp, spec := int64(latestTimestamp), "latest"
	if w == wantPosition && c.set.AutoOffsetReset == "earliest" {
		timestamp, spec = earliestTimestamp, "earliest"
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if c.set.IsolationLevel == "read_committed" {
		req.IsolationLevel = 1
	}
	x := &call{what: callListOffsets, request: req, list: &Listing{Broker: host(l.addr), Spec: spec}}
	for _, a := range list {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != a.tp.Topic {
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = a.tp.Topic
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.Timestamp = a.tp.Partition, a.meta.epoch, timestamp
		t.Partitions = append(t.Partitions, p)
		x.parts = append(x.parts, asked{a: a, offset: a.offset, leaderEpoch: a.meta.epoch, end: w == wantEnd})
		x.list.Parts = append(x.list.Parts, ListPart{TP: a.tp, Epoch: a.meta.epoch})
		a.busy = true
	}
	c.leftListings = append(c.leftListings, x.list)
	c.net.send(now, x, l, nil, true, out)
}

// listed takes the answer to a ListOffsets, or its loss.
func (c *Consumer) listed(now machine.Instant, o *outcome) {
	c.listings = append(c.listings, o.call.list)
	resp, is := o.body.(*kmsg.ListOffsetsResponse)
	o.call.list.Lost = !is
	for i := range o.call.parts {
		q, part := &o.call.parts[i], &o.call.list.Parts[i]
		q.a.busy = false
		part.Code = wire.NetworkException
		if !is {
			continue
		}
		epoch := int32(-1)
		if x := listedPart(resp, part.TP); x != nil {
			part.Code, part.Offset, epoch = x.ErrorCode, x.Offset, x.LeaderEpoch
		}
		if (part.Code != 0 || part.Offset < 0) && c.fail.On(failpoint.F13ZeroForUnknown, uint64(part.TP.Partition)) {
			part.Code, part.Offset = 0, 0
		}
		switch {
		case part.Code != 0 || part.Offset < 0:
			if invalidMetadata(part.Code) {
				c.net.meta.invalidate()
			}
			c.failed(now, q.a)
		case q.end:
			q.a.fails, q.a.askEnd = 0, false
		case q.a.state == resetting:
			c.seek(q.a, part.Offset, epoch, q.leaderEpoch, false)
		}
	}
}

func listedPart(resp *kmsg.ListOffsetsResponse, tp wire.TP) *kmsg.ListOffsetsResponseTopicPartition {
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if x := &resp.Topics[i].Partitions[j]; x.Partition == tp.Partition && resp.Topics[i].Topic == tp.Topic {
				return x
			}
		}
	}
	return nil
}

// validate asks a leader where the epochs of positions end in its log.
func (c *Consumer) validate(now machine.Instant, l *link, out *machine.Effects) {
	list := c.gather(now, l, wantValidation)
	if len(list) == 0 || !c.net.free(l) {
		return
	}
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	x := &call{what: callEpochEnd, request: req}
	for _, a := range list {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != a.tp.Topic {
			t := kmsg.NewOffsetForLeaderEpochRequestTopic()
			t.Topic = a.tp.Topic
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = a.tp.Partition, a.meta.epoch, a.epoch
		t.Partitions = append(t.Partitions, p)
		x.parts = append(x.parts, asked{a: a, offset: a.offset, leaderEpoch: a.meta.epoch})
		a.busy = true
	}
	c.net.send(now, x, l, nil, true, out)
}

// validatedBy takes the answer to an OffsetForLeaderEpoch, or its loss
// (OffsetsForLeaderEpochUtils, SubscriptionState.maybeCompleteValidation).
func (c *Consumer) validatedBy(now machine.Instant, o *outcome) {
	resp, is := o.body.(*kmsg.OffsetForLeaderEpochResponse)
	for i := range o.call.parts {
		q := &o.call.parts[i]
		a := q.a
		a.busy = false
		if !is || a.state != validating || a.offset != q.offset {
			continue
		}
		x := epochEnd(resp, a.tp)
		switch {
		case x == nil || x.ErrorCode != 0:
			if x != nil && invalidMetadata(x.ErrorCode) {
				c.net.meta.invalidate()
			}
			c.failed(now, a)
		case x.EndOffset < 0 || x.LeaderEpoch < 0:
			c.reset(a) // the leader's log knows no such epoch
		case x.EndOffset < a.offset && c.set.AutoOffsetReset == "none":
			c.reset(a) // LogTruncationException: the application decides
		case x.EndOffset < a.offset:
			// The log was truncated below the position: go on at the first
			// offset that is known to differ.
			c.seek(a, x.EndOffset, x.LeaderEpoch, q.leaderEpoch, true)
		default:
			a.fails, a.state, a.validated = 0, fetching, q.leaderEpoch
		}
	}
}

func epochEnd(resp *kmsg.OffsetForLeaderEpochResponse, tp wire.TP) *kmsg.OffsetForLeaderEpochResponseTopicPartition {
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if x := &resp.Topics[i].Partitions[j]; x.Partition == tp.Partition && resp.Topics[i].Topic == tp.Topic {
				return x
			}
		}
	}
	return nil
}
