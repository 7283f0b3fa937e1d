package txn

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// The versions in which PRODUCER_FENCED came (KIP-588): clients of lower ones are told
// INVALID_PRODUCER_EPOCH.
const (
	fencedInInit = 4
	fencedInTxn  = 2
)

// worded is an error code in the words of a version of an API that has PRODUCER_FENCED
// since another.
func worded(code, version, since int16) int16 {
	if code == wire.ProducerFenced && version < since {
		return wire.InvalidProducerEpoch
	}
	return code
}

// dropped is what a client is told of an append that has failed.
func dropped(code int16) int16 {
	switch code {
	case wire.UnknownTopicOrPartition, wire.NotEnoughReplicas, wire.NotEnoughReplicasAfterAppend, wire.RequestTimedOut:
		return wire.CoordinatorNotAvailable
	case wire.NotLeaderOrFollower, wire.KafkaStorageError:
		return wire.NotCoordinator
	case wire.MessageTooLarge, wire.RecordListTooLarge:
		return wire.UnknownServerError
	}
	return code
}

// Refuse is the answer to a command that is not let in; nil to one that has no answer.
func (m *Machine) Refuse(command any, code int16) kmsg.Response { return Refused(command, code) }

// Refused is the answer to a request that comes to no coordinator at all, because of Kafka's
// code; nil to anything but a request that coordinators of transactions serve.
func Refused(command any, code int16) kmsg.Response {
	switch c := command.(type) {
	case *kmsg.InitProducerIDRequest:
		return failed(kmsg.NewPtrInitProducerIDResponse(), code)
	case *kmsg.AddOffsetsToTxnRequest:
		return failed(kmsg.NewPtrAddOffsetsToTxnResponse(), code)
	case *kmsg.EndTxnRequest:
		return failed(kmsg.NewPtrEndTxnResponse(), code)
	case *kmsg.ListTransactionsRequest:
		return failed(kmsg.NewPtrListTransactionsResponse(), code)
	case *kmsg.AddPartitionsToTxnRequest:
		return failed(addAnswer(c), code)
	case *kmsg.DescribeTransactionsRequest:
		resp := kmsg.NewPtrDescribeTransactionsResponse()
		resp.TransactionStates = make([]kmsg.DescribeTransactionsResponseTransactionState, len(c.TransactionalIDs))
		for i, id := range c.TransactionalIDs {
			resp.TransactionStates[i] = describedAs(id, code)
		}
		return resp
	}
	return nil
}

// failed has an answer say why nothing has come of its request. What an answer about several
// things has refused already, for another reason, is left at that.
func failed(body kmsg.Response, code int16) kmsg.Response {
	switch r := body.(type) {
	case *kmsg.InitProducerIDResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code, none, none
	case *kmsg.AddOffsetsToTxnResponse:
		r.ErrorCode = code
	case *kmsg.EndTxnResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code, none, none
	case *kmsg.ListTransactionsResponse:
		r.ErrorCode = code
	case *kmsg.AddPartitionsToTxnResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].ErrorCode = or(r.Topics[i].Partitions[j].ErrorCode, code)
			}
		}
		for i := range r.Transactions {
			for j := range r.Transactions[i].Topics {
				t := &r.Transactions[i].Topics[j]
				for k := range t.Partitions {
					t.Partitions[k].ErrorCode = or(t.Partitions[k].ErrorCode, code)
				}
			}
		}
	}
	return body
}

func or(code, other int16) int16 {
	if code == 0 {
		return other
	}
	return code
}

// addAnswer is an answer to AddPartitionsToTxn that says that all went well.
func addAnswer(req *kmsg.AddPartitionsToTxnRequest) *kmsg.AddPartitionsToTxnResponse {
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	if req.Version < firstOfBrokers {
		resp.Topics = make([]kmsg.AddPartitionsToTxnResponseTopic, len(req.Topics))
		for i := range req.Topics {
			t := &resp.Topics[i]
			t.Topic, t.Partitions = req.Topics[i].Topic, make([]kmsg.AddPartitionsToTxnResponseTopicPartition, len(req.Topics[i].Partitions))
			for j, n := range req.Topics[i].Partitions {
				t.Partitions[j].Partition = n
			}
		}
		return resp
	}
	resp.Transactions = make([]kmsg.AddPartitionsToTxnResponseTransaction, len(req.Transactions))
	for i := range req.Transactions {
		x, answer := &req.Transactions[i], &resp.Transactions[i]
		answer.TransactionalID, answer.Topics = x.TransactionalID, make([]kmsg.AddPartitionsToTxnResponseTransactionTopic, len(x.Topics))
		for j := range x.Topics {
			t := &answer.Topics[j]
			t.Topic, t.Partitions = x.Topics[j].Topic, make([]kmsg.AddPartitionsToTxnResponseTransactionTopicPartition, len(x.Topics[j].Partitions))
			for k, n := range x.Topics[j].Partitions {
				t.Partitions[k].Partition = n
			}
		}
	}
	return resp
}
