package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue"
	"brokersim/broker/queue/wire"
	"brokersim/broker/storage/storagetest"
)

// pair is an AMQP client and a broker with nothing between them: what one sends the
// other gets at once. A disk that is held does not answer.
type pair struct {
	t      *testing.T
	c      *AMQP
	b      *queue.Broker
	cfg    queue.Config
	disk   *storagetest.Disk
	held   bool
	deaf   bool // nothing passes any more
	syncs  []machine.Effect
	now    machine.Instant
	conn   machine.ConnID // 0: none
	conns  machine.ConnID
	dialed []string

	results    []AMQPResult
	deliveries []AMQPDelivery
	events     []string
}

func newPair(t *testing.T, cfg AMQPConfig) *pair {
	cfg.Name, cfg.Addrs = "p1", []string{"b1:5672"}
	p := &pair{t: t, c: NewAMQP(cfg), disk: storagetest.New(), cfg: queue.Config{Name: "b1", Seed: 1}}
	p.boot()
	return p
}

func (p *pair) boot() {
	p.b = queue.New(p.cfg)
	p.syncs = nil
	p.broker(&machine.Input{Kind: machine.Start, Files: p.disk})
}

func (p *pair) time() machine.Now { return machine.Now{Mono: p.now, Wall: p.now} }

func (p *pair) broker(in *machine.Input) {
	var out machine.Effects
	p.b.Step(p.time(), in, &out)
	for _, e := range out.List {
		switch {
		case e.Kind == machine.DoSync:
			p.syncs = append(p.syncs, e)
		case e.Kind == machine.DoSend && e.Conn == p.conn && !p.deaf:
			p.client(&machine.Input{Kind: machine.Received, Conn: e.Conn, Frame: e.Frame})
		case e.Kind == machine.DoClose && e.Conn == p.conn && !p.deaf:
			p.conn = 0
			p.client(&machine.Input{Kind: machine.Closed, Conn: e.Conn, Err: machine.ErrEOF})
		}
	}
	for len(p.syncs) > 0 && !p.held {
		e := p.syncs[0]
		p.syncs = p.syncs[1:]
		p.disk.Sync(e.Name)
		p.broker(&machine.Input{Kind: machine.DiskDone, Tag: e.Tag})
	}
}

// client steps the client; do is what its owner does in that step.
func (p *pair) client(in *machine.Input, do ...func(*machine.Effects)) {
	var out machine.Effects
	if in != nil {
		p.c.Step(p.time(), in, &out)
	}
	for _, f := range do {
		f(&out)
	}
	p.c.Run(p.time(), &out)
	p.results = append(p.results, p.c.Results()...)
	p.deliveries = append(p.deliveries, p.c.Deliveries()...)
	for _, e := range p.c.Events() {
		p.events = append(p.events, strings.TrimSpace(fmt.Sprintf("%s %s", [...]string{"up", "down", "blocked", "unblocked", "cancelled"}[e.Kind], e.Why+e.Consumer)))
	}
	p.c.Forget()
	for _, e := range out.List {
		switch {
		case e.Kind == machine.DoDial:
			p.dialed = append(p.dialed, e.Name)
			p.conns++
			p.conn = p.conns
			p.broker(&machine.Input{Kind: machine.Accepted, Conn: p.conn})
			p.client(&machine.Input{Kind: machine.Opened, Conn: p.conn, Tag: e.Tag})
		case e.Kind == machine.DoSend && e.Conn == p.conn && !p.deaf:
			p.broker(&machine.Input{Kind: machine.Received, Conn: e.Conn, Frame: e.Frame})
		case e.Kind == machine.DoClose && e.Conn == p.conn:
			p.conn = 0
			if !p.deaf {
				p.broker(&machine.Input{Kind: machine.Closed, Conn: e.Conn, Err: machine.ErrEOF})
			}
		}
	}
}

// pass lets time pass.
func (p *pair) pass(d time.Duration) {
	for until := p.now.Add(d); ; {
		next := min(p.c.Deadline(), p.b.Deadline())
		if next > until {
			p.now = until
			return
		}
		p.now = max(p.now, next)
		if p.b.Deadline() <= p.now {
			p.broker(&machine.Input{Kind: machine.Tick})
		}
		if p.c.Deadline() <= p.now {
			p.client(&machine.Input{Kind: machine.Tick})
		}
	}
}

func (p *pair) publish(key string, mandatory bool) (taken bool) {
	p.client(nil, func(out *machine.Effects) {
		taken = p.c.Publish(p.time(), AMQPMessage{Ticket: int64(len(key)), RoutingKey: key, Mandatory: mandatory,
			Properties: wire.Properties{DeliveryMode: wire.Persistent}, Body: machine.Literal([]byte(key))}, out)
	})
	return taken
}

func (p *pair) cut() {
	old := p.conn
	p.conn = 0
	p.broker(&machine.Input{Kind: machine.Closed, Conn: old, Err: machine.ErrReset})
	p.client(&machine.Input{Kind: machine.Closed, Conn: old, Err: machine.ErrReset})
}

func (p *pair) outcomes() string {
	var list []string
	for _, r := range p.results {
		text := r.Message.RoutingKey + " " + r.Outcome.String()
		if r.Nacked {
			text += " nacked"
		}
		list = append(list, fmt.Sprintf("%s %d", text, r.Attempts))
	}
	p.results = nil
	return strings.Join(list, ", ")
}

func (p *pair) want(what, got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func twoQueues() []wire.QueueDeclare {
	return []wire.QueueDeclare{{Queue: "q", Durable: true}, {Queue: "full", Durable: true,
		Arguments: wire.Table{{Key: "x-max-length", Value: int32(1)}, {Key: "x-overflow", Value: "reject-publish"}}}}
}

func TestAMQPOutcomes(t *testing.T) {
	p := newPair(t, AMQPConfig{Confirms: true, Outstanding: 3, Queues: twoQueues()})
	if p.publish("q", false) {
		t.Error("takes a message before it is connected")
	}
	p.want("events", strings.Join(p.events, ", "), "up")
	p.publish("q", false)
	p.publish("nowhere", true)
	p.publish("full", false)
	p.publish("full", false)
	p.want("outcomes", p.outcomes(), "q acked 1, nowhere rejected 1, full acked 1, full unknown nacked 1")
	p.held = true
	if !p.publish("q", false) || !p.publish("q", false) || !p.publish("q", false) || p.publish("q", false) || p.c.Pending() != 3 {
		t.Errorf("Outstanding does not bound what is not confirmed: %d", p.c.Pending())
	}
	p.want("outcomes without a disk", p.outcomes(), "")
	p.held = false
	p.broker(&machine.Input{Kind: machine.Tick})
	p.want("outcomes of the first, and of two at once", p.outcomes(), "q acked 1, q acked 1, q acked 1")
	p.held = true
	p.publish("q", false)
	p.publish("q", false)
	p.cut()
	p.want("outcomes after a cut", p.outcomes(), "q unknown 1, q unknown 1")
}

func TestAMQPRepublishes(t *testing.T) {
	p := newPair(t, AMQPConfig{Confirms: true, Republish: true, Queues: twoQueues()})
	p.client(nil)
	p.held = true
	p.publish("q", false)
	p.publish("nowhere", true)
	p.want("outcomes", p.outcomes(), "nowhere rejected 1")
	p.cut()
	p.held = false
	p.want("outcomes after a cut", p.outcomes(), "")
	p.pass(6 * time.Second)
	p.want("outcomes on the next connection", p.outcomes(), "q acked 2")
	if ready, _, _ := p.b.Depth("q"); ready != 2 {
		t.Errorf("%d copies, want both that were sent", ready)
	}
}

func TestAMQPWithoutConfirms(t *testing.T) {
	p := newPair(t, AMQPConfig{Queues: twoQueues()})
	p.client(nil)
	p.held = true
	p.publish("q", false)
	p.publish("nowhere", true)
	p.want("outcomes", p.outcomes(), "q acked 1, nowhere acked 1")
}

func TestAMQPConsumesAndSettles(t *testing.T) {
	p := newPair(t, AMQPConfig{Prefetch: 2, Queues: twoQueues(), Consume: []wire.BasicConsume{{Queue: "q", ConsumerTag: "c"}}})
	p.client(nil)
	for range 3 {
		p.publish("q", false)
	}
	if len(p.deliveries) != 2 {
		t.Fatalf("%d deliveries with a prefetch of 2", len(p.deliveries))
	}
	one, two := p.deliveries[0], p.deliveries[1]
	p.client(nil, func(*machine.Effects) { p.c.Ack(&one, false) })
	p.client(nil, func(*machine.Effects) { p.c.Reject(&two, true) })
	if n := len(p.deliveries); n != 4 || !p.deliveries[3].Redelivered || p.deliveries[3].Properties.MessageID != two.Properties.MessageID {
		t.Fatalf("%d deliveries: %+v", n, p.deliveries)
	}
	p.cut()
	if p.c.Ack(&p.deliveries[2], false) || p.c.Nack(&p.deliveries[3], true, false) {
		t.Error("settles what a lost connection has brought")
	}
	p.pass(6 * time.Second)
	if n := len(p.deliveries); n != 6 || !p.deliveries[4].Redelivered || p.deliveries[4].Session != 2 {
		t.Errorf("%d deliveries on two connections", n)
	}
	if p.c.Ack(&p.deliveries[2], false) {
		t.Error("settles on one connection what another has brought")
	}
	p.want("events", strings.Join(p.events, ", "), "up, down connection reset, up")
}

func TestAMQPGivesUpOnSilence(t *testing.T) {
	p := newPair(t, AMQPConfig{Confirms: true, Heartbeat: 10 * time.Second, Queues: twoQueues()})
	p.client(nil)
	p.pass(time.Minute)
	p.want("events of a quiet minute", strings.Join(p.events, ", "), "up")
	p.deaf = true
	p.pass(25 * time.Second)
	p.want("events", strings.Join(p.events, ", "), "up, down no heartbeat from the broker")
	if len(p.dialed) < 2 {
		t.Error("does not dial again")
	}
}

func TestAMQPConfirmTimeout(t *testing.T) {
	p := newPair(t, AMQPConfig{Confirms: true, ConfirmTimeout: time.Second, Queues: twoQueues()})
	p.client(nil)
	p.held = true
	p.publish("q", false)
	p.pass(2 * time.Second)
	p.want("outcomes", p.outcomes(), "q unknown 1")
	p.want("events", strings.Join(p.events, ", "), "up, down no confirm in time")
}

func TestAMQPIsToldWhy(t *testing.T) {
	p := newPair(t, AMQPConfig{Consume: []wire.BasicConsume{{Queue: "none", ConsumerTag: "c"}}})
	p.client(nil)
	p.want("events", strings.Join(p.events, ", "), "down NOT_FOUND - no queue 'none' in vhost '/'")
	p = newPair(t, AMQPConfig{User: "mallory", Password: "x"})
	p.client(nil)
	p.want("events", strings.Join(p.events, ", "), "down ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.")
}

func TestAMQPStandsStillWhileBlocked(t *testing.T) {
	p := newPair(t, AMQPConfig{Queues: twoQueues()})
	p.cfg.Settings.MemoryHighWatermark = 1
	p.boot()
	p.client(nil)
	p.publish("q", false)
	p.publish("q", false)
	if p.publish("q", false) {
		t.Error("publishes while it is blocked")
	}
	p.want("events", strings.Join(p.events, ", "), "up, blocked low on memory")
}

// FuzzAMQPClient: no bytes from a broker make the client panic.
func FuzzAMQPClient(f *testing.F) {
	add := func(b machine.Bytes, err error) { f.Add(b.Contiguous()) }
	add(wire.Encode(0, &wire.ConnectionTune{FrameMax: 4096}))
	add(wire.Encode(1, &wire.BasicAck{DeliveryTag: 0, Multiple: true}))
	add(wire.EncodeContent(1, &wire.BasicDeliver{ConsumerTag: "c"}, &wire.Properties{}, machine.Bytes{}, 4096))
	add(wire.Encode(1, &wire.ChannelClose{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPair(t, AMQPConfig{Confirms: true, Queues: twoQueues()})
		p.client(nil)
		p.publish("q", false)
		p.client(&machine.Input{Kind: machine.Received, Conn: p.conn, Frame: machine.Literal(b)})
		p.pass(time.Minute)
	})
}
