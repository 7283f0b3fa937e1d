package txn

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
)

// record is what the log says of a transactional id.
type record struct {
	state    State
	producer int64
	epoch    int16
	// previous is the producer id before the last change; next is the one that takes over when
	// the transaction is complete, since the epochs of this one are used up (KIP-890).
	previous, next int64
	// last is the epoch before the last change, if that was one that the producer itself had
	// asked for: when it asks again, it is told the same (KIP-360).
	last       int16
	timeout    time.Duration
	started    int64 // ms of the wall clock; -1: there was no transaction yet
	updated    int64 // ms of the wall clock
	version    int16 // the transaction version that the last change was made in
	partitions []coordinator.TopicPartitions
}

// lastEpochTag is the tagged field with the epoch before the last change. Kafka passes over
// it: there a coordinator that has just taken over fences who asks again. Kafka has a field
// for it since KAFKA-20357.
const lastEpochTag = 100

// Tagged fields of a value. Kafka leaves out what has its default.
const (
	previousTag = 0
	nextTag     = 1
	versionTag  = 2
)

// keyOf is the key of the records of a transactional id (TransactionLogKey).
func keyOf(id string) []byte {
	k := kmsg.TxnMetadataKey{TransactionalID: id}
	return k.AppendTo(make([]byte, 0, 4+len(id)))
}

// valueOf is a record as it is in the log (TransactionLogValue). It is of version 1 whatever
// transaction.version is; Kafka writes version 0 at level 0, and reads both. It is written
// here, as each transaction has three, and kmsg makes a map of a tag that it does not know.
func valueOf(r *record) []byte {
	be, size := binary.BigEndian, 80
	for i := range r.partitions {
		size += 4 + len(r.partitions[i].Topic) + 4*len(r.partitions[i].Partitions)
	}
	b := be.AppendUint16(make([]byte, 0, size), 1)
	b = be.AppendUint64(b, uint64(r.producer))
	b = be.AppendUint16(b, uint16(r.epoch))
	b = be.AppendUint32(b, uint32(r.timeout.Milliseconds()))
	b = append(b, byte(r.state))
	if r.state == Empty {
		b = append(b, 0) // null
	} else {
		b = binary.AppendUvarint(b, uint64(len(r.partitions))+1)
		for i := range r.partitions {
			t := &r.partitions[i]
			b = append(binary.AppendUvarint(b, uint64(len(t.Topic))+1), t.Topic...)
			b = binary.AppendUvarint(b, uint64(len(t.Partitions))+1)
			for _, n := range t.Partitions {
				b = be.AppendUint32(b, uint32(n))
			}
			b = append(b, 0) // tags
		}
	}
	b = be.AppendUint64(b, uint64(r.updated))
	b = be.AppendUint64(b, uint64(r.started))
	return appendTags(b, r)
}

// appendTags appends the tagged fields, in their order.
func appendTags(b []byte, r *record) []byte {
	be, at := binary.BigEndian, len(b)
	b = append(b, 0) // how many
	if r.previous != none {
		b = be.AppendUint64(append(b, previousTag, 8), uint64(r.previous))
		b[at]++
	}
	if r.next != none {
		b = be.AppendUint64(append(b, nextTag, 8), uint64(r.next))
		b[at]++
	}
	if r.version != 0 {
		b = be.AppendUint16(append(b, versionTag, 2), uint16(r.version))
		b[at]++
	}
	if r.last != none {
		b = be.AppendUint16(append(b, lastEpochTag, 2), uint16(r.last))
		b[at]++
	}
	return b
}

// readKey is the transactional id of a key. A key of another version is none of this
// coordinator's business, as in Kafka (KIP-915).
func readKey(key []byte) (id string, known bool, err error) {
	if len(key) < 2 {
		return "", false, fmt.Errorf("a key of %d bytes", len(key))
	}
	if v := int16(binary.BigEndian.Uint16(key)); v != 0 {
		return "", false, nil
	}
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return "", false, fmt.Errorf("key: %w", err)
	}
	if k.TransactionalID == "" {
		return "", false, fmt.Errorf("key without a transactional id")
	}
	return k.TransactionalID, true, nil
}

// readValue is what a value says, or why no coordinator has written it.
func readValue(value []byte) (record, error) {
	if len(value) < 2 {
		return record{}, fmt.Errorf("a value of %d bytes", len(value))
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 || v > 1 {
		return record{}, fmt.Errorf("value of unknown version %d", v)
	}
	r, own := readOwn(value)
	if !own {
		var err error
		if r, err = readAny(value); err != nil {
			return record{}, err
		}
	}
	if err := r.check(); err != nil {
		return record{}, err
	}
	r.partitions = sorted(r.partitions)
	return r, nil
}

// readAny reads a value of Kafka's, or says why it is none.
func readAny(value []byte) (record, error) {
	v := kmsg.NewTxnMetadataValue()
	if err := v.ReadFrom(value); err != nil {
		return record{}, fmt.Errorf("value: %w", err)
	}
	r := record{
		state: State(v.State), producer: v.ProducerID, epoch: v.ProducerEpoch, previous: v.PreviousProducerID, next: v.NextProducerID,
		last: none, timeout: time.Duration(v.TimeoutMillis) * time.Millisecond, started: v.StartTimestamp, updated: v.LastUpdateTimestamp,
		version: v.ClientTransactionVersion,
	}
	var bad error
	v.UnknownTags.Each(func(tag uint32, b []byte) {
		switch {
		case tag != lastEpochTag:
		case len(b) != 2:
			bad = fmt.Errorf("a last epoch of %d bytes", len(b))
		default:
			r.last = int16(binary.BigEndian.Uint16(b))
		}
	})
	if bad != nil {
		return record{}, bad
	}
	if r.state != Empty && len(v.Topics) > 0 {
		r.partitions = make([]coordinator.TopicPartitions, len(v.Topics))
		for i := range v.Topics {
			r.partitions[i] = coordinator.TopicPartitions{Topic: v.Topics[i].Topic, Partitions: v.Topics[i].Partitions}
		}
	}
	return r, nil
}

// check says what no coordinator would write.
func (r *record) check() error {
	switch {
	case r.state < Empty || r.state > CompleteAbort:
		return fmt.Errorf("state %d", r.state)
	case r.producer < 0 || r.previous < none || r.next < none:
		return fmt.Errorf("producer id %d, before it %d, after it %d", r.producer, r.previous, r.next)
	case r.epoch < 0, r.last < none:
		return fmt.Errorf("producer epoch %d, before it %d", r.epoch, r.last)
	case r.timeout < 0:
		return fmt.Errorf("a timeout of %v", r.timeout)
	}
	if anyNegative(r.partitions) {
		return fmt.Errorf("partitions %v", r.partitions)
	}
	return nil
}
