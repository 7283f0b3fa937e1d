package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// verifications are the requests about whose partitions a coordinator of transactions is
// asked (AddPartitionsToTxnManager): on this broker itself, or by AddPartitionsToTxn on
// others.
type verifications struct {
	outboxes[*verifying]
	again []*verifying // when it is time, in that order
}

func newVerifications() verifications {
	return verifications{outboxes: outboxes[*verifying]{purpose: "add-partitions", key: wire.AddPartitionsToTxn,
		speaks: wire.NewTable(wire.API{Key: wire.AddPartitionsToTxn, Min: firstAddPartitionsOfBrokers, Max: lastAddPartitions})}}
}

func (v *verifications) due(now machine.Instant) machine.Instant {
	at := v.outboxes.due(now)
	if len(v.again) > 0 {
		at = min(at, v.again[0].again)
	}
	return at
}

// verify asks the coordinator of a request's transaction.
func (b *Broker) verify(now machine.Now, v *verifying, out *machine.Effects) {
	kind := &b.coordinators.transactions
	n := b.home(kind, v.transactionalID)
	info := b.image.Partition(kind.topic, n)
	switch {
	case info == nil || !b.alive(info.Leader):
		b.verifiedAs(now, v, wire.CoordinatorNotAvailable, out)
	case info.Leader == b.cfg.ID:
		req := addPartitionsRequest([]*verifying{v})
		req.Version = lastAddPartitions
		b.addPartitionsOfBrokers(now, &inquiry{}, req, func(now machine.Now, resp *kmsg.AddPartitionsToTxnResponse, out *machine.Effects) {
			b.verifiedBy(now, v, &resp.Transactions[0], out)
		}, out)
	default:
		b.queueVerification(now, b.verifications.to(b, info.Leader), v, out)
	}
}

// queueVerification has another broker asked about a request. There is one of a transactional
// id in the next question: who asks again takes the place of who came before.
func (b *Broker) queueVerification(now machine.Now, x *outbox[*verifying], v *verifying, out *machine.Effects) {
	i := slices.IndexFunc(x.queue, func(w *verifying) bool { return w.transactionalID == v.transactionalID })
	if i < 0 {
		x.queue = append(x.queue, v)
		return
	}
	w := x.queue[i]
	if w.epoch > v.epoch {
		b.verifiedAs(now, v, wire.InvalidProducerEpoch, out)
		return
	}
	x.queue[i] = v
	if w.epoch < v.epoch {
		b.verifiedAs(now, w, wire.InvalidProducerEpoch, out)
	} else {
		b.verifiedAs(now, w, wire.NetworkException, out)
	}
}

// addPartitionsRequest asks about some requests, in their order.
func addPartitionsRequest(list []*verifying) *kmsg.AddPartitionsToTxnRequest {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Transactions = make([]kmsg.AddPartitionsToTxnRequestTransaction, len(list))
	for i, v := range list {
		x := &req.Transactions[i]
		x.TransactionalID, x.ProducerID, x.ProducerEpoch, x.VerifyOnly = v.transactionalID, v.producerID, v.epoch, !v.adds
		for j := range v.parts {
			p := &v.parts[j]
			if k := len(x.Topics); k == 0 || x.Topics[k-1].Topic != p.topic {
				x.Topics = append(x.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: p.topic})
			}
			t := &x.Topics[len(x.Topics)-1]
			t.Partitions = append(t.Partitions, p.partition)
		}
	}
	return req
}

// sendVerifications asks other brokers.
func (b *Broker) sendVerifications(now machine.Instant, out *machine.Effects) {
	for _, x := range b.verifications.ready(now, b, out) {
		x.send(now, addPartitionsRequest(x.under), nil, peerTimeout, out)
	}
}

func (b *Broker) stepVerifications(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	took, a, mine, lost := b.verifications.step(now.Mono, in, out)
	resp, ok := a.Body.(*kmsg.AddPartitionsToTxnResponse)
	for i, v := range took {
		switch {
		case lost, !ok:
			b.verifiedAs(now, v, wire.NetworkException, out)
		case resp.ErrorCode != 0:
			b.verifiedAs(now, v, resp.ErrorCode, out)
		case i < len(resp.Transactions) && resp.Transactions[i].TransactionalID == v.transactionalID:
			b.verifiedBy(now, v, &resp.Transactions[i], out)
		default: // no answer to what was asked
			b.verifiedAs(now, v, wire.NetworkException, out)
		}
	}
	return mine
}

// expireVerifications gives up on coordinators that do not answer, and asks again those that
// were busy.
func (b *Broker) expireVerifications(now machine.Now, out *machine.Effects) {
	for _, v := range b.verifications.expire(now.Mono, out) {
		b.verifiedAs(now, v, wire.NetworkException, out)
	}
	for list := &b.verifications.again; len(*list) > 0 && (*list)[0].again <= now.Mono; {
		v := (*list)[0]
		*list = slices.Delete(*list, 0, 1)
		if b.verifyAgain(now, v, out) {
			b.unverified = append(b.unverified, v)
		}
	}
}

// verifyAgain has a request that was held up begin its verification anew: the marker that it
// has waited for has ended the one before. It reports whether the coordinator is to be asked.
func (b *Broker) verifyAgain(now machine.Now, v *verifying, out *machine.Effects) bool {
	if v.then == nil {
		body := v.req.Body.(*kmsg.ProduceRequest)
		w, code := b.needsVerification(now, v.conn, &v.req, body)
		switch {
		case code != 0:
			b.refuseProduce(v.conn, &v.req, body, code, out)
			return false
		case w == nil:
			b.appendProduced(now, v.conn, v.req, nil, out)
			return false
		}
		v.parts = w.parts
		return true
	}
	p, code := b.lookup(v.parts[0].topic, v.parts[0].partition)
	if code == 0 {
		v.parts[0].guard, _, code = p.Verify(now, v.producerID, v.epoch, -1, v.adds)
	}
	if code != 0 {
		b.verifiedAs(now, v, code, out)
	}
	return code == 0
}

// verifiedAs goes on with a request of all of whose partitions the same is to be said.
func (b *Broker) verifiedAs(now machine.Now, v *verifying, code int16, out *machine.Effects) {
	for i := range v.parts {
		v.parts[i].code = code
	}
	b.verified(now, v, out)
}

// verifiedBy goes on with a request for which its coordinator has an answer; in the words that
// its producer knows. A producer that has begun its next transaction before the last one is
// complete here is held up for a while first, and then told to try again (KAFKA-18575).
func (b *Broker) verifiedBy(now machine.Now, v *verifying, a *kmsg.AddPartitionsToTxnResponseTransaction, out *machine.Effects) {
	for i := range v.parts {
		v.parts[i].code = wire.NetworkException // until it is answered
	}
	busy := false
	for i := range a.Topics {
		for _, x := range a.Topics[i].Partitions {
			j := slices.IndexFunc(v.parts, func(p verifyingPart) bool { return p.topic == a.Topics[i].Topic && p.partition == x.Partition })
			if j >= 0 {
				code := x.ErrorCode
				if code == 0 && v.adds && b.overtaken(v, &v.parts[j]) {
					code = wire.ConcurrentTransactions
				}
				v.parts[j].code = verifiedCode(v, code)
				busy = busy || code == wire.ConcurrentTransactions
			}
		}
	}
	s := &b.cfg.Settings
	if v.asked == 0 {
		v.asked = now.Mono
	}
	if busy && v.adds && now.Mono < v.asked.Add(s.AddPartitionsRetryBackoffMax) {
		v.again = now.Mono.Add(s.AddPartitionsRetryBackoff)
		b.verifications.again = append(b.verifications.again, v)
		return
	}
	b.verified(now, v, out)
}

// overtaken reports whether a marker has come while the coordinator was asked. It has taken
// the guard away, and if it was that of the transaction before, the batch would be refused
// though the coordinator knows of it.
func (b *Broker) overtaken(v *verifying, part *verifyingPart) bool {
	p, code := b.lookup(part.topic, part.partition)
	return code == 0 && p.Overtaken(v.producerID, v.epoch, part.guard)
}

// verifiedCode is a coordinator's error as producers are told of it.
func verifiedCode(v *verifying, code int16) int16 {
	first := int16(11) // version of Produce that knows TRANSACTION_ABORTABLE (KIP-890)
	if v.req.Key == wire.TxnOffsetCommit {
		first = 4
	}
	switch {
	case code == wire.ProducerFenced:
		return wire.InvalidProducerEpoch
	case code == wire.TransactionAbortable && v.req.Version < first:
		return wire.InvalidTxnState
	}
	return code
}
