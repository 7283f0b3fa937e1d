package client

import (
	"slices"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// sequences is the idempotent state of one partition (KIP-98, KIP-360): Java's
// TxnPartitionEntry.
type sequences struct {
	pid    int64 // that the sequence counts for: the producer's own may have moved on
	epoch  int16
	first  int32 // sequence of the first record of the epoch
	next   int32 // sequence of the next record
	acked  int32 // the last that was acknowledged; -1 none
	offset int64 // of that one; -1 not known

	flying []*batch // numbered and without a result, by sequence

	// unresolved says that a batch was given up after it had been sent: until
	// the others have ended nobody knows whether its sequence was used.
	unresolved bool
	resolvesAt int32 // the sequence after the batches that were given up
	rewrite    bool  // give the batches in flight new sequences in the next epoch
}

// identity is the producer's id and epoch; id -1 while there is none.
type identity struct {
	pid      int64
	epoch    int16
	bump     bool // the next epoch is due
	asking   bool // InitProducerId is under way
	retryAt  machine.Instant
	attempts uint32
}

func (p *Producer) stalePart(a *accumulated) bool {
	return a.seqs.pid != p.id.pid || a.seqs.epoch != p.id.epoch
}

// restart gives the partition's batches in flight sequences from 0 in the
// current epoch, or from where the producer's first epoch begins.
func (p *Producer) restart(a *accumulated) {
	s := &a.seqs
	if s.first = 0; s.pid < 0 {
		s.first = p.first
	}
	seq := s.first
	for _, b := range s.flying {
		b.setSequence(p.id.pid, p.id.epoch, seq)
		b.reset = true
		seq = addSeq(seq, int32(len(b.records)))
	}
	s.pid, s.epoch, s.next, s.acked, s.offset = p.id.pid, p.id.epoch, seq, -1, -1
}

// follows reports whether seq is the one after the last acknowledged.
func (s *sequences) follows(seq int32) bool {
	if s.acked < 0 {
		return seq == s.first
	}
	return addSeq(s.acked, 1) == seq
}

func (s *sequences) drop(b *batch) {
	if i := slices.Index(s.flying, b); i >= 0 {
		s.flying = slices.Delete(s.flying, i, i+1)
	}
}

// renumber gives a batch the next sequence instead of its own, as if it had never
// been sent: only a planted bug does so.
func (s *sequences) renumber(b *batch) {
	if !b.numbered() {
		return
	}
	s.drop(b)
	b.setSequence(s.pid, s.epoch, s.next)
	s.next = addSeq(s.next, int32(len(b.records)))
	s.flying = append(s.flying, b)
}

// completed takes an acknowledgement.
func (s *sequences) completed(b *batch, offset int64) {
	if last := b.lastSeq(); b.pid == s.pid && b.epoch == s.epoch && (s.acked < 0 || seqBefore(s.acked, last)) {
		s.acked = last
		if offset >= 0 {
			s.offset = offset + int64(len(b.records)) - 1
		}
	}
	s.drop(b)
}

// gaveUp marks the sequence of a batch as unresolved.
func (s *sequences) gaveUp(b *batch) {
	after := addSeq(b.lastSeq(), 1)
	if !s.unresolved || seqBefore(s.resolvesAt, after) {
		s.resolvesAt = after
	}
	s.unresolved = true
}

// bumpFor asks for a new epoch because of one partition, whose batches in
// flight then begin again at sequence 0. A partition that still drains under an
// older producer id is left to do so.
func (p *Producer) bumpFor(a *accumulated) {
	if p.txn.id != "" { // which may abort, and go on in another epoch
		p.txn.bump = p.txn.bump || !p.txn.v2
		p.abortable("the end of what was sent to " + a.tp.String() + " is not known")
		return
	}
	if a.seqs.pid != p.id.pid {
		return
	}
	p.id.bump = true
	a.seqs.rewrite = true
}

// resolve ends the uncertainty of partitions whose batches in flight have all
// ended: either the last acknowledgement covers what was given up, or there may
// be a hole, and only a new epoch can go on (TransactionManager.maybeResolveSequences).
func (p *Producer) resolve() {
	if !p.doubts {
		return
	}
	p.doubts = false
	for _, a := range p.parts {
		s := &a.seqs
		if !s.unresolved || len(s.flying) > 0 {
			p.doubts = p.doubts || s.unresolved
			continue
		}
		if !s.follows(s.next) {
			p.bumpFor(a)
		}
		s.unresolved = false
	}
}

// bump moves to the next epoch when it is due. The idempotent producer does so
// by itself, without asking the broker, until epochs run out (KIP-360).
func (p *Producer) bump() {
	if !p.id.bump || p.id.pid < 0 {
		return
	}
	p.id.bump = false
	p.fail.Hit(failpoint.ProducerEpochBump)
	if p.id.epoch == 1<<15-1 {
		p.id.pid, p.id.epoch = -1, -1
		for _, a := range p.parts {
			a.seqs.rewrite = false // what is in flight ends under the old id, or expires
		}
		return
	}
	p.id.epoch++
	for _, a := range p.parts {
		if a.seqs.rewrite {
			a.seqs.rewrite, a.seqs.unresolved = false, false
			p.restart(a)
		}
	}
}
