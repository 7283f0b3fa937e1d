package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/group"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// offsetCommit has the coordinator of a group keep offsets. Those of partitions that there are
// none of, as far as this broker has replayed the metadata, are refused, and the others kept
// (KafkaApis.handleOffsetCommitRequest).
func (b *Broker) offsetCommit(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.OffsetCommitRequest)
	x := &inquiry{command: body, conn: c, req: req}
	if len(body.Topics) > 0 && b.hasAll(body) {
		b.askGroup(now, body.Group, x, out)
		return
	}
	known, missing := *body, *body
	known.Topics, missing.Topics = split(b, body.Topics, func(t *kmsg.OffsetCommitRequestTopic) (string, *[]kmsg.OffsetCommitRequestTopicPartition) {
		return t.Topic, &t.Partitions
	}, func(p *kmsg.OffsetCommitRequestTopicPartition) int32 { return p.Partition })
	resp := group.Refuse(&missing, wire.UnknownTopicOrPartition).(*kmsg.OffsetCommitResponse)
	if len(known.Topics) == 0 {
		b.answer(c, &req, resp, nil, out)
		return
	}
	x.command = &known
	x.then = func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
		resp.Topics = merge(resp.Topics, part.(*kmsg.OffsetCommitResponse).Topics, func(t *kmsg.OffsetCommitResponseTopic) (string, *[]kmsg.OffsetCommitResponseTopicPartition) {
			return t.Topic, &t.Partitions
		})
		b.answer(c, &req, resp, nil, out)
	}
	b.askGroup(now, body.Group, x, out)
}

// hasAll reports whether there are all the partitions of a commit, as mostly.
func (b *Broker) hasAll(body *kmsg.OffsetCommitRequest) bool {
	for i := range body.Topics {
		t := &body.Topics[i]
		info := b.image.Topics[t.Topic]
		if info == nil || len(t.Partitions) == 0 {
			return false
		}
		for j := range t.Partitions {
			if n := t.Partitions[j].Partition; n < 0 || int(n) >= len(info.Partitions) {
				return false
			}
		}
	}
	return true
}

// split parts the topics of a request into what there is of their partitions and what there is not:
// part and number tell a topic's partitions and their numbers.
func split[T, P any](b *Broker, topics []T, part func(*T) (string, *[]P), number func(*P) int32) (known, missing []T) {
	for _, t := range topics {
		name, list := part(&t)
		info := b.image.Topics[name]
		var here, not []P
		for _, p := range *list {
			if n := number(&p); info == nil || n < 0 || int(n) >= len(info.Partitions) {
				not = append(not, p)
			} else {
				here = append(here, p)
			}
		}
		if len(not) > 0 {
			*list = not
			missing = append(missing, t)
		}
		if len(here) > 0 {
			*list = here
			known = append(known, t)
		}
	}
	return known, missing
}

// merge adds answers about topics to others: to those about the same topic, if there are any.
func merge[T, P any](list, more []T, part func(*T) (string, *[]P)) []T {
	for _, t := range more {
		name, partitions := part(&t)
		i := slices.IndexFunc(list, func(x T) bool { other, _ := part(&x); return other == name })
		if i < 0 {
			list = append(list, t)
			continue
		}
		_, all := part(&list[i])
		*all = append(*all, *partitions...)
	}
	return list
}

// txnOffsetCommit has the coordinator of a group keep offsets once a transaction is committed.
func (b *Broker) txnOffsetCommit(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.TxnOffsetCommitRequest)
	known, missing := *body, *body
	known.Topics, missing.Topics = split(b, body.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) (string, *[]kmsg.TxnOffsetCommitRequestTopicPartition) {
		return t.Topic, &t.Partitions
	}, func(p *kmsg.TxnOffsetCommitRequestTopicPartition) int32 { return p.Partition })
	resp := group.Refuse(&missing, wire.UnknownTopicOrPartition).(*kmsg.TxnOffsetCommitResponse)
	if len(known.Topics) == 0 {
		b.answer(c, &req, resp, nil, out)
		return
	}
	b.verifiedCommit(now, &inquiry{command: &known, conn: c, req: req, then: func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
		resp.Topics = merge(resp.Topics, part.(*kmsg.TxnOffsetCommitResponse).Topics, func(t *kmsg.TxnOffsetCommitResponseTopic) (string, *[]kmsg.TxnOffsetCommitResponseTopicPartition) {
			return t.Topic, &t.Partitions
		})
		beforeLoading(resp, req.Version)
		b.answer(c, &req, resp, nil, out)
	}}, out)
}

// addsOffsets is the version of TxnOffsetCommit from which on the partition of the group is
// added to the transaction by it (transaction version 2).
const addsOffsets = 5

// verifiedCommit has a group's coordinator decide about offsets of a transaction when that
// transaction's coordinator has said that it knows of them (KIP-890).
func (b *Broker) verifiedCommit(now machine.Now, x *inquiry, out *machine.Effects) {
	body := x.command.(*kmsg.TxnOffsetCommitRequest)
	x.kind = &b.coordinators.groups
	n := b.home(x.kind, body.Group)
	s, code := b.serving(x.kind, n)
	if code != 0 {
		b.coordinated(now, x, x.kind.refuse(b, body, code), out)
		return
	}
	adds := x.req.Version >= addsOffsets
	guard, needed, code := s.p.Verify(now, body.ProducerID, body.ProducerEpoch, -1, adds)
	if code != 0 || !needed {
		b.coordinate(now, n, x, out)
		return
	}
	v := &verifying{
		conn: x.conn, req: x.req, transactionalID: body.TransactionalID, producerID: body.ProducerID, epoch: body.ProducerEpoch, adds: adds,
		parts: []verifyingPart{{x.kind.topic, n, guard, 0}},
	}
	v.then = func(now machine.Now, out *machine.Effects) {
		x.guard = v.parts[0].guard
		switch code := v.parts[0].code; code {
		case wire.None:
			b.coordinate(now, n, x, out)
		case wire.NetworkException: // which producers do not expect; they try again and look for nobody
			b.coordinated(now, x, x.kind.refuse(b, body, wire.CoordinatorLoadInProgress), out)
		default:
			b.coordinated(now, x, x.kind.refuse(b, body, code), out)
		}
	}
	b.unverified = append(b.unverified, v)
}

// beforeLoading has old producers not hear of a coordinator that is loading: they did not
// expect that (KAFKA-7296).
func beforeLoading(resp *kmsg.TxnOffsetCommitResponse, version int16) {
	const expected = 2
	if version >= expected {
		return
	}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == wire.CoordinatorLoadInProgress {
				p.ErrorCode = wire.CoordinatorNotAvailable
			}
		}
	}
}

// offsetDelete has the coordinator of a group forget offsets (KIP-496).
func (b *Broker) offsetDelete(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.OffsetDeleteRequest)
	resp := kmsg.NewPtrOffsetDeleteResponse()
	known, missing := *body, *body
	known.Topics, missing.Topics = split(b, body.Topics, func(t *kmsg.OffsetDeleteRequestTopic) (string, *[]kmsg.OffsetDeleteRequestTopicPartition) {
		return t.Topic, &t.Partitions
	}, func(p *kmsg.OffsetDeleteRequestTopicPartition) int32 { return p.Partition })
	resp.Topics = each(missing.Topics, notDeleted(wire.UnknownTopicOrPartition))
	b.askGroup(now, body.Group, &inquiry{command: &known, conn: c, req: req, then: func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
		answer := part.(*kmsg.OffsetDeleteResponse)
		if answer.ErrorCode != 0 {
			b.answer(c, &req, answer, nil, out)
			return
		}
		resp.Topics = merge(resp.Topics, answer.Topics, func(t *kmsg.OffsetDeleteResponseTopic) (string, *[]kmsg.OffsetDeleteResponseTopicPartition) {
			return t.Topic, &t.Partitions
		})
		b.answer(c, &req, resp, nil, out)
	}}, out)
}

// notDeleted answers that no offsets of a topic are deleted.
func notDeleted(code int16) func(*kmsg.OffsetDeleteRequestTopic, *kmsg.OffsetDeleteResponseTopic) {
	return func(t *kmsg.OffsetDeleteRequestTopic, x *kmsg.OffsetDeleteResponseTopic) {
		x.Topic = t.Topic
		x.Partitions = each(t.Partitions, func(p *kmsg.OffsetDeleteRequestTopicPartition, y *kmsg.OffsetDeleteResponseTopicPartition) {
			y.Partition, y.ErrorCode = p.Partition, code
		})
	}
}

// offsetFetch says which offsets groups have committed: one group, or from version 8 on
// several.
func (b *Broker) offsetFetch(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.OffsetFetchRequest)
	const ofSeveral = 8
	if req.Version < ofSeveral {
		b.askGroup(now, body.Group, &inquiry{command: body, conn: c, req: req}, out)
		return
	}
	groups := make([]string, len(body.Groups))
	for i := range groups {
		groups[i] = body.Groups[i].Group
	}
	askGroups(b, now, c, req, groups, func(of []int) kmsg.Request {
		part := *body
		part.Groups = pick(body.Groups, of)
		return &part
	}, func(resp kmsg.Response) []kmsg.OffsetFetchResponseGroup {
		return resp.(*kmsg.OffsetFetchResponse).Groups
	}, func(groups []kmsg.OffsetFetchResponseGroup) kmsg.Response {
		resp := kmsg.NewPtrOffsetFetchResponse()
		resp.Groups = groups
		return resp
	}, out)
}
