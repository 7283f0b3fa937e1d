package queue

import (
	"fmt"
	"slices"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// channel is one channel of a connection: what it has consumed and not settled, and
// what it has published and not been confirmed.
type channel struct {
	conn      *conn
	number    uint16
	assembler wire.Assembler
	closing   bool // after a channel error: only close and close-ok are heard

	lastQueue string // declared: what an empty name means

	confirms  bool
	published uint64 // delivery tags of publishes so far
	pending   []unconfirmed
	touched   bool // has something to confirm, perhaps

	delivered uint64      // delivery tags of deliveries so far
	unacked   []delivered // by tag
	consumers []*consumer // in the order in which they came

	prefetch       int // for each consumer to come; 0 is without bound
	globalPrefetch int // for all of the channel
	globalUnacked  int
}

// delivered is a message that a channel has been given and has not settled.
type delivered struct {
	tag      uint64
	q        *queue
	m        held
	consumer *consumer // nil: it was got
}

// fault is a channel or connection error, which of them its code says.
type fault struct {
	code wire.ReplyCode
	text string
}

func faultf(code wire.ReplyCode, format string, args ...any) *fault {
	return &fault{code, fmt.Sprintf(format, args...)}
}

// channelFrame takes a frame on a channel.
func (b *Broker) channelFrame(c *conn, f wire.Frame) {
	ch := c.channels[f.Channel]
	if ch == nil {
		b.openChannel(c, f)
		return
	}
	cmd, done, err := ch.assembler.Add(f)
	switch {
	case err != nil && ch.closing && err.Code != wire.FrameError:
		ch.assembler = wire.Assembler{}
	case err != nil:
		b.connectionError(c, err.Code, err.Err.Error(), err.ID)
	case ch.assembler.Announced() > wire.MaxBody && !ch.closing:
		b.channelError(ch, faultf(wire.PreconditionFailed, "message size %d is larger than configured max size %d", ch.assembler.Announced(), wire.MaxBody), wire.MethodID{Class: 60, Method: 40})
	case done:
		b.command(ch, cmd)
	}
}

func (b *Broker) openChannel(c *conn, f wire.Frame) {
	if f.Type != wire.FrameMethod {
		return // the rest of what a channel was sent before it heard that it is closed
	}
	ch := &channel{conn: c, number: f.Channel}
	cmd, done, err := ch.assembler.Add(f)
	if err != nil {
		b.connectionError(c, err.Code, err.Err.Error(), err.ID)
		return
	}
	_, is := cmd.Method.(*wire.ChannelOpen)
	switch {
	case !done || !is:
		if _, is := cmd.Method.(*wire.ChannelCloseOk); is {
			return
		}
		b.connectionError(c, wire.ChannelError, "expected 'channel.open'", cmd.ID)
	case len(c.channels) >= int(c.channelMax): // their number, not their numbers, as RabbitMQ counts
		b.connectionError(c, wire.NotAllowed, fmt.Sprintf("number of channels opened (%d) has reached the negotiated channel_max (%d)", len(c.channels), c.channelMax), cmd.ID)
	default:
		c.channels[f.Channel] = ch
		b.reply(c, f.Channel, &wire.ChannelOpenOk{})
	}
}

// channelError closes a channel, or the connection if the code is that hard.
func (b *Broker) channelError(ch *channel, f *fault, at wire.MethodID) {
	if f.code.Hard() {
		b.connectionError(ch.conn, f.code, f.text, at)
		return
	}
	b.endChannel(ch)
	ch.closing, ch.assembler = true, wire.Assembler{}
	b.reply(ch.conn, ch.number, &wire.ChannelClose{Closing: closing(f.code, f.text, at)})
}

// endChannel takes back everything that the channel holds: its consumers go, what it
// has not settled returns to its queues.
func (b *Broker) endChannel(ch *channel) {
	for len(ch.consumers) > 0 {
		b.removeConsumer(ch.consumers[0])
	}
	unacked := ch.unacked
	ch.unacked, ch.pending, ch.globalUnacked = nil, nil, 0
	for i := range unacked {
		b.giveBack(&unacked[i])
	}
	b.putBack(unacked)
}

// command takes a whole method on an open channel.
func (b *Broker) command(ch *channel, cmd *wire.Command) {
	switch cmd.Method.(type) {
	case *wire.ChannelClose:
		if !ch.closing {
			b.endChannel(ch)
		}
		delete(ch.conn.channels, ch.number)
		b.reply(ch.conn, ch.number, &wire.ChannelCloseOk{})
		return
	case *wire.ChannelCloseOk:
		if ch.closing {
			delete(ch.conn.channels, ch.number)
			return
		}
	}
	if ch.closing {
		return
	}
	if f := b.perform(ch, cmd); f != nil {
		b.channelError(ch, f, cmd.ID)
	}
}

func (b *Broker) perform(ch *channel, cmd *wire.Command) *fault {
	switch m := cmd.Method.(type) {
	case *wire.BasicPublish:
		return b.publish(ch, m, cmd)
	case *wire.BasicAck:
		return b.ack(ch, m.DeliveryTag, m.Multiple)
	case *wire.BasicNack:
		return b.reject(ch, m.DeliveryTag, m.Multiple, m.Requeue)
	case *wire.BasicReject:
		return b.reject(ch, m.DeliveryTag, false, m.Requeue)
	case *wire.BasicRecover:
		return b.recoverChannel(ch, m)
	case *wire.BasicQos:
		return b.qos(ch, m)
	case *wire.BasicConsume:
		return b.consume(ch, m)
	case *wire.BasicCancel:
		return b.cancel(ch, m)
	case *wire.BasicGet:
		return b.get(ch, m)
	case *wire.ExchangeDeclare:
		return b.declareExchange(ch, m)
	case *wire.ExchangeDelete:
		return b.exchangeDelete(ch, m)
	case *wire.ExchangeBind:
		return b.bind(ch, m.Source, binding{toExchange: true, to: m.Destination, key: m.RoutingKey, args: m.Arguments}, m.NoWait, &wire.ExchangeBindOk{})
	case *wire.ExchangeUnbind:
		return b.unbound(ch, m.Source, binding{toExchange: true, to: m.Destination, key: m.RoutingKey, args: m.Arguments}, m.NoWait, &wire.ExchangeUnbindOk{})
	case *wire.QueueDeclare:
		return b.declareQueue(ch, m)
	case *wire.QueueBind:
		return b.bind(ch, m.Exchange, binding{to: m.Queue, key: m.RoutingKey, args: m.Arguments}, m.NoWait, &wire.QueueBindOk{})
	case *wire.QueueUnbind:
		return b.unbound(ch, m.Exchange, binding{to: m.Queue, key: m.RoutingKey, args: m.Arguments}, false, &wire.QueueUnbindOk{})
	case *wire.QueuePurge:
		return b.purge(ch, m)
	case *wire.QueueDelete:
		return b.queueDelete(ch, m)
	case *wire.ConfirmSelect:
		ch.confirms = true
		b.answer(ch, m.NoWait, &wire.ConfirmSelectOk{}, 0)
		return nil
	case *wire.ChannelFlow:
		if !m.Active {
			return faultf(wire.NotImplemented, "active=false")
		}
		b.answer(ch, false, &wire.ChannelFlowOk{Active: true}, 0)
		return nil
	case *wire.ChannelOpen:
		return faultf(wire.ChannelError, "second 'channel.open' seen")
	}
	return faultf(wire.CommandInvalid, "unexpected %v", cmd.ID)
}

// answer replies on a channel unless the client does not wait for it.
func (b *Broker) answer(ch *channel, noWait bool, m wire.Method, after int64) {
	if !noWait {
		b.replyAfter(ch.conn, ch.number, m, after)
	}
}

// sendContent sends a method with a message.
func (b *Broker) sendContent(ch *channel, m wire.Method, msg *message, props *wire.Properties, key uint64, after int64) {
	frame, err := wire.EncodeContent(ch.number, m, props, msg.body, ch.conn.frameMax)
	if err != nil {
		b.connectionError(ch.conn, wire.InternalError, err.Error(), wire.IDOf(m))
		return
	}
	b.send(ch.conn, frame, machine.Ident{Class: wire.Class(wire.IDOf(m)), Key: key}, after)
}

// take removes what was delivered under a tag, or all up to it, from what is not
// settled, in the order of the tags (collect_acks of rabbit_channel).
func (ch *channel) take(tag uint64, multiple bool) ([]delivered, *fault) {
	if tag == 0 && multiple {
		all := ch.unacked
		ch.unacked = nil
		return all, nil
	}
	i, found := slices.BinarySearchFunc(ch.unacked, tag, func(d delivered, tag uint64) int {
		switch {
		case d.tag < tag:
			return -1
		case d.tag > tag:
			return 1
		}
		return 0
	})
	if !found {
		return nil, faultf(wire.PreconditionFailed, "unknown delivery tag %d", tag)
	}
	first := i
	if multiple {
		first = 0
	}
	taken := slices.Clone(ch.unacked[first : i+1])
	ch.unacked = slices.Delete(ch.unacked, first, i+1)
	return taken, nil
}
