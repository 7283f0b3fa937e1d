package txn

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// endTxn commits or aborts a transaction: once the answer leaves, that is so, and the markers
// that say so in the partitions are on their way. From version 5 on each end of a transaction
// gives the producer its next epoch, so that nothing of this transaction, an EndTxn that was
// held up least of all, can have to do with the next (KIP-890).
func (m *Machine) endTxn(now machine.Now, d *decision, req *kmsg.EndTxnRequest) {
	resp := kmsg.NewPtrEndTxnResponse()
	resp.ProducerID, resp.ProducerEpoch = none, none
	d.answer(resp)
	t := m.byID[req.TransactionalID]
	switch {
	case req.TransactionalID == "":
		resp.ErrorCode = wire.InvalidRequest
		d.atOnce()
		return
	case t == nil:
		resp.ErrorCode = wire.InvalidProducerIDMapping
		return
	}
	var end ending
	if req.Version >= firstBump {
		end = m.endBumping(t, req)
	} else {
		end = m.endPlainly(t, req)
	}
	switch end {
	case endNow:
		m.endNow(now, d, t, req, resp)
	case endedBefore:
		if req.Version >= firstBump {
			resp.ProducerID, resp.ProducerEpoch = t.producer, t.epoch
		}
	default:
		resp.ErrorCode = worded(int16(end), req.Version, fencedInTxn)
	}
}

// firstBump is the version of EndTxn that raises the epoch.
const firstBump = 5

// ending is what an EndTxn comes to: one of the two here, or Kafka's error code.
type ending int16

const (
	endNow      ending = 1000
	endedBefore ending = 1001 // it is a retry
)

// endNow has the transaction prepared to commit or abort.
func (m *Machine) endNow(now machine.Now, d *decision, t *transaction, req *kmsg.EndTxnRequest, resp *kmsg.EndTxnResponse) {
	state, version := PrepareAbort, int16(0)
	if req.Commit {
		state = PrepareCommit
	}
	if req.Version >= firstBump {
		version = epochBump
	}
	r, code := m.ends(now, &t.record, state, version)
	if code != 0 {
		resp.ErrorCode = code
		return
	}
	m.prepare(d, t.id, &r)
	if req.Version >= firstBump {
		resp.ProducerID, resp.ProducerEpoch = r.producer, r.epoch
		if r.next != none {
			resp.ProducerID, resp.ProducerEpoch = r.next, 0
		}
	}
}

// endPlainly decides about an EndTxn of a producer that keeps its epoch
// (TransactionCoordinator.endTransactionWithTV1). It cannot tell an EndTxn that was held up
// from one of the transaction under way.
func (m *Machine) endPlainly(t *transaction, req *kmsg.EndTxnRequest) ending {
	switch {
	case t.producer != req.ProducerID:
		return ending(wire.InvalidProducerIDMapping)
	case t.epoch != req.ProducerEpoch && !m.anyEpoch(req):
		if req.Commit && m.late(t, req) {
			return ending(wire.InvalidTxnState)
		}
		return ending(wire.ProducerFenced)
	case t.state.ending():
		if m.refusesRetry(t, req) {
			return ending(wire.InvalidTxnState)
		}
		return ending(wire.ConcurrentTransactions)
	case t.state == Ongoing:
		return endNow
	case t.state == endOf(req):
		if m.refusesRetry(t, req) {
			return ending(wire.InvalidTxnState)
		}
		return endedBefore
	}
	return ending(wire.InvalidTxnState)
}

// endBumping decides about an EndTxn of a producer that gets a new epoch each time. The epoch
// tells a retry, which has the one before, from the end of the next transaction. An abort of
// nothing is an end, too: the producer does not know whether what it has sent has come
// (TransactionCoordinator.endTransaction).
func (m *Machine) endBumping(t *transaction, req *kmsg.EndTxnRequest) ending {
	overflown := t.previous == req.ProducerID && req.ProducerEpoch == lastEpoch && t.epoch == 0
	retry := overflown || t.producer == req.ProducerID && int(t.epoch) == int(req.ProducerEpoch)+1
	current := t.epoch == req.ProducerEpoch || m.anyEpoch(req)
	if m.cfg.Failpoints.On(failpoint.T27EpochBeforePending, uint64(req.ProducerID)) && t.state.ending() && !retry {
		return ending(wire.ProducerFenced)
	}
	switch {
	case t.state.ending():
		// First of all, since the producer may have been told a producer id already that
		// takes over when the transaction is complete (KAFKA-18660).
		if retry && m.refusesRetry(t, req) {
			return ending(wire.InvalidTxnState)
		}
		if t.state == PrepareCommit && current && !req.Commit {
			m.cfg.Failpoints.Hit(failpoint.AbortBehindCommit)
		}
		return ending(wire.ConcurrentTransactions)
	case t.producer != req.ProducerID && !overflown:
		return ending(wire.InvalidProducerIDMapping)
	case t.state == Ongoing || t.state == Empty:
		if !current {
			return ending(wire.ProducerFenced)
		}
		if t.state == Ongoing || !req.Commit {
			return endNow
		}
	case retry && t.state == endOf(req):
		if m.refusesRetry(t, req) {
			break
		}
		return endedBefore
	case retry && req.Commit:
		// Nobody but the coordinator itself has aborted what the producer wants to commit:
		// its time was over (KAFKA-20785).
		if m.late(t, req) {
			break
		}
		return ending(wire.ProducerFenced)
	case retry:
	case !current:
		return ending(wire.ProducerFenced)
	case !req.Commit:
		return endNow
	}
	return ending(wire.InvalidTxnState)
}

// endOf is the state that an EndTxn leads to.
func endOf(req *kmsg.EndTxnRequest) State {
	if req.Commit {
		return CompleteCommit
	}
	return CompleteAbort
}

func (m *Machine) anyEpoch(req *kmsg.EndTxnRequest) bool {
	return m.cfg.Failpoints.On(failpoint.T07AnyEndTxn, uint64(req.ProducerID))
}

func (m *Machine) refusesRetry(t *transaction, req *kmsg.EndTxnRequest) bool {
	return (endOf(req) == t.state || endOf(req) == t.state+2) && m.cfg.Failpoints.On(failpoint.T18RefuseRetry, uint64(req.ProducerID))
}

// late takes a commit that may come behind the coordinator's own abort, and reports whether
// the bug is planted that tells its producer of the wrong state.
func (m *Machine) late(t *transaction, req *kmsg.EndTxnRequest) bool {
	if t.state != CompleteAbort || int(t.epoch) != int(req.ProducerEpoch)+1 {
		return false
	}
	m.cfg.Failpoints.Hit(failpoint.LateCommit)
	return m.cfg.Failpoints.On(failpoint.T19FatalRace, uint64(req.ProducerID))
}

// ends is a record of a transaction that is to be committed or aborted, in a transaction
// version.
func (m *Machine) ends(now machine.Now, r *record, s State, version int16) (record, int16) {
	wall := now.Wall.Millis()
	end := r.to(s, wall)
	if r.state != Ongoing {
		end.started = wall // it has begun and ended
	}
	end.version, end.next = version, none
	if version < epochBump || m.cfg.Failpoints.On(failpoint.T08KeepEpoch, uint64(r.producer)) {
		return end, 0
	}
	end.epoch, end.last = m.bumped(r.epoch), r.epoch
	if r.exhausted() && !m.cfg.Failpoints.On(failpoint.T05NoRotation, uint64(r.producer)) {
		id, ok := m.cfg.NextID()
		if !ok {
			return end, wire.CoordinatorLoadInProgress
		}
		end.next = id
	}
	return end, 0
}

// prepare has a transaction become what r says, and its markers written.
func (m *Machine) prepare(d *decision, id string, r *record) {
	m.cfg.Failpoints.Hit(failpoint.StepPrepared)
	d.record(id, r)
	d.out.Markers = append(d.out.Markers, m.marker(id, r))
}

// marker is that of a transaction which is prepared to end.
func (m *Machine) marker(id string, r *record) coordinator.Marker {
	return coordinator.Marker{
		Producer:         coordinator.Producer{TransactionalID: id, ID: r.producer, Epoch: r.epoch},
		CoordinatorEpoch: m.cfg.Epoch,
		Commit:           r.state == PrepareCommit,
		Partitions:       r.partitions,
		Version:          r.version,
	}
}

// markersWritten completes a transaction.
func (m *Machine) markersWritten(now machine.Now, d *decision, c MarkersWritten) {
	t := m.byID[c.TransactionalID]
	if t == nil || !t.state.ending() || t.producer != c.ID || t.epoch != c.Epoch {
		return
	}
	m.cfg.Failpoints.Hit(failpoint.StepCompleted)
	r := t.completed(now.Wall.Millis())
	d.record(t.id, &r)
}
