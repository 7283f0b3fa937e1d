package wire

// Class queue (1.3.4).
type (
	QueueDeclare struct {
		Queue                                           string
		Passive, Durable, Exclusive, AutoDelete, NoWait bool
		Arguments                                       Table
	}
	QueueDeclareOk struct {
		Queue                   string
		MessageCount, Consumers uint32
	}
	QueueBind struct {
		Queue, Exchange, RoutingKey string
		NoWait                      bool
		Arguments                   Table
	}
	QueueBindOk struct{}
	QueueUnbind struct {
		Queue, Exchange, RoutingKey string
		Arguments                   Table
	}
	QueueUnbindOk struct{}
	QueuePurge    struct {
		Queue  string
		NoWait bool
	}
	QueuePurgeOk struct{ MessageCount uint32 }
	QueueDelete  struct {
		Queue                     string
		IfUnused, IfEmpty, NoWait bool
	}
	QueueDeleteOk struct{ MessageCount uint32 }
)

func (m *QueueDeclare) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.bits(&m.Passive, &m.Durable, &m.Exclusive, &m.AutoDelete, &m.NoWait)
	c.table(&m.Arguments)
}

func (m *QueueDeclareOk) fields(c *coder) {
	c.shortstr(&m.Queue)
	c.long(&m.MessageCount)
	c.long(&m.Consumers)
}

func (m *QueueBind) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.shortstr(&m.Exchange)
	c.shortstr(&m.RoutingKey)
	c.bits(&m.NoWait)
	c.table(&m.Arguments)
}

func (m *QueueBindOk) fields(*coder) {}

func (m *QueueUnbind) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.shortstr(&m.Exchange)
	c.shortstr(&m.RoutingKey)
	c.table(&m.Arguments)
}

func (m *QueueUnbindOk) fields(*coder) {}

func (m *QueuePurge) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.bits(&m.NoWait)
}

func (m *QueuePurgeOk) fields(c *coder) { c.long(&m.MessageCount) }

func (m *QueueDelete) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Queue)
	c.bits(&m.IfUnused, &m.IfEmpty, &m.NoWait)
}

func (m *QueueDeleteOk) fields(c *coder) { c.long(&m.MessageCount) }
