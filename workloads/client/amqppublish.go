package client

import (
	"slices"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// Publish sends a message, or does not take it: while the connection is not up, the
// broker has blocked it, messages wait to be sent again, or Outstanding messages are
// not confirmed. What it has taken gets exactly one result.
func (c *AMQP) Publish(now machine.Now, m AMQPMessage, out *machine.Effects) (taken bool) {
	if c.state != amqpUp || c.blocked || len(c.again) > 0 || len(c.pending) >= c.cfg.Outstanding {
		return false
	}
	if m.Properties.MessageID == "" {
		m.Properties.MessageID = c.messageID()
	}
	c.publish(now.Mono, outstanding{message: m}, out)
	return true
}

func (c *AMQP) publish(now machine.Instant, o outstanding, out *machine.Effects) {
	m := &o.message
	frame, err := wire.EncodeContent(amqpChannel, &wire.BasicPublish{Exchange: m.Exchange, RoutingKey: m.RoutingKey, Mandatory: m.Mandatory},
		&m.Properties, m.Body, c.frameMax)
	if err != nil {
		c.results = append(c.results, AMQPResult{Message: *m, Outcome: Rejected, Why: err.Error(), Attempts: o.attempts})
		return
	}
	out.Send(c.conn, frame, machine.Ident{Class: wire.Class(wire.MethodID{Class: 60, Method: 40}), Key: wire.MessageKey(m.Properties.MessageID)})
	c.spoke = now
	o.attempts++
	if !c.cfg.Confirms {
		c.results = append(c.results, AMQPResult{Message: *m, Outcome: Acked, Attempts: o.attempts})
		return
	}
	c.published++
	o.tag, o.returned, o.until = c.published, "", machine.Never
	if c.cfg.ConfirmTimeout > 0 {
		o.until = now.Add(c.cfg.ConfirmTimeout)
	}
	c.pending = append(c.pending, o)
}

// republish sends again what an earlier connection has left unconfirmed.
func (c *AMQP) republish(now machine.Instant, out *machine.Effects) {
	for len(c.again) > 0 && !c.blocked && len(c.pending) < c.cfg.Outstanding && c.state == amqpUp {
		o := c.again[0]
		c.again = slices.Delete(c.again, 0, 1)
		c.publish(now, o, out)
	}
}

// unconfirmed decides about what the lost connection had not confirmed.
func (c *AMQP) unconfirmed(why string) {
	if c.cfg.Republish {
		c.again = slices.Insert(c.again, 0, c.pending...)
	} else {
		for i := range c.pending {
			c.results = append(c.results, AMQPResult{Message: c.pending[i].message, Outcome: Unknown, Why: why, Attempts: c.pending[i].attempts})
		}
	}
	clear(c.pending)
	c.pending = c.pending[:0]
}

// returned notes that a message is in no queue; its confirm follows
// (rabbitmq.com/confirms.html#when-publishes-are-confirmed).
func (c *AMQP) returned(id string, m *wire.BasicReturn) {
	for i := range c.pending {
		if c.pending[i].message.Properties.MessageID == id && c.pending[i].returned == "" {
			c.pending[i].returned = m.Text
			return
		}
	}
}

// confirmed takes a confirm for one message, or for all up to it.
func (c *AMQP) confirmed(tag uint64, multiple, nacked bool) {
	c.pending = slices.DeleteFunc(c.pending, func(o outstanding) bool {
		if o.tag != tag && !(multiple && (o.tag < tag || tag == 0)) {
			return false
		}
		r := AMQPResult{Message: o.message, Outcome: Acked, Attempts: o.attempts}
		switch {
		case nacked:
			r.Outcome, r.Nacked, r.Why = Unknown, true, "basic.nack"
		case o.returned != "" && o.attempts > 1:
			r.Outcome, r.Why = Unknown, o.returned // an earlier attempt may have been routed
		case o.returned != "":
			r.Outcome, r.Why = Rejected, o.returned
		}
		c.results = append(c.results, r)
		return true
	})
}
