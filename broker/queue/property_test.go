package queue

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
)

// model is a work queue so simple that it is right: one list, searched from its start.
// It does not say who must get a message, but judges every delivery.
type model struct {
	ready   []*copyOf
	dead    []string // what must have been dead-lettered, in order
	most    int      // x-max-length
	single  bool
	limit   int // of deliveries; below 0 is none
	quorum  bool
	clients []*modelClient
	nextSeq int
}

// copyOf is a message as the model knows it.
type copyOf struct {
	id          string
	seq         int
	persistent  bool
	delivered   bool // to somebody, ever
	redelivered bool
	returns     int
	sure        bool // redelivered is known
}

type modelClient struct {
	name      string
	open      bool
	consuming bool
	prefetch  int
	tags      uint64
	unacked   map[uint64]*copyOf
	since     int // when it began to consume
}

func (m *model) held(c *modelClient) []uint64 {
	tags := make([]uint64, 0, len(c.unacked))
	for tag := range c.unacked {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// back returns messages to where they were (classic) or to the front (quorum).
func (m *model) back(list []*copyOf) {
	front := 0
	for i, x := range m.ready {
		if x.returns > 0 && m.quorum {
			front = i + 1
		}
	}
	for _, x := range list {
		x.redelivered, x.sure = true, true
		x.returns++
		switch {
		case m.quorum && m.limit >= 0 && x.returns > m.limit:
			m.dead = append(m.dead, x.id)
			continue
		case m.quorum:
			m.ready = slices.Insert(m.ready, front, x)
			front++
		default:
			i := 0
			for i < len(m.ready) && m.ready[i].seq < x.seq {
				i++
			}
			m.ready = slices.Insert(m.ready, i, x)
		}
		m.shorten()
	}
}

func (m *model) shorten() {
	for m.most >= 0 && len(m.ready) > m.most {
		m.dead = append(m.dead, m.ready[0].id)
		m.ready = m.ready[1:]
	}
}

// active is the consumer that may get messages of a queue with a single active one.
func (m *model) active() *modelClient {
	var first *modelClient
	for _, c := range m.clients {
		if c.consuming && (first == nil || c.since < first.since) {
			first = c
		}
	}
	return first
}

// got judges a delivery: the first that is ready, to somebody who may have it.
func (m *model) got(c *modelClient, tag uint64, id string, redelivered, noAck, pushed bool) error {
	switch {
	case len(m.ready) == 0:
		return fmt.Errorf("%s got %s, and nothing is ready", c.name, id)
	case m.ready[0].id != id:
		return fmt.Errorf("%s got %s, and %s is first", c.name, id, m.ready[0].id)
	case pushed && c.prefetch > 0 && len(c.unacked) >= c.prefetch:
		return fmt.Errorf("%s got %s with %d of %d in hand", c.name, id, len(c.unacked), c.prefetch)
	case pushed && m.single && c != m.active():
		return fmt.Errorf("%s got %s and is not the active consumer", c.name, id)
	}
	x := m.ready[0]
	if (x.sure || x.delivered) && x.redelivered != redelivered {
		return fmt.Errorf("%s is redelivered=%v", id, redelivered)
	}
	c.tags++
	if tag != c.tags {
		return fmt.Errorf("%s got tag %d, want %d", c.name, tag, c.tags)
	}
	m.ready = m.ready[1:]
	x.delivered = true
	if !noAck {
		c.unacked[tag] = x
	}
	return nil
}

// idle reports whether a message waits though somebody may have it.
func (m *model) idle() error {
	for _, c := range m.clients {
		if len(m.ready) > 0 && c.consuming && (c.prefetch == 0 || len(c.unacked) < c.prefetch) && (!m.single || c == m.active()) {
			return fmt.Errorf("%s waits and %s has room", m.ready[0].id, c.name)
		}
	}
	return nil
}

// run is a broker beside its model.
type run struct {
	*model
	d    *stepped
	fail func(string, ...any)
	pubs int
	now  int
	fair bool // bugs are planted: what check finds counts too
}

const modelQueue = "q"

func newRun(fail func(string, ...any), m *model, fps *failpoint.Set) *run {
	r := &run{model: m, d: newStepped(Config{Name: "b1", Seed: 1, Failpoints: fps}), fail: fail}
	args := wire.Table{{Key: "x-dead-letter-exchange", Value: ""}, {Key: "x-dead-letter-routing-key", Value: "dead"}}
	if m.most >= 0 {
		args = append(args, wire.Field{Key: "x-max-length", Value: int32(m.most)})
	}
	if m.single {
		args = append(args, wire.Field{Key: "x-single-active-consumer", Value: true})
	}
	if m.quorum {
		args = append(args, wire.Field{Key: "x-queue-type", Value: "quorum"})
		if m.limit >= 0 {
			args = append(args, wire.Field{Key: "x-delivery-limit", Value: int32(m.limit)})
		}
	}
	for _, name := range []string{"p", "a", "b", "c"} {
		m.clients = append(m.clients, &modelClient{name: name, unacked: make(map[uint64]*copyOf)})
	}
	p := m.clients[0]
	r.open(p)
	r.say(p, &wire.QueueDeclare{Queue: modelQueue, Durable: true, Arguments: args})
	r.say(p, &wire.QueueDeclare{Queue: "dead", Durable: true})
	r.say(p, &wire.ConfirmSelect{})
	return r
}

func (r *run) open(c *modelClient) {
	k := newTalk(r.d)
	k.connect(c.name)
	k.do(c.name + "1 basic.qos")
	c.open, c.consuming, c.tags, c.prefetch = true, false, 0, 0
	clear(c.unacked)
}

// say sends a method and judges what everybody hears.
func (r *run) say(c *modelClient, m wire.Method) { r.sendBytes(c, first(wire.Encode(1, m))) }

func first(b machine.Bytes, err error) machine.Bytes {
	must(err)
	return b
}

func (r *run) sendBytes(c *modelClient, b machine.Bytes) {
	r.d.send(c.name, b)
	r.judge()
}

// judge takes what has been heard. Connections are unordered among themselves: what is
// first in the queue is looked for on all of them.
func (r *run) judge() {
	r.d.settle()
	heard := make(map[string][]*wire.Command)
	for name, frames := range r.d.hear() {
		var a wire.Assembler
		for _, f := range frames {
			if f.Channel == 0 {
				continue
			}
			cmd, done, err := a.Add(f)
			if err != nil {
				r.fail("%v", err)
			}
			if done {
				copied := *cmd
				heard[name] = append(heard[name], &copied)
			}
		}
	}
	for len(heard) > 0 {
		next := ""
		for _, name := range sortedKeys(heard) {
			isFirst := len(r.ready) > 0 && string(heard[name][0].Body.Contiguous()) == r.ready[0].id
			if next == "" || isFirst {
				next = name
			}
		}
		r.hear(next, heard[next][0])
		if heard[next] = heard[next][1:]; len(heard[next]) == 0 {
			delete(heard, next)
		}
	}
	if err := r.idle(); err != nil {
		r.fail("%v", err)
	}
}

func (r *run) hear(name string, cmd *wire.Command) {
	i := slices.IndexFunc(r.clients, func(c *modelClient) bool { return c.name == name })
	c := r.clients[i]
	id := string(cmd.Body.Contiguous())
	switch m := cmd.Method.(type) {
	case *wire.BasicDeliver:
		if err := r.got(c, m.DeliveryTag, id, m.Redelivered, m.ConsumerTag == "noack", true); err != nil {
			r.fail("%v", err)
		}
	case *wire.BasicGetOk:
		if err := r.got(c, m.DeliveryTag, id, m.Redelivered, false, false); err != nil {
			r.fail("%v", err)
		}
	case *wire.BasicGetEmpty:
		if len(r.ready) > 0 {
			r.fail("%s got nothing, and %s is ready", name, r.ready[0].id)
		}
	case *wire.BasicNack, *wire.ChannelClose:
		r.fail("%s heard %v %+v", name, cmd.ID, m)
	}
}

func (r *run) publish(persistent bool) {
	r.pubs++
	x := &copyOf{id: fmt.Sprintf("m%d", r.pubs), seq: r.pubs, persistent: persistent, sure: true}
	r.ready = append(r.ready, x)
	// Whoever has room takes it before the queue is shortened.
	room := slices.ContainsFunc(r.clients, func(c *modelClient) bool {
		return c.consuming && (c.prefetch == 0 || len(c.unacked) < c.prefetch) && (!r.single || c == r.active())
	})
	if !room {
		r.shorten()
	}
	props := wire.Properties{MessageID: x.id}
	if persistent {
		props.DeliveryMode = wire.Persistent
	}
	r.sendBytes(r.clients[0], first(wire.EncodeContent(1, &wire.BasicPublish{RoutingKey: modelQueue}, &props, machine.Literal([]byte(x.id)), 4096)))
}

// giveUp returns everything that a client holds, as the end of its channel does.
func (r *run) giveUp(c *modelClient) {
	var list []*copyOf
	for _, tag := range r.held(c) {
		list = append(list, c.unacked[tag])
	}
	clear(c.unacked)
	c.consuming = false
	r.back(list)
}

func (r *run) settle(c *modelClient, tag uint64, multiple bool, after func([]*copyOf)) {
	var list []*copyOf
	for _, t := range r.held(c) {
		if t == tag || multiple && t < tag {
			list = append(list, c.unacked[t])
			delete(c.unacked, t)
		}
	}
	after(list)
}

// crash ends the broker's life without a power loss: what is transient is gone, the rest
// is in its old order, and what was delivered is flagged.
func (r *run) crash() {
	var all []*copyOf
	all = append(all, r.ready...)
	for _, c := range r.clients {
		for _, tag := range r.held(c) {
			all = append(all, c.unacked[tag])
		}
		c.open, c.consuming = false, false
		clear(c.unacked)
	}
	all = slices.DeleteFunc(all, func(x *copyOf) bool { return !x.persistent })
	slices.SortFunc(all, func(x, y *copyOf) int { return x.seq - y.seq })
	for _, x := range all {
		x.sure = x.delivered
		x.redelivered = x.delivered
	}
	r.ready = all
	r.d.restart("")
	r.dead = slices.DeleteFunc(r.dead, func(id string) bool { return strings.HasPrefix(id, "t") })
	r.open(r.clients[0])
	r.shorten()
	r.say(r.clients[0], &wire.ConfirmSelect{})
}

// finish reads the dead letters and everything that is left.
func (r *run) finish() {
	for _, c := range r.clients[1:] {
		if c.open {
			r.giveUp(c)
			r.d.kill(c.name)
			r.judge()
			c.open = false
		}
	}
	r.d.send("p", first(wire.Encode(1, &wire.BasicConsume{Queue: "dead", ConsumerTag: "dead", NoAck: true})))
	r.d.settle()
	var dead []string
	for _, f := range r.d.hear()["p"] {
		if f.Type == wire.FrameBody {
			dead = append(dead, string(f.Payload.Contiguous()))
		}
	}
	if !slices.Equal(dead, r.dead) {
		r.fail("dead letters are %v, want %v", dead, r.dead)
	}
	ready, _, _ := r.d.broker.Depth(modelQueue)
	if ready != len(r.ready) {
		r.fail("%d are ready, want %d", ready, len(r.ready))
	}
}

// randomRun draws what everybody does.
func randomRun(t *rapid.T, fail func(string, ...any), fps *failpoint.Set, crashes bool) {
	m := &model{most: -1, limit: -1}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		m.most = rapid.IntRange(1, 5).Draw(t, "x-max-length")
	case 1:
		m.single = true
	case 2:
		m.quorum, m.limit = true, rapid.IntRange(-1, 2).Draw(t, "x-delivery-limit")
	}
	r := newRun(fail, m, fps)
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		r.now++
		c := m.clients[rapid.IntRange(1, 3).Draw(t, "client")]
		if !c.open {
			r.open(c)
		}
		tags := m.held(c)
		tag := uint64(0)
		if len(tags) > 0 {
			tag = rapid.SampledFrom(tags).Draw(t, "tag")
		}
		multiple := rapid.Bool().Draw(t, "multiple")
		switch op := rapid.IntRange(0, 13).Draw(t, "op"); {
		case op <= 4:
			r.publish(rapid.Bool().Draw(t, "persistent"))
		case op == 5 && !c.consuming:
			c.prefetch = rapid.IntRange(0, 3).Draw(t, "prefetch")
			c.consuming, c.since = true, r.now
			r.d.send(c.name, first(wire.Encode(1, &wire.BasicQos{PrefetchCount: uint16(c.prefetch)})))
			if n := len(tags); n > 0 { // what it holds by basic.get does not count: begin with nothing
				r.settle(c, tags[n-1], true, func([]*copyOf) {})
				r.d.send(c.name, first(wire.Encode(1, &wire.BasicAck{Multiple: true})))
			}
			r.say(c, &wire.BasicConsume{Queue: modelQueue, ConsumerTag: "ack"})
		case op == 6 && !c.consuming:
			r.say(c, &wire.BasicGet{Queue: modelQueue})
		case op <= 8 && tag > 0:
			r.settle(c, tag, multiple, func([]*copyOf) {})
			r.say(c, &wire.BasicAck{DeliveryTag: tag, Multiple: multiple})
		case op <= 10 && tag > 0:
			r.settle(c, tag, multiple, r.back)
			r.say(c, &wire.BasicNack{DeliveryTag: tag, Multiple: multiple, Requeue: true})
		case op == 11 && tag > 0:
			r.settle(c, tag, multiple, func(list []*copyOf) {
				for _, x := range list {
					m.dead = append(m.dead, x.id)
				}
			})
			r.say(c, &wire.BasicNack{DeliveryTag: tag, Multiple: multiple})
		case op == 12:
			r.giveUp(c)
			c.open = false
			r.d.kill(c.name)
			r.judge()
		case op == 13 && crashes && m.most < 0 && !m.quorum && len(m.dead) == 0:
			r.crash()
		}
	}
	r.finish()
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { randomRun(t, t.Fatalf, nil, true) })
}
