package replica

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// Guard stands for a verification of a transaction that has begun at a replica (KIP-890); 0
// stands for none. It is good for one transaction: what has been verified about one that a
// marker has ended since says nothing about the next.
type Guard uint64

// verification is what waits for the coordinator's word (Kafka's VerificationStateEntry).
type verification struct {
	guard Guard
	began int64 // ms of the wall clock
	epoch int16
	// lowest is the lowest sequence that has waited: one above it must not overtake it.
	lowest int32
	bumps  bool // the producer begins a new epoch with each transaction
}

// InTransaction reports whether a producer has an open transaction here in an epoch.
func (r *Replica) InTransaction(producerID int64, epoch int16) bool {
	s := r.producers.byID[producerID]
	return s != nil && s.txnFirst >= 0 && (s.epoch == epoch || epoch < s.epoch && r.cfg.Failpoints.On(failpoint.T06OldEpoch, uint64(producerID)))
}

// Verify begins the verification that a transactional batch needs: that its transaction's
// coordinator knows of this partition. It needs none if the transaction is open here. bumps
// says that the producer begins a new epoch with each transaction, as from Produce version 12
// on. The batch is then appended with the guard. code is Kafka's error, 0 if there is none.
func (r *Replica) Verify(now machine.Now, producerID int64, epoch int16, sequence int32, bumps bool) (g Guard, needed bool, code int16) {
	switch {
	case r.role != leading:
		return 0, false, wire.NotLeaderOrFollower
	case r.unverified(producerID) && !bumps, r.InTransaction(producerID, epoch):
		return 0, false, 0
	}
	p := &r.producers
	v := p.verifying[producerID]
	if v == nil {
		if p.verifying == nil {
			p.verifying = make(map[int64]*verification)
		}
		p.guards++
		v = &verification{guard: p.guards, began: now.Wall.Millis(), epoch: epoch, lowest: sequence, bumps: bumps}
		p.verifying[producerID] = v
	}
	if v.epoch == epoch {
		v.lowest = min(v.lowest, sequence)
	}
	if epoch > v.epoch {
		v.epoch, v.lowest = epoch, sequence
	}
	return v.guard, true, 0
}

// unverified reports whether a transaction may begin here of which nobody has said that its
// coordinator knows of this partition.
func (r *Replica) unverified(producerID int64) bool {
	return !r.cfg.VerifyTransactions || r.cfg.Failpoints.On(failpoint.T09SkipVerification, uint64(producerID))
}

// verified reports whether a transactional batch may be appended: its transaction is open
// here, or what was verified has been since it began.
func (r *Replica) verified(h *wire.Batch, g Guard) bool {
	return r.unverified(h.ProducerID) || !r.Overtaken(h.ProducerID, h.ProducerEpoch, g)
}

// Overtaken reports whether a guard is good for nothing any more, and the transaction that it
// was for is not open here: a marker has ended one since Verify.
func (r *Replica) Overtaken(producerID int64, epoch int16, g Guard) bool {
	if r.InTransaction(producerID, epoch) {
		return false
	}
	v := r.producers.verifying[producerID]
	return v == nil || v.guard != g
}
