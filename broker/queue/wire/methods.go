package wire

import (
	"fmt"
	"reflect"
)

// MethodID is the class and the method, by their numbers (1.3).
type MethodID struct{ Class, Method uint16 }

// Method is the arguments of one method, a pointer to one of the structs of methods_*.go.
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
