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

// nextID takes a producer id. While a block of them is under way from the controller there
// may be none.
func (b *Broker) nextID() (id int64, ok bool) {
	left := b.ids.left()
	if left < controller.ProducerIDBlock/10 {
		b.commands.ids = true
	}
	if left == 0 {
		return -1, false
	}
	return b.ids.take(), true
}

// initProducerID gives an idempotent producer its id. While there is none the producer is
// told to come again, as in Kafka.
func (b *Broker) initProducerID(body *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch {
	case body.TransactionalID != nil && *body.TransactionalID == "", (body.ProducerID == -1) != (body.ProducerEpoch == -1):
		resp.ErrorCode = wire.InvalidRequest // KIP-360: both or neither
	case body.TransactionalID != nil:
		resp.ErrorCode = wire.CoordinatorNotAvailable // there are no transactions
	default:
		id, ok := b.nextID()
		if !ok {
			resp.ErrorCode = wire.CoordinatorLoadInProgress
			break
		}
		resp.ProducerID, resp.ProducerEpoch = id, 0
	}
	return resp
}
