package txn

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// initProducerID has a producer begin: whoever had the transactional id before is fenced,
// and what it has left open is aborted first, which the new producer is told to wait for. A
// producer that goes on after an error says who it was, and is fenced if somebody else has
// begun meanwhile (KIP-360).
func (m *Machine) initProducerID(now machine.Now, d *decision, req *kmsg.InitProducerIDRequest) {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = none, none
	d.answer(resp)
	timeout := time.Duration(req.TransactionTimeoutMillis) * time.Millisecond
	switch {
	case (req.ProducerID == none) != (req.ProducerEpoch == none), req.TransactionalID == nil, *req.TransactionalID == "":
		resp.ErrorCode = wire.InvalidRequest
	case timeout <= 0, timeout > m.cfg.Settings.TransactionMaxTimeout:
		resp.ErrorCode = wire.InvalidTransactionTimeout
	}
	if resp.ErrorCode != 0 {
		d.atOnce()
		return
	}
	id := *req.TransactionalID
	var r record
	var code int16
	if t := m.byID[id]; t != nil {
		r, code = m.begins(now, t, req)
	} else {
		r, code = m.beginsFirst(now, req)
	}
	if code != 0 {
		resp.ErrorCode = worded(code, req.Version, fencedInInit)
		return
	}
	if r.state == PrepareAbort {
		resp.ErrorCode = wire.ConcurrentTransactions
		m.prepare(d, id, &r)
		return
	}
	r.timeout = timeout
	d.record(id, &r)
	resp.ProducerID, resp.ProducerEpoch = r.producer, r.epoch
}

// beginsFirst is the first record of a transactional id.
func (m *Machine) beginsFirst(now machine.Now, req *kmsg.InitProducerIDRequest) (record, int16) {
	id, ok := m.cfg.NextID()
	if !ok {
		return record{}, wire.CoordinatorLoadInProgress
	}
	r := record{producer: id, epoch: m.cfg.FirstEpoch, last: none}
	return r.initialized(now.Wall.Millis()), 0
}

// begins is what becomes of a transactional id that is known: PrepareAbort if it has a
// transaction (TransactionCoordinator.prepareInitProducerIdTransit).
func (m *Machine) begins(now machine.Now, t *transaction, req *kmsg.InitProducerIDRequest) (r record, code int16) {
	goesOn := req.ProducerID != none
	retried := goesOn && req.ProducerID == t.previous && req.ProducerEpoch >= lastEpoch // and was given another id
	switch {
	case t.state.ending():
		return r, wire.ConcurrentTransactions
	case goesOn && req.ProducerID != t.producer && !retried:
		return r, wire.ProducerFenced
	case t.state == Ongoing:
		return m.fenced(now, t)
	}
	wall := now.Wall.Millis()
	switch r = t.initialized(wall); {
	case t.exhausted() && (!goesOn || req.ProducerEpoch == t.epoch):
		if m.cfg.Failpoints.On(failpoint.T05NoRotation, uint64(t.producer)) {
			r.epoch = math.MaxInt16
			break
		}
		id, ok := m.cfg.NextID()
		if !ok {
			return r, wire.CoordinatorLoadInProgress
		}
		r.producer, r.epoch, r.last = id, 0, none
		if goesOn {
			r.last = t.epoch
		}
	case !goesOn:
		r.epoch, r.last = t.epoch+1, none
	case req.ProducerEpoch == t.epoch:
		r.epoch, r.last = t.epoch+1, t.epoch
	case req.ProducerEpoch == t.last: // and has not heard the answer
		r.previous = t.previous
	default:
		return r, wire.ProducerFenced
	}
	return r, 0
}

// fenced is the record that aborts a transaction whose producer is not to go on with it.
func (m *Machine) fenced(now machine.Now, t *transaction) (r record, code int16) {
	if m.cfg.Version >= epochBump {
		return m.ends(now, &t.record, PrepareAbort, epochBump)
	}
	r, _ = m.ends(now, &t.record, PrepareAbort, 0)
	r.epoch, r.last = m.bumped(t.epoch), none
	return r, 0
}

// bumped is the epoch after another. The last of all is that of a fenced producer whose
// epochs are used up.
func (m *Machine) bumped(epoch int16) int16 {
	if epoch == math.MaxInt16 {
		return epoch
	}
	return epoch + 1
}
