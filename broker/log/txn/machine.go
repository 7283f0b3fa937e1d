package txn

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// Config is what a coordinator is told of its broker.
type Config struct {
	Settings *config.Broker
	// Epoch is the leader epoch in which the broker leads the partition: its markers carry it,
	// and partitions take none of an older one.
	Epoch int32
	// Version is the finalized level of the feature transaction.version: 0, 1 or 2. From 2 on
	// aborts that no client has asked for raise the epoch as those of clients do (KIP-890).
	Version int16
	// NextID takes a producer id that nobody has been given; there may be none left for now.
	NextID func() (id int64, ok bool)
	// FirstEpoch is the epoch that a new transactional id begins with: 0 but in simulations
	// that have to come to the end of the epochs.
	FirstEpoch int16
	// OffsetsPartitions is how many partitions __consumer_offsets has, or will have.
	OffsetsPartitions func() int32
	Failpoints        *failpoint.Set // nil: off
}

// Machine coordinates the transactional ids of one partition of __transaction_state.
type Machine struct {
	cfg   Config
	byID  map[string]*transaction
	order []*transaction // by id
	// ongoing is how many of them are.
	ongoing int
	// unsaid is how many have all their markers written, and that is not in the log.
	unsaid   int
	now      machine.Instant // of the last decision
	loaded   bool
	abortAt  machine.Instant // when to look for transactions whose time is over
	expireAt machine.Instant // when to look for ids that nobody has used for long
	retryAt  machine.Instant // when to say again what is unsaid
}

var _ coordinator.Machine = (*Machine)(nil)

// New is a coordinator that has replayed nothing yet.
func New(cfg Config) *Machine { return &Machine{cfg: cfg, byID: make(map[string]*transaction)} }

// MarkersWritten is the command that completes a transaction: its markers, as Outcome had
// them, are on all its partitions that there still are. One that is not of the transaction
// under way says nothing. It has no answer.
type MarkersWritten struct{ coordinator.Producer }

// Request decides about the requests of the Kafka protocol that a coordinator of
// transactions serves, and about [MarkersWritten]. An AddPartitionsToTxn of version 4 or
// later, a DescribeTransactions and a ListTransactions is about the ids of this coordinator
// alone: who asks several has to put the answers together.
func (m *Machine) Request(now machine.Now, from coordinator.Caller, command any) coordinator.Outcome {
	m.now = now.Mono
	d := decision{to: from.Token}
	switch c := command.(type) {
	case *kmsg.InitProducerIDRequest:
		m.initProducerID(now, &d, c)
	case *kmsg.AddPartitionsToTxnRequest:
		m.addPartitions(now, &d, c)
	case *kmsg.AddOffsetsToTxnRequest:
		m.addOffsets(now, &d, c)
	case *kmsg.EndTxnRequest:
		m.endTxn(now, &d, c)
	case *kmsg.DescribeTransactionsRequest:
		m.describe(&d, c)
	case *kmsg.ListTransactionsRequest:
		m.list(now, &d, c)
	case MarkersWritten:
		m.markersWritten(now, &d, c)
	default:
		panic(fmt.Sprintf("txn: a command of type %T", command))
	}
	return d.out
}

// decision is an Outcome in the making.
type decision struct {
	to  coordinator.Token
	out coordinator.Outcome
}

// answer has a body as the answer.
func (d *decision) answer(body kmsg.Response) {
	d.out.Answers = append(d.out.Answers, coordinator.Answer{To: d.to, Body: body})
}

// atOnce has the answer leave at once: it says nothing that could be lost.
func (d *decision) atOnce() { d.out.Answers[len(d.out.Answers)-1].AtOnce = true }

// record has a transactional id become what r says.
func (d *decision) record(id string, r *record) {
	d.out.Records = append(d.out.Records, coordinator.Record{Key: keyOf(id), Value: valueOf(r)})
}

// Replay applies one record of the log.
func (m *Machine) Replay(at coordinator.Position, key, value []byte) error {
	id, known, err := readKey(key)
	if err != nil {
		return fmt.Errorf("%s: offset %d: %w", coordinator.Transactions, at.Offset, err)
	}
	if !known {
		return nil
	}
	if value == nil {
		m.forget(id)
		return nil
	}
	r, err := readValue(value)
	if err != nil {
		return fmt.Errorf("%s: offset %d: %s: %w", coordinator.Transactions, at.Offset, id, err)
	}
	t := m.byID[id]
	if t == nil {
		t = &transaction{id: id}
		m.byID[id] = t
		m.order = slices.Insert(m.order, m.place(id), t)
	}
	if t.state != Ongoing {
		t.since = m.now
	}
	if m.loaded && m.ongoing == 0 {
		m.lookFrom(m.now)
	}
	m.count(t, -1)
	t.record, t.written = r, false
	m.count(t, 1)
	return nil
}

// Marker is nothing to this coordinator: no transaction has records in its log.
func (m *Machine) Marker(int64, int16, bool) {}

// place is where an id is, or would be, in the order.
func (m *Machine) place(id string) int {
	i, _ := slices.BinarySearchFunc(m.order, id, func(t *transaction, id string) int { return cmp.Compare(t.id, id) })
	return i
}

func (m *Machine) forget(id string) {
	t := m.byID[id]
	if t == nil {
		return
	}
	m.count(t, -1)
	delete(m.byID, id)
	i := m.place(id)
	m.order = slices.Delete(m.order, i, i+1)
}

// count counts a transaction in, or out.
func (m *Machine) count(t *transaction, by int) {
	if t.state == Ongoing {
		m.ongoing += by
	}
	if t.written {
		m.unsaid += by
	}
}

// Gone is nothing to this coordinator: nobody waits in it.
func (m *Machine) Gone(coordinator.Token) {}
