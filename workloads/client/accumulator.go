package client

import (
	"slices"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// accumulated is what a producer holds for one partition: the batches that
// wait, in the order in which they must leave, and its idempotent state.
type accumulated struct {
	tp      wire.TP
	meta    *partMeta
	place   int  // among the producer's partitions
	waits   bool // is in Producer.waiting
	queue   []*batch
	batches uint64 // made so far
	usual   int    // records in the batch that left last: the next gets room for as many
	spare   *spare // of the producer
	seqs    sequences
	muted   bool // max.in.flight=1: a batch is under way, the next waits for its end

	transactional bool      // its batches are of transactions
	txn           partState // how it stands to the present one
}

// append adds a record to the partition's last batch, or to a new one. It
// returns the bytes by which batches have grown and what a new one takes of
// buffer.memory, and does nothing if there is not so much left.
func (a *accumulated) append(now machine.Instant, r *Record, batchSize, bufferLeft int64) (bytes, took int64, ok bool) {
	if n := len(a.queue); n > 0 {
		last := a.queue[n-1]
		if last.hasRoom(r, batchSize) {
			before := last.size
			last.add(r)
			return last.size - before, 0, true
		}
		last.closed = true
	}
	took = max(batchSize, wire.BatchHeaderSize+r.sizeAtMost())
	if took > bufferLeft {
		return 0, 0, false
	}
	b := &batch{part: a, number: a.batches, created: now, baseSeq: noSequence, pid: -1, epoch: -1, epochAt: -1,
		buffer: took, size: wire.BatchHeaderSize}
	a.batches++
	b.records = a.spare.take(a.usual)
	b.add(r)
	a.queue = append(a.queue, b)
	return b.size, took, true
}

// begins reports whether a record would begin a batch.
func (a *accumulated) begins(r *Record, batchSize int64) bool {
	n := len(a.queue)
	return n == 0 || !a.queue[n-1].hasRoom(r, batchSize)
}

// allFull reports whether no batch can take another record.
func (a *accumulated) allFull(batchSize int64) bool {
	n := len(a.queue)
	return n == 0 || a.queue[n-1].full(batchSize)
}

// readyAt is when the first batch may leave, were its broker there: Never if
// nothing waits, at once if it is full, after linger.ms or the back-off of its
// last attempt otherwise. A batch does not sit out its back-off once the
// partition has another leader epoch (KIP-951).
func (a *accumulated) readyAt(batchSize int64, linger time.Duration, hurry bool) machine.Instant {
	if len(a.queue) == 0 {
		return machine.Never
	}
	b := a.queue[0]
	switch {
	case b.attempts > 0 && a.meta.epoch > b.epochAt:
		return b.created
	case b.attempts > 0:
		return b.retryAt
	case hurry || len(a.queue) > 1 || b.full(batchSize):
		return b.created
	}
	return b.created.Add(linger)
}

// pop takes the first batch out.
func (a *accumulated) pop() *batch {
	b := a.queue[0]
	b.closed = true
	a.usual = len(b.records)
	a.queue = slices.Delete(a.queue, 0, 1)
	return b
}

// requeue puts a batch back that has to be sent again. With sequences it goes
// where its sequence belongs; without, it goes to the front, where it may
// overtake an earlier batch that is also tried again, as in Kafka.
func (a *accumulated) requeue(b *batch) {
	at := 0
	if b.numbered() {
		for at < len(a.queue) && a.queue[at].numbered() && seqBefore(a.queue[at].baseSeq, b.baseSeq) {
			at++
		}
	}
	a.queue = slices.Insert(a.queue, at, b)
}

// split replaces a batch that was too large for the broker, and is not in the
// queue, by two halves, and returns them. Kafka splits at batch.size; halves also
// come to an end when batch.size itself is too large. It costs no attempt, as in
// Kafka.
func (a *accumulated) split(b *batch) [2]*batch {
	half := len(b.records) / 2
	var halves [2]*batch
	for i, records := range [...][]Record{b.records[:half:half], b.records[half:]} {
		x := &batch{part: a, number: b.number, created: b.created, attempts: b.attempts, epochAt: b.epochAt, maybe: b.maybe, closed: true,
			pid: b.pid, epoch: b.epoch, baseSeq: b.baseSeq, reset: b.reset, records: records, size: wire.BatchHeaderSize}
		for i := range records {
			x.size += records[i].sizeAfter(records[:i])
		}
		if i == 1 && b.numbered() {
			x.baseSeq = addSeq(b.baseSeq, int32(half))
		}
		x.buffer = x.size
		halves[i] = x
	}
	a.requeue(halves[1]) // without sequences the front is the place: the second half first
	a.requeue(halves[0])
	if i := slices.Index(a.seqs.flying, b); i >= 0 {
		a.seqs.flying = slices.Replace(a.seqs.flying, i, i+1, halves[0], halves[1])
	}
	return halves
}
