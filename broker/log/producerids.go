package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// producerIDs are those that the controller has given to this broker, a block at
// a time (KIP-730), and that no producer has been given.
type producerIDs struct{ blocks []idBlock }

type idBlock struct{ next, end int64 }

func (ids *producerIDs) add(start, n int64) {
	ids.blocks = append(ids.blocks, idBlock{start, start + n})
}

func (ids *producerIDs) left() (n int64) {
	for _, b := range ids.blocks {
		n += b.end - b.next
	}
	return n
}

func (ids *producerIDs) take() int64 {
	b := &ids.blocks[0]
	id := b.next
	if b.next++; b.next == b.end {
		ids.blocks = ids.blocks[1:]
	}
	return id
}

// initProducerID gives an idempotent producer its id. While a block of ids is
// under way from the controller the producer is told to come again, as in Kafka.
func (b *Broker) initProducerID(body *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	left := b.ids.left()
	if left < controller.ProducerIDBlock/10 {
		b.commands.ids = true
	}
	switch {
	case body.TransactionalID != nil && *body.TransactionalID == "", (body.ProducerID == -1) != (body.ProducerEpoch == -1):
		resp.ErrorCode = wire.InvalidRequest // KIP-360: both or neither
	case body.TransactionalID != nil:
		resp.ErrorCode = wire.CoordinatorNotAvailable // there are no transactions
	case left == 0:
		resp.ErrorCode = wire.CoordinatorLoadInProgress
	default:
		resp.ProducerID, resp.ProducerEpoch = b.ids.take(), 0
	}
	return resp
}
