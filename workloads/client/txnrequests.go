package client

import (
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// addPartitionsBackoff is how long to wait at most when the last transaction is still
// being completed (ADD_PARTITIONS_RETRY_BACKOFF_MS).
const addPartitionsBackoff = 20 * time.Millisecond

// What requests may not be above with transaction.version below 2 (KIP-890).
const (
	produceV1         = 11
	txnOffsetCommitV1 = 4
	endTxnV1          = 4
)

// txnRequest is what is to be asked about the transaction next, and nothing if ok is not
// set (TransactionManager.nextRequest).
func (p *Producer) txnRequest() (what callKind, ok bool) {
	switch t := &p.txn; {
	case t.state == Initializing:
		return callInitProducerID, true
	case t.state != InTransaction && !t.completing():
	case len(t.fresh)+len(t.adding) > 0:
		return callAddPartitions, true
	case len(t.offsets) > 0 && !t.v2 && !t.joined:
		return callAddOffsets, true
	case len(t.offsets) > 0:
		return callTxnOffsetCommit, true
	case t.completing() && p.pending == 0:
		return callEndTxn, true
	}
	return 0, false
}

// coordinate asks what is to be asked about the transaction. Busy says that something is:
// no records leave then. It returns when it should be looked at again.
func (p *Producer) coordinate(now machine.Instant, out *machine.Effects) (due machine.Instant, busy bool) {
	t := &p.txn
	for _, site := range t.echoes {
		p.fail.Hit(site)
	}
	t.echoes = t.echoes[:0]
	switch {
	case t.flying != nil || t.coordinators[ofGroup].asking || t.coordinators[ofTransaction].asking:
		return machine.Never, true
	case t.state == FatalError:
		return machine.Never, true
	case t.state == AbortableError || t.state == Aborting:
		p.dropUndrained()
	}
	what, ok := p.txnRequest()
	if ok && what == callEndTxn && (!t.started || t.unknown) {
		p.txnEnded() // nobody knows of it
		what, ok = p.txnRequest()
	}
	if !ok {
		return machine.Never, false
	}
	k := p.coordinatorFor(what)
	k.check(now)
	switch {
	case !k.known:
		k.find(now, out)
		return k.due(), true
	case now < t.retryAt:
		p.net.connect(now, k.link, out) // Sender.awaitNodeReady comes before the back-off
		return t.retryAt, true
	}
	if l := k.ready(now, out); l != nil {
		p.txnAsk(now, what, l, out)
	}
	return machine.Never, true
}

// coordinatorFor is who is to be asked something: the coordinator of the group about its
// offsets, and that of the transactional.id about all else.
func (p *Producer) coordinatorFor(what callKind) *finder {
	t := &p.txn
	if what != callTxnOffsetCommit {
		return &t.coordinators[ofTransaction]
	}
	k := &t.coordinators[ofGroup]
	if k.key != t.group.Group {
		*k = newSharingFinder(&p.net, ofGroup, t.group.Group, p.draw.Of("group"))
	}
	return k
}

func (p *Producer) txnSend(now machine.Instant, what callKind, req kmsg.Request, most int16, l *link, out *machine.Effects) {
	p.txn.flying = &call{what: what, request: req, most: most}
	p.net.send(now, p.txn.flying, l, nil, true, out)
}

// txnAsk sends a request to its coordinator.
func (p *Producer) txnAsk(now machine.Instant, what callKind, l *link, out *machine.Effects) {
	t := &p.txn
	most := int16(1<<15 - 1)
	switch what {
	case callInitProducerID:
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = &t.id, int32(p.set.TransactionTimeout.Milliseconds())
		req.ProducerID, req.ProducerEpoch = p.id.pid, p.id.epoch
		p.txnSend(now, what, req, most, l, out)
	case callAddPartitions:
		t.adding = append(t.adding, t.fresh...)
		t.fresh = t.fresh[:0]
		p.txnSend(now, what, t.addPartitions(p.id), most, l, out)
	case callAddOffsets:
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = t.id, p.id.pid, p.id.epoch, t.group.Group
		p.txnSend(now, what, req, most, l, out)
	case callTxnOffsetCommit:
		t.started = true
		if !t.v2 {
			most = txnOffsetCommitV1
		}
		p.txnSend(now, what, t.offsetCommit(p.id), most, l, out)
	case callEndTxn:
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.id, p.id.pid, p.id.epoch, t.commits
		if !t.v2 {
			most = endTxnV1
		}
		p.txnSend(now, what, req, most, l, out)
		t.echoes = append(t.echoes, failpoint.StepEndSent)
	}
}

func (t *transaction) addPartitions(id identity) *kmsg.AddPartitionsToTxnRequest {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.id, id.pid, id.epoch
	for _, a := range t.adding {
		at := -1
		for i := range req.Topics {
			if req.Topics[i].Topic == a.tp.Topic {
				at = i
			}
		}
		if at < 0 {
			x := kmsg.NewAddPartitionsToTxnRequestTopic()
			x.Topic = a.tp.Topic
			at = len(req.Topics)
			req.Topics = append(req.Topics, x)
		}
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, a.tp.Partition)
	}
	return req
}

func (t *transaction) offsetCommit(id identity) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.id, id.pid, id.epoch
	req.Group, req.Generation, req.MemberID = t.group.Group, t.group.Generation, t.group.Member
	if t.group.Instance != "" {
		req.InstanceID = kmsg.StringPtr(t.group.Instance)
	}
	for _, o := range t.offsets {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != o.TP.Topic {
			x := kmsg.NewTxnOffsetCommitRequestTopic()
			x.Topic = o.TP.Topic
			req.Topics = append(req.Topics, x)
		}
		x := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		x.Partition, x.Offset, x.LeaderEpoch, x.Metadata = o.TP.Partition, o.Offset, o.Epoch, kmsg.StringPtr(o.Metadata)
		to := &req.Topics[len(req.Topics)-1]
		to.Partitions = append(to.Partitions, x)
	}
	return req
}

// txnAnswered takes the answer to the request under way, or its loss.
func (p *Producer) txnAnswered(now machine.Instant, o *outcome) {
	t := &p.txn
	t.flying = nil
	if t.state == FatalError {
		return
	}
	if o.lost {
		t.retryAt = now.Add(p.set.RetryBackoff)
		t.endMaybe = t.endMaybe || o.call.what == callEndTxn
		p.coordinatorFor(o.call.what).lost()
		return
	}
	switch r := o.body.(type) {
	case *kmsg.InitProducerIDResponse:
		p.initialized(now, r)
	case *kmsg.AddPartitionsToTxnResponse:
		p.partitionsAdded(now, r)
	case *kmsg.AddOffsetsToTxnResponse:
		p.offsetsAdded(now, r)
	case *kmsg.TxnOffsetCommitResponse:
		p.offsetsCommitted(now, r)
	case *kmsg.EndTxnResponse:
		p.ended(now, r)
	}
}

// foundCoordinator takes the answer to FindCoordinator, or its loss. Whoever waits for it backs
// off first, as after any retry in Java's Sender.
func (p *Producer) foundCoordinator(now machine.Instant, o *outcome) {
	t := &p.txn
	k := &t.coordinators[o.call.request.(*kmsg.FindCoordinatorRequest).CoordinatorType]
	k.found(now, o)
	code := k.fatal
	k.fatal = wire.None // an abort may have it asked for again
	switch {
	case t.state == FatalError:
	case k.known:
		t.retryAt = now.Add(p.set.RetryBackoff)
	case code == wire.GroupAuthorizationFailed, code == wire.TransactionAbortable:
		p.abortable(wire.ErrorName(code))
	case code != wire.None:
		p.fatal(wire.ErrorName(code))
	}
}

// txnRetries takes an error that may go away, and reports whether it is one.
func (p *Producer) txnRetries(now machine.Instant, code int16) bool {
	t := &p.txn
	switch {
	case code == wire.NotCoordinator || code == wire.CoordinatorNotAvailable:
		t.coordinators[ofTransaction].lost()
	case !retriableCode(code):
		return false
	}
	t.retryAt = now.Add(p.set.RetryBackoff)
	return true
}

// fenced reports whether an error says that somebody else has the transactional.id, in
// the name of old versions or of new ones; the producer has ended then.
func (p *Producer) fenced(code int16) bool {
	if code != wire.InvalidProducerEpoch && code != wire.ProducerFenced {
		return false
	}
	p.fatal(wire.ErrorName(wire.ProducerFenced))
	return true
}

// mapless takes that the coordinator does not know the producer id, which it has
// forgotten: a new one is asked for once the application has aborted.
func (p *Producer) mapless(code int16) bool {
	if code != wire.UnknownProducerID && code != wire.InvalidProducerIDMapping {
		return false
	}
	p.txn.bump = true
	p.txn.unknown = p.txn.unknown || code == wire.InvalidProducerIDMapping
	p.abortable(wire.ErrorName(code))
	return true
}

func (p *Producer) initialized(now machine.Instant, r *kmsg.InitProducerIDResponse) {
	t := &p.txn
	switch {
	case r.ErrorCode == 0 && r.ProducerID >= 0 && r.ProducerEpoch >= 0:
		if p.id.pid >= 0 {
			p.fail.Hit(failpoint.ProducerEpochBump)
		}
		p.begins(r.ProducerID, r.ProducerEpoch)
		p.txnOver()
		t.state = Ready
	case r.ErrorCode != 0 && p.txnRetries(now, r.ErrorCode) || p.fenced(r.ErrorCode):
	case r.ErrorCode == wire.TransactionAbortable:
		p.abortable(wire.ErrorName(r.ErrorCode))
	default:
		p.fatal(wire.ErrorName(r.ErrorCode))
	}
}

func (p *Producer) partitionsAdded(now machine.Instant, r *kmsg.AddPartitionsToTxnResponse) {
	t := &p.txn
	failed := int16(0)
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			switch code := r.Topics[i].Partitions[j].ErrorCode; {
			case code == 0:
			case p.txnRetries(now, code):
				if code == wire.ConcurrentTransactions && len(t.added) == 0 {
					t.retryAt = now.Add(min(p.set.RetryBackoff, addPartitionsBackoff))
				}
				return
			case p.fenced(code) || p.mapless(code):
				return
			case code == wire.InvalidTxnState, code == wire.TransactionalIDAuthorizationFailed:
				p.fatal(wire.ErrorName(code))
				return
			case failed == 0 || failed == wire.OperationNotAttempted:
				failed = code
			}
		}
	}
	if failed != 0 {
		p.abortable(wire.ErrorName(failed))
		return
	}
	p.fail.Hit(failpoint.StepPartitionsAdded)
	t.started = true
	for _, a := range t.adding {
		a.txn = inside
	}
	t.added = append(t.added, t.adding...)
	t.adding = t.adding[:0]
}

func (p *Producer) offsetsAdded(now machine.Instant, r *kmsg.AddOffsetsToTxnResponse) {
	t := &p.txn
	switch code := r.ErrorCode; {
	case code == 0:
		t.joined, t.started = true, true
		p.fail.Hit(failpoint.StepOffsetsAdded)
	case p.txnRetries(now, code) || p.fenced(code) || p.mapless(code):
	case code == wire.GroupAuthorizationFailed, code == wire.TransactionAbortable:
		p.abortable(wire.ErrorName(code))
	default:
		p.fatal(wire.ErrorName(code))
	}
}

func (p *Producer) offsetsCommitted(now machine.Instant, r *kmsg.TxnOffsetCommitResponse) {
	t := &p.txn
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			x := &r.Topics[i].Partitions[j]
			switch code := x.ErrorCode; {
			case code == 0:
				t.committed(wire.TP{Topic: r.Topics[i].Topic, Partition: x.Partition})
			case code == wire.CoordinatorNotAvailable, code == wire.NotCoordinator, code == wire.RequestTimedOut:
				t.coordinators[ofGroup].lost()
			case retriableCode(code):
			case code == wire.GroupAuthorizationFailed, code == wire.FencedInstanceID, code == wire.TransactionAbortable,
				code == wire.UnknownMemberID, code == wire.IllegalGeneration:
				p.abortable(wire.ErrorName(code))
				return
			case p.fenced(code):
				return
			default:
				p.fatal(wire.ErrorName(code))
				return
			}
		}
	}
	switch {
	case len(t.offsets) > 0:
		t.retryAt = now.Add(p.set.RetryBackoff)
	case t.state == InTransaction || t.completing():
		p.fail.Hit(failpoint.StepOffsetsSent)
	}
}

func (t *transaction) committed(tp wire.TP) {
	for i := range t.offsets {
		if t.offsets[i].TP == tp {
			t.offsets = append(t.offsets[:i], t.offsets[i+1:]...)
			return
		}
	}
}

// ended takes the answer to EndTxn. One that may have been obeyed when the answer says
// that its coordinator is none: the record was written, and nobody has waited for it.
func (p *Producer) ended(now machine.Instant, r *kmsg.EndTxnResponse) {
	t := &p.txn
	switch code := r.ErrorCode; {
	case code == 0:
		p.fail.Hit(failpoint.StepEnded)
		if t.endMaybe {
			p.fail.Hit(failpoint.EndConfirmed)
		}
		if !t.commits {
			p.fail.Hit(failpoint.TransactionAborted)
		}
		if t.v2 && r.ProducerID >= 0 && r.ProducerEpoch >= 0 {
			p.begins(r.ProducerID, r.ProducerEpoch)
		}
		t.endMaybe = false
		p.txnEnded()
	case p.txnRetries(now, code):
		t.endMaybe = t.endMaybe || code != wire.ConcurrentTransactions && code != wire.CoordinatorLoadInProgress
	case p.fenced(code) || p.mapless(code):
	case code == wire.TransactionAbortable:
		p.abortable(wire.ErrorName(code))
	case code == wire.InvalidTxnState:
		t.endMaybe = false // a commit that has taken place is confirmed however often it is asked for
		p.fatal(wire.ErrorName(code))
	default:
		p.fatal(wire.ErrorName(code))
	}
}
