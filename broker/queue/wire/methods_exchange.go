package wire

// Class exchange (1.3.3). Bind and Unbind are RabbitMQ's: rabbitmq.com/e2e.html.
type (
	ExchangeDeclare struct {
		Exchange, Type                                 string
		Passive, Durable, AutoDelete, Internal, NoWait bool
		Arguments                                      Table
	}
	ExchangeDeclareOk struct{}
	ExchangeDelete    struct {
		Exchange         string
		IfUnused, NoWait bool
	}
	ExchangeDeleteOk struct{}
	ExchangeBind     struct {
		Destination, Source, RoutingKey string
		NoWait                          bool
		Arguments                       Table
	}
	ExchangeBindOk struct{}
	ExchangeUnbind struct {
		Destination, Source, RoutingKey string
		NoWait                          bool
		Arguments                       Table
	}
	ExchangeUnbindOk struct{}
)

func (m *ExchangeDeclare) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Exchange)
	c.shortstr(&m.Type)
	c.bits(&m.Passive, &m.Durable, &m.AutoDelete, &m.Internal, &m.NoWait)
	c.table(&m.Arguments)
}

func (m *ExchangeDeclareOk) fields(*coder) {}

func (m *ExchangeDelete) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Exchange)
	c.bits(&m.IfUnused, &m.NoWait)
}

func (m *ExchangeDeleteOk) fields(*coder) {}

func (m *ExchangeBind) fields(c *coder) {
	c.reservedShort()
	c.shortstr(&m.Destination)
	c.shortstr(&m.Source)
	c.shortstr(&m.RoutingKey)
	c.bits(&m.NoWait)
	c.table(&m.Arguments)
}

func (m *ExchangeBindOk) fields(*coder)   {}
func (m *ExchangeUnbind) fields(c *coder) { (*ExchangeBind)(m).fields(c) }
func (m *ExchangeUnbindOk) fields(*coder) {}
