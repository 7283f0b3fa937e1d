package client

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// connect dials the next address if it is time.
func (c *AMQP) connect(now machine.Instant, out *machine.Effects) {
	if c.state != amqpDown || now < c.retryAt || len(c.cfg.Addrs) == 0 {
		return
	}
	c.tags++
	c.dials++
	c.state, c.dial, c.deadline = amqpDialing, c.tags, now.Add(c.cfg.ConnectTimeout)
	out.Dial(c.cfg.Addrs[c.addr%len(c.cfg.Addrs)], c.dial)
}

func (c *AMQP) opened(now machine.Instant, in *machine.Input, out *machine.Effects) {
	if c.state != amqpDialing || in.Tag != c.dial {
		if in.Tag > c.cfg.Tags && in.Tag <= c.tags {
			out.Close(in.Conn) // given up on
		}
		return
	}
	c.state, c.conn = amqpOpening, in.Conn
	c.session++
	c.channel, c.control = wire.Assembler{}, wire.Assembler{}
	c.heartbeat, c.heard, c.spoke = 0, now, now
	c.blocked, c.published, c.frameMax = false, 0, wire.MinFrameMax
	c.setup = c.setup[:0]
	out.Send(c.conn, machine.Literal([]byte(wire.ProtocolHeader)), machine.Ident{Class: wire.ClassProtocol, Key: c.key("setup", 0)})
	c.expect(now, wire.MethodID{Class: 10, Method: 10})
}

func (c *AMQP) expect(now machine.Instant, answer wire.MethodID) {
	c.waits, c.deadline = answer, now.Add(c.cfg.Handshake)
}

// key names what a frame is about.
func (c *AMQP) key(what string, n uint64) uint64 { return c.seed.Of(what).With(n).Uint64() }

// send sends a method that is not about a message.
func (c *AMQP) send(now machine.Instant, channel uint16, m wire.Method, key uint64, out *machine.Effects) {
	frame, err := wire.Encode(channel, m)
	if err != nil {
		c.closeWith(now, err.Error(), out)
		return
	}
	out.Send(c.conn, frame, machine.Ident{Class: wire.Class(wire.IDOf(m)), Key: key})
	c.spoke = now
}

// received takes the frames of one Send, or of one split.
func (c *AMQP) received(now machine.Instant, b machine.Bytes, out *machine.Effects) {
	c.heard = now
	conn := c.conn
	for b.Len() > 0 && c.conn == conn {
		f, rest, err := wire.Next(b)
		if err != nil {
			c.closeWith(now, err.Error(), out)
			return
		}
		b = rest
		switch {
		case f.Type == wire.FrameProtocol:
			c.closeWith(now, "the broker speaks another protocol", out)
			return
		case f.Type == wire.FrameHeartbeat:
			continue
		}
		assembler := &c.control
		if f.Channel != 0 {
			assembler = &c.channel
		}
		cmd, done, bad := assembler.Add(f)
		if bad != nil {
			c.closeWith(now, bad.Error(), out)
			return
		}
		if done {
			c.command(now, cmd, out)
		}
	}
}

// command takes one whole method.
func (c *AMQP) command(now machine.Instant, cmd *wire.Command, out *machine.Effects) {
	if c.state == amqpClosing {
		if _, is := cmd.Method.(*wire.ConnectionCloseOk); is {
			out.Close(c.conn)
			c.lost(now, 0, c.reason)
		}
		return
	}
	switch m := cmd.Method.(type) {
	case *wire.ConnectionClose:
		c.send(now, 0, &wire.ConnectionCloseOk{}, c.key("close", 0), out)
		out.Close(c.conn)
		c.lost(now, m.Code, m.Text)
	case *wire.ChannelClose:
		c.send(now, amqpChannel, &wire.ChannelCloseOk{}, c.key("close", 1), out)
		out.Close(c.conn)
		c.lost(now, m.Code, m.Text)
	case *wire.ConnectionBlocked:
		c.blocked = true
		c.event(AMQPEvent{Kind: AMQPBlocked, Why: m.Reason})
	case *wire.ConnectionUnblocked:
		c.blocked = false
		c.event(AMQPEvent{Kind: AMQPUnblocked})
	case *wire.ChannelFlow:
		c.send(now, amqpChannel, &wire.ChannelFlowOk{Active: m.Active}, c.key("flow", 0), out)
		c.blocked = !m.Active
	case *wire.BasicDeliver:
		c.deliveries = append(c.deliveries, AMQPDelivery{Session: c.session, Tag: m.DeliveryTag, Consumer: m.ConsumerTag, Redelivered: m.Redelivered,
			Exchange: m.Exchange, RoutingKey: m.RoutingKey, Properties: cmd.Properties, Body: cmd.Body})
	case *wire.BasicReturn:
		c.returned(cmd.Properties.MessageID, m)
	case *wire.BasicAck:
		c.confirmed(m.DeliveryTag, m.Multiple, false)
	case *wire.BasicNack:
		c.confirmed(m.DeliveryTag, m.Multiple, true)
	case *wire.BasicCancel:
		c.event(AMQPEvent{Kind: AMQPCancelled, Consumer: m.ConsumerTag})
	default:
		c.answered(now, cmd, out)
	}
}

// answered goes on with the setting up.
func (c *AMQP) answered(now machine.Instant, cmd *wire.Command, out *machine.Effects) {
	if c.state != amqpOpening || cmd.ID != c.waits {
		return // of something that nobody waits for
	}
	switch m := cmd.Method.(type) {
	case *wire.ConnectionStart:
		c.send(now, 0, &wire.ConnectionStartOk{
			ClientProperties: wire.Table{{Key: "connection_name", Value: c.cfg.Name}, {Key: "capabilities", Value: wire.Table{
				{Key: "publisher_confirms", Value: true}, {Key: "basic.nack", Value: true}, {Key: "consumer_cancel_notify", Value: true},
				{Key: "connection.blocked", Value: true}, {Key: "authentication_failure_close", Value: true},
			}}},
			Mechanism: "PLAIN", Response: "\x00" + c.cfg.User + "\x00" + c.cfg.Password, Locale: "en_US",
		}, c.key("setup", 1), out)
		c.expect(now, wire.MethodID{Class: 10, Method: 30})
		return
	case *wire.ConnectionTune:
		c.tune(now, m, out)
		c.expect(now, wire.MethodID{Class: 10, Method: 41})
		return
	case *wire.ConnectionOpenOk:
		c.setup = c.script(c.setup[:0])
	}
	c.next(now, out)
}

// tune takes the lower of what both ends want (1.4.2.6); 0 is without bound.
func (c *AMQP) tune(now machine.Instant, m *wire.ConnectionTune, out *machine.Effects) {
	c.frameMax = wire.MaxFrame
	if m.FrameMax != 0 {
		c.frameMax = min(c.frameMax, m.FrameMax)
	}
	seconds := uint16(min(c.cfg.Heartbeat/time.Second, 1<<16-1))
	if m.Heartbeat != 0 {
		seconds = min(seconds, m.Heartbeat)
	}
	c.heartbeat = time.Duration(seconds) * time.Second
	c.send(now, 0, &wire.ConnectionTuneOk{ChannelMax: m.ChannelMax, FrameMax: c.frameMax, Heartbeat: seconds}, c.key("setup", 2), out)
	c.send(now, 0, &wire.ConnectionOpen{VirtualHost: c.cfg.VirtualHost}, c.key("setup", 3), out)
}

// script is what to ask, one after the other, before the connection is up.
func (c *AMQP) script(to []wire.Method) []wire.Method {
	to = append(to, &wire.ChannelOpen{})
	for i := range c.cfg.Exchanges {
		to = append(to, &c.cfg.Exchanges[i])
	}
	for i := range c.cfg.Queues {
		to = append(to, &c.cfg.Queues[i])
	}
	for i := range c.cfg.Bindings {
		to = append(to, &c.cfg.Bindings[i])
	}
	if c.cfg.Confirms {
		to = append(to, &wire.ConfirmSelect{})
	}
	if c.cfg.Prefetch > 0 {
		to = append(to, &wire.BasicQos{PrefetchCount: c.cfg.Prefetch, Global: c.cfg.PrefetchGlobal})
	}
	for i := range c.cfg.Consume {
		to = append(to, &c.cfg.Consume[i])
	}
	return to
}

// next asks the next of the setup; every method's answer has the number after its own.
func (c *AMQP) next(now machine.Instant, out *machine.Effects) {
	if len(c.setup) == 0 {
		c.state, c.failures, c.deadline = amqpUp, 0, machine.Never
		c.event(AMQPEvent{Kind: AMQPUp})
		return
	}
	m := c.setup[0]
	c.setup = c.setup[1:]
	id := wire.IDOf(m)
	c.send(now, amqpChannel, m, c.key("setup", uint64(wire.Class(id))), out)
	c.expect(now, wire.MethodID{Class: id.Class, Method: id.Method + 1})
}

// Close closes the connection as a client should; it is up again after a while.
func (c *AMQP) Close(now machine.Now, out *machine.Effects) { c.closeWith(now.Mono, "closed", out) }

// closeWith asks the broker to close the connection and gives up on everything that
// is under way.
func (c *AMQP) closeWith(now machine.Instant, why string, out *machine.Effects) {
	if c.conn == 0 {
		return
	}
	if c.state == amqpUp {
		c.state, c.reason = amqpClosing, why
		c.send(now, 0, &wire.ConnectionClose{Closing: wire.Closing{Code: wire.ReplySuccess, Text: why[:min(len(why), 255)]}}, c.key("close", 2), out)
		c.deadline = now.Add(c.cfg.Handshake)
		return
	}
	out.Close(c.conn)
	c.lost(now, 0, why)
}

// lost ends the connection or the dial, and what was under way on it.
func (c *AMQP) lost(now machine.Instant, code wire.ReplyCode, why string) {
	wait := backoff(c.cfg.Reconnect, c.cfg.ReconnectMax, c.failures, c.seed.Of("reconnect").With(c.dials))
	c.failures++
	c.addr++
	c.state, c.conn, c.dial, c.retryAt, c.deadline = amqpDown, 0, 0, now.Add(wait), machine.Never
	c.queued = c.queued[:0]
	c.event(AMQPEvent{Kind: AMQPDown, Code: code, Why: why})
	c.unconfirmed(why)
}

func (c *AMQP) event(e AMQPEvent) {
	e.Session = c.session
	c.events = append(c.events, e)
}

// expire gives up on what took too long.
func (c *AMQP) expire(now machine.Instant, out *machine.Effects) {
	switch {
	case c.state == amqpDialing && now >= c.deadline:
		c.lost(now, 0, machine.ErrTimeout.Error())
	case c.state == amqpOpening && now >= c.deadline:
		out.Close(c.conn)
		c.lost(now, 0, "no answer from the broker")
	case c.state == amqpClosing && now >= c.deadline:
		out.Close(c.conn)
		c.lost(now, 0, c.reason)
	case c.conn != 0 && c.heartbeat > 0 && now >= c.heard.Add(2*c.heartbeat):
		out.Close(c.conn)
		c.lost(now, 0, "no heartbeat from the broker")
	case c.state == amqpUp && len(c.pending) > 0 && now >= c.pending[0].until:
		c.closeWith(now, "no confirm in time", out)
	}
}

// beat sends a heartbeat when nothing else has been sent for half the time-out
// (rabbitmq.com/heartbeats.html).
func (c *AMQP) beat(now machine.Instant, out *machine.Effects) {
	if c.conn != 0 && c.heartbeat > 0 && now >= c.spoke.Add(c.heartbeat/2) {
		out.Send(c.conn, wire.Heartbeat(), machine.Ident{Class: wire.ClassHeartbeat, Key: c.key("heartbeat", 0)})
		c.spoke = now
	}
}
