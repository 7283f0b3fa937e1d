package txn

import (
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// describe tells operators about transactional ids (KIP-664).
func (m *Machine) describe(d *decision, req *kmsg.DescribeTransactionsRequest) {
	resp := kmsg.NewPtrDescribeTransactionsResponse()
	resp.TransactionStates = make([]kmsg.DescribeTransactionsResponseTransactionState, len(req.TransactionalIDs))
	for i, id := range req.TransactionalIDs {
		t := m.byID[id]
		switch {
		case id == "":
			resp.TransactionStates[i] = describedAs(id, wire.InvalidRequest)
			continue
		case t == nil:
			resp.TransactionStates[i] = describedAs(id, wire.TransactionalIDNotFound)
			continue
		}
		x := describedAs(id, 0)
		x.State, x.TimeoutMillis, x.StartTimestamp = t.state.String(), int32(t.timeout.Milliseconds()), t.started
		x.ProducerID, x.ProducerEpoch = t.producer, t.epoch
		for j := range t.partitions {
			topic := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
			topic.Topic, topic.Partitions = t.partitions[j].Topic, t.partitions[j].Partitions
			x.Topics = append(x.Topics, topic)
		}
		resp.TransactionStates[i] = x
	}
	d.answer(resp)
}

func describedAs(id string, code int16) kmsg.DescribeTransactionsResponseTransactionState {
	x := kmsg.NewDescribeTransactionsResponseTransactionState()
	x.ErrorCode, x.TransactionalID, x.Topics = code, id, []kmsg.DescribeTransactionsResponseTransactionStateTopic{}
	return x
}

// list tells operators which transactional ids there are, of those that they ask about
// (KIP-664, KIP-994, KIP-1152).
func (m *Machine) list(now machine.Now, d *decision, req *kmsg.ListTransactionsRequest) {
	resp := kmsg.NewPtrListTransactionsResponse()
	resp.UnknownStateFilters, resp.TransactionStates = []string{}, []kmsg.ListTransactionsResponseTransactionState{}
	d.answer(resp)
	for _, name := range req.StateFilters {
		if !slices.Contains(kmsg.TransactionStateStrings(), name) && !slices.Contains(resp.UnknownStateFilters, name) {
			resp.UnknownStateFilters = append(resp.UnknownStateFilters, name)
		}
	}
	var pattern *regexp.Regexp
	if p := req.TransactionalIDPattern; p != nil && *p != "" {
		var err error
		if pattern, err = regexp.Compile(`^(?:` + *p + `)$`); err != nil {
			resp.ErrorCode = wire.InvalidRegularExpression
			return
		}
	}
	for _, t := range m.order {
		switch {
		case len(req.ProducerIDFilters) > 0 && !slices.Contains(req.ProducerIDFilters, t.producer):
		case len(req.StateFilters) > 0 && !slices.Contains(req.StateFilters, t.state.String()):
		case req.DurationFilterMillis >= 0 && now.Wall.Millis()-t.started <= req.DurationFilterMillis:
		case pattern != nil && !pattern.MatchString(t.id):
		default:
			x := kmsg.NewListTransactionsResponseTransactionState()
			x.TransactionalID, x.ProducerID, x.TransactionState = t.id, t.producer, t.state.String()
			resp.TransactionStates = append(resp.TransactionStates, x)
		}
	}
}
