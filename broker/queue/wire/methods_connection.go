package wire

// Class connection (1.3.1).
type (
	ConnectionStart struct {
		Major, Minor        uint8
		ServerProperties    Table
		Mechanisms, Locales string // separated by spaces
	}
	ConnectionStartOk struct {
		ClientProperties            Table
		Mechanism, Response, Locale string
	}
	ConnectionTune struct {
		ChannelMax uint16
		FrameMax   uint32
		Heartbeat  uint16 // seconds; 0 is none
	}
	ConnectionTuneOk struct {
		ChannelMax uint16
		FrameMax   uint32
		Heartbeat  uint16
	}
	ConnectionOpen    struct{ VirtualHost string }
	ConnectionOpenOk  struct{}
	ConnectionClose   struct{ Closing }
	ConnectionCloseOk struct{}
	// ConnectionBlocked is RabbitMQ's: rabbitmq.com/connection-blocked.html.
	ConnectionBlocked   struct{ Reason string }
	ConnectionUnblocked struct{}
)

// Closing is why a connection or a channel is closed, and by which method.
type Closing struct {
	Code   ReplyCode
	Text   string
	Method MethodID // that was at fault; zero if none was
}

func (m *ConnectionStart) fields(c *coder) {
	c.octet(&m.Major)
	c.octet(&m.Minor)
	c.table(&m.ServerProperties)
	c.longstr(&m.Mechanisms)
	c.longstr(&m.Locales)
}

func (m *ConnectionStartOk) fields(c *coder) {
	c.table(&m.ClientProperties)
	c.shortstr(&m.Mechanism)
	c.longstr(&m.Response)
	c.shortstr(&m.Locale)
}

func (m *ConnectionTune) fields(c *coder) {
	c.short(&m.ChannelMax)
	c.long(&m.FrameMax)
	c.short(&m.Heartbeat)
}

func (m *ConnectionTuneOk) fields(c *coder) { (*ConnectionTune)(m).fields(c) }

func (m *ConnectionOpen) fields(c *coder) {
	c.shortstr(&m.VirtualHost)
	c.reservedShortstr()
	c.bits()
}

func (m *ConnectionOpenOk) fields(c *coder) { c.reservedShortstr() }

func (m *Closing) fields(c *coder) {
	c.short((*uint16)(&m.Code))
	c.shortstr(&m.Text)
	c.short(&m.Method.Class)
	c.short(&m.Method.Method)
}

func (m *ConnectionCloseOk) fields(*coder)   {}
func (m *ConnectionBlocked) fields(c *coder) { c.shortstr(&m.Reason) }
func (m *ConnectionUnblocked) fields(*coder) {}

// Class channel (1.3.2).
type (
	ChannelOpen    struct{}
	ChannelOpenOk  struct{}
	ChannelFlow    struct{ Active bool }
	ChannelFlowOk  struct{ Active bool }
	ChannelClose   struct{ Closing }
	ChannelCloseOk struct{}
)

func (m *ChannelOpen) fields(c *coder) { c.reservedShortstr() }
func (m *ChannelOpenOk) fields(c *coder) {
	var reserved string
	c.longstr(&reserved)
}
func (m *ChannelFlow) fields(c *coder)   { c.bits(&m.Active) }
func (m *ChannelFlowOk) fields(c *coder) { c.bits(&m.Active) }
func (m *ChannelCloseOk) fields(*coder)  {}
