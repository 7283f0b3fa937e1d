package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sendAll sends what may leave: for every broker that is up and has room, one
// request with the first batch of each of its partitions that is ready. It
// returns when a batch that waits afterwards will be ready.
func (p *Producer) sendAll(now machine.Instant, out *machine.Effects) (due machine.Instant) {
	batchSize := int64(p.set.BatchSize)
	p.stopWaiting()
	for _, a := range p.waiting {
		if a.muted || a.readyAt(batchSize, p.set.Linger, p.hurries()) > now {
			continue
		}
		l := p.net.leader(a.meta)
		if l == nil {
			p.net.meta.stale = true // no leader known: ask, after the back-off
			if p.fail.On(failpoint.F06RestartSequence, uint64(a.tp.Partition)) {
				a.seqs.next = 0
			}
			p.net.refresh(now, out)
			continue
		}
		p.net.connect(now, l, out)
	}
	for _, l := range p.net.links {
		for p.net.free(l) && p.sendTo(now, l, out) {
		}
	}
	due = machine.Never
	for _, a := range p.waiting {
		// What is ready and still here waits for an answer or a connection.
		if at := a.readyAt(batchSize, p.set.Linger, p.hurries()); at > now && !a.muted {
			due = min(due, at)
		}
	}
	p.blocked = false
	return due
}

// hurries reports whether nothing waits for linger.ms.
func (p *Producer) hurries() bool { return p.blocked || p.txn.completing() }

// sendTo sends one request to a broker, and reports whether there was one.
func (p *Producer) sendTo(now machine.Instant, l *link, out *machine.Effects) bool {
	var batches []*batch
	size := int64(0)
	n := len(p.waiting)
	if n == 0 {
		return false
	}
	// Not always the same partition first, or one could starve the others of
	// max.request.size.
	first := p.from(l.drained % len(p.parts))
	for i := range n {
		a := p.waiting[(first+i)%n]
		if !p.mayDrain(now, a, l) {
			continue
		}
		if b := a.queue[0]; len(batches) > 0 && size+b.size > int64(p.set.MaxRequestSize) {
			break
		}
		b := a.pop()
		l.drained = a.place + 1
		p.assign(a, b)
		a.muted = p.order && p.set.Acks != 0
		b.epochAt = a.meta.epoch
		size += b.size
		batches = append(batches, b)
	}
	if len(batches) == 0 {
		return false
	}
	p.request(now, l, batches, out)
	return true
}

// mayDrain reports whether the first batch of a partition may be sent to a
// broker now (RecordAccumulator.shouldStopDrainBatchesForPartition).
func (p *Producer) mayDrain(now machine.Instant, a *accumulated, l *link) bool {
	if len(a.queue) == 0 || a.muted || !l.leads(a.meta) || now < a.readyAt(int64(p.set.BatchSize), p.set.Linger, p.hurries()) {
		return false
	}
	if !p.idempotent {
		return true
	}
	if p.txn.id != "" && a.txn != inside {
		return false // the coordinator has to know first
	}
	s, b := &a.seqs, a.queue[0]
	switch {
	case p.id.pid < 0 && !b.numbered():
		return false // no producer id yet
	case !b.numbered() && len(s.flying) > 0 && p.stalePart(a):
		// Sequence 0 of the new epoch must not overtake what is in flight in
		// the old one.
		return false
	case !b.numbered() && s.unresolved:
		return false
	case b.numbered() && len(s.flying) > 0 && s.flying[0].baseSeq != b.baseSeq:
		// A batch that is sent again waits until it is the first in line: one
		// in flight until the partition is in order again.
		return false
	}
	return true
}

// assign gives a batch its sequence, once: the same records keep it for every
// retry, which is how the broker recognises them.
func (p *Producer) assign(a *accumulated, b *batch) {
	if !p.idempotent || b.numbered() {
		return
	}
	if p.stalePart(a) && len(a.seqs.flying) == 0 {
		p.restart(a)
	}
	s := &a.seqs
	b.setSequence(s.pid, s.epoch, s.next)
	s.next = addSeq(s.next, int32(len(b.records)))
	s.flying = append(s.flying, b)
}

func (p *Producer) request(now machine.Instant, l *link, batches []*batch, out *machine.Effects) {
	req := kmsg.NewPtrProduceRequest()
	req.Acks = p.set.Acks
	req.TimeoutMillis = int32(p.set.RequestTimeout.Milliseconds())
	slices.SortStableFunc(batches, func(a, b *batch) int { return a.part.tp.Compare(b.part.tp) })
	records := make([]wire.Records, len(batches))
	bytes := int64(0)
	for i, b := range batches {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != b.part.tp.Topic {
			t := kmsg.NewProduceRequestTopic()
			t.Topic = b.part.tp.Topic
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		x := kmsg.NewProduceRequestTopicPartition()
		x.Partition = b.part.tp.Partition
		t.Partitions = append(t.Partitions, x)
		records[i] = b.encode(&p.builder)
		if b.attempts > 0 && p.fail.On(failpoint.F08RetryWithoutSequence, b.number) {
			records[i] = b.encodeAs(&p.builder, -1, -1, noSequence)
		}
		bytes += records[i].Len()
	}
	out.Work(machine.Work{Bytes: bytes, Partitions: int64(len(batches))})
	c := &call{what: callProduce, request: req, batches: batches}
	if p.txn.id != "" {
		req.TransactionID = &p.txn.id
		if !p.txn.v2 {
			c.most = produceV1
		}
		p.txn.echoes = append(p.txn.echoes, failpoint.StepProduceSent)
	}
	p.net.send(now, c, l, records, p.set.Acks != 0, out)
	if p.set.Acks == 0 {
		for _, b := range batches {
			p.finish(b, Acked, -1, "")
		}
		return
	}
}

// produced takes the answer to a Produce request, or its loss.
func (p *Producer) produced(now machine.Instant, o *outcome) {
	resp, _ := o.body.(*kmsg.ProduceResponse)
	for _, b := range o.call.batches {
		b.part.muted = false
		answer := answerFor(resp, b.part.tp)
		switch {
		case b.done:
			// Given up before. That it was appended after all still settles
			// its sequence.
			if answer != nil && answer.ErrorCode == 0 && b.numbered() {
				b.part.seqs.completed(b, answer.BaseOffset)
			}
		case answer == nil:
			b.maybe = true
			p.lost(now, b)
		case answer.ErrorCode == 0:
			o.call.link.tired = p.fail.OnAbout(failpoint.HangUpAfterAnswer, b.part.tp.Topic, uint64(b.part.tp.Partition), b.number) || o.call.link.tired
			p.acked(b, answer.BaseOffset)
		default:
			p.refused(now, b, answer)
		}
	}
}

// answerFor is the broker's answer for one partition, or nil: an answer that
// leaves it out says as little as none.
func answerFor(resp *kmsg.ProduceResponse, tp wire.TP) *kmsg.ProduceResponseTopicPartition {
	if resp == nil {
		return nil
	}
	for i := range resp.Topics {
		if resp.Topics[i].Topic != tp.Topic {
			continue
		}
		for j := range resp.Topics[i].Partitions {
			if x := &resp.Topics[i].Partitions[j]; x.Partition == tp.Partition {
				return x
			}
		}
	}
	return nil
}

func (p *Producer) acked(b *batch, offset int64) {
	if b.numbered() {
		b.part.seqs.completed(b, offset)
	}
	if p.txn.id != "" {
		p.fail.Hit(failpoint.StepAcked)
	}
	if p.fail.OnAbout(failpoint.RefreshMetadata, b.part.tp.Topic, uint64(b.part.tp.Partition), b.number) {
		p.net.meta.invalidate()
	}
	p.finish(b, Acked, max(offset, -1), "")
}

// refused takes an error for one batch (Sender.completeBatch).
func (p *Producer) refused(now machine.Instant, b *batch, answer *kmsg.ProduceResponseTopicPartition) {
	code := answer.ErrorCode
	if !certainlyRefused(code) {
		b.maybe = true
	}
	if invalidMetadata(code) {
		p.net.meta.invalidate()
	}
	switch {
	case code == wire.MessageTooLarge && len(b.records) > 1:
		p.split(b)
	case p.mayRetry(now, b) && p.retriable(b, answer):
		p.again(now, b)
	case code == wire.DuplicateSequenceNumber:
		// The broker has the batch but has forgotten at which offset.
		p.acked(b, -1)
	default:
		p.fails(b, wire.ErrorName(code))
	}
}

func (p *Producer) retries() uint32 { return uint32(max(p.set.Retries, 0)) }

func (p *Producer) mayRetry(now machine.Instant, b *batch) bool {
	return b.attempts < p.retries() && !b.expired(now, p)
}

// retriable says whether an error may go away (TransactionManager.canRetry).
func (p *Producer) retriable(b *batch, answer *kmsg.ProduceResponseTopicPartition) bool {
	if !p.idempotent {
		return retriableCode(answer.ErrorCode)
	}
	if p.txn.id != "" {
		return p.retriableInTxn(b, answer)
	}
	a := b.part
	s := &a.seqs
	// A new epoch gives new sequences to all in flight. One before b may have
	// been appended: then it is b that waits, until it is the first in line.
	first := len(s.flying) > 0 && s.flying[0] == b
	switch answer.ErrorCode {
	case wire.UnknownProducerID:
		// Retention has removed the producer's state, or the broker does not
		// know its log start offset yet.
		if answer.LogStartOffset != -1 && !b.reset && first {
			p.bumpFor(a)
		}
		return true
	case wire.OutOfOrderSequenceNumber:
		switch {
		case !s.unresolved && (b.reset || !s.follows(b.baseSeq)):
			// Not the next in line: an earlier batch is still to be appended.
		case first && (!s.unresolved || s.resolvesAt == b.baseSeq):
			p.bumpFor(a) // there is a hole indeed
		}
		return true
	}
	return retriableCode(answer.ErrorCode)
}

// retriableInTxn is retriable of a transactional producer, which begins no epoch while its
// transaction lasts: what an idempotent one would do so for fails here, and the transaction
// with it.
func (p *Producer) retriableInTxn(b *batch, answer *kmsg.ProduceResponseTopicPartition) bool {
	s := &b.part.seqs
	switch answer.ErrorCode {
	case wire.UnknownProducerID:
		switch {
		case answer.LogStartOffset == -1 || b.reset:
			return true
		case s.offset < answer.LogStartOffset:
			// Retention has removed what the producer had written: it begins anew.
			p.restart(b.part)
			return true
		}
		return false
	case wire.OutOfOrderSequenceNumber:
		return !s.unresolved && (b.reset || !s.follows(b.baseSeq))
	}
	return retriableCode(answer.ErrorCode)
}

// lost is an attempt that nobody knows the end of.
func (p *Producer) lost(now machine.Instant, b *batch) {
	if p.mayRetry(now, b) {
		if p.fail.On(failpoint.F07RenumberUnknown, b.number) {
			b.part.seqs.renumber(b)
		}
		p.again(now, b)
		return
	}
	p.fails(b, wire.ErrorName(wire.NetworkException))
}

// again puts a batch back into its partition's queue after a back-off.
func (p *Producer) again(now machine.Instant, b *batch) {
	tp := b.part.tp
	jitter := p.draw.Of("retry").Of(tp.Topic).With(uint64(tp.Partition)).With(b.number).With(uint64(b.attempts))
	b.retryAt = now.Add(backoff(p.set.RetryBackoff, p.set.RetryBackoffMax, b.attempts, jitter))
	if p.fail.OnAbout(failpoint.RetryAtOnce, tp.Topic, uint64(tp.Partition)<<32|uint64(b.attempts), b.number) {
		b.retryAt = now
	}
	b.attempts++
	if p.fail.On(failpoint.F05RequeueAtTail, b.number) {
		b.part.queue = append(b.part.queue, b)
	} else {
		b.part.requeue(b)
	}
	p.wait(b.part)
}

// wait notes that batches of a partition wait.
func (p *Producer) wait(a *accumulated) {
	if !a.waits {
		a.waits = true
		p.waiting = slices.Insert(p.waiting, p.from(a.place), a)
	}
}

// from is the index of the first of those that wait at a place or after it.
func (p *Producer) from(place int) int {
	i, _ := slices.BinarySearchFunc(p.waiting, place, func(a *accumulated, place int) int { return a.place - place })
	return i
}

// stopWaiting drops the partitions without batches that wait.
func (p *Producer) stopWaiting() {
	p.waiting = slices.DeleteFunc(p.waiting, func(a *accumulated) bool {
		a.waits = len(a.queue) > 0
		return !a.waits
	})
}

// fails ends a batch without success. Whether its sequence was taken is settled
// by the others in flight, see resolve: even if it certainly was not, they must
// not be given new sequences at once as Kafka does (TransactionManager.
// handleFailedBatch), since one before it may have been appended and wait for its
// retry, which would then be appended again.
func (p *Producer) fails(b *batch, why string) {
	if b.numbered() {
		b.part.seqs.drop(b)
		b.part.seqs.gaveUp(b)
		p.doubts = true
	}
	if b.maybe {
		p.finish(b, Unknown, -1, why)
	} else {
		p.finish(b, Rejected, -1, why)
	}
	p.txnFailed(b, why)
}

// split sends a batch that is too large for the broker in two halves, which
// share its sequence numbers.
func (p *Producer) split(b *batch) {
	b.done = true
	p.buffer += b.buffer
	for _, x := range b.part.split(b) {
		p.buffer -= x.buffer
	}
	p.wait(b.part)
}

// expire gives up on batches for which delivery.timeout.ms is over. One that was
// sent may be in the log or not: it ends as unknown, and its sequence stays
// unresolved until the others have ended.
func (p *Producer) expire(now machine.Instant) {
	for _, l := range p.net.links {
		for _, c := range l.calls {
			for _, b := range c.batches {
				if !b.done && b.expired(now, p) {
					b.maybe = true
					p.fails(b, timedOut)
				}
			}
		}
	}
	for _, a := range p.waiting {
		for len(a.queue) > 0 && a.queue[0].expired(now, p) {
			p.fails(a.pop(), timedOut)
		}
	}
}

// timedOut is why a record ends for which delivery.timeout.ms has passed.
const timedOut = "delivery.timeout.ms"

// nextExpiry is when the next batch expires.
func (p *Producer) nextExpiry() machine.Instant {
	at := machine.Never
	for _, l := range p.net.links {
		for _, c := range l.calls {
			for _, b := range c.batches {
				if !b.done {
					at = min(at, b.created.Add(p.set.DeliveryTimeout))
				}
			}
		}
	}
	for _, a := range p.waiting {
		if len(a.queue) > 0 {
			at = min(at, a.queue[0].created.Add(p.set.DeliveryTimeout))
		}
	}
	return at
}

// finish gives the caller the result of a batch.
func (p *Producer) finish(b *batch, what Outcome, base int64, why string) {
	if b.done {
		panic("client: a batch of " + b.part.tp.String() + " ended twice")
	}
	b.done = true
	p.buffer += b.buffer
	p.pending -= int64(len(b.records))
	r := Result{TP: b.part.tp, Outcome: what, Base: base, Why: why, PID: b.pid, Epoch: b.epoch, Seq: b.baseSeq, Records: b.records}
	p.results = append(p.results, r)
	b.encoded = wire.Records{}
}
