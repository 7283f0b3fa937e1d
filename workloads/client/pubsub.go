package client

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
)

// PubSubConfig is what a client of a pub/sub broker is made of. Zero durations mean the
// defaults of go-redis, which are named.
type PubSubConfig struct {
	Name  string // of the node; names the draws
	Life  uint32 // how often the node has been started before
	Seed  uint64
	Addrs []string // tried in turn: "b1:6379"

	// Tags is below the tags of the client's dials, which count up from it.
	Tags machine.Tag

	ConnectTimeout time.Duration // DialTimeout: 5 s
	// AnswerTimeout ends the connection when a command is not answered in time:
	// ReadTimeout, 3 s. One that listens and hears nothing for so long asks with a PING.
	AnswerTimeout time.Duration
	// Reconnect is how long the client waits before it tries again, doubled for each
	// failure in a row up to ReconnectMax: MinRetryBackoff 8 ms, MaxRetryBackoff 512 ms.
	Reconnect, ReconnectMax time.Duration

	// Channels and Patterns are what to listen to, from each connection on. A client
	// that listens cannot publish: the protocol's version 2 has it so.
	Channels, Patterns []string
	// Outstanding bounds what is published and not answered; 0 is 100.
	Outstanding int
}

// PubSubMessage is a message to be published.
type PubSubMessage struct {
	Ticket  int64 // the owner's own; comes back with the result
	Channel string
	Body    machine.Bytes
}

// PubSubResult is what became of a published message. It is never published twice.
type PubSubResult struct {
	Message PubSubMessage
	// Outcome is Acked if the broker has said to how many the message went, which may be
	// none; Rejected if it has said that it did not take it; else Unknown.
	Outcome   Outcome
	Receivers int64  // of Acked
	Why       string // empty for Acked
	Session   uint64 // the connection on which it was sent
}

// PubSubDelivery is a message that has come to one who listens.
type PubSubDelivery struct {
	Session uint64
	Pattern string // by which it came; empty: by its channel
	Channel string
	Body    machine.Bytes
}

// PubSubEvent is that a connection is up, and everything listened to, or down.
type PubSubEvent struct {
	Session uint64
	Up      bool
	Why     string // of down
}

// PubSub is a client with one connection, for publishing or for listening. Its owner calls
// Step with every input, then looks at Results, Deliveries and Events and calls Forget; it
// may Publish at any time and calls Run at the end of its own step.
type PubSub struct {
	cfg  PubSubConfig
	seed machine.Draw

	state    pubsubState
	addr     int
	tags     machine.Tag
	dial     machine.Tag
	conn     machine.ConnID
	session  uint64
	failures uint32 // in a row
	dials    uint64
	retryAt  machine.Instant
	deadline machine.Instant // of the dial, or of the answers to what is listened to
	missing  int             // so many of these have not come
	heard    machine.Instant
	asked    bool // with a PING, which was not answered
	held     bool // reading was stopped

	pending    []sentMessage
	results    []PubSubResult
	deliveries []PubSubDelivery
	events     []PubSubEvent
}

type sentMessage struct {
	message PubSubMessage
	until   machine.Instant
}

type pubsubState uint8

const (
	pubsubDown    pubsubState = iota // may be dialled from retryAt on
	pubsubDialing                    // waits for Opened until deadline
	pubsubOpening                    // listens to the first of its channels, until deadline
	pubsubUp
)

// NewPubSub returns a client that connects at its first Run.
func NewPubSub(cfg PubSubConfig) *PubSub {
	or := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	or(&cfg.ConnectTimeout, 5*time.Second)
	or(&cfg.AnswerTimeout, 3*time.Second)
	or(&cfg.Reconnect, 8*time.Millisecond)
	or(&cfg.ReconnectMax, max(512*time.Millisecond, cfg.Reconnect))
	if cfg.Outstanding <= 0 {
		cfg.Outstanding = 100
	}
	return &PubSub{cfg: cfg, tags: cfg.Tags, seed: machine.NewDraw(cfg.Seed, "pubsub-client").Of(cfg.Name).With(uint64(cfg.Life))}
}

// Up reports whether the client can publish, or hears all that it listens to.
func (c *PubSub) Up() bool { return c.state == pubsubUp }

// Session is the number of the connection, from 1.
func (c *PubSub) Session() uint64 { return c.session }

// Pending is how many messages are published and have no result yet.
func (c *PubSub) Pending() int64 { return int64(len(c.pending)) }

// Results are the outcomes since the last Forget.
func (c *PubSub) Results() []PubSubResult { return c.results }

// Deliveries are the messages that have come since the last Forget.
func (c *PubSub) Deliveries() []PubSubDelivery { return c.deliveries }

// Events are what has happened to the connection since the last Forget.
func (c *PubSub) Events() []PubSubEvent { return c.events }

// Forget drops what Results, Deliveries and Events have shown.
func (c *PubSub) Forget() {
	clear(c.results)
	clear(c.deliveries)
	c.results, c.deliveries, c.events = c.results[:0], c.deliveries[:0], c.events[:0]
}

// Deadline is when the client next wants a step. It is up to date after Run.
func (c *PubSub) Deadline() machine.Instant {
	switch {
	case c.state == pubsubDown:
		return c.retryAt
	case c.state != pubsubUp:
		return c.deadline
	case c.listens() && c.held:
		return machine.Never
	case c.listens():
		return c.heard.Add(c.cfg.AnswerTimeout)
	case len(c.pending) > 0:
		return c.pending[0].until
	}
	return machine.Never
}

func (c *PubSub) listens() bool { return len(c.cfg.Channels)+len(c.cfg.Patterns) > 0 }

// Step takes what has happened on the client's connection. Inputs that are not its own are
// left alone.
func (c *PubSub) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Opened:
		c.opened(now.Mono, in, out)
	case machine.Closed:
		if in.Conn == 0 && c.state == pubsubDialing && in.Tag == c.dial || in.Conn != 0 && in.Conn == c.conn {
			c.lost(now.Mono, in.Err.Error())
		}
	case machine.Received:
		if in.Conn == c.conn && c.conn != 0 {
			c.received(now.Mono, in.Frame, out)
		}
	}
}

// Run does what is due. It must be called at the end of each step of the owner.
func (c *PubSub) Run(now machine.Now, out *machine.Effects) {
	switch at := now.Mono; {
	case c.state == pubsubDown && at >= c.retryAt && len(c.cfg.Addrs) > 0:
		c.tags++
		c.dials++
		c.state, c.dial, c.deadline = pubsubDialing, c.tags, at.Add(c.cfg.ConnectTimeout)
		out.Dial(c.cfg.Addrs[c.addr%len(c.cfg.Addrs)], c.dial)
	case c.state == pubsubDialing && at >= c.deadline:
		c.lost(at, machine.ErrTimeout.Error())
	case c.state == pubsubOpening && at >= c.deadline, c.state == pubsubUp && len(c.pending) > 0 && at >= c.pending[0].until:
		c.hangUp(at, "no answer in time", out)
	case c.state == pubsubUp && c.listens() && !c.held && at >= c.heard.Add(c.cfg.AnswerTimeout):
		c.ask(at, out)
	}
}

// ask has the broker say that it is there, or gives up on one that has not said so.
func (c *PubSub) ask(now machine.Instant, out *machine.Effects) {
	if c.asked {
		c.hangUp(now, "no answer in time", out)
		return
	}
	c.asked, c.heard = true, now
	c.send(wire.Words("PING"), out)
}

func (c *PubSub) opened(now machine.Instant, in *machine.Input, out *machine.Effects) {
	if c.state != pubsubDialing || in.Tag != c.dial {
		if in.Tag > c.cfg.Tags && in.Tag <= c.tags {
			out.Close(in.Conn) // given up on
		}
		return
	}
	c.conn, c.heard, c.asked, c.held = in.Conn, now, false, false
	c.session++
	if !c.listens() {
		c.up()
		return
	}
	c.state, c.deadline = pubsubOpening, now.Add(c.cfg.AnswerTimeout)
	c.missing = len(c.cfg.Channels) + len(c.cfg.Patterns)
	if len(c.cfg.Channels) > 0 {
		c.send(wire.Words(append([]string{"SUBSCRIBE"}, c.cfg.Channels...)...), out)
	}
	if len(c.cfg.Patterns) > 0 {
		c.send(wire.Words(append([]string{"PSUBSCRIBE"}, c.cfg.Patterns...)...), out)
	}
}

func (c *PubSub) up() {
	c.state, c.failures = pubsubUp, 0
	c.events = append(c.events, PubSubEvent{Session: c.session, Up: true})
}

func (c *PubSub) send(args []machine.Bytes, out *machine.Effects) {
	out.Send(c.conn, wire.EncodeCommand(args...), wire.CommandIdent(args))
}

// Publish sends a message, or does not take it: while there is no connection, or
// Outstanding messages are not answered. What it has taken gets exactly one result.
func (c *PubSub) Publish(now machine.Now, m PubSubMessage, out *machine.Effects) (taken bool) {
	if c.state != pubsubUp || c.listens() || len(c.pending) >= c.cfg.Outstanding {
		return false
	}
	c.pending = append(c.pending, sentMessage{m, now.Mono.Add(c.cfg.AnswerTimeout)})
	c.send(append(wire.Words("PUBLISH", m.Channel), m.Body), out)
	return true
}

// Hold has the client read no more, as one that is too slow, until it is told otherwise.
func (c *PubSub) Hold(now machine.Now, held bool, out *machine.Effects) {
	if c.conn == 0 || c.held == held {
		return
	}
	if c.held = held; held {
		out.StopReading(c.conn)
		return
	}
	c.heard = now.Mono
	out.Read(c.conn)
}

func (c *PubSub) received(now machine.Instant, frame machine.Bytes, out *machine.Effects) {
	v, err := wire.DecodeValue(frame)
	if err != nil {
		c.hangUp(now, err.Error(), out)
		return
	}
	c.heard, c.asked = now, false
	if !c.listens() {
		c.answered(&v)
		return
	}
	if v.Kind != wire.Array || len(v.Elems) < 3 {
		if v.Kind == wire.Fault {
			c.hangUp(now, v.String(), out)
		}
		return // a PONG
	}
	text := func(i int) string { return string(v.Elems[i].Text.Contiguous()) }
	switch what := text(0); {
	case what == "message":
		c.deliveries = append(c.deliveries, PubSubDelivery{Session: c.session, Channel: text(1), Body: v.Elems[2].Text})
	case what == "pmessage" && len(v.Elems) == 4:
		c.deliveries = append(c.deliveries, PubSubDelivery{Session: c.session, Pattern: text(1), Channel: text(2), Body: v.Elems[3].Text})
	case (what == "subscribe" || what == "psubscribe") && c.state == pubsubOpening:
		if c.missing--; c.missing == 0 {
			c.up()
		}
	}
}

// answered takes the answer to the oldest publish.
func (c *PubSub) answered(v *wire.Value) {
	if len(c.pending) == 0 {
		return
	}
	r := PubSubResult{Message: c.pending[0].message, Outcome: Rejected, Session: c.session}
	if v.Kind == wire.Int {
		r.Outcome, r.Receivers = Acked, v.Int
	} else {
		r.Why = v.String()
	}
	c.pending[0] = sentMessage{}
	c.pending = c.pending[1:]
	c.results = append(c.results, r)
}

func (c *PubSub) hangUp(now machine.Instant, why string, out *machine.Effects) {
	out.Close(c.conn)
	c.lost(now, why)
}

// lost ends the connection or the dial. What was published and not answered may have
// reached anybody or nobody.
func (c *PubSub) lost(now machine.Instant, why string) {
	if c.state == pubsubUp {
		c.events = append(c.events, PubSubEvent{Session: c.session, Why: why})
	}
	wait := backoff(c.cfg.Reconnect, c.cfg.ReconnectMax, c.failures, c.seed.Of("reconnect").With(c.dials))
	c.failures++
	c.addr++
	c.state, c.conn, c.dial, c.retryAt, c.deadline, c.held = pubsubDown, 0, 0, now.Add(wait), machine.Never, false
	for i := range c.pending {
		c.results = append(c.results, PubSubResult{Message: c.pending[i].message, Outcome: Unknown, Why: why, Session: c.session})
	}
	clear(c.pending)
	c.pending = c.pending[:0]
}
