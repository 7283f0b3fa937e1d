package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// verifying is a Produce, or a TxnOffsetCommit, that waits for the word of its transaction's coordinator, which must
// know of the partitions before anything of the transaction is in their logs (KIP-890): a
// batch that comes late would otherwise begin a transaction that nobody ends. Nothing of the
// request is appended before.
type verifying struct {
	conn *conn
	req  wire.Request

	transactionalID string
	producerID      int64
	epoch           int16
	// adds says that the coordinator is to add the partitions to the transaction, not only to
	// tell whether they were: so do producers that begin a new epoch with each transaction.
	adds  bool
	parts []verifyingPart // those that it is asked about
	// then goes on with it, where it is no Produce.
	then func(now machine.Now, out *machine.Effects)

	asked machine.Instant // when the coordinator has first answered; 0: it has not
	again machine.Instant // when it is to be asked again, as it was busy
}

// verifyingPart is one partition of it, with the coordinator's answer.
type verifyingPart struct {
	topic     string
	partition int32
	guard     replica.Guard
	code      int16
}

// addsPartitions is the version of Produce from which on partitions are added to the
// transaction by it (transaction version 2).
const addsPartitions = 12

// needsVerification is what a request has to wait for, nil for nothing. code is Kafka's error
// for all of it.
func (b *Broker) needsVerification(now machine.Now, c *conn, req *wire.Request, body *kmsg.ProduceRequest) (v *verifying, code int16) {
	if body.TransactionID == nil || !b.cfg.Coordinators {
		return nil, 0
	}
	w := verifying{conn: c, req: *req, transactionalID: *body.TransactionID, producerID: -1, adds: req.Version >= addsPartitions}
	n := -1
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			n++
			h, _, wrong, _ := wire.Produced(req.Records[n])
			if wrong != 0 || !h.IsTransactional() || h.ProducerID < 0 {
				continue
			}
			if w.producerID >= 0 && (w.producerID != h.ProducerID || w.epoch != h.ProducerEpoch) {
				return nil, wire.InvalidProducerIDMapping
			}
			w.producerID, w.epoch = h.ProducerID, h.ProducerEpoch
			p, code := b.lookup(t.Topic, t.Partitions[j].Partition)
			if code != 0 {
				continue // it will be refused
			}
			guard, needed, code := p.Verify(now, h.ProducerID, h.ProducerEpoch, h.BaseSequence, w.adds)
			if code == 0 && needed {
				w.parts = append(w.parts, verifyingPart{t.Topic, t.Partitions[j].Partition, guard, 0})
			}
		}
	}
	if len(w.parts) == 0 {
		return nil, 0
	}
	return &w, 0
}

// verified goes on with a request about whose partitions the coordinator has said something.
func (b *Broker) verified(now machine.Now, v *verifying, out *machine.Effects) {
	for i := range v.parts {
		switch v.parts[i].code {
		case wire.InvalidTxnState, wire.InvalidProducerEpoch, wire.ProducerFenced:
			b.cfg.Failpoints.Hit(failpoint.ProduceUnverified)
		}
	}
	if v.then != nil {
		v.then(now, out)
		return
	}
	b.appendProduced(now, v.conn, v.req, v, out)
}

// about is what was said of a partition: the guard to append with, and Kafka's error with
// what it says beside, as producers know it (ReplicaManager.handleProduceAppend).
func (v *verifying) about(topic string, partition int32) (guard replica.Guard, code int16, why *string) {
	if v == nil {
		return 0, 0, nil
	}
	for i := range v.parts {
		p := &v.parts[i]
		if p.topic != topic || p.partition != partition {
			continue
		}
		switch p.code {
		case wire.InvalidTxnState:
			why := "Partition was not added to the transaction"
			return 0, p.code, &why
		case wire.ConcurrentTransactions:
			if v.adds {
				return 0, p.code, nil
			}
			fallthrough
		case wire.NetworkException, wire.CoordinatorLoadInProgress, wire.CoordinatorNotAvailable, wire.NotCoordinator:
			// Producers may not know it; this one has them try again, and look for nobody.
			why := "Unable to verify the partition has been added to the transaction. Underlying error: " + wire.ErrorName(p.code)
			return 0, wire.NotEnoughReplicas, &why
		}
		return p.guard, p.code, nil
	}
	return 0, 0, nil
}
