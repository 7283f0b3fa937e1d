package txn

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// firstOfBrokers is the version of AddPartitionsToTxn from which on brokers ask, about several
// transactions at once, whether partitions are in them or to have them added (KIP-890).
const firstOfBrokers = 4

// addPartitions adds partitions to transactions, or says which are in them already.
func (m *Machine) addPartitions(now machine.Now, d *decision, req *kmsg.AddPartitionsToTxnRequest) {
	resp := addAnswer(req)
	d.answer(resp)
	if req.Version >= firstOfBrokers {
		for i := range req.Transactions {
			m.addOne(now, d, req, i, &resp.Transactions[i])
		}
		return
	}
	asked := make([]coordinator.TopicPartitions, len(req.Topics))
	for i := range req.Topics {
		asked[i] = coordinator.TopicPartitions{Topic: req.Topics[i].Topic, Partitions: req.Topics[i].Partitions}
	}
	code := m.add(now, d, coordinator.Producer{TransactionalID: req.TransactionalID, ID: req.ProducerID, Epoch: req.ProducerEpoch}, asked, 0)
	failed(resp, worded(code, req.Version, fencedInTxn))
}

// addOne does what a request of brokers asks for about one of its transactions.
func (m *Machine) addOne(now machine.Now, d *decision, req *kmsg.AddPartitionsToTxnRequest, i int, answer *kmsg.AddPartitionsToTxnResponseTransaction) {
	x := &req.Transactions[i]
	who := coordinator.Producer{TransactionalID: x.TransactionalID, ID: x.ProducerID, Epoch: x.ProducerEpoch}
	var code int16
	switch {
	case twice(req, i): // it would be decided as if the first were not
		code = wire.InvalidRequest
	case x.VerifyOnly:
		code = m.verify(who)
	default:
		asked := make([]coordinator.TopicPartitions, len(x.Topics))
		for i := range x.Topics {
			asked[i] = coordinator.TopicPartitions{Topic: x.Topics[i].Topic, Partitions: x.Topics[i].Partitions}
		}
		code = m.add(now, d, who, asked, epochBump)
	}
	for i := range answer.Topics {
		t := &answer.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if p.ErrorCode = code; code == 0 && x.VerifyOnly && !has(m.byID[x.TransactionalID].partitions, t.Topic, p.Partition) {
				p.ErrorCode = wire.TransactionAbortable
			}
		}
	}
}

// twice reports whether a request has named the transactional id of its transaction i before.
func twice(req *kmsg.AddPartitionsToTxnRequest, i int) bool {
	for j := range req.Transactions[:i] {
		if req.Transactions[j].TransactionalID == req.Transactions[i].TransactionalID {
			return true
		}
	}
	return false
}

// addOffsets adds the partition in which a group has its offsets.
func (m *Machine) addOffsets(now machine.Now, d *decision, req *kmsg.AddOffsetsToTxnRequest) {
	resp := kmsg.NewPtrAddOffsetsToTxnResponse()
	d.answer(resp)
	partition := coordinator.PartitionFor(req.Group, m.cfg.OffsetsPartitions())
	code := m.add(now, d, coordinator.Producer{TransactionalID: req.TransactionalID, ID: req.ProducerID, Epoch: req.ProducerEpoch},
		[]coordinator.TopicPartitions{{Topic: coordinator.Offsets, Partitions: []int32{partition}}}, 0)
	resp.ErrorCode = worded(code, req.Version, fencedInTxn)
}

// add adds partitions to the transaction of a producer, which begins by that if there is
// none.
func (m *Machine) add(now machine.Now, d *decision, who coordinator.Producer, more []coordinator.TopicPartitions, version int16) int16 {
	t, code := m.find(who)
	switch {
	case code != 0:
		return code
	case anyNegative(more): // whoever looks at the metadata has refused it
		return wire.UnknownTopicOrPartition
	case t.state == Ongoing && hasAll(t.partitions, more):
		return 0
	}
	r := t.begun(now.Wall.Millis(), more, version)
	d.record(t.id, &r)
	return 0
}

// find is the transactional id of a producer, unless it is not to go on with it.
func (m *Machine) find(who coordinator.Producer) (*transaction, int16) {
	t := m.byID[who.TransactionalID]
	switch {
	case who.TransactionalID == "":
		return nil, wire.InvalidRequest
	case t == nil:
		return nil, wire.InvalidProducerIDMapping
	case t.state.ending(): // first, as in endBumping
		return nil, wire.ConcurrentTransactions
	case t.producer != who.ID:
		return nil, wire.InvalidProducerIDMapping
	case t.epoch != who.Epoch:
		return nil, wire.ProducerFenced
	}
	return t, 0
}

// verify is why nothing that a partition has got from a producer is of its transaction.
func (m *Machine) verify(who coordinator.Producer) int16 {
	t := m.byID[who.TransactionalID]
	switch {
	case who.TransactionalID == "":
		return wire.InvalidRequest
	case t == nil || t.producer != who.ID:
		return wire.InvalidProducerIDMapping
	case t.epoch != who.Epoch:
		return wire.ProducerFenced
	case t.state.ending():
		return wire.ConcurrentTransactions
	}
	return 0
}
