package client

import (
	"strconv"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// AMQPConfig is what an AMQP client is made of. Zero durations mean the defaults of
// RabbitMQ's Java client, which are named.
type AMQPConfig struct {
	Name  string // of the node; names the draws
	Life  uint32 // how often the node has been started before
	Seed  uint64
	Addrs []string // tried in turn: "b1:5672"

	// Tags is below the tags of the client's dials, which count up from it: two
	// clients of one machine need ranges of their own.
	Tags machine.Tag

	User, Password string        // empty: guest
	VirtualHost    string        // empty: "/"
	Heartbeat      time.Duration // asked for, in whole seconds; 60 s. The lower of both ends' holds
	ConnectTimeout time.Duration // until the connection is opened; 60 s
	Handshake      time.Duration // until each answer while it is set up; 10 s
	// Reconnect is how long the client waits before it tries again, doubled for each
	// failure in a row up to ReconnectMax. The Java client waits 5 s each time.
	Reconnect, ReconnectMax time.Duration

	// Exchanges, Queues and Bindings are declared whenever a connection is up, in this
	// order and before all else, as topology recovery does
	// (rabbitmq.com/api-guide.html#recovery).
	Exchanges []wire.ExchangeDeclare
	Queues    []wire.QueueDeclare
	Bindings  []wire.QueueBind

	// Confirms asks for publisher confirms. Without them a message counts as acked
	// once it was sent, which nobody has promised.
	Confirms bool
	// Outstanding bounds what is published and not confirmed; 0 is 100. Without
	// confirms it does nothing.
	Outstanding int
	// ConfirmTimeout ends the connection when a confirm does not come in time, as
	// waitForConfirmsOrDie does; 0 waits for ever.
	ConfirmTimeout time.Duration
	// Republish has the client publish what was not confirmed again on the next
	// connection, in order and before anything new: at least once. Otherwise its
	// outcome is Unknown.
	Republish bool

	// Prefetch is basic.qos for the consumers, each of its own, or together if
	// PrefetchGlobal is set. 0 is without bound.
	Prefetch       uint16
	PrefetchGlobal bool
	// Consume is what to consume, from each connection on. An empty tag is given one.
	Consume []wire.BasicConsume
}

// AMQPMessage is a message to be published.
type AMQPMessage struct {
	Ticket               int64 // the owner's own; comes back with the result
	Exchange, RoutingKey string
	Mandatory            bool
	// Properties may lack the message id: the client then gives one, by which it
	// knows a returned message and by which draws about the message are keyed.
	Properties wire.Properties
	Body       machine.Bytes
}

// AMQPResult is what became of a published message.
type AMQPResult struct {
	Message AMQPMessage
	// Outcome is Acked if the broker has confirmed it, Rejected if it was returned,
	// and so is in no queue, and Unknown otherwise.
	Outcome Outcome
	// Nacked says that the broker has answered basic.nack: at least one queue has
	// refused the message (reject-publish). With one queue bound it is nowhere.
	Nacked bool
	// Why is what went wrong; empty for Acked.
	Why string
	// Attempts is how often it was sent.
	Attempts uint32
}

// AMQPDelivery is a message that was delivered to a consumer.
type AMQPDelivery struct {
	Session     uint64 // the connection: what it brought can be settled on it alone
	Tag         uint64
	Consumer    string
	Redelivered bool
	Exchange    string
	RoutingKey  string
	Properties  wire.Properties
	Body        machine.Bytes
}

// AMQPEventKind says what has happened to a client's connection.
type AMQPEventKind uint8

// The kinds of event.
const (
	AMQPUp        AMQPEventKind = iota // set up: it can publish, and its consumers are registered
	AMQPDown                           // lost, refused or closed: Code and Why
	AMQPBlocked                        // the broker takes no messages for now: Why
	AMQPUnblocked                      // it does again
	AMQPCancelled                      // a consumer was cancelled by the broker: Consumer
)

// AMQPEvent is something that has happened to a client's connection.
type AMQPEvent struct {
	Kind     AMQPEventKind
	Session  uint64
	Code     wire.ReplyCode // of a channel or connection that the broker has closed
	Why      string
	Consumer string
}

// AMQP is an AMQP 0-9-1 client with one connection and one channel, for publishing and
// consuming. Its owner calls Step with every input, then looks at Results, Deliveries
// and Events and calls Forget; it may Publish, Ack, Nack and Reject at any time and
// calls Run at the end of its own step, with Forget after it if it looks again.
type AMQP struct {
	cfg  AMQPConfig
	seed machine.Draw

	state    amqpState
	addr     int // of Addrs
	tags     machine.Tag
	dial     machine.Tag
	conn     machine.ConnID
	session  uint64
	failures uint32 // in a row
	dials    uint64
	retryAt  machine.Instant
	deadline machine.Instant // of the dial or the answer that is waited for
	reason   string          // why it is being closed
	setup    []wire.Method   // what is still to be asked before it is up
	waits    wire.MethodID   // the answer that is waited for
	channel  wire.Assembler
	control  wire.Assembler
	frameMax uint32

	heartbeat time.Duration   // agreed; 0 is none
	heard     machine.Instant // when something came last
	spoke     machine.Instant // when something left last

	blocked   bool
	published uint64 // on this connection: the delivery tag of the last
	given     uint64 // message ids
	pending   []outstanding
	again     []outstanding // to be sent anew on the next connection

	results    []AMQPResult
	deliveries []AMQPDelivery
	events     []AMQPEvent
	queued     []settlement
	due        machine.Instant
}

// outstanding is a message that is sent and not confirmed.
type outstanding struct {
	message  AMQPMessage
	tag      uint64
	returned string // why, if it was
	until    machine.Instant
	attempts uint32
}

// settlement is an ack, nack or reject that Run will send.
type settlement struct {
	method wire.Method
	key    uint64
}

type amqpState uint8

const (
	amqpDown    amqpState = iota // may be dialled from retryAt on
	amqpDialing                  // waits for Opened until deadline
	amqpOpening                  // waits for the answer until deadline
	amqpUp
	amqpClosing // waits for connection.close-ok until deadline
)

const amqpChannel = 1

// NewAMQP returns a client that connects at its first Run.
func NewAMQP(cfg AMQPConfig) *AMQP {
	or := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	or(&cfg.Heartbeat, 60*time.Second)
	or(&cfg.ConnectTimeout, 60*time.Second)
	or(&cfg.Handshake, 10*time.Second)
	or(&cfg.Reconnect, 5*time.Second)
	cfg.ReconnectMax = max(cfg.ReconnectMax, cfg.Reconnect)
	if cfg.Outstanding <= 0 {
		cfg.Outstanding = 100
	}
	if cfg.User == "" {
		cfg.User, cfg.Password = "guest", "guest"
	}
	if cfg.VirtualHost == "" {
		cfg.VirtualHost = "/"
	}
	return &AMQP{cfg: cfg, tags: cfg.Tags, seed: machine.NewDraw(cfg.Seed, "amqp-client").Of(cfg.Name).With(uint64(cfg.Life)), due: 0}
}

// Up reports whether the client has a connection that is set up.
func (c *AMQP) Up() bool { return c.state == amqpUp }

// Session is the number of the connection, from 1; what an earlier one has delivered
// cannot be settled any more.
func (c *AMQP) Session() uint64 { return c.session }

// Pending is how many messages are published and have no result yet.
func (c *AMQP) Pending() int64 { return int64(len(c.pending) + len(c.again)) }

// Results are the outcomes since the last Forget, in the order in which they were
// known.
func (c *AMQP) Results() []AMQPResult { return c.results }

// Deliveries are the messages that have arrived since the last Forget.
func (c *AMQP) Deliveries() []AMQPDelivery { return c.deliveries }

// Events are what has happened to the connection since the last Forget. What a Down
// says holds for the deliveries before it too: the broker requeues what was not
// settled.
func (c *AMQP) Events() []AMQPEvent { return c.events }

// Forget drops what Results, Deliveries and Events have shown.
func (c *AMQP) Forget() {
	clear(c.results)
	clear(c.deliveries)
	c.results, c.deliveries, c.events = c.results[:0], c.deliveries[:0], c.events[:0]
}

// Deadline is when the client next wants a step. It is up to date after Run.
func (c *AMQP) Deadline() machine.Instant { return c.due }

// Step takes what has happened on the client's connection. Inputs that are not its
// own are left alone.
func (c *AMQP) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Opened:
		c.opened(now.Mono, in, out)
	case machine.Closed:
		if in.Conn == 0 && c.state == amqpDialing && in.Tag == c.dial || in.Conn != 0 && in.Conn == c.conn {
			c.lost(now.Mono, 0, in.Err.Error())
		}
	case machine.Received:
		if in.Conn == c.conn && c.conn != 0 {
			c.received(now.Mono, in.Frame, out)
		}
	}
}

// Run does what is due: connects, keeps the connection alive, publishes again and
// settles. It must be called at the end of each step of the owner.
func (c *AMQP) Run(now machine.Now, out *machine.Effects) {
	c.expire(now.Mono, out)
	c.connect(now.Mono, out)
	if c.state == amqpUp {
		c.republish(now.Mono, out)
		c.settle(now.Mono, out)
	}
	c.beat(now.Mono, out)
	c.due = c.nextDue()
}

func (c *AMQP) nextDue() machine.Instant {
	at := machine.Never
	switch c.state {
	case amqpDown:
		at = c.retryAt
	case amqpDialing, amqpOpening, amqpClosing:
		at = c.deadline
	case amqpUp:
		if len(c.pending) > 0 {
			at = c.pending[0].until
		}
	}
	if c.heartbeat > 0 && c.conn != 0 {
		at = min(at, c.spoke.Add(c.heartbeat/2), c.heard.Add(2*c.heartbeat))
	}
	return at
}

// messageID is the id of the next message that has none.
func (c *AMQP) messageID() string {
	c.given++
	return c.cfg.Name + "-" + strconv.FormatUint(uint64(c.cfg.Life), 10) + "-" + strconv.FormatUint(c.given, 10)
}
