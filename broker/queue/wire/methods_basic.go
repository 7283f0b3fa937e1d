package wire

// Class basic (1.3.5). Nack is RabbitMQ's: rabbitmq.com/nack.html.
type (
	BasicQos struct {
		PrefetchSize  uint32
		PrefetchCount uint16
		Global        bool // in RabbitMQ: for the channel, not for each consumer to come
	}
	BasicQosOk   struct{}
	BasicConsume struct {
		Queue, ConsumerTag                string
		NoLocal, NoAck, Exclusive, NoWait bool
		Arguments                         Table
	}
	BasicConsumeOk struct{ ConsumerTag string }
	BasicCancel    struct {
		ConsumerTag string
		NoWait      bool
	}
	BasicCancelOk struct{ ConsumerTag string }
	BasicPublish  struct {
		Exchange, RoutingKey string
		Mandatory, Immediate bool
	}
	BasicReturn struct {
		Code                       ReplyCode
		Text, Exchange, RoutingKey string
	}
	BasicDeliver struct {
		ConsumerTag          string
		DeliveryTag          uint64
		Redelivered          bool
		Exchange, RoutingKey string
	}
	BasicGet struct {
		Queue string
		NoAck bool
	}
	BasicGetOk struct {
		DeliveryTag          uint64
		Redelivered          bool
		Exchange, RoutingKey string
		MessageCount         uint32 // what is left in the queue
	}
	BasicGetEmpty struct{}
	BasicAck      struct {
		DeliveryTag uint64
		Multiple    bool
	}
	BasicReject struct {
		DeliveryTag uint64
		Requeue     bool
	}
	BasicRecover   struct{ Requeue bool }
	BasicRecoverOk struct{}
	BasicNack      struct {
		DeliveryTag       uint64
		Multiple, Requeue bool
	}
)

func (m *BasicQos) fields(c *coder) {
	c.long(&m.PrefetchSize)
	c.short(&m.PrefetchCount)
	c.bits(&m.Global)
}

func (m *BasicQosOk) fields(*coder) {}

func (m *BasicConsume) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.shortstr(&m.ConsumerTag)
	c.bits(&m.NoLocal, &m.NoAck, &m.Exclusive, &m.NoWait)
	c.table(&m.Arguments)
}

func (m *BasicConsumeOk) fields(c *coder) { c.shortstr(&m.ConsumerTag) }

func (m *BasicCancel) fields(c *coder) {
	c.shortstr(&m.ConsumerTag)
	c.bits(&m.NoWait)
}

func (m *BasicCancelOk) fields(c *coder) { c.shortstr(&m.ConsumerTag) }

func (m *BasicPublish) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Exchange)
	c.shortstr(&m.RoutingKey)
	c.bits(&m.Mandatory, &m.Immediate)
}

func (m *BasicReturn) fields(c *coder) {
	c.short((*uint16)(&m.Code))
	c.shortstr(&m.Text)
	c.shortstr(&m.Exchange)
	c.shortstr(&m.RoutingKey)
}

func (m *BasicDeliver) fields(c *coder) {
	c.shortstr(&m.ConsumerTag)
	c.longlong(&m.DeliveryTag)
	c.bits(&m.Redelivered)
	c.shortstr(&m.Exchange)
	c.shortstr(&m.RoutingKey)
}

func (m *BasicGet) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.bits(&m.NoAck)
}

func (m *BasicGetOk) fields(c *coder) {
	c.longlong(&m.DeliveryTag)
	c.bits(&m.Redelivered)
	c.shortstr(&m.Exchange)
	c.shortstr(&m.RoutingKey)
	c.long(&m.MessageCount)
}

func (m *BasicGetEmpty) fields(c *coder) { c.reservedShortstr() }

func (m *BasicAck) fields(c *coder) {
	c.longlong(&m.DeliveryTag)
	c.bits(&m.Multiple)
}

func (m *BasicReject) fields(c *coder) {
	c.longlong(&m.DeliveryTag)
	c.bits(&m.Requeue)
}

func (m *BasicRecover) fields(c *coder) { c.bits(&m.Requeue) }
func (m *BasicRecoverOk) fields(*coder) {}

func (m *BasicNack) fields(c *coder) {
	c.longlong(&m.DeliveryTag)
	c.bits(&m.Multiple, &m.Requeue)
}

// Class confirm is RabbitMQ's: rabbitmq.com/confirms.html.
type (
	ConfirmSelect   struct{ NoWait bool }
	ConfirmSelectOk struct{}
)

func (m *ConfirmSelect) fields(c *coder) { c.bits(&m.NoWait) }
func (m *ConfirmSelectOk) fields(*coder) {}
