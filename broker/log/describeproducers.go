package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// describeProducers says what this broker, if it has a replica of a partition, knows of the
// producers there (KIP-664): whoever looks for transactions that nobody ends finds them by
// where they begin.
func (b *Broker) describeProducers(body *kmsg.DescribeProducersRequest) *kmsg.DescribeProducersResponse {
	resp := kmsg.NewPtrDescribeProducersResponse()
	resp.Topics = make([]kmsg.DescribeProducersResponseTopic, len(body.Topics))
	for i := range body.Topics {
		t, answer := &body.Topics[i], &resp.Topics[i]
		*answer = kmsg.NewDescribeProducersResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.DescribeProducersResponseTopicPartition, len(t.Partitions))
		for j, n := range t.Partitions {
			a := &answer.Partitions[j]
			*a = kmsg.NewDescribeProducersResponseTopicPartition()
			a.Partition, a.ActiveProducers = n, []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{}
			p, code := b.lookup(t.Topic, n)
			if b.image.Topics[t.Topic] == nil {
				a.ErrorMessage = kmsg.StringPtr("This server does not host this topic-partition.")
			}
			if why := controller.CheckTopicName(t.Topic); why != "" {
				code, a.ErrorMessage = wire.InvalidTopicException, &why
			}
			if a.ErrorCode = code; code != 0 {
				continue
			}
			for _, e := range p.Producers() {
				x := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
				x.ProducerID, x.ProducerEpoch, x.LastSequence, x.LastTimestamp = e.ProducerID, int32(e.Epoch), e.LastSequence, e.Timestamp
				x.CoordinatorEpoch, x.CurrentTxnStartOffset = e.CoordinatorEpoch, e.TxnFirstOffset
				a.ActiveProducers = append(a.ActiveProducers, x)
			}
		}
	}
	return resp
}
