package wire

import (
	"fmt"
	"reflect"
)

// MethodID is the class and the method, by their numbers (1.3).
type MethodID struct{ Class, Method uint16 }

// Method is the arguments of one method, a pointer to one of the structs below.
type Method interface{ fields(*coder) }

// entry is a method that is served.
type entry struct {
	id      MethodID
	name    string
	content bool // a content header and body follow
	make    func() Method
}

func of[T any, P interface {
	*T
	Method
}]() Method {
	return P(new(T))
}

// methods are all methods of the subset. What is missing (tx, secure, recover-async)
// is a connection error 540 at the peer that gets it.
var methods = [...]entry{
	{MethodID{10, 10}, "connection.start", false, of[ConnectionStart]},
	{MethodID{10, 11}, "connection.start-ok", false, of[ConnectionStartOk]},
	{MethodID{10, 30}, "connection.tune", false, of[ConnectionTune]},
	{MethodID{10, 31}, "connection.tune-ok", false, of[ConnectionTuneOk]},
	{MethodID{10, 40}, "connection.open", false, of[ConnectionOpen]},
	{MethodID{10, 41}, "connection.open-ok", false, of[ConnectionOpenOk]},
	{MethodID{10, 50}, "connection.close", false, of[ConnectionClose]},
	{MethodID{10, 51}, "connection.close-ok", false, of[ConnectionCloseOk]},
	{MethodID{10, 60}, "connection.blocked", false, of[ConnectionBlocked]},
	{MethodID{10, 61}, "connection.unblocked", false, of[ConnectionUnblocked]},
	{MethodID{20, 10}, "channel.open", false, of[ChannelOpen]},
	{MethodID{20, 11}, "channel.open-ok", false, of[ChannelOpenOk]},
	{MethodID{20, 20}, "channel.flow", false, of[ChannelFlow]},
	{MethodID{20, 21}, "channel.flow-ok", false, of[ChannelFlowOk]},
	{MethodID{20, 40}, "channel.close", false, of[ChannelClose]},
	{MethodID{20, 41}, "channel.close-ok", false, of[ChannelCloseOk]},
	{MethodID{40, 10}, "exchange.declare", false, of[ExchangeDeclare]},
	{MethodID{40, 11}, "exchange.declare-ok", false, of[ExchangeDeclareOk]},
	{MethodID{40, 20}, "exchange.delete", false, of[ExchangeDelete]},
	{MethodID{40, 21}, "exchange.delete-ok", false, of[ExchangeDeleteOk]},
	{MethodID{40, 30}, "exchange.bind", false, of[ExchangeBind]},
	{MethodID{40, 31}, "exchange.bind-ok", false, of[ExchangeBindOk]},
	{MethodID{40, 40}, "exchange.unbind", false, of[ExchangeUnbind]},
	{MethodID{40, 51}, "exchange.unbind-ok", false, of[ExchangeUnbindOk]},
	{MethodID{50, 10}, "queue.declare", false, of[QueueDeclare]},
	{MethodID{50, 11}, "queue.declare-ok", false, of[QueueDeclareOk]},
	{MethodID{50, 20}, "queue.bind", false, of[QueueBind]},
	{MethodID{50, 21}, "queue.bind-ok", false, of[QueueBindOk]},
	{MethodID{50, 30}, "queue.purge", false, of[QueuePurge]},
	{MethodID{50, 31}, "queue.purge-ok", false, of[QueuePurgeOk]},
	{MethodID{50, 40}, "queue.delete", false, of[QueueDelete]},
	{MethodID{50, 41}, "queue.delete-ok", false, of[QueueDeleteOk]},
	{MethodID{50, 50}, "queue.unbind", false, of[QueueUnbind]},
	{MethodID{50, 51}, "queue.unbind-ok", false, of[QueueUnbindOk]},
	{MethodID{60, 10}, "basic.qos", false, of[BasicQos]},
	{MethodID{60, 11}, "basic.qos-ok", false, of[BasicQosOk]},
	{MethodID{60, 20}, "basic.consume", false, of[BasicConsume]},
	{MethodID{60, 21}, "basic.consume-ok", false, of[BasicConsumeOk]},
	{MethodID{60, 30}, "basic.cancel", false, of[BasicCancel]},
	{MethodID{60, 31}, "basic.cancel-ok", false, of[BasicCancelOk]},
	{MethodID{60, 40}, "basic.publish", true, of[BasicPublish]},
	{MethodID{60, 50}, "basic.return", true, of[BasicReturn]},
	{MethodID{60, 60}, "basic.deliver", true, of[BasicDeliver]},
	{MethodID{60, 70}, "basic.get", false, of[BasicGet]},
	{MethodID{60, 71}, "basic.get-ok", true, of[BasicGetOk]},
	{MethodID{60, 72}, "basic.get-empty", false, of[BasicGetEmpty]},
	{MethodID{60, 80}, "basic.ack", false, of[BasicAck]},
	{MethodID{60, 90}, "basic.reject", false, of[BasicReject]},
	{MethodID{60, 110}, "basic.recover", false, of[BasicRecover]},
	{MethodID{60, 111}, "basic.recover-ok", false, of[BasicRecoverOk]},
	{MethodID{60, 120}, "basic.nack", false, of[BasicNack]},
	{MethodID{85, 10}, "confirm.select", false, of[ConfirmSelect]},
	{MethodID{85, 11}, "confirm.select-ok", false, of[ConfirmSelectOk]},
}

var (
	byID   = index(func(e *entry) MethodID { return e.id })
	byType = index(func(e *entry) reflect.Type { return reflect.TypeOf(e.make()) })
)

func index[K comparable](key func(*entry) K) map[K]*entry {
	m := make(map[K]*entry, len(methods))
	for _, e := range methods {
		m[key(&e)] = &e
	}
	return m
}

// lookup finds a method by its number; nil if it is not served.
func lookup(id MethodID) *entry { return byID[id] }

// NewMethod returns an empty method of that name, such as "queue.declare"; nil if there
// is none.
func NewMethod(name string) Method {
	for _, e := range methods {
		if e.name == name {
			return e.make()
		}
	}
	return nil
}

// IDOf is a method's number.
func IDOf(m Method) MethodID { return byType[reflect.TypeOf(m)].id }

// String is the method's name as the specification has it, such as "queue.declare".
func (id MethodID) String() string {
	if e := lookup(id); e != nil {
		return e.name
	}
	return fmt.Sprintf("method %d.%d", id.Class, id.Method)
}

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
