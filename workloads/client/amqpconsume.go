package client

import (
	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// Ack settles a delivery, or all of its connection up to it; the message leaves the
// broker. It does nothing, and says so, if the delivery is of an earlier connection:
// the broker has requeued it. What was consumed with no-ack must not be settled.
func (c *AMQP) Ack(d *AMQPDelivery, multiple bool) (asked bool) {
	return c.queue(d, &wire.BasicAck{DeliveryTag: d.Tag, Multiple: multiple})
}

// Nack gives a delivery back, or all of its connection up to it: to the queue, or for
// good, which dead-letters it if the queue has a dead letter exchange.
func (c *AMQP) Nack(d *AMQPDelivery, multiple, requeue bool) (asked bool) {
	return c.queue(d, &wire.BasicNack{DeliveryTag: d.Tag, Multiple: multiple, Requeue: requeue})
}

// Reject is Nack for one delivery, by the method of the specification.
func (c *AMQP) Reject(d *AMQPDelivery, requeue bool) (asked bool) {
	return c.queue(d, &wire.BasicReject{DeliveryTag: d.Tag, Requeue: requeue})
}

func (c *AMQP) queue(d *AMQPDelivery, m wire.Method) bool {
	if d.Session != c.session || c.state != amqpUp && c.state != amqpOpening {
		return false
	}
	c.queued = append(c.queued, settlement{m, wire.MessageKey(d.Properties.MessageID)})
	return true
}

// settle sends what the owner has settled, in its order.
func (c *AMQP) settle(now machine.Instant, out *machine.Effects) {
	for i := range c.queued {
		c.send(now, amqpChannel, c.queued[i].method, c.queued[i].key, out)
	}
	c.queued = c.queued[:0]
}
