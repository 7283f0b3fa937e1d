package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

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
	resp := kmsg.NewPtrOffsetCommitResponse()
	known := *body
	known.Topics, resp.Topics = split(b, body.Topics, func(t *kmsg.OffsetCommitRequestTopic) (string, *[]kmsg.OffsetCommitRequestTopicPartition) {
		return t.Topic, &t.Partitions
	}, func(p *kmsg.OffsetCommitRequestTopicPartition) int32 { return p.Partition }, func(topic string, missing []int32) kmsg.OffsetCommitResponseTopic {
		answer := kmsg.NewOffsetCommitResponseTopic()
		answer.Topic = topic
		for _, n := range missing {
			answer.Partitions = append(answer.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: n, ErrorCode: wire.UnknownTopicOrPartition})
		}
		return answer
	})
	if len(known.Topics) == 0 {
		b.answer(c, &req, resp, nil, out)
		return
	}
	x.command = &known
	x.then = func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
		for _, t := range part.(*kmsg.OffsetCommitResponse).Topics {
			resp.Topics = merge(resp.Topics, t, func(a, b *kmsg.OffsetCommitResponseTopic) bool {
				if a.Topic == b.Topic {
					a.Partitions = append(a.Partitions, b.Partitions...)
				}
				return a.Topic == b.Topic
			})
		}
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

// split parts the topics of a request into what there is of their partitions and the answers to
// what there is not: part and number tell a topic's partitions and their numbers.
func split[T, P, R any](b *Broker, topics []T, part func(*T) (string, *[]P), number func(*P) int32, refuse func(topic string, missing []int32) R) (known []T, refused []R) {
	rest := slices.Clone(topics)
	for i := range rest {
		name, list := part(&rest[i])
		info := b.image.Topics[name]
		var here []P
		var missing []int32
		for j := range *list {
			p := &(*list)[j]
			if n := number(p); info == nil || n < 0 || int(n) >= len(info.Partitions) {
				missing = append(missing, n)
			} else {
				here = append(here, *p)
			}
		}
		if len(missing) > 0 {
			refused = append(refused, refuse(name, missing))
		}
		if len(here) > 0 {
			*list = here
			known = append(known, rest[i])
		}
	}
	return known, refused
}

// merge adds an answer about a topic to a list of them: join adds it to one about the same
// topic, if there is one.
func merge[T any](list []T, t T, join func(a, b *T) bool) []T {
	for i := range list {
		if join(&list[i], &t) {
			return list
		}
	}
	return append(list, t)
}

// txnOffsetCommit has the coordinator of a group keep offsets once a transaction is committed.
func (b *Broker) txnOffsetCommit(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.TxnOffsetCommitRequest)
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	known := *body
	known.Topics, resp.Topics = split(b, body.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) (string, *[]kmsg.TxnOffsetCommitRequestTopicPartition) {
		return t.Topic, &t.Partitions
	}, func(p *kmsg.TxnOffsetCommitRequestTopicPartition) int32 { return p.Partition }, func(topic string, missing []int32) kmsg.TxnOffsetCommitResponseTopic {
		answer := kmsg.NewTxnOffsetCommitResponseTopic()
		answer.Topic = topic
		for _, n := range missing {
			answer.Partitions = append(answer.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: n, ErrorCode: wire.UnknownTopicOrPartition})
		}
		return answer
	})
	if len(known.Topics) == 0 {
		b.answer(c, &req, resp, nil, out)
		return
	}
	b.verifiedCommit(now, &inquiry{command: &known, conn: c, req: req, then: func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
		for _, t := range part.(*kmsg.TxnOffsetCommitResponse).Topics {
			resp.Topics = merge(resp.Topics, t, func(a, b *kmsg.TxnOffsetCommitResponseTopic) bool {
				if a.Topic == b.Topic {
					a.Partitions = append(a.Partitions, b.Partitions...)
				}
				return a.Topic == b.Topic
			})
		}
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
	known := *body
	known.Topics, resp.Topics = split(b, body.Topics, func(t *kmsg.OffsetDeleteRequestTopic) (string, *[]kmsg.OffsetDeleteRequestTopicPartition) {
		return t.Topic, &t.Partitions
	}, func(p *kmsg.OffsetDeleteRequestTopicPartition) int32 { return p.Partition }, func(topic string, missing []int32) kmsg.OffsetDeleteResponseTopic {
		answer := kmsg.NewOffsetDeleteResponseTopic()
		answer.Topic = topic
		for _, n := range missing {
			answer.Partitions = append(answer.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: n, ErrorCode: wire.UnknownTopicOrPartition})
		}
		return answer
	})
	b.askGroup(now, body.Group, &inquiry{command: &known, conn: c, req: req, then: func(_ machine.Now, part kmsg.Response, out *machine.Effects) {
		answer := part.(*kmsg.OffsetDeleteResponse)
		if answer.ErrorCode != 0 {
			b.answer(c, &req, answer, nil, out)
			return
		}
		for _, t := range answer.Topics {
			resp.Topics = merge(resp.Topics, t, func(a, b *kmsg.OffsetDeleteResponseTopic) bool {
				if a.Topic == b.Topic {
					a.Partitions = append(a.Partitions, b.Partitions...)
				}
				return a.Topic == b.Topic
			})
		}
		b.answer(c, &req, resp, nil, out)
	}}, out)
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
