package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/txn"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// newTransactions is a coordinator of transactions.
func newTransactions(b *Broker, _, epoch int32, bugs *failpoint.Set) coordinator.Machine {
	return txn.New(txn.Config{
		Settings: &b.cfg.Settings, Epoch: epoch, Version: b.cfg.TransactionVersion, FirstEpoch: b.cfg.FirstEpoch,
		NextID: b.nextID, OffsetsPartitions: b.offsetsPartitions, Failpoints: bugs,
	})
}

// offsetsPartitions is how many partitions __consumer_offsets has, or will have.
func (b *Broker) offsetsPartitions() int32 {
	if t := b.image.Topics[coordinator.Offsets]; t != nil {
		return int32(len(t.Partitions))
	}
	return b.cfg.Settings.OffsetsTopicNumPartitions
}

// transactionHandlers are those of requests to coordinators of transactions.
func transactionHandlers(list *[numAPIs]handler) {
	list[wire.InitProducerID] = func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		body := req.Body.(*kmsg.InitProducerIDRequest)
		if body.TransactionalID == nil || *body.TransactionalID == "" {
			b.answer(c, &req, b.initProducerID(body), nil, out)
			return
		}
		b.askTransaction(now, *body.TransactionalID, &inquiry{command: body, conn: c, req: req}, out)
	}
	list[wire.AddPartitionsToTxn] = (*Broker).addPartitionsToTxn
	list[wire.AddOffsetsToTxn] = aboutTransaction(func(r *kmsg.AddOffsetsToTxnRequest) string { return r.TransactionalID })
	list[wire.EndTxn] = aboutTransaction(func(r *kmsg.EndTxnRequest) string { return r.TransactionalID })
	list[wire.DescribeTransactions] = (*Broker).describeTransactions
	list[wire.ListTransactions] = (*Broker).listTransactions
}

// aboutTransaction is the handler of requests that the coordinator of one transactional id
// answers alone.
func aboutTransaction[T kmsg.Request](id func(T) string) handler {
	return func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.askTransaction(now, id(req.Body.(T)), &inquiry{command: req.Body, conn: c, req: req}, out)
	}
}

// askTransaction has the coordinator of a transactional id decide about a command.
func (b *Broker) askTransaction(now machine.Now, id string, x *inquiry, out *machine.Effects) {
	x.kind = &b.coordinators.transactions
	b.coordinate(now, b.home(x.kind, id), x, out)
}

// The versions of AddPartitionsToTxn that brokers speak with each other.
const firstAddPartitionsOfBrokers, lastAddPartitions = 4, 5

// addPartitionsToTxn adds partitions to a producer's transaction; or, asked by the leaders of
// partitions, to those of several.
func (b *Broker) addPartitionsToTxn(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.AddPartitionsToTxnRequest)
	if req.Version >= firstAddPartitionsOfBrokers {
		b.addPartitionsOfBrokers(now, &inquiry{conn: c, req: req}, body, func(_ machine.Now, resp *kmsg.AddPartitionsToTxnResponse, out *machine.Effects) {
			b.answer(c, &req, resp, nil, out)
		}, out)
		return
	}
	missing := false
	for i := range body.Topics {
		missing = missing || b.anyMissing(body.Topics[i].Topic, body.Topics[i].Partitions)
	}
	if !missing {
		b.askTransaction(now, body.TransactionalID, &inquiry{command: body, conn: c, req: req}, out)
		return
	}
	resp := txn.Refused(body, wire.OperationNotAttempted).(*kmsg.AddPartitionsToTxnResponse)
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			if b.image.Partition(t.Topic, t.Partitions[j].Partition) == nil {
				t.Partitions[j].ErrorCode = wire.UnknownTopicOrPartition
			}
		}
	}
	b.answer(c, &req, resp, nil, out)
}

// anyMissing reports whether there are not all of some partitions.
func (b *Broker) anyMissing(topic string, partitions []int32) bool {
	for _, n := range partitions {
		if b.image.Partition(topic, n) == nil {
			return true
		}
	}
	return false
}

// addPartitionsOfBrokers has the coordinators on this broker do what leaders of partitions ask
// for, each for the transactions that are its own. A transaction with a partition that there
// is none of is left as it is. x is what is common to the commands.
func (b *Broker) addPartitionsOfBrokers(now machine.Now, x *inquiry, req *kmsg.AddPartitionsToTxnRequest, done func(machine.Now, *kmsg.AddPartitionsToTxnResponse, *machine.Effects), out *machine.Effects) {
	if len(req.Transactions) == 1 && b.hasPartitions(&req.Transactions[0]) { // as mostly
		x.command = req
		x.then = func(now machine.Now, resp kmsg.Response, out *machine.Effects) {
			done(now, resp.(*kmsg.AddPartitionsToTxnResponse), out)
		}
		b.askTransaction(now, req.Transactions[0].TransactionalID, x, out)
		return
	}
	resp := txn.Refused(req, wire.OperationNotAttempted).(*kmsg.AddPartitionsToTxnResponse)
	var ids []string
	var asked []int // their transactions' places in the request
	for i := range req.Transactions {
		missing := false
		for j := range req.Transactions[i].Topics {
			t := &req.Transactions[i].Topics[j]
			for k, n := range t.Partitions {
				if b.image.Partition(t.Topic, n) == nil {
					missing, resp.Transactions[i].Topics[j].Partitions[k].ErrorCode = true, wire.UnknownTopicOrPartition
				}
			}
		}
		if !missing {
			ids, asked = append(ids, req.Transactions[i].TransactionalID), append(asked, i)
		}
	}
	x.kind = &b.coordinators.transactions
	askHomes(b, now, x, ids, func(of []int) kmsg.Request {
		part := *req
		part.Transactions = pick(pick(req.Transactions, asked), of)
		return &part
	}, func(resp kmsg.Response) []kmsg.AddPartitionsToTxnResponseTransaction {
		return resp.(*kmsg.AddPartitionsToTxnResponse).Transactions
	}, func(now machine.Now, all []kmsg.AddPartitionsToTxnResponseTransaction, out *machine.Effects) {
		for i, n := range asked {
			resp.Transactions[n] = all[i]
		}
		done(now, resp, out)
	}, out)
}

// hasPartitions reports whether there are all the partitions of a transaction.
func (b *Broker) hasPartitions(x *kmsg.AddPartitionsToTxnRequestTransaction) bool {
	for i := range x.Topics {
		if b.anyMissing(x.Topics[i].Topic, x.Topics[i].Partitions) {
			return false
		}
	}
	return true
}

// describeTransactions tells operators about transactional ids.
func (b *Broker) describeTransactions(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.DescribeTransactionsRequest)
	x := &inquiry{kind: &b.coordinators.transactions, conn: c, req: req}
	askHomes(b, now, x, body.TransactionalIDs, func(of []int) kmsg.Request {
		part := *body
		part.TransactionalIDs = pick(body.TransactionalIDs, of)
		return &part
	}, func(resp kmsg.Response) []kmsg.DescribeTransactionsResponseTransactionState {
		return resp.(*kmsg.DescribeTransactionsResponse).TransactionStates
	}, func(_ machine.Now, all []kmsg.DescribeTransactionsResponseTransactionState, out *machine.Effects) {
		resp := kmsg.NewPtrDescribeTransactionsResponse()
		resp.TransactionStates = all
		b.answer(c, &req, resp, nil, out)
	}, out)
}

// listTransactions names the transactional ids of all coordinators on this broker. While one
// of them does not know its own yet, nobody is told of any.
func (b *Broker) listTransactions(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	resp := kmsg.NewPtrListTransactionsResponse()
	resp.UnknownStateFilters, resp.TransactionStates = []string{}, []kmsg.ListTransactionsResponseTransactionState{}
	askAll(b, now, &inquiry{kind: &b.coordinators.transactions, command: req.Body, conn: c, req: req}, func(part *kmsg.ListTransactionsResponse) {
		switch part.ErrorCode {
		case wire.None:
			resp.UnknownStateFilters = part.UnknownStateFilters
			resp.TransactionStates = append(resp.TransactionStates, part.TransactionStates...)
		case wire.NotCoordinator: // any more
		default:
			resp.ErrorCode = part.ErrorCode
		}
	}, func(asked int, out *machine.Effects) {
		if asked == 0 {
			// What there is to say of the question itself does not take a coordinator.
			one := newTransactions(b, -1, -1, nil).Request(now, coordinator.Caller{}, req.Body)
			b.answer(c, &req, one.Answers[0].Body, nil, out)
			return
		}
		if resp.ErrorCode != 0 {
			resp.TransactionStates = []kmsg.ListTransactionsResponseTransactionState{}
		}
		b.answer(c, &req, resp, nil, out)
	}, out)
}
