package queue

import (
	"maps"
	"slices"
	"strings"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// conn is a connection of a client.
type conn struct {
	id         machine.ConnID
	state      connState
	control    wire.Assembler
	channels   map[uint16]*channel
	deadline   machine.Instant // of the hand-shake or the closing
	frameMax   uint32
	channelMax uint16
	capable    capabilities

	heartbeat    time.Duration // 0 is none
	heard, spoke machine.Instant

	outbox   []outgoing
	outbytes int64 // in it
	queued   bool  // is in Broker.active
	sent     int64 // bytes in this step
	clogged  bool  // DrainedBelow bytes or more are unsent: no deliveries until Drained

	publisher bool
	stopped   bool    // reading is
	blocked   bool    // by the memory alarm
	owed      []int64 // where in the journal its messages end that wait for the disk
}

// outgoing is a frame and what must be durable before it may leave: a position in the
// journal.
type outgoing struct {
	frame machine.Bytes
	ident machine.Ident
	after int64
}

// capabilities are what a client says that it understands
// (rabbitmq.com/consumer-cancel.html, rabbitmq.com/connection-blocked.html).
type capabilities struct{ cancelNotify, blocked, failureClose bool }

type connState uint8

const (
	awaitProtocol connState = iota
	awaitStartOk
	awaitTuneOk
	awaitOpen
	connOpen
	connClosing // after a connection error: only close-ok is heard
)

// String is the state as RabbitMQ calls it.
func (s connState) String() string {
	return [...]string{"pre_init", "starting", "tuning", "opening", "running", "closing"}[s]
}

// closeTimeout is how long a client may take to answer connection.close.
const closeTimeout = 10 * time.Second

func (b *Broker) accepted(id machine.ConnID) {
	c := &conn{
		id: id, channels: make(map[uint16]*channel), deadline: b.now.Mono.Add(b.cfg.Settings.HandshakeTimeout),
		frameMax: wire.MinFrameMax, heard: b.now.Mono, spoke: b.now.Mono,
	}
	b.conns[id] = c
	b.list = append(b.list, c)
}

// received takes the frames of one Send, or of one split.
func (b *Broker) received(c *conn, frames machine.Bytes) {
	c.heard = b.now.Mono
	b.out.Work(machine.Work{Bytes: frames.Len()})
	for frames.Len() > 0 && b.err == nil && b.conns[c.id] == c {
		f, rest, err := wire.Next(frames)
		if err != nil {
			b.badFrame(c, err)
			return
		}
		frames = rest
		b.frame(c, f)
	}
}

// badFrame ends a connection that cannot be understood any more. One that has not even
// said which protocol it speaks is told which is spoken here (4.2.2).
func (b *Broker) badFrame(c *conn, err error) {
	if c.state == awaitProtocol {
		b.wrongProtocol(c)
		return
	}
	b.connectionError(c, wire.FrameError, err.Error(), wire.MethodID{})
}

func (b *Broker) wrongProtocol(c *conn) {
	b.send(c, machine.Literal([]byte(wire.ProtocolHeader)), machine.Ident{Class: wire.ClassProtocol}, 0)
	b.hangUp(c)
}

func (b *Broker) frame(c *conn, f wire.Frame) {
	switch {
	case c.state == awaitProtocol:
		if f.Type != wire.FrameProtocol || string(f.Payload.Contiguous()) != wire.ProtocolHeader {
			b.wrongProtocol(c)
			return
		}
		b.startConn(c)
		return
	case f.Type == wire.FrameProtocol:
		b.connectionError(c, wire.FrameError, "unexpected protocol header", wire.MethodID{})
		return
	case f.Type == wire.FrameHeartbeat:
		if f.Channel != 0 {
			b.connectionError(c, wire.FrameError, "heartbeat on a channel", wire.MethodID{})
		}
		return
	}
	b.out.Work(machine.Work{Requests: 1})
	if f.Channel == 0 || c.state != connOpen {
		cmd, done, err := c.control.Add(f)
		switch {
		case err != nil && c.state == connClosing:
			c.control = wire.Assembler{}
		case err != nil:
			b.connectionError(c, err.Code, err.Err.Error(), err.ID)
		case done:
			b.control(c, cmd)
		}
		return
	}
	b.channelFrame(c, f)
}

func (b *Broker) startConn(c *conn) {
	c.state = awaitStartOk
	b.reply(c, 0, &wire.ConnectionStart{
		Major: 0, Minor: 9,
		ServerProperties: wire.Table{
			{Key: "product", Value: "brokersim"}, {Key: "cluster_name", Value: b.cfg.Name},
			{Key: "capabilities", Value: wire.Table{
				{Key: "publisher_confirms", Value: true}, {Key: "exchange_exchange_bindings", Value: true}, {Key: "basic.nack", Value: true},
				{Key: "consumer_cancel_notify", Value: true}, {Key: "connection.blocked", Value: true}, {Key: "consumer_priorities", Value: true},
				{Key: "authentication_failure_close", Value: true}, {Key: "per_consumer_qos", Value: true},
			}},
		},
		Mechanisms: "PLAIN", Locales: "en_US",
	})
}

// control takes a method on channel 0.
func (b *Broker) control(c *conn, cmd *wire.Command) {
	switch m := cmd.Method.(type) {
	case *wire.ConnectionClose:
		b.reply(c, 0, &wire.ConnectionCloseOk{})
		b.hangUp(c)
		return
	case *wire.ConnectionCloseOk:
		if c.state == connClosing {
			b.hangUp(c)
			return
		}
	case *wire.ConnectionStartOk:
		if c.state == awaitStartOk {
			b.login(c, m)
			return
		}
	case *wire.ConnectionTuneOk:
		if c.state == awaitTuneOk {
			b.tuned(c, m)
			return
		}
	case *wire.ConnectionOpen:
		if c.state == awaitOpen {
			b.openConn(c, m)
			return
		}
	}
	if c.state != connClosing {
		b.connectionError(c, wire.ChannelError, "unexpected method in connection state "+c.state.String(), cmd.ID)
	}
}

// login checks a user by SASL PLAIN (RFC 4616).
func (b *Broker) login(c *conn, m *wire.ConnectionStartOk) {
	if v, _ := m.ClientProperties.Get("capabilities"); v != nil {
		table, _ := v.(wire.Table)
		has := func(name string) bool { v, _ := table.Get(name); is, _ := v.(bool); return is }
		c.capable = capabilities{has("consumer_cancel_notify"), has("connection.blocked"), has("authentication_failure_close")}
	}
	parts := strings.Split(m.Response, "\x00")
	if m.Mechanism != "PLAIN" || len(parts) != 3 || parts[1] != b.cfg.Settings.User || parts[2] != b.cfg.Settings.Password {
		if !c.capable.failureClose {
			b.hangUp(c)
			return
		}
		b.connectionError(c, wire.AccessRefused, "Login was refused using authentication mechanism "+m.Mechanism+". For details see the broker logfile.", wire.IDOf(m))
		return
	}
	c.state = awaitTuneOk
	s := &b.cfg.Settings
	b.reply(c, 0, &wire.ConnectionTune{ChannelMax: s.ChannelMax, FrameMax: s.FrameMax, Heartbeat: uint16(s.Heartbeat / time.Second)})
}

func (b *Broker) tuned(c *conn, m *wire.ConnectionTuneOk) {
	s := &b.cfg.Settings
	switch {
	case m.FrameMax != 0 && m.FrameMax < wire.MinFrameMax:
		b.connectionError(c, wire.NotAllowed, "negotiated frame_max is lower than the minimum allowed value", wire.IDOf(m))
		return
	case m.FrameMax > s.FrameMax:
		b.connectionError(c, wire.NotAllowed, "negotiated frame_max is higher than the maximum allowed value", wire.IDOf(m))
		return
	}
	c.frameMax, c.channelMax = m.FrameMax, m.ChannelMax
	if m.FrameMax == 0 {
		c.frameMax = s.FrameMax
	}
	if m.ChannelMax == 0 || m.ChannelMax > s.ChannelMax {
		c.channelMax = s.ChannelMax
	}
	c.heartbeat = time.Duration(m.Heartbeat) * time.Second
	c.state = awaitOpen
}

func (b *Broker) openConn(c *conn, m *wire.ConnectionOpen) {
	if m.VirtualHost != virtualHost {
		b.connectionError(c, wire.NotAllowed, "vhost "+m.VirtualHost+" not found", wire.IDOf(m))
		return
	}
	c.state, c.deadline = connOpen, machine.Never
	b.reply(c, 0, &wire.ConnectionOpenOk{})
}

// connectionError closes a connection with its channels (rabbitmq.com/connections.html).
func (b *Broker) connectionError(c *conn, code wire.ReplyCode, text string, at wire.MethodID) {
	if c.state == connClosing || b.conns[c.id] != c {
		return
	}
	b.closeChannels(c)
	c.state, c.deadline, c.control = connClosing, b.now.Mono.Add(closeTimeout), wire.Assembler{}
	b.reply(c, 0, &wire.ConnectionClose{Closing: closing(code, text, at)})
}

// closing says why, as RabbitMQ words it.
func closing(code wire.ReplyCode, text string, at wire.MethodID) wire.Closing {
	text = code.String() + " - " + text
	return wire.Closing{Code: code, Text: text[:min(len(text), 255)], Method: at}
}

// hangUp ends a connection after what was sent, or may be sent now.
func (b *Broker) hangUp(c *conn) {
	for i := range c.outbox {
		if c.outbox[i].after <= b.journal.durable {
			b.transmit(c, &c.outbox[i])
		}
	}
	b.out.Close(c.id)
	b.drop(c)
}

// drop forgets a connection: its channels end, and its exclusive queues with it.
func (b *Broker) drop(c *conn) {
	b.closeChannels(c)
	c.outbox, c.outbytes = nil, 0
	delete(b.conns, c.id)
	b.list = slices.DeleteFunc(b.list, func(x *conn) bool { return x == c })
	for _, name := range slices.Sorted(maps.Keys(b.queues)) {
		if q := b.queues[name]; q.exclusive && q.owner == c.id {
			b.deleteQueue(q)
		}
	}
}

func (b *Broker) closeChannels(c *conn) {
	for _, ch := range c.sortedChannels() {
		b.endChannel(ch)
	}
	clear(c.channels)
}

func (c *conn) sortedChannels() []*channel {
	list := make([]*channel, 0, len(c.channels))
	for _, n := range slices.Sorted(maps.Keys(c.channels)) {
		list = append(list, c.channels[n])
	}
	return list
}

// reply sends a method that is about no message.
func (b *Broker) reply(c *conn, channel uint16, m wire.Method) { b.replyAfter(c, channel, m, 0) }

// replyAfter sends a method once the journal is durable up to a position.
func (b *Broker) replyAfter(c *conn, channel uint16, m wire.Method, after int64) {
	frame, err := wire.Encode(channel, m)
	if err != nil {
		b.connectionError(c, wire.InternalError, err.Error(), wire.IDOf(m))
		return
	}
	b.send(c, frame, b.ident(m), after)
}

// send puts a frame behind those that the connection already has to send.
func (b *Broker) send(c *conn, frame machine.Bytes, ident machine.Ident, after int64) {
	c.outbox = append(c.outbox, outgoing{frame, ident, after})
	c.outbytes += frame.Len()
	if !c.queued {
		c.queued = true
		b.active = append(b.active, c)
	}
}

func (b *Broker) transmit(c *conn, o *outgoing) {
	b.out.Send(c.id, o.frame, o.ident)
	b.out.Work(machine.Work{Bytes: o.frame.Len()})
	c.spoke = b.now.Mono
}

// flush sends what may leave by now; the rest stays in order behind what it waits for.
// Connections that can take deliveries again are looked at: true says that there may
// be more to do.
func (b *Broker) flush() (more bool) {
	waiting := b.active[:0]
	for _, c := range b.active {
		full := c.outbytes >= machine.DrainedBelow
		n := 0
		for n < len(c.outbox) && c.outbox[n].after <= b.journal.durable {
			b.transmit(c, &c.outbox[n])
			c.sent += c.outbox[n].frame.Len()
			c.outbytes -= c.outbox[n].frame.Len()
			n++
		}
		c.outbox = slices.Delete(c.outbox, 0, n)
		c.clogged = c.clogged || c.sent >= machine.DrainedBelow
		if full && !c.clogged && c.outbytes < machine.DrainedBelow {
			b.unblockConsumers(c)
			more = true
		}
		if c.queued = len(c.outbox) > 0; c.queued {
			waiting = append(waiting, c)
		}
	}
	clear(b.active[len(waiting):])
	b.active = waiting
	return more
}

// full reports whether a connection takes no more deliveries for now: its outbox waits
// for the disk, or its peer does not read as fast. Then Drained will come: that much
// was unsent, or this step has sent as much.
func (b *Broker) full(c *conn) bool {
	c.clogged = c.clogged || b.out.Unsent(c.id) >= machine.DrainedBelow
	return c.clogged || c.outbytes >= machine.DrainedBelow
}

// due is when the connection next wants attention.
func (c *conn) due() machine.Instant {
	at := c.deadline
	if c.heartbeat > 0 && c.state == connOpen {
		at = min(at, c.spoke.Add(c.heartbeat/2))
		if !c.stopped { // who is not read cannot be heard
			at = min(at, c.heard.Add(2*c.heartbeat))
		}
	}
	return at
}

// expireConn sends a heartbeat, or gives a silent client up: after twice the time-out,
// as rabbit_heartbeat does (rabbitmq.com/heartbeats.html).
func (b *Broker) expireConn(c *conn) {
	now := b.now.Mono
	if now >= c.deadline || c.heartbeat > 0 && !c.stopped && now >= c.heard.Add(2*c.heartbeat) {
		b.out.Close(c.id)
		b.drop(c)
		return
	}
	if now >= c.spoke.Add(c.heartbeat/2) {
		b.send(c, wire.Heartbeat(), machine.Ident{Class: wire.ClassHeartbeat, Key: uint64(wire.ClassHeartbeat)}, 0)
		c.spoke = now
	}
}
