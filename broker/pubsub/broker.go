package pubsub

import (
	"errors"
	"maps"
	"slices"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
	"brokersim/faults/failpoint"
)

// Config is what a broker is made of.
type Config struct {
	// Output bounds what waits for a subscriber: client-output-buffer-limit pubsub.
	Output     OutputLimit
	Failpoints *failpoint.Set // nil is off
}

// OutputLimit is how much may wait for one subscriber before it is cut off: at once when
// Hard waits, and when Soft has been waiting for more than SoftFor without a pause, both
// ends of which are counted in whole seconds. 0 is without bound.
type OutputLimit struct {
	Hard, Soft int64 // bytes
	SoftFor    time.Duration
}

// DefaultOutput is Redis's: "32mb 8mb 60".
func DefaultOutput() OutputLimit {
	return OutputLimit{Hard: 32 << 20, Soft: 8 << 20, SoftFor: time.Minute}
}

// Broker is one life of a broker.
type Broker struct {
	cfg      Config
	clients  map[machine.ConnID]*client
	channels map[string]*channel
	patterns []*channel // in the order in which they were first listened to
	full     []*client  // whose output buffer is above the soft limit
	doomed   []*client  // to be cut off at the end of the step
	ids      int64      // of connections, so far
	due      machine.Instant
}

// NewBroker returns a life of a broker to which nobody listens.
func NewBroker(cfg Config) *Broker {
	return &Broker{cfg: cfg, clients: map[machine.ConnID]*client{}, channels: map[string]*channel{}, due: machine.Never}
}

// client is one connection.
type client struct {
	id       machine.ConnID
	number   int64 // as HELLO tells it
	version3 bool
	channels map[string]bool
	patterns map[string]bool
	output   output
}

// listens reports whether the connection is in subscriber mode.
func (c *client) listens() bool { return len(c.channels)+len(c.patterns) > 0 }

// Step is one step of the machine.
func (b *Broker) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Accepted:
		b.ids++
		b.clients[in.Conn] = &client{id: in.Conn, number: b.ids, channels: map[string]bool{}, patterns: map[string]bool{}}
	case machine.Received:
		if c := b.clients[in.Conn]; c != nil {
			b.take(now.Mono, c, in.Frame, out)
		}
	case machine.Drained:
		if c := b.clients[in.Conn]; c != nil {
			b.pump(c, out)
		}
	case machine.Closed:
		if c := b.clients[in.Conn]; c != nil {
			b.forget(c)
		}
	}
	b.judgeBuffers(now.Mono)
	for _, c := range b.doomed {
		b.hangUp(c, out)
	}
	b.doomed = b.doomed[:0]
}

// Deadline is when the machine next wants a Tick.
func (b *Broker) Deadline() machine.Instant { return b.due }

// take does what one frame says.
func (b *Broker) take(now machine.Instant, c *client, frame machine.Bytes, out *machine.Effects) {
	cmd, err := wire.DecodeCommand(frame)
	if err != nil {
		var said wire.Error
		if errors.As(err, &said) {
			r := c.reply()
			r.Error(string(said))
			b.send(now, c, r.Frame(), machine.Ident{}, out)
		}
		b.hangUp(c, out)
		return
	}
	if len(cmd.Args) == 0 {
		return
	}
	out.Work(machine.Work{Requests: 1, Bytes: frame.Len()})
	b.execute(&request{now: now, client: c, args: cmd.Args, ident: wire.CommandIdent(cmd.Args), out: out})
}

// request is a command under way.
type request struct {
	now    machine.Instant
	client *client
	args   []machine.Bytes
	ident  machine.Ident
	out    *machine.Effects
}

// word is an argument as a text.
func (q *request) word(i int) string { return string(q.args[i].Contiguous()) }

func (c *client) reply() wire.Reply { return wire.Reply{Version3: c.version3} }

// answer sends what was asked for.
func (b *Broker) answer(q *request, write func(*wire.Reply)) {
	r := q.client.reply()
	write(&r)
	b.send(q.now, q.client, r.Frame(), wire.AnswerIdent(q.ident), q.out)
}

func (b *Broker) refuse(q *request, sentence string) {
	b.answer(q, func(r *wire.Reply) { r.Error(sentence) })
}

// forget drops a connection with everything that it listens to.
func (b *Broker) forget(c *client) {
	delete(b.clients, c.id)
	b.silence(c)
	b.full = slices.DeleteFunc(b.full, func(x *client) bool { return x == c })
}

// silence ends everything that a connection listens to.
func (b *Broker) silence(c *client) {
	for _, name := range slices.Sorted(maps.Keys(c.channels)) {
		b.unsubscribe(c, name)
	}
	for _, pattern := range slices.Sorted(maps.Keys(c.patterns)) {
		b.unsubscribePattern(c, pattern)
	}
}

func (b *Broker) hangUp(c *client, out *machine.Effects) {
	if b.clients[c.id] == c {
		b.forget(c)
		out.Close(c.id)
	}
}
